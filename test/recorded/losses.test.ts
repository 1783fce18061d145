// Every loss and activation against PyTorch: same weights, same data, each loss within 1e-5.
import {readFileSync} from 'node:fs';
import path from 'node:path';
import {describe, expect, it} from 'vitest';
import {activations, layers, losses, optimizers, sequential} from '../../lib/index.ts';

interface Described {
  readonly kind: string;
  readonly [option: string]: unknown;
}

interface Run {
  readonly name: string;
  readonly hidden: Described;
  readonly last: 'linear' | 'softmax' | 'sigmoid' | 'softplus';
  readonly loss: string;
  readonly options: object;
  readonly targets: string;
  readonly learningRate: number;
  readonly losses: readonly number[];
}

interface Recorded {
  readonly batchSize: number;
  readonly weights: readonly {name: string; shape: number[]; values: number[]}[];
  readonly x: number[];
  readonly targets: Readonly<Record<string, number[]>>;
  readonly runs: readonly Run[];
}

const file = path.join(import.meta.dirname, 'losses/runs.json');
const recorded = JSON.parse(readFileSync(file, 'utf8')) as Recorded;
const {batchSize, runs} = recorded;
const rows = recorded.x.length / 6;
const x = Float32Array.from(recorded.x);
const units = 10;

type Make<Member> = (options: object) => Member;

function build({hidden: {kind, ...own}, last, loss, options, learningRate}: Run) {
  const hidden = activations[kind as 'relu'] as unknown as Make<ReturnType<typeof activations.relu>>;
  const model = sequential([
    layers.dense({units, activation: hidden(own), inputShape: [6]}),
    layers.dense({units: 3, activation: last}),
  ]);
  const make = losses[loss as 'huber'] as Make<ReturnType<typeof losses.huber>>;
  model.compile({optimizer: optimizers.sgd({learningRate}), loss: make(options)});
  // A gated layer gives half as many numbers as it has units.
  const inner = kind === 'glu' ? units / 2 : units;
  model.setWeights(
    recorded.weights.map(({name, shape, values}) => ({
      name,
      shape: name === 'dense_1/kernel' ? [inner, 3] : shape,
      data: name === 'dense_1/kernel' ? values.slice(0, 3 * inner) : values,
    })),
  );
  return model;
}

describe('runs recorded with PyTorch', () => {
  it('cover every loss and activation', () => {
    const used = new Set(runs.map(({loss}) => loss));
    // Those of sequences and of vectors stand among the sequences.
    const elsewhere = ['contrastive', 'ctc', 'inBatchNegatives', 'triplet'];
    expect([...used, ...elsewhere].sort()).toEqual(Object.keys(losses).sort());
    // What PyTorch lacks is held to its formula in test/nn/activations.test.ts.
    const ofKeras = ['hardSilu', 'sparseSigmoid'];
    const hidden = new Set(['linear', ...ofKeras, ...runs.map(({hidden: {kind}}) => kind)]);
    expect([...hidden].sort()).toEqual(Object.keys(activations).sort());
  });

  it.each(runs.map(run => [run.name, run] as const))('%s', async (_, run) => {
    const model = build(run);
    const all = recorded.targets[run.targets] as number[];
    const width = all.length / rows;
    expect(run.losses.length).toBe(50);
    for (const [step, expected] of run.losses.entries()) {
      const first = (step * batchSize) % rows;
      const batch = {data: x.subarray(first * 6, (first + batchSize) * 6), shape: [batchSize, 6]};
      const numbers = all.slice(first * width, (first + batchSize) * width);
      const y =
        width === 1 ? Int32Array.from(numbers) : {data: Float32Array.from(numbers), shape: [batchSize, 3]};
      const {loss} = await model.trainOnBatch(batch, y);
      expect(Math.abs(((loss as number) - expected) / expected), `step ${step}`).toBeLessThan(1e-5);
    }
  });
});
