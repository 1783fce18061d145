// Means over an epoch, recomputed sample by sample in plain float64.
import {describe, expect, it} from 'vitest';
import {type DataInput, data, layers, metrics, ops, optimizers, sequential} from '../../../lib/index.ts';
import {forward, labelsOf, nested, numbers, plain, plainLosses} from '../../support/plain-networks.ts';

const rows = 77;
const features = 4;
const x = numbers(rows * features, 5);
/** 16 + 16 + 16 + 16 + 13 rows. */
const batchSize = 16;

type LossName = keyof typeof plainLosses;

interface Case {
  readonly loss: LossName;
  readonly last: string;
  readonly units: number;
  readonly y: DataInput;
  readonly targets: number[][];
  /** By metric: its number for one sample. */
  readonly metrics: Readonly<Record<string, (target: number[], output: number[]) => number>>;
}

const argMax = (values: number[]): number => values.indexOf(Math.max(...values));
const meanOf = (values: number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
const sides = (threshold: number) => (t: number[], p: number[]) =>
  meanOf(p.map((value, at) => Number(Number(value > threshold) === t[at])));

const labels = labelsOf(rows, 3);
const hot = data.oneHot(labels, {classes: 3});
const bits = Uint8Array.from(labels, label => label % 2);
const reals = numbers(rows * 2, 8);

const cases: readonly Case[] = [
  {
    loss: 'sparseCategoricalCrossentropy',
    last: 'softmax',
    units: 3,
    y: labels,
    targets: [...labels].map(label => [label]),
    metrics: {
      accuracy: ([label], p) => Number(argMax(p) === label),
      sparseCategoricalAccuracy: ([label], p) => Number(argMax(p) === label),
    },
  },
  {
    loss: 'categoricalCrossentropy',
    last: 'softmax',
    units: 3,
    y: hot,
    targets: nested(hot.data, 3),
    metrics: {
      acc: (t, p) => Number(argMax(p) === argMax(t)),
      categoricalAccuracy: (t, p) => Number(argMax(p) === argMax(t)),
      binaryAccuracy: sides(0.5),
    },
  },
  {
    loss: 'binaryCrossentropy',
    last: 'sigmoid',
    units: 1,
    y: bits,
    targets: [...bits].map(bit => [bit]),
    metrics: {accuracy: sides(0.5), binaryAccuracy: sides(0.5)},
  },
  {
    loss: 'meanSquaredError',
    last: 'linear',
    units: 2,
    y: reals,
    targets: nested(reals, 2),
    metrics: {
      mae: (t, p) => meanOf(p.map((value, at) => Math.abs(value - (t[at] as number)))),
      meanAbsoluteError: (t, p) => meanOf(p.map((value, at) => Math.abs(value - (t[at] as number)))),
      meanSquaredError: plainLosses.meanSquaredError,
    },
  },
];

/** Means over samples, each rounded only once. */
function exactMeans(one: Case, weights: ReturnType<typeof plain>, count = rows): Record<string, number> {
  const outputs = nested(x, features).map(row => forward(weights, ['tanh', one.last], row));
  const all = {loss: plainLosses[one.loss], ...one.metrics};
  return Object.fromEntries(
    Object.entries(all).map(([name, formula]) => {
      const each = outputs
        .slice(0, count)
        .map((output, row) => formula(one.targets[row] as number[], output));
      return [name, meanOf(each)];
    }),
  );
}

function build(one: Case, learningRate = 0) {
  const model = sequential(
    [
      layers.dense({units: 5, activation: 'tanh', inputShape: [features]}),
      layers.dense({units: one.units, activation: one.last as 'linear'}),
    ],
    {seed: 12},
  );
  model.compile({
    optimizer: optimizers.sgd({learningRate}),
    loss: one.loss,
    metrics: Object.keys(one.metrics) as 'accuracy'[],
  });
  return model;
}

/** Shares of right answers are exact; a third of a sample is rounded. */
const isCount = (name: string): boolean => /acc/i.test(name);
const thirds = (one: Case, name: string): boolean => name === 'binaryAccuracy' && one.units === 3;

function expectMeans(
  one: Case,
  logs: Record<string, number | undefined>,
  exact: Record<string, number>,
): void {
  expect(Object.keys(logs)).toEqual(Object.keys(exact));
  for (const [name, value] of Object.entries(exact)) {
    if (isCount(name) && !thirds(one, name)) expect(logs[name], name).toBeCloseTo(value, 12);
    else expect(Math.abs((logs[name] as number) / value - 1), name).toBeLessThan(3e-6);
  }
}

describe.each(cases.map(one => [one.loss, one] as const))('with %s', (_, one) => {
  it('fit, evaluate and the logs of batches hold exact means', async () => {
    const model = build(one);
    const weights = plain(model.getWeights());
    const exact = exactMeans(one, weights);
    const soFar: Record<string, number>[] = [];
    const {history} = await model.fit(x, one.y, {
      batchSize,
      epochs: 2,
      shuffle: false,
      callbacks: {onBatchEnd: (__, logs) => void soFar.push(logs)},
    });
    for (const epoch of [0, 1]) {
      const logs = Object.fromEntries(Object.entries(history).map(([name, all]) => [name, all[epoch]]));
      expectMeans(one, logs, exact);
    }
    expectMeans(one, await model.evaluate(x, one.y), exact);
    soFar.slice(0, 5).forEach(({batch, size, ...logs}, at) => {
      expect(batch).toBe(at);
      expect(size).toBe(at === 4 ? 13 : 16);
      expectMeans(one, logs, exactMeans(one, weights, Math.min(rows, (at + 1) * batchSize)));
    });
  });

  it('the order of the rows does not matter, nor the size of batches', async () => {
    const exact = exactMeans(one, plain(build(one).getWeights()));
    for (const size of [1, 7, 76, 77, 200]) {
      const {history} = await build(one).fit(x, one.y, {batchSize: size, seed: size});
      expectMeans(
        one,
        Object.fromEntries(Object.entries(history).map(([name, [first]]) => [name, first])),
        exact,
      );
    }
  });
});

describe('metrics', () => {
  const model = build(cases[3] as Case);

  it('may be functions of ops, under their names', async () => {
    function largest(target: Parameters<typeof ops.sub>[0], output: Parameters<typeof ops.sub>[1]) {
      return ops.max(ops.abs(ops.sub(output, target)), 1);
    }
    model.compile({optimizer: 'sgd', loss: 'mse', metrics: [largest, metrics.meanAbsoluteError()]});
    const logs = await model.evaluate(x, reals);
    expect(Object.keys(logs)).toEqual(['loss', 'largest', 'meanAbsoluteError']);
    const weights = plain(model.getWeights());
    const each = nested(x, features).map((row, at) => {
      const output = forward(weights, ['tanh', 'linear'], row);
      return Math.max(...output.map((value, unit) => Math.abs(value - (reals[2 * at + unit] as number))));
    });
    expect(logs.largest).toBeCloseTo(meanOf(each), 5);
  });

  it('take a threshold', async () => {
    const binary = build(cases[2] as Case);
    const strict = metrics.binaryAccuracy({threshold: 0.6});
    binary.compile({optimizer: 'sgd', loss: 'bce', metrics: [strict]});
    const weights = plain(binary.getWeights());
    const exact = meanOf(
      nested(x, features).map((row, at) =>
        sides(0.6)([bits[at] as number], forward(weights, ['tanh', 'sigmoid'], row)),
      ),
    );
    expect((await binary.evaluate(x, bits)).binaryAccuracy).toBeCloseTo(exact, 12);
  });

  it('and losses of one number per sample are told from others', async () => {
    const forgotten = (target: Parameters<typeof ops.sub>[0], output: Parameters<typeof ops.sub>[1]) =>
      ops.square(ops.sub(output, target));
    model.compile({optimizer: 'sgd', loss: forgotten});
    await expect(model.fit(x, reals, {batchSize: 7})).rejects.toMatchObject({
      code: 'ERR_SHAPE',
      message: expect.stringMatching(
        /the loss must be one number for each sample, float32\[7\].*float32\[7,2\]/,
      ),
    });
    model.compile({optimizer: 'sgd', loss: 'mse', metrics: [forgotten]});
    await expect(model.evaluate(x, reals)).rejects.toThrow(/the metric forgotten must be one number/);
  });
});
