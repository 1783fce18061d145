// Embeddings: ids of any type, padding that following layers leave out, one table at both ends of a model,
// bags, and what errors say of ids that have no row.
import {describe, expect, it} from 'vitest';
import {
  input,
  layers,
  load,
  type Model,
  model,
  modelFromJSON,
  optimizers,
  sequential,
  setThreads,
} from '../../../lib/index.ts';

const ids = [
  [1, 4, 0],
  [2, 2, 3],
];

const rowsOf = (net: Model): number[][] => {
  const {data, shape} = net.getWeights()[0] as {data: Float32Array; shape: readonly number[]};
  const width = shape[1] as number;
  return Array.from({length: shape[0] as number}, (_, row) => [
    ...data.slice(row * width, (row + 1) * width),
  ]);
};

describe('layers.embedding', () => {
  it.each(['float32', 'int32', 'uint8', 'int64'] as const)('reads ids of %s', dtype => {
    const x = input({shape: [3], dtype});
    const net = model({inputs: x, outputs: layers.embedding({inputDim: 5, outputDim: 2}).apply(x)});
    const table = rowsOf(net);
    const wanted = ids.flat().flatMap(id => table[id] as number[]);
    const data = dtype === 'int64' ? {data: BigInt64Array.from(ids.flat(), BigInt), shape: [2, 3]} : ids;
    expect([...net.predictSync(data as never).data]).toEqual(wanted);
  });

  it('begins between -0.05 and 0.05', () => {
    const net = sequential([layers.embedding({inputDim: 100, outputDim: 8, inputShape: [1]})]);
    const all = rowsOf(net).flat();
    expect(Math.max(...all.map(Math.abs))).toBeLessThanOrEqual(0.05);
    expect(Math.max(...all)).toBeGreaterThan(0.04);
    expect(Math.min(...all)).toBeLessThan(-0.04);
  });

  it('names the row and column of an id that has no row of the table', async () => {
    const net = sequential([
      layers.embedding({inputDim: 5, outputDim: 2, inputShape: [3]}),
      layers.flatten(),
      layers.dense({units: 1}),
    ]);
    net.compile({optimizer: 'sgd', loss: 'mse'});
    const wrong = [
      [1, 2, 3],
      [0, 0, 5],
      [4, 4, 4],
    ];
    const said = /index 5 is outside 0 to 4, in row 1, column 2 of x, in embedding\.$/;
    await expect(
      net.fit(wrong, [[1], [2], [3]], {epochs: 1, batchSize: 2, shuffle: false, verbose: 0}),
    ).rejects.toThrow(said);
    await expect(net.evaluate(wrong, [[1], [2], [3]])).rejects.toThrow(said);
    await expect(net.predict([[1, 2, -3]])).rejects.toThrow(
      /index -3 is outside 0 to 4, in row 0, column 2 of x/,
    );
    expect(() => net.predictSync([[9, 0, 0]])).toThrow(/index 9 is outside 0 to 4/);
  });

  it('sums the gradients of an id that stands there twice, to the same bits on any threads', async () => {
    const trained = async (threads: number): Promise<number[][]> => {
      setThreads(threads);
      const net = sequential(
        [
          layers.embedding({inputDim: 5, outputDim: 1, embeddingsInitializer: 'zeros', inputShape: [3]}),
          layers.lambda({function: x => x}),
        ],
        {seed: 1},
      );
      net.compile({optimizer: optimizers.sgd({learningRate: 3}), loss: 'mse'});
      const y = {data: Float32Array.of(1, 2, 3, 4, 5, 6), shape: [2, 3, 1]};
      await net.fit(ids, y, {epochs: 1, batchSize: 2, verbose: 0});
      return rowsOf(net);
    };
    // Each position's gradient is -2·y / 6.
    const [one, two] = [await trained(1), await trained(2)];
    expect(one.flat().map(value => Math.round(value * 1e5) / 1e5)).toEqual([3, 1, 9, 6, 2]);
    expect(two).toEqual(one);
  });

  it('leaves padding out of what follows', async () => {
    const net = sequential([
      layers.embedding({inputDim: 5, outputDim: 4, maskZero: true, inputShape: [4]}),
      layers.lstm({units: 3}),
    ]);
    const short = sequential([
      layers.embedding({inputDim: 5, outputDim: 4, inputShape: [2]}),
      layers.lstm({units: 3}),
    ]);
    short.setWeights(net.getWeights());
    expect(net.predictSync([[3, 1, 0, 0]]).data).toEqual(short.predictSync([[3, 1]]).data);
    expect(net.predictSync([[0, 0, 3, 1]]).data).toEqual(short.predictSync([[3, 1]]).data);
    expect([...net.predictSync([[0, 0, 0, 0]]).data]).toEqual([0, 0, 0]);
  });

  it('is the way back, too, with the same table', async () => {
    const build = () => {
      const table = layers.embedding({inputDim: 7, outputDim: 3, name: 'tokens'});
      const x = input({shape: [4]});
      const hidden = layers.dense({units: 3, activation: 'tanh'}).apply(table.apply(x));
      return model({inputs: x, outputs: table.apply(hidden, {reverse: true}), seed: 3});
    };
    const net = build();
    expect(net.outputShape).toEqual([4, 7]);
    expect(net.getWeights().map(({name}) => name)).toEqual([
      'tokens/embeddings',
      'dense/kernel',
      'dense/bias',
    ]);
    const x = [
      [1, 2, 3, 4],
      [4, 5, 6, 0],
    ];
    const loss = {kind: 'sparseCategoricalCrossentropy', fromLogits: true} as never;
    net.compile({optimizer: optimizers.adam({learningRate: 0.02}), loss});
    const y = [
      [2, 3, 4, 5],
      [5, 6, 0, 1],
    ];
    const {history} = await net.fit(x, y, {epochs: 300, verbose: 0});
    expect(history.loss?.at(-1)).toBeLessThan((history.loss?.[0] as number) * 0.6);
    const again = modelFromJSON(JSON.stringify(net)) as Model;
    again.setWeights(net.getWeights());
    expect(again.predictSync(x)).toEqual(net.predictSync(x));
    const loaded = await load(await net.toBytes());
    expect(loaded.predictSync(x)).toEqual(net.predictSync(x));
    expect(loaded.toJSON()).toEqual(net.toJSON());
  });

  it.each([
    [/inputDim/, () => layers.embedding({outputDim: 2} as never)],
    [/outputDim/, () => layers.embedding({inputDim: 2, outputDim: 0})],
    [/maskZero/, () => layers.embedding({inputDim: 2, outputDim: 1, maskZero: 1} as never)],
    [
      /embedding: with reverse, the last axis must have 4 numbers\. Received samples \[3,2\]/,
      () => layers.embedding({inputDim: 9, outputDim: 4}).apply(input({shape: [3, 2]}), {reverse: true}),
    ],
    [
      /embedding: apply: unknown option "revers"\. Did you mean "reverse"\?/,
      () => layers.embedding({inputDim: 9, outputDim: 4}).apply(input({shape: [3]}), {revers: true}),
    ],
    [
      /dense: apply: unknown option "reverse".* It takes no options/,
      () => layers.dense({units: 1}).apply(input({shape: [3]}), {reverse: true}),
    ],
    [
      /embedding: expected one input\. Received 2/,
      () => layers.embedding({inputDim: 9, outputDim: 4}).apply([input({shape: [3]}), input({shape: [3]})]),
    ],
  ])('says what is wrong: %s', (message, build) => {
    expect(build).toThrow(message);
  });
});

