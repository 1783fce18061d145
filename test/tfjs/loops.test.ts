// Training loops that a program writes itself: 500 steps of each are a few traces in the memory of two steps,
// with the bits of the ops one by one.
import * as tf from '@tensorflow/tfjs-core';
// Registers the gradients.
import '@tensorflow/tfjs-layers';
import {afterEach, beforeEach, describe, expect, test} from 'vitest';
import {pool} from '../../lib/runtime/pool.ts';
import {backendName} from '../../lib/tfjs/index.ts';
import {atOnce, counted} from './counts.ts';

const numbers = (shape: [number, number], seed: number): tf.Tensor2D =>
  tf.randomUniform(shape, -1, 1, 'float32', seed);

interface Parts {
  readonly x: tf.Tensor2D;
  readonly hidden: tf.Variable;
  readonly optimizer: tf.Optimizer;
  readonly loss: () => tf.Scalar;
}

/** A step, and what it reads. */
type Step = (parts: Parts) => Promise<ArrayLike<number>> | ArrayLike<number>;

const nothing: ArrayLike<number> = [];

const loops: Readonly<Record<string, Step>> = {
  minimize: ({optimizer, loss}) => {
    optimizer.minimize(loss);
    return nothing;
  },
  'minimize, which gives the loss': ({optimizer, loss}) => {
    const value = optimizer.minimize(loss, true) as tf.Scalar;
    const [read] = value.dataSync();
    value.dispose();
    return [read as number];
  },
  'variableGrads and applyGradients': async ({optimizer, loss}) => {
    const {value, grads} = tf.variableGrads(loss);
    optimizer.applyGradients(grads);
    const read = await value.data();
    tf.dispose([value, grads]);
    return read;
  },
  'variableGrads in tidy': ({loss}) => {
    tf.tidy(() => {
      const {grads} = tf.variableGrads(loss);
      for (const [name, gradient] of Object.entries(grads)) {
        const variable = tf.engine().registeredVariables[name] as tf.Variable;
        variable.assign(tf.sub(variable, tf.mul(gradient, 0.05)));
      }
    });
    return nothing;
  },
  'a read in the middle': ({x, hidden, optimizer, loss}) => {
    const active = tf.tidy(() => tf.mean(tf.relu(tf.matMul(x, hidden as tf.Tensor2D))).dataSync());
    optimizer.minimize(loss);
    return active;
  },
};

async function train(name: string, steps: number): Promise<unknown> {
  const x = numbers([32, 8], 1);
  const y = tf.sum(x, 1, true);
  const [hidden, out] = tf.tidy(() => [tf.variable(numbers([8, 16], 2)), tf.variable(numbers([16, 1], 3))]);
  const optimizer = tf.train.adam(0.01);
  const predicted = () =>
    tf.matMul(tf.relu(tf.matMul(x, hidden as tf.Tensor2D)), out as unknown as tf.Tensor2D);
  const loss = (): tf.Scalar => tf.losses.meanSquaredError(y, predicted());
  const parts = {x, hidden, optimizer, loss};
  const seen: number[] = [];
  for (let step = 0; step < steps; step++) seen.push(...Array.from(await (loops[name] as Step)(parts)));
  const weights = [hidden, out].map(weight => weight.dataSync());
  tf.dispose([x, y, hidden, out]);
  optimizer.dispose();
  return [seen, weights];
}

describe('500 steps by hand', () => {
  beforeEach(() => tf.setBackend(backendName));
  afterEach(() => tf.disposeVariables());

  test.each(Object.keys(loops))('%s', async name => {
    const [, {compiled, asPlan}] = await counted(() => train(name, 500));
    expect(compiled).toBeLessThanOrEqual(4);
    expect(asPlan).toBeGreaterThan(480);
    const {numTensors, numBytesNative} = tf.memory() as unknown as Record<string, number>;
    const {freeBytes} = pool;
    await train(name, 500);
    expect(tf.memory()).toMatchObject({numTensors, numBytesNative});
    // Two steps have some 30 KB.
    expect(pool.freeBytes - freeBytes).toBeLessThan(2 ** 16);
    expect(await atOnce(() => train(name, 80))).toEqual(await train(name, 80));
  });
});

test('a program that never repeats itself compiles nothing', async () => {
  await tf.setBackend(backendName);
  const count = 64;
  const run = (): number[] =>
    Array.from({length: count}, (_, number) =>
      tf.tidy(() => {
        let x: tf.Tensor = tf.tensor([0.5, -0.25]);
        for (let bit = 0; bit < 7; bit++) x = (number >> bit) & 1 ? tf.tanh(x) : tf.exp(tf.neg(x));
        return tf.sum(x).dataSync()[0] as number;
      }),
    );
  const [results, counts] = await counted(run);
  expect(counts).toMatchObject({compiled: 0, asPlan: 0, opByOp: count});
  expect(await atOnce(run)).toEqual(results);
});
