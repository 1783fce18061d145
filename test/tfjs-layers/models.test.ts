// Whole models between tfjs-layers and this library: graphs, nested models, training that goes on.
import * as tf from '@tensorflow/tfjs';
import * as tfl from '@tensorflow/tfjs-layers';
import {beforeAll, describe, expect, test} from 'vitest';
import {
  input,
  layers,
  losses,
  type Model,
  model as makeModel,
  optimizers,
  schedules,
  sequential,
} from '../../lib/index.ts';
import {fromTfjs, toTfjs} from '../../lib/tfjs-layers/index.ts';

beforeAll(() => tf.setBackend('cpu'));

const numbers = (shape: number[], seed: number): tf.Tensor => tf.randomUniform(shape, -1, 1, 'float32', seed);
const nested = (tensor: tf.Tensor): number[][] => tensor.arraySync() as number[][];

function expectNear(actual: ArrayLike<number>, wanted: ArrayLike<number>, tolerance = 1e-5): void {
  expect(actual.length).toBe(wanted.length);
  for (let at = 0; at < wanted.length; at++) {
    expect(Math.abs((actual[at] as number) - (wanted[at] as number)), `${at}`).toBeLessThanOrEqual(tolerance);
  }
}

const flat = (result: unknown): Float32Array => (result as {data: Float32Array}).data;
const values = (result: tf.Tensor | tf.Tensor[], index = 0): Float32Array =>
  [result].flat()[index]?.dataSync() as Float32Array;

/** Two inputs, a layer that is used twice, a nested model, two outputs. */
function graph(): tfl.LayersModel {
  const [a, b] = [tfl.input({shape: [4], name: 'left'}), tfl.input({shape: [4], name: 'right'})];
  const shared = tfl.layers.dense({units: 5, activation: 'relu', name: 'shared/one'});
  const inner = tfl.sequential({
    layers: [
      tfl.layers.dense({units: 6, inputShape: [5], activation: 'tanh'}),
      tfl.layers.batchNormalization({betaInitializer: 'randomNormal'}),
      tfl.layers.dense({units: 3}),
    ],
  });
  const [x, y] = [shared.apply(a), shared.apply(b)] as [tfl.SymbolicTensor, tfl.SymbolicTensor];
  const joined = tfl.layers.concatenate().apply([inner.apply(x), inner.apply(y)] as tfl.SymbolicTensor[]);
  const first = tfl.layers.dense({units: 2, name: 'first'}).apply(joined) as tfl.SymbolicTensor;
  const second = tfl.layers.dense({units: 1, name: 'second'}).apply(joined) as tfl.SymbolicTensor;
  return tfl.model({inputs: [a, b], outputs: [first, second]});
}

