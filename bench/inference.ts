// One image through a network, beside onnxruntime-node on the same weights, with one thread and with all: of
// each the least, in turns. Batch normalizations are folded, as onnxruntime folds its own.
import {setTimeout as pause} from 'node:timers/promises';
import {foldBatchNormalization, input, layers, type Model, model, setThreads} from '../lib/index.ts';
import {table} from '../scripts/table.ts';
import {cnn, mobileNet} from './image-networks.ts';
import {type BenchOptions, type Figure, type Figures, figuresOf} from './options.ts';
import {loadOnnx, startOnnx} from './peers/onnx-peer.ts';
import type {PeerProcess} from './peers/process.ts';
import {bestOfOthers, type Times} from './peers/turns.ts';
import {digits, saveResults} from './report.ts';

interface Network {
  readonly name: string;
  readonly shape: readonly number[];
  readonly make: (shape: readonly number[]) => Model;
}

function cnnMnist(shape: readonly number[]): Model {
  const x = input({shape: [...shape]});
  return model({inputs: x, outputs: layers.dense({units: 10, activation: 'softmax'}).apply(cnn(x))});
}

function smallMobileNet(shape: readonly number[]): Model {
  const x = input({shape: [...shape]});
  const last = layers.dense({units: 1000, activation: 'softmax'});
  return model({inputs: x, outputs: last.apply(mobileNet(x, 0.25))});
}

const networks: readonly Network[] = [
  {name: 'cnn-mnist', shape: [28, 28, 1], make: cnnMnist},
  {name: 'mobilenet', shape: [96, 96, 3], make: smallMobileNet},
];

/** Weights by which signals neither vanish nor grow, so that what peers predict can be compared. */
function fill(net: Model): void {
  let state = 1;
  const uniform = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return state / 2 ** 31;
  };
  net.setWeights(
    net.getWeights().map(({name, shape, data}) => {
      const [height = 1, width = 1, channels = 1] = shape.length === 4 ? shape : [1, 1, shape[0]];
      const isKernel = shape.length > 1;
      // Of a depthwise kernel, each output is the sum of one channel.
      const sums = height * width * (shape.at(-1) === 1 ? 1 : channels);
      const scale = isKernel ? Math.sqrt(6 / sums) : 0.1;
      return {name, shape, data: data.map(before => (isKernel ? 0 : before) + scale * uniform())};
    }),
  );
}

interface Peer {
  readonly name: string;
  readonly process: PeerProcess;
}

function startAll(options: BenchOptions): Peer[] {
  const counts = options.threads > 1 ? [1, options.threads] : [1];
  return counts.flatMap(threads => {
    const process = startOnnx(options, threads);
    return process ? [{name: `onnxruntime, ${threads}`, process}] : [];
  });
}

/** Microseconds of a call, of as many as fit into so many seconds: as onnxruntime's process counts them. */
async function timeCalls(seconds: number, call: () => object): Promise<number> {
  let [calls, taken] = [0, 0];
  const started = performance.now();
  while (taken < seconds * 1000) {
    for (let at = 0; at < 20; at++) {
      const result = call();
      if ('then' in result) await result;
    }
    calls += 20;
    taken = performance.now() - started;
  }
  return (taken / calls) * 1000;
}

/** Milliseconds until threads of onnxruntime sleep: they spin for tens of them after a call. */
const settleMs = 100;

/** Microseconds of a prediction, by who makes it; ours on the calling thread and awaited. */
async function timeNetwork({name, shape, make}: Network, peers: readonly Peer[], quick: boolean) {
  const trained = make(shape);
  fill(trained);
  const net = foldBatchNormalization(trained);
  const length = shape.reduce((size, axis) => size * axis, 1);
  const x = Float32Array.from({length}, (_, at) => ((at * 7919) % 256) / 255);
  const times: Record<string, number> = {};
  const note = (who: string, time: number): void => {
    times[who] = Math.min(times[who] ?? Number.POSITIVE_INFINITY, time);
  };
  let version = '';
  for (const {process} of peers) version = await loadOnnx(process, name, net, x);
  const seconds = quick ? 0.03 : 0.1;
  for (let round = 0; round < (quick ? 5 : 20); round++) {
    await pause(settleMs);
    note('predictSync', await timeCalls(seconds, () => net.predictSync(x)));
    note('predict', await timeCalls(seconds, () => net.predict(x)));
    for (const {name: who, process} of peers) {
      await pause(settleMs);
      note(who, (await process.ask<{microseconds: number}>({time: seconds}, 60)).microseconds);
    }
  }
  trained.dispose();
  net.dispose();
  return {times, version};
}

/** The faster of onnxruntime's ÷ the slower of ours. */
function ratioOf({predictSync = 0, predict = 0, ...others}: Times, version: string): Figure | undefined {
  const best = bestOfOthers({chainrule: Math.max(predictSync, predict), ...others});
  return best && {...best, note: `${best.note} of ${version}; the slower of predict and predictSync`};
}

export async function bench(options: BenchOptions): Promise<Figures> {
  const {quick, threads} = options;
  setThreads(threads);
  const peers = startAll(options);
  const measured: Record<string, Times> = {};
  const figures: Record<string, Figure | undefined> = {};
  try {
    for (const network of networks) {
      const {times, version} = await timeNetwork(network, peers, quick);
      measured[network.name] = times;
      figures[`inference-${network.name}`] = ratioOf(times, version);
    }
  } finally {
    for (const {process} of peers) process.stop();
  }
  const names = Object.keys(Object.values(measured)[0] ?? {});
  const rows = Object.entries(measured).map(([name, times]) => [
    name,
    ...names.map(who => digits(times[who] as number)),
  ]);
  console.log(`µs of one image, ${threads} threads\n${table([['', ...names], ...rows])}`);
  const found = figuresOf(figures);
  saveResults('inference', {threads, measured, figures: found});
  return found;
}
