// Reductions. Each works along one axis and drops it; several axes are several reductions.
import {defineOp} from '../core/define.ts';
import {formatShape, type Shape, sizeOf} from '../core/shape.ts';
import {apply1, checkShape, checkTensor, failIn, type Op, type Tensor} from '../core/tensor.ts';
import {type Axes, axesOf} from './axes.ts';
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
  signature: 'sum(x: f32) -> y: f32 {axis: i32}',
  shape: ({x}, given) => withoutAxis('sum', x, given),
  grad: ({dy}, {x}, {axis}) => ({dx: spread(dy, x.shape, axis)}),
});

/** Elements that tie for the largest or smallest share its gradient, as in PyTorch's amax and amin. */
function toExtreme(dy: Tensor, x: Tensor, y: Tensor, axis: number): Tensor {
  const isChosen = cast(equal(x, spread(y, x.shape, axis)), 'float32');
  const ties = apply1(sumOp, [isChosen], {axis});
  return mul(isChosen, spread(div(dy, ties), x.shape, axis));
}

const maxOp = defineOp({
  signature: 'max(x: f32) -> y: f32 {axis: i32}',
  shape: ({x}, given) => withoutAxis('max', x, given),
  grad: ({dy}, {x, y}, {axis}) => ({dx: toExtreme(dy, x, y, axis)}),
});

const minOp = defineOp({
  signature: 'min(x: f32) -> y: f32 {axis: i32}',
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
  signature: 'argMax(x: f32) -> y: i32 {axis: i32}',
  shape: ({x}, given) => positionShape('argMax', x, given),
  grad: 'none',
});

const argMinOp = defineOp({
  signature: 'argMin(x: f32) -> y: i32 {axis: i32}',
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
  signature: 'total(x: f32) -> y: f64',
  shape: () => [],
  grad: 'none',
});

type Reduction = Op<AxisAttributes, `${string}(x: ${'f32' | 'bool'}) -> y: ${'f32' | 'bool'} {axis: i32}`>;

/** Over several axes, one after the other, the innermost first. */
export function reduce(op: Reduction, x: Tensor, axes: Axes, keepDims: boolean): Tensor {
  const list = axesOf(op.name, x, axes);
  // Over all axes, the elements are one long row: a single reduction.
  const overAll = list.length === x.rank && x.rank > 1;
  const y = overAll
    ? apply1(op, [reshape(x, [x.size])], {axis: 0})
    : list.reduce((part, axis) => apply1(op, [part], {axis}), x);
  if (!keepDims) return y;
  const kept = x.shape.map((size, axis) => (list.includes(axis) ? 1 : size));
  return reshape(y, kept);
}

/** Sum over `axes` (all by default). */
export function sum(x: Tensor, axes?: number | readonly number[], keepDims = false): Tensor {
  return reduce(sumOp, x, axes, keepDims);
}

/** Largest element over `axes` (all by default); NaN where one is NaN. */
export function max(x: Tensor, axes?: number | readonly number[], keepDims = false): Tensor {
  return reduce(maxOp, x, axes, keepDims);
}

/** Smallest element over `axes` (all by default); NaN where one is NaN. */
export function min(x: Tensor, axes?: number | readonly number[], keepDims = false): Tensor {
  return reduce(minOp, x, axes, keepDims);
}

/** Whether any element over `axes` (all by default) is true; of none, false. */
export function any(x: Tensor, axes?: number | readonly number[], keepDims = false): Tensor {
  return reduce(anyOp, x, axes, keepDims);
}

/** Whether all elements over `axes` (all by default) are true; of none, true. */
export function all(x: Tensor, axes?: number | readonly number[], keepDims = false): Tensor {
  return reduce(allOp, x, axes, keepDims);
}

/** Mean over `axes` (all by default). */
export function mean(x: Tensor, axes?: number | readonly number[], keepDims = false): Tensor {
  const count = sizeOf(axesOf('mean', x, axes).map(axis => x.shape[axis] as number));
  return mul(sum(x, axes, keepDims), 1 / count);
}

/** Position of the largest element along `axis` (the last by default), the first where several tie: int32. */
export function argMax(x: Tensor, axis = -1): Tensor {
  return apply1(argMaxOp, [x], {axis: axesOf('argMax', x, axis)[0] as number});
}

/**
 * Position of the smallest element along `axis` (the last by default), the first where several tie: int32.
 */
export function argMin(x: Tensor, axis = -1): Tensor {
  return apply1(argMinOp, [x], {axis: axesOf('argMin', x, axis)[0] as number});
}

/** Sum of all elements, added up in float64: for exact epoch means. */
export function total(x: Tensor): Tensor {
  return apply1(totalOp, [x], {});
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
