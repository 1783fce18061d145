// Weights of samples and of classes, against a line fitted in float64 and losses added up by hand.
import {describe, expect, it} from 'vitest';
import {layers, type Sequential, sequential} from '../../../lib/index.ts';
import {labelsOf, numbers} from '../../support/plain-networks.ts';
import {build, dataOf, PlainLine, range, rows, x, y} from '../plain-line.ts';

const order = range(0, rows);
const sampleWeight = Float32Array.from(order, row => (row % 4) / 2);
const weightOf = (row: number): number => sampleWeight[row] as number;

function expectSame(model: Sequential, line: PlainLine): void {
  dataOf(model).forEach((value, at) => {
    expect(value).toBeCloseTo(line.weights[at] as number, 5);
  });
}

describe('sampleWeight', () => {
  it('multiplies the losses of fit, whose mean counts all rows', async () => {
    const model = build();
    const line = new PlainLine(model);
    const options = {batchSize: 8, epochs: 2, shuffle: false};
    const {history} = await model.fit(x, y, {...options, sampleWeight});
    const expected = [0, 1].map(
      () =>
        [0, 8, 16].reduce((sum, first) => {
          const batch = order.slice(first, first + 8);
          return sum + line.step(batch, weightOf) * batch.length;
        }, 0) / rows,
    );
    expectSame(model, line);
    expect(history.loss?.[0]).toBeCloseTo(expected[0] as number, 5);
    expect(history.loss?.[1]).toBeCloseTo(expected[1] as number, 5);
  });

  it('follows its rows when they are shuffled: rows of weight 0 leave no trace', async () => {
    const train = async (target: Float32Array) => {
      const model = build();
      await model.fit(x, target, {batchSize: 7, epochs: 3, sampleWeight});
      return dataOf(model);
    };
    const spoiled = y.map((value, row) => (weightOf(row) === 0 ? 1000 : value));
    expect(await train(spoiled)).toEqual(await train(y));
    expect(await train(y.map(value => value + 1))).not.toEqual(await train(y));
  });

  it('counts in trainOnBatch, evaluate and the validation of fit', async () => {
    const model = build();
    const line = new PlainLine(model);
    const loss = line.loss(order, weightOf);
    expect((await model.evaluate(x, y, {sampleWeight})).loss).toBeCloseTo(loss, 5);
    expect((await model.trainOnBatch(x, y, {sampleWeight})).loss).toBeCloseTo(loss, 5);
    line.step(order, weightOf);
    expectSame(model, line);
    const {history} = await model.fit(x, y, {batchSize: rows, validationData: [x, y, sampleWeight]});
    line.step(order);
    expect(history.val_loss?.[0]).toBeCloseTo(line.loss(order, weightOf), 5);
    const halves = await model.fit(x, y, {batchSize: 11, shuffle: false, sampleWeight, validationSplit: 0.5});
    line.step(order.slice(0, 11), weightOf);
    expect(halves.history.val_loss?.[0]).toBeCloseTo(line.loss(order.slice(11), weightOf), 5);
  });

  it('that is not finite is named by its row, and nothing is written', async () => {
    const model = build();
    const before = dataOf(model);
    const bad = sampleWeight.slice();
    bad[3] = Number.NaN;
    await expect(model.trainOnBatch(x, y, {sampleWeight: bad})).rejects.toMatchObject({
      code: 'ERR_NOT_FINITE',
      message: 'trainOnBatch: sampleWeight holds NaN in row 3; expected finite numbers.',
    });
    expect(dataOf(model)).toEqual(before);
  });

  it('of another length or kind is refused', async () => {
    const short = sampleWeight.subarray(1);
    await expect(build().fit(x, y, {sampleWeight: short})).rejects.toThrow(
      /^fit: sampleWeight has 21 rows and y 22\.$/,
    );
    await expect(build().evaluate(x, y, {sampleWeight: 'all' as never})).rejects.toThrow(
      /^evaluate: sampleWeight: expected a typed array/,
    );
    await expect(build().evaluate(x, y, {sampleWeights: short} as never)).rejects.toThrow(
      /Did you mean "sampleWeight"/,
    );
  });
});

