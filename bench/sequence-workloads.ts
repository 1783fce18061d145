// The nets of the bench sequence, of which sequences.py tells the peers.
import type {Precision} from '../lib/core/precision.ts';
import {activations, input, layers, type Model, model, optimizers, sequential} from '../lib/index.ts';
import type {Batches} from './peers/given.ts';

export interface SequenceWorkload {
  readonly name: string;
  readonly batch: number;
  /** Of the products of a step, without a gradient of the input. */
  readonly flops: number;
  make(precision?: Precision): Model;
  /** So many batches of inputs and labels. */
  data(count: number): Batches;
}

const [features, units, classes, length, batch] = [64, 128, 64, 40, 128];

function recurrent(name: 'lstm' | 'gru', gates: number): SequenceWorkload {
  const perRow = 2 * gates * units * (2 * features + 3 * units);
  return {
    name,
    batch,
    flops: length * batch * perRow + 6 * batch * units * classes,
    make(precision = 'float32') {
      const net = sequential([
        layers[name]({units, inputShape: [length, features]}),
        layers.dense({units: classes, activation: 'softmax'}),
      ]);
      net.compile({optimizer: optimizers.adam(), loss: 'sparseCategoricalCrossentropy', precision});
      return net;
    },
    data(count) {
      const rows = count * batch;
      const data = Float32Array.from({length: rows * length * features}, (_, at) => Math.sin(at * 12.9898));
      const y = Int32Array.from({length: rows}, (_, at) => (at * 31) % classes);
      return {inputs: [{data, shape: [rows, length, features]}], y: {data: y, shape: [rows]}, batch};
    },
  };
}

/** Of the transformer: a vocabulary of characters, and what GPT-2 has at a small size. */
export const char = {vocabulary: 65, size: 128, heads: 4, blocks: 2, length: 64, batch: 32} as const;

/** Two blocks that normalize first, over learned embeddings and positions. */
export function charTransformer(steps: number = char.length): Model {
  const {vocabulary, size, heads, blocks} = char;
  const ids = input({shape: [steps], dtype: 'int32'});
  const embedded = layers.embedding({inputDim: vocabulary, outputDim: size}).apply(ids);
  const positions = layers.positionEmbedding({sequenceLength: steps}).apply(embedded);
  let x = layers.add().apply([embedded, positions]);
  for (let block = 0; block < blocks; block++) {
    const options = {intermediateDim: 4 * size, numHeads: heads, normalizeFirst: true} as const;
    const activation = activations.gelu({approximate: true});
    x = layers.transformerDecoder({...options, activation}).apply(x);
  }
  const outputs = layers
    .dense({units: vocabulary, activation: 'softmax'})
    .apply(layers.layerNormalization({epsilon: 1e-5}).apply(x));
  return model({inputs: ids, outputs});
}

/** Multiply-adds of a step, twice: pairs that a causal mask hides do not count. */
function flopsOfChar({vocabulary, size, blocks, length: steps, batch: rows}: typeof char): number {
  const tokens = rows * steps;
  const block = 2 * tokens * size * 12 * size + 2 * tokens * steps * size;
  return 3 * (blocks * block + 2 * tokens * size * vocabulary);
}

const transformer: SequenceWorkload = {
  name: 'transformer-char',
  batch: char.batch,
  flops: flopsOfChar(char),
  make(precision = 'float32') {
    const net = charTransformer();
    const optimizer = optimizers.adamw({learningRate: 1e-3, weightDecay: 0.01});
    net.compile({optimizer, loss: 'sparseCategoricalCrossentropy', precision});
    return net;
  },
  data(count) {
    const rows = count * char.batch;
    const ids = Int32Array.from(
      {length: rows * char.length},
      (_, at) => (at * at * 31 + 7 * at) % char.vocabulary,
    );
    const shape = [rows, char.length];
    return {
      inputs: [{data: Float32Array.from(ids), shape}],
      y: {data: ids.map(id => (id * 5 + 1) % char.vocabulary), shape},
      batch: char.batch,
    };
  },
};

export const sequenceWorkloads: readonly SequenceWorkload[] = [
  recurrent('lstm', 4),
  recurrent('gru', 3),
  transformer,
];
