// What an optimizer is: numbers for each step, and an update written with ops. Its variables (moments) belong
// to the model that it trains; the optimizer itself holds its options and the learning rate, which may be
// assigned.
import {checkNumber, fail} from '../core/errors.ts';
import {type Config, describe, type Json, type Named, ownFunction, remember, resolve} from '../core/named.ts';
import {constant, type Op, type Tensor} from '../core/tensor.ts';
import {add, mul, sub} from '../ops/map.ts';
import {reshape} from '../ops/move.ts';
import {accumulateOp, applyUpdate, type UpdateAttributes} from '../ops/optimizer.ts';
import {sum} from '../ops/reduce.ts';
import {type Clipped, clipGradients} from './clipping.ts';
import {type Common, type CommonOptions, commonOf} from './options.ts';
import * as schedules from './schedules.ts';

export type Schedule = schedules.Schedule;

/** A fixed rate, or one for each step. A function gets the number of the step, from 0. */
export type LearningRate = number | Schedule | ((step: number) => number);

/** A weight as the optimizer sees it in a step. */
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
  /** Results of `finite` that must hold before anything is written. */
  readonly guards: readonly Tensor[];
}

export interface Optimizer extends Named {
  /** Assignable between steps: `model.optimizer.learningRate = 0.01`. */
  learningRate: LearningRate;
  /** Names of the values kept for each parameter, zero at first. */
  readonly slots: readonly string[];
  /** The slot that holds the moving average of the weights, where one is kept. */
  readonly averageSlot: string | undefined;
  /** Batches for each update. */
  readonly accumulationSteps: number;
  /** The numbers of a step that the update reads: [groups of weights, numbers for each]. */
  readonly hyperShape: readonly [number, number];
  /** How many these are. */
  readonly hyperCount: number;
  /** The numbers of the step (from 0) at its learning rate; rounded once, when they are stored. */
  hyper(step: number, learningRate: number): readonly number[];
  /** New values for all weights. `hyper` holds the step's numbers. */
  update(hyper: Tensor, weights: readonly WeightStep[]): Updates;
}

/** An update of all segments that is no kernel; `names` are those of the weights. */
export type OwnUpdate = (
  hyper: Tensor,
  segments: readonly (readonly Tensor[])[],
  attributes: UpdateAttributes,
  names: readonly string[],
) => readonly (readonly Tensor[])[];

/** What one optimizer has of its own. */
export interface Rule {
  readonly op: Op<UpdateAttributes> | OwnUpdate;
  /** Names of its moments, in the order in which the op has them. */
  readonly slots: readonly string[];
  /** Its numbers for update `step`, from 0. */
  hyper(step: number, learningRate: number): readonly number[];
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

/** The options as JSON. @throws ERR_OPTION for a function of the user's own. */
function toJson(options: object): [string, Json][] {
  return Object.entries(options).flatMap(([name, value]): [string, Json][] => {
    if (name === 'learningRate' || value === undefined) return [];
    if (typeof value !== 'function') return [[name, value as Json]];
    const what = `save: ${name} is a function of your own and cannot be written to a file`;
    return fail('ERR_OPTION', `${what}; a list of names can.`);
  });
}

/** An optimizer of a kind. Its own options have been checked; the common ones are checked here. */
export function makeOptimizer(
  kind: string,
  options: CommonOptions,
  defaults: {readonly learningRate: number; readonly weightDecay?: number},
  rule: Rule,
): Optimizer {
  const where = `optimizers.${kind}`;
  let rate = checkRate(where, options.learningRate ?? defaults.learningRate);
  const common = commonOf(where, options, defaults.weightDecay);
  const table = new HyperTable(rule, common);
  const {accumulationSteps, useEma} = common;
  // Frozen, so that `optimizer.lr = …` is an error; the learning rate has a setter.
  const made: Optimizer = {
    kind,
    slots: [...rule.slots, ...(useEma ? ['average'] : []), ...(accumulationSteps > 1 ? ['accumulated'] : [])],
    averageSlot: useEma ? 'average' : undefined,
    accumulationSteps,
    hyperShape: table.shape,
    hyperCount: table.shape[0] * table.shape[1],
    hyper: (step: number, learningRate: number) => table.numbers(step, learningRate),
    update: (hyper: Tensor, weights: readonly WeightStep[]) => updateAll(rule.op, common, hyper, weights),
    get learningRate() {
      return rate;
    },
    set learningRate(value: LearningRate) {
      rate = checkRate(kind, value);
    },
    get config(): Config {
      const said = typeof rate === 'number' ? rate : describe('learning rate', rate as Schedule);
      return {
        ...(said !== defaults.learningRate && {learningRate: said}),
        ...Object.fromEntries(toJson(options)),
      };
    },
  };
  return remember(Object.freeze(made) as Optimizer);
}

/** The numbers of each step: those of the rule, then of what is added to it, as ops/optimizer.ts says. */
class HyperTable {
  readonly shape: readonly [number, number];
  readonly #rule: Rule;
  readonly #common: Common;
  /** Nothing is added to the numbers of the rule. */
  readonly #isPlain: boolean;

