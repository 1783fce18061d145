// Trainings of networks that see or read, against PyTorch: the same weights, the same data, each loss
// within 1e-4.
import {readdirSync, readFileSync} from 'node:fs';
import path from 'node:path';
import {describe, expect, it} from 'vitest';
import {
  input,
  type Layer,
  layers,
  type Model,
  model as modelOf,
  optimizers,
  type SymbolicTensor,
} from '../../lib/index.ts';

interface Recorded {
  readonly name: string;
  readonly inputShape: number[];
  readonly layers: readonly Spec[];
  readonly loss: 'meanSquaredError' | 'sparseCategoricalCrossentropy';
  readonly learningRate: number;
  readonly batchSize: number;
  readonly rows: number;
  readonly weights: readonly {name: string; shape: number[]; values: number[]}[];
  readonly x: number[];
  readonly y: number[];
  readonly yShape: number[];
  readonly losses: number[];
}

const folder = path.join(import.meta.dirname, 'images');
const cases = readdirSync(folder).map(
  file => JSON.parse(readFileSync(path.join(folder, file), 'utf8')) as Recorded,
);

type Spec = {readonly kind: string} & Record<string, unknown>;

function made({kind, layer, ...options}: Spec): Layer {
  const make = (layers as unknown as Record<string, (options: object) => Layer>)[kind];
  return (make as NonNullable<typeof make>)({...options, ...(layer ? {layer: made(layer as Spec)} : {})});
}

/** Layers one after another; a residual adds what its layers give to its input, or to its shortcut. */
function applied(list: readonly Spec[], x: SymbolicTensor): SymbolicTensor {
  return list.reduce((value, {kind, ...options}) => {
    if (kind === 'residual') {
      const inner = applied(options.layers as Spec[], value);
      const shortcut = applied((options.shortcut ?? []) as Spec[], value);
      return layers.add().apply([inner, shortcut]);
    }
    return made({kind, ...options}).apply(value);
  }, x);
}

function build({layers: list, inputShape, loss, learningRate, weights}: Recorded): Model {
  const x = input({shape: inputShape});
  const model = modelOf({inputs: x, outputs: applied(list, x)});
  model.compile({optimizer: optimizers.sgd({learningRate, momentum: 0.9}), loss});
  model.setWeights(
    weights.map(({name, shape, values}) => ({name, shape, data: Float32Array.from(values)})),
    {partial: true},
  );
  return model;
}

/** Rows `first` to `first + count`. */
function batchOf({x, inputShape, y, yShape, loss}: Recorded, first: number, count: number) {
  const part = (values: readonly number[], shape: readonly number[]) => {
    const each = shape.reduce((a, b) => a * b, 1);
    return Float32Array.from(values.slice(first * each, (first + count) * each));
  };
  const own = yShape.slice(1);
  const labels = part(y, own);
  return {
    x: {data: part(x, inputShape), shape: [count, ...inputShape]},
    y:
      loss === 'sparseCategoricalCrossentropy'
        ? Int32Array.from(labels)
        : {data: labels, shape: [count, ...own]},
  };
}

describe('recorded PyTorch runs of images and sequences', () => {
  it('are of every kind', () => {
    const images = ['cnn-batch-norm', 'depthwise-block', 'dilated-causal', 'group-norm', 'resnet-block'];
    const transposed = ['spectral-norm', 'transposed', 'transposed-1d', 'transposed-3d'];
    const names = [...images, ...transposed, 'gru', 'lstm', 'simpleRNN'].sort();
    expect(cases.map(({name}) => name).sort()).toEqual(names);
  });

  it.each(cases.map(recorded => [recorded.name, recorded] as const))('%s', async (_, recorded) => {
    const model = build(recorded);
    const {batchSize, losses, rows} = recorded;
    expect(losses.length).toBe(30);
    for (const [step, expected] of losses.entries()) {
      const {x, y} = batchOf(recorded, (step * batchSize) % rows, batchSize);
      const {loss} = await model.trainOnBatch(x, y);
      expect(Math.abs((loss as number) - expected) / expected, `step ${step}`).toBeLessThan(1e-4);
    }
  });
});
