// Sequences in buckets of lengths: what stands in which batch, and how many plans a model needs for them.
import {afterEach, describe, expect, it} from 'vitest';
import {Dataset, layers, type Sequential, sequential} from '../../lib/index.ts';
import {onCompile} from '../../lib/session/compile.ts';
import {numbers} from '../support/plain-networks.ts';

const lists = [[1], [1, 2, 3], [1, 2], [], [1, 2, 3, 4, 5], [9, 8, 7, 6], [5, 5]];
const ofLists = () => Dataset.fromGenerator(() => lists.map((xs, ys) => ({xs, ys})));

const read = async (dataset: Dataset<unknown>) =>
  (await dataset.toArray()).map(batch => {
    const {xs, ys} = batch as {xs: {data: Float32Array; shape: number[]}; ys: {data: Float32Array}};
    return [xs.shape, [...xs.data], [...ys.data]];
  });

describe('bucketBySequenceLength', () => {
  it('pads to the boundary of each bucket, and gives what is left at the end', async () => {
    const options = {bucketBoundaries: [2, 5], bucketBatchSizes: [2, 3]};
    expect(await read(ofLists().bucketBySequenceLength(options))).toEqual([
      [
        [2, 2],
        [1, 0, 1, 2],
        [0, 2],
      ],
      [
        [3, 5],
        [1, 2, 3, 0, 0, 1, 2, 3, 4, 5, 9, 8, 7, 6, 0],
        [1, 4, 5],
      ],
      [
        [2, 2],
        [0, 0, 5, 5],
        [3, 6],
      ],
    ]);
  });

  it('in front, with another number, without remainders', async () => {
    const options = {bucketBoundaries: [2, 5], bucketBatchSizes: 2};
    const more = {...options, padding: 'pre', paddingValue: -1, dropRemainder: true} as const;
    expect(await read(ofLists().bucketBySequenceLength(more))).toEqual([
      [
        [2, 2],
        [-1, 1, 1, 2],
        [0, 2],
      ],
      [
        [2, 5],
        [-1, -1, 1, 2, 3, 1, 2, 3, 4, 5],
        [1, 4],
      ],
      [
        [2, 2],
        [-1, -1, 5, 5],
        [3, 6],
      ],
    ]);
  });

  it('of several parts, of typed arrays with features, by a length of one’s own', async () => {
    const elements = [2, 1].map(length => ({
      xs: {left: {data: numbers(length * 2), shape: [length, 2]}, right: Int32Array.from({length}, () => 7)},
      ys: Array.from({length}, (_, step) => step + 1),
      length,
    }));
    const dataset = Dataset.fromGenerator(() => elements).bucketBySequenceLength({
      bucketBoundaries: [3],
      bucketBatchSizes: 2,
      sequences: ['xs', 'ys'],
      elementLength: element => element.length,
    });
    const [batch] = (await dataset.toArray()) as unknown as [
      {xs: Record<string, {data: Float32Array; shape: number[]}>; ys: {data: Float32Array}},
    ];
    expect(batch.xs.left?.shape).toEqual([2, 3, 2]);
    expect([...(batch.xs.right?.data ?? [])]).toEqual([7, 7, 0, 7, 0, 0]);
    expect(batch.xs.right?.data).toBeInstanceOf(Int32Array);
    expect([...batch.ys.data]).toEqual([1, 2, 0, 1, 0, 0]);
    // Elements that are sequences themselves.
    const bare = Dataset.fromGenerator(() => [[1, 2], [3]]).bucketBySequenceLength({
      bucketBoundaries: [2],
      bucketBatchSizes: 2,
    });
    expect((await bare.toArray()).map(each => [...(each as {data: Float32Array}).data])).toEqual([
      [1, 2, 3, 0],
    ]);
  });

  it('gives other orders in other passes where what it reads does', async () => {
    const dataset = Dataset.fromArrays({
      xs: Array.from({length: 12}, (_, at) => [at, at]),
      ys: Array.from({length: 12}, (_, at) => at),
    })
      .shuffle(12)
      .bucketBySequenceLength({bucketBoundaries: [3], bucketBatchSizes: 4});
    const passes: number[][] = [];
    for (const pass of [0, 1, 0]) {
      const labels: number[] = [];
      for await (const batch of dataset.iterate(pass))
        labels.push(...(batch as unknown as {ys: {data: Float32Array}}).ys.data);
      passes.push(labels);
    }
    expect(passes[2]).toEqual(passes[0]);
    expect(passes[1]).not.toEqual(passes[0]);
    expect([...(passes[1] as number[])].sort((a, b) => a - b)).toEqual(
      Array.from({length: 12}, (_, at) => at),
    );
  });

  it.each<[RegExp, object]>([
    [/bucketBoundaries: expected lengths/, {bucketBoundaries: [], bucketBatchSizes: 2}],
    [/bucketBoundaries: 1/, {bucketBoundaries: [3, 3], bucketBatchSizes: 2}],
    [
      /bucketBatchSizes: 2 boundaries need as many sizes\. Received 1/,
      {bucketBoundaries: [3, 5], bucketBatchSizes: [2]},
    ],
    [/bucketBatchSizes/, {bucketBoundaries: [3], bucketBatchSizes: 0}],
    [/elementLength: expected a function/, {bucketBoundaries: [3], bucketBatchSizes: 1, elementLength: 3}],
    [/padding/, {bucketBoundaries: [3], bucketBatchSizes: 1, padding: 'left'}],
    [/unknown option/, {bucketBoundaries: [3], bucketBatchSizes: 1, boundaries: [3]}],
  ])('says what is wrong: %s', (message, options) => {
    expect(() => ofLists().bucketBySequenceLength(options as never)).toThrow(message);
  });

  it('refuses padding that is no number of the type of the sequences', async () => {
    const bytes = Dataset.fromGenerator(() => [Uint8Array.of(1, 2), Uint8Array.of(3)]);
    const options = {bucketBoundaries: [2], bucketBatchSizes: 2};
    const [batch] = await bytes.bucketBySequenceLength({...options, paddingValue: 255}).toArray();
    expect((batch as {data: Uint8Array}).data).toEqual(Uint8Array.of(1, 2, 3, 255));
    await expect(bytes.bucketBySequenceLength({...options, paddingValue: -1}).toArray()).rejects.toThrow(
      /element 0: paddingValue -1 does not fit uint8/,
    );
  });

  it.each<[RegExp, object]>([
    [/element 4 has 5 steps, and the last bucket ends at 4/, {bucketBoundaries: [4], bucketBatchSizes: 9}],
    [/element 0 has no "zs"/, {bucketBoundaries: [9], bucketBatchSizes: 9, sequences: ['xs', 'zs']}],
    [
      /element 0: ys is a number, and no sequence/,
      {bucketBoundaries: [9], bucketBatchSizes: 9, sequences: ['xs', 'ys']},
    ],
    [
      /element 1: xs has 3 steps where its element says at most 1/,
      {bucketBoundaries: [1], bucketBatchSizes: 9, elementLength: () => 1},
    ],
  ])('names the element that does not fit: %s', async (message, options) => {
    await expect(
      ofLists()
        .bucketBySequenceLength(options as never)
        .toArray(),
    ).rejects.toThrow(message);
  });
});

