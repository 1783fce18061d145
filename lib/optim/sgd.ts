import {checkNumber, checkOptions, fail} from '../core/errors.ts';
import {applyUpdate, momentumOp, sgdOp} from '../ops/optimizer.ts';
import {type LearningRate, makeOptimizer, type Optimizer} from './optimizer.ts';

export interface SgdOptions {
  /** 0.01 by default. */
  readonly learningRate?: LearningRate;
  /** 0 by default: no velocity is kept. */
  readonly momentum?: number;
  /** Look ahead by one step of the velocity (Nesterov 1983, Sutskever et al. 2013). False by default. */
  readonly nesterov?: boolean;
}

/**
 * Stochastic gradient descent. p ← p − rate·g; with momentum, as in PyTorch, v ← momentum·v + g and
 * p ← p − rate·v, or p ← p − rate·(g + momentum·v) with Nesterov's.
 */
export function sgd(options: SgdOptions = {}): Optimizer {
  checkOptions('optimizers.sgd', options, ['learningRate', 'momentum', 'nesterov']);
  const {momentum = 0, nesterov = false} = options;
  checkNumber('optimizers.sgd: momentum', momentum, {min: 0, max: 1});
  if (typeof nesterov !== 'boolean') fail('ERR_OPTION', 'optimizers.sgd: nesterov: expected true or false.');
  const own = {momentum: options.momentum, nesterov: options.nesterov};
  if (momentum === 0) {
    return makeOptimizer('sgd', options, 0.01, own, {
      slots: [],
      hyperCount: 1,
      hyper: (_, rate) => [rate],
      update: (hyper, segments) => applyUpdate(sgdOp, hyper, segments, {groups: segments.map(() => 0)}),
    });
  }
  return makeOptimizer('sgd', options, 0.01, own, {
    slots: ['velocity'],
    hyperCount: 2,
    hyper: (_, rate) => [rate, momentum],
    update: (hyper, segments) =>
      applyUpdate(momentumOp, hyper, segments, {nesterov, groups: segments.map(() => 0)}),
  });
}
