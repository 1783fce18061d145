// What an optimizer is: numbers for each step, and an update written with ops. Its variables (moments) belong
// to the model that it trains; the optimizer itself holds its options and the learning rate, which may be
// assigned.
import {checkNumber, fail} from '../core/errors.ts';
import {type Config, describe, type Json, type Named, ownFunction, remember, resolve} from '../core/named.ts';
import type {Tensor} from '../core/tensor.ts';
import * as schedules from './schedules.ts';

export type Schedule = schedules.Schedule;

/** A fixed rate, or one for each step. A function gets the number of the step, from 0. */
export type LearningRate = number | Schedule | ((step: number) => number);

export interface Optimizer extends Named {
  /** Assignable between steps: `model.optimizer.learningRate = 0.01`. */
  learningRate: LearningRate;
  /** Names of the moments kept for each parameter, zero at first. */
  readonly slots: readonly string[];
  /** How many numbers of a step the update reads. */
  readonly hyperCount: number;
  /** The numbers of the step (from 0) at its learning rate; rounded once, when they are stored. */
  hyper(step: number, learningRate: number): readonly number[];
  /**
   * New values of each segment (parameter, gradient, …moments), as (parameter, …moments). Row 0 of `hyper`
   * [1, hyperCount] holds the step's numbers.
   */
  update(hyper: Tensor, segments: readonly (readonly Tensor[])[]): readonly (readonly Tensor[])[];
}

/** Near the largest float32: beyond it, a rate would be stored as infinite. */
const largestRate = 3e38;

function checkRate(where: string, value: unknown): LearningRate {
  if (typeof value === 'number') {
    checkNumber(`${where}: learningRate`, value, {min: 0, max: largestRate});
    return value;
  }
  return resolve<Schedule>('schedule', schedules, value, {
    custom: ownFunction,
  });
}

/** An optimizer of a kind; `options` are its own, the learning rate apart. */
export function makeOptimizer(
  kind: string,
  given: {learningRate?: LearningRate},
  defaultRate: number,
  options: Readonly<Record<string, Json | undefined>>,
  rules: Pick<Optimizer, 'slots' | 'hyperCount' | 'hyper' | 'update'>,
): Optimizer {
  let rate = checkRate(`optimizers.${kind}`, given.learningRate ?? defaultRate);
  const own = Object.entries(options).filter((entry): entry is [string, Json] => entry[1] !== undefined);
  return remember({
    ...rules,
    kind,
    get learningRate() {
      return rate;
    },
    set learningRate(value: LearningRate) {
      rate = checkRate(`${kind}`, value);
    },
    get config(): Config {
      const said = typeof rate === 'number' ? rate : describe('learning rate', rate as Schedule);
      return {...(said !== defaultRate && {learningRate: said}), ...Object.fromEntries(own)};
    },
  });
}

/** The learning rate of a step. */
export function rateAt({learningRate, kind}: Optimizer, step: number): number {
  if (typeof learningRate === 'number') return learningRate;
  const rate = learningRate(step);
  if (typeof rate === 'number' && rate >= 0 && rate <= largestRate) return rate;
  return fail('ERR_VALUE', `${kind}: the schedule gave the learning rate ${rate} for step ${step}.`);
}

/** Writes the numbers of `steps` steps from `first` on, a row each. */
export function writeHyper(optimizer: Optimizer, first: number, steps: number, into: Float32Array): void {
  for (let row = 0; row < steps; row++) {
    const step = first + row;
    into.set(optimizer.hyper(step, rateAt(optimizer, step)), row * optimizer.hyperCount);
  }
}
