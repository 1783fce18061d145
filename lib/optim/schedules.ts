// The namespace `schedules`: every export is a member. Each computes the learning rate of a step, from 0.
import {checkBoolean, checkNumber, fail, requireOptions} from '../core/errors.ts';
import {named} from '../core/named.ts';
import type {Schedule} from './schedule.ts';

export type {Schedule};

/** The same rate for all steps. */
export function constant(options: {learningRate: number}): Schedule {
  requireOptions('schedules.constant', options, ['learningRate']);
  const {learningRate} = options;
  checkNumber('schedules.constant: learningRate', learningRate, {min: 0});
  return named('constant', {learningRate}, () => learningRate);
}

export interface ExponentialDecayOptions {
  readonly initialLearningRate: number;
  readonly decaySteps: number;
  readonly decayRate: number;
  /** Whether to decay once every `decaySteps` instead of a little at each step. False by default. */
  readonly staircase?: boolean;
}

/** initialLearningRate · decayRate^(step / decaySteps). */
export function exponentialDecay(options: ExponentialDecayOptions): Schedule {
  const where = 'schedules.exponentialDecay';
  requireOptions(where, options, ['initialLearningRate', 'decaySteps', 'decayRate', 'staircase']);
  const {initialLearningRate, decaySteps, decayRate, staircase = false} = options;
  checkNumber(`${where}: initialLearningRate`, initialLearningRate, {min: 0});
  checkNumber(`${where}: decaySteps`, decaySteps, {above: 0});
  checkNumber(`${where}: decayRate`, decayRate, {above: 0});
  checkBoolean(`${where}: staircase`, staircase);
  return named('exponentialDecay', {...options}, (step: number) => {
    const periods = step / decaySteps;
    return initialLearningRate * decayRate ** (staircase ? Math.floor(periods) : periods);
  });
}

/** initialLearningRate · decayRate^⌊step / decaySteps⌋: decays once every `decaySteps`. */
export function stepDecay(options: Omit<ExponentialDecayOptions, 'staircase'>): Schedule {
  const where = 'schedules.stepDecay';
  requireOptions(where, options, ['initialLearningRate', 'decaySteps', 'decayRate']);
  const {initialLearningRate, decaySteps, decayRate} = options;
  checkNumber(`${where}: initialLearningRate`, initialLearningRate, {min: 0});
  checkNumber(`${where}: decaySteps`, decaySteps, {above: 0});
  checkNumber(`${where}: decayRate`, decayRate, {above: 0});
  return named(
    'stepDecay',
    {...options},
    (step: number) => initialLearningRate * decayRate ** Math.floor(step / decaySteps),
  );
}

/** initialLearningRate / (1 + decayRate · step / decaySteps). */
export function inverseTimeDecay(options: ExponentialDecayOptions): Schedule {
  const where = 'schedules.inverseTimeDecay';
  requireOptions(where, options, ['initialLearningRate', 'decaySteps', 'decayRate', 'staircase']);
  const {initialLearningRate, decaySteps, decayRate, staircase = false} = options;
  checkNumber(`${where}: initialLearningRate`, initialLearningRate, {min: 0});
  checkNumber(`${where}: decaySteps`, decaySteps, {above: 0});
  checkNumber(`${where}: decayRate`, decayRate, {min: 0});
  checkBoolean(`${where}: staircase`, staircase);
  return named('inverseTimeDecay', {...options}, (step: number) => {
    const periods = step / decaySteps;
    return initialLearningRate / (1 + decayRate * (staircase ? Math.floor(periods) : periods));
  });
}

export interface PiecewiseConstantOptions {
  /** The last step of each piece except the last one, in ascending order. */
  readonly boundaries: readonly number[];
  /** The rates: one more than there are boundaries. */
  readonly values: readonly number[];
}

/** values[i] up to and including step boundaries[i]. */
export function piecewiseConstant(options: PiecewiseConstantOptions): Schedule {
  const where = 'schedules.piecewiseConstant';
  requireOptions(where, options, ['boundaries', 'values']);
  const {boundaries, values} = options;
  if (!Array.isArray(boundaries) || !Array.isArray(values) || values.length !== boundaries.length + 1) {
    fail('ERR_OPTION', `${where}: expected boundaries and values, of which there is one more.`);
  }
  boundaries.forEach((boundary, index) => {
    const before = boundaries[index - 1] ?? -1;
    checkNumber(`${where}: boundaries`, boundary, {integer: true, above: before});
  });
  for (const value of values) checkNumber(`${where}: values`, value, {min: 0});
  return named('piecewiseConstant', {boundaries: [...boundaries], values: [...values]}, (step: number) => {
    const piece = boundaries.findIndex(boundary => step <= boundary);
    return values[piece < 0 ? values.length - 1 : piece] as number;
  });
}

export interface PolynomialDecayOptions {
  readonly initialLearningRate: number;
  readonly decaySteps: number;
  /** 0.0001 by default. */
  readonly endLearningRate?: number;
  /** 1, a straight line, by default. */
  readonly power?: number;
  /** Whether to start again, lower and over more steps, each time the end is reached. False by default. */
  readonly cycle?: boolean;
}

/**
 * From initialLearningRate to endLearningRate as (1 − step / decaySteps)^power; with `cycle`, cycle n ends at
 * n·decaySteps.
 */
export function polynomialDecay(options: PolynomialDecayOptions): Schedule {
  const where = 'schedules.polynomialDecay';
  requireOptions(where, options, ['initialLearningRate', 'decaySteps', 'endLearningRate', 'power', 'cycle']);
  const {initialLearningRate, decaySteps, endLearningRate = 0.0001, power = 1, cycle = false} = options;
  checkNumber(`${where}: initialLearningRate`, initialLearningRate, {min: 0});
  checkNumber(`${where}: decaySteps`, decaySteps, {above: 0});
  checkNumber(`${where}: endLearningRate`, endLearningRate, {min: 0});
  checkNumber(`${where}: power`, power, {above: 0});
  checkBoolean(`${where}: cycle`, cycle);
  return named('polynomialDecay', {...options}, (step: number) => {
    const end = cycle ? decaySteps * Math.max(1, Math.ceil(step / decaySteps)) : decaySteps;
    const left = 1 - Math.min(step, end) / end;
    return (initialLearningRate - endLearningRate) * left ** power + endLearningRate;
  });
}

export {cosineDecay, cosineDecayRestarts, oneCycle} from './cosine-schedules.ts';
