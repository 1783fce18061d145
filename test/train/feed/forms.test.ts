// Every form in which data may be given means the same, and predict answers in the form of the question.
import {describe, expect, it} from 'vitest';
import {type DataInput, layers, type Sequential, sequential} from '../../../lib/index.ts';
import {forward, labelsOf, nested, numbers, plain} from '../../support/plain-networks.ts';

const rows = 50;
const features = 6;
const classes = 4;
const values = numbers(rows * features);
const labels = labelsOf(rows, classes);

function build(): Sequential {
  const model = sequential(
    [
      layers.dense({units: 9, activation: 'relu', inputShape: [features]}),
      layers.dense({units: classes, activation: 'softmax'}),
    ],
    {seed: 5},
  );
  model.compile({optimizer: 'adam', loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy']});
  return model;
}

/** What two epochs end with. */
async function trained(x: DataInput, y: DataInput) {
  const model = build();
  const {history} = await model.fit(x, y, {epochs: 2, batchSize: 16, seed: 7});
  return {history, weights: model.getWeights(), evaluation: await model.evaluate(x, y)};
}

describe('the same numbers in another form give the same bits', () => {
  const shape = [rows, features];
  const elsewhere = new Float32Array(new SharedArrayBuffer(4 * (values.length + 3)), 12);
  elsewhere.set(values);
  const forms: Record<string, DataInput> = {
    'a typed array of whole rows': values,
    'an array with its shape': {data: values, shape},
    'nested arrays': nested(values, features),
    'a part of shared memory': elsewhere,
  };
  const classForms: Record<string, DataInput> = {
    Int32Array: Int32Array.from(labels),
    Float32Array: Float32Array.from(labels),
    'a list': [...labels],
    'a column': [...labels].map(label => [label]),
    'an array with its shape': {data: labels, shape: [rows]},
    'a column with its shape': {data: labels, shape: [rows, 1]},
  };
  const expected = trained(forms['an array with its shape'] as DataInput, labels);

  it.each(Object.entries(forms))('x as %s', async (_, x) => {
    expect(await trained(x, labels)).toEqual(await expected);
  });

  it.each(Object.entries(classForms))('labels as %s', async (_, y) => {
    expect(await trained(values, y)).toEqual(await expected);
  });

  it('bytes with a scale, and integers, are numbers', async () => {
    const bytes = Uint8Array.from({length: rows * features}, (_, at) => (at * 37) % 256);
    const scale = 1 / 255;
    const scaled = Float32Array.from(bytes, byte => Math.fround(byte * Math.fround(scale)));
    expect(await trained({data: bytes, shape, scale}, labels)).toEqual(await trained(scaled, labels));
    const integers = Int32Array.from(bytes, byte => byte - 100);
    expect(await trained(integers, labels)).toEqual(await trained(Float32Array.from(integers), labels));
  });

  it('targets too', async () => {
    const targets = numbers(rows * 2, 3);
    const run = async (y: DataInput) => {
      const model = sequential([layers.dense({units: 2, inputShape: [features]})]);
      model.compile({optimizer: 'sgd', loss: 'mse'});
      return (await model.fit(values, y, {epochs: 2})).history;
    };
    const expectedHistory = await run({data: targets, shape: [rows, 2]});
    expect(await run(targets)).toEqual(expectedHistory);
    expect(await run(nested(targets, 2))).toEqual(expectedHistory);
    const bytes = Uint8Array.from(targets, value => Math.round(100 + 100 * value));
    const fraction = Float32Array.from(bytes, byte => byte / 4);
    expect(await run({data: bytes, shape: [rows, 2], scale: 0.25})).toEqual(await run(fraction));
  });
});

describe('predict', () => {
  const model = build();
  const weights = plain(model.getWeights());
  const row = values.slice(0, features);

  it('computes what the weights say', async () => {
    const {data, shape} = await model.predict(values);
    expect(shape).toEqual([rows, classes]);
    nested(values, features).forEach((sample, at) => {
      forward(weights, ['relu', 'softmax'], sample).forEach((exact, unit) => {
        expect(data[at * classes + unit]).toBeCloseTo(exact, 6);
      });
    });
  });

  const questions: readonly (readonly [string, DataInput, number[]])[] = [
    ['one sample as a typed array', row, [1, classes]],
    ['one sample as a list', [...row], [1, classes]],
    ['a list of one row as a typed array', [row], [1, classes]],
    ['a list of two rows as typed arrays', [row, Float64Array.from(row)], [2, classes]],
    ['one sample with its shape', {data: row, shape: [features]}, [classes]],
    ['a batch of one with its shape', {data: row, shape: [1, features]}, [1, classes]],
    ['a batch of one as nested arrays', [[...row]], [1, classes]],
    ['two rows as a typed array', values.slice(0, 2 * features), [2, classes]],
    ['two rows as nested arrays', nested(values.slice(0, 2 * features), features), [2, classes]],
  ];
  it.each(questions)('answers %s in its shape', async (_, x, shape) => {
    const [later, now] = [await model.predict(x), model.predictSync(x)];
    expect(later.shape).toEqual(shape);
    expect(now).toEqual(later);
  });

  it('gives a row the same bits in a batch of any size, now or later', async () => {
    const most = 300;
    const many = numbers(most * features, 9);
    const whole = (await model.predict(many)).data;
    expect(whole).toHaveLength(most * classes);
    for (const count of [1, 2, 7, 8, 9, 31, 32, 33, 127, 128, 129, 256, 257, most]) {
      const x = {data: many.subarray(0, count * features), shape: [count, features]};
      const {data} = await model.predict(x);
      expect(data, `${count} rows`).toEqual(whole.slice(0, count * classes));
      expect(model.predictSync(x).data, `${count} rows`).toEqual(data);
    }
    for (const at of [0, 41, 299]) {
      const one = model.predictSync(many.subarray(at * features, (at + 1) * features));
      expect(one.data).toEqual(whole.slice(at * classes, (at + 1) * classes));
    }
  });

  it('gives results that later calls leave alone', async () => {
    const first = model.predictSync(row);
    const copy = first.data.slice();
    model.predictSync(values.slice(features, 2 * features));
    await model.predict(values);
    expect(first.data).toEqual(copy);
  });

  it('keeps the shapes of samples with more axes', async () => {
    const deep = sequential([layers.dense({units: 3, inputShape: [2, 2]}), layers.flatten()]);
    expect(deep.outputShape).toEqual([6]);
    const sample = [
      [1, 2],
      [3, 4],
    ];
    expect(deep.predictSync(sample).shape).toEqual([6]);
    expect((await deep.predict([sample, sample, sample])).shape).toEqual([3, 6]);
    expect((await deep.predict(Float32Array.of(1, 2, 3, 4))).data).toEqual(deep.predictSync(sample).data);
    const unflattened = sequential([layers.dense({units: 3, inputShape: [2, 2]})]);
    expect((await unflattened.predict([sample])).shape).toEqual([1, 2, 3]);
  });

  it('answers samples of a single number', () => {
    const single = sequential([layers.dense({units: 1, inputShape: [1]})]);
    expect(single.predictSync([2]).shape).toEqual([1, 1]);
    expect(single.predictSync({data: Float32Array.of(2), shape: [1]}).shape).toEqual([1, 1]);
    expect(single.predictSync([[2]]).shape).toEqual([1, 1]);
    expect(single.predictSync([2, 3, 4]).shape).toEqual([3, 1]);
    expect(single.predictSync({data: Float32Array.of(2), shape: [1, 1]}).shape).toEqual([1, 1]);
  });
});
