// Training, evaluating and predicting from data sets: by row index, by blocks of what comes one by one, and
// by both to the same bits.
import {describe, expect, it} from 'vitest';
import {type Batches, Dataset, input, layers, model} from '../../../lib/index.ts';
import {build, rows, weightsOf, x, y} from '../../support/small-model.ts';

const seed = 1;
const batchSize = 16;
const arrays = Dataset.fromArrays({xs: x, ys: y});
/** The same elements, but nothing is known of them before they come. */
const streamed = Dataset.fromGenerator(async function* () {
  yield* arrays;
});
const both = [
  ['by row index', arrays],
  ['one by one', streamed],
] as const;
type Elements = typeof arrays;

async function fitted(batches: Batches, options: {epochs?: number; stepsPerEpoch?: number} = {}) {
  const trained = build();
  const history = await trained.fit(batches, options);
  return {history, weights: weightsOf(trained), trained};
}

describe.each(both)('fit on a data set, %s', (_, dataset) => {
  const shuffled = (dataset as Elements).shuffle(rows, seed).batch(batchSize);

  it('does what fit on arrays does, bit for bit', async () => {
    const expected = build();
    const history = await expected.fit(x, y, {epochs: 5, batchSize, seed});
    const {weights, history: own, trained} = await fitted(shuffled, {epochs: 5});
    expect(weights).toEqual(weightsOf(expected));
    expect(own).toEqual(history);
    expect(trained.iterations).toBe(20);
  });

  it('goes on from pass to pass where an epoch is so many steps', async () => {
    const expected = build();
    await expected.fit(x, y, {epochs: 3, batchSize, seed, stepsPerEpoch: 7});
    expect((await fitted(shuffled, {epochs: 3, stepsPerEpoch: 7})).weights).toEqual(weightsOf(expected));
  });

  it('goes on where another training has ended', async () => {
    for (const stepsPerEpoch of [undefined, 3]) {
      const whole = build();
      const parts = build();
      const options = stepsPerEpoch === undefined ? {} : {stepsPerEpoch};
      await whole.fit(shuffled, {epochs: 4, ...options});
      await parts.fit(shuffled, {epochs: 3, ...options});
      await parts.fit(shuffled, {epochs: 4, initialEpoch: 3, ...options});
      expect(weightsOf(parts)).toEqual(weightsOf(whole));
    }
  });

  it('trains on all that is repeated, short batches within included', async () => {
    const one = await fitted(shuffled.repeat(3));
    expect(one.trained.iterations).toBe(12);
    expect(one.weights).toEqual((await fitted(shuffled, {epochs: 3})).weights);
    const straddling = (dataset as Elements).repeat(2).batch(32);
    expect((await fitted(straddling)).trained.iterations).toBe(4);
  });

  it('reads as much of what never ends as it is told to', async () => {
    const endless = (dataset as Elements).shuffle(rows, seed).repeat();
    const {weights, trained} = await fitted(endless.batch(batchSize), {epochs: 2, stepsPerEpoch: 5});
    expect(trained.iterations).toBe(10);
    expect(weights).toEqual((await fitted(endless.take(160).batch(batchSize))).weights);
  });

  it('evaluates and predicts', async () => {
    const net = build();
    const logs = await net.evaluate(x, y);
    const batches = (dataset as Elements).batch(7);
    const own = await net.evaluate(batches);
    expect(own.accuracy).toBe(logs.accuracy);
    expect(own.loss).toBeCloseTo(logs.loss as number, 12);
    expect(await net.predict(batches)).toEqual(await net.predict(x));
    expect(await net.predict(batches.map(({xs}) => xs))).toEqual(await net.predict(x));
  });

  it('validates', async () => {
    const validationData = (dataset as Elements).batch(batchSize);
    const history = async (options: object) => {
      return (await build().fit(shuffled, {epochs: 2, ...options})).history;
    };
    const expected = await history({validationData: [x, y]});
    const own = await history({validationData});
    expect(own.val_accuracy).toEqual(expected.val_accuracy);
    expect(own.val_loss?.[1]).toBeCloseTo(expected.val_loss?.[1] as number, 12);
    const some = (await history({validationData, validationSteps: 2})).val_accuracy;
    const first = {data: x.data.subarray(0, 32 * 6), shape: [32, 6]};
    const whole = await history({validationData: [first, y.subarray(0, 32)]});
    expect(some).toEqual(whole.val_accuracy);
  });
});

it('gives the same bits whatever cuts the blocks: other sizes in between, slow batches', async () => {
  const sizes = [4, 4, 4, 9, 4, 4, 1, 1, 19];
  const made = (slow: boolean) =>
    Dataset.fromGenerator(async function* () {
      let at = 0;
      for (const size of sizes) {
        if (slow) await new Promise(resolve => setTimeout(resolve, size % 3));
        yield {
          xs: {data: x.data.slice(at * 6, (at + size) * 6), shape: [size, 6]},
          ys: y.slice(at, at + size),
        };
        at += size;
      }
    });
  const expected = build();
  for (let epoch = 0; epoch < 2; epoch++) {
    for await (const {xs, ys} of made(false)) await expected.trainOnBatch(xs, ys);
  }
  for (const slow of [false, true]) {
    expect((await fitted(made(slow), {epochs: 2})).weights).toEqual(weightsOf(expected));
  }
});