describe('graphs', () => {
  test('with shared layers and nested models come over and back', async () => {
    const theirs = graph();
    const data = [numbers([5, 4], 1), numbers([5, 4], 2)];
    const wanted = theirs.predict(data) as tf.Tensor[];
    const ours = await fromTfjs<never>(theirs);
    expect(ours.inputNames).toEqual(['left', 'right']);
    expect(ours.outputNames).toEqual(['first', 'second']);
    expect(ours.countParams()).toBe(theirs.countParams());
    const results = (await ours.predict(data.map(nested))) as unknown as unknown[];
    const back = await toTfjs(ours as unknown as Model);
    const again = back.predict(data) as tf.Tensor[];
    for (const index of [0, 1]) {
      expectNear(flat(results[index]), values(wanted, index));
      expectNear(values(again, index), values(wanted, index));
    }
  });

  test('states of recurrent layers are inputs and outputs', async () => {
    const [x, h, c] = [[4, 3], [5], [5]].map(shape => tfl.input({shape})) as [
      tfl.SymbolicTensor,
      tfl.SymbolicTensor,
      tfl.SymbolicTensor,
    ];
    const layer = tfl.layers.lstm({units: 5, returnSequences: true, returnState: true});
    const outputs = layer.apply([x, h, c]) as tfl.SymbolicTensor[];
    const theirs = tfl.model({inputs: [x, h, c], outputs});
    const data = [numbers([2, 4, 3], 1), numbers([2, 5], 2), numbers([2, 5], 3)];
    const wanted = theirs.predict(data) as tf.Tensor[];
    const ours = await fromTfjs<never>(theirs);
    const results = (await ours.predict(data.map(nested))) as unknown as unknown[];
    for (const index of [0, 1, 2]) expectNear(flat(results[index]), values(wanted, index));
    const again = (await toTfjs(ours as unknown as Model)).predict(data);
    for (const index of [0, 1, 2]) expectNear(values(again, index), values(wanted, index));
  });

  test('a model for each step, and masks, come over and back', async () => {
    const picture = tfl.sequential({
      layers: [
        tfl.layers.conv2d({filters: 3, kernelSize: 2, inputShape: [4, 4, 1]}),
        tfl.layers.batchNormalization({betaInitializer: 'randomNormal'}),
        tfl.layers.flatten(),
      ],
    });
    const frames = tfl.sequential({
      layers: [
        tfl.layers.timeDistributed({layer: picture as tfl.layers.Layer, inputShape: [3, 4, 4, 1]}),
        tfl.layers.gru({units: 4}),
      ],
    });
    const words = tfl.sequential({
      layers: [
        tfl.layers.embedding({inputDim: 6, outputDim: 4, maskZero: true, inputShape: [5]}),
        tfl.layers.lstm({units: 4, returnSequences: true}),
        tfl.layers.lstm({units: 3}),
      ],
    });
    const ids = tf.tensor2d([
      [1, 2, 0, 3, 0],
      [4, 5, 1, 0, 0],
    ]);
    for (const [theirs, data] of [
      [frames, numbers([2, 3, 4, 4, 1], 1)],
      [words, ids],
    ] as const) {
      const wanted = values(theirs.predict(data));
      const ours = await fromTfjs(theirs);
      expectNear(flat(await ours.predict(nested(data))), wanted);
      expectNear(values((await toTfjs(ours)).predict(data)), wanted);
    }
  });

  test.each(['oneHot', 'multiHot', 'count'] as const)('ids encoded as %s go to tfjs', async outputMode => {
    const shape = outputMode === 'oneHot' ? [1] : [4];
    const rows = [
      [2, 2, 1, 5],
      [0, 0, 3, 0],
    ];
    const ids = tf.tensor2d(rows.map(row => row.slice(0, shape[0])));
    const x = input({shape});
    const encoded = layers.categoryEncoding({numTokens: 6, outputMode}).apply(x) as typeof x;
    const graphOfLayers = makeModel({inputs: x, outputs: layers.dense({units: 2}).apply(encoded)});
    const chain = sequential([
      layers.categoryEncoding({numTokens: 6, outputMode, inputShape: shape}),
      layers.dense({units: 2}),
    ]);
    for (const ours of [graphOfLayers, chain] as unknown as Model[]) {
      const theirs = await toTfjs(ours);
      expect(theirs.inputs[0]?.shape).toEqual([null, ...shape]);
      expectNear(values(theirs.predict(ids)), flat(await ours.predict(nested(ids))));
    }
  });

  test('what is hidden within a sequence that is read both ways stays as tfjs has it', async () => {
    const theirs = tfl.sequential({
      layers: [
        tfl.layers.embedding({inputDim: 5, outputDim: 3, maskZero: true, inputLength: 6}),
        tfl.layers.bidirectional({
          layer: tfl.layers.lstm({units: 2, returnSequences: true}) as tfl.RNN,
          mergeMode: 'concat',
        }),
        tfl.layers.flatten(),
      ],
    });
    const ids = [
      [1, 2, 0, 0, 3, 0],
      [0, 0, 4, 1, 1, 0],
    ];
    const wanted = values(theirs.predict(tf.tensor2d(ids)));
    const ours = await fromTfjs(theirs);
    expectNear(flat(await ours.predict(ids)), wanted);
    const back = await toTfjs(ours);
    expectNear(values(back.predict(tf.tensor2d(ids))), wanted);
    const zeros = layers.gru({units: 2, zeroOutputForMask: true, resetAfter: false, inputShape: [4, 3]});
    await expect(toTfjs(sequential([zeros]))).rejects.toThrow(/zeroOutputForMask true: tfjs's GRU/);
  });

  test('a layer that does not train stays so', async () => {
    const theirs = tfl.sequential({
      layers: [tfl.layers.dense({units: 3, inputShape: [2], trainable: false}), tfl.layers.dense({units: 1})],
    });
    const ours = await fromTfjs(theirs);
    expect(ours.layers.map(layer => layer.trainable)).toEqual([false, true]);
    const back = await toTfjs(ours);
    expect(back.trainableWeights).toHaveLength(2);
    theirs.trainable = false;
    expect((await fromTfjs(theirs)).trainable).toBe(false);
  });
});

test('with losses and metrics of several outputs', async () => {
  const theirs = graph();
  theirs.compile({
    optimizer: 'adam',
    loss: {first: 'meanSquaredError', second: 'meanAbsoluteError'},
    metrics: {first: 'mse', second: ['mae']} as never,
  });
  const ours = await fromTfjs<never>(theirs);
  expect(ours.metricsNames).toEqual([
    ...['loss', 'first_loss', 'second_loss'],
    ...['first_meanSquaredError', 'second_meanAbsoluteError'],
  ]);
  const back = await toTfjs(ours as unknown as Model);
  expect(back.loss).toEqual(['meanSquaredError', 'meanAbsoluteError']);
});

describe('what has no counterpart is refused by name', () => {
  const seq = (...given: tfl.layers.Layer[]): tfl.LayersModel => tfl.sequential({layers: given});
  const dense = () => tfl.layers.dense({units: 2, inputShape: [3]});

  test.each([
    ['no model', () => ({}) as tfl.LayersModel, /expected a model of tfjs-layers.*Received/],
    ['no layers', () => tfl.sequential(), /has no inputShape yet/],
    [
      'an encoding',
      () => seq(tfl.layers.categoryEncoding({numTokens: 3, outputMode: 'tfIdf', inputShape: [4]} as never)),
      /outputMode tfIdf: tfjs-layers has no weights for it/,
    ],
    [
      'bilinear interpolation',
      () => seq(tfl.layers.upSampling2d({interpolation: 'bilinear', inputShape: [2, 2, 1]})),
      /interpolation bilinear: tfjs-layers places pixels otherwise/,
    ],
    [
      'channels first',
      () =>
        seq(
          tfl.layers.conv2d({filters: 1, kernelSize: 1, dataFormat: 'channelsFirst', inputShape: [1, 2, 2]}),
        ),
      /channels are the last axis here/,
    ],
  ])('%s', async (_, make, message) => {
    await expect((async () => fromTfjs(make()))()).rejects.toThrow(message);
  });

  test.each([
    [() => ({loss: (a: tf.Tensor) => a, optimizer: 'sgd'}), /loss: .* has no counterpart.*compile: false/],
    [() => ({loss: 'meanSquaredError', optimizer: 'sgd', metrics: ['cosine']}), /metrics: "cosine"/],
    [
      () => ({loss: 'meanSquaredError', optimizer: new tf.AdamaxOptimizer(0.1, 0.9, 0.9, 1e-7, 0.5)}),
      /Adamax with decay/,
    ],
  ])('of compile %#', async (compilation, message) => {
    const theirs = seq(dense());
    theirs.compile(compilation() as never);
    await expect(fromTfjs(theirs)).rejects.toThrow(message);
    expect((await fromTfjs(theirs, {compile: false})).countParams()).toBe(8);
  });

  const small = (...more: ReturnType<typeof layers.dense>[]): Model =>
    sequential([layers.dense({units: 4, inputShape: [4]}), ...more]);

  test.each([
    [
      'a layer',
      () => small(layers.groupNormalization({groups: 2})),
      /groupNormalization has no counterpart in tfjs/,
    ],
    [
      'an option',
      () => small(layers.reLU({negativeSlope: 0.1})),
      /negativeSlope 0.1: tfjs's ReLU has no such option/,
    ],
    [
      'a default',
      () => sequential([layers.gru({units: 2, inputShape: [3, 2]})]),
      /resetAfter null: tfjs's GRU has no such option, where it is always false/,
    ],
    [
      'an activation',
      () => small(layers.dense({units: 1, activation: 'hardSwish'})),
      /activation: "hardSwish" has no/,
    ],
    [
      'the slope',
      () => small(layers.dense({units: 1, activation: 'hardSigmoid'})),
      /"hardSigmoid" has no counterpart/,
    ],
    [
      'a penalty',
      () => small(layers.dense({units: 1, activityRegularizer: 'l2'})),
      /activityRegularizer "l2"/,
    ],
  ])('toTfjs: %s', async (_, make, message) => {
    await expect((async () => toTfjs(make()))()).rejects.toThrow(message);
  });

  test('toTfjs: another layer for the way back', async () => {
    const layer = layers.lstm({units: 2});
    const backwardLayer = layers.lstm({units: 2, goBackwards: true, activation: 'relu'});
    const both = layers.bidirectional({layer, backwardLayer, inputShape: [3, 2]});
    await expect(toTfjs(sequential([both]))).rejects.toThrow(/backwardLayer: it differs from layer/);
  });

  test.each([
    [{optimizer: 'lion', loss: 'mse'}, /the optimizer lion has no counterpart/],
    [{optimizer: optimizers.adam({clipNorm: 1}), loss: 'mse'}, /adam with clipNorm/],
    [
      {
        optimizer: optimizers.sgd({
          learningRate: schedules.cosineDecay({initialLearningRate: 0.1, decaySteps: 9}),
        }),
        loss: 'mse',
      },
      /schedule/,
    ],
    [{optimizer: 'sgd', loss: losses.huber({delta: 2})}, /loss: huber with options/],
    [{optimizer: 'sgd', loss: 'mse', metrics: ['r2']}, /metrics: "r2" has no counterpart/],
  ] as const)('toTfjs: of compile %#', async (compilation, message) => {
    const ours = small();
    ours.compile(compilation as never);
    await expect(toTfjs(ours)).rejects.toThrow(message);
    expect((await toTfjs(ours, {compile: false})).countParams()).toBe(20);
  });

  test('a layer of two models within one', async () => {
    const [x, shared] = [input({shape: [3]}), layers.dense({units: 3})];
    const [a, b] = [1, 2].map(() => makeModel({inputs: x, outputs: shared.apply(x)}));
    const all = makeModel({inputs: x, outputs: layers.add().apply([a?.apply(x), b?.apply(x)] as never)});
    await expect(toTfjs(all)).rejects.toThrow(/dense is part of several models/);
  });
});
