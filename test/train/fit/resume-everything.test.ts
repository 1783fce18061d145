// Exact resume where more has a memory: moving statistics, averages of weights, gradients that are added up,
// metrics with counts, a plateau that is counted in the plan, and data that come as they are asked for.
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {afterAll, describe, expect, it} from 'vitest';
import {type Callback, callbacks, data, layers, optimizers, sequential} from '../../../lib/index.ts';
import {numbers} from '../../support/plain-networks.ts';
import {breakdown} from '../resuming.ts';

const root = mkdtempSync(path.join(tmpdir(), 'chainrule-everything-'));
afterAll(() => rmSync(root, {recursive: true, force: true}));

const rows = 40;
const x = numbers(rows * 4, 3);
const y = numbers(rows, 5);

function build() {
  const model = sequential(
    [
      layers.dense({units: 6, inputShape: [4]}),
      layers.batchNormalization(),
      layers.activation({activation: 'tanh'}),
      layers.dense({units: 1, kernelRegularizer: 'l2'}),
    ],
    {seed: 2},
  );
  model.compile({
    optimizer: optimizers.adam({
      learningRate: 0.02,
      useEma: true,
      emaMomentum: 0.9,
      gradientAccumulationSteps: 3,
      globalClipNorm: 0.4,
    }),
    loss: 'huber',
    metrics: ['rootMeanSquaredError', 'r2'],
  });
  return model;
}

/** Trains to the end: the weights, what a further training makes of them, and the history. */
async function fromArrays(more: Callback[]) {
  const model = build();
  const plateau = callbacks.stopOnPlateau({monitor: 'loss', patience: 9});
  const all = [
    plateau,
    callbacks.modelCheckpoint({filepath: path.join(root, 'best'), saveBestOnly: true}),
    ...more,
  ];
  const options = {batchSize: 6, epochs: 6, validationSplit: 0.2, sampleWeight: y.map(Math.abs)};
  const history = await model.fit(x, y, {...options, callbacks: all});
  const weights = model.getWeights();
  await model.fit(x, y, {batchSize: 6, epochs: 2});
  return {history, weights, later: model.getWeights(), iterations: model.iterations};
}

async function fromDataset(more: Callback[]) {
  const model = build();
  const all = data.Dataset.fromArrays({xs: {data: x, shape: [rows, 4]}, ys: {data: y, shape: [rows, 1]}});
  const batches = all.shuffle(16, 7).batch(6);
  const history = await model.fit(batches, {epochs: 4, callbacks: more});
  return {history, weights: model.getWeights(), iterations: model.iterations};
}

describe.each([
  ['arrays', fromArrays],
  ['a data set', fromDataset],
] as const)('a training on %s', (name, train) => {
  it('goes on to the same bits from any step', async () => {
    const whole = await train([]);
    expect(whole.iterations).toBeGreaterThan(14);
    for (const steps of [1, 4, 6, 7, 11, 13]) {
      const backupDir = path.join(root, `${name}-${steps}`);
      const backup = (saveFreq: number) => callbacks.backupAndRestore({backupDir, saveFreq});
      await expect(train([breakdown(steps + 1), backup(steps)])).rejects.toThrow('breakdown');
      expect(await train([backup(1000)]), `after step ${steps}`).toEqual(whole);
    }
  });
});
