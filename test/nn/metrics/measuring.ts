// Models of small data on which metrics are measured, and the comparison with their definitions, computed
// from the models' own predictions in float64.
import {expect} from 'vitest';
import {
  type CustomMetric,
  type DataInput,
  data,
  initializers,
  layers,
  type Metric,
  optimizers,
  type Sequential,
  sequential,
} from '../../../lib/index.ts';
import {labelsOf, nested, numbers} from '../../support/plain-networks.ts';

type LossLike = Parameters<Sequential['compile']>[0]['loss'];

export const rows = 91;
const features = 3;
export const x = {data: numbers(rows * features, 5), shape: [rows, features]};
export const meanOf = (values: readonly number[]): number =>
  values.reduce((a, b) => a + b, 0) / values.length;
export const argMax = (values: readonly number[]): number => values.indexOf(Math.max(...values));

/** All predictions and targets, one row each. */
export type Measure = (outputs: number[][], targets: number[][]) => number;

export interface Setting {
  readonly loss: LossLike;
  readonly units: number;
  readonly last: 'linear' | 'sigmoid' | 'softmax';
  readonly y: DataInput;
  readonly targets: number[][];
}

export const classes = 4;
export const labels = labelsOf(rows, classes);
const hot = data.oneHot(labels, {classes});
export const bits = Uint8Array.from(labels, label => Number(label > 1));
const several = Float32Array.from(numbers(rows * 3, 9), value => Number(value > 0.2));
export const reals = numbers(rows * 2, 8).map((value, at) => 3 * value + (at % 2 === 0 ? 100 : 0));

export const settings = {
  sparse: {
    loss: 'sparseCategoricalCrossentropy',
    units: classes,
    last: 'softmax',
    y: labels,
    targets: [...labels].map(label => [label]),
  },
  categorical: {
    loss: 'categoricalCrossentropy',
    units: classes,
    last: 'softmax',
    y: hot,
    targets: nested(hot.data, classes),
  },
  binary: {
    loss: 'binaryCrossentropy',
    units: 1,
    last: 'sigmoid',
    y: bits,
    targets: [...bits].map(bit => [bit]),
  },
  multiLabel: {
    loss: 'binaryCrossentropy',
    units: 3,
    last: 'sigmoid',
    y: {data: several, shape: [rows, 3]},
    targets: nested(several, 3),
  },
  numbers: {
    loss: 'meanSquaredError',
    units: 2,
    last: 'linear',
    y: {data: reals, shape: [rows, 2]},
    targets: nested(reals, 2),
  },
} as const satisfies Record<string, Setting>;

const broad = initializers.randomNormal({stddev: 1});

export function build({loss, units, last}: Setting, list: readonly (Metric | CustomMetric | string)[]) {
  const model = sequential(
    [
      layers.dense({units: 6, activation: 'tanh', inputShape: [features]}),
      layers.dense({units, activation: last, kernelInitializer: broad, biasInitializer: broad}),
    ],
    {seed: 3},
  );
  model.compile({optimizer: optimizers.sgd({learningRate: 0}), loss, metrics: list as Metric[]});
  return model;
}

/** In training of any batch size, in evaluation, and after each batch. */
export async function expectMetric(
  setting: Setting,
  metric: Metric,
  measure: Measure,
  digits: number,
): Promise<void> {
  const model = build(setting, [metric]);
  const name = metric.kind;
  const {data: output} = await model.predict(x);
  const outputs = nested(output, setting.units);
  const wanted = measure(outputs, setting.targets);
  expect(Number.isFinite(wanted)).toBe(true);
  expect((await model.evaluate(x, setting.y))[name]).toBeCloseTo(wanted, digits);
  for (const batchSize of [1, 16, 91]) {
    const {history} = await model.fit(x, setting.y, {batchSize, epochs: 2, verbose: 0});
    for (const value of history[name] as number[]) expect(value).toBeCloseTo(wanted, digits);
  }
  await model.fit(x, setting.y, {
    batchSize: 20,
    shuffle: false,
    verbose: 0,
    callbacks: {
      onBatchEnd(batch, logs) {
        const seen = Math.min(rows, 20 * (batch + 1));
        const soFar = measure(outputs.slice(0, seen), setting.targets.slice(0, seen));
        if (Number.isFinite(soFar)) expect(logs[name], `batch ${batch}`).toBeCloseTo(soFar, digits);
      },
    },
  });
  const half = {data: x.data.subarray(0, 3 * 40), shape: [40, features]};
  const {[name]: first} = await model.evaluate(half, slice(setting.y, 40));
  expect(first).toBeCloseTo(measure(outputs.slice(0, 40), setting.targets.slice(0, 40)), digits);
}

function slice(y: DataInput, count: number): DataInput {
  if (ArrayBuffer.isView(y)) return (y as Uint8Array).subarray(0, count);
  const {data: all, shape} = y as {data: Float32Array; shape: readonly number[]};
  const width = all.length / (shape[0] as number);
  return {data: all.subarray(0, count * width), shape: [count, ...shape.slice(1)]};
}

export const over = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole);
