// Reading and writing at positions that are data. tfjs refuses indices that are out of range in words of its
// own, so where a native kernel finds one, tfjs's kernel says it.
import type {
  BincountAttrs,
  DenseBincountAttrs,
  GatherV2Attrs,
  OneHotAttrs,
  ScatterNdAttrs,
  SearchSortedAttrs,
  SparseToDenseAttrs,
  UnsortedSegmentSumAttrs,
} from '@tensorflow/tfjs-core';
import type {DType} from '../../core/dtype.ts';
import {sizeOf} from '../../core/shape.ts';
import {apply1, type Tensor} from '../../core/tensor.ts';
import * as ops from '../../ops/index.ts';
import {scatterAddOp} from '../../ops/indexing.ts';
import {isNumeric} from '../entry.ts';
import {tf} from '../packages.ts';
import {type Outcome, type Rules, rule, withIndices} from '../rule.ts';

/** Rows added up at the places of the first axis that `places` names; other places add nothing. */
function addedUp(places: Tensor, rows: Tensor, size: number): Tensor {
  const shape = [size, ...rows.shape.slice(places.rank)];
  const ground = ops.broadcastTo(ops.constant(0, [], rows.dtype), shape);
  return apply1(scatterAddOp, [ground, places, rows], {axis: 0, batchDims: 0});
}

/** What is added up: float32, or int32. */
const isNumber = ({dtype}: Tensor): boolean => dtype === 'float32' || dtype === 'int32';

/** Indices as rows: tfjs also takes one index, or a list of them for a vector. */
function asRows(indices: Tensor): Tensor {
  if (indices.rank === 0) return ops.reshape(indices, [1, 1]);
  return indices.rank === 1 ? ops.expandDims(indices, 1) : indices;
}

function sparseToDense(indices: Tensor, values: Tensor, fill: Tensor, shape: number[]): Outcome {
  const rows = asRows(indices);
  const updates = ops.broadcastTo(values, [rows.shape[0] as number, ...values.shape.slice(1)]);
  const ground = ops.broadcastTo(ops.cast(fill, values.dtype as 'float32'), shape);
  return ops.tensorScatterUpdate(ground, rows, updates);
}

/** Zeros, one for each number; the guard of the gather finds numbers below 0, which are an error. */
const checkedZeros = (x: Tensor, dtype: DType): Tensor =>
  ops.gather(ops.constant(0, [1], dtype), ops.minimum(x, 0));

/**
 * How often each number from 0 to `size` − 1 stands in each row, or the sum of its weights; others do not
 * count.
 */
function histogram(x: Tensor, weights: Tensor, size: number, isBinary: boolean): Outcome {
  if (!isNumber(weights)) return 'other types';
  if (size < 1 || x.size === 0) return 'not yet';
  const {dtype} = weights;
  const [rows, columns] = x.rank === 1 ? [1, x.size] : (x.shape as [number, number]);
  const each = weights.size > 0 ? weights : ops.broadcastTo(ops.constant(1, [], dtype), x.shape);
  const terms = ops.add(each, checkedZeros(x, dtype));
  const first = Int32Array.from({length: rows}, (_, row) => row * size);
  const matrix = ops.reshape(x, [rows, columns]);
  const shifted = ops.add(matrix, ops.constant(first, [rows, 1], 'int32'));
  const places = ops.select(ops.less(matrix, size), shifted, -1);
  const flat = ops.reshape(places, [x.size]);
  const counts = addedUp(flat, ops.reshape(terms, [x.size]), rows * size);
  const result = isBinary ? ops.cast(ops.cast(counts, 'bool'), dtype) : counts;
  return ops.reshape(result, x.rank === 1 ? [size] : [rows, size]);
}

/** What two shapes, as vectors of integers, broadcast to; a guard finds sizes that do not. */
function broadcastShape(a: Tensor, b: Tensor): Outcome {
  const rank = Math.max(a.size, b.size);
  if (a.size === 0 || b.size === 0) return 'not yet';
  const [first, second] = [a, b].map(sizes => ops.pad(sizes, [[rank - sizes.size, 0]], 1)) as [
    Tensor,
    Tensor,
  ];
  const [isOne, isOther] = [ops.equal(first, 1), ops.equal(second, 1)];
  const fits = ops.logicalOr(ops.equal(first, second), ops.logicalOr(isOne, isOther));
  const checked = checkedZeros(ops.sub(ops.cast(fits, 'int32'), 1), 'int32');
  return ops.add(ops.select(isOne, second, first), checked);
}

