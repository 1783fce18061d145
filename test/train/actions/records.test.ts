// What forward and gradients record, against the formulas of backpropagation in float64.
import {describe, expect, it} from 'vitest';
import {model as functional, input, layers, sequential, type WeightData} from '../../../lib/index.ts';
import {numbers} from '../../support/plain-networks.ts';

const rows = 5;
const sizes = [4, 6, 3, 2] as const;
const x = numbers(rows * sizes[0], 3);
const y = numbers(rows * sizes[3], 4);

const net = sequential(
  [
    layers.dense({units: sizes[1], activation: 'tanh', inputShape: [sizes[0]]}),
    layers.dense({units: sizes[2], activation: 'sigmoid'}),
    layers.dense({units: sizes[3]}),
  ],
  {seed: 6},
);
net.compile({optimizer: 'sgd', loss: 'meanSquaredError'});

type Matrix = number[][];
const matrix = (data: ArrayLike<number>, columns: number): Matrix =>
  Array.from({length: data.length / columns}, (_, row) =>
    Array.from(data).slice(row * columns, (row + 1) * columns),
  );
const zip = (a: Matrix, b: Matrix, f: (a: number, b: number) => number): Matrix =>
  a.map((row, i) => row.map((value, j) => f(value, b[i]?.[j] as number)));
const map = (a: Matrix, f: (value: number) => number): Matrix => a.map(row => row.map(f));
const times = (a: Matrix, b: Matrix): Matrix =>
  a.map(row =>
    (b[0] as number[]).map((_, j) => row.reduce((sum, value, k) => sum + value * (b[k]?.[j] ?? 0), 0)),
  );
const transposed = (a: Matrix): Matrix => (a[0] as number[]).map((_, j) => a.map(row => row[j] as number));

/** Pre-activations, activations, error signals and the gradient of the inputs, by hand. */
function byHand(weights: readonly WeightData[]) {
  const kernels = [0, 2, 4].map((at, layer) =>
    matrix((weights[at] as WeightData).data, sizes[layer + 1] as number),
  );
  const biases = [1, 3, 5].map(at => [...(weights[at] as WeightData).data]);
  const sigmoid = (v: number): number => 1 / (1 + Math.exp(-v));
  const functions = [Math.tanh, sigmoid, (v: number) => v];
  const derivatives = [(a: number) => 1 - a * a, (a: number) => a * (1 - a), () => 1];
  let a = matrix(x, sizes[0]);
  const z: Matrix[] = [];
  const activations: Matrix[] = [];
  kernels.forEach((kernel, layer) => {
    const sums = times(a, kernel).map(row => row.map((value, j) => value + (biases[layer]?.[j] as number)));
    a = map(sums, functions[layer] as (v: number) => number);
    z.push(sums);
    activations.push(a);
  });
  const errors: Matrix[] = [];
  const scale = 2 / (rows * sizes[3]);
  let delta = map(
    zip(a, matrix(y, sizes[3]), (p, t) => p - t),
    v => v * scale,
  );
  for (let layer = 2; layer >= 0; layer--) {
    delta = zip(
      delta,
      activations[layer] as Matrix,
      (d, v) => d * (derivatives[layer] as (v: number) => number)(v),
    );
    errors.unshift(delta);
    delta = times(delta, transposed(kernels[layer] as Matrix));
  }
  return {z, activations, errors, inputs: delta};
}

function expectClose(actual: {data: Float32Array; shape: readonly number[]}, expected: Matrix): void {
  expect(actual.shape).toEqual([expected.length, expected[0]?.length]);
  expected.flat().forEach((value, at) => {
    expect(actual.data[at]).toBeCloseTo(value, 6);
  });
}

const expected = byHand(net.getWeights());

