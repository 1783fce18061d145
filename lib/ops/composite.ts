// Plain functions of ops: no kernel of their own.

import {at, zip} from '../core/lists.ts';
import {formatShape} from '../core/shape.ts';
import {checkTensor, failIn, isTensor, type RandomSource, type Tensor} from '../core/tensor.ts';
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

/**
 * What `then` gives where the predicate holds, else what `otherwise` gives: tensors of the same shapes, one
 * each or as many. Both are computed, and one is selected; the gradient flows to that alone. The predicate is
 * a bool, or bools that broadcast to the results.
 *
 * @throws ERR_DTYPE for a predicate that is no bool; ERR_SHAPE where both give different things.
 */
export function cond<Result extends Tensor | readonly Tensor[]>(
  predicate: Tensor,
  then: () => Result,
  otherwise: () => Result,
): Result;
export function cond(
  predicate: Tensor,
  then: () => Tensor | readonly Tensor[],
  otherwise: () => Tensor | readonly Tensor[],
): Tensor | readonly Tensor[] {
  checkTensor('cond', 'predicate', predicate);
  if (predicate.dtype !== 'bool') {
    failIn('cond', 'ERR_DTYPE', `the predicate must be bool. Received ${predicate}`);
  }
  const [first, second] = [then(), otherwise()];
  const [a, b] = [[first].flat(), [second].flat()];
  if (a.map(String).join() !== b.map(String).join()) {
    const received = `Received ${a.join(', ')} and ${b.join(', ')}`;
    failIn('cond', 'ERR_SHAPE', `both branches must give the same. ${received}`);
  }
  const chosen = zip(a, b).map(([one, other]) => select(predicate, one, other));
  return isTensor(first) ? at(chosen, 0) : chosen;
}
