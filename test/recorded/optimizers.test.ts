// Every optimizer, clipping and schedule against PyTorch: same weights, same data, each loss within 1e-5.
import {readFileSync} from 'node:fs';
import path from 'node:path';
import {describe, expect, it} from 'vitest';
import {layers, optimizers, type Sequential, schedules, sequential} from '../../lib/index.ts';

interface Run {
  readonly name: string;
  readonly optimizer: {readonly name: string; readonly [option: string]: unknown};
  readonly losses: readonly number[];
  /** Kernel of the last layer after the run; of the average, where one is kept. */
  readonly lastKernel: readonly number[];
}

interface Recorded {
  readonly batchSize: number;
  readonly weights: readonly {name: string; shape: number[]; values: number[]}[];
  readonly x: number[];
  readonly y: number[];
  readonly runs: readonly Run[];
}

const read = <Kind>(file: string): Kind =>
  JSON.parse(readFileSync(path.join(import.meta.dirname, 'optimizers', file), 'utf8')) as Kind;
const recorded = read<Recorded>('runs.json');
const {batchSize} = recorded;
const runs = [...recorded.runs, ...read<Pick<Recorded, 'runs'>>('later-runs.json').runs];
const x = {data: Float32Array.from(recorded.x), shape: [recorded.y.length, 6]};
const y = Int32Array.from(recorded.y);

function build({optimizer: {name, ...options}}: Run): Sequential {
  const model = sequential([
    layers.dense({units: 12, activation: 'tanh', inputShape: [6]}),
    layers.dense({units: 3, activation: 'softmax'}),
  ]);
  const make = optimizers[name as 'adam'] as (options: object) => ReturnType<typeof optimizers.adam>;
  model.compile({optimizer: make(options), loss: 'sparseCategoricalCrossentropy'});
  model.setWeights(recorded.weights.map(({name: at, shape, values}) => ({name: at, shape, data: values})));
  return model;
}

function expectLastKernel(model: Sequential, expected: readonly number[]): void {
  const kernel = model.getWeights().find(({name}) => name === 'dense_1/kernel')?.data as Float32Array;
  expect(kernel.length).toBe(expected.length);
  for (const [index, value] of expected.entries()) expect(kernel[index]).toBeCloseTo(value, 5);
}

describe('runs recorded with PyTorch', () => {
  it('cover every optimizer, way to clip and schedule', () => {
    const used = new Set(runs.map(({optimizer: {name}}) => name));
    expect([...used].sort()).toEqual(Object.keys(optimizers).sort());
    for (const way of ['clipValue', 'clipNorm', 'globalClipNorm']) {
      expect(runs.some(({optimizer}) => way in optimizer)).toBe(true);
    }
    const kinds = runs.flatMap(({optimizer: {learningRate}}) =>
      typeof learningRate === 'number' ? [] : [(learningRate as {kind: string}).kind],
    );
    const all = Object.keys(schedules).filter(name => name !== 'constant');
    expect([...new Set(kinds)].sort()).toEqual(all.sort());
  });

  it.each(runs.map(run => [run.name, run] as const))('%s', async (_, run) => {
    const model = build(run);
    expect(run.losses.length).toBe(50);
    for (const [step, expected] of run.losses.entries()) {
      const first = (step * batchSize) % y.length;
      const rows = {data: x.data.subarray(first * 6, (first + batchSize) * 6), shape: [batchSize, 6]};
      const {loss} = await model.trainOnBatch(rows, y.subarray(first, first + batchSize));
      expect(Math.abs((loss as number) - expected) / expected, `step ${step}`).toBeLessThan(1e-5);
    }
    if (run.optimizer.useEma !== true) expectLastKernel(model, run.lastKernel);
  });

  it('and the average of the weights takes their place when fit ends', async () => {
    const run = runs.find(({optimizer}) => optimizer.useEma === true) as Run;
    const model = build(run);
    await model.fit(x, y, {batchSize, stepsPerEpoch: 50, shuffle: false, epochs: 1, verbose: 0});
    expectLastKernel(model, run.lastKernel);
  });
});
