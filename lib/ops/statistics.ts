// Statistics over axes, each by one pass over memory. Several axes are one, after a reshape where they are
// neighbours, else after a transposition.
import {defineOp} from '../core/define.ts';
import {type Shape, sizeOf} from '../core/shape.ts';
import {apply, apply1, failIn, type Op, type Tensor} from '../core/tensor.ts';
import {type Axes, axesOf} from './axes.ts';
import {abs, add, div, equal, exp, mul, neg, select, sqrt, sub} from './map.ts';
import {pow} from './math.ts';
import {reshape, transpose} from './move.ts';
import {max, min, spread, sum, withoutAxis} from './reduce.ts';

const momentsOp = defineOp({
  signature: 'moments(x: f32) -> mean: f32, variance: f32 {axis: i32}',
  shape({x}, given) {
    const shape = withoutAxis('moments', x, given);
    return {mean: shape, variance: shape};
  },
  grad({dMean, dVariance}, {x, mean}, {axis}) {
    const share = 1 / (x.shape[axis] as number);
    const toAll = (part: Tensor): Tensor => spread(mul(part, share), x.shape, axis);
    const first = dMean && toAll(dMean);
    const away = (): Tensor => mul(sub(x, spread(mean, x.shape, axis)), 2);
    const second = dVariance && mul(away(), toAll(dVariance));
    return {dx: first && second ? add(first, second) : (first ?? second)};
  },
});

const centeredSumsOp = defineOp({
  signature: 'centeredSums(dy: f32, x: f32, mean: f32) -> total: f32, along: f32 {axis: i32}',
  shape({dy}, given) {
    const shape = withoutAxis('centeredSums', dy, given);
    return {total: shape, along: shape};
  },
  grad({dTotal, dAlong}, {dy, x, mean, total}, {axis}) {
    const toAll = (part: Tensor): Tensor => spread(part, x.shape, axis);
    const first = dTotal && toAll(dTotal);
    if (!dAlong) return {dDy: first, dx: null, dMean: null};
    const along = toAll(dAlong);
    const second = mul(sub(x, toAll(mean)), along);
    return {
      dDy: first ? add(first, second) : second,
      dx: mul(dy, along),
      dMean: neg(mul(total, dAlong)),
    };
  },
});

const normOp = defineOp({
  signature: 'norm(x: f32) -> y: f32 {axis: i32}',
  shape: ({x}, given) => withoutAxis('norm', x, given),
  // A vector of zeros has no direction: its gradient is 0, as in PyTorch.
  grad: ({dy}, {x, y}, {axis}) => ({
    dx: mul(x, spread(select(equal(y, 0), 0, div(dy, y)), x.shape, axis)),
  }),
});

const logSumExpOp = defineOp({
  signature: 'logSumExp(x: f32) -> y: f32 {axis: i32}',
  shape: ({x}, given) => withoutAxis('logSumExp', x, given),
  grad({dy}, {x, y}, {axis}) {
    const least = -Infinity;
    const finite = select(equal(y, least), 0, y);
    return {dx: mul(exp(sub(x, spread(finite, x.shape, axis))), spread(dy, x.shape, axis))};
  },
});

interface Whole {
  /** `x` with the axes as one, unless there is none. */
  readonly line: Tensor;
  readonly axis: number;
  readonly list: readonly number[];
}

function asOneAxis(name: string, x: Tensor, axes: Axes): Whole {
  const list = axesOf(name, x, axes).reverse();
  const [first] = list;
  // Of no axes, each element is a line of its own.
  if (first === undefined) return {line: reshape(x, [...x.shape, 1]), axis: x.rank, list};
  const size = sizeOf(list.map(axis => x.shape[axis] as number));
  const others = x.shape.flatMap((_, axis) => (list.includes(axis) ? [] : [axis]));
  const areNeighbours = list.every((axis, index) => axis === first + index);
  const shape = others.map(axis => x.shape[axis] as number);
  if (areNeighbours) {
    return {line: reshape(x, [...shape.slice(0, first), size, ...shape.slice(first)]), axis: first, list};
  }
  return {line: reshape(transpose(x, [...others, ...list]), [...shape, size]), axis: others.length, list};
}

