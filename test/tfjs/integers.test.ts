// Kernels of int32 and bool that sum, multiply, order and scatter: native, with the numbers and the types of
// tfjs's cpu backend, and exact where a float32 is not.
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import {afterEach, describe, expect, test} from 'vitest';
import {backendName, handedOver, resetHandedOver} from '../../lib/tfjs/index.ts';

const whole = (values: number[], shape = [values.length]): tf.Tensor => tf.tensor(values, shape, 'int32');
const bools = (values: number[]): tf.Tensor => tf.tensor(values, [values.length], 'bool');
const large = 2 ** 24;

const bodies: Readonly<Record<string, () => tf.Tensor | tf.Tensor[]>> = {
  cumsum: () => tf.cumsum(whole([large, 1, large, 3, -7, 2], [2, 3]), 1),
  'cumsum, exclusive and reverse': () => tf.cumsum(whole([large, 1, 5, 3]), 0, true, true),
  'cumsum that wraps': () => tf.cumsum(whole([2 ** 31 - 1, 1, 5])),
  'cumsum of bools': () => tf.cumsum(bools([1, 0, 1, 1])),
  cumprod: () => tf.cumprod(whole([large + 1, 3, -5, 2])),
  prod: () => tf.prod(whole([large + 1, 3, 7, -5], [2, 2]), 1),
  'prod of bools': () => tf.prod(bools([1, 1, 1])),
  topk: () => Object.values(tf.topk(whole([large, large + 1, 3, large + 1, -9, 0], [2, 3]), 2)),
  'topk of bools': () => Object.values(tf.topk(bools([0, 1, 0, 1]), 3)),
  bincount: () => tf.bincount(whole([1, 1, 3, 5, 1]) as tf.Tensor1D, whole([large, 1, 2, 9, 5]) as never, 4),
  'bincount without weights': () =>
    tf.bincount(whole([1, 1, 3, 5, 1]) as tf.Tensor1D, whole([]) as tf.Tensor1D, 4),
  denseBincount: () =>
    tf.denseBincount(whole([1, 2, 1, 0], [2, 2]) as tf.Tensor2D, whole([7, 8, large, 1], [2, 2]) as never, 3),
  'denseBincount that tells what is there': () =>
    tf.denseBincount(whole([1, 1, 2, 0], [2, 2]) as tf.Tensor2D, whole([], [0]) as never, 3, true),
  scatterND: () => tf.scatterND(whole([1, 0, 1], [3, 1]), whole([large, 4, 1]), [3]),
  unsortedSegmentSum: () =>
    tf.unsortedSegmentSum(
      whole([1, 2, 3, 4, 5, 6], [3, 2]),
      tf.tensor1d([1, 0, 1], 'int32') as tf.Tensor1D,
      2,
    ),
};

const shown = (result: tf.Tensor | tf.Tensor[]) =>
  [result].flat().map(tensor => ({
    ...{dtype: tensor.dtype, shape: tensor.shape},
    values: [...tensor.dataSync()],
  }));

describe('kernels of integers', () => {
  afterEach(() => tf.setBackend(backendName));

  test.each(Object.keys(bodies))('%s', async name => {
    const run = () => {
      tf.engine().startScope();
      const results = shown((bodies[name] as () => tf.Tensor)());
      tf.engine().endScope();
      return results;
    };
    await tf.setBackend(backendName);
    resetHandedOver();
    const own = run();
    expect(handedOver()).toEqual([]);
    await tf.setBackend('cpu');
    expect(own).toEqual(run());
  });
});
