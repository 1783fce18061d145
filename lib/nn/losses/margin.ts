// Losses of scores that should be on the right side by a margin. Formulas are Keras's.
import {checkOptions} from '../../core/errors.ts';
import type {Tensor} from '../../core/tensor.ts';
import {add, equal, maximum, mul, relu, select, square, sub} from '../../ops/map.ts';
import {max, sum} from '../../ops/reduce.ts';
import {meanPerSample} from '../samples.ts';
import {type Loss, type NoOptions, valueLoss} from './loss.ts';

/** How far scores are from the margin of 1; targets are −1 and 1, or 0 and 1. */
const shortfall = (target: Tensor, output: Tensor): Tensor =>
  relu(sub(1, mul(select(equal(target, 0), -1, target), output)));

/** Mean of max(1 − target · output, 0); targets are −1 and 1, or 0 and 1 (Rosasco et al. 2004). */
export function hinge(options?: NoOptions): Loss {
  checkOptions('losses.hinge', options, []);
  return valueLoss('hinge', {}, (target, output) => meanPerSample(shortfall(target, output)));
}

/** Mean of max(1 − target · output, 0)². */
export function squaredHinge(options?: NoOptions): Loss {
  checkOptions('losses.squaredHinge', options, []);
  return valueLoss('squaredHinge', {}, (target, output) => meanPerSample(square(shortfall(target, output))));
}

/**
 * max(the largest output of a wrong class − the output of the right one + 1, 0) over the last axis; targets
 * are one-hot. As in Keras, the largest output of a wrong class is at least 0.
 */
export function categoricalHinge(options?: NoOptions): Loss {
  checkOptions('losses.categoricalHinge', options, []);
  return valueLoss('categoricalHinge', {}, (target, output) => {
    const right = sum(mul(target, output), -1);
    const wrong = max(mul(sub(1, target), output), -1);
    return meanPerSample(maximum(add(sub(wrong, right), 1), 0));
  });
}
