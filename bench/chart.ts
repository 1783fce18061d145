// A bar chart as SVG text: groups of bars on a logarithmic axis.
export interface Bar {
  readonly group: string;
  readonly series: string;
  readonly value: number;
}

const colours = ['#4c78a8', '#f58518', '#54a24b', '#b279a2', '#9d755d', '#e45756'];
const left = 310;
const width = 560;
const barHeight = 18;
const groupGap = 18;
/** Of the legend, on average. */
const letterWidth = 7;

const escapeText = (text: string) => text.replace(/&/g, '&amp;').replace(/</g, '&lt;');

function rect(x: number, y: number, long: number, high: number, colour: string | undefined): string {
  return `<rect x="${x}" y="${y}" width="${long.toFixed(1)}" height="${high}" fill="${colour}"/>`;
}

/** Draws horizontal bars; the axis starts at the power of ten below the smallest value. */
export function barChart(title: string, note: string, unit: string, bars: readonly Bar[]): string {
  const groups = [...new Set(bars.map(bar => bar.group))];
  const series = [...new Set(bars.map(bar => bar.series))];
  const values = bars.map(bar => bar.value);
  const low = Math.floor(Math.log10(Math.min(...values)) - 0.2);
  const high = Math.ceil(Math.log10(Math.max(...values)));
  const across = (value: number) => ((Math.log10(value) - low) / (high - low)) * width;
  const parts: string[] = [];
  let y = 78;
  for (const group of groups) {
    const own = bars.filter(bar => bar.group === group);
    const middle = y + (own.length * barHeight) / 2 + 4;
    parts.push(`<text x="${left - 10}" y="${middle}" text-anchor="end">${escapeText(group)}</text>`);
    for (const bar of own) {
      const length = Math.max(1, across(bar.value));
      const colour = colours[series.indexOf(bar.series) % colours.length];
      const label = bar.value >= 100 ? Math.round(bar.value).toLocaleString('en') : bar.value.toFixed(1);
      parts.push(
        rect(left, y, length, barHeight - 3, colour),
        `<text x="${(left + length + 6).toFixed(1)}" y="${y + 12}" class="value">${label}</text>`,
      );
      y += barHeight;
    }
    y += groupGap;
  }
  let x = 16;
  const legend = series.map((name, index) => {
    const at = x;
    x += 42 + name.length * letterWidth;
    return `${rect(at, 48, 12, 12, colours[index])}<text x="${at + 18}" y="58">${escapeText(name)}</text>`;
  });
  const style =
    'text{font:13px sans-serif;fill:#222}.title{font-weight:bold;font-size:15px}.value{font-size:12px}';
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${left + width + 90}" height="${y + 16}">`,
    `<title>${escapeText(title)}</title>`,
    `<style>${style}</style><rect width="100%" height="100%" fill="white"/>`,
    `<text x="16" y="26" class="title">${escapeText(title)} (${escapeText(unit)}, logarithmic)</text>`,
    ...legend,
    ...parts,
    `<text x="16" y="${y + 4}" class="value">${escapeText(note)}</text>`,
    '</svg>\n',
  ].join('\n');
}
