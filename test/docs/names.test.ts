// The pages for users of Keras and TensorFlow.js are those that the table makes, and all names on them exist.
import fs from 'node:fs';
import path from 'node:path';
import * as tf from '@tensorflow/tfjs';
import {describe, expect, it} from 'vitest';
import {lossAliases, metricAliases} from '../../lib/core/familiar.ts';
import * as chainrule from '../../lib/index.ts';
import {familiar} from '../../scripts/familiar.ts';
import {makePages} from '../../scripts/names.ts';

const {callbacks, Dataset, layers, losses, metrics, optimizers, sequential} = chainrule;
const model = sequential([layers.dense({units: 1, inputShape: [1]})]);
model.compile({optimizer: 'adam', loss: 'mse'});
const subjects: Record<string, object> = {
  model,
  layer: model.getLayer(0),
  optimizer: model.optimizer,
  dataset: Dataset.fromArrays([1]),
};

it('npm run names would change nothing', () => {
  for (const [name, text] of makePages()) {
    expect(fs.readFileSync(path.resolve(import.meta.dirname, '../../docs', name), 'utf8'), name).toBe(text);
  }
});

it.each(familiar.map(({here}) => here))('%s exists', here => {
  const [first = '', second] = here.split('.');
  const owner = second === undefined ? chainrule : (subjects[first] ?? (chainrule as never)[first]);
  expect(second ?? first in (owner as object)).toBeTruthy();
  expect((second ?? first) in (owner as object)).toBe(true);
});

it.each(familiar.flatMap(({tfjs = ''}) => tfjs.split(', ')).filter(name => name.startsWith('tf.')))(
  '%s is a name of TensorFlow.js',
  name => {
    const path = name.slice('tf.'.length).split('.');
    const found = path.reduce<unknown>((owner, part) => (owner as Record<string, unknown>)?.[part], tf);
    expect(found).toBeTypeOf('function');
  },
);

it('every topic has rows on both pages', () => {
  for (const library of ['keras', 'tfjs'] as const) {
    const topics = familiar.filter(row => row[library] !== undefined).map(({topic}) => topic);
    expect(new Set(topics)).toEqual(new Set(familiar.map(({topic}) => topic)));
  }
});

describe('aliases', () => {
  it.each(Object.entries(lossAliases))('loss %s is %s', (alias, name) => {
    expect(losses).toHaveProperty(name);
    model.compile({optimizer: 'adam', loss: alias as 'mse'});
  });

  it.each(Object.entries(metricAliases))('metric %s is %s', (alias, name) => {
    expect(metrics).toHaveProperty(name);
    model.compile({optimizer: 'adam', loss: 'mse', metrics: [alias as 'mse']});
  });

  it.each([
    [() => optimizers.adam({lr: 0.1} as never), 'learningRate'],
    [() => layers.dense({units: 1, inputDim: 4} as never), 'inputShape'],
    [() => layers.dense({units: 1, input_dim: 4} as never), 'inputShape'],
    [() => layers.dense({units: 1, input_shape: [4]} as never), 'inputShape'],
    [() => layers.leakyReLU({alpha: 0.1} as never), 'negativeSlope'],
    [() => optimizers.sgd({decay: 0.1} as never), 'weightDecay'],
    [() => model.fit([1], [1], {nb_epoch: 3} as never), 'epochs'],
    [() => callbacks.earlyStopping({min_delta: 1} as never), 'minDelta'],
    [() => callbacks.reduceLROnPlateau({min_lr: 1} as never), 'minLearningRate'],
    [() => metrics.precision({thresholds: [0.5]} as never), 'threshold'],
  ])('an error suggests ours: %s → %s', async (use, ours) => {
    await expect((async () => use())()).rejects.toThrow(`Did you mean "${ours}"?`);
  });

  it.each([
    [() => layers.dropout({rate: 0.1, seed: 3} as never), 'seed of the model'],
    [() => layers.lstm({units: 1, unroll: true} as never), 'compiled as one'],
    [() => layers.lstm({units: 1, use_cudnn: true} as never), 'fastest way'],
    [() => model.evaluate([1], [1], {batchSize: 3} as never), 'which changes no result'],
    [() => model.predict([1], {batch_size: 3} as never), 'which changes no result'],
    [() => model.evaluate([1], [1], {verbose: 0} as never), 'nothing else prints'],
    [() => metrics.meanIoU({num_classes: 3} as never), 'follows from the output'],
    [() => model.compile({optimizer: 'adam', loss: 'mse', jit_compile: true} as never), 'are compiled'],
  ])('an error says what stands for an option: %s → %s', async (use, why) => {
    await expect((async () => use())()).rejects.toThrow(why);
  });
});

it.each([
  ['sparseCategoricalCrossentropy', 3, [0, 2]],
  [
    'categoricalCrossentropy',
    3,
    [
      [1, 0, 0],
      [0, 0, 1],
    ],
  ],
  ['binaryCrossentropy', 1, [[1], [0]]],
] as const)('the metric crossentropy is the loss %s', async (loss, units, targets) => {
  const net = sequential([
    layers.dense({units, activation: units === 1 ? 'sigmoid' : 'softmax', inputShape: [1]}),
  ]);
  net.compile({optimizer: 'sgd', loss, metrics: ['crossentropy']});
  const {loss: value, crossentropy} = await net.evaluate([[1], [2]], targets as never);
  expect(crossentropy).toBeCloseTo(value as number, 6);
});