function diagonal(x: Tensor): Tensor {
  const {size} = x;
  const positions = Int32Array.from({length: size}, (_, at) => at);
  const along = (shape: number[]): Tensor => ops.constant(positions, shape, 'int32');
  const isOn = ops.equal(along([size, 1]), along([1, size]));
  const square = ops.select(isOn, ops.reshape(x, [size, 1]), 0);
  return ops.reshape(ops.cast(square, x.dtype), [...x.shape, ...x.shape]);
}

const unchecked: Rules = {
  Bincount: rule('x weights', ({x, weights}, {size}: BincountAttrs) =>
    histogram(ops.reshape(x, [x.size]), weights, size, false),
  ),
  DenseBincount: rule('x weights', ({x, weights}, {size, binaryOutput}: DenseBincountAttrs) =>
    x.rank === 1 || x.rank === 2
      ? histogram(x, weights, size, Boolean(binaryOutput) && x.rank === 2)
      : 'refused',
  ),
  BroadcastArgs: rule('s0 s1', ({s0, s1}) => broadcastShape(s0, s1)),
  Diag: rule('x', ({x}) => (x.size === 0 ? 'not yet' : diagonal(x))),
  GatherNd: rule('params indices', ({params, indices}) => {
    tf.backend_util.prepareAndValidate(params as never, indices as never);
    return params.size === 0 || indices.size === 0 ? 'not yet' : ops.gatherNd(params, indices);
  }),
  GatherV2: rule('x indices', ({x, indices}, {axis, batchDims}: GatherV2Attrs) => {
    const along = tf.util.parseAxisParam(axis, x.shape as number[])[0] as number;
    const shared = (batchDims ?? 0) < 0 ? batchDims + indices.rank : (batchDims ?? 0);
    return ops.gather(x, ops.cast(indices, 'int32'), along, shared);
  }),
  OneHot: rule('indices', ({indices}, {depth, onValue, offValue, dtype}: OneHotAttrs) =>
    isNumeric(dtype)
      ? ops.cast(ops.oneHot(ops.cast(indices, 'int32'), depth, onValue, offValue), dtype)
      : 'other types',
  ),
  ScatterNd: rule('indices updates', ({indices, updates}, {shape}: ScatterNdAttrs) => {
    if (!isNumber(updates)) return 'other types';
    if (sizeOf(shape) === 0 || updates.size === 0) return 'not yet';
    return ops.scatterNd(asRows(indices), updates, shape);
  }),
  SearchSorted: rule('sortedSequence values', ({sortedSequence, values}, {side}: SearchSortedAttrs) =>
    ops.searchSorted(sortedSequence, values, side),
  ),
  SparseToDense: rule(
    'sparseIndices sparseValues defaultValue',
    ({sparseIndices, sparseValues, defaultValue}, {outputShape}: SparseToDenseAttrs) =>
      sparseToDense(sparseIndices, sparseValues, defaultValue, outputShape),
  ),
  TensorScatterUpdate: rule('tensor indices updates', ({tensor, indices, updates}) =>
    tensor.dtype === updates.dtype && updates.rank > 0
      ? ops.tensorScatterUpdate(tensor, asRows(indices), updates)
      : 'not yet',
  ),
  UnsortedSegmentSum: rule('x segmentIds', ({x, segmentIds}, {numSegments}: UnsortedSegmentSumAttrs) => {
    if (segmentIds.rank !== 1 || numSegments < 1) return 'not yet';
    // tfjs multiplies by masks of float32, and so are its sums.
    return addedUp(ops.cast(segmentIds, 'int32'), ops.cast(x, 'float32'), numSegments);
  }),
};

/** Kernels that refuse indices; none other refuses data. */
const refusing = [
  'Bincount',
  'BroadcastArgs',
  'DenseBincount',
  'GatherNd',
  'ScatterNd',
  'SparseToDense',
  'TensorScatterUpdate',
];

export const indexing: Rules = Object.fromEntries(
  Object.entries(unchecked).map(([name, own]) => {
    if (name === 'GatherV2') return [name, withIndices('known', own)];
    return [name, refusing.includes(name) ? withIndices('at once', own) : own];
  }),
);
