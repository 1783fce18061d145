// Reading and writing at positions that are data. An index outside its axis stops the run before its commit,
// with an error that names it.
import {attributes, defineOp} from '../core/define.ts';
import {formatShape, type Shape, sameShape, sizeOf} from '../core/shape.ts';
import {
  apply,
  apply1,
  checkShape,
  checkTensor,
  constant,
  failIn,
  type Tensor,
  type TensorLike,
  toTensor,
} from '../core/tensor.ts';
import {checkAxis} from './axes.ts';
import {scatterClass} from './gather.ts';
import {broadcastTo, cast, select, zeros} from './map.ts';
import {reshape} from './move.ts';
import {asNumber} from './reduce.ts';

/** Numbers of a guard: one for each task that a kernel cuts its work into. */
const guardSize = 32;

/** The index that a guard tells: below 0 it holds the number before. */
export const indexOf = (value: number): number => (value < 0 ? value + 1 : value);

/** What a guard of indices tells: `index 12 is outside 0 to 9`. */
export function describeIndex(value: number, sizes: readonly number[] = [], position = 0): string {
  const size = sizes[position % sizes.length];
  const index = indexOf(value);
  return size === undefined ? `index ${index} is out of range` : `index ${index} is outside 0 to ${size - 1}`;
}

interface Place {
  readonly axis: number;
  readonly batchDims: number;
  /** Of a gather and its gradient: an optimizer is to update the rows alone that were read. */
  readonly sparse?: boolean;
}

const placed = {also: attributes<Place>()};

function gatheredShape(name: string, x: Tensor, indices: Tensor, {axis, batchDims}: Place): Shape {
  if (!sameShape(x.shape.slice(0, batchDims), indices.shape.slice(0, batchDims))) {
    const received = `Received ${formatShape(x.shape)} and ${formatShape(indices.shape)}`;
    failIn(name, 'ERR_SHAPE', `the first ${batchDims} axes of both must be the same. ${received}`);
  }
  return [...x.shape.slice(0, axis), ...indices.shape.slice(batchDims), ...x.shape.slice(axis + 1)];
}

const gatherOp = defineOp({
  signature: 'gather(x: T, indices: i32) -> y: T, guard: i32 {axis: i32, batchDims: i32}',
  ...placed,
  guard: {
    kind: 'indexOutOfRange',
    operand: 'indices',
    sizes: ({x}, {axis}) => [x.shape[axis] as number],
  },
  shape: ({x, indices}, place) => ({y: gatheredShape('gather', x, indices, place), guard: [guardSize]}),
  grad: ({dy}, {x, indices}, place) => ({dx: scatterAdd(zeros(x.shape), indices, dy, place)}),
});

function gatherAt(x: Tensor, indices: Tensor, place: Place): Tensor {
  return apply1(gatherOp, [x, indices], place);
}

/** Rows of a table by their numbers; with `sparse`, training updates no other rows, where that can be. */
export function gatherRowsOf(table: Tensor, ids: Tensor, sparse: boolean): Tensor {
  return gatherAt(table, ids, {axis: 0, batchDims: 0, ...(sparse && {sparse})});
}

/** Integers of any type as the indices that kernels read. */
function checkIndices(name: string, indices: unknown): Tensor {
  checkTensor(name, 'indices', indices);
  if (indices.dtype === 'float32' || indices.dtype === 'float64') {
    failIn(name, 'ERR_DTYPE', `operand indices must hold integers. Received ${indices}`);
  }
  return cast(indices, 'int32');
}

/**
 * Slices of `x` along an axis, in the order of `indices`: the axis becomes the axes of the indices. The first
 * `batchDims` axes of both are the same, and each index reads within its own part of them.
 *
 * @throws ERR_OUT_OF_RANGE, in a run, for an index that is no position of the axis.
 */
export function gather(x: Tensor, indices: Tensor, axis = 0, batchDims = 0): Tensor {
  checkTensor('gather', 'x', x);
  const positions = checkIndices('gather', indices);
  const from0 = checkAxis('gather', axis, x);
  if (!Number.isInteger(batchDims) || batchDims < 0 || batchDims > Math.min(from0, positions.rank)) {
    const rule = `batchDims must be from 0 to the axis and to the rank of the indices`;
    failIn('gather', 'ERR_VALUE', `${rule}. Received ${batchDims} for axis ${from0} and ${positions}`);
  }
  return gatherAt(x, positions, {axis: from0, batchDims});
}

function scatteredShape(name: string, x: Tensor, indices: Tensor, updates: Tensor, place: Place): Shape {
  const expected = gatheredShape(name, x, indices, place);
  if (sameShape(expected, updates.shape)) return x.shape;
  const wanted = `the updates must have the shape ${formatShape(expected)}`;
  return failIn(name, 'ERR_SHAPE', `${wanted}. Received ${formatShape(updates.shape)}`);
}

