// Formulas of layers of images in float64, position by position.
import {positions} from '../../reference/conv.ts';

export const sizeOf = (sizes: readonly number[]): number => sizes.reduce((all, size) => all * size, 1);

/** The number of a position, or -1 outside. */
export function indexOf(at: readonly number[], sizes: readonly number[]): number {
  const inside = sizes.every((size, axis) => (at[axis] as number) >= 0 && (at[axis] as number) < size);
  return inside ? sizes.reduce((index, size, axis) => index * size + (at[axis] as number), 0) : -1;
}

export interface Windows {
  /** Of an image, or of the smaller side of a transposed convolution. */
  readonly sizes: number[];
  readonly kernel: number[];
  readonly output: number[];
  readonly strides?: number;
  readonly dilation?: number;
  readonly before?: number[];
}

/** Pairs of positions that a tap connects: of the windows, and of what they are windows of. */
function eachTap(
  {sizes, kernel, output, strides = 1, dilation = 1, before = []}: Windows,
  visit: (window: number, tap: number, position: number) => void,
): void {
  let window = 0;
  for (const at of positions(output)) {
    let tap = 0;
    for (const offset of positions(kernel)) {
      const position = at.map((own, axis) => {
        return own * strides - (before[axis] ?? 0) + (offset[axis] as number) * dilation;
      });
      const index = indexOf(position, sizes);
      if (index >= 0) visit(window, tap, index);
      tap++;
    }
    window++;
  }
}

export type Numbers = readonly number[];

export const withBias = (sums: number[], bias: Numbers | undefined): number[] =>
  sums.map((sum, at) => sum + (bias ? (bias[at % bias.length] as number) : 0));

/** kernel [...kernel, channels / groups, filters]. */
export function convolved(
  x: Numbers,
  kernel: Numbers,
  windows: Windows,
  filters: number,
  groups = 1,
): number[] {
  const channels = x.length / sizeOf(windows.sizes);
  const each = channels / groups;
  const y = new Array<number>(sizeOf(windows.output) * filters).fill(0);
  eachTap(windows, (window, tap, position) => {
    for (let filter = 0; filter < filters; filter++) {
      const first = Math.floor((filter * groups) / filters) * each;
      for (let channel = 0; channel < each; channel++) {
        const weight = kernel[(tap * each + channel) * filters + filter] as number;
        const to = window * filters + filter;
        y[to] = (y[to] as number) + (x[position * channels + first + channel] as number) * weight;
      }
    }
  });
  return y;
}

/** kernel [...kernel, filters, channels]; `output` of the windows are the positions of x. */
export function spread(x: Numbers, kernel: Numbers, windows: Windows, filters: number): number[] {
  const channels = x.length / sizeOf(windows.output);
  const y = new Array<number>(sizeOf(windows.sizes) * filters).fill(0);
  eachTap(windows, (window, tap, position) => {
    for (let filter = 0; filter < filters; filter++) {
      for (let channel = 0; channel < channels; channel++) {
        const weight = kernel[(tap * filters + filter) * channels + channel] as number;
        const to = position * filters + filter;
        y[to] = (y[to] as number) + (x[window * channels + channel] as number) * weight;
      }
    }
  });
  return y;
}

/** kernel [...kernel, channels, multiplier]. */
export function eachChannel(x: Numbers, kernel: Numbers, windows: Windows, multiplier: number): number[] {
  const channels = x.length / sizeOf(windows.sizes);
  const y = new Array<number>(sizeOf(windows.output) * channels * multiplier).fill(0);
  eachTap(windows, (window, tap, position) => {
    for (let at = 0; at < channels * multiplier; at++) {
      const channel = Math.floor(at / multiplier);
      const to = window * channels * multiplier + at;
      const weight = kernel[tap * channels * multiplier + at] as number;
      y[to] = (y[to] as number) + (x[position * channels + channel] as number) * weight;
    }
  });
  return y;
}

export function pooled(x: Numbers, windows: Windows, pool: (values: number[]) => number): number[] {
  const channels = x.length / sizeOf(windows.sizes);
  const lists = Array.from({length: sizeOf(windows.output) * channels}, (): number[] => []);
  eachTap(windows, (window, _, position) => {
    for (let channel = 0; channel < channels; channel++) {
      lists[window * channels + channel]?.push(x[position * channels + channel] as number);
    }
  });
  return lists.map(pool);
}

export const meanOf = (values: Numbers): number => values.reduce((a, b) => a + b, 0) / values.length;
export const mostOf = (values: Numbers): number => Math.max(...values);
