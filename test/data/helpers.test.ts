// The namespace `data`: one-hot rows, a split into training and test, standardized columns.
import {describe, expect, it} from 'vitest';
import {data} from '../../lib/index.ts';

const rows = 20;
const x = Array.from({length: rows}, (_, row) => [row, row + 0.5]);
const y = Uint8Array.from({length: rows}, (_, row) => row);

describe('oneHot', () => {
  it('is 1 at the class of each row', () => {
    const {data: values, shape} = data.oneHot([2, 0, 1]);
    expect(shape).toEqual([3, 3]);
    expect([...values]).toEqual([0, 0, 1, 1, 0, 0, 0, 1, 0]);
    expect(data.oneHot(Uint8Array.of(1), {classes: 4})).toEqual({
      data: Float32Array.of(0, 1, 0, 0),
      shape: [1, 4],
    });
  });

  it.each([
    ['beyond the classes', [0, 3], /label 3 in row 1 is outside 0…2/],
    ['below 0', [-1, 0], /label -1 in row 0 is outside/],
    ['a fraction', [0, 0.5], /label 0.5 in row 1/],
    ['NaN', [0, 1, Number.NaN], /label NaN in row 2/],
  ])('refuses a label that is %s', (_, labels, message) => {
    const call = () => data.oneHot(labels, {classes: 3});
    expect(call).toThrow(expect.objectContaining({code: 'ERR_OUT_OF_RANGE'}));
    expect(call).toThrow(message);
  });

  it('refuses nothing at all', () => {
    expect(() => data.oneHot([])).toThrow(/labels is empty/);
    expect(() => data.oneHot([0], {classes: 0})).toThrow(/classes: expected an integer >= 1/);
  });
});

describe('trainTestSplit', () => {
  it('keeps each row once, with its label', () => {
    const {xTrain, xTest, yTrain, yTest} = data.trainTestSplit(x, y, {testSize: 0.3, seed: 4});
    expect([xTrain.shape, xTest.shape]).toEqual([
      [14, 2],
      [6, 2],
    ]);
    const labels = [...yTrain.data, ...yTest.data];
    expect([...labels].sort((a, b) => a - b)).toEqual([...y]);
    const all = [...xTrain.data, ...xTest.data];
    labels.forEach((label, at) => {
      expect(all.slice(2 * at, 2 * at + 2)).toEqual([label, label + 0.5]);
    });
    expect([...yTrain.data]).not.toEqual([...yTrain.data].sort((a, b) => a - b));
  });

  it('is decided by its seed', () => {
    const order = (seed: number) => [...data.trainTestSplit(x, y, {seed}).yTest.data];
    expect(order(1)).toEqual(order(1));
    expect(order(1)).not.toEqual(order(2));
  });

  it('takes the last rows where it does not shuffle', () => {
    const {yTest} = data.trainTestSplit(x, y, {testSize: 0.2, shuffle: false});
    expect([...yTest.data]).toEqual([16, 17, 18, 19]);
  });

  it('copies, and keeps type and scale; of a Buffer it makes plain bytes', () => {
    const bytes = {data: Buffer.from(y), shape: [rows, 1], scale: 0.5};
    const {xTrain} = data.trainTestSplit(bytes, y, {shuffle: false});
    expect(xTrain).toEqual({data: y.slice(0, 15), shape: [15, 1], scale: 0.5});
    expect(Object.getPrototypeOf(xTrain.data)).toBe(Uint8Array.prototype);
    bytes.data.fill(0);
    expect(xTrain.data[14]).toBe(14);
  });

  it('keeps the share of each class where it is told to', () => {
    // 30 of class 0, 15 of class 1, 5 of class 2, in this order.
    const labels = Uint8Array.from({length: 50}, (_, row) => (row < 30 ? 0 : row < 45 ? 1 : 2));
    const table = Array.from(labels, (label, row) => [label, row]);
    const countsOf = ({data: values}: {data: ArrayLike<number>}) =>
      [0, 1, 2].map(label => Array.from(values).filter(value => value === label).length);
    const {xTest, yTest, xTrain, yTrain} = data.trainTestSplit(table, labels, {
      testSize: 0.2,
      stratify: true,
    });
    expect([countsOf(yTrain), countsOf(yTest)]).toEqual([
      [24, 12, 4],
      [6, 3, 1],
    ]);
    yTest.data.forEach((label, at) => {
      expect(xTest.data[2 * at]).toBe(label);
    });
    const seen = [...xTrain.data, ...xTest.data].filter((_, at) => at % 2 === 1);
    expect([...seen].sort((a, b) => a - b)).toEqual(Array.from({length: 50}, (_, row) => row));
    // Shares that are no integers: 15.3, 7.65 and 2.55 of 25.5, which make 26 rows.
    const odd = data.trainTestSplit(table, labels, {testSize: 0.51, stratify: true});
    expect(countsOf(odd.yTest)).toEqual([15, 8, 3]);
    const pairs = Array.from(labels, label => [Number(label === 0), Number(label > 0)]);
    const hot = data.trainTestSplit(table, pairs, {testSize: 0.2, stratify: true, shuffle: false});
    expect(countsOf({data: hot.yTest.data.filter((_, at) => at % 2 === 0)})[1]).toBe(6);
    expect(() => data.trainTestSplit(x, y, {stratify: 1 as never})).toThrow(
      /stratify: expected true or false/,
    );
  });

  it('refuses what leaves nothing to train on', () => {
    expect(() => data.trainTestSplit([[1]], [1])).toThrow(/1 rows leave none for training/);
    expect(() => data.trainTestSplit(x, y.slice(1))).toThrow(/x has 20 rows and y 19/);
    expect(() => data.trainTestSplit(x, y, {testSize: 1})).toThrow(
      /testSize: expected a finite number > 0 and < 1/,
    );
    expect(() => data.trainTestSplit(x, y, {seed: 0.5})).toThrow(/seed: expected an integer/);
  });
});

