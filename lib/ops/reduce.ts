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
import {type Axes, axesOf} from './axes.ts';
import {together} from './elementwise.ts';
import {broadcastTo, cast, div, equal, mul} from './map.ts';
import {reshape} from './move.ts';

interface AxisAttributes {
  readonly axis: number;
}

export function withoutAxis(name: string, {shape}: Tensor, {axis}: AxisAttributes): Shape {
  if (!Number.isInteger(axis) || axis < 0 || axis >= shape.length) {
    failIn(name, 'ERR_VALUE', `axis ${axis} is outside ${formatShape(shape)}`);
  }
  return shape.filter((_, at) => at !== axis);
}

const keepAxis = (shape: Shape, axis: number): Shape => shape.map((size, at) => (at === axis ? 1 : size));

/** `y` repeated along an axis that a reduction has dropped. */
export function spread(y: Tensor, shape: Shape, axis: number): Tensor {
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
/** Elements that tie for the largest or smallest share its gradient, as in PyTorch's amax and amin. */
function toExtreme(dy: Tensor, x: Tensor, y: Tensor, axis: number): Tensor {
  const isChosen = cast(equal(x, spread(y, x.shape, axis)), 'float32');
  const ties = apply1(sumOp, [isChosen], {axis});
  return mul(isChosen, spread(div(dy, ties), x.shape, axis));
}

const maxOp = defineOp({
  signature: 'max(x: N) -> y: N {axis: i32}',
  shape: ({x}, given) => withoutAxis('max', x, given),
  grad: ({dy}, {x, y}, {axis}) => ({dx: toExtreme(dy, x, y, axis)}),
});

const minOp = defineOp({
  signature: 'min(x: N) -> y: N {axis: i32}',
  shape: ({x}, given) => withoutAxis('min', x, given),
  grad: ({dy}, {x, y}, {axis}) => ({dx: toExtreme(dy, x, y, axis)}),
});

function positionShape(name: string, x: Tensor, given: AxisAttributes): Shape {
  const shape = withoutAxis(name, x, given);
  if (x.shape[given.axis] === 0) {
    failIn(name, 'ERR_SHAPE', `axis ${given.axis} of ${formatShape(x.shape)} is empty`);
  }
  return shape;
}

const argMaxOp = defineOp({
  signature: 'argMax(x: N) -> y: i32 {axis: i32}',
  shape: ({x}, given) => positionShape('argMax', x, given),
  grad: 'none',
});

const argMinOp = defineOp({
  signature: 'argMin(x: N) -> y: i32 {axis: i32}',
  shape: ({x}, given) => positionShape('argMin', x, given),
  grad: 'none',
});

const anyOp = defineOp({
  signature: 'any(x: bool) -> y: bool {axis: i32}',
  shape: ({x}, given) => withoutAxis('any', x, given),
  grad: 'none',
});

const allOp = defineOp({
  signature: 'all(x: bool) -> y: bool {axis: i32}',
  shape: ({x}, given) => withoutAxis('all', x, given),
  grad: 'none',
});

const totalOp = defineOp({
  signature: 'total(x: N) -> y: f64',
  shape: () => [],
  grad: 'none',
});

type Reduction = Op<
  AxisAttributes,
  `${string}(x: ${'f32' | 'N' | 'bool'}) -> y: ${'f32' | 'N' | 'i32' | 'bool'} {axis: i32}`
>;

/** Over several axes, one after the other, the innermost first. */
export function reduce(op: Reduction, x: Tensor, axes: Axes, keepDims: boolean): Tensor {
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
export const asNumber = (op: string, x: TensorLike): Tensor => together(op, [x], 'int32')[0];

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

/** Smallest element over `axes` (all by default); NaN where one is NaN. */
export function min(x: Tensor, axes?: number | readonly number[], keepDims = false): Tensor {
  checkTensor('min', 'x', x);
  return reduce(minOp, asNumber('min', x), axes, keepDims);
}

/** Whether any element over `axes` (all by default) is true; of none, false. */
export function any(x: Tensor, axes?: number | readonly number[], keepDims = false): Tensor {
  return reduce(anyOp, x, axes, keepDims);
}

/** Whether all elements over `axes` (all by default) are true; of none, true. */
export function all(x: Tensor, axes?: number | readonly number[], keepDims = false): Tensor {
  return reduce(allOp, x, axes, keepDims);
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

/**
 * Position of the smallest element along `axis` (the last by default), the first where several tie: int32.
 */
export function argMin(x: Tensor, axis = -1): Tensor {
  const from0 = axesOf('argMin', x, axis)[0] as number;
  return apply1(argMinOp, [asNumber('argMin', x)], {axis: from0});
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
