// Callbacks that end a training by conditions in the plan, exact to the step.

import {checkNumber, fail, requireOptions} from '../../core/errors.ts';
import {show} from '../../core/kinds.ts';
import {isTensor, type Tensor} from '../../core/tensor.ts';
import {add, greaterEqual, less, lessEqual, minimum, select, sub} from '../../ops/map.ts';
import type {Criterion, StepValues} from '../step/criterion.ts';
import type {Callback} from './callback.ts';
import {Monitor, type MonitorOptions} from './monitor.ts';

/** What the plan knows of a step. */
type StepMonitor = 'loss' | 'gradientNorm';

const isOfStep = (monitor: unknown): monitor is StepMonitor =>
  monitor === 'loss' || monitor === 'gradientNorm';

const numberOf = (monitor: StepMonitor, step: StepValues): Tensor =>
  monitor === 'loss' ? step.loss : step.gradientNorm();

const byCriterion = <Name extends string>(criterion: Criterion<Name>): Callback => ({
  onTrainBegin() {},
  criterion,
});

export interface StopWhenOptions {
  /** Whether to end, one bool, by ops of what is known before the step's commit. */
  condition(step: StepValues): Tensor;
}

/** Ends the training before the commit of the first step for which a condition holds. */
export function stopWhen(options: StopWhenOptions | StopWhenOptions['condition']): Callback {
  const where = 'callbacks.stopWhen';
  const given = typeof options === 'function' ? {condition: options} : options;
  requireOptions(where, given, ['condition']);
  if (typeof given.condition !== 'function') {
    fail(
      'ERR_OPTION',
      `${where}: condition: expected a function of a step. Received ${show(given.condition)}.`,
    );
  }
  return byCriterion({
    name: 'stopWhen',
    state: {},
    condition(step) {
      const stop = given.condition(step);
      if (isTensor(stop) && stop.dtype === 'bool' && stop.size === 1) return {stop};
      return fail('ERR_SHAPE', `${where}: the condition must be one bool. Received ${show(stop)}.`);
    },
  });
}

export interface StopAtTargetOptions extends Omit<MonitorOptions, 'minDelta'> {
  /**
   * `loss` (the default) of a batch with its penalties, or `gradientNorm`, the root of the sum of the squares
   * of all gradients: tested before the commit of each step. Any other name in the logs: tested after each
   * epoch.
   */
  readonly monitor?: string;
  /** The training ends where the number is as good. */
  readonly target: number;
}

/**
 * Ends the training when a number has reached its target. For `loss` and `gradientNorm` that is exact to the
 * step: the weights left are those that reached it.
 */
export function stopAtTarget(options: StopAtTargetOptions): Callback {
  const where = 'callbacks.stopAtTarget';
  requireOptions(where, options, ['monitor', 'target', 'mode']);
  const {monitor = 'loss', target, mode} = options;
  checkNumber(`${where}: target`, target, {});
  const watch = new Monitor(where, {monitor, ...(mode && {mode})});
  if (isOfStep(monitor)) {
    const reached = mode === 'max' ? greaterEqual : lessEqual;
    return byCriterion({
      name: 'stopAtTarget',
      state: {},
      condition: step => ({stop: reached(numberOf(monitor, step), target)}),
    });
  }
  return {
    adds: [],
    checkLogs: known => watch.check(known),
    onEpochEnd(_, logs, context) {
      const value = watch.valueIn(logs, context);
      if (value === undefined || !(watch.compare(value, target) <= 0)) return;
      context.model.stopTraining = true;
    },
  };
}

export interface StopOnPlateauOptions {
  /** `gradientNorm` (the default) or `loss` of a batch. */
  readonly monitor?: StepMonitor;
  /** Steps without improvement before the end. */
  readonly patience: number;
  /** A number that is less than this below the smallest before is no improvement. 0 by default. */
  readonly minDelta?: number;
}

/** Counts, in the plan: float32 holds integers up to here. */
const mostSteps = 2 ** 24;

/**
 * Ends the training when the norm of the gradient, or the loss, has not become smaller for `patience` steps:
 * exact to the step, whose update is no longer made. Both vary from batch to batch: choose the patience well
 * above the batches of an epoch, or let an epoch be one batch.
 */
export function stopOnPlateau(options: StopOnPlateauOptions): Callback {
  const where = 'callbacks.stopOnPlateau';
  requireOptions(where, options, ['monitor', 'patience', 'minDelta']);
  const {monitor = 'gradientNorm', patience, minDelta = 0} = options;
  if (!isOfStep(monitor)) {
    fail('ERR_OPTION', `${where}: monitor: expected 'gradientNorm' or 'loss'. Received ${show(monitor)}.`);
  }
  checkNumber(`${where}: patience`, patience, {integer: true, min: 1, max: mostSteps});
  checkNumber(`${where}: minDelta`, minDelta, {min: 0});
  return byCriterion({
    name: 'stopOnPlateau',
    state: {best: Number.POSITIVE_INFINITY, without: 0},
    condition(step, {best, without}) {
      const value = numberOf(monitor, step);
      const improved = less(value, sub(best, minDelta));
      const count = select(improved, 0, add(without, 1));
      return {
        stop: greaterEqual(count, patience),
        state: {best: select(improved, value, best), without: minimum(count, mostSteps)},
      };
    },
  });
}
