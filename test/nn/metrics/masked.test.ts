// Every loss and every metric of an output with a mask, beside itself of the positions that count alone.
import {describe, expect, it} from 'vitest';
import {
  type Loss,
  type LossLike,
  layers,
  losses,
  type Metric,
  metrics,
  ops,
  optimizers,
  type Sequential,
  sequential,
  type Tensor,
} from '../../../lib/index.ts';
import {numbers} from '../../support/plain-networks.ts';

const [rows, steps, features, classes] = [6, 5, 3, 3];
/** Padding behind, before and between, and a row of nothing else. */
const counted = [
  [1, 1, 1, 1, 1],
  [1, 1, 0, 0, 0],
  [0, 0, 1, 1, 1],
  [0, 0, 0, 0, 0],
  [1, 0, 1, 0, 1],
  [0, 0, 0, 0, 1],
].map(row => row.map(Boolean));
const places = counted.flatMap((row, at) =>
  row.flatMap((counts, step) => (counts ? [at * steps + step] : [])),
);
const sampleWeight = Float32Array.from([1, 2, 0.5, 3, 0, 4]);

const x = {data: numbers(rows * steps * features, 3), shape: [rows, steps, features]};
for (let place = 0; place < rows * steps; place++) {
  if (!places.includes(place)) x.data.fill(0, place * features, (place + 1) * features);
}

/** What stands at the places that count, `width` numbers at each. */
const taken = <Values extends Float32Array | Int32Array>(values: Values, width: number): Values =>
  values.filter((_, at) => places.includes(Math.floor(at / width))) as Values;

interface Setting {
  readonly loss: LossLike;
  readonly units: number;
  readonly last: 'linear' | 'sigmoid' | 'softmax';
  readonly y: Float32Array | Int32Array;
}

const labels = Int32Array.from({length: rows * steps}, (_, at) => (at * 7 + Math.floor(at / 4)) % classes);
const hot = Float32Array.from({length: labels.length * classes}, (_, at) =>
  Number(labels[Math.floor(at / classes)] === at % classes),
);
const settings = {
  sparse: {loss: 'sparseCategoricalCrossentropy', units: classes, last: 'softmax', y: labels},
  ignoring: {
    loss: losses.sparseCategoricalCrossentropy({ignoreClass: 1}),
    ...{units: classes, last: 'softmax', y: labels},
  },
  hot: {loss: 'categoricalCrossentropy', units: classes, last: 'softmax', y: hot},
  binary: {loss: 'binaryCrossentropy', units: 1, last: 'sigmoid', y: labels.map(label => label % 2)},
  several: {loss: 'binaryCrossentropy', units: classes, last: 'sigmoid', y: hot},
  numbers: {loss: 'meanSquaredError', units: 2, last: 'linear', y: numbers(rows * steps * 2, 9)},
  positive: {
    loss: 'meanSquaredError',
    ...{units: 2, last: 'sigmoid', y: numbers(rows * steps * 2, 9).map(value => Math.abs(value) + 0.1)},
  },
} as const satisfies Record<string, Setting>;

/** Over sequences, of which a mask hides steps; or over the steps that count, each a sample of its own. */
function build({units, last}: Setting, masked: boolean, compiled: object): Sequential {
  const weights = {kernelInitializer: 'orthogonal', biasInitializer: 'ones'} as const;
  const head = layers.dense({units, activation: last, ...weights, ...(!masked && {inputShape: [features]})});
  const list = masked ? [layers.masking({inputShape: [steps, features]}), head] : [head];
  const model = sequential(list, {seed: 3});
  model.compile({optimizer: optimizers.sgd({learningRate: 0}), warn: false, ...compiled} as never);
  return model;
}

