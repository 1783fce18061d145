// Batch and layer normalization in whole trainings: against PyTorch, frozen, in parts of a batch, to the bit.
import {readFileSync} from 'node:fs';
import path from 'node:path';
import {describe, expect, it} from 'vitest';
import {getThreads, layers, type Model, optimizers, sequential, setThreads} from '../../../lib/index.ts';
import {numbers} from '../../support/plain-networks.ts';

interface Recorded {
  readonly kind: 'batchNormalization' | 'layerNormalization';
  readonly epsilon: number;
  readonly momentum: number;
  readonly learningRate: number;
  readonly batchSize: number;
  readonly weights: readonly {name: string; shape: number[]; values: number[]}[];
  readonly finalWeights: readonly {name: string; values: number[]}[];
  readonly x: number[];
  readonly xShape: [number, number];
  readonly y: number[];
  readonly losses: number[];
  readonly evaluated: number;
}

const read = (name: string): Recorded =>
  JSON.parse(
    readFileSync(path.join(import.meta.dirname, `../../recorded/normalization/${name}.json`), 'utf8'),
  );

function build({kind, epsilon, momentum, learningRate, weights, xShape}: Recorded): Model {
  const norm =
    kind === 'batchNormalization'
      ? layers.batchNormalization({epsilon, momentum, name: 'norm'})
      : layers.layerNormalization({epsilon, name: 'norm'});
  const units = weights[0]?.shape[1] as number;
  const model = sequential([
    layers.dense({units, inputShape: [xShape[1]]}),
    norm,
    layers.activation({activation: 'tanh'}),
    layers.dense({units: 3, activation: 'softmax'}),
  ]);
  model.compile({
    optimizer: optimizers.sgd({learningRate, momentum: 0.9}),
    loss: 'sparseCategoricalCrossentropy',
  });
  const given = new Map(weights.map(({name, values}) => [name, values]));
  const data = model.getWeights().map(weight => ({...weight, data: given.get(weight.name) ?? weight.data}));
  model.setWeights(data);
  return model;
}

describe.each(['batch-normalization', 'layer-normalization'])('%s as PyTorch trains it', name => {
  it('for 50 steps, and evaluated with what it has learnt', async () => {
    const recorded = read(name);
    const model = build(recorded);
    const {batchSize, losses, x, y, xShape, finalWeights, evaluated} = recorded;
    const [rows, width] = xShape;
    expect(losses).toHaveLength(50);
    for (const [step, expected] of losses.entries()) {
      const first = (step * batchSize) % rows;
      const part = Float32Array.from(x.slice(first * width, (first + batchSize) * width));
      const {loss} = await model.trainOnBatch(part, Int32Array.from(y.slice(first, first + batchSize)));
      expect(Math.abs((loss as number) - expected) / expected, `step ${step}`).toBeLessThan(1e-5);
    }
    const after = new Map(model.getWeights().map(({name: own, data}) => [own, data]));
    expect(finalWeights).toHaveLength(after.size);
    for (const {name: own, values} of finalWeights) {
      for (const [at, value] of values.entries()) expect(after.get(own)?.[at], own).toBeCloseTo(value, 4);
    }
    const {loss} = await model.evaluate(Float32Array.from(x), Int32Array.from(y));
    expect(Math.abs((loss as number) - evaluated) / evaluated).toBeLessThan(1e-5);
  });
});

const x = {data: numbers(40 * 5, 1).map(value => 3 * value + 2), shape: [40, 5]};
const y = {data: numbers(40, 2), shape: [40, 1]};

function small(): Model {
  const model = sequential(
    [
      layers.batchNormalization({momentum: 0.5, inputShape: [5], name: 'norm'}),
      layers.dense({units: 8, activation: 'relu'}),
      layers.batchNormalization({momentum: 0.5, name: 'second'}),
      layers.dense({units: 1, name: 'head'}),
    ],
    {seed: 2},
  );
  model.compile({optimizer: 'adam', loss: 'mse'});
  return model;
}

const weightsOf = (model: Model) =>
  Object.fromEntries(model.getWeights().map(({name, data}) => [name, data]));

describe('moving statistics', () => {
  it('are those of the batches, come with the commit, and are used to predict', async () => {
    const model = small();
    await model.fit(x, y, {batchSize: 20, shuffle: false, epochs: 1});
    const {'norm/movingMean': mean, 'norm/movingVariance': variance} = weightsOf(model);
    for (let column = 0; column < 5; column++) {
      let [expectedMean, expectedVariance] = [0, 1];
      for (const half of [0, 1]) {
        const values = Array.from({length: 20}, (_, row) => x.data[(half * 20 + row) * 5 + column] as number);
        const average = values.reduce((a, b) => a + b) / 20;
        expectedMean = 0.5 * expectedMean + 0.5 * average;
        const spread = values.reduce((sum, value) => sum + (value - average) ** 2, 0) / 20;
        expectedVariance = 0.5 * expectedVariance + 0.5 * spread;
      }
      expect(mean?.[column]).toBeCloseTo(expectedMean, 5);
      expect(variance?.[column]).toBeCloseTo(expectedVariance, 5);
    }
    const before = weightsOf(model);
    const [all, one] = [await model.predict(x), model.predictSync(x.data.subarray(5, 10))];
    expect(one.data[0]).toBe(all.data[1]);
    expect(weightsOf(model)).toEqual(before);
  });

  it('stay where a step is stopped by numbers that are not finite', async () => {
    const model = small();
    const before = weightsOf(model);
    const huge = {data: x.data.map(value => value * 1e30), shape: [40, 5]};
    await expect(model.fit(huge, y, {epochs: 1})).rejects.toThrow(/no longer finite/);
    expect(weightsOf(model)).toEqual(before);
  });

  it('stay in a layer that is frozen, which then uses them in training too', async () => {
    const model = small();
    await model.fit(x, y, {epochs: 2, batchSize: 10});
    model.getLayer('norm').trainable = false;
    const before = weightsOf(model);
    await model.fit(x, y, {epochs: 2, batchSize: 10});
    const after = weightsOf(model);
    for (const name of Object.keys(before)) {
      const same = before[name]?.every((value, at) => value === after[name]?.[at]);
      expect(same, name).toBe(name.startsWith('norm/'));
    }
    expect(model.summary({print: () => {}})).toContain('trainable');
  });

  it('are the same to the bit on any number of threads', async () => {
    const threads = getThreads();
    const run = async (count: number) => {
      setThreads(count);
      const model = small();
      await model.fit(x, y, {epochs: 2, batchSize: 16});
      return weightsOf(model);
    };
    try {
      expect(await run(2)).toEqual(await run(1));
    } finally {
      setThreads(threads);
    }
  });
});
