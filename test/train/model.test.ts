// What a user can write, and what training promises. The files beside this one go into each subject.
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {describe, expect, it} from 'vitest';
import {
  activations,
  callbacks,
  constraints,
  data,
  getThreads,
  initializers,
  type Logs,
  layers,
  load,
  losses,
  metrics,
  ops,
  optimizers,
  regularizers,
  type Sequential,
  schedules,
  sequential,
  setThreads,
} from '../../lib/index.ts';
import {numbers} from '../support/plain-networks.ts';
import {build, quiet, rows, weightsOf, x, y} from '../support/small-model.ts';

const firstOf = (model: Sequential) => model.getWeights()[0]?.data ?? new Float32Array(0);

/** Two clouds of points, as images and labels of two classes. */
function clouds(count: number, seed: number): {images: Float32Array; labels: Uint8Array} {
  const labels = Uint8Array.from({length: count}, (_, row) => row % 2);
  const noise = numbers(count * 8, seed);
  return {images: noise.map((value, at) => value + (labels[at >> 3] ? 0.7 : -0.7)), labels};
}

describe('the first lines that a user writes', () => {
  it('train, evaluate, predict, save and load', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'chainrule-first-'));
    const {images, labels} = clouds(300, 1);
    const {images: testImages, labels: testLabels} = clouds(100, 2);
    const {signal} = new AbortController();
    let epochs = 0;

    setThreads(getThreads());
    const model = sequential([
      layers.dense({units: 16, activation: 'relu', inputShape: [8]}),
      layers.dense({units: 2, activation: 'softmax'}),
    ]);
    model.compile({
      optimizer: optimizers.adam({learningRate: 1e-2}),
      loss: 'sparseCategoricalCrossentropy',
      metrics: ['accuracy'],
    });
    const {history, epoch} = await model.fit(images, labels, {
      epochs: 5,
      batchSize: 32,
      seed: 7,
      shuffle: true,
      validationData: [testImages, testLabels],
      callbacks: [{onEpochEnd: () => void epochs++}],
      signal,
    });
    expect(epoch).toEqual([0, 1, 2, 3, 4]);
    expect(epochs).toBe(5);
    expect(Object.keys(history)).toEqual(['loss', 'accuracy', 'val_loss', 'val_accuracy']);
    const {loss, accuracy} = await model.evaluate(testImages, testLabels);
    expect([loss, accuracy]).toEqual([history.val_loss?.[4], history.val_accuracy?.[4]]);
    expect(accuracy).toBeGreaterThan(0.9);
    const probabilities = await model.predict(testImages);
    expect(probabilities.shape).toEqual([100, 2]);
    const now = model.predictSync(testImages.subarray(0, 8));
    expect(now).toEqual({data: probabilities.data.slice(0, 2), shape: [1, 2]});
    const {loss: own, gradients} = await model.gradients(testImages, testLabels);
    expect(own).toBeCloseTo(loss as number, 5);
    expect(gradients['dense/kernel']?.shape).toEqual([8, 16]);
    expect(model.getWeights().map(({name, shape}) => [name, shape])).toEqual([
      ['dense/kernel', [8, 16]],
      ['dense/bias', [16]],
      ['dense_1/kernel', [16, 2]],
      ['dense_1/bias', [2]],
    ]);
    await model.save(path.join(folder, 'digits.chainrule'));
    const again = await load(path.join(folder, 'digits.chainrule'));
    expect(await again.predict(testImages)).toEqual(probabilities);
    rmSync(folder, {recursive: true});
  });
});

