import {checkNumber, checkOptions} from '../../core/errors.ts';
import type {WeightData} from '../../nn/weights.ts';
import type {Callback} from './callback.ts';
import {Monitor, type MonitorOptions, monitorOptions} from './monitor.ts';

export interface EarlyStoppingOptions extends MonitorOptions {
  /** Epochs without improvement before the end, 0 by default. */
  readonly patience?: number;
  /** An epoch also counts as one without improvement until this value has been bettered. */
  readonly baseline?: number;
  /** Number of the first epoch that is looked at, 0 by default. */
  readonly startFromEpoch?: number;
  /** Go back to the weights of the best epoch at the end. False by default. */
  readonly restoreBestWeights?: boolean;
}

const known = [...monitorOptions, 'patience', 'baseline', 'startFromEpoch', 'restoreBestWeights'];

/** Stops when a number has not improved for `patience` epochs. A change of `minDelta`, 0, or less is none. */
export function earlyStopping(options: EarlyStoppingOptions = {}): Callback {
  const where = 'callbacks.earlyStopping';
  checkOptions(where, options, known);
  const {patience = 0, baseline, startFromEpoch = 0, restoreBestWeights = false} = options;
  const monitor = new Monitor(where, options);
  checkNumber(`${where}: patience`, patience, {integer: true, min: 0});
  checkNumber(`${where}: startFromEpoch`, startFromEpoch, {integer: true, min: 0});
  if (baseline !== undefined) checkNumber(`${where}: baseline`, baseline, {});
  let best = monitor.worst;
  let epochsWithout = 0;
  let bestWeights: WeightData[] | undefined;
  return {
    adds: [],
    checkLogs: known => monitor.check(known),
    onTrainBegin() {
      best = monitor.worst;
      epochsWithout = 0;
      bestWeights = undefined;
    },
    onEpochEnd(epoch, logs, context) {
      const value = monitor.valueIn(logs, context);
      if (value === undefined || epoch < startFromEpoch) return;
      const {model} = context;
      epochsWithout++;
      if (monitor.improves(value, best)) {
        best = value;
        if (restoreBestWeights) bestWeights = model.getWeights();
        if (baseline === undefined || monitor.improves(value, baseline)) epochsWithout = 0;
      }
      if (epochsWithout >= Math.max(1, patience)) model.stopTraining = true;
    },
    getState: () => ({
      values: {best, epochsWithout, hasWeights: bestWeights !== undefined},
      arrays: Object.fromEntries((bestWeights ?? []).map(({name, data}) => [name, data])),
    }),
    setState({values, arrays = {}}, {model}) {
      const saved = values as {best: number; epochsWithout: number; hasWeights: boolean};
      ({best, epochsWithout} = saved);
      const kept = ({name, shape}: WeightData) => ({name, shape, data: arrays[name] as Float32Array});
      bestWeights = saved.hasWeights ? model.getWeights().map(kept) : undefined;
    },
    onTrainEnd(_, {model, error}) {
      if (bestWeights && error === undefined) model.setWeights(bestWeights);
      bestWeights = undefined;
    },
  };
}