/** Loss and metrics of both, in evaluation and in training of batches of any size. */
async function expectSame(
  setting: Setting,
  compiled: object,
  batchSizes: readonly number[] = [1, 4, rows],
): Promise<void> {
  const {y, units, loss} = setting;
  const sparse = typeof loss === 'string' ? loss.startsWith('sparse') : (loss as Loss).targets === 'classes';
  const width = sparse ? 1 : units;
  const shapeOf = (own: number[]) => (sparse ? own : [...own, units]);
  const [masked, plain] = [build(setting, true, compiled), build(setting, false, compiled)];
  const own = {data: taken(x.data, features), shape: [places.length, features]};
  const ofOwn = {data: taken(y, width), shape: shapeOf([places.length])};
  const weightsOfOwn = Float32Array.from(places, place => sampleWeight[Math.floor(place / steps)] as number);
  const all = {data: y, shape: shapeOf([rows, steps])};
  const wanted = await plain.evaluate(own, ofOwn, {sampleWeight: weightsOfOwn});
  const near = (logs: Record<string, number | undefined>, what: string) => {
    expect(Object.keys(logs)).toEqual(Object.keys(wanted));
    for (const [name, value] of Object.entries(wanted)) {
      expect(Number.isFinite(value)).toBe(true);
      const off = Math.abs((logs[name] as number) - value) / Math.max(1, Math.abs(value));
      expect(off, `${name} ${what}`).toBeLessThan(2e-6);
    }
  };
  near(await masked.evaluate(x, all, {sampleWeight}), 'evaluated');
  for (const batchSize of batchSizes) {
    const {history} = await masked.fit(x, all, {batchSize, sampleWeight, verbose: 0, shuffle: false});
    const logs = Object.fromEntries(Object.entries(history).map(([name, [value]]) => [name, value]));
    near(logs, `of batches of ${batchSize}`);
  }
}

const everywhere = ['sparse', 'ignoring', 'hot', 'binary', 'several'] as const;
const mostly = ['ignoring', 'several'] as const;
const ofLabels = ['sparse', 'ignoring'] as const;
const ofValues = ['several', 'numbers'] as const;

/** The settings that each metric is for, and how it is made where that takes options. */
const measured: Readonly<Record<string, readonly (keyof typeof settings)[]>> = {
  accuracy: everywhere,
  binaryAccuracy: ['binary', 'several'],
  categoricalAccuracy: ['hot'],
  sparseCategoricalAccuracy: ofLabels,
  topKCategoricalAccuracy: ['hot'],
  sparseTopKCategoricalAccuracy: ofLabels,
  auc: everywhere,
  precision: everywhere,
  recall: mostly,
  specificity: mostly,
  f1: everywhere,
  fBeta: mostly,
  truePositives: mostly,
  falsePositives: mostly,
  trueNegatives: mostly,
  falseNegatives: mostly,
  precisionAtRecall: mostly,
  recallAtPrecision: mostly,
  sensitivityAtSpecificity: mostly,
  specificityAtSensitivity: mostly,
  confusionMatrix: everywhere,
  matthews: mostly,
  iou: mostly,
  meanIoU: mostly,
  crossentropy: everywhere,
  binaryCrossentropy: ['binary', 'several'],
  categoricalCrossentropy: ['hot'],
  sparseCategoricalCrossentropy: ofLabels,
  perplexity: ofLabels,
  r2: ['numbers', 'positive'],
  rootMeanSquaredError: ofValues,
  meanSquaredError: ofValues,
  meanAbsoluteError: ofValues,
  meanAbsolutePercentageError: ['numbers', 'positive'],
  meanSquaredLogarithmicError: ['positive'],
  logcosh: ofValues,
  huber: ofValues,
  poisson: ['positive'],
  kullbackLeiblerDivergence: ['hot', 'positive'],
  cosineSimilarity: ofValues,
  hinge: ofValues,
  squaredHinge: ofValues,
  categoricalHinge: ['hot', 'numbers'],
};

const options: Readonly<Record<string, object>> = {
  precisionAtRecall: {recall: 0.4},
  recallAtPrecision: {precision: 0.3},
  sensitivityAtSpecificity: {specificity: 0.5},
  specificityAtSensitivity: {sensitivity: 0.5},
  topKCategoricalAccuracy: {k: 2},
  sparseTopKCategoricalAccuracy: {k: 2},
  fBeta: {beta: 2},
};

/** Of sequences as a whole. */
const whole = ['editDistance'];

it('every metric is measured under a mask', () => {
  expect([...Object.keys(measured), ...whole].sort()).toEqual(Object.keys(metrics).sort());
});

