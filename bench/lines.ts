// A chart of lines on two logarithmic axes, as SVG text.

export interface Line {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

const colours = ['#4c78a8', '#f58518', '#54a24b', '#b279a2'];
const [left, top, width, height] = [80, 60, 560, 340];

const escapeText = (text: string): string => text.replace(/&/g, '&amp;').replace(/</g, '&lt;');

/** Powers of ten from the one below the least to the one above the greatest. */
function decades(values: readonly number[]): readonly [low: number, high: number] {
  const [low, high] = [
    Math.floor(Math.log10(Math.min(...values))),
    Math.ceil(Math.log10(Math.max(...values))),
  ];
  return [low, high > low ? high : low + 1];
}

export function lineChart(title: string, xName: string, yName: string, lines: readonly Line[]): string {
  const all = lines.flatMap(({points}) => points);
  const [xLow, xHigh] = decades(all.map(([x]) => x));
  const [yLow, yHigh] = decades(all.map(([, y]) => y));
  const across = (x: number): number => left + ((Math.log10(x) - xLow) / (xHigh - xLow)) * width;
  const down = (y: number): number => top + height - ((Math.log10(y) - yLow) / (yHigh - yLow)) * height;
  const parts: string[] = [];
  for (let power = xLow; power <= xHigh; power++) {
    const x = across(10 ** power).toFixed(1);
    parts.push(`<path d="M${x} ${top}V${top + height}" class="grid"/>`);
    parts.push(`<text x="${x}" y="${top + height + 18}" text-anchor="middle">${10 ** power}</text>`);
  }
  for (let power = yLow; power <= yHigh; power++) {
    const y = down(10 ** power);
    parts.push(`<path d="M${left} ${y.toFixed(1)}H${left + width}" class="grid"/>`);
    parts.push(`<text x="${left - 8}" y="${(y + 4).toFixed(1)}" text-anchor="end">${10 ** power}</text>`);
  }
  lines.forEach(({name, points}, index) => {
    const colour = colours[index % colours.length];
    const path = points.map(([x, y]) => `${across(x).toFixed(1)} ${down(y).toFixed(1)}`).join('L');
    parts.push(`<path d="M${path}" fill="none" stroke="${colour}" stroke-width="2"/>`);
    const y = top + 18 + index * 20;
    parts.push(`<rect x="${left + 12}" y="${y - 10}" width="12" height="12" fill="${colour}"/>`);
    parts.push(`<text x="${left + 30}" y="${y}">${escapeText(name)}</text>`);
  });
  const style =
    'text{font:13px sans-serif;fill:#222}.title{font-weight:bold;font-size:15px}.grid{stroke:#ddd}';
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${left + width + 40}" height="${top + height + 56}">`,
    `<title>${escapeText(title)}</title>`,
    `<style>${style}</style><rect width="100%" height="100%" fill="white"/>`,
    `<text x="16" y="28" class="title">${escapeText(title)}</text>`,
    ...parts,
    `<text x="${left + width}" y="${top + height + 42}" text-anchor="end">${escapeText(xName)}</text>`,
    `<text x="${left - 60}" y="${top - 10}">${escapeText(yName)}</text>`,
    '</svg>\n',
  ].join('\n');
}
