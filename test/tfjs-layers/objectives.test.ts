// Every loss and metric with a counterpart has the same value in both libraries, and on the way back its name
// where tfjs's compile knows it by one.
import * as tf from '@tensorflow/tfjs';
import * as tfl from '@tensorflow/tfjs-layers';
import {beforeAll, describe, expect, test} from 'vitest';
import {fromTfjs, toTfjs} from '../../lib/tfjs-layers/index.ts';
import {losses, metrics} from '../../lib/tfjs-layers/objectives.ts';

beforeAll(() => tf.setBackend('cpu'));

interface Data {
  /** What the model predicts: its inputs as they are. */
  readonly x: number[][];
  readonly y: number[][];
}

const rows = 6;
const table = (columns: number, value: (at: number) => number): number[][] =>
  Array.from({length: rows}, (_, row) =>
    Array.from({length: columns}, (__, column) => value(row * columns + column)),
  );
const shares = (numbers: number[][]): number[][] =>
  numbers.map(row => row.map(value => value / row.reduce((sum, each) => sum + each, 0)));
const hot = (row: number, classes: number): number[] =>
  Array.from({length: classes}, (_, index) => Number(index === (row * row) % classes));

const probable = shares(table(3, at => 1.2 + Math.sin(at * 1.7)));
const kinds: Readonly<Record<string, Data>> = {
  numbers: {x: table(1, at => 3 * Math.sin(at)), y: table(1, at => 1.5 * Math.cos(at * 2))},
  positive: {x: table(2, at => 1.1 + Math.sin(at)), y: table(2, at => 1.3 + Math.cos(at * 2))},
  shares: {x: probable, y: shares(table(3, at => 1.2 + Math.cos(at * 2.3)))},
  classes: {x: probable, y: probable.map((_, row) => hot(row, 3))},
  labels: {x: probable, y: probable.map((_, row) => [(row * row) % 3])},
  signs: {x: table(3, at => 2 * Math.sin(at * 1.3)), y: table(3, at => (at % 3 === 1 ? 1 : -1))},
  chances: {x: table(1, at => 0.5 + 0.45 * Math.sin(at)), y: table(1, at => Number(at % 3 === 1))},
  logits: {x: table(3, at => 3 * Math.sin(at)), y: probable.map((_, row) => hot(row, 3))},
  decided: {x: table(1, at => Number(at % 2 === 0)), y: table(1, at => Number(at % 3 === 0))},
};

/** Gives its inputs as they are. */
function identity({x}: Data): tfl.LayersModel {
  return tfl.sequential({
    layers: [tfl.layers.activation({activation: 'linear', inputShape: [x[0]?.length as number]})],
  });
}

const theirs = (model: tfl.LayersModel, {x, y}: Data): number[] =>
  [model.evaluate(tf.tensor2d(x), tf.tensor2d(y), {batchSize: rows})]
    .flat()
    .map(value => value.dataSync()[0] as number);

async function ours(model: tfl.LayersModel, {x, y}: Data): Promise<number[]> {
  const net = await fromTfjs(model);
  const values = (await net.evaluate(x, y)) as unknown as Readonly<Record<string, number>>;
  return net.metricsNames.map(name => values[name] as number);
}

function expectSame(actual: readonly number[], wanted: readonly number[]): void {
  expect(actual).toHaveLength(wanted.length);
  for (const [at, value] of wanted.entries()) {
    const room = 1e-5 * Math.max(1, Math.abs(value));
    expect(Math.abs((actual[at] as number) - value), `${at}`).toBeLessThanOrEqual(room);
  }
}

type Function_ = (y: tf.Tensor, x: tf.Tensor) => tf.Tensor;

/** The function of that name, where tfjs's compile knows no such name. */
const given = (name: string, functions: object): string =>
  (functions as Readonly<Record<string, Function_>>)[name] as unknown as string;

const lossData: Readonly<Record<string, keyof typeof kinds>> = {
  meanSquaredError: 'numbers',
  meanAbsoluteError: 'numbers',
  meanAbsolutePercentageError: 'positive',
  meanSquaredLogarithmicError: 'positive',
  squaredHinge: 'signs',
  hinge: 'signs',
  categoricalHinge: 'logits',
  logcosh: 'numbers',
  poisson: 'positive',
  kullbackLeiblerDivergence: 'shares',
  categoricalCrossentropy: 'shares',
  sparseCategoricalCrossentropy: 'labels',
  binaryCrossentropy: 'chances',
  cosineProximity: 'signs',
  absoluteDifference: 'numbers',
  huberLoss: 'numbers',
  softmaxCrossEntropy: 'logits',
  sigmoidCrossEntropy: 'logits',
};
/** Functions of tf.losses, which compile does not know by name. */
const lossFunctions = ['absoluteDifference', 'huberLoss', 'softmaxCrossEntropy', 'sigmoidCrossEntropy'];