describe('the namespaces', () => {
  it('are all there, and a string stands for the defaults', () => {
    for (const space of [layers, activations, losses, metrics, optimizers, schedules, initializers]) {
      expect(Object.keys(space).length).toBeGreaterThan(0);
    }
    for (const space of [regularizers, constraints, callbacks, data, ops]) {
      expect(Object.keys(space).length).toBeGreaterThan(0);
    }
    const named = layers.dense({
      units: 2,
      activation: 'tanh',
      kernelInitializer: 'heNormal',
      inputShape: [3],
    });
    const made = layers.dense({
      units: 2,
      activation: activations.tanh(),
      kernelInitializer: initializers.heNormal(),
      inputShape: [3],
    });
    const weights = [named, made].map(layer => weightsOf(sequential([layer], {seed: 3})));
    expect(weights[0]).toEqual(weights[1]);
  });
});

describe('predict', () => {
  it('leaves dropout out, which training does not', async () => {
    const model = sequential([layers.dropout({rate: 0.5, inputShape: [6]}), layers.dense({units: 4})], {
      seed: 2,
    });
    expect((await model.predict(x)).data).toEqual((await model.predict(x)).data);
    model.compile({optimizer: optimizers.sgd({learningRate: 0}), loss: 'meanSquaredError'});
    const targets = {data: new Float32Array(rows * 4), shape: [rows, 4]};
    const {history} = await model.fit(x, targets, {...quiet, epochs: 2});
    expect(history.loss?.[0]).not.toBe(history.loss?.[1]);
    const {loss} = await model.evaluate(x, targets);
    expect(loss).toBe((await model.evaluate(x, targets)).loss);
  });
});

describe('weights', () => {
  it('are copies from getWeights and live in parameters', async () => {
    const model = build();
    const copy = model.getWeights()[0] as {name: string; shape: readonly number[]; data: Float32Array};
    const live = model.parameters[0] as {data: Float32Array};
    expect([copy.name, copy.shape]).toEqual(['dense/kernel', [6, 12]]);
    const before = [...live.data];
    copy.data.fill(9);
    expect([...live.data]).toEqual(before);
    await model.fit(x, y, quiet);
    expect([...live.data]).not.toEqual(before);
    const other = build({}, 8);
    other.setWeights(model.getWeights());
    expect(other.predictSync(x)).toEqual(model.predictSync(x));
    // Moments take memory, and the weights move: a parameter that was asked for before is still live.
    model.compile({optimizer: optimizers.sgd({momentum: 0.5}), loss: 'sparseCategoricalCrossentropy'});
    await model.fit(x, y, quiet);
    expect(live?.data).toEqual(firstOf(model));
  });

  it('are summed up in a table', () => {
    const text = build().summary({print: () => {}});
    expect(text).toMatch(/dense +\[batch,12\] +84/);
    expect(text).toMatch(/136 parameters/);
  });
});

