// How far float32 results may lie from the float64 interpreter's, per op. A bound is absolute and comes on
// top of the rounding of the result itself; 0 means correctly rounded.
import {sizeOf} from '../../lib/core/shape.ts';
import type {Call, Tensor} from '../../lib/core/tensor.ts';
import type {UpdateAttributes} from '../../lib/ops/optimizer.ts';
import {broadcastIndex} from '../reference/broadcast.ts';
import {convolution, termsOf} from '../reference/conv.ts';
import {product, productSizes} from '../reference/products.ts';
import {type UpdateName, updates as updateTable} from '../reference/updates.ts';
import {evaluateCall, type Values} from '../reference.ts';
import {kernelTileSums, tileSums, tilesOf} from './winograd.ts';

/** Bounds of every element of every output, from the operands and the exact results. */
export type Bound = (call: Call, inputs: Values[], exact: Values[]) => Values[];

/** Unit roundoff of float32. */
export const unit = 2 ** -24;

/** Distance from |x| to the next float32; 0 where there is none. */
export function ulp(x: number): number {
  const size = Math.abs(x);
  if (!(size < Infinity)) return 0;
  if (size < 2 ** -126) return 2 ** -149;
  const exponent = Math.floor(Math.log2(size));
  return 2 ** ((2 ** exponent > size ? exponent - 1 : exponent) - 23);
}

export const correctlyRounded: Bound = (_, __, exact) => exact.map(values => values.map(() => 0));

/** At most `count` units in the last place of the exact result, half of one of them for its own rounding. */
export const ulps =
  (count: number): Bound =>
  (_, __, exact) =>
    exact.map(values => values.map(x => (count - 0.5) * ulp(x)));

/** The gradient of an activation from dy and its result y, where 1 − y² may cancel. */
export const activationGradients: Bound = (call, inputs, exact) => {
  const {shape} = call.outputs[0] as Tensor;
  const [dy, y] = call.inputs.map(({shape: own}, operand) => {
    const at = broadcastIndex(own, shape);
    return (index: number): number => Math.abs(inputs[operand]?.[at(index)] as number);
  }) as [(index: number) => number, (index: number) => number];
  return exact.map(values =>
    values.map((x, index) => (Number.isFinite(x) ? 4 * unit * dy(index) * (1 + y(index)) ** 2 : 0)),
  );
};

/** So many roundings of numbers as large as the first operand. */
export const roundings =
  (count: number): Bound =>
  (call, [first], exact) => {
    const at = broadcastIndex((call.inputs[0] as Tensor).shape, (call.outputs[0] as Tensor).shape);
    const size = (index: number): number => Math.abs((first as Values)[at(index)] as number);
    return exact.map(values =>
      values.map((x, index) => (Number.isFinite(x) ? count * unit * size(index) + 2 ** -149 : 0)),
    );
  };

/**
 * 4·√n·u·Σ|terms|: what a sum of n rounded terms drifts by, with room. Below the normal numbers each rounding
 * is as large as the smallest allows.
 */
const drift = (count: number, magnitude: number): number =>
  magnitude === 0 ? 0 : 4 * Math.sqrt(Math.max(count, 1)) * unit * magnitude + Math.max(count, 1) * 2 ** -150;

/**
 * A product, and what follows it: a bias, a map whose derivatives are at most 1. Its guard is told exactly.
 */
export const products: Bound = (call, inputs, exact) =>
  ofSums(call, inputs, exact, product, productSizes(call)[1]);

export const convolutions: Bound = (call, inputs, exact) => {
  const tiles = tilesOf(call);
  if (!tiles) return ofSums(call, inputs, exact, convolution, termsOf(call));
  const sums = tiles.isKernel ? kernelTileSums : tileSums;
  const of = (roots: number): Values[] =>
    ofSums(call, inputs, exact, (_, factors) => sums(tiles, factors), roots ** 2);
  // Of a tile in bfloat16, two operands of nine points are rounded, each a sum of its pixels or taps.
  if (tiles.isRounded) return of(9 * 2 ** 14);
  // The kernel's gradient is a sum over tiles, others one over channels.
  const terms = tiles.isKernel ? sizeOf(tiles.y.slice(0, -1)) / 4 : (tiles.x.at(-1) as number);
  return of(Math.sqrt(terms) + 8);
};

/** Of `sums` of so many terms, from those of magnitudes, and what follows. */
function ofSums(
  call: Call,
  inputs: readonly Values[],
  [, guard]: readonly Values[],
  sums: (call: Call, factors: Values[]) => Values,
  terms: number,
): Values[] {
  const [a, b, ...epilogue] = inputs.map(values => values.map(Math.abs)) as [Values, Values, ...Values[]];
  const values = sums(call, [a, b]).map((size, i) =>
    drift(
      terms,
      epilogue.reduce((sum, own) => sum + (own[i % own.length] as number), size),
    ),
  );
  return guard ? [values, guard.map(() => 0)] : [values];
}