describe('losses', () => {
  test('are all here', () => {
    expect(Object.keys(lossData)).toEqual([...losses.keys()]);
  });

  test.each(Object.keys(lossData))('%s', async name => {
    const data = kinds[lossData[name] as string] as Data;
    const model = identity(data);
    const isFunction = lossFunctions.includes(name);
    model.compile({optimizer: 'sgd', loss: isFunction ? given(name, tf.losses) : name});
    const wanted = theirs(model, data);
    expect(Math.abs(wanted[0] as number)).toBeGreaterThan(1e-3);
    expectSame(await ours(model, data), wanted);
    const net = await fromTfjs(model);
    if (isFunction && name !== 'absoluteDifference') {
      await expect(toTfjs(net)).rejects.toThrow(/toTfjs: loss: .* has no counterpart in tfjs-layers/);
      return;
    }
    const back = await toTfjs(net);
    expect([back.loss].flat()).toEqual([isFunction ? 'meanAbsoluteError' : name]);
    expectSame(theirs(back, data), wanted);
  });
});

type MetricCase = readonly [name: string, loss: string, kind: keyof typeof kinds];

/** Names that stand for another metric of each kind of loss. */
const byLoss = ['accuracy', 'acc', 'crossentropy', 'ce'].flatMap((name): MetricCase[] => [
  [name, 'categoricalCrossentropy', 'classes'],
  [name, 'sparseCategoricalCrossentropy', 'labels'],
  [name, 'binaryCrossentropy', 'chances'],
]);
const metricCases: readonly MetricCase[] = [
  ...byLoss,
  ['binaryAccuracy', 'binaryCrossentropy', 'chances'],
  ['categoricalAccuracy', 'categoricalCrossentropy', 'classes'],
  ['sparseCategoricalAccuracy', 'sparseCategoricalCrossentropy', 'labels'],
  ['precision', 'meanSquaredError', 'decided'],
  ['recall', 'meanSquaredError', 'decided'],
  ['r2Score', 'meanSquaredError', 'numbers'],
  ['binaryCrossentropy', 'meanSquaredError', 'chances'],
  ['categoricalCrossentropy', 'meanSquaredError', 'shares'],
  ['sparseCategoricalCrossentropy', 'sparseCategoricalCrossentropy', 'labels'],
  ...['mse', 'MSE', 'meanSquaredError', 'mae', 'MAE', 'meanAbsoluteError'].map(
    (name): MetricCase => [name, 'meanSquaredError', 'numbers'],
  ),
  ...['mape', 'MAPE', 'meanAbsolutePercentageError'].map(
    (name): MetricCase => [name, 'meanSquaredError', 'positive'],
  ),
];
/** Functions of tf.metrics, which compile does not know by name. */
const long = ['meanSquaredError', 'meanAbsoluteError', 'meanAbsolutePercentageError'];
const metricFunctions = ['sparseCategoricalAccuracy', 'recall', 'r2Score', 'binaryCrossentropy', ...long];

describe('metrics', () => {
  test('are all here', () => {
    const names = metricCases.map(([name]) => name).filter(name => !/^[A-Z]+$/.test(name));
    expect([...new Set(names)].sort()).toEqual([...metrics.keys()].sort());
  });

  test.each(metricCases)('%s beside %s', async (name, loss, kind) => {
    const data = kinds[kind] as Data;
    const model = identity(data);
    const isFunction = metricFunctions.includes(name);
    model.compile({optimizer: 'sgd', loss, metrics: [isFunction ? given(name, tf.metrics) : name]});
    const wanted = theirs(model, data);
    expect(wanted).toHaveLength(2);
    expect(Math.abs(wanted[1] as number)).toBeGreaterThan(1e-3);
    expectSame(await ours(model, data), wanted);
    const net = await fromTfjs(model);
    if (isFunction && !long.includes(name)) {
      await expect(toTfjs(net)).rejects.toThrow(/toTfjs: metrics: .* has no counterpart in tfjs-layers/);
      return;
    }
    expectSame(theirs(await toTfjs(net), data), wanted);
  });
});
