// Spectral normalization in training: from step to step the vector turns to the singular one, whatever layer
// has the kernel, so that its largest singular value becomes 1; and only training turns it.
import {describe, expect, it} from 'vitest';
import {type Layer, layers, optimizers, sequential} from '../../../lib/index.ts';
import {numbers} from '../../support/plain-networks.ts';

/** The largest singular value of a matrix [rows, columns], by as many iterations as it takes. */
function largest(matrix: ArrayLike<number>, columns: number): number {
  const rows = matrix.length / columns;
  const at = (row: number, column: number): number => matrix[row * columns + column] as number;
  let v = Array.from({length: columns}, (_, column) => 1 + column / 7);
  let norm = 0;
  for (let turn = 0; turn < 3000; turn++) {
    const u = Array.from({length: rows}, (_, row) =>
      v.reduce((sum, x, column) => sum + x * at(row, column), 0),
    );
    const next = v.map((_, column) => u.reduce((sum, x, row) => sum + x * at(row, column), 0));
    norm = Math.hypot(...next);
    v = next.map(x => x / norm);
  }
  return Math.sqrt(norm);
}

type Make = (more: object) => Layer;

const cases: readonly (readonly [string, Make, number[]])[] = [
  ['dense', more => layers.dense({units: 3, useBias: false, ...more}), [4]],
  ['conv2d', more => layers.conv2d({filters: 3, kernelSize: 2, useBias: false, ...more}), [2, 2, 2]],
  [
    'depthwiseConv1d',
    more => layers.depthwiseConv1d({kernelSize: 3, depthMultiplier: 2, useBias: false, ...more}),
    [3, 1],
  ],
  ['embedding', more => layers.embedding({inputDim: 5, outputDim: 3, ...more}), [1]],
];

describe.each(cases)('spectralNormalization of %s', (name, make, shape) => {
  const rows = 6;
  const values = numbers(
    shape.reduce((a, b) => a * b, rows),
    3,
  );
  const x = {data: name === 'embedding' ? values.map((_, at) => at % 5) : values, shape: [rows, ...shape]};

  it('divides by the largest singular value, to which training alone turns', async () => {
    const net = sequential([layers.spectralNormalization({layer: make({}), inputShape: shape})], {seed: 3});
    net.compile({optimizer: optimizers.sgd({learningRate: 0}), loss: 'mse'});
    const {data: kernel, shape: sizes} = net.getWeights()[0] as {
      data: Float32Array;
      shape: readonly number[];
    };
    const plain = sequential([make({inputShape: shape})]);
    plain.setWeights([kernel]);
    const {data: wanted} = await plain.predict(x);
    const zeros = {data: new Float32Array(wanted.length), shape: [rows, ...net.outputShape]};
    const before = net.getWeights();
    await net.predict(x);
    await net.evaluate(x, zeros);
    expect(net.getWeights()).toEqual(before);
    for (let step = 0; step < 150; step++) await net.trainOnBatch(x, zeros);
    expect(net.getWeights()[0]?.data).toEqual(kernel);
    const norm = largest(kernel, sizes.at(-1) as number);
    (await net.predict(x)).data.forEach((value, at) => {
      expect(value).toBeCloseTo((wanted[at] as number) / norm, 4);
    });
  });
});

it('spectralNormalization makes and ends masks as its layer does', async () => {
  const table = () => layers.embedding({inputDim: 5, outputDim: 3, maskZero: true});
  const net = sequential([
    layers.spectralNormalization({layer: table(), inputShape: [4]}),
    layers.gru({units: 2}),
  ]);
  // Behind padding the state stays.
  const {data} = await net.predict([
    [1, 2, 0, 0],
    [1, 2, 3, 4],
    [0, 1, 2, 0],
    [0, 0, 0, 0],
  ]);
  expect([...data.slice(4, 6)]).toEqual([...data.slice(0, 2)]);
  expect([...data.slice(2, 4)]).not.toEqual([...data.slice(0, 2)]);
  expect([...data.slice(6)]).toEqual([0, 0]);
  // Its last state alone has no steps, and no mask.
  const last = layers.spectralNormalization({layer: layers.lstm({units: 2})});
  const ended = sequential([layers.masking({inputShape: [3, 2]}), last, layers.dense({units: 1})]);
  expect(ended.outputShape).toEqual([1]);
});