describe('metrics of what a mask leaves', () => {
  it.each(Object.entries(measured).flatMap(([kind, names]) => names.map(name => [kind, name] as const)))(
    '%s of %s',
    async (kind, name) => {
      const setting: Setting = settings[name];
      const make = (metrics as unknown as Record<string, (options: object) => Metric>)[kind];
      const metric = () => [(make as (options: object) => Metric)(options[kind] ?? {})];
      await expectSame(setting, {loss: setting.loss, metrics: metric(), weightedMetrics: metric()}, [4]);
    },
  );

  it('one of one’s own, by its statistics', async () => {
    class Largest {
      call(target: Tensor, output: Tensor) {
        return ops.max(ops.abs(ops.sub(target, output)), -1);
      }
      readonly accumulation = {
        size: () => 1,
        add(sums: Float64Array, [values]: readonly ArrayLike<number>[], count: number) {
          for (let at = 0; at < count; at++) sums[0] = Math.max(sums[0] as number, values?.[at] as number);
        },
        result: ([largest = 0]: Float64Array) => largest,
      };
    }
    await expectSame(settings.numbers, {loss: 'mse', metrics: [new Largest()]});
  });
});

/** Of losses, how they are made and what for. */
const ofLosses: Readonly<Record<string, readonly (keyof typeof settings)[]>> = {
  binaryCrossentropy: ['binary', 'several'],
  binaryFocalCrossentropy: ['binary', 'several'],
  categoricalCrossentropy: ['hot'],
  categoricalFocalCrossentropy: ['hot'],
  sparseCategoricalCrossentropy: ['sparse'],
  kullbackLeiblerDivergence: ['hot'],
  categoricalHinge: ['hot'],
  hinge: ofValues,
  squaredHinge: ofValues,
  cosineSimilarity: ofValues,
  huber: ofValues,
  logcosh: ofValues,
  meanAbsoluteError: ofValues,
  meanAbsolutePercentageError: ['positive'],
  meanSquaredError: ofValues,
  meanSquaredLogarithmicError: ['positive'],
  poisson: ['positive'],
  contrastive: ['binary', 'several'],
};

/** Over a batch as a whole: of one batch they are the same. */
const ofBatches = ['dice', 'tversky'] as const;
const ofWholeSamples = ['ctc', 'triplet', 'inBatchNegatives'];

it('every loss is computed under a mask', () => {
  const all = [...Object.keys(ofLosses), ...ofBatches, ...ofWholeSamples];
  expect(all.sort()).toEqual(Object.keys(losses).sort());
});

describe('losses of what a mask leaves', () => {
  it.each(Object.entries(ofLosses).flatMap(([kind, names]) => names.map(name => [kind, name] as const)))(
    '%s of %s',
    async (kind, name) => {
      await expectSame(settings[name], {loss: kind}, [4]);
    },
  );

  it.each(ofBatches)('%s of a batch', async kind => {
    const model = build(settings.several, true, {loss: kind});
    const plain = build(settings.several, false, {loss: kind});
    const own = {data: taken(x.data, features), shape: [places.length, features]};
    const ofOwn = {data: taken(hot, classes), shape: [places.length, classes]};
    const all = {data: hot, shape: [rows, steps, classes]};
    const {loss} = await plain.evaluate(own, ofOwn);
    expect((await model.evaluate(x, all)).loss).toBeCloseTo(loss as number, 6);
    const {history} = await model.fit(x, all, {batchSize: rows, verbose: 0});
    expect(history.loss?.[0]).toBeCloseTo(loss as number, 6);
    // Of each sample: the loss of a row alone is that of its steps that count.
    const ofEach = losses[kind]({axis: [1, 2]});
    const each = build(settings.several, true, {loss: ofEach});
    const row = {
      data: x.data.subarray(2 * steps * features, 3 * steps * features),
      shape: [1, steps, features],
    };
    const target = hot.subarray(2 * steps * classes, 3 * steps * classes);
    const alone = sequential([
      layers.dense({units: classes, activation: 'sigmoid', inputShape: [3, features]}),
    ]);
    alone.compile({optimizer: 'sgd', loss: ofEach});
    alone.setWeights(each.getWeights());
    const wanted = await alone.evaluate(
      {data: row.data.subarray(2 * features), shape: [1, 3, features]},
      {data: target.subarray(2 * classes), shape: [1, 3, classes]},
    );
    const got = await each.evaluate(row, {data: target, shape: [1, steps, classes]});
    expect(got.loss).toBeCloseTo(wanted.loss as number, 6);
  });

  it.each(['triplet', 'inBatchNegatives'] as const)('%s refuses a mask', async kind => {
    const model = build({...settings.sparse, units: 4, last: 'linear'}, true, {loss: kind});
    await expect(model.evaluate(x, {data: labels, shape: [rows, steps]})).rejects.toThrow(
      new RegExp(`${kind}: compares samples as a whole, not the steps that a mask leaves`),
    );
  });
});
