// Trainings of tfjs-layers: a trace that was compiled gives the bits of the ops one by one, and both the
// numbers of tfjs's cpu backend.
import * as tf from '@tensorflow/tfjs-core';
import {afterEach, beforeEach, describe, expect, test} from 'vitest';
import {pool} from '../../lib/runtime/pool.ts';
import {backendName, handedOver, resetHandedOver} from '../../lib/tfjs/index.ts';
import {traceCounts} from '../../lib/tfjs/ways.ts';
import {atOnce} from './counts.ts';
import {cases, train} from './models.ts';

const optimizers: Readonly<Record<string, () => tf.Optimizer>> = {
  sgd: () => tf.train.sgd(0.05),
  momentum: () => tf.train.momentum(0.05, 0.9),
  nesterov: () => tf.train.momentum(0.05, 0.9, true),
  adagrad: () => tf.train.adagrad(0.05),
  adadelta: () => tf.train.adadelta(0.5),
  rmsprop: () => tf.train.rmsprop(0.01),
  adam: () => tf.train.adam(0.01),
  adamax: () => tf.train.adamax(0.01),
};

const runs = [
  ...Object.keys(optimizers).map(optimizer => ['perceptron', optimizer] as const),
  ...Object.keys(cases).map(name => [name, 'adam'] as const),
];

describe('training', () => {
  beforeEach(() => tf.setBackend(backendName));
  afterEach(() => tf.setBackend(backendName));

  test.each(runs)('%s with %s', async (name, optimizer) => {
    const make = optimizers[optimizer] as () => tf.Optimizer;
    const before = {...traceCounts};
    const lazy = await train(name, make, 4);
    expect(traceCounts.asPlan).toBeGreaterThan(before.asPlan);
    expect(await atOnce(() => train(name, make, 4))).toEqual(lazy);
    await tf.setBackend('cpu');
    const cpu = await train(name, make, 4);
    for (const [epoch, loss] of lazy.losses.entries())
      expect(loss).toBeCloseTo(cpu.losses[epoch] as number, 4);
    expect(lazy.losses.at(-1)).toBeLessThan(lazy.losses[0] as number);
  });

  test.each(Object.keys(cases))('%s runs on native kernels alone', async name => {
    resetHandedOver();
    await train(name, () => tf.train.adam(0.01), 1);
    expect(handedOver()).toEqual([]);
  });

  test('of 500 steps compiles few traces, and holds the memory of two steps', async () => {
    const before = traceCounts.compiled;
    await train('perceptron', () => tf.train.adamax(0.01), 10);
    const {numTensors, numBytesNative} = tf.memory() as unknown as Record<string, number>;
    const {freeBytes} = pool;
    await train('perceptron', () => tf.train.adamax(0.01), 167);
    expect(traceCounts.compiled - before).toBeLessThanOrEqual(4);
    expect(tf.memory()).toMatchObject({numTensors, numBytesNative});
    expect(pool.freeBytes - freeBytes).toBeLessThan(2 ** 16);
  });

  test('of embeddings knows its indices, and updates them in place', async () => {
    const {model: make, x: makeX, y: makeY, loss} = cases.embedding as (typeof cases)[string];
    const [model, x, y] = [make(), makeX(), makeY()];
    model.compile({optimizer: tf.train.adam(0.01), loss});
    await model.fit(x, y, {epochs: 2, batchSize: 16, shuffle: true, verbose: 0});
    const before = {...traceCounts};
    await model.fit(x, y, {epochs: 4, batchSize: 16, shuffle: true, verbose: 0});
    // 3 parameters and their 6 moments, of 12 steps.
    expect(traceCounts.inPlace - before.inPlace).toBeGreaterThanOrEqual(12 * 9);
    expect(traceCounts.compiled - before.compiled).toBeLessThanOrEqual(2);
    tf.dispose([x, y]);
    model.dispose();
  });

  test('by hand, without ever waiting, has a trace for each step', () => {
    const x = tf.randomUniform([64, 4], -1, 1, 'float32', 1);
    const y = tf.sum(x, 1, true);
    const weights = tf.variable(tf.zeros([4, 1]));
    const optimizer = tf.train.adam(0.05);
    const before = {...traceCounts};
    for (let step = 0; step < 60; step++) {
      optimizer.minimize(() => tf.losses.meanSquaredError(y, tf.matMul(x, weights as tf.Tensor2D)));
    }
    expect(traceCounts.asPlan - before.asPlan).toBeGreaterThan(50);
    expect(traceCounts.compiled - before.compiled).toBeLessThanOrEqual(4);
    for (const weight of weights.dataSync()) expect(weight).toBeCloseTo(1, 1);
    tf.dispose([x, y, weights]);
    optimizer.dispose();
  });

  test('that reads in the middle of a step, and in tidy, has the same numbers', async () => {
    const loop = async (): Promise<number[]> => {
      const weights = tf.variable(tf.tensor([0.5, -0.25, 0.125]));
      const seen: number[] = [];
      for (let step = 0; step < 6; step++) {
        const {value, grads} = tf.variableGrads(() => {
          const squares = tf.square(tf.sub(weights, [1, 2, 3]));
          seen.push(squares.dataSync()[step % 3] as number);
          return tf.sum(squares) as tf.Scalar;
        });
        const gradient = Object.values(grads)[0] as tf.Tensor;
        tf.tidy(() => weights.assign(tf.sub(weights, tf.mul(gradient, 0.1))));
        seen.push(...(await value.data()), ...gradient.dataSync());
        tf.dispose([value, grads]);
      }
      seen.push(...weights.dataSync());
      weights.dispose();
      return seen;
    };
    expect(await atOnce(loop)).toEqual(await loop());
  });

  test('an index that is computed, and out of range, is told by who reads the result', async () => {
    const table = tf.tensor2d([[1], [2]]);
    const index = tf.cast(tf.add(tf.tensor1d([0, 1]), 1), 'int32');
    const rows = tf.gather(table, index);
    const sum = tf.sum(rows);
    expect(() => sum.dataSync()).toThrow(/gather.*index 2 is outside 0 to 1/);
    await expect(rows.data()).rejects.toThrow(/index 2 is outside 0 to 1/);
    const fine = tf.add(table, 1);
    expect([...fine.dataSync()]).toEqual([2, 3]);
    tf.dispose([table, index, rows, sum, fine]);
  });
});
