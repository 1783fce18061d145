// Traces that differ in their number of rows alone: two numbers of them tell the plan for all others.
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import {afterEach, beforeEach, describe, expect, test} from 'vitest';
import {backendName} from '../../lib/tfjs/index.ts';
import {atOnce, counted} from './counts.ts';

const numbers = (shape: number[], seed: number): tf.Tensor => tf.randomUniform(shape, -1, 1, 'float32', seed);

function network(inputs: number, units: number): tfl.LayersModel {
  const kernelInitializer = (seed: number) => tfl.initializers.glorotUniform({seed});
  const {dense} = tfl.layers;
  return tfl.sequential({
    layers: [
      dense({units, activation: 'relu', inputShape: [inputs], kernelInitializer: kernelInitializer(1)}),
      dense({units: 3, activation: 'softmax', kernelInitializer: kernelInitializer(2)}),
    ],
  });
}

async function fitting(rows: number, batchSize: number, epochs: number): Promise<unknown> {
  const model = network(6, 16);
  const labels = Int32Array.from({length: rows}, (_, row) => (row * 7) % 3);
  const [x, y] = [numbers([rows, 6], 3), tf.oneHot(tf.tensor1d(labels, 'int32'), 3)];
  model.compile({optimizer: tf.train.adam(0.01), loss: 'categoricalCrossentropy', metrics: ['accuracy']});
  const {history} = await model.fit(x, y, {epochs, batchSize, shuffle: false, verbose: 0});
  const weights = model.getWeights().map(weight => weight.dataSync());
  tf.dispose([x, y]);
  model.dispose();
  return [history, weights];
}

/** A step of training by hand on so many rows. */
function stepper(): (rows: number) => number {
  const weight = tf.variable(numbers([5, 4], 1));
  const optimizer = tf.train.sgd(0.1);
  return rows =>
    tf.tidy(() => {
      const [x, y] = [numbers([rows, 5], rows), numbers([rows, 4], rows + 100)];
      const loss = () => tf.losses.meanSquaredError(y, tf.tanh(tf.matMul(x as tf.Tensor2D, weight as never)));
      return optimizer.minimize(loss as () => tf.Scalar, true)?.dataSync()[0] as number;
    });
}

describe('rows', () => {
  beforeEach(() => tf.setBackend(backendName));
  afterEach(() => tf.disposeVariables());

  test('500 steps of fit with a short last batch compile few plans', async () => {
    const [result, {compiled, asPlan}] = await counted(() => fitting(80, 32, 167));
    expect(compiled).toBeLessThanOrEqual(4);
    expect(asPlan).toBeGreaterThan(480);
    expect(await atOnce(() => fitting(80, 32, 167))).toEqual(result);
  });

  test('batches of any size are one trace', async () => {
    const sizes = Array.from({length: 60}, (_, step) => 2 + ((step * 17) % 31));
    const run = () => sizes.map(stepper());
    const [losses, {compiled, opByOp}] = await counted(run);
    // Two numbers of rows tell all, then there is room for more.
    expect(compiled).toBeLessThanOrEqual(8);
    expect(opByOp).toBeLessThan(10);
    expect(await atOnce(run)).toEqual(losses);
    const [again, known] = await counted(run);
    // The trace that also makes the variable.
    expect(known.compiled).toBeLessThanOrEqual(1);
    expect(again).toEqual(losses);
  });

  test('growing batches meet room to spare', async () => {
    const sizes = Array.from({length: 100}, (_, step) => 3 + step);
    const run = () => sizes.map(stepper());
    const [losses, {compiled}] = await counted(run);
    expect(compiled).toBeLessThanOrEqual(14);
    expect(await atOnce(run)).toEqual(losses);
  });

  test('of one row have a plan of their own', async () => {
    const sizes = [8, 8, 5, 5, 1, 1, 1, 3, 1];
    const run = () => sizes.map(stepper());
    const [losses] = await counted(run);
    expect(await atOnce(run)).toEqual(losses);
  });

  test('sizes that are no rows are told from them', async () => {
    // As many units as rows; products of rows by rows; steps of a sequence beside samples.
    const cases: Record<string, (rows: number) => tf.Tensor> = {
      'as many units': rows =>
        tf.relu(tf.matMul(numbers([rows, 8], 1) as tf.Tensor2D, numbers([8, 8], 2) as tf.Tensor2D)),
      'rows by rows': rows => {
        const x = numbers([rows, 4], 1) as tf.Tensor2D;
        return tf.softmax(tf.matMul(tf.mul(x, 2), x, false, true));
      },
      'steps and samples': rows => {
        const x = numbers([rows, 4, 3], 1);
        return tf.sum(tf.transpose(tf.mul(tf.reshape(x, [rows * 4, 3]), 3)), 1);
      },
      'half of them': rows =>
        tf.mean(tf.maxPool(numbers([2, rows, rows, 1], 1) as tf.Tensor4D, 2, 2, 'same')),
      'windows that grow': rows => {
        const x = numbers([1, 9, 9, 2], 1) as tf.Tensor4D;
        return tf.conv2d(x, numbers([(rows % 6) + 1, 2, 2, 3], 2) as tf.Tensor4D, 1, 'same');
      },
      'images that grow': rows => {
        const x = numbers([2, rows, 5, 2], 1) as tf.Tensor4D;
        return tf.conv2d(x, numbers([3, 3, 2, 3], 2) as tf.Tensor4D, 2, 'same');
      },
      'more images': rows => {
        const x = numbers([rows, 6, 5, 2], 1) as tf.Tensor4D;
        return tf.avgPool(tf.conv2d(x, numbers([3, 3, 2, 3], 2) as tf.Tensor4D, 2, 'same'), 2, 1, 'same');
      },
      'every other': rows => tf.stridedSlice(tf.mul(numbers([rows, 3], 1), 2), [0, 0], [rows, 3], [2, 1]),
      'a transform': rows => tf.abs(tf.rfft(numbers([rows, rows], 1))),
      'a mean': rows => tf.mean(tf.square(numbers([rows, 7], 4)), 0),
      'a part': rows => tf.slice(tf.mul(numbers([rows, 7], 4), 2), [1, 0], [rows - 1, 7]),
      'more of them': rows => tf.tile(tf.exp(numbers([rows, 2], 4)), [2, 3]),
      padded: rows =>
        tf.pad(tf.sqrt(tf.abs(numbers([rows, 3], 9))), [
          [1, 2],
          [0, 1],
        ]),
      'a count': rows => tf.div(tf.sum(numbers([rows, 3], 9)), rows),
    };
    for (const [name, body] of Object.entries(cases)) {
      const sizes = [8, 8, 6, 6, 7, 12, 4, 3, 2, 20, 8, 6];
      const run = (): unknown => sizes.map(rows => tf.tidy(() => body(rows).dataSync()));
      const [results] = await counted(run);
      expect(await atOnce(run), name).toEqual(results);
    }
  });
});
