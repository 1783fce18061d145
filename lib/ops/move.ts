// Ops that move numbers without changing them.
import {formatShape, type Shape, sameShape, sizeOf} from '../core/shape.ts';
import {apply1, defineOp, failIn, type Gradients, type Tensor} from '../core/tensor.ts';

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

/** A copy into other memory; the compiler places it where a result must be moved. */
export const copyOp = defineOp({
  signature: 'copy(x: T) -> y: T',
  kind: 'fused',
  infer: ([x]) => [{shape: (x as Tensor).shape, dtype: (x as Tensor).dtype}],
});