export const scatterAddOp = defineOp({
  signature: 'scatterAdd(x: N, indices: i32, updates: N) -> y: N {axis: i32, batchDims: i32}',
  ...placed,
  inPlace: 'x',
  shape: ({x, indices, updates}, place) => scatteredShape('scatterAdd', x, indices, updates, place),
  grad: ({dy}, {indices}, place) => ({dx: dy, dUpdates: gatherAt(dy, indices, place)}),
});

/**
 * `x` with the updates added where `gather` reads, in the order of the indices. Those outside add nothing.
 */
function scatterAdd(x: Tensor, indices: Tensor, updates: Tensor, place: Place): Tensor {
  return apply1(scatterAddOp, [x, indices, updates], place);
}

/** `scatterAdd` to zeros of that shape, which are not written before. */
export const scatterSumOp = defineOp({
  signature: 'scatterSum(indices: i32, updates: f32) -> y: f32 {axis: i32, batchDims: i32}',
  also: attributes<Place & {readonly shape: Shape}>(),
  kind: 'fused',
  shape: (_, {shape}) => shape,
});

export const scatterUpdateOp = defineOp({
  signature: 'scatterUpdate(x: T, indices: i32, updates: T) -> y: T {axis: i32, batchDims: i32}',
  inPlace: 'x',
  shape: ({x, indices, updates}, place) => scatteredShape('scatterUpdate', x, indices, updates, place),
  grad: ({dy}, {indices, updates}, place) => ({
    dx: scatterUpdate(dy, indices, zeros(updates.shape), place),
    dUpdates: gatherAt(dy, indices, place),
  }),
});

function scatterUpdate(x: Tensor, indices: Tensor, updates: Tensor, place: Place): Tensor {
  return apply1(scatterUpdateOp, [x, indices, updates], place);
}

export const flattenIndicesOp = defineOp({
  signature: 'flattenIndices(indices: i32) -> positions: i32, guard: i32 {sizes: words}',
  guard: {kind: 'indexOutOfRange', operand: 'indices', sizes: (_, {sizes}) => sizes},
  shape: ({indices}, {sizes}) => ({
    positions: indices.shape.slice(0, -1),
    guard: [guardSize * sizes.length],
  }),
  grad: 'none',
});

/** Indices [..., 1], checked in a run to be below so many: [...]. */
export function checkIndicesBelow(indices: Tensor, size: number): Tensor {
  return apply1(flattenIndicesOp, [indices], {sizes: [size]});
}

/** Rows of indices of the leading axes of a shape: how many axes, and the row's position among those. */
function flatten(name: string, shape: Shape, given: unknown): {leading: Shape; positions: Tensor} {
  const indices = checkIndices(name, given);
  const depth = indices.shape.at(-1) ?? 0;
  if (depth < 1 || depth > shape.length) {
    const wanted = `the last axis of the indices must have from 1 to ${shape.length} of them`;
    failIn(name, 'ERR_SHAPE', `${wanted}. Received ${formatShape(indices.shape)}`);
  }
  const leading = shape.slice(0, depth);
  if (sizeOf(leading) >= 2 ** 31) {
    failIn(name, 'ERR_SHAPE', `${formatShape(leading)} has more positions than int32 can tell`);
  }
  return {leading, positions: apply1(flattenIndicesOp, [indices], {sizes: leading})};
}

const first: Place = {axis: 0, batchDims: 0};

const withoutLeading = (x: Tensor, leading: Shape): Tensor =>
  reshape(x, [sizeOf(leading), ...x.shape.slice(leading.length)]);

/**
 * Parts of `x` by rows of indices, one for each of its first axes: the last axis of the indices becomes the
 * axes of `x` that they leave.
 *
 * @throws ERR_OUT_OF_RANGE, in a run, for an index that is no position of its axis.
 */
export function gatherNd(x: Tensor, indices: Tensor): Tensor {
  checkTensor('gatherNd', 'x', x);
  const {leading, positions} = flatten('gatherNd', x.shape, indices);
  return gatherAt(withoutLeading(x, leading), positions, first);
}

type Scatter = (x: Tensor, indices: Tensor, updates: Tensor, place: Place) => Tensor;

function scattered(name: string, x: Tensor, indices: Tensor, updates: Tensor, scatter: Scatter): Tensor {
  checkTensor(name, 'x', x);
  checkTensor(name, 'updates', updates);
  const {leading, positions} = flatten(name, x.shape, indices);
  return reshape(scatter(withoutLeading(x, leading), positions, updates, first), x.shape);
}

/**
 * A tensor of this shape with the sum of the updates at each place and zeros elsewhere. `indices` as in
 * `gatherNd`; places named more than once add up in the order of the indices. Of integers and bools the sums
 * are int32, where overflow wraps.
 */
