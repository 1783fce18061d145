// Reductions. Each works along one axis and drops it; several axes are several reductions.
import {defineOp} from '../core/define.ts';
import {formatShape, type Shape, sizeOf} from '../core/shape.ts';
import {
  apply1,
  checkShape,
  checkTensor,
  failIn,
  type Op,
  type Tensor,
  type TensorLike,
} from '../core/tensor.ts';
import {together} from './elementwise.ts';
import {broadcastTo, cast, div, equal, mul} from './map.ts';
import {reshape} from './move.ts';

interface AxisAttributes {
  readonly axis: number;
}

function withoutAxis(name: string, {shape}: Tensor, {axis}: AxisAttributes): Shape {
  if (!Number.isInteger(axis) || axis < 0 || axis >= shape.length) {
    failIn(name, 'ERR_VALUE', `axis ${axis} is outside ${formatShape(shape)}`);
  }
  return shape.filter((_, at) => at !== axis);
}

const keepAxis = (shape: Shape, axis: number): Shape => shape.map((size, at) => (at === axis ? 1 : size));

/** `y` repeated along an axis that a reduction has dropped. */
function spread(y: Tensor, shape: Shape, axis: number): Tensor {
  return broadcastTo(reshape(y, keepAxis(shape, axis)), shape);
}

export const sumOp = defineOp({
  signature: 'sum(x: N) -> y: N {axis: i32}',
  shape: ({x}, given) => withoutAxis('sum', x, given),
  grad: ({dy}, {x}, {axis}) => ({dx: spread(dy, x.shape, axis)}),
});

export const countOp = defineOp({
  signature: 'count(x: bool) -> y: i32 {axis: i32}',
  shape: ({x}, given) => withoutAxis('count', x, given),
  grad: 'none',
});

const maxOp = defineOp({
  signature: 'max(x: N) -> y: N {axis: i32}',
  shape: ({x}, given) => withoutAxis('max', x, given),
  // Elements that tie for the maximum share its gradient, as in PyTorch's amax.
  grad({dy}, {x, y}, {axis}) {
    const isMax = cast(equal(x, spread(y, x.shape, axis)), 'float32');
    const ties = apply1(sumOp, [isMax], {axis});
    return {dx: mul(isMax, spread(div(dy, ties), x.shape, axis))};
  },
});

const argMaxOp = defineOp({
  signature: 'argMax(x: N) -> y: i32 {axis: i32}',
  shape({x}, given) {
    const shape = withoutAxis('argMax', x, given);
    if (x.shape[given.axis] === 0) {
      failIn('argMax', 'ERR_SHAPE', `axis ${given.axis} of ${formatShape(x.shape)} is empty`);
    }
    return shape;
  },
  grad: 'none',
});

const totalOp = defineOp({
  signature: 'total(x: N) -> y: f64',
  shape: () => [],
  grad: 'none',
});

type Axes = number | readonly number[] | undefined;

/** The axes counted from 0, each once, in descending order. */
function axesOf(name: string, x: Tensor, axes: Axes): number[] {
  checkTensor(name, 'x', x);
  const list =
    axes === undefined ? x.shape.map((_, axis) => axis) : typeof axes === 'number' ? [axes] : [...axes];
  const from0 = list.map(axis => (axis < 0 ? axis + x.rank : axis));
  for (const axis of from0) {
    if (!Number.isInteger(axis) || axis < 0 || axis >= x.rank) {
      failIn(name, 'ERR_VALUE', `axis ${axis} is outside ${formatShape(x.shape)}`);
    }
  }
  return [...new Set(from0)].sort((a, b) => b - a);
}

type Reduction = Op<AxisAttributes, `${string}(x: ${'N' | 'bool'}) -> y: ${'N' | 'i32'} {axis: i32}`>;

function reduce(op: Reduction, x: Tensor, axes: Axes, keepDims: boolean): Tensor {
  const list = axesOf(op.name, x, axes);
  // Over all axes, the elements are one long row: a single reduction.
  const overAll = list.length === x.rank && x.rank > 1;
  const y = overAll
    ? apply1(op, [reshape(x, [x.size])], {axis: 0})
    : list.reduce((part, axis) => apply1(op, [part], {axis}), x);
  return keepDims ? reshape(y, keptShape(x, list)) : y;
}

const keptShape = ({shape}: Tensor, axes: readonly number[]): Shape =>
  shape.map((size, axis) => (axes.includes(axis) ? 1 : size));

/** Float32 or int32: what reductions read. */
const asNumber = (op: string, x: TensorLike): Tensor => together(op, [x], 'int32')[0];

/**
 * Sum over `axes` (all by default): of float32 in float32; of int32 in int32, where overflow wraps; of bools
 * how many are true, as int32. `total` sums in float64.
 */
export function sum(x: Tensor, axes?: number | readonly number[], keepDims = false): Tensor {
  checkTensor('sum', 'x', x);
  if (x.dtype !== 'bool') return reduce(sumOp, asNumber('sum', x), axes, keepDims);
  const [first, ...others] = axesOf('sum', x, axes);
  if (first === undefined) return cast(x, 'int32');
  // What has been counted is added up.
  const isWhole = others.length + 1 === x.rank && x.rank > 1;
  const counted = isWhole
    ? apply1(countOp, [reshape(x, [x.size])], {axis: 0})
    : reduce(sumOp, apply1(countOp, [x], {axis: first}), others, false);
  return keepDims ? reshape(counted, keptShape(x, [first, ...others])) : counted;
}

/** Largest element over `axes` (all by default); NaN where one is NaN. */
export function max(x: Tensor, axes?: number | readonly number[], keepDims = false): Tensor {
  checkTensor('max', 'x', x);
  return reduce(maxOp, asNumber('max', x), axes, keepDims);
}

/** Mean over `axes` (all by default), as float32; of bools the share that is true. */
export function mean(x: Tensor, axes?: number | readonly number[], keepDims = false): Tensor {
  const count = sizeOf(axesOf('mean', x, axes).map(axis => x.shape[axis] as number));
  const terms = x.dtype === 'bool' ? x : cast(x, 'float32');
  return mul(cast(sum(terms, axes, keepDims), 'float32'), 1 / count);
}

/** Position of the largest element along `axis` (the last by default), the first where several tie: int32. */
export function argMax(x: Tensor, axis = -1): Tensor {
  const from0 = axesOf('argMax', x, axis)[0] as number;
  return apply1(argMaxOp, [asNumber('argMax', x)], {axis: from0});
}

/** Sum of all elements, added up in float64: for exact epoch means, and for counts beyond int32. */
export function total(x: Tensor): Tensor {
  checkTensor('total', 'x', x);
  return apply1(totalOp, [x.dtype === 'bool' ? sum(x) : asNumber('total', x)], {});
}

/** Sums `x` over the axes along which `shape` was broadcast to reach it: the gradient of broadcasting. */
export function sumTo(x: Tensor, shape: Shape): Tensor {
  checkTensor('sumTo', 'x', x);
  checkShape('sumTo', shape);
  const lead = x.rank - shape.length;
  const axes = x.shape.flatMap((size, axis) =>
    axis < lead || (shape[axis - lead] === 1 && size !== 1) ? [axis] : [],
  );
  return axes.length === 0 ? x : reshape(sum(x, axes), shape);
}
