// Optimizers between tfjs-layers and this library, with what they have kept: training goes on as it would
// have.
import * as tf from '@tensorflow/tfjs';
import * as tfl from '@tensorflow/tfjs-layers';
import {beforeAll, expect, test} from 'vitest';
import type {Model} from '../../lib/index.ts';
import {fromTfjs, toTfjs} from '../../lib/tfjs-layers/index.ts';

beforeAll(() => tf.setBackend('cpu'));

function regression(): tfl.Sequential {
  const seeded = (seed: number) => ({kernelInitializer: tfl.initializers.glorotUniform({seed})});
  return tfl.sequential({
    layers: [
      tfl.layers.dense({units: 6, activation: 'tanh', inputShape: [4], ...seeded(1)}),
      tfl.layers.batchNormalization(),
      tfl.layers.dense({units: 2, ...seeded(2)}),
    ],
  });
}

const numbers = (shape: number[], seed: number): tf.Tensor => tf.randomUniform(shape, -1, 1, 'float32', seed);
const data = () => [numbers([32, 4], 1), numbers([32, 2], 2)] as const;

/** Losses of three epochs more of four steps. */
async function theirLosses(model: tfl.LayersModel): Promise<number[]> {
  const [x, y] = data();
  const {history} = await model.fit(x, y, {epochs: 3, batchSize: 8, shuffle: false, verbose: 0});
  return history.loss as number[];
}

async function ourLosses(model: Model): Promise<number[]> {
  const [x, y] = data().map(tensor => tensor.arraySync() as number[][]) as [number[][], number[][]];
  const {history} = await model.fit(x, y, {epochs: 3, batchSize: 8, shuffle: false});
  return history.loss as number[];
}

function trained(optimizer: tf.Optimizer): tfl.Sequential {
  const model = regression();
  model.compile({optimizer, loss: 'meanSquaredError', metrics: ['mae']});
  return model;
}

const apart = (actual: readonly number[], wanted: readonly number[]): number => {
  expect(actual).toHaveLength(wanted.length);
  return Math.max(...wanted.map((value, at) => Math.abs((actual[at] as number) - value)));
};

const optimizers: Readonly<Record<string, () => tf.Optimizer>> = {
  sgd: () => tf.train.sgd(0.05),
  momentum: () => tf.train.momentum(0.05, 0.9),
  nesterov: () => tf.train.momentum(0.05, 0.8, true),
  adagrad: () => tf.train.adagrad(0.05, 0.2),
  rmsprop: () => tf.train.rmsprop(0.01, 0.8, 0.5, 1e-12),
  centered: () => tf.train.rmsprop(0.01, 0.8, 0.5, 1e-8, true),
  adam: () => tf.train.adam(0.01),
};

test.each(Object.keys(optimizers))('training goes on with %s, here and there again', async name => {
  const optimizer = (optimizers[name] as () => tf.Optimizer)();
  const theirs = trained(optimizer);
  await theirLosses(theirs);
  const ours = await fromTfjs(theirs);
  expect(ours.iterations).toBe(12);
  expect(apart(await ourLosses(ours), await theirLosses(theirs))).toBeLessThanOrEqual(1e-4);
  const back = await toTfjs(ours);
  expect(back.optimizer.getClassName()).toBe(optimizer.getClassName());
  expect(apart(await theirLosses(back), await theirLosses(theirs))).toBeLessThanOrEqual(2e-4);
});

/** A model of these weights, with an optimizer that has kept nothing. */
async function withFresh(model: Model, optimizer: tf.Optimizer): Promise<tfl.LayersModel> {
  const fresh = await toTfjs(model, {compile: false});
  fresh.compile({optimizer, loss: 'meanSquaredError'});
  return fresh;
}

// tfjs's own values are equal for ever, which makes it plain gradient descent: halves tell them apart.
test('Adadelta takes along what it has kept, here and there again', async () => {
  const adadelta = () => tf.train.adadelta(0.1, 0.9, 1e-4);
  const theirs = trained(adadelta());
  await theirLosses(theirs);
  const [steps, ...all] = await theirs.optimizer.getWeights();
  const count = all.length / 2;
  const halves = all.slice(count).map(({name, tensor}) => ({name, tensor: tensor.mul(0.5)}));
  await theirs.optimizer.setWeights([steps as never, ...all.slice(0, count), ...halves]);
  const kept = async (model: tfl.LayersModel): Promise<number[][]> =>
    (await model.optimizer.getWeights()).slice(1).map(({tensor}) => [...tensor.dataSync()]);
  const state = await kept(theirs);
  const ours = await fromTfjs(theirs);
  expect(ours.iterations).toBe(12);
  const slots = ours.optimizer.getWeights();
  const slot = (name: string) =>
    slots.filter(each => each.name.endsWith(name)).map(({data: own}) => [...own]);
  expect([...slot('/v'), ...slot('/delta')]).toEqual(state);
  const back = await toTfjs(ours);
  expect(await kept(back)).toEqual(state);
  expect(back.optimizer.getConfig()).toEqual(theirs.optimizer.getConfig());
  const afresh = await fromTfjs(await withFresh(ours, adadelta()));
  const wanted = await theirLosses(theirs);
  expect(apart(await theirLosses(back), wanted)).toBeLessThanOrEqual(1e-4);
  expect(apart(await ourLosses(ours), wanted)).toBeLessThanOrEqual(3e-3);
  expect(apart(await ourLosses(afresh), wanted)).toBeGreaterThan(1e-2);
});

test('Adamax begins afresh, here and there', async () => {
  const adamax = () => tf.train.adamax(0.02, 0.8, 0.95, 1e-6);
  const theirs = trained(adamax());
  await theirLosses(theirs);
  const ours = await fromTfjs(theirs);
  expect(ours.iterations).toBe(0);
  const back = await toTfjs(ours);
  expect(back.optimizer.getConfig()).toEqual(theirs.optimizer.getConfig());
  const wanted = await theirLosses(await withFresh(ours, adamax()));
  expect(apart(await ourLosses(ours), wanted)).toBeLessThanOrEqual(1e-4);
  expect(apart(await theirLosses(back), wanted)).toBeLessThanOrEqual(1e-4);
  expect(apart(await theirLosses(theirs), wanted)).toBeGreaterThan(1e-2);
});