describe('layers.embeddingBag', () => {
  const table = {data: Float32Array.of(9, 9, 1, 2, 3, 4, 5, 6), name: 'embeddingBag/embeddings'};
  const outputOf = (options: object, rows: number[][]): number[] => {
    const net = sequential([layers.embeddingBag({inputDim: 4, outputDim: 2, inputShape: [3], ...options})]);
    net.setWeights([table]);
    return [...net.predictSync(rows).data];
  };

  it('is the mean or the sum of what counts, zero where nothing does', () => {
    const rows = [
      [1, 3, 0],
      [0, 0, 0],
    ];
    expect(outputOf({maskZero: true}, rows)).toEqual([3, 4, 0, 0]);
    expect(outputOf({maskZero: true, combiner: 'sum'}, rows)).toEqual([6, 8, 0, 0]);
    expect(outputOf({}, rows)).toEqual([5, 17 / 3, 9, 9].map(Math.fround));
    expect(outputOf({combiner: 'sum'}, rows)).toEqual([15, 17, 27, 27]);
  });

  it.each([
    [
      /combiner.*Did you mean "mean"/,
      () => layers.embeddingBag({inputDim: 2, outputDim: 1, combiner: 'meen' as never}),
    ],
    [
      /embeddingBag: expected ids, or ids and a weight for each\. Received \[3\] and \[2\]/,
      () =>
        layers.embeddingBag({inputDim: 9, outputDim: 4}).apply([input({shape: [3]}), input({shape: [2]})]),
    ],
  ])('says what is wrong: %s', (message, build) => {
    expect(build).toThrow(message);
  });
});

describe('layers.masking', () => {
  it('leaves steps of nothing but its value out, and makes them zero', () => {
    const net = sequential([layers.masking({maskValue: -1, inputShape: [3, 2]})]);
    expect([
      ...net.predictSync([
        [
          [-1, -1],
          [-1, 2],
          [0, 0],
        ],
      ] as never).data,
    ]).toEqual([0, 0, -1, 2, 0, 0]);
    const short = sequential([layers.gru({units: 2, inputShape: [2, 2]})]);
    const masked = sequential([layers.masking({maskValue: -1, inputShape: [3, 2]}), layers.gru({units: 2})]);
    masked.setWeights(short.getWeights());
    expect(
      masked.predictSync([
        [
          [-1, -1],
          [-1, 2],
          [0, 0],
        ],
      ] as never).data,
    ).toEqual(
      short.predictSync([
        [
          [-1, 2],
          [0, 0],
        ],
      ] as never).data,
    );
  });
});
