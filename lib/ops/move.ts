// Ops that move numbers without changing them.
import {formatShape, type Shape, sameShape, sizeOf} from '../core/shape.ts';
import {apply1, defineOp, failIn, type Gradients, type Tensor} from '../core/tensor.ts';
import {broadcastTo} from './map.ts';

const reshapeOp = defineOp<{readonly shape: Shape}>({
  signature: 'reshape(x: T) -> y: T',
  view: true,
  infer([x], {shape}) {
    const {shape: from, dtype} = x as Tensor;
    if (sizeOf(from) !== sizeOf(shape)) {
      failIn(
        'reshape',
        'ERR_SHAPE',
        `${formatShape(from)} cannot become ${formatShape(shape)}: sizes differ`,
      );
    }
    return [{shape, dtype}];
  },
  grad: ([dy], call): Gradients => [reshape(dy as Tensor, (call.inputs[0] as Tensor).shape)],
});

/** The same elements in the same order under another shape. */
export function reshape(x: Tensor, shape: Shape): Tensor {
  return sameShape(x.shape, shape) ? x : apply1(reshapeOp, [x], {shape});
}

const transposeOp = defineOp<{readonly permutation: readonly number[]}>({
  signature: 'transpose(x: f32) -> y: f32 {permutation: words}',
  infer([x], {permutation}) {
    const {shape} = x as Tensor;
    const sorted = [...permutation].sort((a, b) => a - b);
    if (sorted.length !== shape.length || sorted.some((axis, position) => axis !== position)) {
      failIn(
        'transpose',
        'ERR_VALUE',
        `[${permutation}] is no permutation of the axes of ${formatShape(shape)}`,
      );
    }
    return [{shape: permutation.map(axis => shape[axis] as number), dtype: 'float32'}];
  },
  grad: ([dy], {attributes: {permutation}}): Gradients => {
    const inverse = new Array<number>(permutation.length);
    permutation.forEach((axis, position) => {
      inverse[axis] = position;
    });
    return [transpose(dy as Tensor, inverse)];
  },
});

/** Axis i of the result is axis `permutation[i]` of `x`; the default reverses the axes. */
export function transpose(x: Tensor, permutation?: readonly number[]): Tensor {
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

const sliceOp = defineOp<{readonly axis: number; readonly start: number; readonly size: number}>({
  signature: 'slice(x: f32) -> y: f32 {axis: i32, start: i32}',
  infer([x], {axis, start, size}) {
    const {shape} = x as Tensor;
    const length = shape[axis] as number;
    const integers = Number.isInteger(start) && Number.isInteger(size);
    if (!integers || start < 0 || size < 0 || start + size > length) {
      const part = `${start} to ${start + size}`;
      failIn('slice', 'ERR_VALUE', `${part} is no part of axis ${axis} of ${formatShape(shape)}`);
    }
    return [{shape: withSize(shape, axis, size), dtype: 'float32'}];
  },
  grad([dy], {inputs: [x], attributes: {axis, start, size}}): Gradients {
    const {shape} = x as Tensor;
    const end = (shape[axis] as number) - start - size;
    const padding = (size: number): Tensor[] =>
      size > 0 ? [broadcastTo(0, withSize(shape, axis, size))] : [];
    return [concatenate([...padding(start), dy as Tensor, ...padding(end)], axis)];
  },
});

/** The part of an axis that begins at `start` and is `size` long. */
export function slice(x: Tensor, axis: number, start: number, size: number): Tensor {
  const from0 = checkAxis('slice', axis, x);
  return start === 0 && size === x.shape[from0] ? x : apply1(sliceOp, [x], {axis: from0, start, size});
}

const concatenateOp = defineOp<{readonly axis: number}>({
  signature: 'concatenate(...parts: f32) -> y: f32 {axis: i32}',
  infer(parts, {axis}) {
    const {shape} = parts[0] as Tensor;
    const fits = parts.every(part => sameShape(withSize(part.shape, axis, 0), withSize(shape, axis, 0)));
    if (!fits) {
      const received = parts.map(part => formatShape(part.shape)).join(' and ');
      failIn('concatenate', 'ERR_SHAPE', `sizes may differ along axis ${axis} alone. Received ${received}`);
    }
    const size = parts.reduce((sum, part) => sum + (part.shape[axis] as number), 0);
    return [{shape: withSize(shape, axis, size), dtype: 'float32'}];
  },
  grad([dy], {inputs, attributes: {axis}}): Gradients {
    let start = 0;
    return inputs.map(({shape}) => {
      const size = shape[axis] as number;
      start += size;
      return slice(dy as Tensor, axis, start - size, size);
    });
  },
});

/** Joins tensors along an axis, the last by default. */
export function concatenate(parts: readonly Tensor[], axis = -1): Tensor {
  const [first] = parts;
  if (!first) return failIn('concatenate', 'ERR_SHAPE', 'expected at least one tensor. Received none');
  const from0 = checkAxis('concatenate', axis, first);
  return parts.length === 1 ? first : apply1(concatenateOp, parts, {axis: from0});
}

/** A copy into other memory; the compiler inserts it where a result must be moved. */
export const copyOp = defineOp({
  signature: 'copy(x: T) -> y: T',
  kind: 'fused',
  infer: ([x]) => [{shape: (x as Tensor).shape, dtype: (x as Tensor).dtype}],
});
