// Small data, and networks computed a second time in plain float64.
import type {WeightData} from '../../lib/nn/weights.ts';

/** Numbers in −1…1, the same for the same salt. */
export function numbers(count: number, salt = 1): Float32Array {
  let state = (salt * 2654435761) >>> 0;
  return Float32Array.from({length: count}, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

export const labelsOf = (rows: number, classes: number): Uint8Array =>
  Uint8Array.from({length: rows}, (_, row) => (row * row + row) % classes);

/** Rows of `width` numbers as nested arrays. */
export function nested(data: ArrayLike<number>, width: number): number[][] {
  const all = Array.from(data);
  return Array.from({length: all.length / width}, (_, row) => all.slice(row * width, (row + 1) * width));
}

const softmax = (x: number[]): number[] => {
  const most = Math.max(...x);
  const powers = x.map(value => Math.exp(value - most));
  const sum = powers.reduce((a, b) => a + b);
  return powers.map(power => power / sum);
};

const formulas: Record<string, (x: number[]) => number[]> = {
  linear: x => x,
  relu: x => x.map(value => Math.max(value, 0)),
  tanh: x => x.map(Math.tanh),
  sigmoid: x => x.map(value => 1 / (1 + Math.exp(-value))),
  softmax,
};

export type PlainWeights = ReadonlyMap<string, {shape: readonly number[]; data: Float64Array}>;

export function plain(weights: readonly WeightData[]): PlainWeights {
  return new Map(weights.map(({name, shape, data}) => [name, {shape, data: Float64Array.from(data)}]));
}

/** Dense layers `dense`, `dense_1`, … with these activations. */
export function forward(
  weights: PlainWeights,
  activations: readonly string[],
  row: readonly number[],
): number[] {
  return activations.reduce(
    (x, activation, layer) => {
      const name = layer === 0 ? 'dense' : `dense_${layer}`;
      const {data: kernel, shape} = weights.get(`${name}/kernel`) as {
        data: Float64Array;
        shape: readonly number[];
      };
      const bias = weights.get(`${name}/bias`)?.data;
      const units = shape[1] as number;
      const sums = Array.from({length: units}, (_, unit) =>
        x.reduce((sum, value, at) => sum + value * (kernel[at * units + unit] as number), bias?.[unit] ?? 0),
      );
      return (formulas[activation] as (x: number[]) => number[])(sums);
    },
    [...row],
  );
}

const clip = (p: number): number => Math.min(Math.max(p, 1e-7), 1 - 1e-7);
const meanOf = (values: number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

/** Losses of one sample; the target of the sparse one is [class]. */
export const plainLosses = {
  meanSquaredError: (t: number[], p: number[]) =>
    meanOf(p.map((value, at) => (value - (t[at] as number)) ** 2)),
  binaryCrossentropy: (t: number[], p: number[]) =>
    meanOf(
      p.map((value, at) => {
        const target = t[at] as number;
        return -target * Math.log(clip(value)) - (1 - target) * Math.log(clip(1 - value));
      }),
    ),
  categoricalCrossentropy: (t: number[], p: number[]) =>
    -p.reduce((sum, value, at) => sum + (t[at] as number) * Math.log(clip(value)), 0),
  sparseCategoricalCrossentropy: (t: number[], p: number[]) => -Math.log(clip(p[t[0] as number] as number)),
};

export const relativeError = (value: number, exact: number): number =>
  Math.abs(value - exact) / Math.max(Math.abs(exact), 1e-6);
