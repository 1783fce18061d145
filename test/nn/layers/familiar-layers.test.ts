// Layers by the names that Keras and TensorFlow.js have for them, and features normalized inside the model.
import {describe, expect, it} from 'vitest';
import {Dataset, data, layers, load, modelFromJSON, sequential} from '../../../lib/index.ts';

const rows = [
  [2000, 1, 5],
  [2010, 2, 5],
  [2020, 6, 5],
  [1990, 3, 5],
];

describe('rectifiers', () => {
  it.each([
    ['reLU', layers.reLU({inputShape: [5]}), [0, 0, 0.5, 2, 9]],
    ['reLU to 6', layers.reLU({inputShape: [5], maxValue: 6}), [0, 0, 0.5, 2, 6]],
    [
      'reLU with a slope',
      layers.reLU({inputShape: [5], negativeSlope: 0.5, threshold: 1, maxValue: 6}),
      [-2, -1, -0.25, 2, 6],
    ],
    ['thresholdedReLU', layers.thresholdedReLU({inputShape: [5]}), [0, 0, 0, 2, 9]],
    ['leakyReLU', layers.leakyReLU({inputShape: [5], negativeSlope: 0.5}), [-1.5, -0.5, 0.5, 2, 9]],
    ['inputLayer', layers.inputLayer({inputShape: [5]}), [-3, -1, 0.5, 2, 9]],
  ])('%s', async (_, layer, wanted) => {
    const net = sequential([layer]);
    const {data: made} = await net.predict([[-3, -1, 0.5, 2, 9]]);
    expect([...made]).toEqual(wanted);
    const again = modelFromJSON(JSON.stringify(net));
    expect((await again.predict([[-3, -1, 0.5, 2, 9]])).data).toEqual(made);
  });

  it('inputLayer needs a shape', () => {
    expect(() => layers.inputLayer({})).toThrow(/inputShape is missing/);
  });
});

describe('normalization', () => {
  const scaled = data.standardize(rows);
  it.each(['before', 'after'])(
    'adapted %s a model is made, takes raw rows, and so do its copies',
    async when => {
      const scale = layers.normalization({inputShape: [3]});
      if (when === 'before') scale.adapt(rows);
      const net = sequential([scale]);
      if (when === 'after') scale.adapt({data: Float32Array.from(rows.flat()), shape: [4, 3]});
      const {data: made} = await net.predict(rows);
      for (const [at, value] of made.entries()) expect(value).toBeCloseTo(scaled.data[at] as number, 4);
      for (const copy of [
        net.clone(),
        net.clone({seed: 7}),
        modelFromJSON(net.toJSON()),
        await load(await net.toBytes()),
      ]) {
        expect((await copy.predict(rows)).data).toEqual(made);
      }
    },
  );

  it('is not trained', async () => {
    const scale = layers.normalization({inputShape: [3], mean: [2000, 3, 5], variance: [100, 4, 1]});
    const net = sequential([scale, layers.dense({units: 1})]);
    const before = scale.getWeights();
    net.compile({optimizer: 'adam', loss: 'mse'});
    await net.fit(rows, [1, 2, 3, 4], {epochs: 2});
    expect(scale.getWeights()).toEqual(before);
  });

  it('says what does not fit', () => {
    const scale = layers.normalization({inputShape: [3]});
    expect(() => scale.adapt([[1, 2]])).toThrow(/2 features, the layer takes 3/);
    expect(() => scale.adapt([[1, 2, Number.NaN]])).toThrow(/row 0, feature 2 holds NaN/);
    expect(() => sequential([layers.normalization({inputShape: [2], mean: [1]})])).toThrow(
      /1 numbers for 2 features/,
    );
  });
});

describe('Dataset.concatenate', () => {
  it('gives one after the other, each pass, and is trained on', async () => {
    const [one, two] = [Dataset.fromArrays([1, 2]), Dataset.fromArrays([3])];
    const both = one.concatenate(two);
    expect(both.size).toBe(3);
    expect(await both.toArray()).toEqual([1, 2, 3]);
    expect(await both.concatenate(both).batch(4).toArray()).toHaveLength(2);
    expect(() => one.concatenate([4] as never)).toThrow(/concatenate: expected a data set/);
    const net = sequential([layers.dense({units: 1, inputShape: [3]})]);
    net.compile({optimizer: 'sgd', loss: 'mse'});
    const table = Dataset.fromArrays({xs: rows, ys: [1, 2, 3, 4]}).batch(2);
    await net.fit(table.concatenate(table), {epochs: 1});
    expect(net.iterations).toBe(4);
  });
});
