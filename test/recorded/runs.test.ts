// Whole training runs against PyTorch: the same weights, the same data, each loss within 1e-5.
import {readdirSync, readFileSync} from 'node:fs';
import path from 'node:path';
import {describe, expect, it} from 'vitest';
import {layers, optimizers, type Sequential, sequential} from '../../lib/index.ts';

interface Recorded {
  readonly name: string;
  readonly layers: readonly {units: number; activation: string; inputShape?: number[]}[];
  readonly loss: string;
  readonly optimizer: {readonly name: 'sgd' | 'adam'} & Record<string, number | boolean | string>;
  readonly batchSize: number;
  readonly weights: readonly {name: string; shape: number[]; values: number[]}[];
  readonly finalWeights: readonly {name: string; values: number[]}[];
  readonly x: number[];
  readonly xShape: number[];
  readonly y: number[];
  readonly yShape: number[];
  readonly losses: number[];
}

const folder = import.meta.dirname;
const cases = readdirSync(folder)
  .filter(file => file.endsWith('.json'))
  .map(file => JSON.parse(readFileSync(path.join(folder, file), 'utf8')) as Recorded);

function build({layers: list, loss, optimizer: {name, ...options}, weights}: Recorded): Sequential {
  const model = sequential(list.map(layer => layers.dense(layer as Parameters<typeof layers.dense>[0])));
  const optimizer = name === 'adam' ? optimizers.adam(options) : optimizers.sgd(options);
  model.compile({optimizer, loss: loss as 'meanSquaredError'});
  model.setWeights(
    weights.map(({name: at, shape, values}) => ({name: at, shape, data: Float32Array.from(values)})),
  );
  return model;
}

/** Rows `first` to `first + count` of the recorded data. */
function batchOf({x, xShape, y, yShape, loss}: Recorded, first: number, count: number) {
  const width = xShape[1] as number;
  const across = yShape[1] ?? 1;
  const labels = y.slice(first * across, (first + count) * across);
  const sparse = loss === 'sparseCategoricalCrossentropy';
  return {
    x: {data: Float32Array.from(x.slice(first * width, (first + count) * width)), shape: [count, width]},
    y: sparse ? Int32Array.from(labels) : {data: Float32Array.from(labels), shape: [count, across]},
  };
}

describe('recorded PyTorch runs', () => {
  it('cover each optimizer and loss of the first version', () => {
    expect(cases.map(({name}) => name).sort()).toEqual([
      'binary-momentum',
      'mlp-adam',
      'mlp-momentum',
      'mlp-nesterov',
      'mlp-sgd',
      'regression-adam',
      'soft-targets-sgd',
    ]);
  });

  it.each(cases.map(recorded => [recorded.name, recorded] as const))('%s', async (_, recorded) => {
    const model = build(recorded);
    const {batchSize, losses, xShape} = recorded;
    expect(losses.length).toBe(50);
    for (const [step, expected] of losses.entries()) {
      const {x, y} = batchOf(recorded, (step * batchSize) % (xShape[0] as number), batchSize);
      const {loss} = await model.trainOnBatch(x, y);
      expect(Math.abs((loss as number) - expected) / expected, `step ${step}`).toBeLessThan(1e-5);
    }
    const after = new Map(model.getWeights().map(({name, data}) => [name, data]));
    for (const {name, values} of recorded.finalWeights) {
      const own = after.get(name) as Float32Array;
      for (const [index, value] of values.entries()) expect(own[index]).toBeCloseTo(value, 5);
    }
  });
});