it('has copied a batch before it asks for the next: a generator may fill the same arrays again', async () => {
  const reused = {xs: {data: new Float32Array(10 * 6), shape: [10, 6]}, ys: new Uint8Array(10)};
  const batches = Dataset.fromGenerator(function* () {
    for (let at = 0; at < rows; at += 10) {
      reused.xs.data.set(x.data.subarray(at * 6, (at + 10) * 6));
      reused.ys.set(y.subarray(at, at + 10));
      yield reused;
    }
  });
  expect((await fitted(batches, {epochs: 2})).weights).toEqual(
    (await fitted(arrays.batch(10), {epochs: 2})).weights,
  );
});

it('weighs samples and classes', async () => {
  const sampleWeight = Float32Array.from({length: rows}, (_, row) => (row % 3) + 0.5);
  const classWeight = {1: 3};
  const expected = build();
  await expected.fit(x, y, {sampleWeight, classWeight, shuffle: false, batchSize});
  const weighted = Dataset.fromArrays({xs: x, ys: y, sampleWeight});
  for (const dataset of [weighted, weighted.map(element => element)]) {
    const own = build();
    await own.fit(dataset.batch(batchSize), {classWeight});
    expect(weightsOf(own)).toEqual(weightsOf(expected));
    expect((await own.evaluate(dataset.batch(9))).loss).toBeCloseTo(
      (await own.evaluate(x, y, {sampleWeight})).loss as number,
      12,
    );
  }
});

it('feeds several inputs and outputs by their names', async () => {
  const make = () => {
    const [a, b] = [input({shape: [6], name: 'a'}), input({shape: [6], name: 'b'})];
    const joined = layers.add().apply([a, layers.dense({units: 6, name: 'b6'}).apply(b)]);
    const outputs = {
      kind: layers.dense({units: 4, activation: 'softmax', name: 'kind'}).apply(joined),
      sum: layers.dense({units: 6, name: 'sum'}).apply(joined),
    };
    const net = model({inputs: [a, b], outputs, seed: 2});
    net.compile({optimizer: 'sgd', loss: {kind: 'sparseCategoricalCrossentropy', sum: 'meanSquaredError'}});
    return net;
  };
  const xs = {a: x, b: x};
  const ys = {kind: y, sum: x};
  const dataset = Dataset.fromArrays({xs, ys});
  const expected = make();
  await expected.fit(xs, ys, {batchSize, shuffle: false});
  for (const each of [dataset.batch(batchSize), dataset.map(element => element).batch(batchSize)]) {
    const own = make();
    await own.fit(each);
    expect(own.getWeights()).toEqual(expected.getWeights());
    expect(await own.predict(each)).toEqual(await own.predict(xs));
  }
});

describe('ends', () => {
  it('by its signal while it waits for a batch, and closes the generator', async () => {
    const controller = new AbortController();
    let closed = false;
    async function* slow() {
      try {
        yield {xs: x, ys: y};
        // The fit ends without this batch, which comes too late.
        await new Promise(resolve => controller.signal.addEventListener('abort', resolve));
        await new Promise(resolve => setTimeout(resolve, 20));
        yield {xs: x, ys: y};
      } finally {
        closed = true;
      }
    }
    const net = build();
    const onBatchEnd = () => void setTimeout(() => controller.abort(), 1);
    const options = {signal: controller.signal, stepsPerEpoch: 9, callbacks: {onBatchEnd}};
    const fit = net.fit(slow(), options);
    await expect(fit).rejects.toMatchObject({code: 'ERR_ABORTED'});
    expect(net.iterations).toBe(1);
    await expect.poll(() => closed).toBe(true);
  });

  it('where a callback stops it, with no batch asked for in vain', async () => {
    let closed = 0;
    const endless = Dataset.fromGenerator(function* () {
      try {
        for (;;) yield {xs: x, ys: y};
      } finally {
        closed++;
      }
    });
    const net = build();
    const onBatchEnd = (batch: number): void => {
      if (batch === 2) net.stopTraining = true;
    };
    await net.fit(endless, {stepsPerEpoch: 100, callbacks: {onBatchEnd}});
    expect(net.iterations).toBe(3);
    await expect.poll(() => closed).toBe(1);
  });

  it('with the error of a generator, after the batches before it', async () => {
    const broken = Dataset.fromGenerator(function* () {
      yield {xs: x, ys: y};
      yield {xs: x, ys: y};
      throw new Error('the disk is gone');
    });
    const net = build();
    await expect(net.fit(broken)).rejects.toThrow('the disk is gone');
    expect(net.iterations).toBe(2);
    await expect(net.evaluate(broken)).rejects.toThrow('the disk is gone');
    await expect(net.predict(broken)).rejects.toThrow('the disk is gone');
    await net.fit(x, y);
  });
});

