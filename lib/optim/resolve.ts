import * as optimizers from './index.ts';
import type {Optimizer} from './optimizer.ts';
import {type OptimizerInput, optimizerFrom} from './own.ts';

export type OptimizerLike = Exclude<Extract<keyof typeof optimizers, string>, 'grouped'> | OptimizerInput;

/** An optimizer from its name, its description, or a function or object of the user's own. */
export const toOptimizer = (value: OptimizerLike): Optimizer => optimizerFrom(optimizers, value);
