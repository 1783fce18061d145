import {customKind, type Named, ownFunction} from '../core/named.ts';
import {resolve} from '../core/resolve.ts';
import {customOptimizer, type OwnOptimizer, type UpdateFunction} from './custom.ts';
import * as optimizers from './index.ts';
import type {Optimizer} from './optimizer.ts';
import type {LearningRate} from './schedule.ts';

export type OptimizerLike =
  | Extract<keyof typeof optimizers, string>
  | Optimizer
  | UpdateFunction
  | OwnOptimizer;

type Found = Optimizer | (UpdateFunction & Named);

/** An optimizer from its name, its description, or a function or object of the user's own. */
export function toOptimizer(value: OptimizerLike): Optimizer {
  const found = resolve<Found>('optimizer', optimizers, value, {custom: ownFunction});
  if (typeof found !== 'function') return found;
  const optimizer = customOptimizer(found);
  // A description of a function also has its learning rate, which may have been assigned.
  const {kind, learningRate} = value as {kind?: string; learningRate?: LearningRate};
  if (kind === customKind && learningRate !== undefined) optimizer.learningRate = learningRate;
  return optimizer;
}