describe('standardize', () => {
  it('moves columns to mean 0 and deviation 1; a constant column becomes 0', () => {
    const table = Array.from({length: 50}, (_, row) => [1e6 + (row % 7), 3, -row]);
    const {data: values, shape, mean, deviation} = data.standardize(table);
    expect(shape).toEqual([50, 3]);
    for (const column of [0, 2]) {
      const own = Array.from({length: 50}, (_, row) => values[3 * row + column] as number);
      const sum = own.reduce((a, b) => a + b);
      expect(sum / 50).toBeCloseTo(0, 6);
      expect(own.reduce((a, b) => a + b * b, 0) / 50).toBeCloseTo(1, 5);
    }
    expect(values.filter((_, at) => at % 3 === 1)).toEqual(new Float32Array(50));
    expect([mean[1], deviation[1]]).toEqual([3, 0]);
    expect(mean[2]).toBeCloseTo(-24.5, 9);
  });

  it('does the same to other data, and reads a scale', () => {
    const train = data.standardize({data: Uint8Array.of(0, 100, 200), shape: [3, 1], scale: 0.01});
    expect(train.mean[0]).toBeCloseTo(1, 12);
    const test = data.standardize([[1], [3]], {like: train});
    expect(test.data[0]).toBeCloseTo(0, 6);
    expect(test.data[1]).toBeCloseTo(2 / Math.sqrt(2 / 3), 5);
    expect(() => data.standardize([[1, 2]], {like: train})).toThrow(/like has 1 columns, the table 2/);
  });

  it('refuses missing values, by their place', () => {
    const call = () =>
      data.standardize([
        [1, 2],
        [3, Number.NaN],
      ]);
    expect(call).toThrow(expect.objectContaining({code: 'ERR_NOT_FINITE'}));
    expect(call).toThrow(/row 1, column 1 holds NaN. Replace missing values, or leave out their rows/);
  });

  it('refuses ragged tables', () => {
    expect(() => data.standardize([[1, 2], [3]])).toThrow(/ragged: row 1 has 1 values where row 0 has 2/);
  });
});
