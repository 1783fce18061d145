// tfjs-data and graph models of tfjs-converter give on this backend what they give on tfjs's cpu backend.
import * as tf from '@tensorflow/tfjs';
import {afterEach, beforeEach, describe, expect, test} from 'vitest';
import {backendName, handedOver, resetHandedOver} from '../../lib/tfjs/index.ts';

const numbers = (shape: number[], seed: number): tf.Tensor => tf.randomUniform(shape, -1, 1, 'float32', seed);

function expectNear(actual: ArrayLike<number>, wanted: ArrayLike<number>, tolerance = 1e-5): void {
  expect(actual.length).toBe(wanted.length);
  for (let at = 0; at < wanted.length; at++) {
    expect(Math.abs((actual[at] as number) - (wanted[at] as number)), `${at}`).toBeLessThanOrEqual(tolerance);
  }
}

/** The same on both backends. */
async function both<Result>(body: () => Promise<Result>): Promise<[Result, Result]> {
  await tf.setBackend(backendName);
  const own = await body();
  await tf.setBackend('cpu');
  return [own, await body()];
}

const text = (word: string) => ({s: Buffer.from(word).toString('base64')});
const integers = (...list: number[]) => ({list: {i: list.map(String)}});
const constants: Readonly<Record<string, number[]>> = {
  kernel: [3, 3, 2, 4],
  ...{scale: [4], shift: [4], mean: [4], variance: [4]},
  ...{dense: [36, 5], bias: [5]},
};
const float = {dtype: {type: 'DT_FLOAT'}};

/** A convolution, batch normalization, pooling, a dense layer; and which of its results are large. */
function graph(): tf.io.ModelArtifacts {
  const window = {strides: integers(1, 2, 2, 1), padding: text('SAME'), data_format: text('NHWC')};
  const moments = ['convolved', 'scale', 'shift', 'mean', 'variance'];
  const node = [
    {
      name: 'x',
      op: 'Placeholder',
      attr: {...float, shape: {shape: {dim: [-1, 6, 6, 2].map(size => ({size}))}}},
    },
    ...Object.keys(constants).map(name => ({name, op: 'Const', attr: float})),
    {name: 'flat', op: 'Const', attr: {dtype: {type: 'DT_INT32'}}},
    {name: 'limit', op: 'Const', attr: float},
    {
      ...{name: 'convolved', op: 'Conv2D', input: ['x', 'kernel']},
      attr: {...window, strides: integers(1, 1, 1, 1), dilations: integers(1, 1, 1, 1)},
    },
    {
      ...{name: 'normal', op: 'FusedBatchNormV3', input: moments},
      attr: {epsilon: {f: 0.001}, is_training: {b: false}, data_format: text('NHWC')},
    },
    {name: 'active', op: 'Relu6', input: ['normal'], attr: {}},
    {name: 'pooled', op: 'MaxPool', input: ['active'], attr: {...window, ksize: integers(1, 2, 2, 1)}},
    {name: 'rows', op: 'Reshape', input: ['pooled', 'flat'], attr: {}},
    {name: 'product', op: 'MatMul', input: ['rows', 'dense'], attr: {}},
    {name: 'sums', op: 'BiasAdd', input: ['product', 'bias'], attr: {}},
    {name: 'shares', op: 'Softmax', input: ['sums'], attr: {}},
    {name: 'isLarge', op: 'Greater', input: ['shares', 'limit'], attr: {}},
    {name: 'places', op: 'Where', input: ['isLarge'], attr: {}},
  ];
  const specs = Object.entries(constants).map(([name, shape]) => ({name, shape, dtype: 'float32' as const}));
  const size = (shape: number[]) => shape.reduce((product, each) => product * each, 1);
  let seed = 0;
  const values = specs.flatMap(({shape}) => {
    // Variances are positive.
    return Array.from({length: size(shape)}, () => 0.05 + (((seed++ * 7919) % 97) / 97) * 0.4 - 0.02);
  });
  const weightData = Buffer.concat([
    Buffer.from(Float32Array.from(values).buffer),
    Buffer.from(Int32Array.from([-1, 36]).buffer),
    Buffer.from(Float32Array.from([0.2]).buffer),
  ]);
  return {
    format: 'graph-model',
    modelTopology: {node, versions: {producer: 1}},
    weightSpecs: [
      ...specs,
      {name: 'flat', shape: [2], dtype: 'int32'},
      {name: 'limit', shape: [], dtype: 'float32'},
    ],
    weightData: weightData.buffer.slice(weightData.byteOffset, weightData.byteOffset + weightData.byteLength),
  } as tf.io.ModelArtifacts;
}

describe('other packages of TensorFlow.js', () => {
  beforeEach(() => tf.setBackend(backendName));
  afterEach(() => tf.setBackend(backendName));

  test('graph models compute the same, also where shapes depend on data', async () => {
    resetHandedOver();
    const run = async () => {
      const model = await tf.loadGraphModel(tf.io.fromMemory(graph()));
      const x = numbers([3, 6, 6, 2], 5);
      const shares = Array.from({length: 3}, () => (model.execute(x, 'shares') as tf.Tensor).dataSync());
      const places = (await model.executeAsync({x}, 'places')) as tf.Tensor;
      const result = {shares, places: await places.array()};
      model.dispose();
      tf.dispose([x, places]);
      return result;
    };
    const [own, wanted] = await both(run);
    for (const [index, shares] of own.shares.entries()) expectNear(shares, wanted.shares[index] as never);
    expect(own.places).toEqual(wanted.places);
    expect((own.places as number[][]).length).toBeGreaterThan(0);
    expect(handedOver()).toEqual([]);
  });

  test('data sets of tfjs-data train to the same losses', async () => {
    const run = async (): Promise<number[]> => {
      const kernelInitializer = tf.initializers.glorotUniform({seed: 3});
      const model = tf.sequential({
        layers: [
          tf.layers.dense({units: 8, activation: 'tanh', inputShape: [4], kernelInitializer}),
          tf.layers.dense({units: 1, kernelInitializer}),
        ],
      });
      model.compile({optimizer: tf.train.adam(0.02), loss: 'meanSquaredError'});
      const rows = Array.from({length: 50}, (_, row) =>
        [1, 2, 3, 4].map(column => Math.sin(row * column) / column),
      );
      const xs = tf.data.array(rows).map(row => tf.tensor1d(row as number[]));
      const ys = tf.data.generator(function* () {
        for (const row of rows) yield tf.tensor1d([row.reduce((sum, each) => sum + each, 0)]);
      });
      const batches = tf.data.zip({xs, ys}).shuffle(16, 'seed').batch(16).prefetch(2);
      const {history} = await model.fitDataset(batches as never, {epochs: 6, verbose: 0});
      model.dispose();
      return history.loss as number[];
    };
    const [own, wanted] = await both(run);
    expectNear(own, wanted, 1e-4);
    expect(own.at(-1)).toBeLessThan(own[0] as number);
  });
});
