import {checkNumber, checkOptions} from '../../core/errors.ts';
import type {Callback} from './callback.ts';
import {Monitor, type MonitorOptions, monitorOptions} from './monitor.ts';
import {rateOf} from './rate.ts';

export interface ReduceLROnPlateauOptions extends MonitorOptions {
  /** What the learning rate is multiplied by, 0.1 by default. */
  readonly factor?: number;
  /** Epochs without improvement before the rate is reduced, 10 by default. */
  readonly patience?: number;
  /** Epochs after a reduction in which none are counted, 0 by default. */
  readonly cooldown?: number;
  /** The rate is never reduced below it, 0 by default. */
  readonly minLearningRate?: number;
}

const known = [...monitorOptions, 'factor', 'patience', 'cooldown', 'minLearningRate'];

/**
 * Multiplies the learning rate by `factor` when a number has not improved for `patience` epochs, by
 * `minDelta`, 1e-4, at least. The rate stands in the logs as `learningRate`.
 *
 * @throws ERR_OPTION from `fit` where the optimizer's learning rate is a schedule.
 */
export function reduceLROnPlateau(options: ReduceLROnPlateauOptions = {}): Callback {
  const where = 'callbacks.reduceLROnPlateau';
  checkOptions(where, options, known);
  const {factor = 0.1, patience = 10, cooldown = 0, minLearningRate = 0} = options;
  const monitor = new Monitor(where, options, 1e-4);
  checkNumber(`${where}: factor`, factor, {min: 0, below: 1});
  checkNumber(`${where}: patience`, patience, {integer: true, min: 0});
  checkNumber(`${where}: cooldown`, cooldown, {integer: true, min: 0});
  checkNumber(`${where}: minLearningRate`, minLearningRate, {min: 0});
  let state = {best: monitor.worst, epochsWithout: 0, cooling: 0};
  return {
    adds: ['learningRate'],
    checkLogs: known => monitor.check(known),
    onTrainBegin(_, {model}) {
      rateOf(where, model);
      state = {best: monitor.worst, epochsWithout: 0, cooling: 0};
    },
    onEpochEnd(_, logs, context) {
      const {optimizer} = context.model;
      const rate = rateOf(where, context.model);
      logs.learningRate = rate;
      const value = monitor.valueIn(logs, context);
      if (value === undefined) return;
      if (state.cooling > 0) {
        state.cooling--;
        state.epochsWithout = 0;
      }
      if (monitor.improves(value, state.best)) {
        state.best = value;
        state.epochsWithout = 0;
        return;
      }
      if (state.cooling > 0) return;
      state.epochsWithout++;
      if (state.epochsWithout < Math.max(1, patience) || rate <= minLearningRate) return;
      optimizer.learningRate = Math.max(rate * factor, minLearningRate);
      state.cooling = cooldown;
      state.epochsWithout = 0;
    },
    getState: () => ({values: {...state}}),
    setState({values}) {
      state = {...(values as typeof state)};
    },
  };
}
