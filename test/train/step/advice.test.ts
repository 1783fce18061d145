// Losses and metrics that do not go with their output are warned of once; targets that are none are refused.
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {layers, losses, metrics, type Sequential, sequential} from '../../../lib/index.ts';

const said: {message: string; code?: string}[] = [];
const listen = (warning: Error & {code?: string}): void => void said.push(warning);
beforeEach(() => {
  said.length = 0;
  process.on('warning', listen);
});
afterEach(() => void process.off('warning', listen));
const soon = () => new Promise(resolve => setImmediate(resolve));

type Options = Omit<Parameters<Sequential['compile']>[0], 'optimizer'>;

function build(units: number, activation: 'linear' | 'relu' | 'sigmoid' | 'softmax', options: Options) {
  const model = sequential([
    layers.dense({units, activation, inputShape: [2]}),
    layers.reshape({targetShape: [units]}),
  ]);
  model.compile({optimizer: 'sgd', ...options});
  return model;
}

const {binaryFocalCrossentropy, sparseCategoricalCrossentropy} = losses;

describe('compile', () => {
  const wrong: readonly (readonly [number, Parameters<typeof build>[1], Options, RegExp])[] = [
    [1, 'relu', {loss: 'binaryFocalCrossentropy'}, /takes probabilities/],
    [3, 'linear', {loss: 'sparseCategoricalCrossentropy'}, /activation: 'softmax'/],
    [3, 'softmax', {loss: sparseCategoricalCrossentropy({fromLogits: true})}, /is a softmax already/],
    [1, 'sigmoid', {loss: binaryFocalCrossentropy({fromLogits: true})}, /is a sigmoid already/],
    [1, 'softmax', {loss: 'meanSquaredError'}, /softmax of one unit/],
    [1, 'linear', {loss: 'mse', metrics: ['auc']}, /the metric auc/],
    [1, 'sigmoid', {loss: 'mse', metrics: [metrics.auc({fromLogits: true})]}, /the metric auc takes logits/],
  ];
  it.each(wrong)('%s %s %o warns once', async (units, activation, options, text) => {
    const model = build(units, activation, options);
    model.compile({optimizer: 'adam', ...options});
    await soon();
    expect(said).toHaveLength(1);
    expect(said[0]).toMatchObject({code: 'CHAINRULE_OUTPUT', message: expect.stringMatching(text)});
  });

  it('is silent where all goes together, or where it is meant so', async () => {
    build(1, 'linear', {loss: losses.binaryCrossentropy({fromLogits: true}), metrics: ['auc', 'accuracy']});
    build(3, 'sigmoid', {loss: 'categoricalCrossentropy'});
    build(1, 'relu', {loss: 'binaryCrossentropy', warn: false});
    await soon();
    expect(said).toEqual([]);
  });
});

describe('targets', () => {
  const x = [
    [0, 1],
    [1, 0],
  ];
  it('outside 0…1 are refused by row, in every call that reads them', async () => {
    const model = build(1, 'sigmoid', {loss: 'binaryCrossentropy'});
    const before = model.getWeights();
    const error = {code: 'ERR_OUT_OF_RANGE', message: expect.stringMatching(/y holds 1\.5 in row 1/)};
    await expect(model.fit(x, [[1], [1.5]])).rejects.toMatchObject(error);
    await expect(model.evaluate(x, [[1], [1.5]])).rejects.toMatchObject(error);
    await expect(model.trainOnBatch(x, [[1], [1.5]])).rejects.toMatchObject(error);
    expect(model.getWeights()).toEqual(before);
    await model.fit(x, {data: Uint8Array.of(255, 0), shape: [2, 1], scale: 1 / 255});
    await model.fit(x, [[1 + 1e-7], [0.5]]);
  });

  it('that are class numbers name the loss that takes them', async () => {
    const model = build(3, 'softmax', {loss: 'categoricalCrossentropy'});
    const text = /go with sparseCategoricalCrossentropy/;
    for (const y of [[2, 0], [[2], [0]], Uint8Array.of(2, 0)])
      await expect(model.fit(x, y)).rejects.toThrow(text);
    const sparse = build(3, 'softmax', {loss: 'sparseCategoricalCrossentropy'});
    const hot = [
      [0, 0, 1],
      [1, 0, 0],
    ];
    await expect(sparse.fit(x, hot)).rejects.toThrow(/go with categoricalCrossentropy/);
  });
});
