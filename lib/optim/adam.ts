import {checkNumber, checkOptions} from '../core/errors.ts';
import {adamOp, applyUpdate} from '../ops/optimizer.ts';
import {type LearningRate, makeOptimizer, type Optimizer} from './optimizer.ts';

export interface AdamOptions {
  /** 0.001 by default. */
  readonly learningRate?: LearningRate;
  /** 0.9 by default. */
  readonly beta1?: number;
  /** 0.999 by default. */
  readonly beta2?: number;
  /** 1e-7 by default, as in Keras. */
  readonly epsilon?: number;
}

/**
 * Adam (Kingma and Ba 2015, algorithm 1), as in PyTorch and TensorFlow.js: epsilon is added to the root of
 * the corrected second moment. Keras adds it to the uncorrected one, which differs in the first steps.
 */
export function adam(options: AdamOptions = {}): Optimizer {
  checkOptions('optimizers.adam', options, ['learningRate', 'beta1', 'beta2', 'epsilon']);
  const {beta1 = 0.9, beta2 = 0.999, epsilon = 1e-7} = options;
  checkNumber('optimizers.adam: beta1', beta1, {min: 0, below: 1});
  checkNumber('optimizers.adam: beta2', beta2, {min: 0, below: 1});
  checkNumber('optimizers.adam: epsilon', epsilon, {above: 0});
  const own = {beta1: options.beta1, beta2: options.beta2, epsilon: options.epsilon};
  return makeOptimizer('adam', options, 0.001, own, {
    slots: ['m', 'v'],
    hyperCount: 7,
    hyper(step, rate) {
      const correction1 = 1 - beta1 ** (step + 1);
      const correction2 = 1 - beta2 ** (step + 1);
      return [rate / correction1, beta1, 1 - beta1, beta2, 1 - beta2, 1 / Math.sqrt(correction2), epsilon];
    },
    update: (hyper, segments) => applyUpdate(adamOp, hyper, segments, {groups: segments.map(() => 0)}),
  });
}
