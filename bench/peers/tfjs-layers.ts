// Programs of TensorFlow.js on one of its backends: `fit` of tfjs-layers, single ops whose result is read,
// and what recording costs. A JSON object a line in, one out.
//   tfjs-layers.ts chainrule|wasm|cpu|node THREADS, in the folder where the packages are installed
import type * as core from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import {lateness, quantile} from '../lateness.ts';
import {answerLines} from './answer-lines.ts';
import {tfjsOn, timed, type Work} from './tfjs-backend.ts';

interface Request {
  /** Units of the input and of each dense layer, or of an LSTM and its steps. */
  readonly fit?: {readonly sizes: readonly number[]; readonly steps?: number; readonly batch: number};
  readonly op?: {readonly name: string; readonly size: number};
  readonly record?: number;
  /** Seconds to take. */
  readonly time?: number;
  /** Seconds to train what was trained last, with a yield after each batch. */
  readonly late?: number;
  /** A training that is new, with a yield after each batch. */
  readonly begin?: Request['fit'];
}

const [backend = 'cpu', threads = '1'] = process.argv.slice(2);
const tf = await tfjsOn(backend, Number(threads));

const batches = 8;
let work: Work = async () => {};
let yieldEvery: 'never' | 'batch' = 'never';

function network({sizes, steps}: NonNullable<Request['fit']>): tfl.LayersModel {
  const model = tf.sequential();
  const [inputs, ...units] = sizes as [number, ...number[]];
  const last = units.length - 1;
  units.forEach((own, layer) => {
    const inputShape = layer > 0 ? undefined : steps ? [steps, inputs] : [inputs];
    const first = inputShape && {inputShape};
    if (steps && layer < last) model.add(tf.layers.lstm({units: own, ...first}));
    else model.add(tf.layers.dense({units: own, activation: layer === last ? 'softmax' : 'relu', ...first}));
  });
  model.compile({optimizer: tf.train.adam(0.001), loss: 'categoricalCrossentropy'});
  return model;
}

function fitting(task: NonNullable<Request['fit']>): Work {
  const {sizes, steps, batch} = task;
  const rows = batch * batches;
  const shape = steps ? [rows, steps, sizes[0] as number] : [rows, sizes[0] as number];
  const x = tf.randomUniform(shape);
  const labels = Int32Array.from({length: rows}, (_, row) => row % (sizes.at(-1) as number));
  const y = tf.oneHot(tf.tensor1d(labels, 'int32'), sizes.at(-1) as number);
  const model = network(task);
  return async epochs => {
    await model.fit(x, y, {epochs, batchSize: batch, shuffle: false, verbose: 0, yieldEvery});
  };
}

function reading({name, size}: NonNullable<Request['op']>): Work {
  const side = Math.round(Math.sqrt(size));
  const a = tf.randomUniform<core.Rank.R2>([side, side]);
  const b = tf.randomUniform<core.Rank.R2>([side, side]);
  const rows = tf.tensor1d(
    Int32Array.from({length: side}, (_, row) => (row * 7) % side),
    'int32',
  );
  const calls: Readonly<Record<string, () => core.Tensor>> = {
    add: () => tf.add(a, b),
    matMul: () => tf.matMul(a, b),
    sum: () => tf.sum(a, 0),
    gather: () => tf.gather(a, rows),
  };
  const call = calls[name] as () => core.Tensor;
  return async times => {
    for (let time = 0; time < times; time++) {
      const y = call();
      y.dataSync();
      y.dispose();
    }
  };
}

/** Microseconds to record one op without tfjs's engine, and to end a trace of so many that is known. */
function recording(ops: number): object {
  const {kernelFunc} = tf.getKernel('Add', backend);
  const own = tf.backend() as unknown as {
    readonly recorder: {flush(): void};
    disposeData(id: object): boolean;
  };
  const x = tf.scalar(1);
  let [record, end] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let round = 0; round < 400; round++) {
    const made: core.TensorInfo[] = [x];
    own.recorder.flush();
    const started = performance.now();
    for (let op = 0; op < ops; op++) {
      const a = made.at(-1) as core.TensorInfo;
      made.push(kernelFunc({inputs: {a, b: x}, attrs: {}, backend: own} as never) as core.TensorInfo);
    }
    record = Math.min(record, ((performance.now() - started) * 1000) / ops);
    // As much as a training step leaves: most of what it computes is disposed of before it ends.
    const [kept, others] = [[], []] as [core.TensorInfo[], core.TensorInfo[]];
    for (const [at, info] of made.slice(1).entries()) (at % 10 === 9 ? kept : others).push(info);
    for (const {dataId} of others) own.disposeData(dataId);
    const recorded = performance.now();
    own.recorder.flush();
    end = Math.min(end, (performance.now() - recorded) * 1000);
    for (const {dataId} of kept) own.disposeData(dataId);
  }
  return {record, end};
}

/** How late a timer was at most while a training began whose traces had to be compiled. */
async function beginning(task: NonNullable<Request['fit']>): Promise<object> {
  const train = fitting(task);
  yieldEvery = 'batch';
  const ticks = await lateness(train(8));
  yieldEvery = 'never';
  return {worst: Math.max(0, ...ticks)};
}

async function forSeconds(seconds: number): Promise<void> {
  const until = performance.now() + seconds * 1000;
  while (performance.now() < until) await work(8);
}

async function answer({fit, op, record, late, begin, time = 0}: Request): Promise<object> {
  if (record) return recording(record);
  if (begin) return beginning(begin);
  if (fit || op) {
    tf.disposeVariables();
    work = fit ? fitting(fit) : reading(op as NonNullable<Request['op']>);
    await work(3);
    return {version: tf.version_core};
  }
  if (late) {
    yieldEvery = 'batch';
    const ticks = await lateness(forSeconds(late));
    yieldEvery = 'never';
    return {ticks: ticks.length, p99: quantile(ticks, 0.99)};
  }
  return {microseconds: await timed(work, time)};
}

await answerLines(answer);
