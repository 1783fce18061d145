// Lines over an axis of integers or powers of ten, on a linear axis or one of powers of ten.
import {type Axis, countingAxis, linearAxis, logarithmicAxis} from './axes.ts';
import {colours, dot, gridLine, legend, picture, px, text} from './svg.ts';

export interface Line {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface LinesOptions {
  readonly title: string;
  readonly xName: string;
  readonly yName: string;
  readonly logarithmic?: 'y' | 'both';
  /** Mark each value: there are few. */
  readonly dots?: boolean;
}

const [left, top, width, height] = [80, 92, 600, 320];

/** A line over 1, 2, 3, … */
export function lineOf(name: string, values: readonly number[]): Line {
  return {name, points: values.map((value, index) => [index + 1, value] as const)};
}

export function drawLines(lines: readonly Line[], options: LinesOptions): string {
  const all = lines.flatMap(({points}) => points);
  const [xs, ys] = [all.map(([x]) => x), all.map(([, y]) => y)];
  const xAxis: Axis = options.logarithmic === 'both' ? logarithmicAxis(xs) : countingAxis(Math.max(...xs));
  const yAxis: Axis = options.logarithmic ? logarithmicAxis(ys) : linearAxis(ys);
  const across = (value: number): number => left + xAxis.place(value) * width;
  const down = (value: number): number => top + height - yAxis.place(value) * height;
  const bottom = top + height;
  return picture(options.title, left + width + 40, bottom + 60, [
    ...yAxis.ticks.flatMap(tick => [
      gridLine(left, down(tick), left + width, down(tick)),
      text(left - 8, down(tick) + 4, yAxis.name(tick), {anchor: 'end'}),
    ]),
    ...xAxis.ticks.flatMap(tick => [
      ...(options.logarithmic === 'both' ? [gridLine(across(tick), top, across(tick), bottom)] : []),
      text(across(tick), bottom + 20, xAxis.name(tick), {anchor: 'middle'}),
    ]),
    ...lines.flatMap(({points}, index) => {
      const colour = colours[index % colours.length] as string;
      const path = points.map(([x, y]) => `${px(across(x))} ${px(down(y))}`).join('L');
      return [
        `<path d="M${path}" fill="none" stroke="${colour}" stroke-width="2"/>`,
        ...(options.dots ? points.map(([x, y]) => dot(across(x), down(y), colour)) : []),
      ];
    }),
    ...legend(
      lines.map(({name}) => name),
      16,
      52,
    ),
    text(16, 76, options.yName),
    text(left + width, bottom + 46, options.xName, {anchor: 'end'}),
  ]);
}