describe('classWeight', () => {
  const classes = 3;
  const inputs = numbers(rows * 4, 2);
  const labels = labelsOf(rows, classes);
  const classWeight = {0: 0.5, 2: 3};
  const byClass = (label: number): number => [0.5, 1, 3][label] as number;

  type Loss = `${'sparseC' | 'c'}ategoricalCrossentropy` | 'binaryCrossentropy';

  function classifier(loss: Loss, units = classes): Sequential {
    const activation = units === 1 ? 'sigmoid' : 'softmax';
    const model = sequential([layers.dense({units, activation, inputShape: [4]})], {seed: 2});
    model.compile({optimizer: 'sgd', loss});
    return model;
  }

  /** Weights after two epochs. */
  async function train(model: Sequential, target: Uint8Array | Float32Array, options: object) {
    await model.fit(inputs, target, {batchSize: 6, epochs: 2, ...options});
    return dataOf(model);
  }

  it('is the weight of the samples of a class, however the class is told', async () => {
    const weights = Float32Array.from(labels, byClass);
    const sparse = await train(classifier('sparseCategoricalCrossentropy'), labels, {classWeight});
    const same = {sampleWeight: weights};
    expect(sparse).toEqual(await train(classifier('sparseCategoricalCrossentropy'), labels, same));
    const oneHot = Float32Array.from({length: rows * classes}, (_, at) =>
      labels[Math.floor(at / classes)] === at % classes ? 1 : 0,
    );
    const dense = await train(classifier('categoricalCrossentropy'), oneHot, {classWeight});
    expect(dense).toEqual(await train(classifier('categoricalCrossentropy'), oneHot, same));
    const bits = labels.map(label => label % 2);
    const binary = await train(classifier('binaryCrossentropy', 1), bits, {classWeight: {1: 4}});
    const four = {sampleWeight: Float32Array.from(bits, bit => (bit === 1 ? 4 : 1))};
    expect(binary).toEqual(await train(classifier('binaryCrossentropy', 1), bits, four));
  });

  it('multiplies the weights of samples', async () => {
    const own = Float32Array.from(labels, (_, row) => 1 + (row % 2));
    const loss = 'sparseCategoricalCrossentropy';
    const both = await train(classifier(loss), labels, {classWeight, sampleWeight: own});
    const product = Float32Array.from(labels, (label, row) => byClass(label) * (own[row] as number));
    expect(both).toEqual(await train(classifier(loss), labels, {sampleWeight: product}));
  });

  it('is checked', async () => {
    const model = classifier('sparseCategoricalCrossentropy');
    const wrong: [unknown, RegExp][] = [
      [{3: 1}, /^fit: classWeight: "3" is no class: there are 0 to 2\.$/],
      [{first: 1}, /^fit: classWeight: "first" is no class/],
      [{0: -1}, /^fit: classWeight: class 0: expected a finite number >= 0\. Received -1\.$/],
      [
        [1, 2, 3],
        /^fit: classWeight: expected weights by class label such as \{0: 1, 1: 5\}\. Received \[1,2,3\]\.$/,
      ],
    ];
    for (const [given, text] of wrong) {
      await expect(model.fit(inputs, labels, {classWeight: given as never})).rejects.toThrow(text);
    }
    const grid = sequential([layers.dense({units: 2, inputShape: [2, 4]})]);
    grid.compile({optimizer: 'sgd', loss: 'meanSquaredError'});
    const target = {data: new Float32Array(rows * 2), shape: [rows / 2, 2, 2]};
    await expect(
      grid.fit({data: inputs, shape: [rows / 2, 2, 4]}, target, {classWeight: {0: 2}}),
    ).rejects.toThrow(
      /^fit: classWeight: each row of y must be of one class\. Received rows of the shape \[2,2\]\.$/,
    );
    // A label for each step is no one-hot row.
    const steps = sequential([layers.dense({units: 3, activation: 'softmax', inputShape: [2, 4]})]);
    steps.compile({optimizer: 'sgd', loss: 'sparseCategoricalCrossentropy'});
    const each = {data: new Int32Array(rows), shape: [rows / 2, 2]};
    await expect(
      steps.fit({data: inputs, shape: [rows / 2, 2, 4]}, each, {classWeight: {0: 2}}),
    ).rejects.toThrow(
      /^fit: classWeight: each row of y must be of one class\. Received rows of the shape \[2\]\.$/,
    );
  });
});
