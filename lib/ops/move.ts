// Ops that move numbers without changing them.
import {attributes, defineOp} from '../core/define.ts';
import {show} from '../core/kinds.ts';
import {formatShape, type Shape, sameShape, sizeOf} from '../core/shape.ts';
import {apply1, checkShape, checkTensor, failIn, type Tensor} from '../core/tensor.ts';
import {broadcastTo} from './map.ts';

export const reshapeOp = defineOp({
  signature: 'reshape(x: T) -> y: T',
  also: attributes<{readonly shape: Shape}>(),
  view: true,
  shape({x}, {shape}) {
    if (sizeOf(x.shape) !== sizeOf(shape)) {
      const both = `${formatShape(x.shape)} cannot become ${formatShape(shape)}`;
      failIn('reshape', 'ERR_SHAPE', `${both}: sizes differ`);
    }
    return shape;
  },
  grad: ({dy}, {x}) => ({dx: reshape(dy, x.shape)}),
});

/** The same elements in the same order under another shape. */
export function reshape(x: Tensor, shape: Shape): Tensor {
  checkTensor('reshape', 'x', x);
  checkShape('reshape', shape);
  return sameShape(x.shape, shape) ? x : apply1(reshapeOp, [x], {shape});
}

export const transposeOp = defineOp({
  signature: 'transpose(x: f32) -> y: f32 {permutation: words}',
  shape({x: {shape}}, {permutation}) {
    const sorted = [...permutation].sort((a, b) => a - b);
    if (sorted.length !== shape.length || sorted.some((axis, position) => axis !== position)) {
      const axes = `the axes of ${formatShape(shape)}`;
      failIn('transpose', 'ERR_VALUE', `[${permutation}] is no permutation of ${axes}`);
    }
    return permutation.map(axis => shape[axis] as number);
  },
  grad({dy}, _, {permutation}) {
    const inverse = new Array<number>(permutation.length);
    permutation.forEach((axis, position) => {
      inverse[axis] = position;
    });
    return {dx: transpose(dy, inverse)};
  },
});

/** Axis i of the result is axis `permutation[i]` of `x`; the default reverses the axes. */
export function transpose(x: Tensor, permutation?: readonly number[]): Tensor {
  checkTensor('transpose', 'x', x);
  const order = permutation ?? x.shape.map((_, axis) => x.rank - 1 - axis);
  return apply1(transposeOp, [x], {permutation: order});
}

/** The axis counted from 0, given that -1 is the last. */
function checkAxis(name: string, axis: number, {shape, rank}: Tensor): number {
  const from0 = axis < 0 ? axis + rank : axis;
  if (Number.isInteger(from0) && from0 >= 0 && from0 < rank) return from0;
  return failIn(name, 'ERR_VALUE', `axis ${axis} is outside ${formatShape(shape)}`);
}

const withSize = (shape: Shape, axis: number, size: number): Shape =>
  shape.map((dimension, at) => (at === axis ? size : dimension));

const sliceOp = defineOp({
  signature: 'slice(x: f32) -> y: f32 {axis: i32, start: i32}',
  also: attributes<{readonly size: number}>(),
  shape({x: {shape}}, {axis, start, size}) {
    const length = shape[axis] as number;
    const integers = Number.isInteger(start) && Number.isInteger(size);
    if (!integers || start < 0 || size < 0 || start + size > length) {
      const part = `${start} to ${start + size}`;
      failIn('slice', 'ERR_VALUE', `${part} is no part of axis ${axis} of ${formatShape(shape)}`);
    }
    return withSize(shape, axis, size);
  },
  grad({dy}, {x: {shape}}, {axis, start, size}) {
    const end = (shape[axis] as number) - start - size;
    const padding = (size: number): Tensor[] =>
      size > 0 ? [broadcastTo(0, withSize(shape, axis, size))] : [];
    return {dx: concatenate([...padding(start), dy, ...padding(end)], axis)};
  },
});

/** The part of an axis that begins at `start` and is `size` long. */
export function slice(x: Tensor, axis: number, start: number, size: number): Tensor {
  checkTensor('slice', 'x', x);
  const from0 = checkAxis('slice', axis, x);
  return start === 0 && size === x.shape[from0] ? x : apply1(sliceOp, [x], {axis: from0, start, size});
}

const concatenateOp = defineOp({
  signature: 'concatenate(...parts: f32) -> y: f32 {axis: i32}',
  shape({parts}, {axis}) {
    const others = parts.map(({shape}) => withSize(shape, axis, 0));
    const [first = []] = others;
    if (!others.every(shape => sameShape(shape, first))) {
      const received = parts.map(part => formatShape(part.shape)).join(' and ');
      failIn('concatenate', 'ERR_SHAPE', `sizes may differ along axis ${axis} alone. Received ${received}`);
    }
    const size = parts.reduce((sum, part) => sum + (part.shape[axis] as number), 0);
    return withSize(first, axis, size);
  },
  grad({dy}, {parts}, {axis}) {
    let start = 0;
    const dParts = parts.map(({shape}) => {
      const size = shape[axis] as number;
      start += size;
      return slice(dy, axis, start - size, size);
    });
    return {dParts};
  },
});

/** Joins tensors along an axis, the last by default. */
export function concatenate(parts: readonly Tensor[], axis = -1): Tensor {
  if (!Array.isArray(parts)) {
    failIn('concatenate', 'ERR_DTYPE', `expected an array of tensors. Received ${show(parts)}`);
  }
  Array.from(parts, (part, index) => checkTensor('concatenate', `parts[${index}]`, part));
  const [first] = parts;
  if (!first) return failIn('concatenate', 'ERR_SHAPE', 'expected at least one tensor. Received none');
  const from0 = checkAxis('concatenate', axis, first);
  return parts.length === 1 ? first : apply1(concatenateOp, parts, {axis: from0});
}

/** A copy into other memory; the compiler inserts it where a result must be moved. */
export const copyOp = defineOp({
  signature: 'copy(x: T) -> y: T',
  kind: 'fused',
  shape: ({x}) => x.shape,
});
