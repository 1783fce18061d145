// Traces that run as plans: while JavaScript goes on, in the memory of what is read no more, and with numbers
// that change from step to step. Always with the bits of the ops one by one.
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import {afterEach, beforeEach, describe, expect, test} from 'vitest';
import {backendName} from '../../lib/tfjs/index.ts';
import {ways} from '../../lib/tfjs/ways.ts';
import {atOnce, counted} from './counts.ts';

const numbers = (shape: number[], seed: number): tf.Tensor => tf.randomUniform(shape, -1, 1, 'float32', seed);

/** The bits of an array: to compare numbers one by one takes seconds. */
const bitsOf = ({buffer, byteOffset, byteLength}: ArrayBufferView): string =>
  Buffer.from(buffer, byteOffset, byteLength).toString('base64');

/** A network of which a step is worth being handed to another thread. */
function wide(): tfl.LayersModel {
  const {dense} = tfl.layers;
  const kernelInitializer = (seed: number) => tfl.initializers.glorotUniform({seed});
  return tfl.sequential({
    layers: [
      dense({units: 256, activation: 'relu', inputShape: [256], kernelInitializer: kernelInitializer(1)}),
      dense({units: 8, activation: 'softmax', kernelInitializer: kernelInitializer(2)}),
    ],
  });
}

const labels = (rows: number): tf.Tensor =>
  tf.oneHot(
    tf.tensor1d(
      Int32Array.from({length: rows}, (_, row) => (row * 5) % 8),
      'int32',
    ),
    8,
  );

async function trainWide(epochs: number): Promise<string[]> {
  const [model, x, y] = [wide(), numbers([256, 256], 3), labels(256)];
  model.compile({optimizer: tf.train.adam(0.01), loss: 'categoricalCrossentropy'});
  await model.fit(x, y, {epochs, batchSize: 64, shuffle: false, verbose: 0, yieldEvery: 'never'});
  const weights = model.getWeights().map(weight => bitsOf(weight.dataSync()));
  model.dispose();
  tf.dispose([x, y]);
  return weights;
}

const usual = {...ways};
const hashes = [
  ['found by a hash each', usual.hashBits],
  ['that have one hash', 0],
] as const;

