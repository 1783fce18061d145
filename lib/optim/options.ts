// What every optimizer can do besides its own rule: decay weights, clip gradients, average weights,
// accumulate the gradients of several batches. Names, defaults and meaning are those of Keras.

import {checkBoolean, checkNumber, fail} from '../core/errors.ts';
import {show} from '../core/kinds.ts';
import type {Shape} from '../core/shape.ts';
import type {Clip} from './clipping.ts';
import type {LearningRate} from './schedule.ts';

export interface CommonOptions {
  /** A fixed rate, a member of `schedules`, or a function of the step. */
  readonly learningRate?: LearningRate;
  /** The fraction of a weight that each step subtracts, times the learning rate. 0 by default. */
  readonly weightDecay?: number;
  /**
   * True, the default: p ← p − rate·weightDecay·p, apart from the rule (Loshchilov and Hutter 2019). False:
   * weightDecay·p is added to the gradient, as by an L2 penalty.
   */
  readonly decoupledWeightDecay?: boolean;
  /**
   * Weights that do not decay: those whose name contains one of these texts, or for which a function is true.
   */
  readonly excludeFromWeightDecay?: readonly string[] | ((name: string, shape: Shape) => boolean);
  /** Each element of a gradient is limited to −clipValue…clipValue. */
  readonly clipValue?: number;
  /** The gradient of each weight is scaled down to this L2 norm if it is longer (Pascanu et al. 2013). */
  readonly clipNorm?: number;
  /** All gradients together are scaled down to this L2 norm if they are longer. */
  readonly globalClipNorm?: number;
  /**
   * Whether to keep a moving average of the weights, which replaces them when `fit` ends. False by default.
   */
  readonly useEma?: boolean;
  /** The fraction of the average that is kept at each step, 0.99 by default. */
  readonly emaMomentum?: number;
  /** After how many steps the average replaces the weights, again and again. Never by default. */
  readonly emaOverwriteFrequency?: number;
  /**
   * How many batches make one update, by the mean of their gradients. `useEma`, schedules and
   * `emaOverwriteFrequency` then count updates. 1 by default.
   */
  readonly gradientAccumulationSteps?: number;
}

export const commonOptions: readonly (keyof CommonOptions)[] = [
  'learningRate',
  'weightDecay',
  'decoupledWeightDecay',
  'excludeFromWeightDecay',
  'clipValue',
  'clipNorm',
  'globalClipNorm',
  'useEma',
  'emaMomentum',
  'emaOverwriteFrequency',
  'gradientAccumulationSteps',
];

/** The options, checked and with their defaults. */
export interface Common {
  readonly weightDecay: number;
  readonly decoupled: boolean;
  excludes(name: string, shape: Shape): boolean;
  /** Whether `excludes` can be true for any weight. */
  readonly hasExclusions: boolean;
  readonly clip: Clip | undefined;
  readonly useEma: boolean;
  readonly emaMomentum: number;
  readonly emaOverwriteFrequency: number | undefined;
  readonly accumulationSteps: number;
}

/** Requires at least the smallest normal float32: less could become zero and divide zero by zero. */
export function checkEpsilon(where: string, value: unknown): void {
  checkNumber(`${where}: epsilon`, value, {min: 2 ** -126});
}

/** Checks the fraction of a moving average that is kept at each step. */
export function checkFraction(where: string, value: unknown): void {
  checkNumber(where, value, {min: 0, below: 1});
}

function clipOf(where: string, options: CommonOptions): Clip | undefined {
  const given = (['clipValue', 'clipNorm', 'globalClipNorm'] as const).filter(
    name => options[name] !== undefined,
  );
  for (const name of given) checkNumber(`${where}: ${name}`, options[name], {min: 2 ** -126, max: 3e38});
  if (given.length > 1) {
    fail('ERR_OPTION', `${where}: only one way to clip is possible. Received ${given.join(' and ')}.`);
  }
  const [by] = given;
  return by && {by, limit: options[by] as number};
}

function exclusionOf(where: string, value: unknown): (name: string, shape: Shape) => boolean {
  if (value === undefined) return () => false;
  if (typeof value === 'function') return (name, shape) => Boolean(value(name, shape));
  if (Array.isArray(value) && value.every(text => typeof text === 'string' && text !== '')) {
    return name => value.some((text: string) => name.includes(text));
  }
  return fail(
    'ERR_OPTION',
    `${where}: excludeFromWeightDecay: expected parts of names, e.g. ['bias'], or a function of a ` +
      `weight's name and shape. Received ${show(value)}.`,
  );
}

/** @throws ERR_OPTION naming the option that is wrong. */
export function commonOf(where: string, options: CommonOptions, defaultDecay = 0): Common {
  const {weightDecay = defaultDecay, decoupledWeightDecay = true, excludeFromWeightDecay} = options;
  const {useEma = false, emaMomentum = 0.99, emaOverwriteFrequency} = options;
  const {gradientAccumulationSteps = 1} = options;
  checkNumber(`${where}: weightDecay`, weightDecay, {min: 0, max: 1e30});
  checkBoolean(`${where}: decoupledWeightDecay`, decoupledWeightDecay);
  const excludes = exclusionOf(where, excludeFromWeightDecay);
  checkBoolean(`${where}: useEma`, useEma);
  checkNumber(`${where}: emaMomentum`, emaMomentum, {min: 0, max: 1});
  if (emaOverwriteFrequency !== undefined) {
    checkNumber(`${where}: emaOverwriteFrequency`, emaOverwriteFrequency, {integer: true, min: 1});
  }
  checkNumber(`${where}: gradientAccumulationSteps`, gradientAccumulationSteps, {integer: true, min: 1});
  return {
    weightDecay,
    decoupled: decoupledWeightDecay,
    excludes,
    hasExclusions: weightDecay > 0 && excludeFromWeightDecay !== undefined,
    clip: clipOf(where, options),
    useEma,
    emaMomentum,
    emaOverwriteFrequency,
    accumulationSteps: gradientAccumulationSteps,
  };
}
