// Trainings of networks that read sequences, against PyTorch: the same weights, the same data, each loss
// within 1e-4.
import {readdirSync, readFileSync} from 'node:fs';
import path from 'node:path';
import {describe, expect, it} from 'vitest';
import {
  input,
  type LossLike,
  layers,
  losses,
  type Model,
  model,
  optimizers,
  type SymbolicTensor,
  sequential,
} from '../../lib/index.ts';

interface Recorded {
  readonly name: string;
  readonly optimizer: {readonly kind: 'sgd' | 'adam' | 'adagrad'} & Record<string, number>;
  readonly batchSize: number;
  readonly rows: number;
  readonly weights: readonly {name: string; shape: number[]; values: number[]}[];
  readonly inputs: readonly {name: string; shape: number[]; values: number[]}[];
  readonly y: number[];
  readonly yShape: number[];
  readonly losses: number[];
}

const folder = path.join(import.meta.dirname, 'sequences');
const cases = readdirSync(folder).map(
  file => JSON.parse(readFileSync(path.join(folder, file), 'utf8')) as Recorded,
);

const classes = (units: number) => layers.dense({units, activation: 'softmax'});

function encoder(normalizeFirst: boolean): Model {
  const block = {intermediateDim: 12, numHeads: 2, activation: 'tanh', normalizeFirst} as const;
  return sequential([
    layers.embedding({inputDim: 11, outputDim: 8, maskZero: true, inputShape: [9]}),
    layers.transformerEncoder(block),
    layers.transformerEncoder(block),
    classes(4),
  ]);
}

function embedded(inputDim = 20, sparse = false): Model {
  const table = layers.embedding({inputDim, outputDim: 4, sparse, inputShape: [5]});
  return sequential([table, layers.flatten(), classes(3)]);
}

/** The networks of record_sequences.py. */
const networks: Readonly<Record<string, () => Model>> = {
  bidirectional: () =>
    sequential([
      layers.bidirectional({layer: layers.lstm({units: 4, returnSequences: true}), inputShape: [7, 3]}),
      layers.bidirectional({layer: layers.gru({units: 3})}),
      classes(3),
    ]),
  packed: () =>
    sequential([
      layers.masking({inputShape: [8, 3]}),
      layers.lstm({units: 5, returnSequences: true}),
      layers.bidirectional({layer: layers.gru({units: 4})}),
      classes(3),
    ]),
  'packed-steps': () =>
    sequential([
      layers.masking({inputShape: [8, 3]}),
      layers.gru({units: 5, returnSequences: true}),
      layers.lstm({units: 4, returnSequences: true}),
      classes(3),
    ]),
  'gru-reset-before': () =>
    sequential([layers.gru({units: 5, resetAfter: false, inputShape: [6, 3]}), classes(3)]),
  'transformer-encoder': () => encoder(false),
  'transformer-encoder-pre-norm': () => encoder(true),
  'transformer-decoder': () => {
    const [source, target] = [input({shape: [7]}), input({shape: [6]})];
    const read = (name: string, ids: SymbolicTensor) =>
      layers.embedding({inputDim: 10, outputDim: 6, maskZero: true, name}).apply(ids);
    const block = {intermediateDim: 9, numHeads: 3, activation: 'tanh'} as const;
    const memory = layers.transformerEncoder(block).apply(read('source', source));
    const decoder = layers.transformerDecoder({...block, normalizeFirst: true});
    const written = decoder.apply([read('target', target), memory]);
    return model({inputs: [source, target], outputs: classes(5).apply(written)});
  },
  'embedding-sgd': () => embedded(),
  'embedding-adam': () => embedded(),
  'embedding-adagrad': () => embedded(),
  'embedding-sparse-adam': () => embedded(60, true),
  'embedding-sparse-adagrad': () => embedded(60, true),
  'embedding-bag': () =>
    sequential([
      layers.embeddingBag({inputDim: 15, outputDim: 5, maskZero: true, inputShape: [6]}),
      classes(3),
    ]),
  ctc: () =>
    sequential([layers.gru({units: 5, returnSequences: true, inputShape: [8, 3]}), layers.dense({units: 4})]),
  contrastive: () => sequential([layers.dense({units: 1, activation: 'softplus', inputShape: [4]})]),
  triplet: () => sequential([layers.dense({units: 3, inputShape: [4]})]),
  'in-batch-negatives': () => sequential([layers.dense({units: 6, inputShape: [4]})]),
  'conv-lstm': () => {
    const windows = {kernelSize: [3, 2], strides: [2, 1], padding: 'same'} as const;
    const recurrent = layers.convLstm2d({filters: 3, ...windows, inputShape: [3, 6, 5, 1]});
    return sequential([recurrent, layers.flatten(), classes(3)]);
  },
};

/** Where it is none of classes. */
const lossOf: Readonly<Record<string, LossLike>> = {
  ctc: losses.ctc(),
  contrastive: losses.contrastive({margin: 1.5}),
  triplet: losses.triplet({margin: 0.7}),
  'in-batch-negatives': losses.inBatchNegatives({temperature: 0.5}),
};

function build({name, optimizer: {kind, ...options}, weights}: Recorded): Model {
  const net = (networks[name] as () => Model)();
  const optimizer = (optimizers[kind] as (options: object) => never)(options);
  net.compile({optimizer, loss: lossOf[name] ?? 'sparseCategoricalCrossentropy', warn: false});
  const {missing} = net.setWeights(
    weights.map(({name: own, shape, values}) => ({name: own, shape, data: Float32Array.from(values)})),
  );
  expect(missing).toEqual([]);
  return net;
}

/** Rows `first` to `first + count`. */
function batchOf({name, inputs, y, yShape}: Recorded, first: number, count: number) {
  const part = (values: readonly number[], shape: readonly number[]) => {
    const each = shape.reduce((a, b) => a * b, 1);
    return Float32Array.from(values.slice(first * each, (first + count) * each));
  };
  const x = inputs.map(({shape, values}) => ({data: part(values, shape), shape: [count, ...shape]}));
  const own = yShape.slice(1);
  const labels = part(y, own);
  const data = name !== 'contrastive' ? Int32Array.from(labels) : labels;
  return {x, y: {data, shape: [count, ...own]}};
}

describe('recorded PyTorch runs of sequences', () => {
  it('are of every network', () => {
    expect(cases.map(({name}) => name).sort()).toEqual(Object.keys(networks).sort());
  });

  it.each(cases.map(recorded => [recorded.name, recorded] as const))('%s', async (_, recorded) => {
    const net = build(recorded);
    const {batchSize, rows} = recorded;
    expect(recorded.losses.length).toBe(30);
    for (const [step, expected] of recorded.losses.entries()) {
      const {x, y} = batchOf(recorded, (step * batchSize) % rows, batchSize);
      const {loss} = await net.trainOnBatch(x as never, y);
      expect(Math.abs((loss as number) - expected) / expected, `step ${step}`).toBeLessThan(1e-4);
    }
  });
});
