import {checkNumber, checkOptions} from '../core/errors.ts';
import {applyUpdate, rmspropOp} from '../ops/optimizer.ts';
import {type LearningRate, makeOptimizer, type Optimizer} from './optimizer.ts';

export interface RmspropOptions {
  /** 0.001 by default. */
  readonly learningRate?: LearningRate;
  /** How much of the mean of squares stays each step, 0.9 by default. */
  readonly rho?: number;
  /** 1e-7 by default, as in Keras. */
  readonly epsilon?: number;
}

/**
 * RMSprop (Hinton 2012, lecture 6e), as in PyTorch: v ← rho·v + (1 − rho)·g²;
 * p ← p − rate·g / (√v + epsilon). Keras and TensorFlow.js add epsilon below the root.
 */
export function rmsprop(options: RmspropOptions = {}): Optimizer {
  checkOptions('optimizers.rmsprop', options, ['learningRate', 'rho', 'epsilon']);
  const {rho = 0.9, epsilon = 1e-7} = options;
  checkNumber('optimizers.rmsprop: rho', rho, {min: 0, below: 1});
  checkNumber('optimizers.rmsprop: epsilon', epsilon, {above: 0});
  const own = {rho: options.rho, epsilon: options.epsilon};
  return makeOptimizer('rmsprop', options, 0.001, own, {
    slots: ['v'],
    hyperCount: 4,
    hyper: (_, rate) => [rate, rho, 1 - rho, epsilon],
    update: (hyper, segments) => applyUpdate(rmspropOp, hyper, segments, {groups: segments.map(() => 0)}),
  });
}
