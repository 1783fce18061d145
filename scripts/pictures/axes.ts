// Axes of charts: where a value stands on them, and what is written beside them.
export interface Axis {
  readonly ticks: readonly number[];
  name(tick: number): string;
  /** 0 at the beginning to 1 at the end. */
  place(value: number): number;
}

/** From 0 to above the values in about five round steps: 0, 0.25, 0.5, … */
export function linearAxis(values: readonly number[]): Axis {
  const most = Math.max(...values);
  const raw = most / 5;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = power * ([1, 2, 2.5, 5, 10].find(factor => factor * power >= raw) as number);
  const count = Math.ceil(most / step - 1e-9);
  const ticks = Array.from({length: count + 1}, (_, index) => Number((index * step).toPrecision(6)));
  return {ticks, name: String, place: value => value / (ticks.at(-1) as number)};
}

/** Integers from 1: epochs, layers. */
export function countingAxis(last: number): Axis {
  const every = Math.max(1, Math.round(last / 10));
  const numbers = Array.from({length: last}, (_, index) => index + 1);
  const ticks = numbers.filter(number => number === 1 || number % every === 0);
  return {ticks, name: String, place: value => (value - 1) / Math.max(1, last - 1)};
}

/** Powers of ten, at most nine of them, around the values; `room` of a decade stays free below them. */
export function logarithmicAxis(values: readonly number[], room = 0): Axis {
  const low = Math.floor(Math.log10(Math.min(...values)) - room);
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...values))));
  const every = Math.max(1, Math.ceil((high - low) / 8));
  const count = Math.floor((high - low) / every) + 1;
  const ticks = Array.from({length: count}, (_, index) => 10 ** (low + index * every));
  const name = (tick: number): string => {
    if (tick < 0.01) return tick.toExponential(0).replace('-', '−');
    return tick >= 1e6 ? `${tick / 1e6} million` : tick.toLocaleString('en');
  };
  return {ticks, name, place: value => (Math.log10(value) - low) / (high - low)};
}
