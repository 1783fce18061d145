// Ops that move numbers without changing them.
import {attributes, defineOp} from '../core/define.ts';
import {formatShape, type Shape, sameShape, sizeOf} from '../core/shape.ts';
import {apply1, checkShape, checkTensor, failIn, type Tensor} from '../core/tensor.ts';
import {axesOf, checkAxis} from './axes.ts';

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
  signature: 'transpose(x: T) -> y: T {permutation: words}',
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

/**
 * Without the axes of size 1 that `axes` names, all of them by default.
 *
 * @throws ERR_SHAPE where an axis is of another size.
 */
export function squeeze(x: Tensor, axes?: number | readonly number[]): Tensor {
  checkTensor('squeeze', 'x', x);
  const dropped =
    axes === undefined
      ? x.shape.flatMap((size, axis) => (size === 1 ? [axis] : []))
      : axesOf('squeeze', x, axes);
  for (const axis of dropped) {
    if (x.shape[axis] === 1) continue;
    failIn('squeeze', 'ERR_SHAPE', `axis ${axis} of ${formatShape(x.shape)} has not size 1`);
  }
  return reshape(
    x,
    x.shape.filter((_, axis) => !dropped.includes(axis)),
  );
}

/** With a new axis of size 1 at `axis` of the result, the first by default. */
export function expandDims(x: Tensor, axis = 0): Tensor {
  checkTensor('expandDims', 'x', x);
  const shape = [...x.shape, 1];
  const from0 = checkAxis('expandDims', axis, {shape, rank: shape.length});
  return reshape(x, [...x.shape.slice(0, from0), 1, ...x.shape.slice(from0)]);
}

/** A copy into other memory; the compiler inserts it where a result must be moved. */
export const copyOp = defineOp({
  signature: 'copy(x: T) -> y: T',
  kind: 'fused',
  shape: ({x}) => x.shape,
});
