// Programs of TensorFlow.js on one of its backends: `fit` of tfjs-layers, single ops whose result is read,
// and what recording costs. A JSON object a line in, one out.
//   tfjs-layers.ts chainrule|wasm|cpu|node THREADS, in the folder where the packages are installed
import type * as core from '@tensorflow/tfjs-core';
import {lateness, quantile} from '../lateness.ts';
import {answerLines} from './answer-lines.ts';
import {type FitTask, inputsOf, labelsOf, shapeOf} from './fit-task.ts';
import {tfjsOn, timed, type Work} from './tfjs-backend.ts';
import {networkOf} from './tfjs-network.ts';

interface Request {
  readonly fit?: FitTask;
  readonly op?: {readonly name: string; readonly size: number};
  readonly record?: number;
  /** Seconds to take. */
  readonly time?: number;
  /** Seconds to train what was trained last, with a yield after each batch. */
  readonly late?: number;
  /** A training that is new, with a yield after each batch. */
  readonly begin?: FitTask;
}

const [backend = 'cpu', threads = '1'] = process.argv.slice(2);
const tf = await tfjsOn(backend, Number(threads));

let work: Work = async () => {};
let yieldEvery: 'never' | 'batch' = 'never';

function fitting(task: FitTask): Work {
  const x = tf.tensor(inputsOf(task), shapeOf(task));
  const y = tf.oneHot(tf.tensor1d(labelsOf(task), 'int32'), task.sizes.at(-1) as number);
  const model = networkOf(tf, task);
  return async epochs => {
    await model.fit(x, y, {epochs, batchSize: task.batch, shuffle: false, verbose: 0, yieldEvery});
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
async function beginning(task: FitTask): Promise<object> {
  const train = fitting(task);
  yieldEvery = 'batch';
  const ticks = await lateness(train(8));
  yieldEvery = 'never';
  return {worst: Math.max(0, ...ticks)};
}

/** Three times, or for two seconds. */
async function warm(): Promise<void> {
  const until = performance.now() + 2000;
  for (let time = 0; time < 3 && performance.now() < until; time++) await work(1);
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
    await warm();
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
