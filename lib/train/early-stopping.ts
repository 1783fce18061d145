import {checkNumber, checkOptions, fail} from '../core/errors.ts';
import type {Callback} from './callback.ts';
import type {WeightData} from './weights.ts';

export interface EarlyStoppingOptions {
  /** A name in the logs, `val_loss` by default. */
  readonly monitor?: string;
  /** Epochs without improvement before the end, 0 by default. */
  readonly patience?: number;
  /** A change of less is no improvement, 0 by default. */
  readonly minDelta?: number;
  /** Whether less or more is better; `auto`, the default: more for accuracies, else less. */
  readonly mode?: 'auto' | 'min' | 'max';
  /** Go back to the weights of the best epoch at the end. False by default. */
  readonly restoreBestWeights?: boolean;
}

const known = ['monitor', 'patience', 'minDelta', 'mode', 'restoreBestWeights'];

/** Stops when a number has not improved for `patience` epochs. */
export function earlyStopping(options: EarlyStoppingOptions = {}): Callback {
  const where = 'callbacks.earlyStopping';
  checkOptions(where, options, known);
  const {
    monitor = 'val_loss',
    patience = 0,
    minDelta = 0,
    mode = 'auto',
    restoreBestWeights = false,
  } = options;
  checkNumber(`${where}: patience`, patience, {integer: true, min: 0});
  checkNumber(`${where}: minDelta`, minDelta, {min: 0});
  if (!['auto', 'min', 'max'].includes(mode)) {
    fail('ERR_OPTION', `${where}: mode: expected 'auto', 'min' or 'max'. Received ${String(mode)}.`);
  }
  const sign = mode === 'max' || (mode === 'auto' && /acc(uracy)?$/i.test(monitor)) ? -1 : 1;
  let best = Number.POSITIVE_INFINITY;
  let epochsWithout = 0;
  let bestWeights: WeightData[] | undefined;
  return {
    onTrainBegin() {
      best = Number.POSITIVE_INFINITY;
      epochsWithout = 0;
      bestWeights = undefined;
    },
    onEpochEnd(_, logs, {model}) {
      const value = logs[monitor];
      if (value === undefined) {
        const names = Object.keys(logs).join(', ');
        return fail('ERR_OPTION', `${where}: monitor: the logs have no ${monitor}. They have ${names}.`);
      }
      if (sign * value < best - minDelta) {
        best = sign * value;
        epochsWithout = 0;
        if (restoreBestWeights) bestWeights = model.getWeights();
        return;
      }
      epochsWithout++;
      if (epochsWithout < Math.max(1, patience)) return;
      model.stopTraining = true;
    },
    onTrainEnd(_, {model, error}) {
      if (bestWeights && error === undefined) model.setWeights(bestWeights);
      bestWeights = undefined;
    },
  };
}
