// What all pictures share, those of the documentation and those of the bench: text, colours and frame.
export const colours = ['#4c78a8', '#f58518', '#54a24b', '#b279a2', '#9d755d', '#e45756'] as const;
export const [blue, orange, green] = colours;
/** The same for text, which is thin: dark enough to be read on white. */
export const inks = {blue: '#35608f', orange: '#b35900', green: '#2e7d32', grey: '#666'} as const;

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
  const style = [...(colour ? [`fill:${colour}`] : []), ...(size ? [`font-size:${size}px`] : [])].join(';');
  const styled = style ? ` style="${style}"` : '';
  const weight = bold ? ' font-weight="bold"' : '';
  const placed = anchor === 'start' ? '' : ` text-anchor="${anchor}"`;
  return `<text x="${px(x)}" y="${px(y)}"${placed}${weight}${styled}>${escapeText(content)}</text>`;
}

export function dot(x: number, y: number, colour: string, radius = 3.5): string {
  return `<circle cx="${px(x)}" cy="${px(y)}" r="${radius}" fill="${colour}"/>`;
}

export function gridLine(x1: number, y1: number, x2: number, y2: number): string {
  return `<path d="M${px(x1)} ${px(y1)}L${px(x2)} ${px(y2)}" class="grid"/>`;
}

/** Of text of the usual size, on average. */
const letterWidth = 7;

/** A square of each colour with its name, one beside the other. */
export function legend(names: readonly string[], x: number, y: number): string[] {
  let at = x;
  return names.flatMap((name, index) => {
    const square = at;
    at += 42 + name.length * letterWidth;
    const colour = colours[index % colours.length];
    return [
      `<rect x="${square}" y="${y - 11}" width="12" height="12" fill="${colour}"/>`,
      text(square + 18, y, name),
    ];
  });
}

/** The whole picture, on white: pages may be dark. */
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
