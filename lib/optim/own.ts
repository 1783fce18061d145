// From what a user may write to an optimizer, in a namespace of them.
import {customKind, type Named, ownFunction} from '../core/named.ts';
import {type Namespace, resolve} from '../core/resolve.ts';
import {customOptimizer, type OwnOptimizer, type UpdateFunction} from './custom.ts';
import type {Optimizer} from './optimizer.ts';
import type {LearningRate} from './schedule.ts';

/** What is no name. */
export type OptimizerInput = Optimizer | UpdateFunction | OwnOptimizer;

type Found = Optimizer | (UpdateFunction & Named);

/** @throws ERR_UNKNOWN_NAME */
export function optimizerFrom(namespace: Namespace, value: unknown): Optimizer {
  const found = resolve<Found>('optimizer', namespace, value, {custom: ownFunction});
  if (typeof found !== 'function') return found;
  const optimizer = customOptimizer(found);
  // A description of a function also has its learning rate, which may have been assigned.
  const {kind, learningRate} = value as {kind?: string; learningRate?: LearningRate};
  if (kind === customKind && learningRate !== undefined) optimizer.learningRate = learningRate;
  return optimizer;
}