  constructor(rule: Rule, common: Common) {
    this.#rule = rule;
    this.#common = common;
    const {weightDecay, useEma, accumulationSteps} = common;
    this.#isPlain = weightDecay <= 0 && !useEma && accumulationSteps <= 1;
    const groups = common.hasExclusions ? 2 : 1;
    this.shape = [groups, this.#row(0, 0, common.weightDecay).length];
  }

  numbers(step: number, rate: number): readonly number[] {
    const {weightDecay, hasExclusions} = this.#common;
    const row = this.#row(step, rate, weightDecay);
    return hasExclusions ? [...row, ...this.#row(step, rate, 0)] : row;
  }

  #row(step: number, rate: number, decay: number): readonly number[] {
    const {weightDecay, decoupled, useEma, emaMomentum, emaOverwriteFrequency, accumulationSteps} =
      this.#common;
    const update = Math.floor(step / accumulationSteps);
    const own = this.#rule.hyper(update, rate);
    if (this.#isPlain) return own;
    const row = [...own];
    if (weightDecay > 0) row.push(...(decoupled ? [1 - rate * decay, 0] : [1, decay]));
    if (useEma) {
      // The first average is the weights themselves.
      const kept = update === 0 ? 0 : emaMomentum;
      const overwrites = emaOverwriteFrequency !== undefined && (update + 1) % emaOverwriteFrequency === 0;
      row.push(kept, 1 - kept, Number(overwrites));
    }
    if (accumulationSteps > 1) row.push(Number((step + 1) % accumulationSteps === 0));
    return row;
  }
}

/** The last number of the first row, as [1,1]. */
function lastOfRow(hyper: Tensor): Tensor {
  const [, columns] = hyper.shape as readonly [number, number];
  const picked = Float32Array.from({length: hyper.size}, (_, index) => Number(index === columns - 1));
  return reshape(sum(mul(hyper, constant(picked, hyper.shape))), [1, 1]);
}

function updateAll(op: Rule['op'], common: Common, hyper: Tensor, weights: readonly WeightStep[]): Updates {
  const {weightDecay, hasExclusions, excludes, clip, useEma, accumulationSteps} = common;
  const accumulates = accumulationSteps > 1;
  const sums = weights.map(({slots}) => slots.at(-1) as Tensor);
  const given = weights.map(({gradient}, index) =>
    accumulates ? mul(add(sums[index] as Tensor, gradient), 1 / accumulationSteps) : gradient,
  );
  const {gradients, guards}: Clipped = clipGradients(given, clip);
  const segments = weights.map(({parameter, slots}, index) => [
    parameter,
    gradients[index] as Tensor,
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
  const added = applyUpdate(
    accumulateOp,
    sub(1, lastOfRow(hyper)),
    weights.map(({gradient}, index) => [sums[index] as Tensor, gradient]),
  );
  return {updated: updated.map((values, index) => [...values, ...(added[index] as Tensor[])]), guards};
}

/** The learning rate of a step; a schedule counts updates. */
export function rateAt({learningRate, kind, accumulationSteps}: Optimizer, step: number): number {
  if (typeof learningRate === 'number') return learningRate;
  const rate = learningRate(Math.floor(step / accumulationSteps));
  if (typeof rate === 'number' && rate >= 0 && rate <= largestRate) return rate;
  return fail('ERR_VALUE', `${kind}: the schedule gave the learning rate ${rate} for step ${step}.`);
}

/** Writes the numbers of `steps` steps from `first` on, a row each. */
export function writeHyper(optimizer: Optimizer, first: number, steps: number, into: Float32Array): void {
  const {hyperCount} = optimizer;
  for (let row = 0; row < steps; row++) {
    const step = first + row;
    const numbers = optimizer.hyper(step, rateAt(optimizer, step));
    for (let index = 0; index < hyperCount; index++)
      into[row * hyperCount + index] = numbers[index] as number;
  }
}
