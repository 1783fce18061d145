// What an optimizer is: hyperparameters for each step, and an update made of ops. Its variables (moments)
// belong to the model that it trains; the optimizer itself holds its options and the learning rate, which may
// be assigned.

import {checkNumber, fail} from '../core/errors.ts';
import {at, zip} from '../core/lists.ts';
import {type Config, describe, type Json, type Named, ownFunction, remember} from '../core/named.ts';
import {resolve} from '../core/resolve.ts';
import {type Shape, sizeOf} from '../core/shape.ts';
import {constant, type Op, type Tensor} from '../core/tensor.ts';
import {add, mul, sub} from '../ops/map.ts';
import {reshape} from '../ops/move.ts';
import {accumulateOp, applyUpdate, type UpdateAttributes} from '../ops/optimizer.ts';
import {sum} from '../ops/reduce.ts';
import {type Clipped, clipGradients} from './clipping.ts';
import {Hyperparameters} from './hyperparameters.ts';
import {type Common, type CommonOptions, commonOf} from './options.ts';
import {Rate} from './rate.ts';
import type {LearningRate, Schedule} from './schedule.ts';
import * as schedules from './schedules.ts';

/** A value that is kept for a weight. */
export interface Slot {
  readonly name: string;
  readonly shape: Shape;
}

/** A weight in a step. */
export interface WeightStep {
  readonly name: string;
  readonly parameter: Tensor;
  readonly gradient: Tensor;
  /** The values of `slots`, in order. */
  readonly slots: readonly Tensor[];
}

export interface Updates {
  /** For each weight its new value and those of its slots, in order. */
  readonly updated: readonly (readonly Tensor[])[];
  /** Results of `finite`: if one of them fails, nothing is written. */
  readonly guards: readonly Tensor[];
}

export interface Optimizer extends Named {
  /**
   * Assignable between steps. `model.optimizer.learningRate = 0.01` is for that model alone; assigned to the
   * optimizer that `compile` was given, it is for all models made with it, now and later.
   */
  learningRate: LearningRate;
  /** The names of the values kept for parameters, which are zero at first. */
  readonly slots: readonly string[];
  /** Those kept for one weight, in order, and their shapes: all of `slots` in its own shape, by default. */
  slotsFor(name: string, shape: Shape): readonly Slot[];
  /** The slot that holds the moving average of the weights, if one is kept. */
  readonly averageSlot: string | undefined;
  /** How many batches make an update. */
  readonly accumulationSteps: number;
  /** The shape of the hyperparameters of a step: [groups of weights, hyperparameters of each]. */
  readonly hyperShape: readonly [number, number];
  /** The size of that shape. */
  readonly hyperCount: number;
  /** The hyperparameters of a step, from 0, at its learning rate, before they are rounded to float32. */
  hyper(step: number, learningRate: number): readonly number[];
  /** New values for all weights. `hyper` holds the hyperparameters of the step. */
  update(hyper: Tensor, weights: readonly WeightStep[]): Updates;
  /** One for a model of its own, with the learning rate of the optimizer that the user made. */
  copy(): Optimizer;
}

/** An update of all segments by ops instead of a kernel; `names` are those of the weights. */
export type OwnUpdate = (
  hyper: Tensor,
  segments: readonly (readonly Tensor[])[],
  attributes: UpdateAttributes,
  names: readonly string[],
) => readonly (readonly Tensor[])[];

/** The part of an optimizer that differs from kind to kind. */
export interface Rule {
  readonly op: Op<UpdateAttributes> | OwnUpdate;
  /** The names of its moments, in the order of the op's operands. */
  readonly slots: readonly string[];
  /** Where not every weight has all of them in its own shape. */
  slotsFor?(name: string, shape: Shape): readonly Slot[];
  /** Its hyperparameters for update `step`, from 0. */
  hyper(step: number, learningRate: number): readonly number[];
}

/** Near the largest float32: a larger rate would be stored as infinity. */
const maxRate = 3e38;

export function checkRate(where: string, value: unknown): LearningRate {
  if (typeof value === 'number') {
    checkNumber(`${where}: learningRate`, value, {min: 0, max: maxRate});
    return value;
  }
  return resolve<Schedule>('schedule', schedules, value, {custom: ownFunction});
}

/** The options as JSON. @throws ERR_OPTION for a function of the user's own. */
function toJson(options: object): [string, Json][] {
  return Object.entries(options).flatMap(([name, value]): [string, Json][] => {
    if (name === 'learningRate' || value === undefined) return [];
    if (typeof value !== 'function') return [[name, value as Json]];
    const what = `save: ${name} is a function of your own and cannot be written to a file`;
    return fail('ERR_OPTION', `${what}; a list of names can.`);
  });
}