describe('a model of sequences of any length', () => {
  afterEach(() => onCompile(undefined));

  const build = (seed = 3): Sequential => {
    const net = sequential(
      [
        layers.embedding({inputDim: 12, outputDim: 5, maskZero: true, inputShape: [null]}),
        layers.gru({units: 4}),
        layers.dense({units: 1}),
      ],
      {seed},
    );
    net.compile({optimizer: 'adam', loss: 'mse'});
    return net;
  };
  // 40 sequences of 1 to 20 ids.
  const sequences = Array.from({length: 40}, (_, row) => ({
    xs: Array.from({length: 1 + ((row * 7) % 20)}, (_, at) => 1 + ((row + 3 * at) % 11)),
    ys: Math.sin(row),
  }));
  const dataset = () => Dataset.fromGenerator(() => sequences);

  it('compiles one plan for each bucket of a training, however many lengths there are', async () => {
    const lengths = new Set(sequences.map(({xs}) => xs.length));
    expect(lengths.size).toBe(20);
    const net = build();
    let plans = 0;
    onCompile(() => plans++);
    const buckets = {bucketBoundaries: [5, 10, 20], bucketBatchSizes: 4, dropRemainder: true};
    const {history} = await net.fit(dataset().bucketBySequenceLength(buckets), {epochs: 20});
    expect(plans).toBe(3);
    expect(history.loss?.at(-1)).toBeLessThan(history.loss?.[0] as number);
    plans = 0;
    await net.evaluate(dataset().bucketBySequenceLength(buckets));
    expect(plans).toBe(3);
    await net.evaluate(dataset().bucketBySequenceLength(buckets));
    expect(plans).toBe(3);
  });

  it('gives a sequence the same number in any bucket, and alone', async () => {
    const net = build();
    const row = sequences[5]?.xs as number[];
    const alone = await net.predict([row]);
    for (const to of [row.length + 1, 20, 33]) {
      const padded = [...row, ...new Array<number>(to - row.length).fill(0)];
      expect(await net.predict([padded])).toEqual(alone);
    }
    expect(net.predictSync([row])).toEqual(alone);
    const buckets = {bucketBoundaries: [20], bucketBatchSizes: 8};
    const all = await net.predict(dataset().bucketBySequenceLength(buckets) as never);
    expect(all.data[5]).toBe(alone.data[0]);
    expect(all.shape).toEqual([40, 1]);
  });

  it('trains as a model of that length does, and comes back from a file', async () => {
    const net = build(7);
    const fixed = sequential(
      [
        layers.embedding({inputDim: 12, outputDim: 5, maskZero: true, inputShape: [4]}),
        layers.gru({units: 4}),
        layers.dense({units: 1}),
      ],
      {seed: 7},
    );
    fixed.compile({optimizer: 'adam', loss: 'mse'});
    const [x, y] = [
      [
        [1, 2, 3, 4],
        [5, 6, 0, 0],
        [7, 8, 9, 0],
      ],
      [[1], [2], [3]],
    ];
    expect((await net.fit(x, y, {epochs: 3})).history).toEqual((await fixed.fit(x, y, {epochs: 3})).history);
    expect(net.getWeights()).toEqual(fixed.getWeights());
    expect((await net.forward(x, {record: true})).layers.length).toBe(3);
    expect((await net.gradients(x, y)).gradients).toEqual((await fixed.gradients(x, y)).gradients);
    const {load, modelFromJSON} = await import('../../lib/index.ts');
    const again = await load(await net.toBytes());
    expect(await again.predict([[3, 1]])).toEqual(await net.predict([[3, 1]]));
    expect(JSON.stringify(modelFromJSON(JSON.stringify(net)))).toBe(JSON.stringify(net));
  });

  it('gives results of each length, of images of any size too', async () => {
    const net = sequential([
      layers.conv2d({filters: 2, kernelSize: 3, padding: 'same', inputShape: [null, null, 1]}),
      layers.maxPooling2d({poolSize: 2}),
    ]);
    for (const [height, width] of [
      [4, 6],
      [8, 2],
    ] as const) {
      const {shape} = await net.predict({data: numbers(2 * height * width), shape: [2, height, width, 1]});
      expect(shape).toEqual([2, height / 2, width / 2, 2]);
    }
    const steps = sequential([layers.lstm({units: 2, returnSequences: true, inputShape: [null, 3]})]);
    const batches = Dataset.fromGenerator(() =>
      [1, 2].map(length => ({data: numbers(3 * length), shape: [1, length, 3]})),
    );
    await expect(steps.predict(batches as never)).rejects.toThrow(
      /give rows \[1,2\] and then \[2,2\]: predict each/,
    );
  });

  it('is a layer of another, and may have a fixed batch size', async () => {
    const inner = sequential([layers.lstm({units: 2, returnSequences: true, inputShape: [null, 3]})]);
    const outer = sequential([inner as never, layers.globalMaxPooling1d()]);
    for (const length of [2, 5]) {
      const x = {data: numbers(6 * length), shape: [2, length, 3]};
      expect((await outer.predict(x)).shape).toEqual([2, 2]);
    }
    const kept = sequential([layers.gru({units: 2, stateful: true, batchInputShape: [1, null, 3]})]);
    const whole = sequential([layers.gru({units: 2, inputShape: [null, 3]})]);
    whole.setWeights(kept.getWeights().map(({data}) => data));
    const x = numbers(15);
    await kept.predict({data: x.slice(0, 6), shape: [1, 2, 3]});
    const last = await kept.predict({data: x.slice(6), shape: [1, 3, 3]});
    expect(last).toEqual(await whole.predict({data: x, shape: [1, 5, 3]}));
  });

  it.each<[RegExp, (net: Sequential) => unknown]>([
    [
      /samples \[any\] of any length say it: \{data, shape\}, or nested arrays/,
      net => net.predict(new Float32Array(8)),
    ],
    [
      /expected samples \[any\] of one step or more\. Received \[2,0\]/,
      net => net.predict({data: new Float32Array(0), shape: [2, 0]}),
    ],
    [
      /lstm says inputShape \[any,3\], but gets \[4,2\]/,
      () =>
        layers
          .lstm({units: 1, inputShape: [null, 3]})
          .apply(sequential([layers.dense({units: 2, inputShape: [4, 2]})]).output),
    ],
    [
      /is built already, and its kernel is/,
      () => {
        const net = sequential([layers.flatten({inputShape: [null, 2]}), layers.dense({units: 1})]);
        return net.predict([
          [
            [1, 2],
            [3, 4],
          ],
        ]);
      },
    ],
  ])('says what is wrong: %s', async (message, act) => {
    await expect((async () => act(build()))()).rejects.toThrow(message);
  });
});
