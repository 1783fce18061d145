// Callbacks that set the learning rate, and those that end the training.
import {describe, expect, it} from 'vitest';
import {
  type Callback,
  type CallbackContext,
  callbacks,
  type FitOptions,
  schedules,
} from '../../../lib/index.ts';
import {build, x, y} from '../resuming.ts';

/** Trains with these values of `score` in the logs; the rates at the end of each epoch. */
async function rates(values: readonly number[], more: Callback): Promise<number[]> {
  const model = build();
  model.optimizer.learningRate = 1;
  const score: Callback = {
    onEpochEnd(epoch, logs) {
      logs.score = values[epoch] as number;
    },
  };
  const seen: number[] = [];
  const watch: Callback = {onEpochEnd: () => void seen.push(model.optimizer.learningRate as number)};
  const {history} = await model.fit(x, y, {epochs: values.length, callbacks: [score, more, watch]});
  expect(history.learningRate).toEqual([1, ...seen].slice(0, values.length));
  return seen;
}

describe('reduceLROnPlateau', () => {
  const {reduceLROnPlateau} = callbacks;

  it('multiplies the rate after so many epochs without improvement', async () => {
    const options = {monitor: 'score', factor: 0.5, patience: 2};
    expect(await rates([3, 2, 2, 2, 2, 2], reduceLROnPlateau(options))).toEqual([1, 1, 1, 0.5, 0.5, 0.25]);
    expect(await rates([3, 2, 1, 0.5], reduceLROnPlateau(options))).toEqual([1, 1, 1, 1]);
    const up = {...options, mode: 'max'} as const;
    expect(await rates([3, 2, 1, 4, 4, 4], reduceLROnPlateau(up))).toEqual([1, 1, 0.5, 0.5, 0.5, 0.25]);
  });

  it('by minDelta, after a cooldown, and not below minLearningRate', async () => {
    const options = {monitor: 'score', factor: 0.5, patience: 1};
    expect(await rates([1, 0.99995], reduceLROnPlateau(options))).toEqual([1, 0.5]);
    expect(await rates([1, 0.99995], reduceLROnPlateau({...options, minDelta: 0}))).toEqual([1, 1]);
    const cooled = {...options, cooldown: 2};
    // As Keras counts: the epoch in which the cooldown ends counts again.
    expect(await rates([1, 1, 1, 1, 1, 1], reduceLROnPlateau(cooled))).toEqual([
      1, 0.5, 0.5, 0.25, 0.25, 0.125,
    ]);
    const least = {...options, minLearningRate: 0.3};
    expect(await rates([1, 1, 1, 1], reduceLROnPlateau(least))).toEqual([1, 0.5, 0.3, 0.3]);
  });

  it('checks its options', async () => {
    const wrong: [object, RegExp][] = [
      [
        {factor: 1},
        /^callbacks\.reduceLROnPlateau: factor: expected a finite number >= 0 and < 1\. Received 1\.$/,
      ],
      [{patience: -1}, /: patience: expected an integer >= 0/],
      [{cooldown: 0.5}, /: cooldown: expected an integer >= 0/],
      [{minLearningRate: -1}, /: minLearningRate: expected a finite number >= 0/],
      [{minLr: 0}, /unknown option "minLr"/],
    ];
    for (const [options, text] of wrong) expect(() => reduceLROnPlateau(options)).toThrow(text);
    const model = build();
    model.optimizer.learningRate = schedules.constant({learningRate: 0.1});
    await expect(model.fit(x, y, {callbacks: 'reduceLROnPlateau'})).rejects.toThrow(
      /^callbacks\.reduceLROnPlateau: the optimizer has a schedule; give it a number as its learning rate\.$/,
    );
  });
});

describe('learningRateScheduler', () => {
  it('assigns the rate of each epoch from the one before', async () => {
    const model = build();
    model.optimizer.learningRate = 1;
    const schedule = (epoch: number, rate: number) => (epoch < 2 ? rate : rate / 2);
    for (const given of [schedule, {schedule}]) {
      model.optimizer.learningRate = 1;
      const callback = callbacks.learningRateScheduler(given);
      const {history} = await model.fit(x, y, {epochs: 4, callbacks: callback});
      expect(history.learningRate).toEqual([1, 1, 0.5, 0.25]);
    }
  });

  it('checks what it is given', async () => {
    expect(() => callbacks.learningRateScheduler(undefined as never)).toThrow(
      /: schedule: expected a function of epoch and rate\. Received undefined\.$/,
    );
    const bad = callbacks.learningRateScheduler(() => -1);
    await expect(build().fit(x, y, {callbacks: bad})).rejects.toThrow(
      /adam: learningRate: expected a finite/,
    );
  });
});

