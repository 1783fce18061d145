// Tensors out of nothing but a shape, and batch normalization.
import type {FillAttrs, FusedBatchNormAttrs, LinSpaceAttrs, RangeAttrs} from '@tensorflow/tfjs-core';
import type {Shape} from '../../core/shape.ts';
import type {Tensor} from '../../core/tensor.ts';
import * as ops from '../../ops/index.ts';
import {isNumeric, type NumericType} from '../entry.ts';
import {tf} from '../packages.ts';
import {type Outcome, type Rules, rule, withChanging} from '../rule.ts';

/** A number everywhere, as an array of this type would hold it. */
function filled(shape: Shape, value: number, dtype: NumericType): Tensor {
  const array = tf.util.getTypedArrayFromDType(dtype, 1) as Float32Array;
  array[0] = value;
  return ops.broadcastTo(ops.constant(array, [], dtype), shape);
}

/** tfjs takes a parameter for each number of the last axis, or one for each number of all. */
const fits = (x: Tensor, parameter: Tensor | undefined): boolean => {
  if (!parameter) return true;
  const {shape} = parameter;
  return shape.every((size, axis) => size === x.shape[x.rank - shape.length + axis]);
};

function batchNorm(
  {
    x,
    mean,
    variance,
    scale,
    offset,
  }: Readonly<Record<string, Tensor>> & {x: Tensor; mean: Tensor; variance: Tensor},
  varianceEpsilon = 0.001,
): Outcome {
  if (![mean, variance, scale, offset].every(parameter => fits(x, parameter))) return 'not yet';
  // What is said of channels is computed once for each; the mean is a bias of what goes before.
  const deviation = ops.sqrt(ops.add(variance, varianceEpsilon));
  const factor = scale ? ops.div(scale, deviation) : ops.reciprocal(deviation);
  const normal = ops.mul(ops.add(x, ops.neg(mean)), factor);
  return ops.cast(offset ? ops.add(normal, offset) : normal, x.dtype);
}

export const create: Rules = {
  Fill: withChanging(
    rule('', (_, {shape, value, dtype}: FillAttrs) => {
      const type = dtype ?? tf.util.inferDtype(value);
      if (!isNumeric(type)) return type === 'string' ? 'strings' : 'other types';
      return filled(shape, value as number, type);
    }),
    {
      dtype: 'float32',
      numbers: ({value, dtype}: FillAttrs) =>
        typeof value === 'number' && (dtype ?? 'float32') === 'float32' ? [value] : undefined,
      rest: attributes => ({...attributes, value: 0}),
      apply: (_, {shape}, [value]) => ops.broadcastTo(value as Tensor, shape),
    },
  ),
  FusedBatchNorm: rule('x mean variance scale? offset?', (operands, {varianceEpsilon}: FusedBatchNormAttrs) =>
    batchNorm(operands as never, varianceEpsilon ?? undefined),
  ),
  LinSpace: rule('', (_, {start, stop, num}: LinSpaceAttrs) => {
    const step = (stop - start) / (num - 1);
    const values = Float32Array.from({length: num}, (__, at) => start + at * step);
    return ops.constant(values, [num]);
  }),
  OnesLike: rule('x', ({x}) => filled(x.shape, 1, x.dtype as NumericType)),
  Range: rule('', (_, {start, stop, step, dtype}: RangeAttrs) => {
    if (!isNumeric(dtype) || start === stop) return 'not yet';
    const rises = stop > start;
    const by = !rises && step === 1 ? -1 : step;
    if (rises !== by > 0) return 'not yet';
    const count = Math.ceil((stop - start) / by);
    const array = tf.util.getTypedArrayFromDType(dtype, count) as Float32Array;
    for (let at = 0; at < count; at++) array[at] = start + at * by;
    return ops.constant(array, [count], dtype);
  }),
  ZerosLike: rule('x', ({x}) => filled(x.shape, 0, x.dtype as NumericType)),
};
