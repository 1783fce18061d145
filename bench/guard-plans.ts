// Plans whose instructions `npm run guard` counts: a training step of each kind of kernel, and a prediction.
import {layers, type Sequential, sequential} from '../lib/index.ts';
import {record} from './record.ts';

export interface GuardPlan {
  readonly name: string;
  /** Of each run: enough that its start does not count, few enough that counting takes seconds. */
  readonly steps: number;
  readonly rows: number;
  /** Runs what is recorded. */
  run(): Promise<unknown>;
}

/** A run of the plan as a file that `replay` repeats. */
export async function recordPlan({name, steps, rows, run}: GuardPlan): Promise<string> {
  return (await record(name, {steps, rows}, run)).file;
}

type Layers = Parameters<typeof sequential>[0];

function train(name: string, steps: number, rows: number, make: () => Layers): GuardPlan {
  const run = (): Promise<unknown> => {
    const net: Sequential = sequential(make());
    net.compile({optimizer: 'adam', loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy']});
    const shape = [rows, ...(net.inputShape as readonly number[])];
    const data = new Float32Array(shape.reduce((size, axis) => size * axis, 1)).fill(1);
    return net.trainOnBatch({data, shape}, new Uint8Array(rows));
  };
  return {name, steps, rows, run};
}

const classes = () => layers.dense({units: 3, activation: 'softmax'});

function perceptron(sizes: readonly number[]): Layers {
  const units = sizes.slice(1);
  return units.map((count, index) =>
    layers.dense({
      units: count,
      activation: index === units.length - 1 ? 'softmax' : 'relu',
      ...(index === 0 && {inputShape: [sizes[0] as number]}),
    }),
  );
}

/** Direct sums, products of Winograd's, a stride; normalized, pooled. */
const convolutions = (): Layers => [
  layers.conv2d({filters: 16, kernelSize: 3, activation: 'relu', inputShape: [16, 16, 3]}),
  layers.conv2d({filters: 32, kernelSize: 3, padding: 'same'}),
  layers.batchNormalization(),
  layers.reLU(),
  layers.conv2d({filters: 32, kernelSize: 3, strides: 2, padding: 'same', useBias: false}),
  layers.maxPooling2d(),
  layers.flatten(),
  classes(),
];

const depthwise = (): Layers => [
  layers.depthwiseConv2d({kernelSize: 3, padding: 'same', useBias: false, inputShape: [14, 14, 40]}),
  layers.batchNormalization(),
  layers.reLU({maxValue: 6}),
  layers.depthwiseConv2d({kernelSize: 3, strides: 2, padding: 'same'}),
  layers.globalAveragePooling2d(),
  classes(),
];

/** Longer than a block of keys. */
const attention = (): Layers => [
  layers.transformerDecoder({intermediateDim: 32, numHeads: 2, normalizeFirst: true, inputShape: [70, 32]}),
  layers.globalAveragePooling1d(),
  classes(),
];

const sparseTable = (): Layers => [
  layers.embedding({inputDim: 2000, outputDim: 24, sparse: true, inputShape: [8]}),
  layers.flatten(),
  classes(),
];

function predict(name: string, steps: number, sizes: readonly number[]): GuardPlan {
  const data = new Float32Array(sizes[0] as number).fill(0.5);
  const run = async (): Promise<unknown> => sequential(perceptron(sizes)).predictSync(data);
  return {name, steps, rows: 1, run};
}

export const guardPlans: readonly GuardPlan[] = [
  train('mlp-tiny step', 50, 32, () => perceptron([4, 16, 3])),
  train('mlp-mnist step', 1, 128, () => perceptron([784, 128, 10])),
  train('odd sizes step', 4, 37, () => perceptron([50, 211, 97, 6])),
  predict('predict one row', 100, [784, 128, 10]),
  train('convolutions step', 1, 4, convolutions),
  train('depthwise step', 1, 4, depthwise),
  train('lstm step', 1, 20, () => [layers.lstm({units: 40, inputShape: [12, 10]}), classes()]),
  train('attention step', 1, 3, attention),
  train('sparse table step', 4, 32, sparseTable),
];
