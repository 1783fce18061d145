// Sequences at their edges: of one step, of none, of nothing but padding; ids and masks that do not fit.
import {describe, expect, it} from 'vitest';
import {
  Dataset,
  input,
  type Layer,
  layers,
  type Model,
  model,
  ops,
  sequential,
  type Tensor,
} from '../../../lib/index.ts';
import {Layer as LayerClass} from '../../../lib/nn/layer.ts';
import {numbers} from '../../support/plain-networks.ts';

const [features, units] = [4, 6];

/** From [steps, features] to [steps, …]. */
const overSteps: Record<string, () => Layer> = {
  simpleRNN: () => layers.simpleRNN({units, returnSequences: true}),
  lstm: () => layers.lstm({units, returnSequences: true}),
  gru: () => layers.gru({units, returnSequences: true}),
  'rnn of a cell': () => layers.rnn({cell: layers.lstmCell({units}), returnSequences: true}),
  bidirectional: () => layers.bidirectional({layer: layers.gru({units, returnSequences: true})}),
  multiHeadAttention: () => layers.multiHeadAttention({numHeads: 2, keyDim: 3}),
  groupQueryAttention: () => layers.groupQueryAttention({numQueryHeads: 4, numKeyValueHeads: 2, headDim: 3}),
  transformerEncoder: () => layers.transformerEncoder({intermediateDim: 5, numHeads: 2}),
  transformerDecoder: () => layers.transformerDecoder({intermediateDim: 5, numHeads: 2}),
  timeDistributed: () => layers.timeDistributed({layer: layers.dense({units})}),
  'conv1d with causal padding': () => layers.conv1d({filters: 3, kernelSize: 3, padding: 'causal'}),
};

const built = (make: () => Layer, steps: number, table = false): Model => {
  const x = input({shape: table ? [steps] : [steps, features]});
  const read = table ? layers.embedding({inputDim: 9, outputDim: features, maskZero: true}).apply(x) : x;
  const pooled = layers.globalAveragePooling1d().apply(make().apply(read));
  const net = model({inputs: x, outputs: layers.dense({units: 1}).apply(pooled), seed: 4});
  net.compile({optimizer: 'adam', loss: 'mse'});
  return net;
};

describe.each(Object.entries(overSteps))('%s at the edges', (_, make) => {
  it('reads one step, and learns from it', async () => {
    const net = built(make, 1);
    const x = {data: numbers(3 * features), shape: [3, 1, features]};
    const {history} = await net.fit(x, [[0.5], [-0.5], [1]], {epochs: 30});
    expect(history.loss?.every(Number.isFinite)).toBe(true);
    expect(history.loss?.at(-1)).toBeLessThan(history.loss?.[0] as number);
  });

  it('gives finite numbers for rows of nothing but padding, and the same beside others', async () => {
    const net = built(make, 5, true);
    const empty = [0, 0, 0, 0, 0];
    const all = [[1, 2, 0, 3, 0], empty, [8, 7, 6, 5, 4]];
    const together = await net.predict(all);
    expect([...together.data].every(Number.isFinite)).toBe(true);
    expect([...(await net.predict([empty])).data]).toEqual([together.data[1]]);
    const {history} = await net.fit(all, [[0.5], [-0.5], [1]], {epochs: 3});
    expect(history.loss?.every(Number.isFinite)).toBe(true);
    // A batch of which nothing counts at all.
    const logs = await net.trainOnBatch([empty, empty], [[1], [0]]);
    expect(Number.isFinite(logs.loss)).toBe(true);
    expect(net.getWeights().every(({data: values}) => values.every(Number.isFinite))).toBe(true);
  });
});

describe('a loss of each step', () => {
  it('is zero for a batch of which nothing counts, and moves no weight', async () => {
    const net = sequential([
      layers.embedding({inputDim: 5, outputDim: 3, maskZero: true, inputShape: [4]}),
      layers.lstm({units: 3, returnSequences: true}),
      layers.dense({units: 2, activation: 'softmax'}),
    ]);
    net.compile({optimizer: 'sgd', loss: 'sparseCategoricalCrossentropy'});
    const before = net.getWeights();
    const {loss} = await net.trainOnBatch([[0, 0, 0, 0]], [[0, 1, 0, 1]]);
    expect(loss).toBe(0);
    expect(net.getWeights()).toEqual(before);
  });
});