/** An optimizer of this kind. Its own options must have been checked; the common ones are checked here. */
export function makeOptimizer(
  kind: string,
  options: CommonOptions,
  defaults: {readonly learningRate: number; readonly weightDecay?: number},
  rule: Rule,
): Optimizer {
  const where = `optimizers.${kind}`;
  const common = commonOf(where, options, defaults.weightDecay);
  const hyperparameters = new Hyperparameters(rule.hyper, common);
  const {accumulationSteps, useEma} = common;
  const more = [...(useEma ? ['average'] : []), ...(accumulationSteps > 1 ? ['accumulated'] : [])];
  const slots = [...rule.slots, ...more];
  const slotsFor = (name: string, shape: Shape): readonly Slot[] => {
    const own = (names: readonly string[]): Slot[] => names.map(slot => ({name: slot, shape}));
    return [...(rule.slotsFor?.(name, shape) ?? own(rule.slots)), ...own(more)];
  };
  const withRate = (rate: Rate): Optimizer => {
    // Frozen, so that `optimizer.lr = …` is an error; the learning rate has a setter.
    const made: Optimizer = {
      kind,
      slots,
      slotsFor,
      averageSlot: useEma ? 'average' : undefined,
      accumulationSteps,
      hyperShape: hyperparameters.shape,
      hyperCount: sizeOf(hyperparameters.shape),
      hyper: (step: number, learningRate: number) => hyperparameters.at(step, learningRate),
      update: (hyper: Tensor, weights: readonly WeightStep[]) => updateAll(rule.op, common, hyper, weights),
      get learningRate() {
        return rate.value;
      },
      set learningRate(value: LearningRate) {
        rate.value = checkRate(kind, value);
      },
      copy: () => withRate(rate.copy()),
      get config(): Config {
        const {value} = rate;
        const described = typeof value === 'number' ? value : describe('learning rate', value as Schedule);
        return {
          ...(described !== defaults.learningRate && {learningRate: described}),
          ...Object.fromEntries(toJson(options)),
        };
      },
    };
    return Object.freeze(remember(made as Optimizer));
  };
  return withRate(new Rate(checkRate(where, options.learningRate ?? defaults.learningRate)));
}

/** The last element of the first row, as [1,1]. */
function lastOfRow(hyper: Tensor): Tensor {
  const [, columns] = hyper.shape as readonly [number, number];
  const picked = Float32Array.from({length: hyper.size}, (_, index) => Number(index === columns - 1));
  return reshape(sum(mul(hyper, constant(picked, hyper.shape))), [1, 1]);
}

/** The update of all weights, after accumulating and clipping the gradients. */
function updateAll(op: Rule['op'], common: Common, hyper: Tensor, weights: readonly WeightStep[]): Updates {
  const {weightDecay, hasExclusions, excludes, clip, useEma, accumulationSteps} = common;
  const accumulates = accumulationSteps > 1;
  const sumOf = ({slots}: WeightStep): Tensor => at(slots, -1);
  const means = weights.map(weight =>
    accumulates ? mul(add(sumOf(weight), weight.gradient), 1 / accumulationSteps) : weight.gradient,
  );
  const {gradients, guards}: Clipped = clipGradients(means, clip);
  const segments = zip(weights, gradients).map(([{parameter, slots}, gradient]) => [
    parameter,
    gradient,
    ...(accumulates ? slots.slice(0, -1) : slots),
  ]);
  const attributes: UpdateAttributes = {
    decays: weightDecay > 0,
    averages: useEma,
    pauses: accumulates,
    groups: weights.map(({name, parameter}) => Number(hasExclusions && excludes(name, parameter.shape))),
  };
  const names = weights.map(({name}) => name);
  const updated =
    typeof op === 'function'
      ? op(hyper, segments, attributes, names)
      : applyUpdate(op, hyper, segments, attributes);
  if (!accumulates) return {updated, guards};
  const accumulated = applyUpdate(
    accumulateOp,
    sub(1, lastOfRow(hyper)),
    weights.map(weight => [sumOf(weight), weight.gradient]),
  );
  const all = zip(updated, accumulated).map(([values, sum]) => [...values, ...sum]);
  return {updated: all, guards};
}

/** The learning rate of a step; a schedule counts updates. */
export function rateAt({learningRate, kind, accumulationSteps}: Optimizer, step: number): number {
  if (typeof learningRate === 'number') return learningRate;
  const rate = learningRate(Math.floor(step / accumulationSteps));
  if (typeof rate === 'number' && rate >= 0 && rate <= maxRate) return rate;
  return fail('ERR_VALUE', `${kind}: the schedule gave the learning rate ${rate} for step ${step}.`);
}

/** Writes the hyperparameters of `steps` steps from `first` on, a row for each. */
export function writeHyper(optimizer: Optimizer, first: number, steps: number, into: Float32Array): void {
  const {hyperCount} = optimizer;
  for (let row = 0; row < steps; row++) {
    const step = first + row;
    const values = optimizer.hyper(step, rateAt(optimizer, step));
    // A call of `set` takes longer than so few numbers.
    for (let at = 0; at < hyperCount; at++) into[row * hyperCount + at] = values[at] as number;
  }
}
