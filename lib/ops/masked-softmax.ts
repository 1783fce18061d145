// softmax over what a mask leaves, and masks of what comes later. Built of other ops.
import {constant, type Tensor} from '../core/tensor.ts';
import {greaterEqual, select} from './map.ts';
import {softmax} from './softmax.ts';

/** Below all scores: its exponential is exactly 0 beside any of them. */
const absent = -1e9;

/**
 * softmax(x) over those positions of the last axis that count; the others are exactly 0, and so is a row of
 * which none counts.
 */
export function maskedSoftmax(x: Tensor, mask: Tensor | undefined): Tensor {
  return mask ? select(mask, softmax(select(mask, x, absent)), 0) : softmax(x);
}

/** Which keys a query may see that has nothing behind it: bool [queries, keys], true up to its own place. */
export function causalMask(queries: number, keys: number): Tensor {
  const places = (count: number, shape: readonly number[]): Tensor =>
    constant(
      Int32Array.from({length: count}, (_, at) => at),
      shape,
      'int32',
    );
  return greaterEqual(places(queries, [queries, 1]), places(keys, [1, keys]));
}
