// Models from ids to the logits of the next, of every kind that generation knows.
import {
  type CallContext,
  input,
  Layer,
  layers,
  model,
  ops,
  type Sequential,
  type Shape,
  type SymbolicTensor,
  sequential,
  type Tensor,
} from '../../../lib/index.ts';

/** More than a block of keys. */
export const steps = 70;
export const classes = 11;
const features = 8;

const table = (options: {maskZero?: boolean} = {}): Layer =>
  layers.embedding({inputDim: classes, outputDim: features, inputShape: [steps], ...options});
const head = (): Layer => layers.dense({units: classes});
const block = {intermediateDim: 12, numHeads: 2} as const;

/** Embedding plus positions, through what `inner` makes of it. */
function withPositions(positions: Layer, inner: (x: SymbolicTensor) => SymbolicTensor): Sequential {
  const ids = input({shape: [steps], dtype: 'int32'});
  const x = layers.embedding({inputDim: classes, outputDim: features}).apply(ids);
  const whole = layers.add().apply([x, positions.apply(x)]);
  return model({inputs: ids, outputs: head().apply(inner(whole))});
}

/** The running mean of the steps, a layer of one's own that keeps a sum. */
export class RunningMean extends Layer {
  override readonly supportsStreaming = true;
  readonly config = {};

  override build(_: Shape) {
    return (x: Tensor, {stream}: CallContext): Tensor => {
      const [batch, count, size] = x.shape as [number, number, number];
      const kept = stream?.carry({shape: [batch, size], dtype: 'float32'});
      const places = Float32Array.from({length: count}, (_, step) => step + 1);
      const first = stream ? ops.cast(stream.position, 'float32') : 0;
      const {carries, outputs} = ops.scan(
        ([sum]: readonly Tensor[], [now, place]: readonly Tensor[]) => {
          const next = ops.add(sum as Tensor, now as Tensor);
          return {carries: [next], outputs: [ops.div(next, ops.add(place as Tensor, first))]};
        },
        {
          carries: [kept?.now() ?? ops.zeros([batch, size])],
          sequences: [ops.transpose(x, [1, 0, 2]), ops.constant(places, [count, 1])],
        },
      );
      kept?.replace(carries[0] as Tensor);
      return ops.transpose(outputs[0] as Tensor, [1, 0, 2]);
    };
  }
}

const decoders = (options: object = {}): Layer[] => [
  layers.transformerDecoder({...block, normalizeFirst: true, activation: 'gelu', ...options}),
  layers.transformerDecoder({...block, ...options}),
];

const through = (list: readonly Layer[]) => (x: SymbolicTensor) =>
  list.reduce((y, layer) => layer.apply(y), x);

const sequence = {units: features, returnSequences: true} as const;

export const languageModels: Readonly<Record<string, () => Sequential>> = {
  'learned positions': () =>
    withPositions(layers.positionEmbedding({sequenceLength: 128}), through(decoders())),
  'sine positions': () => withPositions(layers.sinePositionEncoding(), through(decoders())),
  'rotary positions': () => sequential([table(), ...decoders({positions: 'rotary'}), head()], {seed: 1}),
  'alibi positions': () => sequential([table(), ...decoders({positions: 'alibi'}), head()], {seed: 2}),
  'a causal encoder': () =>
    withPositions(layers.positionEmbedding({sequenceLength: 128}), x =>
      layers.transformerEncoder(block).apply(x, {useCausalMask: true}),
    ),
  'padding that is masked': () => sequential([table({maskZero: true}), ...decoders(), head()], {seed: 3}),
  'groups of queries, turned by a layer': () => {
    const attention = layers.groupQueryAttention({headDim: 4, numQueryHeads: 4, numKeyValueHeads: 2});
    return withPositions(layers.rotaryEmbedding(), x =>
      layers
        .rmsNormalization()
        .apply(layers.add().apply([x, attention.apply([x, x], {useCausalMask: true})])),
    );
  },
  'a table that is the output, too': () => {
    const ids = input({shape: [steps], dtype: 'int32'});
    const own = layers.embedding({inputDim: classes, outputDim: features});
    const read = through(decoders({positions: 'rotary'}))(own.apply(ids));
    return model({inputs: ids, outputs: own.apply(read, {reverse: true})});
  },
  'a transformer of probabilities': () =>
    sequential([table(), ...decoders(), layers.dense({units: classes, activation: 'softmax'})], {seed: 4}),
  lstm: () =>
    sequential([table(), layers.lstm(sequence), layers.dropout({rate: 0.5}), layers.lstm(sequence), head()]),
  gru: () =>
    sequential([table(), layers.gru(sequence), layers.gru({...sequence, resetAfter: false}), head()], {
      seed: 5,
    }),
  'simpleRNN behind a mask': () => sequential([table({maskZero: true}), layers.simpleRNN(sequence), head()]),
  'cells one above the other': () => {
    const cells = [layers.lstmCell({units: 6}), layers.gruCell({units: 5})];
    return sequential([table(), layers.rnn({cell: cells, returnSequences: true}), head()], {seed: 6});
  },
  'a model as a layer, and a net of each step': () => {
    const inner = sequential([layers.lstm({...sequence, inputShape: [steps, features]}), ...decoders()]);
    const net = sequential([layers.dense({units: 5, activation: 'tanh', inputShape: [features]})]);
    return sequential([table(), inner, layers.timeDistributed({layer: net}), head()], {seed: 7});
  },
  'cells behind a mask': () => {
    const cell = layers.stackedRNNCells({cells: [layers.gruCell({units: 5}), layers.lstmCell({units: 4})]});
    return sequential([table({maskZero: true}), layers.rnn({cell, returnSequences: true}), head()], {
      seed: 9,
    });
  },
  'images behind a mask': () => {
    const toImage = layers.timeDistributed({layer: layers.reshape({targetShape: [2, 2, 2]})});
    const windows = {filters: 3, kernelSize: 2, padding: 'same', returnSequences: true} as const;
    const toRow = layers.timeDistributed({layer: layers.flatten()});
    const net = [table({maskZero: true}), toImage, layers.convLstm2d(windows), toRow, head()];
    return sequential(net, {seed: 10});
  },
  'blocks that are checkpoints': () =>
    sequential(
      [
        table(),
        layers.checkpoint({layer: decoders({positions: 'rotary'})[0] as Layer}),
        layers.checkpoint({layer: sequential([layers.gru({...sequence, inputShape: [steps, features]})])}),
        head(),
      ],
      {seed: 11},
    ),
  'a layer of one’s own': () =>
    sequential([table(), new RunningMean(), layers.layerNormalization(), head()], {seed: 8}),
};