describe.each(hashes)('traces %s', (_, hashBits) => {
  beforeEach(() => {
    Object.assign(ways, {hashBits});
    return tf.setBackend(backendName);
  });
  afterEach(() => {
    Object.assign(ways, usual);
    tf.disposeVariables();
  });

  test('run while the next is recorded, and new values take the memory of old ones', async () => {
    const [weights, counts] = await counted(() => trainWide(6));
    expect(counts.meanwhile).toBeGreaterThan(10);
    // Of each step: 4 parameters and their 8 moments.
    expect(counts.inPlace).toBeGreaterThan(10 * 12);
    expect(await atOnce(() => trainWide(6))).toEqual(weights);
  });

  test('leave what something else has as it is', async () => {
    const body = async (): Promise<number[]> => {
      const x = numbers([64, 128], 1) as tf.Tensor2D;
      const weight = tf.variable(numbers([128, 128], 2));
      const seen: number[] = [];
      let kept: tf.Tensor = tf.scalar(0);
      let read: Promise<Float32Array> = Promise.resolve(new Float32Array(1));
      for (let step = 0; step < 8; step++) {
        tf.tidy(() => {
          const product = tf.tanh(tf.matMul(x, weight as tf.Tensor2D));
          weight.assign(tf.add(weight, tf.mul(0.01, tf.matMul(x, product as tf.Tensor2D, true))));
        });
        if (step === 4) {
          kept = tf.clone(weight);
          read = weight.data() as Promise<Float32Array>;
        }
      }
      seen.push((await read)[77] as number, kept.dataSync()[77] as number, weight.dataSync()[77] as number);
      expect(seen[0]).toBe(seen[1]);
      expect(seen[0]).not.toBe(seen[2]);
      tf.dispose([x, weight, kept]);
      return seen;
    };
    expect(await body()).toEqual(await atOnce(body));
  });

  test('are no more than a few where numbers change from step to step', async () => {
    const steps: Record<string, (x: tf.Tensor, step: number) => tf.Tensor> = {
      'a number of the program': (x, step) => tf.mul(x, step + 0.5),
      'a value': (x, step) => tf.add(x, tf.fill([4, 8], step / 3)),
      bounds: (x, step) => tf.clipByValue(x, -1 / (step + 1), step / 10),
      'a slope': (x, step) => tf.leakyRelu(x, 0.1 + step / 10),
      'a place': (x, step) => tf.slice(tf.mul(x, 2), [step % 3, step % 5], [2, 4]),
      'an index': (x, step) => tf.gather(x, tf.tensor1d([step % 4], 'int32')),
      'a seed': (x, step) => tf.cast(tf.multinomial(x as tf.Tensor2D, 3, 0.1 + step / 7), 'float32'),
    };
    const x = numbers([4, 8], 5);
    for (const [name, step] of Object.entries(steps)) {
      const run = (): Float32Array[] =>
        Array.from({length: 12}, (_, at) => tf.tidy(() => tf.sum(step(x, at), 0).dataSync() as Float32Array));
      const [results, counts] = await counted(run);
      expect(counts.compiled, name).toBeLessThanOrEqual(3);
      expect(counts.asPlan, name).toBeGreaterThanOrEqual(8);
      expect(await atOnce(run), name).toEqual(results);
    }
    x.dispose();
  });

  test('of lengths that grow are interpreted, and compiled where a length comes again', async () => {
    const generate = (length: number): number[] =>
      tf.tidy(() => {
        let tokens = tf.tensor2d([[0.5, -0.25]]);
        const seen: number[] = [];
        for (let at = 0; at < length; at++) {
          const scores = tf.softmax(tf.matMul(tokens, tokens, false, true));
          const next = tf.slice(tf.matMul(scores, tokens), [at, 0], [1, 2]);
          tokens = tf.concat([tokens, tf.tanh(tf.mul(next, 3))], 0);
          seen.push(next.dataSync()[0] as number);
        }
        return seen;
      });
    const [first, growing] = await counted(() => generate(40));
    // Two of them tell that there is no plan for all lengths.
    expect(growing.compiled).toBeLessThanOrEqual(4);
    const [second] = await counted(() => generate(40));
    const [third, known] = await counted(() => generate(40));
    expect(known.compiled).toBe(0);
    expect(second).toEqual(first);
    expect(third).toEqual(first);
    expect(await atOnce(() => generate(40))).toEqual(first);
  });

  test('have the numbers that an array had when it was given', () => {
    const array = Float32Array.from({length: 9000}, (_, at) => at);
    const x = tf.tensor1d(array);
    const y = tf.mul(x, 2);
    array.fill(7);
    const first = y.dataSync();
    first.fill(9);
    expect(y.dataSync()[8999]).toBe(2 * 8999);
    expect(tf.add(y, 1).dataSync()[1]).toBe(3);
    tf.dispose([x, y]);
  });

  test('of which an operand could not be computed tell why', async () => {
    const table = tf.tensor2d([[1], [2]]);
    for (let round = 0; round < 4; round++) {
      const rows = tf.gather(table, tf.cast(tf.add(tf.tensor1d([0, 1]), 1), 'int32'));
      await Promise.resolve();
      const sum = tf.sum(rows);
      await Promise.resolve();
      expect(() => sum.dataSync()).toThrow(/index 2 is outside 0 to 1/);
      await expect(sum.data()).rejects.toThrow(/index 2 is outside 0 to 1/);
      tf.dispose([rows, sum]);
    }
    table.dispose();
  });

  test('that are pending are waited for where a backend is reset, and their reads are answered', async () => {
    const x = numbers([256, 256], 1) as tf.Tensor2D;
    const square = (): tf.Tensor => tf.tidy(() => tf.matMul(x, tf.matMul(x, x)));
    const expected = square().dataSync();
    square().dispose();
    const reads: Promise<ArrayBufferView>[] = [];
    for (let round = 0; round < 4; round++) {
      const y = square();
      reads.push(y.data());
      y.dispose();
    }
    tf.engine().reset();
    await tf.setBackend(backendName);
    for (const read of await Promise.all(reads)) expect(bitsOf(read)).toBe(bitsOf(expected));
  });
});