describe('fit', () => {
  it('is decided by its seed alone', async () => {
    const train = async (seed: number, modelSeed = 1) => {
      const model = build({}, modelSeed);
      await model.fit(x, y, {...quiet, epochs: 2, seed});
      return weightsOf(model);
    };
    expect(await train(3)).toEqual(await train(3));
    expect(await train(3)).not.toEqual(await train(4));
    expect(await train(3, 2)).not.toEqual(await train(3));
  });

  it('holds rows back for validation, or takes others', async () => {
    const model = build();
    const {history} = await model.fit(x, y, {...quiet, epochs: 2, validationSplit: 0.2});
    expect(Object.keys(history).sort()).toEqual(['accuracy', 'loss', 'val_accuracy', 'val_loss']);
    const last = {data: x.data.subarray(40 * 6), shape: [10, 6]};
    expect((await model.evaluate(last, y.subarray(40))).loss).toBe(history.val_loss?.[1]);
    const other = await build().fit(x, y, {...quiet, validationData: [last, y.subarray(40)]});
    expect(other.history.val_loss?.length).toBe(1);
  });

  it('calls back in order, with means so far', async () => {
    const calls: string[] = [];
    const losses: number[] = [];
    const model = build();
    const {history} = await model.fit(x, y, {
      ...quiet,
      epochs: 2,
      callbacks: {
        onTrainBegin: () => void calls.push('train'),
        onEpochBegin: epoch => void calls.push(`epoch ${epoch}`),
        onBatchBegin: batch => void calls.push(`batch ${batch}`),
        onBatchEnd: (batch, logs) => {
          calls.push(`end ${batch}`);
          losses.push((logs as Logs).loss as number);
        },
        onEpochEnd: epoch => void calls.push(`epoch end ${epoch}`),
        onTrainEnd: () => void calls.push('train end'),
      },
    });
    const batches = [0, 1, 2, 3].flatMap(batch => [`batch ${batch}`, `end ${batch}`]);
    const epochs = [0, 1].flatMap(epoch => [`epoch ${epoch}`, ...batches, `epoch end ${epoch}`]);
    expect(calls).toEqual(['train', ...epochs, 'train end']);
    expect(losses[3]).toBe(history.loss?.[0]);
  });

  it('follows a schedule, and a rate that is assigned between steps', async () => {
    const halves = schedules.exponentialDecay({initialLearningRate: 0.4, decaySteps: 1, decayRate: 0.5});
    const scheduled = build({optimizer: optimizers.sgd({learningRate: halves})});
    const assigned = build({optimizer: optimizers.sgd({learningRate: 0.4})});
    await scheduled.fit(x, y, {...quiet, epochs: 2, seed: 6});
    let rate = 0.4;
    await assigned.fit(x, y, {
      ...quiet,
      epochs: 2,
      seed: 6,
      callbacks: {
        onBatchEnd: () => {
          rate /= 2;
          assigned.optimizer.learningRate = rate;
        },
      },
    });
    expect(weightsOf(assigned)).toEqual(weightsOf(scheduled));
  });

  it('goes on where the last one ended: two halves are a whole', async () => {
    const [whole, halves] = [build(), build()];
    const all = await whole.fit(x, y, {...quiet, epochs: 4, seed: 3});
    const first = await halves.fit(x, y, {...quiet, epochs: 2, seed: 3});
    const second = await halves.fit(x, y, {...quiet, initialEpoch: 2, epochs: 4, seed: 3});
    expect([...first.epoch, ...second.epoch]).toEqual(all.epoch);
    expect(second.history.loss).toEqual(all.history.loss?.slice(2));
    expect(weightsOf(halves)).toEqual(weightsOf(whole));
    expect(halves.iterations).toBe(16);
    const none = await halves.fit(x, y, {...quiet, initialEpoch: 4, epochs: 4});
    expect(none).toEqual({epoch: [], history: {}});
    expect(weightsOf(halves)).toEqual(weightsOf(whole));
  });

  it('reads rows in an order of its own for each epoch, or as they lie', async () => {
    const orders = async (shuffle: boolean): Promise<string[]> => {
      const model = build({optimizer: optimizers.sgd({learningRate: 0})});
      const losses: string[][] = [[], []];
      await model.fit(x, y, {
        batchSize: 10,
        epochs: 2,
        shuffle,
        callbacks: {
          onBatchEnd: (_, logs) => void losses[Math.floor((model.iterations - 1) / 5)]?.push(`${logs.loss}`),
        },
      });
      return losses.map(all => all.join());
    };
    const [one, two] = await orders(true);
    expect(one).not.toBe(two);
    const [three, four] = await orders(false);
    expect(three).toBe(four);
    expect(three).not.toBe(one);
  });

  it('can be taken step by step', async () => {
    const [whole, single] = [build(), build()];
    await whole.fit(x, y, {verbose: 0, batchSize: 10, shuffle: false});
    for (let first = 0; first < rows; first += 10) {
      const part = {data: x.data.subarray(first * 6, (first + 10) * 6), shape: [10, 6]};
      await single.trainOnBatch(part, y.subarray(first, first + 10));
    }
    expect(weightsOf(single)).toEqual(weightsOf(whole));
  });
});
