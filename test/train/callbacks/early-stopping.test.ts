// earlyStopping on losses that are told it, epoch by epoch.
import {describe, expect, it} from 'vitest';
import {type CallbackContext, callbacks, type Logs, type WeightData} from '../../../lib/index.ts';

/** The epoch in which it stops, and the epoch whose weights are in the model afterwards. */
async function run(
  values: readonly (number | undefined)[],
  options: Parameters<typeof callbacks.earlyStopping>[0] = {},
): Promise<{stopped: number | undefined; weights: number}> {
  let weights = -1;
  const model = {
    stopTraining: false,
    getWeights: (): WeightData[] => [{name: 'epoch', shape: [], data: Float32Array.of(weights)}],
    setWeights: ([one]: WeightData[]) => {
      weights = one?.data[0] as number;
    },
  };
  const context = {model, validates: true, error: undefined} as unknown as CallbackContext;
  const callback = callbacks.earlyStopping(options);
  await callback.onTrainBegin?.({}, context);
  let stopped: number | undefined;
  for (const [epoch, value] of values.entries()) {
    weights = epoch;
    const logs: Logs = {loss: 1, ...(value !== undefined && {[options.monitor ?? 'val_loss']: value})};
    await callback.onEpochEnd?.(epoch, logs, context);
    if (!model.stopTraining) continue;
    stopped = epoch;
    break;
  }
  await callback.onTrainEnd?.({}, context);
  return {stopped, weights};
}

describe('earlyStopping', () => {
  it('counts epochs without improvement', async () => {
    const values = [5, 4, 4.5, 3.9, 4, 4.2, 4.1];
    expect((await run(values)).stopped).toBe(2);
    expect((await run(values, {patience: 1})).stopped).toBe(2);
    expect((await run(values, {patience: 2})).stopped).toBe(5);
    expect((await run(values, {patience: 4})).stopped).toBeUndefined();
    expect((await run([5, 4.9, 4.8, 4.4], {patience: 2, minDelta: 0.5})).stopped).toBe(2);
    expect((await run([5, 4.9, 4.4, 4.8, 4], {patience: 2, minDelta: 0.5})).stopped).toBe(4);
  });

  it('restores the best weights, also where the end came first', async () => {
    const options = {patience: 2, restoreBestWeights: true};
    expect(await run([5, 4, 4.5, 4.6], options)).toEqual({stopped: 3, weights: 1});
    expect(await run([5, 4, 4.5], options)).toEqual({stopped: undefined, weights: 1});
    expect(await run([5, 4, 4.5], {patience: 2})).toEqual({stopped: undefined, weights: 2});
  });

  it('until the baseline is bettered counts every epoch', async () => {
    expect((await run([5, 4, 3], {patience: 3, baseline: 2})).stopped).toBe(2);
    expect((await run([5, 4, 1.9, 1.8, 1.7], {patience: 3, baseline: 2})).stopped).toBeUndefined();
    expect((await run([0.1, 0.2, 0.3], {patience: 2, baseline: 0.5, monitor: 'accuracy'})).stopped).toBe(1);
    const best = {patience: 3, baseline: 0, restoreBestWeights: true};
    expect(await run([5, 4, 4.5], best)).toEqual({stopped: 2, weights: 1});
  });

  it('does not look at epochs before startFromEpoch', async () => {
    const values = [1, 5, 4, 4.1, 4.2];
    expect((await run(values, {patience: 2})).stopped).toBe(2);
    const late = {patience: 2, startFromEpoch: 2, restoreBestWeights: true};
    expect(await run(values, late)).toEqual({stopped: 4, weights: 2});
  });

  it('knows of which scores more is better', async () => {
    for (const monitor of ['accuracy', 'val_acc', 'val_auc', 'f1', 'out_precision', 'val_r2', 'recall_1']) {
      expect((await run([0.1, 0.2, 0.3, 0.2], {monitor})).stopped, monitor).toBe(3);
    }
    for (const monitor of ['loss', 'val_meanSquaredError', 'out_loss']) {
      expect((await run([0.1, 0.2], {monitor})).stopped, monitor).toBe(1);
    }
    expect((await run([0.1, 0.2], {monitor: 'accuracy', mode: 'min'})).stopped).toBe(1);
  });

  it('waits where an epoch had no validation, and NaN is no improvement', async () => {
    expect((await run([undefined, 2, undefined, 3, undefined], {patience: 1})).stopped).toBe(3);
    expect((await run([2, Number.NaN, Number.NaN], {patience: 2})).stopped).toBe(2);
  });

  it('checks its options', () => {
    const wrong: [object, RegExp][] = [
      [{patience: -1}, /^callbacks\.earlyStopping: patience: expected an integer >= 0\. Received -1\.$/],
      [{baseline: Number.NaN}, /: baseline: expected a finite number\. Received NaN/],
      [{startFromEpoch: 0.5}, /: startFromEpoch: expected an integer >= 0/],
      [{minDelta: -1}, /: minDelta: expected a finite number >= 0/],
      [{mode: 'most'}, /: mode: expected 'auto', 'min' or 'max'\. Received "most"\.$/],
      [{monitor: 3}, /: monitor: expected a name in the logs\. Received 3\.$/],
      [{baselin: 1}, /Did you mean "baseline"/],
    ];
    for (const [options, text] of wrong) expect(() => callbacks.earlyStopping(options)).toThrow(text);
  });
});
