// Plain functions of ops: no kernel of their own.

import type {RandomSource, Tensor} from '../core/tensor.ts';
import {checkTensor} from '../core/tensor.ts';
import {mul, select} from './map.ts';
import {randomBernoulli} from './random.ts';

/**
 * Zeroes each element with probability `rate` and scales the rest by 1/(1 − rate) (Srivastava et al.
 * 2014).
 */
export function dropout(x: Tensor, rate: number, source: RandomSource): Tensor {
  checkTensor('dropout', 'x', x);
  if (rate === 0) return x;
  return select(randomBernoulli(source, x.shape, 1 - rate), mul(x, 1 / (1 - rate)), 0);
}
