// Options of fit that cannot be, and calls that come at the wrong time: refused, and the model is usable
// afterwards.
import {describe, expect, it} from 'vitest';
import {type Callback, layers, type Sequential, sequential} from '../../../lib/index.ts';
import {failsAndTrainsOn, untyped} from '../../support/refusals.ts';
import {build, quiet, x, y} from '../../support/small-model.ts';

describe('options', () => {
  const refused: readonly (readonly [string, unknown, RegExp])[] = [
    ...[0, 2.5, -1, Number.NaN, '8'].map(
      batchSize =>
        [
          `batchSize ${batchSize}`,
          {batchSize},
          new RegExp(new RegExp(`batchSize: expected an integer.*Received "?${batchSize}"?`)),
        ] as const,
    ),
    ['half an epoch', {epochs: 0.5}, /epochs: expected an integer/],
    ['no boolean', {shuffle: 'no'}, /shuffle: expected true or false/],
    ['no signal', {signal: {}}, /expected an AbortSignal/],
    ['no pair', {validationData: [x]}, /expected \[x, y\]/],
    ['all rows split off', {validationSplit: 0.999}, /leaves one .* empty/],
    ['a name in lower case', {batchsize: 3}, /mean "batchSize"/],
    [
      'a callback with onEpochend',
      callback('onEpochend'),
      /unknown function "onEpochend". Did you mean "onEpochEnd"/,
    ],
    [
      'a callback with onBatchBegins',
      callback('onBatchBegins'),
      /"onBatchBegins". Did you mean "onBatchBegin"/,
    ],
    ['a callback with onTrain', callback('onTrain'), /fit: callbacks: unknown function "onTrain"/],
  ];
  it.each(refused)('%s', async (_, options, message) => {
    const call = (model: Sequential) => model.fit(x, y, {...quiet, ...untyped(options)});
    await failsAndTrainsOn(build(), call, ['ERR_OPTION', message], model => model.fit(x, y, quiet));
  });

  /** With an unknown function beside a known one. */
  function callback(name: string): unknown {
    return {callbacks: {onEpochEnd() {}, [name]() {}}};
  }

  it('a path that is none, of save', async () => {
    const call = (model: Sequential) => model.save(untyped(undefined));
    const error = ['ERR_OPTION', /save: expected a path/] as const;
    await failsAndTrainsOn(build(), call, error, model => model.fit(x, y, quiet));
  });
});

it('a model without a loss cannot be trained', async () => {
  const model = sequential([layers.dense({units: 4, inputShape: [6]})]);
  await expect(model.fit(x, y, quiet)).rejects.toMatchObject({code: 'ERR_NOT_COMPILED'});
});

it('nine rows of ten are kept for validation: 10 · (1 − 0.9) is less than 1', async () => {
  let samples = 0;
  const count: Callback = {
    onTrainBegin(_, context) {
      samples = context.samples;
    },
  };
  const line = sequential([layers.dense({units: 1, inputShape: [2]})]);
  line.compile({optimizer: 'sgd', loss: 'meanSquaredError'});
  const all = {data: new Float32Array(20), shape: [10, 2]};
  await line.fit(all, new Float32Array(10), {validationSplit: 0.9, callbacks: count});
  expect(samples).toBe(1);
});

it('a second writer is refused while a model is in training', async () => {
  const model = build();
  const training = model.fit(x, y, {epochs: 500, batchSize: 4});
  await expect(model.fit(x, y, quiet)).rejects.toMatchObject({code: 'ERR_MODEL_BUSY'});
  await expect(model.trainOnBatch(x, y)).rejects.toMatchObject({code: 'ERR_MODEL_BUSY'});
  expect(() => model.compile({optimizer: 'sgd', loss: 'meanSquaredError'})).toThrow(/in training by fit/);
  await training;
  await model.fit(x, y, quiet);
});
