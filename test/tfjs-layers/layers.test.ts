// Every class of layers that tfjs-layers registers: those with a counterpart give the same numbers in both
// libraries, in both directions; of all others it is said why there is none.
import {readFileSync} from 'node:fs';
import path from 'node:path';
import * as tf from '@tensorflow/tfjs';
import * as tfl from '@tensorflow/tfjs-layers';
import {beforeAll, describe, expect, test} from 'vitest';
import {layers as own} from '../../lib/index.ts';
import {counterparts, modelClasses, withoutCounterpart} from '../../lib/tfjs-layers/counterparts.ts';
import {fromTfjs, toTfjs} from '../../lib/tfjs-layers/index.ts';
import {made, type Sample, samples} from './samples.ts';

const rows = 3;

/** A model of one layer, and data for it. */
function modelOf({layer, shapes, ids}: Sample): {model: tfl.LayersModel; data: tf.Tensor[]} {
  const inputs = shapes.map(shape => tfl.input({shape}));
  const outputs = layer().apply(inputs.length === 1 ? (inputs[0] as tfl.SymbolicTensor) : inputs);
  const numbers = (shape: number[], seed: number): tf.Tensor =>
    ids === undefined
      ? tf.randomNormal([rows, ...shape], 0, 1, 'float32', seed)
      : tf.floor(tf.randomUniform([rows, ...shape], 0, ids, 'float32', seed));
  const data = shapes.map((shape, index) => numbers(shape, 7 + index));
  return {model: tfl.model({inputs, outputs: outputs as tfl.SymbolicTensor}), data};
}

const predicted = (model: tfl.LayersModel, data: tf.Tensor[]): Float32Array =>
  (model.predict(data.length === 1 ? (data[0] as tf.Tensor) : data) as tf.Tensor).dataSync() as Float32Array;

function expectNear(actual: ArrayLike<number>, wanted: ArrayLike<number>, tolerance = 1e-5): void {
  expect(actual.length).toBe(wanted.length);
  for (let at = 0; at < wanted.length; at++) {
    const error = Math.abs((actual[at] as number) - (wanted[at] as number));
    expect(error, `element ${at}`).toBeLessThanOrEqual(
      tolerance * Math.max(1, Math.abs(wanted[at] as number)),
    );
  }
}

const registered = (): string[] => {
  const {classNameMap} = tf.serialization.SerializationMap.getMap();
  const {Layer} = tfl.layers;
  return Object.keys(classNameMap).filter(name => {
    const [own] = classNameMap[name] as unknown as [{prototype: unknown}];
    return own.prototype instanceof Layer;
  });
};

const cases = counterparts.flatMap(({className}) =>
  (samples[className] ?? []).map((sample, index) => [`${className} ${index}`, sample] as const),
);

beforeAll(() => tf.setBackend('cpu'));

test('every class has a counterpart, or it is said why it has none', () => {
  const known = [...counterparts.map(({className}) => className), ...withoutCounterpart.keys()];
  expect([...known, ...Object.keys(modelClasses)].sort()).toEqual(registered().sort());
});

test('the documentation says the same', () => {
  const page = readFileSync(path.resolve(import.meta.dirname, '../../docs/tfjs.md'), 'utf8');
  const [, table = ''] = page.split('| layer | why |\n| --- | --- |\n');
  const rows = [...table.matchAll(/^\| (\w+) \| (.*) \|$/gm)].map(([, name, why]) => [name, why]);
  expect(rows).toEqual([...withoutCounterpart]);
});

test('every counterpart is a layer here, and has a sample', () => {
  for (const {className, kind} of counterparts) {
    expect(own, className).toHaveProperty(kind);
    expect(samples[className]?.length, className).toBeGreaterThan(0);
  }
});

describe('the same numbers', () => {
  test.each(cases)('%s', async (_, sample) => {
    const {model, data} = modelOf(sample);
    const wanted = predicted(model, data);
    const ours = await fromTfjs(model);
    const inputs = data.map(each => each.arraySync() as number[][]);
    const result = await ours.predict(inputs.length === 1 ? (inputs[0] as number[][]) : inputs);
    expectNear((result as {data: Float32Array}).data, wanted);
    const back = await toTfjs(ours);
    expectNear(predicted(back, data), wanted);
    expect(optionsOf(back)).toEqual(optionsOf(model));
  });
});

/** Classes with weights to train, and a sample that draws nothing at random: the first without a number. */
const trainable = [
  ...['Dense', 'PReLU', 'Conv1D', 'Conv2D', 'Conv3D', 'Conv2DTranspose', 'DepthwiseConv2D 1'],
  ...['SeparableConv2D', 'SimpleRNN', 'LSTM', 'ConvLSTM2D 3', 'GRU', 'SimpleRNNCell', 'LSTMCell', 'GRUCell'],
  ...['StackedRNNCells', 'RNN', 'Bidirectional', 'TimeDistributed', 'Embedding'],
  ...['BatchNormalization', 'LayerNormalization'],
];
/** tfjs has no gradient of the gradient that it is computed by. */
const untrainedInTfjs = 'Conv3DTranspose';