function keepAxes(y: Tensor, {shape}: Tensor, list: readonly number[], keepDims: boolean): Tensor {
  if (!keepDims) return y;
  const kept: Shape = shape.map((size, axis) => (list.includes(axis) ? 1 : size));
  return reshape(y, kept);
}

/** Mean and variance (around it, over the number of elements) over `axes`, all by default. */
export function moments(x: Tensor, axes?: Axes, keepDims = false): {mean: Tensor; variance: Tensor} {
  const {line, axis, list} = asOneAxis('moments', x, axes);
  const [mean, variance] = apply(momentsOp, [line], {axis});
  return {mean: keepAxes(mean, x, list, keepDims), variance: keepAxes(variance, x, list, keepDims)};
}

/**
 * Σ dy and Σ dy · (x − mean) along an axis, by one pass over memory: what the gradient of a normalization is
 * made of. `mean` has the shape of dy and x without the axis.
 */
export function centeredSums(
  dy: Tensor,
  x: Tensor,
  mean: Tensor,
  axis: number,
): {total: Tensor; along: Tensor} {
  const [total, along] = apply(centeredSumsOp, [dy, x, mean], {axis});
  return {total, along};
}

/** Mean of the squared distances from the mean over `axes`, all by default. */
export function variance(x: Tensor, axes?: Axes, keepDims = false): Tensor {
  return moments(x, axes, keepDims).variance;
}

/** The square root of `variance`. */
export function std(x: Tensor, axes?: Axes, keepDims = false): Tensor {
  return sqrt(variance(x, axes, keepDims));
}

type Statistic = Op<{readonly axis: number}, `${string}(x: f32) -> y: f32 {axis: i32}`>;

function statistic(op: Statistic, x: Tensor, axes: Axes, keepDims: boolean): Tensor {
  const {line, axis, list} = asOneAxis(op.name, x, axes);
  return keepAxes(apply1(op, [line], {axis}), x, list, keepDims);
}

/** log Σ exp(x) over `axes`, all by default, without overflow. */
export function logSumExp(x: Tensor, axes?: Axes, keepDims = false): Tensor {
  return statistic(logSumExpOp, x, axes, keepDims);
}

/**
 * The norm of vectors along an axis, of matrices over two, or of all elements as one vector. `order` is
 * 'euclidean' (or 2, or 'fro'), 1, Infinity, -Infinity, or, for vectors, any other p. For matrices 1 is the
 * largest sum of a column's magnitudes, Infinity that of a row's.
 */
export function norm(
  x: Tensor,
  order: number | 'euclidean' | 'fro' = 'euclidean',
  axes?: Axes,
  keepDims = false,
): Tensor {
  const list = axesOf('norm', x, axes);
  const isMatrix = Array.isArray(axes) && list.length === 2;
  if (Array.isArray(axes) && list.length > 2) {
    failIn('norm', 'ERR_VALUE', `expected one axis or two. Received [${axes}]`);
  }
  if (order === 'euclidean' || order === 'fro' || (order === 2 && !isMatrix)) {
    return statistic(normOp, x, axes, keepDims);
  }
  const [rows = 0, columns = 0] = isMatrix ? axes : [];
  if (order === 1) {
    return isMatrix
      ? over(max, sum(abs(x), rows, true), x, columns, list, keepDims)
      : sum(abs(x), axes, keepDims);
  }
  if (order === Infinity || order === -Infinity) {
    const largest = order > 0 ? max : min;
    if (!isMatrix) return largest(abs(x), axes, keepDims);
    return over(largest, sum(abs(x), columns, true), x, rows, list, keepDims);
  }
  if (isMatrix || typeof order !== 'number' || !(Math.abs(order) > 0)) {
    failIn('norm', 'ERR_VALUE', `there is no norm of order ${order} of ${isMatrix ? 'matrices' : 'vectors'}`);
  }
  return pow(sum(pow(abs(x), order), axes, keepDims), 1 / order);
}

type Extreme = (x: Tensor, axes: Axes, keepDims: boolean) => Tensor;

/** The largest or smallest of sums that are kept as an axis of size 1. */
function over(
  extreme: Extreme,
  sums: Tensor,
  {shape}: Tensor,
  axis: number,
  list: readonly number[],
  keepDims: boolean,
): Tensor {
  const kept = extreme(sums, axis, true);
  if (keepDims) return kept;
  return reshape(
    kept,
    shape.filter((_, at) => !list.includes(at)),
  );
}
