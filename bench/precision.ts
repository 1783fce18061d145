// What does bfloat16 gain, and what does it cost? Steps of each workload in both precisions in turns, and the
// test accuracy of 784-128-10 on handwritten digits after five epochs.
import path from 'node:path';
import {readDigits} from '../examples/mnist/idx.ts';
import {layers, schedules, sequential, setThreads} from '../lib/index.ts';
import {table} from '../scripts/table.ts';
import {type BenchOptions, type Figures, figuresOf} from './options.ts';
import {Own} from './peers/chainrule.ts';
import {digits, resultsFolder, saveResults} from './report.ts';
import {makeData, type Workload, workloads} from './workloads.ts';

const precisions = ['float32', 'bfloat16'] as const;
type Precision = (typeof precisions)[number];

interface Row {
  readonly name: string;
  /** Microseconds per step. */
  readonly float32: number;
  readonly bfloat16: number;
}

async function measure(workload: Workload, quick: boolean): Promise<Row> {
  const data = makeData(workload, path.join(resultsFolder, 'data'));
  const owns = precisions.map(precision => new Own(workload, data, precision));
  const best = precisions.map(() => Number.POSITIVE_INFINITY);
  for (let repeat = 0; repeat < (quick ? 3 : 8); repeat++) {
    for (const [index, own] of owns.entries()) {
      best[index] = Math.min(best[index] as number, await own.time(quick ? 0.1 : 0.3, false));
    }
  }
  const [float32, bfloat16] = best as [number, number];
  return {name: workload.name, float32, bfloat16};
}

const epochs = 5;
const batchSize = 128;

/** Of the digits that were not trained on, a share. */
async function accuracyOf(precision: Precision, seed: number): Promise<number> {
  const {train, test} = readDigits();
  const asInput = (images: Uint8Array) => ({data: images, shape: [images.length / 784, 784], scale: 1 / 255});
  const model = sequential(
    [
      layers.dense({units: 128, activation: 'relu', kernelInitializer: 'heUniform', inputShape: [784]}),
      layers.dense({units: 10, activation: 'softmax'}),
    ],
    {seed},
  );
  model.compile({
    optimizer: 'adam',
    loss: 'sparseCategoricalCrossentropy',
    metrics: ['accuracy'],
    precision,
  });
  const decaySteps = epochs * Math.ceil(train.labels.length / batchSize);
  model.optimizer.learningRate = schedules.cosineDecay({initialLearningRate: 0.002, decaySteps});
  await model.fit(asInput(train.images), train.labels, {epochs, batchSize, seed});
  return (await model.evaluate(asInput(test.images), test.labels)).accuracy as number;
}

/** Mean over seeds, in per cent. */
async function meanAccuracy(precision: Precision, seeds: number): Promise<number> {
  let sum = 0;
  for (let seed = 1; seed <= seeds; seed++) sum += 100 * (await accuracyOf(precision, seed));
  return sum / seeds;
}

export async function bench({threads, quick}: BenchOptions): Promise<Figures> {
  setThreads(threads);
  const rows: Row[] = [];
  for (const workload of workloads) rows.push(await measure(workload, quick));
  console.log(`${threads} threads, microseconds per step`);
  const lines = rows.map(({name, float32, bfloat16}) => [
    name,
    digits(float32),
    digits(bfloat16),
    (float32 / bfloat16).toFixed(2),
  ]);
  console.log(table([['', ...precisions, 'float32 ÷ bfloat16'], ...lines]));
  const seeds = quick ? 1 : 5;
  const [full, low] = [await meanAccuracy('float32', seeds), await meanAccuracy('bfloat16', seeds)];
  console.log(
    `MNIST, 784-128-10, ${epochs} epochs, mean of ${seeds} seeds: ` +
      `${full.toFixed(2)} % in float32, ${low.toFixed(2)} % in bfloat16`,
  );
  const wide = rows.find(({name}) => name === 'mlp-wide');
  const figures = figuresOf({
    'bfloat16-mlp-wide': wide && {value: wide.float32 / wide.bfloat16},
    'bfloat16-accuracy': {value: Math.max(0, full - low)},
  });
  saveResults('precision', {threads, rows, accuracy: {float32: full, bfloat16: low, seeds}, figures});
  return figures;
}
