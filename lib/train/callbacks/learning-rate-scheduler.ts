import {checkOptions, fail} from '../../core/errors.ts';
import type {Callback} from './callback.ts';
import {rateOf} from './rate.ts';

export interface LearningRateSchedulerOptions {
  /** The rate of an epoch, counted from 0, by the rate of the epoch before. */
  schedule(epoch: number, learningRate: number): number;
}

/**
 * Assigns the learning rate at the beginning of each epoch; it stands in the logs as `learningRate`. For a
 * rate by the step give the optimizer one of `schedules`.
 *
 * @throws ERR_OPTION from `fit` where the optimizer has a schedule, or where the rate is no number >= 0.
 */
export function learningRateScheduler(
  options: LearningRateSchedulerOptions | LearningRateSchedulerOptions['schedule'],
): Callback {
  const where = 'callbacks.learningRateScheduler';
  const given = typeof options === 'function' ? {schedule: options} : options;
  checkOptions(where, given ?? {}, ['schedule']);
  if (typeof given?.schedule !== 'function') {
    fail(
      'ERR_OPTION',
      `${where}: schedule: expected a function of epoch and rate. Received ${given?.schedule}.`,
    );
  }
  return {
    adds: ['learningRate'],
    onEpochBegin(epoch, _, {model}) {
      model.optimizer.learningRate = given.schedule(epoch, rateOf(where, model));
    },
    onEpochEnd(_, logs, {model}) {
      logs.learningRate = rateOf(where, model);
    },
  };
}
