import type {Tensor} from '../core/tensor.ts';
import {reshape} from '../ops/move.ts';
import {mean, sum} from '../ops/reduce.ts';

/** Mean over all axes but the first: [batch, …] to [batch]. */
export function meanPerSample(x: Tensor): Tensor {
  const batch = x.shape[0] as number;
  const width = x.size / batch;
  return width === 1 ? reshape(x, [batch]) : mean(reshape(x, [batch, width]), 1);
}

/** Sum over all axes but the first: [batch, …] to [batch]. */
export function sumPerSample(x: Tensor): Tensor {
  const batch = x.shape[0] as number;
  const width = x.size / batch;
  return width === 1 ? reshape(x, [batch]) : sum(reshape(x, [batch, width]), 1);
}
