// Whatever way a step is run, inline or by the executor, alone in a native call or not: the same bits.
import {expect, it} from 'vitest';
import {callbacks, type FitOptions, layers, type Sequential, sequential} from '../../../lib/index.ts';
import {addon, type NativeAddon} from '../../../lib/runtime/addon.ts';

const width = 4;
const rows = 23;
const x = Float32Array.from({length: rows * width}, (_, at) => Math.sin(at));
const y = Int32Array.from({length: rows}, (_, at) => at % 3);

function build(): Sequential {
  const model = sequential(
    [
      layers.dense({units: 6, activation: 'tanh', inputShape: [width]}),
      layers.dropout({rate: 0.2}),
      layers.dense({units: 3, activation: 'softmax'}),
    ],
    {seed: 4},
  );
  model.compile({optimizer: 'adam', loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy']});
  return model;
}

/** A training that the executor has, from now until it is told to end. */
function neighbour(): () => Promise<void> {
  const model = sequential([layers.dense({units: 256, inputShape: [256]}), layers.dense({units: 256})]);
  model.compile({optimizer: 'sgd', loss: 'meanSquaredError'});
  const data = {data: new Float32Array(512 * 256), shape: [512, 256]};
  const controller = new AbortController();
  const training = model.fit(data, data, {epochs: 1e6, batchSize: 512, signal: controller.signal});
  return async () => {
    controller.abort();
    await expect(training).rejects.toMatchObject({code: 'ERR_ABORTED'});
  };
}

async function trained(options: FitOptions) {
  const model = build();
  const history = await model.fit(x, y, {epochs: 40, ...options});
  return {history, weights: model.getWeights(), iterations: model.iterations};
}

it.each([1, 5, 23])('epochs in one call are epochs one by one, in batches of %i', async batchSize => {
  const whole = await trained({batchSize});
  const epochs: number[] = [];
  const seen = await trained({batchSize, callbacks: {onEpochEnd: epoch => void epochs.push(epoch)}});
  expect(seen).toEqual(whole);
  expect(epochs).toEqual(whole.history.epoch);
  expect(await trained({batchSize, callbacks: {onBatchEnd() {}}})).toEqual(whole);
  expect(await trained({batchSize, callbacks: {every: 3, onBatchEnd() {}}})).toEqual(whole);
});

it('epochs are validated when they are due, whoever looks', async () => {
  const options = {batchSize: 23, validationData: [x, y] as const, validationFreq: 7};
  const whole = await trained(options);
  expect(whole.history.history.val_loss).toHaveLength(5);
  expect(await trained({...options, callbacks: {onEpochEnd() {}}})).toEqual(whole);
});

it('beside a training of the executor it is the same', async () => {
  const alone = await trained({batchSize: 5});
  const stop = neighbour();
  const beside = await trained({batchSize: 5});
  const model = build();
  const logs = await model.trainOnBatch(x, y);
  await stop();
  expect(beside).toEqual(alone);
  expect(await build().trainOnBatch(x, y)).toEqual(logs);
});

it.each([1, 4, 9, 17])(
  'a criterion ends an epoch within a call after %i steps, as it does alone',
  async last => {
    const run = async (seen: boolean) => {
      const model = build();
      const own = seen ? [{onEpochEnd() {}}] : [];
      const stop = callbacks.stopOnPlateau({monitor: 'loss', patience: last, minDelta: 100});
      const history = await model.fit(x, y, {epochs: 40, batchSize: 23, callbacks: [stop, ...own]});
      return {history, weights: model.getWeights(), iterations: model.iterations};
    };
    const seen = await run(true);
    expect(await run(false)).toEqual(seen);
    expect(seen.iterations).toBe(last);
  },
);

it('trainOnBatchSync is trainOnBatch, for batches of any size', async () => {
  const [one, other] = [build(), build()];
  for (const count of [8, 23, 1, 8, 15]) {
    const given = [x.subarray(0, count * width), y.subarray(0, count)] as const;
    expect(one.trainOnBatchSync(...given)).toEqual(await other.trainOnBatch(...given));
  }
  expect(one.getWeights()).toEqual(other.getWeights());
  expect(() =>
    one.trainOnBatchSync(
      x,
      y.map(() => 7),
    ),
  ).toThrow(/trainOnBatchSync: the label 7 in row 0 of y is no class/);
  expect(one.getWeights()).toEqual(other.getWeights());
});

it('results are the caller’s own, and those of one call stay when the next is made', async () => {
  const model = build();
  const first = await model.predict(x);
  const kept = first.data.slice();
  const gradients = await model.gradients(x, y);
  const bias = (gradients.gradients['dense/bias'] as {data: Float32Array}).data;
  const before = bias.slice();
  await model.trainOnBatch(x, y);
  await model.predict(x.map(value => value + 1));
  await model.gradients(
    x.map(value => value + 1),
    y,
  );
  expect(first.data).toEqual(kept);
  expect(bias).toEqual(before);
});

it('a loop that awaits nothing but short runs lets others have their turn', async () => {
  const model = build();
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  const started = performance.now();
  while (turns < 3 && performance.now() - started < 20_000) await model.trainOnBatch(x, y);
  clearInterval(timer);
  expect(turns).toBeGreaterThanOrEqual(3);
});

it('the arrays of a fit stay bound for the next over them, and others are bound', async () => {
  const native = addon() as {bind: NativeAddon['bind']};
  const {bind} = native;
  let bound = 0;
  native.bind = (...given) => {
    bound++;
    return bind(...given);
  };
  try {
    const [one, other] = [build(), build()];
    const options = {epochs: 1, batchSize: 23};
    const counts: number[] = [];
    const given = [x.slice(), y.slice()] as const;
    for (const arrays of [given, given, [x.map(value => -value), given[1]] as const, given]) {
      bound = 0;
      await one.fit(...arrays, options);
      counts.push(bound);
      await other.fit(arrays[0].slice(), arrays[1].slice(), options);
    }
    expect(counts).toEqual([1, 0, 1, 1]);
    given[0].fill(0.5);
    await one.fit(...given, options);
    await other.fit(new Float32Array(rows * width).fill(0.5), given[1].slice(), options);
    expect(one.getWeights()).toEqual(other.getWeights());
    structuredClone(given[1], {transfer: [given[1].buffer]});
    await expect(one.fit(...given, options)).rejects.toMatchObject({code: 'ERR_DETACHED'});
  } finally {
    native.bind = bind;
  }
});

it('models of equal structure share plans and nothing else', async () => {
  const run = async (seed: number) => {
    const model = build();
    await model.fit(x, y, {epochs: 5, batchSize: 5, seed});
    return model.getWeights();
  };
  const alone = [await run(1), await run(2)];
  expect(await Promise.all([run(1), run(2)])).toEqual(alone);
  expect(alone[0]).not.toEqual(alone[1]);
});