export function scatterNd(indices: Tensor, updates: Tensor, shape: Shape): Tensor {
  checkTensor('scatterNd', 'updates', updates);
  checkShape('scatterNd', shape);
  const terms = asNumber('scatterNd', updates);
  const ground = broadcastTo(constant(0, [], terms.dtype), shape);
  return scattered('scatterNd', ground, indices, terms, scatterAdd);
}

/**
 * `x` with the updates added at the places that the indices name, as in `gatherNd`: int32 where neither is
 * float32, and overflow wraps.
 */
export function tensorScatterAdd(x: Tensor, indices: Tensor, updates: Tensor): Tensor {
  return scattered('tensorScatterAdd', x, indices, updates, scatterAdd);
}

/**
 * `x` with the updates in place of what the indices name, as in `gatherNd`. Of equal places the last counts;
 * the gradient takes all to be different, as in TensorFlow.
 */
export function tensorScatterUpdate(x: Tensor, indices: Tensor, updates: Tensor): Tensor {
  return scattered('tensorScatterUpdate', x, indices, updates, scatterUpdate);
}

interface AxisAttributes {
  readonly axis: number;
}

/** Sizes that may differ along the axis alone. */
function checkAlong(name: string, x: Tensor, indices: Tensor, {axis}: AxisAttributes): Shape {
  const others = ({shape}: Tensor): Shape => shape.map((size, at) => (at === axis ? 0 : size));
  if (sameShape(others(x), others(indices))) return indices.shape;
  const received = `Received ${formatShape(x.shape)} and ${formatShape(indices.shape)}`;
  return failIn(name, 'ERR_SHAPE', `the indices may differ in size along axis ${axis} alone. ${received}`);
}

const takeAlongAxisOp = defineOp({
  signature: 'takeAlongAxis(x: T, indices: i32) -> y: T, guard: i32 {axis: i32}',
  guard: {
    kind: 'indexOutOfRange',
    operand: 'indices',
    sizes: ({x}, {axis}) => [x.shape[axis] as number],
  },
  shape: ({x, indices}, given) => ({y: checkAlong('takeAlongAxis', x, indices, given), guard: [guardSize]}),
  grad: ({dy}, {x, indices}, {axis}) => ({dx: addAlongAxis(zeros(x.shape), indices, dy, axis)}),
});

/**
 * Elements of `x` by an index for each along an axis, the last by default: y[i, j] = x[i, indices[i, j]]
 * (NumPy's `take_along_axis`).
 *
 * @throws ERR_OUT_OF_RANGE, in a run, for an index that is no position of the axis.
 */
export function takeAlongAxis(x: Tensor, indices: Tensor, axis = -1): Tensor {
  checkTensor('takeAlongAxis', 'x', x);
  const positions = checkIndices('takeAlongAxis', indices);
  return takeAlong(x, positions, checkAxis('takeAlongAxis', axis, x));
}

const takeAlong = (x: Tensor, indices: Tensor, axis: number): Tensor =>
  apply(takeAlongAxisOp, [x, indices], {axis})[0];

export const addAlongAxisOp = defineOp({
  signature: 'addAlongAxis(x: f32, indices: i32, updates: f32) -> y: f32 {axis: i32}',
  inPlace: 'x',
  shape({x, indices, updates}, given) {
    const shape = checkAlong('addAlongAxis', x, indices, given);
    if (sameShape(shape, updates.shape)) return x.shape;
    const received = `Received ${formatShape(updates.shape)}`;
    return failIn('addAlongAxis', 'ERR_SHAPE', `expected an update for each index. ${received}`);
  },
  grad: ({dy}, {indices}, {axis}) => ({dx: dy, dUpdates: takeAlong(dy, indices, axis)}),
});

/** `x` with each update added where `takeAlongAxis` reads. Indices outside add nothing. */
export function addAlongAxis(x: Tensor, indices: Tensor, updates: Tensor, axis: number): Tensor {
  return apply1(addAlongAxisOp, [x, indices, updates], {axis});
}

/**
 * `onValue` at each index along a new last axis of size `depth`, `offValue` elsewhere: float32. A row whose
 * index is none of 0 to depth − 1 is `offValue` throughout.
 */
export function oneHot(indices: Tensor, depth: number, onValue = 1, offValue = 0): Tensor {
  const positions = checkIndices('oneHot', indices);
  if (!Number.isInteger(depth) || depth < 1) {
    failIn('oneHot', 'ERR_VALUE', `depth must be an integer from 1 on. Received ${depth}`);
  }
  const rows = reshape(positions, [positions.size]);
  const ones = scatterClass(broadcastTo(offValue === 0 ? onValue : 1, rows.shape), rows, depth);
  const shape = [...positions.shape, depth];
  if (offValue === 0) return reshape(ones, shape);
  return reshape(select(cast(ones, 'bool'), onValue, offValue), shape);
}

/** `a` where the condition holds, else `b`: `select` by its name in TensorFlow.js. */
export function where(condition: Tensor, a: TensorLike, b: TensorLike): Tensor {
  return select(condition, toTensor(a), toTensor(b));
}
