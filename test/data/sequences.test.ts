// Sequences padded to one length, and windows over a series, as Keras makes them.
import {describe, expect, it} from 'vitest';
import {data, layers, sequential} from '../../lib/index.ts';

describe('data.padSequences', () => {
  const lists = [[1, 2, 3], [4], [], [5, 6, 7, 8]];
  it.each([
    [
      {},
      [
        [0, 1, 2, 3],
        [0, 0, 0, 4],
        [0, 0, 0, 0],
        [5, 6, 7, 8],
      ],
    ],
    [
      {padding: 'post', value: -1},
      [
        [1, 2, 3, -1],
        [4, -1, -1, -1],
        [-1, -1, -1, -1],
        [5, 6, 7, 8],
      ],
    ],
    [
      {maxlen: 2},
      [
        [2, 3],
        [0, 4],
        [0, 0],
        [7, 8],
      ],
    ],
    [
      {maxlen: 2, truncating: 'post', padding: 'post'},
      [
        [1, 2],
        [4, 0],
        [0, 0],
        [5, 6],
      ],
    ],
  ] as const)('with %j', (options, wanted) => {
    const {data: found, shape} = data.padSequences(lists, options);
    expect(found).toEqual(Int32Array.from(wanted.flat()));
    expect(shape).toEqual([4, wanted[0].length]);
  });

  it('of more sequences than a function takes arguments', () => {
    const many = Array.from({length: 200_000}, (_, at) => (at === 77_777 ? [1, 2] : [3]));
    const {data: found, shape} = data.padSequences(many);
    expect(shape).toEqual([200_000, 2]);
    expect([...found.subarray(2 * 77_776, 2 * 77_779)]).toEqual([0, 3, 1, 2, 0, 3]);
  });

  it('of floats, and of typed arrays', () => {
    const {data: found} = data.padSequences([Float64Array.of(0.5), [1.25, 2]], {dtype: 'float32'});
    expect(found).toEqual(Float32Array.of(0, 0.5, 1.25, 2));
  });

  it.each([
    [/expected an array of sequences\. Received \[\]/, () => data.padSequences([])],
    [/sequence 1: expected numbers\. Received 3/, () => data.padSequences([[1], 3 as never])],
    [/sequence 0 holds 1\.5 at 1; expected numbers of int32/, () => data.padSequences([[1, 1.5]])],
    [/value: 0\.5 does not fit int32/, () => data.padSequences([[1]], {value: 0.5})],
    [/value: 3000000000 does not fit int32/, () => data.padSequences([[1]], {value: 3e9})],
    [/sequence 0 holds Infinity at 0/, () => data.padSequences([[1 / 0]], {dtype: 'float32'})],
    [/sequence 0 holds "a" at 0/, () => data.padSequences([['a' as never]])],
    [/padding.*Did you mean "post"/, () => data.padSequences([[1]], {padding: 'pots' as never})],
    [/maxlen/, () => data.padSequences([[1]], {maxlen: 0})],
  ])('says what is wrong: %s', (message, call) => {
    expect(call).toThrow(message);
  });
});

describe('data.timeseriesDataset', () => {
  const series = Float32Array.from({length: 10}, (_, at) => at);
  const windowsOf = async (options: Parameters<typeof data.timeseriesDataset>[2]): Promise<number[][]> => {
    const batches = await data.timeseriesDataset(series, null, options).toArray();
    return batches.flatMap(({data: all, shape}) =>
      Array.from({length: shape[0] as number}, (_, row) => [
        ...all.slice(row * (shape[1] as number), (row + 1) * (shape[1] as number)),
      ]),
    );
  };

  it('makes windows, with strides, rates and ends', async () => {
    expect(await windowsOf({sequenceLength: 8})).toEqual(
      [0, 1, 2].map(from => [...series.slice(from, from + 8)]),
    );
    const sparse = {sequenceLength: 3, samplingRate: 2, sequenceStride: 2, batchSize: 2};
    expect(await windowsOf(sparse)).toEqual([
      [0, 2, 4],
      [2, 4, 6],
      [4, 6, 8],
    ]);
    expect(await windowsOf({sequenceLength: 2, startIndex: 5, endIndex: 8})).toEqual([
      [5, 6],
      [6, 7],
    ]);
    const mixed = await windowsOf({sequenceLength: 2, shuffle: true, seed: 3});
    expect(mixed.map(([first]) => first as number).sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
  });

  it('gives each window the target of its first step, to train on', async () => {
    const rows = Array.from(series, value => [value, -value]);
    const targets = series.slice(3);
    const set = data.timeseriesDataset(rows, targets, {sequenceLength: 3, batchSize: 4});
    const [{xs, ys}] = (await set.toArray()) as [Awaited<ReturnType<typeof set.toArray>>[number]];
    expect(xs.shape).toEqual([4, 3, 2]);
    expect([...xs.data.slice(0, 6)]).toEqual([0, -0, 1, -1, 2, -2]);
    expect([...ys.data]).toEqual([3, 4, 5, 6]);
    expect(set.size).toBe(2);
    const net = sequential([layers.gru({units: 2, inputShape: [3, 2]}), layers.dense({units: 1})]);
    net.compile({optimizer: 'adam', loss: 'mse'});
    const {history} = await net.fit(set, {epochs: 2, verbose: 0});
    expect(history.loss?.every(Number.isFinite)).toBe(true);
  });

  it.each([
    [/a window of 12 steps needs as many.*Received 10\./, {sequenceLength: 12}],
    [/sequenceLength/, {sequenceLength: 0}],
    [/endIndex/, {sequenceLength: 2, startIndex: 5, endIndex: 4}],
    [/unknown option "stride"/, {sequenceLength: 2, stride: 1}],
  ])('says what is wrong: %s', (message, options) => {
    expect(() => data.timeseriesDataset(series, null, options as never)).toThrow(message);
  });
});