export const sums: Bound = (call, [x]) => {
  const magnitudes = evaluateCall(call, [(x as Values).map(Math.abs)])[0] as Values;
  const input = call.inputs[0] as Tensor;
  const count = input.size / Math.max((call.outputs[0] as Tensor).size, 1);
  return [magnitudes.map(size => drift(count, size))];
};

/** Of windows of up to so many elements, or as many windows. */
export const windowSums: Bound = (call, inputs) => {
  // What is pooled is the last operand; one before it says where.
  const sizes = inputs.map((values, at) => (at === inputs.length - 1 ? values.map(Math.abs) : values));
  const [magnitudes] = evaluateCall(call, sizes) as [Values];
  return [magnitudes.map(size => drift(256, size))];
};

/** Of as many terms as a row of the weights has. */
export const resamplings: Bound = (call, [x, starts, weights]) => {
  const inputs = [(x as Values).map(Math.abs), starts as Values, (weights as Values).map(Math.abs)];
  const [magnitudes] = evaluateCall(call, inputs) as [Values];
  return [magnitudes.map(size => drift((call.inputs[2] as Tensor).shape[1] as number, size))];
};

/** What is added to elements of the first operand, in the order of the updates. */
export const scattered: Bound = (call, [x, indices, updates]) => {
  const inputs = [(x as Values).map(Math.abs), indices as Values, (updates as Values).map(Math.abs)];
  const [magnitudes] = evaluateCall(call, inputs) as [Values];
  const most = (updates as Values).length + 1;
  return [magnitudes.map(size => drift(most, size))];
};

/** The same, to zeros. */
export const summed: Bound = (call, [indices, updates]) => {
  const inputs = [indices as Values, (updates as Values).map(Math.abs)];
  const [magnitudes] = evaluateCall(call, inputs) as [Values];
  return [magnitudes.map(size => drift((updates as Values).length + 1, size))];
};

const lineLength = (call: Call): number => {
  const {axis} = call.attributes as {axis: number};
  return (call.inputs[0] as Tensor).shape[axis] as number;
};

/** Each factor rounds once. */
export const lineProducts: Bound = (call, _, exact) =>
  exact.map(values => values.map(y => (lineLength(call) + 2) * unit * Math.abs(y)));

/** Each term rounds once, and what it rounds is carried on. */
export const runningSums: Bound = (call, [x]) => {
  const magnitudes = evaluateCall(call, [(x as Values).map(Math.abs)])[0] as Values;
  return [magnitudes.map(size => drift(lineLength(call), size))];
};

export const recurrences: Bound = (call, inputs) => {
  const magnitudes = evaluateCall(
    call,
    inputs.map(values => values.map(Math.abs)),
  )[0] as Values;
  return [magnitudes.map(size => 2 * drift(lineLength(call), size))];
};

/** What the mean is off by counts twice: squared in the variance. */
export const moments: Bound = (call, [x], [mean, variance]) => {
  const count = lineLength(call);
  const [sizes] = evaluateCall(call, [(x as Values).map(Math.abs)]) as [Values];
  const off = sizes.map(size => drift(count, size));
  return [
    (mean as Values).map((_, at) => off[at] as number),
    (variance as Values).map((own, at) => drift(count, own) + (off[at] as number) ** 2 + 2 ** -140),
  ];
};

/** Of dy, and of its products with what may be as large as x and the mean together. */
export const centeredSums: Bound = (call, [dy, x, mean]) => {
  const sizes = [dy, x].map(values => (values as Values).map(Math.abs));
  const away = (mean as Values).map(value => -Math.abs(value));
  const [total, along] = evaluateCall(call, [...sizes, away]) as [Values, Values];
  return [total, along].map(values => values.map(size => drift(lineLength(call), size)));
};

/**
 * Of rows that are normalized: what is summed along a row, or down the rows, is at most a product of the
 * largest operands, and x̂ at most the root of the row's length.
 */
export const layerNorms: Bound = (call, inputs, exact) => {
  const {shape, size} = call.inputs[0] as Tensor;
  const columns = shape.at(-1) as number;
  const rows = size / Math.max(columns, 1);
  const largest = inputs.map(values => values.reduce((most, value) => Math.max(most, Math.abs(value)), 1));
  const most = 4 * largest.reduce((product, own) => product * own, 1);
  const off = [drift(columns, most), drift(columns + rows, most * Math.sqrt(rows))];
  return exact.map((values, result) => values.map(() => off[Math.min(result, 1)] as number));
};

export const norms: Bound = (call, _, exact) =>
  exact.map(values => values.map(y => drift(lineLength(call), y) + 2 ** -126));

/** Absolute in what is subtracted and in the logarithm of the sum. */
export const logSumExps: Bound = (call, [x], exact) => {
  const count = lineLength(call);
  const most = (x as Values).reduce((a, b) => (Math.abs(b) < Infinity ? Math.max(a, Math.abs(b)) : a), 0);
  return exact.map(values =>
    values.map(y => (Number.isFinite(y) ? unit * (8 + 4 * Math.sqrt(count) + Math.abs(y) + most) : 0)),
  );
};

