// Plain functions of ops: no kernel of their own.

import {formatShape} from '../core/shape.ts';
import {checkTensor, failIn, type RandomSource, type Tensor} from '../core/tensor.ts';
import {mul, select} from './map.ts';
import {randomBernoulli} from './random.ts';

/**
 * Zeroes each element with probability `rate` and scales the rest by 1/(1 − rate) (Srivastava et al.
 * 2014). `noiseShape` broadcasts to the shape of x: where it is 1, all elements of that axis are kept or
 * zeroed together.
 */
export function dropout(x: Tensor, rate: number, source: RandomSource, noiseShape = x.shape): Tensor {
  checkTensor('dropout', 'x', x);
  const fits =
    noiseShape.length === x.rank && noiseShape.every((size, axis) => size === 1 || size === x.shape[axis]);
  if (!fits) {
    const received = `Received ${formatShape(noiseShape)} and ${x}`;
    failIn('dropout', 'ERR_SHAPE', `noiseShape must be 1 or the size of x in each axis. ${received}`);
  }
  if (rate === 0) return x;
  return select(randomBernoulli(source, noiseShape, 1 - rate), mul(x, 1 / (1 - rate)), 0);
}
