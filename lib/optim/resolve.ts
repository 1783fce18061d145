import {customKind, type Named, ownFunction, resolve} from '../core/named.ts';
import {customOptimizer, type OwnOptimizer, type UpdateFunction} from './custom.ts';
import * as optimizers from './index.ts';
import type {LearningRate, Optimizer} from './optimizer.ts';

export type OptimizerLike =
  | Extract<keyof typeof optimizers, string>
  | Optimizer
  | UpdateFunction
  | OwnOptimizer;

type Found = Optimizer | (UpdateFunction & Named);

/** The optimizer that a user means by its name or gives. */
export function toOptimizer(value: OptimizerLike): Optimizer {
  const found = resolve<Found>('optimizer', optimizers, value, {custom: ownFunction});
  if (typeof found !== 'function') return found;
  const optimizer = customOptimizer(found);
  // A file knows a function by its name, and its learning rate, which may have been assigned.
  const {kind, learningRate} = value as {kind?: string; learningRate?: LearningRate};
  if (kind === customKind && learningRate !== undefined) optimizer.learningRate = learningRate;
  return optimizer;
}
