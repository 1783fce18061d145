// Two networks that say of each character of a text which may follow.
import {input, layers, losses, type Model, model, type Optimizer, optimizers, sequential} from 'chainrule';

/** An embedding, an LSTM, and logits. */
export function lstm(vocabulary: number, steps: number): Model {
  const net = sequential(
    [
      layers.embedding({inputDim: vocabulary, outputDim: 64, inputShape: [steps], name: 'table'}),
      layers.lstm({units: 256, returnSequences: true, name: 'lstm'}),
      layers.dense({units: vocabulary, name: 'head'}),
    ],
    {seed: 1},
  );
  return compiled(net, optimizers.adam({learningRate: 0.002, epsilon: 1e-8}));
}

/** Two blocks of a transformer, each of which normalizes first, over learned positions. */
export function transformer(vocabulary: number, steps: number): Model {
  const size = 128;
  const ids = input({shape: [steps]});
  const embedded = layers.embedding({inputDim: vocabulary, outputDim: size, name: 'table'}).apply(ids);
  const positions = layers.positionEmbedding({sequenceLength: steps, name: 'positions'}).apply(embedded);
  let x = layers.add().apply([embedded, positions]);
  for (const name of ['first', 'second']) {
    const block = {intermediateDim: 4 * size, numHeads: 4, normalizeFirst: true, activation: 'gelu'} as const;
    x = layers.transformerDecoder({...block, name}).apply(x);
  }
  const last = layers.layerNormalization({epsilon: 1e-5, name: 'norm'}).apply(x);
  const net = model({
    inputs: ids,
    outputs: layers.dense({units: vocabulary, name: 'head'}).apply(last),
    seed: 1,
  });
  return compiled(net, optimizers.adamw({learningRate: 0.001, weightDecay: 0.01, epsilon: 1e-8}));
}

function compiled(net: Model, optimizer: Optimizer): Model {
  net.compile({optimizer, loss: losses.sparseCategoricalCrossentropy({fromLogits: true})});
  return net;
}