describe('forward', () => {
  it('gives what predict gives, and every layer on the way', async () => {
    const {output, layers: records} = await net.forward(x, {record: true});
    expect(output).toEqual(await net.predict(x));
    expect(records.map(({name}) => name)).toEqual(['dense', 'dense_1', 'dense_2']);
    records.forEach(({preActivation, activation}, layer) => {
      expectClose(preActivation, expected.z[layer] as Matrix);
      expectClose(activation, expected.activations[layer] as Matrix);
    });
    expect(records[2]?.activation.data).toEqual(output.data);
    const again = await net.forward(x, {record: true});
    expect(again.layers).toEqual(records);
    expect(await net.forward(x)).toEqual({output, layers: []});
  });

  it('takes one sample, and changes with dropout in training by seed', async () => {
    const one = await net.forward(x.slice(0, sizes[0]), {record: true});
    expect(one.output.shape).toEqual([1, sizes[3]]);
    expect(one.output).toEqual(await net.predict(x.slice(0, sizes[0])));
    const dropping = sequential([layers.dropout({rate: 0.5, inputShape: [40]})]);
    const ones = new Float32Array(40).fill(1);
    const dropped = async (options: object) => [...(await dropping.forward(ones, options)).output.data];
    expect(await dropped({})).toEqual([...ones]);
    const seven = await dropped({training: true, seed: 7});
    expect(new Set(seven)).toEqual(new Set([0, 2]));
    expect(await dropped({training: true, seed: 7})).toEqual(seven);
    expect(await dropped({training: true, seed: 8})).not.toEqual(seven);
  });

  it('names layers of nested models by their path, and shared ones at each call', async () => {
    const inner = sequential([layers.dense({units: 2, name: 'a', inputShape: [2]})], {name: 'inner'});
    const shared = layers.dense({units: 2, name: 'shared'});
    const start = input({shape: [2]});
    const once = shared.apply(inner.apply(start));
    const twice = functional({inputs: start, outputs: shared.apply(once)});
    const {layers: records, output} = await twice.forward([[1, 2]], {record: true});
    expect(records.map(({name}) => name)).toEqual(['inner/a', 'inner', 'shared', 'shared']);
    expect(records[3]?.activation).toEqual(output);
    expect(records[2]?.activation).not.toEqual(output);
  });

  it('checks its options', async () => {
    const wrong: [object, RegExp][] = [
      [{record: 1}, /^forward: record: expected true or false\. Received 1\.$/],
      [{training: 'yes'}, /^forward: training: expected true or false\. Received "yes"\.$/],
      [{seed: 0.5}, /^forward: seed: expected an integer/],
      [{recrod: true}, /Did you mean "record"/],
    ];
    for (const [options, text] of wrong) await expect(net.forward(x, options)).rejects.toThrow(text);
    await expect(net.forward([Number.NaN, 0, 0, 0])).rejects.toThrow(/^forward: x holds NaN/);
  });
});

describe('gradients', () => {
  it('with records give the error signal of each layer and the gradient of the inputs', async () => {
    const plain = await net.gradients(x, y);
    const {layers: records, inputs, ...rest} = await net.gradients(x, y, {record: true});
    expect({...rest, layers: [], inputs: undefined}).toEqual(plain);
    records.forEach((record, layer) => {
      expectClose(record.preActivation, expected.z[layer] as Matrix);
      expectClose(record.activation, expected.activations[layer] as Matrix);
      expectClose(record.errorSignal, expected.errors[layer] as Matrix);
    });
    expectClose(inputs as never, expected.inputs);
    // The gradient of a bias is the sum of its error signal.
    const bias = rest.gradients['dense_1/bias']?.data as Float32Array;
    const delta = matrix(records[1]?.errorSignal.data as Float32Array, sizes[2]);
    bias.forEach((value, at) => {
      expect(value).toBeCloseTo(
        delta.reduce((sum, row) => sum + (row[at] as number), 0),
        6,
      );
    });
  });

  it('of a softmax under its cross-entropy: probabilities less the target', async () => {
    const classifier = sequential([layers.dense({units: 3, activation: 'softmax', inputShape: [4]})]);
    classifier.compile({optimizer: 'sgd', loss: 'sparseCategoricalCrossentropy'});
    const labels = Uint8Array.of(0, 1, 2, 1, 0);
    const {
      layers: [record],
    } = await classifier.gradients(x, labels, {record: true});
    const p = matrix(record?.activation.data as Float32Array, 3);
    expectClose(
      record?.errorSignal as never,
      p.map((row, i) => row.map((value, j) => (value - (labels[i] === j ? 1 : 0)) / rows)),
    );
  });

  it('take weights of samples, and check their options', async () => {
    const sampleWeight = Float32Array.of(2, 0, 0, 0, 0);
    const weighted = await net.gradients(x, y, {sampleWeight, record: true});
    const one = await net.gradients(x.slice(0, 4), y.slice(0, 2));
    expect(weighted.loss).toBeCloseTo((one.loss * 2) / rows, 6);
    expect([...(weighted.layers[0]?.errorSignal.data.slice(6) ?? [1])].every(value => value === 0)).toBe(
      true,
    );
    await expect(net.gradients(x, y, {record: 2 as never})).rejects.toThrow(
      /^gradients: record: expected true/,
    );
    await expect(net.gradients(x, y, {training: 2 as never})).rejects.toThrow(
      /^gradients: training: expected/,
    );
  });
});
