// What all pictures of the documentation share: text, colours and frame.
export const colours = ['#4c78a8', '#f58518', '#54a24b', '#b279a2'] as const;
export const [blue, orange, green] = colours;

export const escapeText = (text: string): string => text.replace(/&/g, '&amp;').replace(/</g, '&lt;');

/** Rounded to a tenth of a pixel: the same bytes whatever computed them. */
export const px = (value: number): string => String(Math.round(value * 10) / 10);

export interface TextOptions {
  readonly anchor?: 'start' | 'middle' | 'end';
  readonly colour?: string | undefined;
  readonly size?: number;
  readonly bold?: boolean;
}

export function text(x: number, y: number, content: string, options: TextOptions = {}): string {
  const {anchor = 'start', colour, size, bold} = options;
  const fill = colour === undefined ? '' : ` style="fill:${colour}${size ? `;font-size:${size}px` : ''}"`;
  const small = colour === undefined && size !== undefined ? ` style="font-size:${size}px"` : '';
  const weight = bold ? ' font-weight="bold"' : '';
  const placed = anchor === 'start' ? '' : ` text-anchor="${anchor}"`;
  return `<text x="${px(x)}" y="${px(y)}"${placed}${weight}${fill}${small}>${escapeText(content)}</text>`;
}

/** The whole picture, on white. */
export function picture(title: string, width: number, height: number, parts: readonly string[]): string {
  const style =
    'text{font:13px sans-serif;fill:#222}.title{font-weight:bold;font-size:15px}.grid{stroke:#ddd}';
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">`,
    `<title>${escapeText(title)}</title>`,
    `<style>${style}</style><rect width="100%" height="100%" fill="white"/>`,
    `<text x="16" y="28" class="title">${escapeText(title)}</text>`,
    ...parts,
    '</svg>\n',
  ].join('\n');
}
