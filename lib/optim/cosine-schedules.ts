// Learning rates along half a cosine: down once, down repeatedly, up and then down.
import {checkChoice, checkNumber, fail, requireOptions} from '../core/errors.ts';
import {named} from '../core/named.ts';
import type {Schedule} from './schedule.ts';

/** From 1 to 0 as `done` goes from 0 to 1. */
const halfCosine = (done: number): number => 0.5 * (1 + Math.cos(Math.PI * done));

export interface CosineDecayOptions {
  readonly initialLearningRate: number;
  /** Steps of the decay, without those of the warm-up. */
  readonly decaySteps: number;
  /** The last rate as a fraction of the highest, 0 by default. */
  readonly alpha?: number;
  /**
   * The rate that a linear warm-up from initialLearningRate leads to, and from which the rate then decays.
   */
  readonly warmupTarget?: number;
  /** Steps of the warm-up, 0 by default. */
  readonly warmupSteps?: number;
}

/** Down to alpha times the highest rate along half a cosine (Loshchilov and Hutter 2017), as in Keras. */
export function cosineDecay(options: CosineDecayOptions): Schedule {
  const where = 'schedules.cosineDecay';
  const known = ['initialLearningRate', 'decaySteps', 'alpha', 'warmupTarget', 'warmupSteps'];
  requireOptions(where, options, known);
  const {initialLearningRate, decaySteps, alpha = 0, warmupTarget, warmupSteps = 0} = options;
  checkNumber(`${where}: initialLearningRate`, initialLearningRate, {min: 0});
  checkNumber(`${where}: decaySteps`, decaySteps, {above: 0});
  checkNumber(`${where}: alpha`, alpha, {min: 0, max: 1});
  checkNumber(`${where}: warmupSteps`, warmupSteps, {min: 0});
  if (warmupTarget !== undefined) checkNumber(`${where}: warmupTarget`, warmupTarget, {min: 0});
  if (warmupTarget === undefined && warmupSteps > 0) {
    fail('ERR_OPTION', `${where}: warmupSteps: warmupTarget is missing, the rate to which they lead.`);
  }
  const highest = warmupTarget ?? initialLearningRate;
  const rising = warmupTarget === undefined ? 0 : warmupSteps;
  return named('cosineDecay', {...options}, (step: number) => {
    if (step < rising) return initialLearningRate + (highest - initialLearningRate) * (step / rising);
    const done = Math.min(step - rising, decaySteps) / decaySteps;
    return highest * ((1 - alpha) * halfCosine(done) + alpha);
  });
}

export interface CosineDecayRestartsOptions {
  readonly initialLearningRate: number;
  /** Steps before the first restart. */
  readonly firstDecaySteps: number;
  /** By what factor each period is longer than the one before, 2 by default. */
  readonly tMul?: number;
  /** By what factor the first rate of each period is higher than that of the one before, 1 by default. */
  readonly mMul?: number;
  /** The last rate of each period as a fraction of the initial rate, 0 by default. */
  readonly alpha?: number;
}

/** Down along half a cosine, with warm restarts (Loshchilov and Hutter 2017), as in Keras. */
export function cosineDecayRestarts(options: CosineDecayRestartsOptions): Schedule {
  const where = 'schedules.cosineDecayRestarts';
  requireOptions(where, options, ['initialLearningRate', 'firstDecaySteps', 'tMul', 'mMul', 'alpha']);
  const {initialLearningRate, firstDecaySteps, tMul = 2, mMul = 1, alpha = 0} = options;
  checkNumber(`${where}: initialLearningRate`, initialLearningRate, {min: 0});
  checkNumber(`${where}: firstDecaySteps`, firstDecaySteps, {min: 1});
  checkNumber(`${where}: tMul`, tMul, {min: 1});
  checkNumber(`${where}: mMul`, mMul, {min: 0, max: 1e3});
  checkNumber(`${where}: alpha`, alpha, {min: 0, max: 1});
  const growth = tMul - 1;
  const startOf = (period: number): number =>
    firstDecaySteps * (growth === 0 ? period : (tMul ** period - 1) / growth);
  return named('cosineDecayRestarts', {...options}, (step: number) => {
    const periods = step / firstDecaySteps;
    let restarts = Math.floor(growth === 0 ? periods : Math.log1p(periods * growth) / Math.log(tMul));
    // Rounding may have put a step at the start of a period into the period before, or the reverse.
    if (startOf(restarts + 1) <= step) restarts++;
    else if (startOf(restarts) > step) restarts--;
    const done = (step - startOf(restarts)) / (firstDecaySteps * tMul ** restarts);
    const height = mMul ** restarts * halfCosine(done);
    return initialLearningRate * ((1 - alpha) * height + alpha);
  });
}

export interface OneCycleOptions {
  readonly maxLearningRate: number;
  /** Steps of the whole cycle, after which the rate stays. */
  readonly totalSteps: number;
  /** The fraction of the steps on the way up, 0.3 by default. */
  readonly warmupShare?: number;
  /** Along half a cosine or a straight line: `cos` by default. */
  readonly annealStrategy?: 'cos' | 'linear';
  /** The first rate is maxLearningRate / divFactor; 25 by default. */
  readonly divFactor?: number;
  /** The last rate is the first / finalDivFactor; 1e4 by default. */
  readonly finalDivFactor?: number;
}

/** Up to the highest rate and down to almost nothing (Smith and Topin 2018), as PyTorch's OneCycleLR. */
export function oneCycle(options: OneCycleOptions): Schedule {
  const where = 'schedules.oneCycle';
  const own = ['warmupShare', 'annealStrategy', 'divFactor', 'finalDivFactor'];
  requireOptions(where, options, ['maxLearningRate', 'totalSteps', ...own]);
  const {maxLearningRate, totalSteps, warmupShare = 0.3, annealStrategy = 'cos'} = options;
  const {divFactor = 25, finalDivFactor = 1e4} = options;
  checkNumber(`${where}: maxLearningRate`, maxLearningRate, {min: 0});
  checkNumber(`${where}: totalSteps`, totalSteps, {integer: true, min: 2});
  checkNumber(`${where}: warmupShare`, warmupShare, {min: 0, max: 1});
  checkNumber(`${where}: divFactor`, divFactor, {above: 0});
  checkNumber(`${where}: finalDivFactor`, finalDivFactor, {above: 0});
  checkChoice(`${where}: annealStrategy`, annealStrategy, ['cos', 'linear']);
  const first = maxLearningRate / divFactor;
  const last = first / finalDivFactor;
  // The highest rate is that of step `top`, the last that of step `end`.
  const end = totalSteps - 1;
  const top = Math.max(warmupShare * totalSteps - 1, 0);
  const between = (from: number, to: number, done: number): number =>
    to + (from - to) * (annealStrategy === 'cos' ? halfCosine(done) : 1 - done);
  return named('oneCycle', {...options}, (step: number) => {
    if (step < top) return between(first, maxLearningRate, step / top);
    if (step >= end) return last;
    return between(maxLearningRate, last, (step - top) / (end - top));
  });
}
