// Targets that do not count: in the loss, the gradient, the mean over an epoch; with others beside them.
import {describe, expect, it} from 'vitest';
import {model as functional, input, layers, losses, optimizers, sequential} from '../../../lib/index.ts';
import {labelsOf, nested, numbers} from '../../support/plain-networks.ts';

const rows = 45;
const ignoreClass = 255;
const labels = labelsOf(rows, 3).map((label, row) => (row % 4 === 1 || row > 38 ? ignoreClass : label));
const x = {data: numbers(rows * 2, 4), shape: [rows, 2]};
const loss = losses.sparseCategoricalCrossentropy({ignoreClass});

function build(learningRate = 0) {
  const model = sequential([layers.dense({units: 3, activation: 'softmax', inputShape: [2]})], {seed: 9});
  model.compile({optimizer: optimizers.sgd({learningRate}), loss});
  return model;
}

/** Mean over the rows that count, from the model's predictions. */
async function meanOf(model: ReturnType<typeof build>, weights?: Float32Array): Promise<number> {
  const {data} = await model.predict(x);
  let [sum, count] = [0, 0];
  for (const [row, p] of nested(data, 3).entries()) {
    if (labels[row] === ignoreClass) continue;
    sum -= (weights?.[row] ?? 1) * Math.log(p[labels[row] as number] as number);
    count++;
  }
  return sum / count;
}

describe('an ignored class', () => {
  it('has no part in the loss, whatever the batches', async () => {
    const model = build();
    const wanted = await meanOf(model);
    expect((await model.evaluate(x, labels)).loss).toBeCloseTo(wanted, 6);
    expect((await model.gradients(x, labels)).loss).toBeCloseTo(wanted, 6);
    for (const batchSize of [1, 7, 45]) {
      const {history} = await model.fit(x, labels, {batchSize, verbose: 0});
      expect(history.loss?.[0]).toBeCloseTo(wanted, 6);
    }
    const sampleWeight = Float32Array.from({length: rows}, (_, row) => row % 3);
    const weighted = await meanOf(model, sampleWeight);
    expect((await model.evaluate(x, labels, {sampleWeight})).loss).toBeCloseTo(weighted, 6);
  });

  it('is as if its rows were not there', async () => {
    const kept = [...labels.keys()].filter(row => labels[row] !== ignoreClass);
    const some = {
      data: Float32Array.from(kept.flatMap(row => [...x.data.subarray(2 * row, 2 * row + 2)])),
      shape: [kept.length, 2],
    };
    const someLabels = Uint8Array.from(kept, row => labels[row] as number);
    const [all, few] = [build(0.5), build(0.5)];
    for (let step = 0; step < 5; step++) {
      const a = await all.trainOnBatch(x, labels);
      const b = await few.trainOnBatch(some, someLabels);
      expect(a.loss).toBeCloseTo(b.loss as number, 6);
    }
    const [a, b] = [all.getWeights(), few.getWeights()];
    a.forEach(({data}, at) => {
      data.forEach((value, index) => {
        expect(value).toBeCloseTo(b[at]?.data[index] as number, 6);
      });
    });
  });

  it('gives 0 where nothing counts, and steps that change nothing', async () => {
    const model = build(0.5);
    const before = model.getWeights();
    const none = new Uint8Array(rows).fill(ignoreClass);
    expect(await model.evaluate(x, none)).toEqual({loss: 0});
    expect(await model.trainOnBatch(x, none)).toEqual({loss: 0});
    expect(model.getWeights()).toEqual(before);
  });

  it('may be one of the classes, and a negative number', async () => {
    const model = build();
    model.compile({optimizer: 'sgd', loss: losses.sparseCategoricalCrossentropy({ignoreClass: -1})});
    const [wanted] = [(await meanOf(model)) as number];
    const signed = Int32Array.from(labels, label => (label === ignoreClass ? -1 : label));
    expect((await model.evaluate(x, signed)).loss).toBeCloseTo(wanted, 6);
    model.compile({optimizer: 'sgd', loss: losses.sparseCategoricalCrossentropy({ignoreClass: 0})});
    const zeros = Uint8Array.from(labels, label => (label === ignoreClass ? 0 : label));
    const {data} = await model.predict(x);
    const each = nested(data, 3).flatMap((p, row) =>
      zeros[row] === 0 ? [] : [-Math.log(p[zeros[row] as number] as number)],
    );
    const mean = each.reduce((a, b) => a + b, 0) / each.length;
    expect((await model.evaluate(x, zeros)).loss).toBeCloseTo(mean, 6);
  });

  it('counts in positions of longer samples', async () => {
    const model = sequential([layers.dense({units: 3, activation: 'softmax', inputShape: [5, 2]})], {
      seed: 9,
    });
    model.compile({optimizer: optimizers.sgd({learningRate: 0}), loss});
    const wanted = await meanOf(build());
    const lines = {data: x.data, shape: [9, 5, 2]};
    const targets = {data: labels, shape: [9, 5]};
    expect((await model.evaluate(lines, targets)).loss).toBeCloseTo(wanted, 6);
    const {history} = await model.fit(lines, targets, {batchSize: 4, verbose: 0});
    expect(history.loss?.[0]).toBeCloseTo(wanted, 6);
  });

  it('stands beside another output, whose loss has its own mean', async () => {
    const start = input({shape: [2]});
    const kind = layers.dense({units: 3, activation: 'softmax', name: 'kind'}).apply(start);
    const size = layers.dense({units: 1, name: 'size'}).apply(start);
    const model = functional({inputs: start, outputs: [kind, size]});
    const options = {lossWeights: [0.5, 2], loss: [loss, 'meanAbsoluteError'] as never};
    model.compile({optimizer: optimizers.sgd({learningRate: 0}), ...options});
    const sizes = {data: numbers(rows, 12), shape: [rows, 1]};
    const [p, s] = (await model.predict(x)) as unknown as {data: Float32Array}[];
    let [sum, count, errors] = [0, 0, 0];
    for (const [row, probabilities] of nested(p?.data as Float32Array, 3).entries()) {
      errors += Math.abs((s?.data[row] as number) - (sizes.data[row] as number)) / rows;
      if (labels[row] === ignoreClass) continue;
      sum -= Math.log(probabilities[labels[row] as number] as number);
      count++;
    }
    const check = (logs: Record<string, number | undefined>): void => {
      expect(logs.kind_loss).toBeCloseTo(sum / count, 6);
      expect(logs.size_loss).toBeCloseTo(errors, 6);
      expect(logs.loss).toBeCloseTo((0.5 * sum) / count + 2 * errors, 6);
    };
    check(await model.evaluate(x, [labels, sizes]));
    const {history} = await model.fit(x, [labels, sizes], {batchSize: 8, verbose: 0});
    check(Object.fromEntries(Object.entries(history).map(([name, [first]]) => [name, first])));
  });
});
