// A chart of dots as SVG text: groups of values on a logarithmic axis, on which a bar would mislead.
import {logarithmicAxis} from '../scripts/pictures/axes.ts';
import {colours, dot, gridLine, legend, picture, text} from '../scripts/pictures/svg.ts';

export interface Value {
  readonly group: string;
  readonly series: string;
  readonly value: number;
}

const [left, top, width] = [310, 124, 560];
const [rowHeight, groupGap] = [18, 18];

const labelOf = (value: number): string =>
  value >= 100 ? Math.round(value).toLocaleString('en') : value.toFixed(1);

/** One row for each value, lower is better; the axis begins at the power of ten below the least. */
export function dotChart(title: string, note: string, axisName: string, values: readonly Value[]): string {
  const groups = [...new Set(values.map(({group}) => group))];
  const series = [...new Set(values.map(one => one.series))];
  const axis = logarithmicAxis(
    values.map(({value}) => value),
    0.2,
  );
  const across = (value: number): number => left + axis.place(value) * width;
  const rows: string[] = [];
  let y = top + 18;
  for (const group of groups) {
    const own = values.filter(one => one.group === group);
    rows.push(text(left - 14, y + ((own.length - 1) * rowHeight) / 2 + 4, group, {anchor: 'end'}));
    for (const {series: name, value} of own) {
      const colour = colours[series.indexOf(name) % colours.length] as string;
      rows.push(
        dot(across(value), y, colour, 5),
        text(across(value) + 11, y + 4, labelOf(value), {size: 12}),
      );
      y += rowHeight;
    }
    y += groupGap;
  }
  const bottom = y - groupGap;
  return picture(title, left + width + 90, bottom + 40, [
    ...legend(series, 16, 58),
    text(left, top - 34, axisName),
    ...axis.ticks.flatMap(tick => [
      gridLine(across(tick), top, across(tick), bottom),
      text(across(tick), top - 8, axis.name(tick), {anchor: 'middle'}),
    ]),
    ...rows,
    text(16, bottom + 24, note, {size: 12}),
  ]);
}
