// What Keras makes of masks, of states kept from batch to batch, and of convolutional LSTMs.
import {readdirSync, readFileSync} from 'node:fs';
import path from 'node:path';
import {describe, expect, it} from 'vitest';
import {layers, optimizers, type Sequential, sequential} from '../../lib/index.ts';

interface Listed {
  readonly shape: number[];
  readonly values: number[];
}

type Step =
  | {readonly kind: 'reset'}
  | {readonly kind: 'predict'; readonly x: Listed; readonly result: Listed}
  | {readonly kind: 'train'; readonly x: Listed; readonly y: Listed; readonly loss: number};

interface Recorded {
  readonly name: string;
  readonly weights: readonly Listed[];
  readonly steps: readonly Step[];
}

const folder = path.join(import.meta.dirname, 'keras');
const cases = readdirSync(folder).map(
  file => JSON.parse(readFileSync(path.join(folder, file), 'utf8')) as Recorded,
);

/** The networks of record_keras.py. */
const networks: Readonly<Record<string, () => Sequential>> = {
  'mask-stacked': () =>
    sequential([
      layers.embedding({inputDim: 11, outputDim: 4, maskZero: true, inputShape: [7]}),
      layers.lstm({units: 5, returnSequences: true}),
      layers.bidirectional({layer: layers.gru({units: 4, returnSequences: true})}),
      layers.timeDistributed({layer: layers.dense({units: 3, activation: 'tanh'})}),
      layers.simpleRNN({units: 3, returnSequences: true, goBackwards: true}),
      layers.gru({units: 4, resetAfter: false}),
      layers.dense({units: 2}),
    ]),
  'mask-loss': () =>
    sequential([
      layers.masking({inputShape: [5, 3]}),
      layers.bidirectional({layer: layers.lstm({units: 4, returnSequences: true}), mergeMode: 'sum'}),
      layers.gru({units: 4, returnSequences: true}),
      layers.dense({units: 2}),
    ]),
  'mask-zeros': () =>
    sequential([
      layers.masking({inputShape: [5, 3]}),
      layers.bidirectional({layer: layers.lstm({units: 3, returnSequences: true})}),
      layers.bidirectional({layer: layers.gru({units: 3, returnSequences: true}), mergeMode: 'ave'}),
      layers.flatten(),
      layers.dense({units: 2}),
    ]),
  'mask-zero-last': () =>
    sequential([
      layers.masking({inputShape: [4, 2]}),
      layers.lstm({units: 3, returnSequences: true, zeroOutputForMask: true}),
      layers.gru({units: 3, zeroOutputForMask: true}),
    ]),
  'mask-zeros-read': () =>
    sequential([
      layers.masking({inputShape: [4, 2]}),
      layers.rnn({
        cell: layers.gruCell({units: 3}),
        ...{returnSequences: true, goBackwards: true, zeroOutputForMask: true},
      }),
      layers.flatten(),
      layers.dense({units: 2}),
    ]),
  'mask-batch-norm': () =>
    sequential([
      layers.embedding({inputDim: 5, outputDim: 3, maskZero: true, inputShape: [4]}),
      layers.batchNormalization(),
      layers.dense({units: 2}),
    ]),
  'attention-axes': () =>
    sequential([
      layers.multiHeadAttention({numHeads: 2, keyDim: 3, attentionAxes: 2, inputShape: [3, 4, 6]}),
      layers.multiHeadAttention({numHeads: 3, keyDim: 2, valueDim: 4, outputShape: 5}),
      layers.flatten(),
      layers.dense({units: 2}),
    ]),
  stateful: () =>
    sequential([
      layers.lstm({units: 5, stateful: true, returnSequences: true, batchInputShape: [3, 2, 4]}),
      layers.gru({units: 4, stateful: true}),
      layers.dense({units: 1}),
    ]),
  'stateful-masked': () =>
    sequential([
      layers.masking({batchInputShape: [2, 3, 2]}),
      layers.simpleRNN({units: 4, stateful: true, returnSequences: true}),
      layers.lstm({units: 3, stateful: true, returnSequences: true}),
    ]),
  'conv-lstm': () => {
    const windows = {kernelSize: [3, 2], strides: [2, 1], padding: 'same'} as const;
    return sequential([
      layers.convLstm2d({filters: 3, ...windows, returnSequences: true, inputShape: [3, 5, 5, 2]}),
      layers.convLstm2d({
        ...{filters: 2, kernelSize: 2, dilationRate: 2, goBackwards: true, unitForgetBias: false},
      }),
      layers.flatten(),
      layers.dense({units: 2}),
    ]);
  },
  'conv-lstm-stateful': () =>
    sequential([
      layers.convLstm2d({
        ...{filters: 2, kernelSize: 3, padding: 'same', stateful: true, recurrentActivation: 'tanh'},
        batchInputShape: [2, 2, 4, 4, 1],
      }),
    ]),
};

const arrayOf = ({shape, values}: Listed) => ({data: Float32Array.from(values), shape});

async function follow(net: Sequential, step: Step, what: string): Promise<void> {
  if (step.kind === 'reset') {
    net.resetStates();
    return;
  }
  if (step.kind === 'train') {
    const {loss} = await net.trainOnBatch(arrayOf(step.x), arrayOf(step.y));
    expect(Math.abs((loss as number) - step.loss) / step.loss, what).toBeLessThan(2e-5);
    return;
  }
  const {data, shape} = await net.predict(arrayOf(step.x));
  expect(shape, what).toEqual(step.result.shape);
  step.result.values.forEach((value, at) => {
    expect(Math.abs((data[at] as number) - value), `${what}, number ${at}`).toBeLessThan(5e-6);
  });
}

describe('recorded results of Keras', () => {
  it('are of every network', () => {
    expect(cases.map(({name}) => name).sort()).toEqual(Object.keys(networks).sort());
  });

  it.each(cases.map(recorded => [recorded.name, recorded] as const))('%s', async (name, recorded) => {
    const net = (networks[name] as () => Sequential)();
    net.compile({optimizer: optimizers.sgd({learningRate: 0.1}), loss: 'meanSquaredError'});
    net.setWeights(recorded.weights.map(arrayOf));
    for (const [index, step] of recorded.steps.entries()) await follow(net, step, `step ${index}`);
  });
});
