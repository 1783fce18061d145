// The namespace `regularizers`: every export is a member. Each gives a scalar that is added to the loss.
import {checkNumber, checkOptions} from '../core/errors.ts';
import {type Named, named} from '../core/named.ts';
import type {Tensor} from '../core/tensor.ts';
import {abs, add, mul, square} from '../ops/map.ts';
import {sum} from '../ops/reduce.ts';

/** A penalty on a weight. */
export type Regularizer = ((weight: Tensor) => Tensor) & Named;

const absolute = (weight: Tensor, factor: number): Tensor => mul(sum(abs(weight)), factor);
const squared = (weight: Tensor, factor: number): Tensor => mul(sum(square(weight)), factor);

/** l1 · Σ|w|. */
export function l1(options: {l1?: number} = {}): Regularizer {
  checkOptions('regularizers.l1', options, ['l1']);
  const {l1: factor = 0.01} = options;
  checkNumber('regularizers.l1: l1', factor, {min: 0});
  return named('l1', {l1: options.l1}, (weight: Tensor) => absolute(weight, factor));
}

/** l2 · Σw². */
export function l2(options: {l2?: number} = {}): Regularizer {
  checkOptions('regularizers.l2', options, ['l2']);
  const {l2: factor = 0.01} = options;
  checkNumber('regularizers.l2: l2', factor, {min: 0});
  return named('l2', {l2: options.l2}, (weight: Tensor) => squared(weight, factor));
}

/** l1 · Σ|w| + l2 · Σw². */
export function l1l2(options: {l1?: number; l2?: number} = {}): Regularizer {
  checkOptions('regularizers.l1l2', options, ['l1', 'l2']);
  const {l1: first = 0.01, l2: second = 0.01} = options;
  checkNumber('regularizers.l1l2: l1', first, {min: 0});
  checkNumber('regularizers.l1l2: l2', second, {min: 0});
  return named('l1l2', {l1: options.l1, l2: options.l2}, (weight: Tensor) =>
    add(absolute(weight, first), squared(weight, second)),
  );
}
