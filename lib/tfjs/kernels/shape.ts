// Kernels that move elements without changing them. A reshape is a second name of the same memory.
import type {
  BatchToSpaceNDAttrs,
  CastAttrs,
  ConcatAttrs,
  DepthToSpaceAttrs,
  ExpandDimsAttrs,
  MirrorPadAttrs,
  PackAttrs,
  PadV2Attrs,
  ReshapeAttrs,
  ReverseAttrs,
  SliceAttrs,
  SpaceToBatchNDAttrs,
  SplitVAttrs,
  StridedSliceAttrs,
  TileAttrs,
  TransposeAttrs,
  UnpackAttrs,
} from '@tensorflow/tfjs-core';
import {type Shape, sizeOf} from '../../core/shape.ts';
import type {Tensor, TensorSpec} from '../../core/tensor.ts';
import * as ops from '../../ops/index.ts';
import {isNumeric} from '../entry.ts';
import {tf} from '../packages.ts';
import {listRule, type Outcome, type Rules, rule, withChanging} from '../rule.ts';

const mutable = (shape: Shape): number[] => shape as number[];

const axisOf = (axis: number, {shape}: Tensor): number =>
  tf.util.parseAxisParam(axis, mutable(shape))[0] as number;

function concat(parts: readonly Tensor[], {axis}: ConcatAttrs): Outcome {
  const [first] = parts as [Tensor];
  const along = axisOf(axis, first);
  tf.backend_util.assertParamsConsistent(
    parts.map(({shape}) => mutable(shape)),
    along,
  );
  const full = parts.filter(({size}) => size > 0);
  if (full.length === 0) return 'not yet';
  const same = full.map(part => ops.cast(part, first.dtype));
  return ops.concat(same, along);
}

/** Every so-many-th element of an axis, from a first one on, in either direction. */
function strided(x: Tensor, axis: number, begin: number, stride: number, count: number): Tensor {
  const positions = Int32Array.from({length: count}, (_, at) => begin + at * stride);
  return ops.gather(x, ops.constant(positions, [count], 'int32'), axis);
}

function stridedSlice(x: Tensor, given: StridedSliceAttrs): Outcome {
  const {begin, end, strides, beginMask, endMask, ellipsisMask, newAxisMask, shrinkAxisMask} = given;
  const shape = mutable(x.shape);
  const info = tf.slice_util.sliceInfo(
    ...([shape, begin, end, strides, beginMask, endMask] as const),
    ...([ellipsisMask, newAxisMask, shrinkAxisMask] as const),
  );
  if (info.isIdentity) return ops.reshape(x, info.finalShape);
  const sizes = tf.slice_util.computeOutShape(info.begin, info.end, info.strides);
  if (sizeOf(sizes) === 0) return 'not yet';
  if (info.sliceDim0 || info.isSimpleSlice) {
    return ops.reshape(ops.slice(x, info.begin, sizes), info.finalShape);
  }
  const part = sizes.reduce((whole, count, axis) => {
    const [first, stride] = [info.begin[axis] as number, info.strides[axis] as number];
    return stride === 1 ? ops.slice(whole, axis, first, count) : strided(whole, axis, first, stride, count);
  }, x);
  return ops.reshape(part, info.finalShape);
}

function batchToSpace(x: Tensor, {blockShape, crops}: BatchToSpaceNDAttrs): Outcome {
  const {getReshaped, getPermuted, getReshapedPermuted, getSliceBeginCoords, getSliceSize} = tf.backend_util;
  const shape = mutable(x.shape);
  const product = sizeOf(blockShape);
  const reshaped = getReshaped(shape, blockShape, product);
  const merged = getReshapedPermuted(shape, blockShape, product);
  const permuted = ops.transpose(ops.reshape(x, reshaped), getPermuted(reshaped.length, blockShape.length));
  const begin = getSliceBeginCoords(crops, blockShape.length);
  return ops.slice(ops.reshape(permuted, merged), begin, getSliceSize(merged, crops, blockShape.length));
}

function spaceToBatch(x: Tensor, {blockShape, paddings}: SpaceToBatchNDAttrs): Outcome {
  const {getReshaped, getPermuted, getReshapedPermuted} = tf.backend_util;
  const rest = new Array<[number, number]>(x.rank - 1 - blockShape.length).fill([0, 0]);
  const padded = ops.pad(x, [[0, 0], ...(paddings as [number, number][]), ...rest]);
  const [shape, product] = [mutable(padded.shape), sizeOf(blockShape)];
  const reshaped = getReshaped(shape, blockShape, product, false);
  const order = getPermuted(reshaped.length, blockShape.length, false);
  const permuted = ops.transpose(ops.reshape(padded, reshaped), order);
  return ops.reshape(permuted, getReshapedPermuted(shape, blockShape, product, false));
}