describe('ids out of the table', () => {
  const net = (inputDim: number | number[], columns: number): Model => {
    const own = sequential([
      layers.embedding({inputDim, outputDim: 2, inputShape: [columns]}),
      layers.flatten(),
      layers.dense({units: 1}),
    ]);
    own.compile({optimizer: 'sgd', loss: 'mse'});
    return own as never;
  };
  const rows = [
    [0, 1, 2],
    [2, 1, 0],
    [1, 4, 3],
  ];

  it.each([
    [
      5,
      [
        [0, 1, 2],
        [2, 1, 0],
        [1, 5, 3],
      ],
      /index 5 is outside 0 to 4, in row 2, column 1 of x, in embedding/,
    ],
    [
      5,
      [
        [0, 1, 2],
        [-1, 1, 0],
        [1, 2, 3],
      ],
      /index -1 is outside 0 to 4, in row 1, column 0 of x/,
    ],
    // The same number is an id of the next column.
    [
      [3, 5, 4],
      [
        [0, 3, 3],
        [2, 4, 0],
        [3, 4, 3],
      ],
      /index 3 is outside 0 to 2, in row 2, column 0 of x, in embedding\/column 0/,
    ],
    [
      [3, 5, 4],
      [
        [0, 3, 3],
        [2, 4, 4],
        [1, 4, 3],
      ],
      /index 4 is outside 0 to 3, in row 1, column 2 of x, in embedding\/column 2/,
    ],
  ] as const)('with %j rows: %j', async (inputDim, ids, message) => {
    const own = net(inputDim as never, 3);
    const before = own.getWeights();
    const given = ids.map(row => [...row]);
    await expect(own.predict(given)).rejects.toThrow(message);
    await expect(own.fit(given, [[1], [2], [3]], {shuffle: false})).rejects.toThrow(message);
    expect(own.getWeights()).toEqual(before);
    await own.fit(rows, [[1], [2], [3]]).catch(() => undefined);
  });

  it('are named by the batch of a data set, too', async () => {
    const own = net(5, 3);
    const batches = Dataset.fromArrays({xs: [...rows, [0, 0, 9]], ys: [[1], [2], [3], [4]]}).batch(2);
    await expect(own.fit(batches)).rejects.toThrow(/index 9 is outside 0 to 4, in row \d, column 2 of x/);
  });
});

describe('says what is wrong', () => {
  /** A mask of one axis more than there are steps. */
  class Wide extends LayerClass {
    readonly config = {};
    override readonly supportsMasking = true;
    override build() {
      return (x: Tensor) => x;
    }
    override computeMask([x]: readonly Tensor[]) {
      return ops.greater(x as Tensor, 0);
    }
  }

  it.each<[RegExp, () => unknown]>([
    [
      /lstm: expected a mask of the steps, bool\[2,5\]\. Received bool\[2,5,4\]/,
      () => sequential([new Wide({inputShape: [5, 4]}), layers.lstm({units: 2})]),
    ],
    [
      /rnn: expected a mask of the steps/,
      () => sequential([new Wide({inputShape: [5, 4]}), layers.rnn({cell: layers.gruCell({units: 2})})]),
    ],
    [
      /convLstm2d: expected a mask of the steps/,
      () =>
        sequential([new Wide({inputShape: [5, 4, 4, 1]}), layers.convLstm2d({filters: 2, kernelSize: 3})]),
    ],
    [
      /multiHeadAttention: expected a mask of the steps/,
      () => sequential([new Wide({inputShape: [5, 4]}), layers.multiHeadAttention({numHeads: 2, keyDim: 2})]),
    ],
    [
      /expected an attention mask \[5,5\] or \[2,5,5\] of a sample\. Received \[5,4\]/,
      () => {
        const x = input({shape: [5, 4]});
        return layers.multiHeadAttention({numHeads: 2, keyDim: 2}).apply([x, x, x, input({shape: [5, 4]})]);
      },
    ],
    [
      /3 heads do not divide 4 features/,
      () => layers.transformerEncoder({intermediateDim: 4, numHeads: 3}).apply(input({shape: [5, 4]})),
    ],
    [
      /3 heads do not divide 4 features/,
      () => layers.transformerDecoder({intermediateDim: 4, numHeads: 3}).apply(input({shape: [5, 4]})),
    ],
    [
      /numKeyValueHeads/,
      () => layers.groupQueryAttention({numQueryHeads: 4, numKeyValueHeads: 3, headDim: 2}),
    ],
    [/inputShape/, () => layers.lstm({units: 1, inputShape: [0, 3]})],
    [
      /expected samples of 3 columns\. Received samples \[4\]/,
      () => layers.embedding({inputDim: [2, 3, 4], outputDim: 2}).apply(input({shape: [4]})),
    ],
    [
      /expected samples of 2 columns\. Received reverse/,
      () => layers.embedding({inputDim: [2, 3], outputDim: 2}).apply(input({shape: [2]}), {reverse: true}),
    ],
    [/inputDim: expected the rows of each column/, () => layers.embedding({inputDim: [], outputDim: 2})],
    [/inputDim: 1/, () => layers.embedding({inputDim: [2, 0], outputDim: 2})],
    [/inputDim/, () => layers.embeddingBag({inputDim: [2, 3] as never, outputDim: 2})],
  ])('%s', (message, act) => {
    expect(act).toThrow(message);
  });
});
