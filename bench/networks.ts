// A training step of networks of images and sequences, beside PyTorch and TensorFlow; in turns, the least of
// each.
import {setTimeout as pause} from 'node:timers/promises';
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
import {type BenchOptions, type Figure, type Figures, figuresOf} from './options.ts';
import {PeerProcess} from './peers/process.ts';
import {type PeerSpec, peerSpecs, startOf} from './peers/registry.ts';
import {digits, saveResults} from './report.ts';

interface Workload {
  readonly name: string;
  readonly batch: number;
  readonly shape: readonly number[];
  readonly optimizer: () => Optimizer;
  readonly apply: (x: SymbolicTensor) => SymbolicTensor;
}

/** Keras's first example of its kind. */
function cnn(x: SymbolicTensor): SymbolicTensor {
  const first = layers.conv2d({filters: 32, kernelSize: 3, activation: 'relu'}).apply(x);
  const second = layers.conv2d({filters: 64, kernelSize: 3, activation: 'relu'}).apply(first);
  const flat = layers.flatten().apply(layers.maxPooling2d().apply(second));
  return layers.dense({units: 128, activation: 'relu'}).apply(flat);
}

const relu = (x: SymbolicTensor): SymbolicTensor => layers.reLU().apply(x);
const relu6 = (x: SymbolicTensor): SymbolicTensor => layers.reLU({maxValue: 6}).apply(x);
const pooled = (x: SymbolicTensor): SymbolicTensor => layers.globalAveragePooling2d().apply(x);

function normalizedConv(x: SymbolicTensor, filters: number, kernelSize: number, strides = 1): SymbolicTensor {
  const conv = layers.conv2d({filters, kernelSize, strides, padding: 'same', useBias: false});
  return layers.batchNormalization().apply(conv.apply(x));
}

function residual(x: SymbolicTensor, filters: number, strides: number): SymbolicTensor {
  const inner = normalizedConv(relu(normalizedConv(x, filters, 3, strides)), filters, 3);
  const shortcut = strides === 1 ? x : normalizedConv(x, filters, 1, strides);
  return relu(layers.add().apply([inner, shortcut]));
}

/** ResNet-8. */
function resnet(x: SymbolicTensor): SymbolicTensor {
  const first = relu(normalizedConv(x, 16, 3));
  return pooled(residual(residual(residual(first, 16, 1), 32, 2), 64, 2));
}

function separable(x: SymbolicTensor, filters: number, strides: number): SymbolicTensor {
  const depthwise = layers.depthwiseConv2d({kernelSize: 3, strides, padding: 'same', useBias: false});
  const inner = relu6(layers.batchNormalization().apply(depthwise.apply(x)));
  return relu6(normalizedConv(inner, filters, 1));
}

const mobilenet = (x: SymbolicTensor): SymbolicTensor =>
  pooled(separable(separable(separable(x, 64, 1), 128, 2), 128, 1));

/** A temporal convolutional network: each level reaches twice as far back. */
function temporal(x: SymbolicTensor): SymbolicTensor {
  let y = x;
  for (let level = 0; level < 4; level++) {
    const conv = layers.conv1d({filters: 64, kernelSize: 3, dilationRate: 2 ** level, padding: 'causal'});
    y = relu(layers.layerNormalization({epsilon: 1e-5}).apply(conv.apply(y)));
  }
  return layers.globalAveragePooling1d().apply(y);
}

const momentum = () => optimizers.sgd({learningRate: 0.01, momentum: 0.9});
const workloads: readonly Workload[] = [
  {name: 'cnn-mnist', batch: 64, shape: [28, 28, 1], optimizer: () => optimizers.adam(), apply: cnn},
  {name: 'resnet-cifar', batch: 64, shape: [32, 32, 3], optimizer: momentum, apply: resnet},
  {name: 'mobilenet-block', batch: 64, shape: [32, 32, 32], optimizer: momentum, apply: mobilenet},
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

interface Peer {
  readonly name: string;
  readonly process: PeerProcess;
}

function startPeers({peers, quick, threads}: BenchOptions): Peer[] {
  const scripts = {torch: 'torch_images.py', tensorflow: 'tensorflow_images.py'} as Partial<
    Record<PeerSpec['runtime'], string>
  >;
  return peerSpecs.flatMap(spec => {
    const script = scripts[spec.runtime];
    if (script === undefined || !(peers?.includes(spec.name) ?? !quick)) return [];
    const start = startOf({...spec, script}, threads);
    if (typeof start !== 'string') return [{name: spec.name, process: new PeerProcess(start)}];
    console.log(`${spec.name}: missing: ${start}`);
    return [];
  });
}

type Times = Record<string, number>;

async function timeWorkload(workload: Workload, peers: readonly Peer[], quick: boolean): Promise<Times> {
  const net = build(workload);
  const least: Times = {};
  const note = (name: string, time: number): void => {
    least[name] = Math.min(least[name] ?? Number.POSITIVE_INFINITY, time);
  };
  const steps = quick ? 5 : 20;
  const {name: network, batch} = workload;
  const failed = new Set<string>();
  for (let repeat = 0; repeat < (quick ? 2 : 5); repeat++) {
    note('chainrule', await timeOwn(net, workload, steps));
    for (const {name, process} of peers) {
      if (failed.has(name)) continue;
      // Threads of the one before may still spin.
      await pause(10);
      try {
        note(name, (await process.ask<{microseconds: number}>({network, batch, steps}, 600)).microseconds);
      } catch (error) {
        failed.add(name);
        console.log(`${network}: ${name}: ${error instanceof Error ? error.message : error}`);
      }
    }
  }
  net.dispose();
  return least;
}

export async function bench(options: BenchOptions): Promise<Figures> {
  const {quick, threads, workloads: chosen} = options;
  setThreads(threads);
  const peers = startPeers(options);
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
  const ratio = ({chainrule = 0, ...others}: Times): Figure | undefined => {
    const best = Math.min(...Object.values(others));
    return Number.isFinite(best) ? {value: best / chainrule, note: `${threads} threads`} : undefined;
  };
  const figures = figuresOf(
    Object.fromEntries(Object.entries(steps).map(([name, times]) => [name, ratio(times)])),
  );
  saveResults('networks', {threads, steps, figures});
  return figures;
}