it('draws its progress without knowing the end', async () => {
  let text = '';
  const stream = {write: (part: string) => (text += part), isTTY: true};
  const {callbacks} = await import('../../../lib/index.ts');
  const pause = (element: {xs: typeof x; ys: typeof y}) =>
    new Promise<typeof element>(resolve => setTimeout(() => resolve(element), 50));
  const batches = Dataset.fromGenerator(() => [1, 2, 3, 4]).map(() => pause({xs: x, ys: y}));
  await build().fit(batches, {epochs: 2, callbacks: callbacks.progress({stream})});
  expect(text).toMatch(/epoch 1\/2 batch \d {2}loss 1\.\d+ {2}accuracy 0\.\d+ {2}\d+ samples\/s/);
  expect(text).not.toMatch(/NaN|Infinity/);
});

// biome-ignore lint/suspicious/noExplicitAny: what types forbid
const wrong = (value: unknown): any => value;
const only = (element: unknown) => wrong(Dataset.fromGenerator(() => [element]));

describe('refuses', () => {
  it.each<[string, Batches, object, string, RegExp]>([
    [
      'single rows',
      wrong(arrays),
      {},
      'ERR_VALUE',
      /fit: the data set gives single samples: dataset.batch\(32\)/,
    ],
    ['single numbers', only({xs: [1], ys: 1}), {}, 'ERR_VALUE', /single samples/],
    ['elements without ys', only({xs: x, y}), {}, 'ERR_VALUE', /expected {xs, ys}. Received {xs, y}/],
    [
      'arrays of pairs',
      only([x, y]),
      {},
      'ERR_VALUE',
      /a batch of the data set: expected {xs, ys}. Received/,
    ],
    ['other members', only({xs: x, ys: y, weights: y}), {}, 'ERR_OPTION', /unknown option "weights"/],
    ['other shapes', only({xs: [[1, 2]], ys: [0]}), {}, 'ERR_SHAPE', /fit: x: expected the shape \[rows,6\]/],
    [
      'arrays of other shapes',
      wrong(Dataset.fromArrays({xs: y, ys: y}).batch(2)),
      {},
      'ERR_SHAPE',
      /fit: x:/,
    ],
    [
      'what never ends',
      arrays.repeat().batch(4),
      {},
      'ERR_OPTION',
      /never ends: take\(n\) ends it, or stepsPerEpoch/,
    ],
    ['nothing', wrong(Dataset.fromGenerator(() => [])), {}, 'ERR_VALUE', /gave no batch in pass 0/],
    [
      'nothing of arrays',
      arrays.take(0).batch(4),
      {stepsPerEpoch: 2},
      'ERR_VALUE',
      /gave no batch in pass 0/,
    ],
    [
      'batchSize',
      arrays.batch(4),
      {batchSize: 4},
      'ERR_OPTION',
      /batchSize: is for arrays; a data set says that/,
    ],
    ['shuffle', arrays.batch(4), {shuffle: true}, 'ERR_OPTION', /shuffle: is for arrays/],
    [
      'validationSplit',
      arrays.batch(4),
      {validationSplit: 0.1},
      'ERR_OPTION',
      /validationSplit: is for arrays/,
    ],
    ['sampleWeight', arrays.batch(4), {sampleWeight: y}, 'ERR_OPTION', /sampleWeight: is for arrays/],
  ])('%s', async (_, dataset, options, code, message) => {
    const fit = build().fit(dataset, options);
    await expect(fit).rejects.toMatchObject({code, message: expect.stringMatching(message)});
  });

  it('a second pass of what runs but once', async () => {
    async function* once() {
      yield {xs: x, ys: y};
    }
    await expect(build().fit(once(), {epochs: 2})).rejects.toThrow(
      /no batch in pass 1.*Dataset.fromGenerator/,
    );
    await expect(build().fit(once(), {stepsPerEpoch: 2})).rejects.toThrow(/no batch in pass 1/);
  });

  it('labels that are no class, by the row of the batch', async () => {
    const labels = y.slice();
    labels[20] = 9;
    const bad = Dataset.fromGenerator(() => [
      {xs: x, ys: y},
      {xs: x, ys: labels},
    ]);
    await expect(build().fit(bad)).rejects.toThrow(/the label 9 in row 20 of the batch of y is no class/);
  });

  it('numbers that are none, by batch and row', async () => {
    const data = x.data.slice();
    data[16 * 6 * 2 + 3 * 6 + 4] = Number.NaN;
    const bad = Dataset.fromArrays({xs: {...x, data}, ys: y});
    await expect(build().fit(bad.batch(16))).rejects.toThrow(/x holds NaN in row 35, column 4/);
    await expect(build().fit(bad.map(element => element).batch(16))).rejects.toThrow(
      /x holds NaN in row 3 of the batch, column 4/,
    );
  });
});