describe('stopAfter', () => {
  const train = async (options: FitOptions) => {
    const model = build();
    const {epoch} = await model.fit(x, y, {batchSize: 8, epochs: 100, ...options});
    return {epoch, iterations: model.iterations};
  };

  it('ends after exactly so many steps of this training', async () => {
    for (const steps of [1, 5, 6, 7, 20]) {
      const {iterations, epoch} = await train({callbacks: callbacks.stopAfter({steps})});
      expect(iterations).toBe(steps);
      expect(epoch).toHaveLength(Math.ceil(steps / 6));
    }
    const model = build();
    const stop = callbacks.stopAfter({steps: 4});
    for (const total of [4, 8]) {
      await model.fit(x, y, {batchSize: 8, callbacks: stop});
      expect(model.iterations).toBe(total);
    }
  });

  it('ends after a time', async () => {
    const {iterations} = await train({epochs: 1_000_000, callbacks: callbacks.stopAfter({seconds: 0.05})});
    expect(iterations).toBeGreaterThan(0);
    const once = await train({callbacks: callbacks.stopAfter({seconds: 0, steps: 1000})});
    expect(once.epoch).toEqual([0]);
  });

  it('counts the time before an interruption', async () => {
    const stop = callbacks.stopAfter({seconds: 1000});
    const model = {iterations: 3, stopTraining: false};
    const context = {model} as unknown as CallbackContext;
    await stop.onTrainBegin?.({}, context);
    await stop.setState?.({values: {seconds: 1000, first: 0}}, context);
    await stop.onBatchEnd?.(0, {}, context);
    expect(model.stopTraining).toBe(true);
    expect(stop.getState?.().values).toMatchObject({first: 0});
  });

  it('checks its options', () => {
    expect(() => callbacks.stopAfter({})).toThrow(/^callbacks\.stopAfter: expected seconds or steps\.$/);
    expect(() => callbacks.stopAfter({steps: 0})).toThrow(/steps: expected an integer >= 1/);
    expect(() => callbacks.stopAfter({seconds: -1})).toThrow(/seconds: expected a finite number >= 0/);
    expect(() => callbacks.stopAfter({minutes: 1} as never)).toThrow(/unknown option "minutes"/);
  });
});

describe('terminateOnNaN', () => {
  it('ends in good order with the weights of the step before', async () => {
    const bad = x.slice();
    bad[9 * 5] = Number.NaN;
    const warnings: string[] = [];
    const listen = ({message}: Error): void => void warnings.push(message);
    process.on('warning', listen);
    const model = build();
    const clean = build();
    const options = {batchSize: 4, shuffle: false, epochs: 3};
    const {epoch, history} = await model.fit(bad, y, {...options, callbacks: 'terminateOnNaN'});
    await new Promise(resolve => setImmediate(resolve));
    process.off('warning', listen);
    expect(model.iterations).toBe(2);
    expect(epoch).toEqual([0]);
    expect(history.loss?.[0]).toBeGreaterThan(0);
    expect(warnings).toEqual([
      'fit: x holds NaN in row 9, column 0; expected finite numbers. Training ends.',
    ]);
    await clean.fit(x, y, {...options, epochs: 1, callbacks: callbacks.stopAfter({steps: 2})});
    expect(model.getWeights()).toEqual(clean.getWeights());
    await expect(build().fit(bad, y, options)).rejects.toMatchObject({code: 'ERR_NOT_FINITE'});
  });

  it('takes no options', () => {
    expect(() => callbacks.terminateOnNaN({loud: true} as never)).toThrow(/unknown option "loud"/);
  });

  it("of one's own may look at the error and let it pass", async () => {
    const bad = x.slice();
    bad[0] = Number.POSITIVE_INFINITY;
    const seen: string[] = [];
    const callback: Callback = {
      onNotFinite(error) {
        seen.push(error.code);
        return false;
      },
    };
    await expect(build().fit(bad, y, {callbacks: callback})).rejects.toThrow(/x holds Infinity/);
    expect(seen).toEqual(['ERR_NOT_FINITE']);
  });
});
