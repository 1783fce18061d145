// Several optimizers, each for a group of the weights.
import {checkOptions, fail, requireOptions} from '../core/errors.ts';
import {show} from '../core/kinds.ts';
import {zip} from '../core/lists.ts';
import {type Config, describe, type Json, remember} from '../core/named.ts';
import type {Shape} from '../core/shape.ts';
import type {Tensor} from '../core/tensor.ts';
import {reshape} from '../ops/move.ts';
import {slice} from '../ops/pad.ts';
import {checkRate, type Optimizer, rateAt, type Updates, type WeightStep} from './optimizer.ts';
import {type OptimizerInput, optimizerFrom} from './own.ts';
import {Rate} from './rate.ts';
import type {LearningRate, Schedule} from './schedule.ts';
import * as single from './single.ts';

/** An optimizer of all weights alike: by name, made by its function, or one of the user's own. */
export type SingleOptimizer =
  | 'adadelta'
  | 'adafactor'
  | 'adagrad'
  | 'adam'
  | 'adamax'
  | 'adamw'
  | 'ftrl'
  | 'lamb'
  | 'lion'
  | 'muon'
  | 'nadam'
  | 'radam'
  | 'rmsprop'
  | 'sgd'
  | OptimizerInput;

export interface OptimizerGroup {
  /** Parts of names of weights, such as `['kernel']`, or a function of a weight's name and shape. */
  readonly weights: readonly string[] | ((name: string, shape: Shape) => boolean);
  readonly optimizer: SingleOptimizer;
}

export interface GroupedOptions {
  /** The first group that has a weight updates it. */
  readonly groups: readonly OptimizerGroup[];
  /** Of all other weights. */
  readonly otherwise: SingleOptimizer;
  /** A factor of the rates of all, which may be a schedule. 1 by default. */
  readonly learningRate?: LearningRate;
}

interface Member {
  readonly optimizer: Optimizer;
  has(name: string, shape: Shape): boolean;
  /** What describes its weights in a file; undefined for a function. */
  readonly names: readonly string[] | undefined;
}

const where = 'optimizers.grouped';

/** Options that count steps, or keep what all weights must have, which are not one group's. */
function checkMember(what: string, {averageSlot, accumulationSteps}: Optimizer): void {
  const option = averageSlot ? 'useEma' : accumulationSteps > 1 ? 'gradientAccumulationSteps' : undefined;
  if (option) fail('ERR_OPTION', `${where}: ${what}: ${option} is for all weights, not for a group of them.`);
}

function memberOf(what: string, group: OptimizerGroup): Member {
  requireOptions(`${where}: ${what}`, group, ['weights', 'optimizer']);
  const {weights} = group;
  const optimizer = optimizerFrom(single, group.optimizer);
  checkMember(what, optimizer);
  if (typeof weights === 'function') {
    return {optimizer, has: (name, shape) => Boolean(weights(name, shape)), names: undefined};
  }
  if (
    Array.isArray(weights) &&
    weights.length > 0 &&
    weights.every(part => typeof part === 'string' && part)
  ) {
    const names = [...(weights as readonly string[])];
    return {optimizer, has: name => names.some(part => name.includes(part)), names};
  }
  const wanted = "parts of names, e.g. ['kernel'], or a function of a weight's name and shape";
  return fail('ERR_OPTION', `${where}: ${what}: weights: expected ${wanted}. Received ${show(weights)}.`);
}

function describeMember({optimizer, names}: Member): Json {
  if (names) return {weights: names, optimizer: describe('optimizer', optimizer)};
  const what = 'save: weights of a group of optimizers are chosen by a function of your own';
  return fail('ERR_OPTION', `${what} and cannot be written to a file; a list of names can.`);
}

/** The hyperparameters of a member: a part of those of all. */
function hyperOf(hyper: Tensor, first: number, {hyperCount, hyperShape}: Optimizer): Tensor {
  return reshape(slice(hyper, 1, first, hyperCount), hyperShape);
}

function updateAll(members: readonly Member[], hyper: Tensor, weights: readonly WeightStep[]): Updates {
  const owners = weights.map(({name, parameter}) => members.findIndex(({has}) => has(name, parameter.shape)));
  const updated = new Map<WeightStep, readonly Tensor[]>();
  const guards: Tensor[] = [];
  let first = 0;
  members.forEach(({optimizer}, index) => {
    const own = weights.filter((_, at) => owners[at] === index);
    if (own.length > 0) {
      const result = optimizer.update(hyperOf(hyper, first, optimizer), own);
      for (const [weight, values] of zip(own, result.updated)) updated.set(weight, values);
      guards.push(...result.guards);
    }
    first += optimizer.hyperCount;
  });
  return {updated: weights.map(weight => updated.get(weight) as readonly Tensor[]), guards};
}

function made(members: readonly Member[], rate: Rate): Optimizer {
  const all = members.map(({optimizer}) => optimizer);
  const hyperCount = all.reduce((sum, own) => sum + own.hyperCount, 0);
  const ownerOf = (name: string, shape: Shape): Optimizer =>
    (members.find(({has}) => has(name, shape)) as Member).optimizer;
  const optimizer: Optimizer = {
    kind: 'grouped',
    slots: [...new Set(all.flatMap(({slots}) => slots))],
    slotsFor: (name, shape) => ownerOf(name, shape).slotsFor(name, shape),
    averageSlot: undefined,
    accumulationSteps: 1,
    hyperShape: [1, hyperCount],
    hyperCount,
    hyper: (step, factor) => all.flatMap(own => [...own.hyper(step, rateAt(own, step) * factor)]),
    update: (hyper, weights) => updateAll(members, hyper, weights),
    get learningRate() {
      return rate.value;
    },
    set learningRate(value: LearningRate) {
      rate.value = checkRate(where, value);
    },
    copy: () =>
      made(
        members.map(own => ({...own, optimizer: own.optimizer.copy()})),
        rate.copy(),
      ),
    get config(): Config {
      const {value} = rate;
      const described = typeof value === 'number' ? value : describe('learning rate', value as Schedule);
      return {
        groups: members.slice(0, -1).map(describeMember),
        otherwise: describe('optimizer', all.at(-1) as Optimizer),
        ...(described !== 1 && {learningRate: described}),
      };
    },
  };
  return Object.freeze(remember(optimizer));
}

/**
 * Several optimizers, each for a group of the weights: the first group that names a weight, else `otherwise`.
 * Each keeps what it needs of its own weights alone. `learningRate`, 1 by default, is a factor of all rates:
 * what callbacks assign changes all of them alike.
 *
 * @throws ERR_OPTION
 */
export function grouped(options: GroupedOptions): Optimizer {
  requireOptions(where, options, ['groups', 'otherwise', 'learningRate']);
  checkOptions(where, options, ['groups', 'otherwise', 'learningRate']);
  const {groups, otherwise, learningRate = 1} = options;
  if (!Array.isArray(groups) || groups.length === 0) {
    fail(
      'ERR_OPTION',
      `${where}: groups: expected a list of {weights, optimizer}. Received ${show(groups)}.`,
    );
  }
  const last = optimizerFrom(single, otherwise);
  checkMember('otherwise', last);
  const members = groups.map((group, index) => memberOf(`groups[${index}]`, group as OptimizerGroup));
  members.push({optimizer: last, has: () => true, names: undefined});
  return made(members, new Rate(checkRate(where, learningRate)));
}
