// Lines over whole numbers (epochs, layers), on a linear or a logarithmic axis.
import {colours, picture, px, text} from './svg.ts';

export interface Curve {
  readonly name: string;
  /** At 1, 2, 3, … */
  readonly values: readonly number[];
}

export interface CurvesOptions {
  readonly title: string;
  readonly xName: string;
  readonly yName: string;
  readonly logarithmic?: boolean;
  /** Mark each value: there are few. */
  readonly dots?: boolean;
}

const [left, top, width, height] = [80, 60, 600, 320];

/** About five round numbers that span the values: 0, 0.25, 0.5, … */
function roundTicks(highest: number): number[] {
  const raw = highest / 5;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = power * ([1, 2, 2.5, 5, 10].find(factor => factor * power >= raw) as number);
  const count = Math.ceil(highest / step - 1e-9);
  return Array.from({length: count + 1}, (_, index) => Number((index * step).toPrecision(6)));
}

interface Axis {
  readonly ticks: readonly number[];
  name(tick: number): string;
  /** 0 at the bottom to 1 at the top. */
  place(value: number): number;
}

function linearAxis(values: readonly number[]): Axis {
  const ticks = roundTicks(Math.max(...values));
  const highest = ticks.at(-1) as number;
  return {ticks, name: String, place: value => value / highest};
}

function logarithmicAxis(values: readonly number[]): Axis {
  const low = Math.floor(Math.log10(Math.min(...values)));
  const high = Math.ceil(Math.log10(Math.max(...values)));
  const every = Math.max(1, Math.ceil((high - low) / 8));
  const count = Math.floor((high - low) / every) + 1;
  const ticks = Array.from({length: count}, (_, index) => 10 ** (low + index * every));
  const name = (tick: number) => (tick < 0.01 ? tick.toExponential(0) : String(tick));
  return {ticks, name, place: value => (Math.log10(value) - low) / (high - low)};
}

export function drawCurves(curves: readonly Curve[], options: CurvesOptions): string {
  const all = curves.flatMap(({values}) => values);
  const axis = options.logarithmic ? logarithmicAxis(all) : linearAxis(all);
  const longest = Math.max(...curves.map(({values}) => values.length));
  const across = (index: number): number => left + (index / (longest - 1)) * width;
  const down = (value: number): number => top + height - axis.place(value) * height;
  const parts = axis.ticks.flatMap(tick => [
    `<path d="M${left} ${px(down(tick))}H${left + width}" class="grid"/>`,
    text(left - 8, down(tick) + 4, axis.name(tick), {anchor: 'end'}),
  ]);
  const every = Math.max(1, Math.round(longest / 10));
  for (let number = 1; number <= longest; number++) {
    if (number !== 1 && number % every !== 0) continue;
    parts.push(text(across(number - 1), top + height + 18, String(number), {anchor: 'middle'}));
  }
  curves.forEach(({name, values}, index) => {
    const colour = colours[index];
    const points = values.map((value, at) => [px(across(at)), px(down(value))] as const);
    const path = points.map(point => point.join(' ')).join('L');
    parts.push(`<path d="M${path}" fill="none" stroke="${colour}" stroke-width="2"/>`);
    if (options.dots) {
      parts.push(...points.map(([x, y]) => `<circle cx="${x}" cy="${y}" r="3.5" fill="${colour}"/>`));
    }
    const y = 52;
    const x = left + 40 + index * 250;
    parts.push(
      `<rect x="${x}" y="${y - 11}" width="12" height="12" fill="${colour}"/>`,
      text(x + 18, y, name),
    );
  });
  parts.push(
    text(left + width, top + height + 42, options.xName, {anchor: 'end'}),
    text(16, 52, options.yName),
  );
  return picture(options.title, left + width + 40, top + height + 56, parts);
}
