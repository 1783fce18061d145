import {checkBoolean, checkNumber, checkOptions} from '../core/errors.ts';
import {momentumOp, nesterovOp, sgdOp} from '../ops/optimizer.ts';
import {makeOptimizer, type Optimizer} from './optimizer.ts';
import {type CommonOptions, commonOptions} from './options.ts';

/** `learningRate` is 0.01 by default. */
export interface SgdOptions extends CommonOptions {
  /** 0 by default: no velocity is kept. */
  readonly momentum?: number;
  /** Whether to use Nesterov momentum (Nesterov 1983, Sutskever et al. 2013). False by default. */
  readonly nesterov?: boolean;
}

/**
 * Stochastic gradient descent. p ← p − rate·g; with momentum, as in PyTorch, v ← momentum·v + g and
 * p ← p − rate·v, or p ← p − rate·(g + momentum·v) with Nesterov's.
 */
export function sgd(options: SgdOptions = {}): Optimizer {
  const where = 'optimizers.sgd';
  checkOptions(where, options, ['momentum', 'nesterov', ...commonOptions]);
  const {momentum = 0, nesterov = false} = options;
  checkNumber(`${where}: momentum`, momentum, {min: 0, max: 1});
  checkBoolean(`${where}: nesterov`, nesterov);
  const defaults = {learningRate: 0.01};
  if (momentum === 0) {
    return makeOptimizer('sgd', options, defaults, {op: sgdOp, slots: [], hyper: (_, rate) => [rate]});
  }
  return makeOptimizer('sgd', options, defaults, {
    op: nesterov ? nesterovOp : momentumOp,
    slots: ['velocity'],
    hyper: (_, rate) => [rate, momentum],
  });
}
