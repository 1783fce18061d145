// Metrics by weight of samples: with integer weights, those of data in which samples are repeated.
import {describe, expect, it} from 'vitest';
import {
  model as functional,
  input,
  layers,
  load,
  type Metric,
  metrics,
  optimizers,
  type Sequential,
  sequential,
} from '../../../lib/index.ts';
import {withFolder} from '../support.ts';
import {labels, rows, type Setting, settings, x} from './measuring.ts';

const sampleWeight = Float32Array.from({length: rows}, (_, row) => (row * 7) % 4);
const repeated = [...sampleWeight].flatMap((weight, row) => new Array<number>(weight).fill(row));

/** Rows by number, as many numbers of each as there are. */
function take(
  {data, shape}: {data: ArrayLike<number>; shape: readonly number[]},
  numbers: readonly number[],
) {
  const width = data.length / (shape[0] as number);
  const values = numbers.flatMap(row =>
    Array.from({length: width}, (_, at) => data[row * width + at] as number),
  );
  return {data: Float32Array.from(values), shape: [numbers.length, ...shape.slice(1)]};
}

const shaped = ({y, units, loss}: Setting) =>
  ArrayBuffer.isView(y)
    ? {data: y as Uint8Array, shape: loss === 'sparseCategoricalCrossentropy' ? [rows] : [rows, units]}
    : (y as {data: Float32Array; shape: number[]});

function build({loss, units, last}: Setting, options: Partial<Parameters<Sequential['compile']>[0]>) {
  const model = sequential(
    [
      layers.dense({units: 6, activation: 'tanh', inputShape: [3]}),
      layers.dense({units, activation: last, kernelInitializer: 'orthogonal'}),
    ],
    {seed: 5},
  );
  model.compile({optimizer: optimizers.sgd({learningRate: 0}), loss, ...options});
  return model;
}

const cases: readonly (readonly [keyof typeof settings, () => Metric])[] = [
  ['sparse', metrics.accuracy],
  ['sparse', () => metrics.sparseTopKCategoricalAccuracy({k: 2})],
  ['sparse', () => metrics.precision({average: 'macro'})],
  ['sparse', metrics.matthews],
  ['sparse', metrics.auc],
  ['categorical', metrics.f1],
  ['multiLabel', metrics.recall],
  ['multiLabel', () => metrics.auc({multiLabel: true, curve: 'PR'})],
  ['binary', metrics.specificity],
  ['numbers', metrics.meanAbsoluteError],
  ['numbers', metrics.rootMeanSquaredError],
  ['numbers', metrics.r2],
];

describe('weightedMetrics', () => {
  it.each(cases.map(([name, make]) => [make().kind, name, make] as const))(
    '%s of %s',
    async (kind, name, make) => {
      const setting: Setting = settings[name];
      const model = build(setting, {weightedMetrics: [make()]});
      const plain = build(setting, {metrics: [make()]});
      const y = take(shaped(setting), repeated);
      const wanted = (await plain.evaluate(take(x, repeated), y))[kind] as number;
      expect((await plain.evaluate(x, setting.y))[kind]).not.toBeCloseTo(wanted, 4);
      expect((await model.evaluate(x, setting.y, {sampleWeight}))[kind]).toBeCloseTo(wanted, 7);
      const {history} = await model.fit(x, setting.y, {batchSize: 9, sampleWeight, verbose: 0});
      expect(history[kind]?.[0]).toBeCloseTo(wanted, 7);
      // Without weights each counts 1.
      const unweighted = (await plain.evaluate(x, setting.y))[kind] as number;
      expect((await model.evaluate(x, setting.y))[kind]).toBeCloseTo(unweighted, 7);
    },
  );

  it('stand beside metrics of the same name, and come back from a file', async () => {
    const model = build(settings.sparse, {metrics: ['accuracy'], weightedMetrics: ['accuracy', 'f1']});
    const logs = await model.evaluate(x, labels, {sampleWeight});
    expect(Object.keys(logs)).toEqual(['loss', 'accuracy', 'weighted_accuracy', 'f1']);
    expect(logs.accuracy).not.toBeCloseTo(logs.weighted_accuracy as number, 4);
    await withFolder(async folder => {
      await model.save(`${folder}/model.safetensors`);
      const again = await load(`${folder}/model.safetensors`);
      expect(await again.evaluate(x, labels, {sampleWeight})).toEqual(logs);
    });
  });

  it('count classes by their weights', async () => {
    const model = build(settings.sparse, {weightedMetrics: ['accuracy']});
    const classWeight = {0: 1, 1: 0, 2: 3, 3: 1};
    const {history} = await model.fit(x, labels, {batchSize: 8, classWeight, verbose: 0});
    const byClass = Float32Array.from(labels, label => classWeight[label as 0]);
    const {accuracy} = await model.evaluate(x, labels, {sampleWeight: byClass});
    expect(history.accuracy?.[0]).toBeCloseTo(accuracy as number, 10);
  });

  it('of several outputs stand under their names', async () => {
    const start = input({shape: [3]});
    const kind = layers.dense({units: 4, activation: 'softmax', name: 'kind'}).apply(start);
    const size = layers.dense({units: 2, name: 'size'}).apply(start);
    const model = functional({inputs: start, outputs: [kind, size]});
    model.compile({
      optimizer: 'sgd',
      loss: ['sparseCategoricalCrossentropy', 'meanSquaredError'],
      weightedMetrics: {kind: ['accuracy'], size: ['r2', 'mae']},
    });
    const logs = await model.evaluate(x, [labels, settings.numbers.y], {sampleWeight});
    expect(Object.keys(logs)).toEqual([
      'loss',
      'kind_loss',
      'size_loss',
      'kind_accuracy',
      'size_r2',
      'size_mae',
    ]);
  });

  const refused: readonly (readonly [() => unknown, RegExp])[] = [
    [
      () => build(settings.sparse, {weightedMetrics: 'accuracy' as never}),
      /compile: weightedMetrics: expected an array/,
    ],
    [() => build(settings.sparse, {weightedMetrics: ['f2' as never]}), /unknown metric "f2"/],
    [
      () => build(settings.sparse, {metrics: ['f1'], weightedMetrics: ['f1', 'f1']}),
      /compile: weightedMetrics: "weighted_f1" stands there already/,
    ],
  ];
  it.each(refused)('refuse a wrong option: %#', (call, text) => {
    expect(call).toThrow(text);
  });
});