export const totals: Bound = (_, [x]) => {
  const size = (x as Values).reduce((sum, value) => sum + Math.abs(value), 0);
  return [Float64Array.of(4 * Math.sqrt((x as Values).length + 1) * 2 ** -53 * size)];
};

/** Of row r of x: the largest element, the width, and how far the smallest lies below the largest. */
function rowsOf(call: Call, x: Values): {width: number; at(index: number): {most: number; depth: number}} {
  const width = (call.inputs[0] as Tensor).shape.at(-1) as number;
  const rows = Array.from({length: width === 0 ? 0 : x.length / width}, (_, r) => {
    const row = x.subarray(r * width, (r + 1) * width);
    const most = row.reduce((a, b) => Math.max(a, b), -Infinity);
    const least = row.reduce((a, b) => (b === -Infinity ? a : Math.min(a, b)), most);
    return {most, depth: most - least};
  });
  return {width, at: index => rows[Math.floor(index / width)] as {most: number; depth: number}};
}

/** exp(x − max) inherits the rounding of its argument; then a sum of `width` terms and a division. */
export const softmaxes: Bound = (call, [x], exact) => {
  const rows = rowsOf(call, x as Values);
  const relative = (index: number): number => {
    const distance = rows.at(index).most - (x?.[index] as number);
    return unit * (6 + 4 * Math.sqrt(rows.width) + (Number.isFinite(distance) ? distance : 0));
  };
  return exact.map(values => values.map((y, index) => y * relative(index) + 2 ** -149));
};

/** Absolute in the distance from the maximum and in the logarithm of the sum. */
export const logSoftmaxes: Bound = (call, [x], exact) => {
  const rows = rowsOf(call, x as Values);
  const error = (index: number): number =>
    unit * (6 + 4 * Math.sqrt(rows.width) + 2 * Math.log(rows.width) + 2 * rows.at(index).depth);
  return exact.map(values => values.map((_, index) => error(index)));
};

export const crossentropies: Bound = (call, inputs, [loss, probabilities, guard]) => {
  const width = (call.inputs[0] as Tensor).shape[1] as number;
  const perElement = logSoftmaxes(call, inputs, [probabilities as Values])[0] as Values;
  return [
    (loss as Values).map((_, row) => perElement[row * width] as number),
    softmaxes(call, inputs, [probabilities as Values])[0] as Values,
    (guard as Values).map(() => 0),
  ];
};

/** The quantile loses its relative accuracy where the uniform number's last bit weighs most. */
export const quantiles: Bound = (call, _, exact) => {
  const {mean, deviation} = call.attributes as {mean: number; deviation: number};
  return exact.map(values =>
    values.map(y => 8 * unit * (Math.abs(y - mean) + Math.abs(deviation)) + ulp(y) + ulp(mean)),
  );
};

/** low + u · (high − low), the difference rounded. */
export const uniforms: Bound = (call, _, exact) => {
  const {low, high} = call.attributes as {low: number; high: number};
  return exact.map(values => values.map(() => ulp(Math.max(Math.abs(low), Math.abs(high)))));
};

/**
 * Every term of an update is rounded a few times: relative to the same update of magnitudes, from p = 0. What
 * is divided by epsilon may have been rounded as a denormal before. Decay and average round the parameter
 * itself.
 */
export function updates(name: UpdateName): Bound {
  const {width, columns, epsilon} = updateTable[name] as {width: number; columns: number; epsilon?: number};
  return (call, [hyper, ...operands]) => {
    const {decays, averages, groups} = call.attributes as UpdateAttributes;
    const all = width + Number(averages);
    const size = (call.inputs[0] as Tensor).shape[1] as number;
    const table = hyper as Values;
    const magnitudes = operands.map((values, k) => {
      if (k % all === 0) return values.map(() => 0);
      if (k % all !== 1 || !decays) return values.map(Math.abs);
      const penalty = table[(groups[Math.floor(k / all)] as number) * size + columns + 1] as number;
      return values.map((g, i) => Math.abs(g) + penalty * Math.abs(operands[k - 1]?.[i] as number));
    });
    const divisor = epsilon === undefined ? 1 : (table[epsilon] as number);
    return evaluateCall(call, [table, ...magnitudes]).map((values, output) => {
      const first = Math.floor(output / (all - 1)) * all;
      const field = output % (all - 1);
      const isVelocity = name.endsWith('Momentum') && field === width - 2;
      const isDivided = field === 0 || isVelocity || (averages && field === all - 2);
      const floor = 2 ** -149 / (isDivided ? divisor : 1);
      const moved = decays || averages ? [operands[first], operands[first + all - 1]] : [];
      return values.map((change, i) => {
        const ends = moved.reduce((sum, end) => sum + Math.abs(end?.[i] as number), 0);
        return 8 * unit * (Math.abs(change) + ends) + floor;
      });
    });
  };
}
