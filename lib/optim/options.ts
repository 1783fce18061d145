// What every optimizer can do besides its own rule: decay weights, clip gradients, average weights, add up
// the gradients of several batches. Names, defaults and meaning are those of Keras.
import {checkBoolean, checkNumber, fail} from '../core/errors.ts';
import type {Shape} from '../core/shape.ts';
import type {LearningRate} from './optimizer.ts';

export interface CommonOptions {
  /** A fixed rate, a member of `schedules`, or a function of the step. */
  readonly learningRate?: LearningRate;
  /** How much of a weight is taken away each step, in units of the learning rate. 0 by default. */
  readonly weightDecay?: number;
  /**
   * True, the default: p ← p − rate·weightDecay·p apart from the rule (Loshchilov and Hutter 2019). False:
   * weightDecay·p is added to the gradient, as an L2 penalty would add it.
   */
  readonly decoupledWeightDecay?: boolean;
  /** Weights that do not decay: whose name holds one of these texts, or for which the function says so. */
  readonly excludeFromWeightDecay?: readonly string[] | ((name: string, shape: Shape) => boolean);
  /** Each element of a gradient is held between −clipValue and clipValue. */
  readonly clipValue?: number;
  /** The gradient of each weight is scaled down to this L2 norm where it is longer (Pascanu et al. 2013). */
  readonly clipNorm?: number;
  /** All gradients together are scaled down to this L2 norm where they are longer. */
  readonly globalClipNorm?: number;
  /** Keep a moving average of the weights, which takes their place when `fit` ends. False by default. */
  readonly useEma?: boolean;
  /** How much of the average stays each step, 0.99 by default. */
  readonly emaMomentum?: number;
  /** Let the average take the weights' place each time so many steps are done. Never by default. */
  readonly emaOverwriteFrequency?: number;
  /**
   * So many batches make one update, by the mean of their gradients. `useEma`, schedules and
   * `emaOverwriteFrequency` count updates. 1 by default.
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

/** The same with their defaults. */
export interface Common {
  readonly weightDecay: number;
  readonly decoupled: boolean;
  excludes(name: string, shape: Shape): boolean;
  /** Whether `excludes` can hold for any weight. */
  readonly hasExclusions: boolean;
  readonly clip: Clip | undefined;
  readonly useEma: boolean;
  readonly emaMomentum: number;
  readonly emaOverwriteFrequency: number | undefined;
  readonly accumulationSteps: number;
}

export interface Clip {
  readonly by: 'clipValue' | 'clipNorm' | 'globalClipNorm';
  readonly limit: number;
}

/** At least the smallest normal float32: less could be stored as zero and divide zero by zero. */
export function checkEpsilon(where: string, value: unknown): void {
  checkNumber(`${where}: epsilon`, value, {min: 2 ** -126});
}

/** A share of a moving average that stays each step. */
export function checkShare(where: string, value: unknown): void {
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
    `${where}: excludeFromWeightDecay: expected texts that names hold, e.g. ['bias'], or a function of a ` +
      `weight's name and shape. Received ${Array.isArray(value) ? JSON.stringify(value) : String(value)}.`,
  );
}

/** @throws ERR_OPTION saying which option is wrong. */
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
