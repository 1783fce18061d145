// Networks of images and sequences as the bench trains them, and the data that all walk through.
import {
  input,
  layers,
  type Model,
  model,
  type Optimizer,
  optimizers,
  type SymbolicTensor,
} from '../lib/index.ts';
import {cnn, mobileNetBlocks, type Padding, resnet, temporal} from './image-networks.ts';
import {type Batches, type Given, giveWork, type Work, workOf} from './peers/given.ts';

export interface ImageWorkload {
  readonly name: string;
  readonly batch: number;
  readonly shape: readonly number[];
  readonly optimizer: () => Optimizer;
  readonly apply: (x: SymbolicTensor, padding?: Padding) => SymbolicTensor;
}

const momentum = () => optimizers.sgd({learningRate: 0.01, momentum: 0.9});
export const imageWorkloads: readonly ImageWorkload[] = [
  {name: 'cnn-mnist', batch: 64, shape: [28, 28, 1], optimizer: () => optimizers.adam(), apply: cnn},
  {name: 'resnet-cifar', batch: 64, shape: [32, 32, 3], optimizer: momentum, apply: resnet},
  {name: 'mobilenet-block', batch: 64, shape: [32, 32, 32], optimizer: momentum, apply: mobileNetBlocks},
  {name: 'tcn', batch: 32, shape: [256, 64], optimizer: () => optimizers.adam(), apply: temporal},
];

export function build({shape, apply, optimizer}: ImageWorkload, padding?: Padding): Model {
  const x = input({shape: [...shape]});
  const outputs = layers.dense({units: 10, activation: 'softmax'}).apply(apply(x, padding));
  const net = model({inputs: x, outputs});
  net.compile({optimizer: optimizer(), loss: 'sparseCategoricalCrossentropy'});
  return net;
}

export function batchesFor({batch, shape}: ImageWorkload, count: number): Batches {
  const rows = count * batch;
  const length = rows * shape.reduce((size, axis) => size * axis, 1);
  const data = Float32Array.from({length}, (_, at) => ((at * 7919) % 256) / 255);
  const y = Int32Array.from({length: rows}, (_, at) => (at * 31) % 10);
  return {inputs: [{data, shape: [rows, ...shape]}], y: {data: y, shape: [rows]}, batch};
}

/** What all are given, and the work of who pads as Keras and of who pads as PyTorch does. */
export async function giveImageWork(
  workload: ImageWorkload,
  net: Model,
  batches: Batches,
): Promise<{given: Given; keras: Work; torch: Work}> {
  const twin = build(workload, 'alike');
  const weights = net.getWeights().map(({data}) => data);
  twin.setWeights(twin.getWeights().map((own, at) => ({...own, data: weights[at] as Float32Array})));
  try {
    const {given, own} = await giveWork(workload.name, net, batches);
    return {given, keras: own, torch: await workOf(twin, batches)};
  } finally {
    twin.dispose();
  }
}