/** Losses of three steps in both libraries, and the models after them. */
async function trainedBoth(sample: Sample) {
  const {model, data} = modelOf(sample);
  const shape = model.outputs[0]?.shape.slice(1) as number[];
  const y = tf.randomUniform([rows, ...shape], -1, 1, 'float32', 3);
  model.compile({optimizer: tf.train.sgd(0.2), loss: 'meanSquaredError'});
  const ours = await fromTfjs(model);
  const x = (data[0] as tf.Tensor).arraySync() as number[][];
  const options = {epochs: 3, batchSize: rows, shuffle: false, verbose: 0} as const;
  const {history: theirs} = await model.fit(data[0] as tf.Tensor, y, options);
  const {history} = await ours.fit(x, y.arraySync() as number[][], options);
  return {model, ours, data, x, losses: history.loss as number[], wanted: theirs.loss as number[]};
}

describe('the same training', () => {
  test('has all classes with weights to train', () => {
    const found = counterparts.filter(({className}) => {
      const [sample] = samples[className] as [Sample];
      return modelOf(sample).model.trainableWeights.length > 0;
    });
    const names = [...trainable.map(name => name.split(' ')[0]), untrainedInTfjs];
    expect(found.map(({className}) => className).sort()).toEqual(names.sort());
  });

  test.each(trainable)('of %s', async name => {
    const [className = '', index = '0'] = name.split(' ');
    const sample = samples[className]?.[Number(index)] as Sample;
    const {model, ours, data, x, losses, wanted} = await trainedBoth(sample);
    expectNear(losses, wanted, 1e-4);
    expect(Math.abs((wanted[2] as number) - (wanted[0] as number))).toBeGreaterThan(5e-4);
    const result = await ours.predict(x);
    expectNear((result as {data: Float32Array}).data, predicted(model, data), 1e-4);
  });
});

describe('training differs as the documentation says', () => {
  test('a constraint holds after each step here', async () => {
    const {model, ours} = await trainedBoth(samples.DepthwiseConv2D?.[0] as Sample);
    const lengths = (kernel: tf.Tensor): number[] => [...kernel.square().sum(0).sqrt().dataSync()];
    const [own, theirs] = [ours.getWeights()[0], model.getWeights()[0] as tf.Tensor];
    const kernel = tf.tensor(own?.data as Float32Array, own?.shape as number[]);
    expectNear(lengths(kernel), lengths(kernel).fill(1));
    expect(Math.max(...lengths(theirs).map(length => Math.abs(length - 1)))).toBeGreaterThan(1e-3);
  });

  test('penalties of recurrent layers count here', async () => {
    const sample = samples.ConvLSTM2D?.[0] as Sample;
    const {model} = modelOf(sample);
    const [kernel, , bias] = model.getWeights() as [tf.Tensor, tf.Tensor, tf.Tensor];
    const penalty = tf.addN([
      kernel.abs().sum().mul(0.1),
      kernel.square().sum().mul(0.2),
      bias.square().sum().mul(0.3),
    ]);
    const shape = model.outputs[0]?.shape.slice(1) as number[];
    const y = tf.zeros([rows, ...shape]);
    const x = tf.randomUniform([rows, ...(sample.shapes[0] as number[])], -1, 1, 'float32', 4);
    model.compile({optimizer: tf.train.sgd(0), loss: 'meanSquaredError'});
    const ours = await fromTfjs(model);
    const theirs = (await model.trainOnBatch(x, y)) as number;
    const [own] = (await ours.fit(x.arraySync() as number[][], y.arraySync() as number[][])).history.loss as [
      number,
    ];
    expectNear([own - theirs], penalty.dataSync(), 1e-4);
  });
});

/** Options of the only layer, but its name, seeds, and where channels are. */
function optionsOf(model: tfl.LayersModel): unknown {
  const config = model.layers.at(-1)?.getConfig() as Record<string, unknown>;
  const text = JSON.stringify(config, (key, value) =>
    /^(name|seed|dataFormat)$/.test(key) ? undefined : value,
  );
  return JSON.parse(text);
}

test.each([...withoutCounterpart])('%s is refused, and it is said why', async (className, why) => {
  const configs: Record<string, () => tfl.layers.Layer> = {
    ConvLSTM2DCell: () => tfl.layers.convLstm2dCell({filters: 2, kernelSize: 2}),
    Resizing: () => tfl.layers.resizing({height: 2, width: 2}),
    CenterCrop: () => tfl.layers.centerCrop({height: 2, width: 2}),
    RandomWidth: () => tfl.layers.randomWidth({factor: 0.1}),
  };
  const layer = configs[className]?.() ?? made(className, {units: 2});
  const model = tfl.sequential();
  model.add(tfl.layers.dense({units: 2, inputShape: [3]}));
  model.layers.push(layer);
  await expect(fromTfjs(model)).rejects.toThrow(`${className} has no counterpart in chainrule: ${why}`);
});
