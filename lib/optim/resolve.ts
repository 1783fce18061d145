import {resolve} from '../core/named.ts';
import * as optimizers from './index.ts';
import type {Optimizer} from './optimizer.ts';

export type OptimizerLike = Extract<keyof typeof optimizers, string> | Optimizer;

/** The optimizer that a user means by its name or gives. */
export function toOptimizer(value: OptimizerLike): Optimizer {
  return resolve<Optimizer>('optimizer', optimizers, value);
}
