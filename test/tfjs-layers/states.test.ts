// Layers that keep states from batch to batch, between tfjs-layers and this library: also in mid-sequence.
import * as tf from '@tensorflow/tfjs';
import * as tfl from '@tensorflow/tfjs-layers';
import {beforeAll, describe, expect, test} from 'vitest';
import {layers, type Model, sequential} from '../../lib/index.ts';
import {fromTfjs, toTfjs} from '../../lib/tfjs-layers/index.ts';

beforeAll(() => tf.setBackend('cpu'));

const batch = 3;
const numbers = (shape: number[], seed: number): tf.Tensor => tf.randomUniform(shape, -1, 1, 'float32', seed);
const nested = (tensor: tf.Tensor): number[][] => tensor.arraySync() as number[][];
const flat = (result: unknown): Float32Array => (result as {data: Float32Array}).data;
const theirsOf = (model: tfl.LayersModel, x: tf.Tensor): Float32Array =>
  (model.predict(x, {batchSize: batch}) as tf.Tensor).dataSync() as Float32Array;

function expectNear(actual: ArrayLike<number>, wanted: ArrayLike<number>, tolerance = 1e-5): void {
  expect(actual.length).toBe(wanted.length);
  for (let at = 0; at < wanted.length; at++) {
    expect(Math.abs((actual[at] as number) - (wanted[at] as number)), `${at}`).toBeLessThanOrEqual(tolerance);
  }
}

const sequence = {stateful: true, goBackwards: false} as const;

/** Models of one stateful layer, for batches of three. */
const models: Readonly<Record<string, () => tfl.LayersModel>> = {
  simpleRNN: () => of(tfl.layers.simpleRNN({units: 4, ...sequence}), [5, 2]),
  lstm: () => of(tfl.layers.lstm({units: 4, returnSequences: true, ...sequence}), [5, 2]),
  gru: () => of(tfl.layers.gru({units: 4, ...sequence} as never), [5, 2]),
  'stacked cells': () => {
    const cells = [tfl.layers.lstmCell({units: 3}), tfl.layers.lstmCell({units: 3})];
    return of(tfl.layers.rnn({cell: tfl.layers.stackedRNNCells({cells}), ...sequence}), [5, 2]);
  },
  convLstm2d: () =>
    of(tfl.layers.convLstm2d({filters: 2, kernelSize: 2, ...sequence} as never), [2, 4, 3, 1]),
  bidirectional: () => {
    const layer = tfl.layers.lstm({units: 3, ...sequence}) as tfl.RNN;
    return of(tfl.layers.bidirectional({layer, mergeMode: 'concat'}), [5, 2]);
  },
};

function of(layer: tfl.layers.Layer, shape: number[]): tfl.LayersModel {
  const input = tfl.input({batchShape: [batch, ...shape]});
  return tfl.model({inputs: input, outputs: layer.apply(input) as tfl.SymbolicTensor});
}

describe('states go on from batch to batch', () => {
  test.each(Object.keys(models))('of %s, here and there again', async name => {
    const theirs = (models[name] as () => tfl.LayersModel)();
    const shape = theirs.inputs[0]?.shape as number[];
    const x = [1, 2, 3, 4].map(seed => numbers(shape, seed)) as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
    theirsOf(theirs, x[0]);
    // In mid-sequence.
    const ours = await fromTfjs(theirs);
    const second = theirsOf(theirs, x[1]);
    expectNear(flat(await ours.predict(nested(x[1]))), second);
    const back = await toTfjs(ours);
    const third = theirsOf(theirs, x[2]);
    expectNear(flat(await ours.predict(nested(x[2]))), third);
    expectNear(theirsOf(back, x[2]), third);
    for (const model of [theirs, back]) model.resetStates();
    ours.resetStates();
    const anew = theirsOf(theirs, x[3]);
    expectNear(flat(await ours.predict(nested(x[3]))), anew);
    expectNear(theirsOf(back, x[3]), anew);
    tf.dispose(x);
  });
});

test('a chain that is stateful has batches of its size, and goes on training', async () => {
  const theirs = tfl.sequential({
    layers: [
      tfl.layers.lstm({units: 4, stateful: true, batchInputShape: [batch, 4, 2]}),
      tfl.layers.dense({units: 1}),
    ],
  });
  theirs.compile({optimizer: tf.train.sgd(0.1), loss: 'meanSquaredError'});
  const [x, y] = [numbers([4 * batch, 4, 2], 1), numbers([4 * batch, 1], 2)];
  const ours = await fromTfjs(theirs);
  expect(ours.inputs[0]?.batchSize).toBe(batch);
  const options = {epochs: 2, batchSize: batch, shuffle: false, verbose: 0} as const;
  const {history} = await theirs.fit(x, y, options);
  const {history: own} = await ours.fit(nested(x), nested(y), options);
  expectNear(own.loss as number[], history.loss as number[]);
  for (const [index, weight] of ours.getWeights().entries()) {
    expectNear(weight.data, theirs.getWeights()[index]?.dataSync() as Float32Array);
  }
  tf.dispose([x, y]);
});

test('layers of this library that are stateful come over', async () => {
  const ours = sequential([
    layers.gru({units: 3, stateful: true, resetAfter: false, batchInputShape: [batch, 4, 2]}),
    layers.dense({units: 2}),
  ]);
  const [first, second] = [numbers([batch, 4, 2], 1), numbers([batch, 4, 2], 2)];
  await ours.predict(nested(first));
  const theirs = await toTfjs(ours);
  expect(theirs.inputs[0]?.shape).toEqual([batch, 4, 2]);
  expectNear(theirsOf(theirs, second), flat(await ours.predict(nested(second))));
  const states = ours.getLayer(0).getStates();
  expect(states).toMatchObject([{shape: [batch, 3]}]);
  expect(states[0]?.data.some(number => number !== 0)).toBe(true);
  tf.dispose([first, second]);
});

test('states of stacked cells are in the order of each library', async () => {
  const cells = [tfl.layers.lstmCell({units: 3}), tfl.layers.gruCell({units: 3} as never)];
  const layer = tfl.layers.rnn({cell: tfl.layers.stackedRNNCells({cells}), returnState: true});
  const inputs = [[4, 2], [3], [3], [3]].map(shape => tfl.input({shape}));
  const theirs = tfl.model({inputs, outputs: layer.apply(inputs) as tfl.SymbolicTensor[]});
  const data = inputs.map(({shape}, index) => numbers([batch, ...(shape.slice(1) as number[])], index + 1));
  const wanted = (theirs.predict(data) as tf.Tensor[]).map(each => each.dataSync());
  const ours = await fromTfjs<never>(theirs);
  const results = (await ours.predict(data.map(nested))) as unknown as unknown[];
  for (const [index, values] of wanted.entries()) expectNear(flat(results[index]), values as Float32Array);
  const back = (await toTfjs(ours as unknown as Model)).predict(data) as tf.Tensor[];
  for (const [index, values] of wanted.entries()) {
    expectNear(back[index]?.dataSync() as Float32Array, values as Float32Array);
  }
  tf.dispose(data);
});