/** Where a slice begins, and its sizes. */
function sliceOf({shape}: TensorSpec, {begin, size}: SliceAttrs): [number[], number[]] {
  const like = {shape, rank: shape.length} as never;
  return tf.slice_util.parseSliceParams(like, begin, size) as [number[], number[]];
}

/** A slice whose beginning is data. */
function slicedAt(x: Tensor, sizes: readonly number[], begin: readonly Tensor[]): Tensor {
  return sizes.reduce((whole, count, axis) => {
    if (count === x.shape[axis]) return whole;
    const steps = Int32Array.from({length: count}, (_, at) => at);
    const places = ops.add(ops.constant(steps, [count], 'int32'), begin[axis] as Tensor);
    return ops.gather(whole, places, axis);
  }, x);
}

export const shape: Rules = {
  BatchToSpaceND: rule('x', ({x}, attributes: BatchToSpaceNDAttrs) => batchToSpace(x, attributes)),
  Cast: {
    ...rule('x', ({x}, {dtype}: CastAttrs) => (isNumeric(dtype) ? ops.cast(x, dtype) : 'other types')),
    makesIndices: true,
  },
  Concat: listRule(concat),
  DepthToSpace: rule('x', ({x}, {blockSize: size, dataFormat}: DepthToSpaceAttrs) => {
    if (dataFormat !== 'NHWC') return 'refused';
    const [batch, height, width, depth] = x.shape as [number, number, number, number];
    const rest = depth / (size * size);
    const blocks = ops.reshape(x, [batch, height, width, size, size * rest]);
    const moved = ops.transpose(blocks, [0, 1, 3, 2, 4]);
    return ops.reshape(moved, [batch, height * size, width * size, rest]);
  }),
  ExpandDims: rule('input', ({input}, {dim}: ExpandDimsAttrs) => ops.expandDims(input, dim)),
  Identity: rule('x', ({x}) => x),
  MirrorPad: rule('x', ({x}, {paddings, mode}: MirrorPadAttrs) => ops.mirrorPad(x, paddings, mode)),
  // Of several types, which ops promote, tfjs says that it takes none.
  Pack: listRule((parts, {axis}: PackAttrs) =>
    parts.every(({dtype}) => dtype === parts[0]?.dtype) ? ops.stack(parts, axis) : 'refused',
  ),
  PadV2: rule('x', ({x}, {paddings, constantValue}: PadV2Attrs) => ops.pad(x, paddings, constantValue)),
  Reshape: rule('x', ({x}, {shape: to}: ReshapeAttrs) =>
    ops.reshape(x, tf.util.inferFromImplicitShape(to, x.size)),
  ),
  Reverse: rule('x', ({x}, {dims}: ReverseAttrs) => {
    const axes = tf.util.parseAxisParam(dims, mutable(x.shape));
    return x.rank === 0 ? x : ops.reverse(x, axes);
  }),
  Slice: withChanging(
    rule('x', ({x}, {begin, size}: SliceAttrs) => {
      const [from, sizes] = sliceOf(x, {begin, size});
      tf.slice_util.assertParamsValid({shape: x.shape, rank: x.rank} as never, from, sizes);
      return ops.slice(x, from, sizes);
    }),
    {
      dtype: 'int32',
      numbers: (attributes: SliceAttrs, [x]) => x && sliceOf(x, attributes)[0],
      rest: (attributes, [x]) => ({begin: 0, size: x ? sliceOf(x, attributes)[1] : 0}),
      apply: ([x], {size}, begin) => slicedAt(x as Tensor, size as number[], begin),
    },
  ),
  SpaceToBatchND: rule('x', ({x}, attributes: SpaceToBatchNDAttrs) => spaceToBatch(x, attributes)),
  SplitV: rule('x', ({x}, {numOrSizeSplits, axis}: SplitVAttrs) => {
    const along = axisOf(axis, x);
    const sizes = tf.backend_util.prepareSplitSize({shape: x.shape} as never, numOrSizeSplits, along);
    return ops.split(x, sizes, along);
  }),
  StridedSlice: rule('x', ({x}, attributes: StridedSliceAttrs) => stridedSlice(x, attributes)),
  Tile: rule('x', ({x}, {reps}: TileAttrs) => ops.tile(x, reps)),
  Transpose: rule('x', ({x}, {perm}: TransposeAttrs) => ops.transpose(x, perm)),
  Unpack: rule('value', ({value}, {axis}: UnpackAttrs) => ops.unstack(value, axis)),
};
