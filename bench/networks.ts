// A training step of networks of images and sequences, beside PyTorch and TensorFlow.
import {
  input,
  layers,
  type Model,
  model,
  type Optimizer,
  optimizers,
  type SymbolicTensor,
  setThreads,
} from '../lib/index.ts';
import {table} from '../scripts/table.ts';
import {cnn, mobileNetBlocks, resnet, temporal} from './image-networks.ts';
import {type BenchOptions, type Figures, figuresOf} from './options.ts';
import {bestOfOthers, type Peer, startPeers, type Times, timeInTurns} from './peers/turns.ts';
import {digits, saveResults} from './report.ts';

interface Workload {
  readonly name: string;
  readonly batch: number;
  readonly shape: readonly number[];
  readonly optimizer: () => Optimizer;
  readonly apply: (x: SymbolicTensor) => SymbolicTensor;
}

const momentum = () => optimizers.sgd({learningRate: 0.01, momentum: 0.9});
const workloads: readonly Workload[] = [
  {name: 'cnn-mnist', batch: 64, shape: [28, 28, 1], optimizer: () => optimizers.adam(), apply: cnn},
  {name: 'resnet-cifar', batch: 64, shape: [32, 32, 3], optimizer: momentum, apply: resnet},
  {name: 'mobilenet-block', batch: 64, shape: [32, 32, 32], optimizer: momentum, apply: mobileNetBlocks},
  {name: 'tcn', batch: 32, shape: [256, 64], optimizer: () => optimizers.adam(), apply: temporal},
];

function build({shape, apply, optimizer}: Workload): Model {
  const x = input({shape: [...shape]});
  const net = model({inputs: x, outputs: layers.dense({units: 10, activation: 'softmax'}).apply(apply(x))});
  net.compile({optimizer: optimizer(), loss: 'sparseCategoricalCrossentropy'});
  return net;
}

/** Microseconds of a step of `steps` in a row. */
async function timeOwn(net: Model, {batch, shape}: Workload, steps: number): Promise<number> {
  const rows = steps * batch;
  const length = rows * shape.reduce((size, axis) => size * axis, 1);
  const data = Float32Array.from({length}, (_, at) => ((at * 7919) % 256) / 255);
  const y = Int32Array.from({length: rows}, (_, at) => (at * 31) % 10);
  const x = {data, shape: [rows, ...shape]};
  await net.fit(x, y, {batchSize: batch, epochs: 1, shuffle: false, verbose: 0});
  const started = performance.now();
  await net.fit(x, y, {batchSize: batch, epochs: 1, shuffle: false, verbose: 0});
  return ((performance.now() - started) / steps) * 1000;
}

async function timeWorkload(workload: Workload, peers: readonly Peer[], quick: boolean): Promise<Times> {
  const net = build(workload);
  const steps = quick ? 5 : 20;
  const {name, batch} = workload;
  try {
    return await timeInTurns({
      name,
      own: {chainrule: () => timeOwn(net, workload, steps)},
      peers,
      request: {network: name, batch, steps},
      rounds: quick ? 2 : 5,
    });
  } finally {
    net.dispose();
  }
}

const scripts = {torch: 'torch_images.py', tensorflow: 'tensorflow_images.py'};

export async function bench(options: BenchOptions): Promise<Figures> {
  const {quick, threads, workloads: chosen} = options;
  setThreads(threads);
  const peers = startPeers(options, scripts);
  const steps: Record<string, Times> = {};
  try {
    for (const workload of workloads.filter(({name}) => chosen?.includes(name) ?? true)) {
      steps[workload.name] = await timeWorkload(workload, peers, quick);
    }
  } finally {
    for (const {process} of peers) process.stop();
  }
  const names = ['chainrule', ...peers.map(({name}) => name)];
  console.log('µs of a step');
  console.log(
    table([
      ['', ...names],
      ...Object.entries(steps).map(([name, times]) => [
        name,
        ...names.map(own => (times[own] === undefined ? '' : digits(times[own] as number))),
      ]),
    ]),
  );
  const figures = figuresOf(
    Object.fromEntries(Object.entries(steps).map(([name, times]) => [name, bestOfOthers(times)])),
  );
  saveResults('networks', {threads, steps, figures});
  return figures;
}
