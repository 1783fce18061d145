// What is to be reached, and whether it was: one row for each goal. Printed at
// the end of each run, or alone from the results that were saved last: `npm run bench -- --only goals`.
import {existsSync, readdirSync, readFileSync} from 'node:fs';
import path from 'node:path';
import {table} from '../scripts/table.ts';
import type {Figures} from './options.ts';
import {digits, resultsFolder, saveResults} from './report.ts';
import {randomWorkloads, workloads} from './workloads.ts';

interface Goal {
  /** The name under which a bench gives the figure. */
  readonly name: string;
  readonly what: string;
  readonly atLeast?: number;
  readonly atMost?: number;
  /** `%` shows a share as a percentage. */
  readonly unit: '%' | '×' | 'µs' | 'ms' | '';
}

const products: readonly Goal[] = [
  {name: 'gemm-squares-1', what: 'products, n ≥ 512, one thread, of peak', atLeast: 0.97, unit: '%'},
  {name: 'gemm-squares-all', what: 'products, n ≥ 512, all threads, of peak', atLeast: 0.95, unit: '%'},
  {
    name: 'gemm-batch-1',
    what: 'products, M 64 to 128, K, N ≥ 256, one thread, of peak',
    atLeast: 0.95,
    unit: '%',
  },
  {
    name: 'gemm-batch-all',
    what: 'products, M 64 to 128, K, N ≥ 256, all threads, of peak',
    atLeast: 0.93,
    unit: '%',
  },
  {
    name: 'gemm-32',
    what: 'products, M = 32, K, N ≥ 256, one thread and all, of peak',
    atLeast: 0.88,
    unit: '%',
  },
  {name: 'gemm-few', what: 'products, M 1 to 16, of the roofline of their weights', atLeast: 0.85, unit: '%'},
  {name: 'gemm-blas-worst', what: 'products ÷ the best BLAS, worst shape', atLeast: 0.97, unit: '×'},
  {name: 'gemm-blas-mean', what: 'products ÷ the best BLAS, geometric mean', atLeast: 1.05, unit: '×'},
  {name: 'gemm-blas-few', what: 'products ÷ the best BLAS, M ≤ 16, geometric mean', atLeast: 1.3, unit: '×'},
  {
    name: 'scan',
    what: 'a step of a recurrent net ÷ the sum of its kernels',
    atMost: 1.1,
    unit: '×',
  },
  {name: 'checkpoint-time', what: 'a step of six blocks, checkpointed ÷ kept', atMost: 1.35, unit: '×'},
  {name: 'checkpoint-memory', what: 'activations of six blocks, checkpointed ÷ kept', atMost: 0.5, unit: '×'},
  {
    name: 'gemm-batched',
    what: 'products in batches ÷ PyTorch’s bmm, all threads, worst shape',
    atLeast: 1.2,
    unit: '×',
  },
  {
    name: 'gemm-blas-small',
    what: 'products ÷ the best BLAS, all threads, 128³ and below, mean',
    atLeast: 1.3,
    unit: '×',
  },
];

const grid: readonly Goal[] = [
  {name: 'grid-1', what: 'random products, one thread, of peak, mean', atLeast: 0.92, unit: '%'},
  {name: 'grid-all', what: 'random products, all threads, of peak, mean', atLeast: 0.89, unit: '%'},
  {
    name: 'grid-worst',
    what: 'random products from 4 million multiply-adds, worst, of roofline',
    atLeast: 0.84,
    unit: '%',
  },
];

const families: readonly Goal[] = [
  {name: 'ops-worst', what: 'PyTorch ÷ an op of a million elements, worst', atLeast: 1, unit: '×'},
  {name: 'ops-mean', what: 'PyTorch ÷ an op of a million elements, mean', atLeast: 1, unit: '×'},
];

const training: readonly Goal[] = [
  {name: 'roofline-mlp-small', what: 'training step, of its roofline, mlp-small', atLeast: 0.85, unit: '%'},
  {name: 'roofline-mlp-mnist', what: 'training step, of its roofline, mlp-mnist', atLeast: 0.85, unit: '%'},
  {name: 'roofline-mlp-wide', what: 'training step, of its roofline, mlp-wide', atLeast: 0.92, unit: '%'},
  ...[...workloads, ...randomWorkloads].map(({name, goal}): Goal => {
    return {name: `peer-${name}`, what: `best peer ÷ chainrule, ${name}`, atLeast: goal, unit: '×'};
  }),
  {name: 'outside-kernels', what: 'mlp-tiny: time of a step outside kernels', atMost: 0.7, unit: 'µs'},
  {name: 'barriers', what: 'barriers per layer and direction, one commit apart', atMost: 2, unit: ''},
  {name: 'barriers-tiny', what: 'barriers where one thread is faster: mlp-tiny', atMost: 0, unit: ''},
  {
    name: 'threads-worst',
    what: 'speed-up by threads, worst network of the bench scaling',
    atLeast: 0.97,
    unit: '×',
  },
  {name: 'deep-100', what: '100 layers of 16 units: step ÷ its kernels alone', atMost: 1.5, unit: '×'},
  {
    name: 'optimizer-adam',
    what: 'Adam, 10 M parameters, 28 bytes each, of the bandwidth',
    atLeast: 0.85,
    unit: '%',
  },
  {name: 'bfloat16-mlp-wide', what: 'training step, float32 ÷ bfloat16, mlp-wide', atLeast: 1.5, unit: '×'},
  {
    name: 'bfloat16-accuracy',
    what: 'MNIST, 784-128-10: points of test accuracy that bfloat16 loses',
    atMost: 0.2,
    unit: '',
  },
  {name: 'scaling-mlp-wide', what: 'mlp-wide: speed-up by threads ÷ the peak’s', atLeast: 0.96, unit: '×'},
  {name: 'shuffled', what: '60,000 × 784: shuffled epoch ÷ unshuffled', atMost: 1.05, unit: '×'},
  {name: 'uint8', what: '60,000 × 784: epoch of Uint8Array ÷ Float32Array', atMost: 1.02, unit: '×'},
];

const latency: readonly Goal[] = [
  {name: 'predict-meanwhile', what: 'predict while mlp-wide trains, p99', atMost: 1, unit: 'ms'},
  {name: 'predict-sync-meanwhile', what: 'predictSync while mlp-wide trains, p99', atMost: 1, unit: 'ms'},
  {name: 'predict-mnist', what: 'predictSync, one row ÷ onnxruntime, 784-128-10', atMost: 0.5, unit: '×'},
  {name: 'predict-tiny', what: 'predictSync, one row ÷ onnxruntime, 4-16-3', atMost: 0.2, unit: '×'},
  {name: 'first-step', what: 'require, build, compile and first step, mlp-mnist', atMost: 60, unit: 'ms'},
  {name: 'compile-mnist', what: 'compiling the step of mlp-mnist', atMost: 15, unit: 'ms'},
  {name: 'compile-100', what: 'compiling the step of 100 layers', atMost: 150, unit: 'ms'},
];

const timer = (name: string, what: string): Goal => {
  return {name, what: `timer of 5 ms beside ${what}, p99 late by`, atMost: 10, unit: 'ms'};
};

/** Of the bench event-loop. */
const timers: readonly Goal[] = [
  timer('timer-large', '784-512-256-10'),
  timer('timer-small', '4-16-3, nobody looking'),
  timer('timer-small-seen', '4-16-3, onEpochEnd'),
  timer('timer-small-batches', '4-16-3, trainOnBatch again and again'),
];

const us = (name: string, what: string, atMost: number): Goal => ({name, what, atMost, unit: 'µs'});

/** Of the bench small: 4-16-3 where nothing else is said. */
const small: readonly Goal[] = [
  us('small-epoch-4', 'epoch of 4 rows', 3),
  us('small-epoch-4-seen', 'epoch of 4 rows, onEpochEnd', 15),
  us('small-epoch-150', 'epoch of 150 rows in batches of 32', 10),
  us('small-epoch-150-seen', 'epoch of 150 rows in batches of 32, onEpochEnd', 25),
  us('small-train-on-batch', 'await trainOnBatch, 32 rows', 8),
  us('small-train-on-batch-sync', 'trainOnBatchSync, 32 rows', 4),
  us('small-fit', 'await fit of one step', 40),
  us('small-sizes', 'trainOnBatch of another number of rows, beyond one of the same', 5),
  us('small-new-sizes', 'a step of a number of rows never seen, beyond the same again', 5),
  us('small-validation', 'epoch of 240 rows and 60 to validate, 20-64-32-1', 60),
  us('small-evaluate', 'await evaluate, 32 rows', 10),
  us('small-predict', 'await predict, one row', 10),
  us('small-gradients', 'await gradients, 32 rows', 10),
  us('small-apply-gradients', 'await applyGradients', 10),
  us('small-predict-many', '5,000 predictions at once, each', 4),
  us('small-search', 'a model of a search over equal structures, 100 epochs of 150 rows', 3000),
  {name: 'small-xor', what: 'README’s XOR, 500 epochs, from require', atMost: 60, unit: 'ms'},
];

const ofPeak = (name: string, what: string, atLeast: number): Goal => {
  return {name, what: `${what}, one thread, of peak`, atLeast, unit: '%'};
};

/** Of the bench conv. */
const images: readonly Goal[] = [
  ofPeak('conv-3x3', 'conv 3×3 64→64 at 32×32, result and gradient of the input', 0.94),
  ofPeak('conv-3x3-kernel', 'conv 3×3 64→64 at 32×32, gradient of the kernel', 0.9),
  ofPeak('conv-deep', 'conv 3×3 128→128 at 8×8', 0.95),
  ofPeak('conv-1x1', 'conv 1×1, 256→64 and 64→256 at 16×16', 0.92),
  ofPeak('conv-3-channels', 'conv 3×3 of 3 channels', 0.8),
  ofPeak('conv-1-channel', 'conv 3×3 of 1 channel', 0.55),
  ofPeak('conv-5x5', 'conv 5×5, stride 2, 32→64', 0.92),
  ofPeak('conv-strided-kernel', 'gradient of the kernel, 3×3, stride 2', 0.85),
  {name: 'depthwise', what: 'depthwise 3×3 and its gradients, of a copy in memory', atLeast: 0.7, unit: '%'},
  {name: 'depthwise-l3', what: 'depthwise 3×3 and its gradients, of a copy in L3', atLeast: 0.55, unit: '%'},
  {name: 'conv-winograd', what: 'direct ÷ Winograd, 64→64 at 32×32, worst of two', atLeast: 1.5, unit: '×'},
  {
    name: 'conv-bfloat16',
    what: 'convolutions of 64 and more channels, float32 ÷ bfloat16, worst',
    atLeast: 1.4,
    unit: '×',
  },
  {
    name: 'conv-scaling',
    what: 'convolutions above, gradients too: speed-up by two threads, worst',
    atLeast: 1.85,
    unit: '×',
  },
  ofPeak('conv-odd', 'conv 3×3 at sizes 3 to 26 of 1 to 50 channels, gradients too, mean', 0.53),
  ofPeak('conv-odd-worst', 'the same from 12 channels on, worst', 0.48),
];

const ofNetwork = (name: string, atLeast: number): Goal => {
  return {name, what: `best peer ÷ chainrule, training step of ${name}`, atLeast, unit: '×'};
};

const ofInference = (name: string, atLeast: number): Goal => {
  return {name: `inference-${name}`, what: `onnxruntime ÷ chainrule, one image, ${name}`, atLeast, unit: '×'};
};

/** Of the benches networks, inference and image-folder. */
const imageNetworks: readonly Goal[] = [
  ofNetwork('cnn-mnist', 1.7),
  ofNetwork('resnet-cifar', 1.55),
  ofNetwork('mobilenet-block', 1.8),
  ofNetwork('tcn', 1.5),
  ofInference('cnn-mnist', 1.2),
  ofInference('mobilenet', 1.2),
  {
    name: 'image-folder',
    what: 'images a second, decoded beside training ÷ the slower of the two alone',
    atLeast: 0.9,
    unit: '×',
  },
];

const ofSequence = (name: string, atLeast: number): Goal => ({
  ...ofNetwork(name, atLeast),
  name: `sequence-${name}`,
});

/** Of the bench attention. */
const attention: readonly Goal[] = [
  ofPeak('attention-64', 'attention, T = 64, d = 32', 0.6),
  ofPeak('attention-1024', 'attention, T = 1024, d = 32', 0.69),
  ofPeak('attention-64-gradients', 'gradients of attention, T = 64, d = 32', 0.62),
  ofPeak('attention-1024-gradients', 'gradients of attention, T = 1024, d = 32', 0.75),
];

/** Of the bench sequence. */
const sequences: readonly Goal[] = [
  ofSequence('lstm', 1.6),
  ofSequence('gru', 2),
  {name: 'sequence-lstm-share', what: 'training step of lstm, of peak', atLeast: 0.82, unit: '%'},
  {name: 'sequence-gru-share', what: 'training step of gru, of peak', atLeast: 0.82, unit: '%'},
  ofSequence('transformer-char', 1.6),
  {
    name: 'sequence-transformer-char-bfloat16',
    what: 'transformer-char, float32 ÷ bfloat16',
    atLeast: 1.4,
    unit: '×',
  },
  {
    name: 'sequence-generation',
    what: 'best peer ÷ chainrule, a token of transformer-char, keys and values cached',
    atLeast: 2,
    unit: '×',
  },
  {
    name: 'sequence-memory',
    what: 'transformer-char, memory of a step of the sequence, 4096 ÷ 1024 steps',
    atMost: 1.05,
    unit: '×',
  },
  ofSequence('recsys', 1.2),
  ofSequence('recsys-sparse', 1.5),
  {
    name: 'sequence-rows',
    what: 'sparse step of a table, 10,000,000 rows ÷ 100,000',
    atMost: 1.5,
    unit: '×',
  },
];

/** Of the bench examples. */
const examples: readonly Goal[] = [
  {name: 'example-deep-q', what: 'deep-q: steps a second, learning included', atLeast: 1000, unit: ''},
  {
    name: 'example-moby-dick',
    what: 'moby-dick: seconds of the slower network for the whole book, three times',
    atMost: 600,
    unit: '',
  },
];

/** Of the bench eager. */
const eager: readonly Goal[] = [
  us('eager-known', 'one op at once, known shapes, beyond its kernel', 2),
  us('eager-first', 'one op at once, for a shape never seen', 20),
];

const faster = (name: string, what: string, atLeast: number): Goal => ({name, what, atLeast, unit: '×'});

/** Of the bench tfjs: programs of TensorFlow.js. */
const tfjs: readonly Goal[] = [
  faster('tfjs-mlp-tiny', 'tfjs fit, wasm or cpu ÷ chainrule/tfjs, mlp-tiny', 1.4),
  faster('tfjs-mlp-mnist', 'tfjs fit, wasm ÷ chainrule/tfjs, mlp-mnist', 20),
  faster('tfjs-mlp-small', 'tfjs fit, wasm ÷ chainrule/tfjs, mlp-small', 80),
  faster('tfjs-lstm', 'tfjs fit, wasm ÷ chainrule/tfjs, LSTM of 40 steps', 50),
  faster('tfjs-gru', 'tfjs fit, wasm ÷ chainrule/tfjs, GRU of 20 steps', 1),
  faster('tfjs-attention', 'tfjs fit, wasm ÷ chainrule/tfjs, attention written by hand', 1),
  faster('tfjs-embedding', 'tfjs fit, cpu ÷ chainrule/tfjs, mean of embeddings', 1),
  faster('tfjs-torch-mnist', 'PyTorch ÷ tfjs fit with chainrule/tfjs, mlp-mnist', 1),
  faster('tfjs-torch-small', 'PyTorch ÷ tfjs fit with chainrule/tfjs, mlp-small', 1),
  timer('tfjs-timer', 'fit of tfjs that yields after each batch'),
  faster('tfjs-alone', 'one op of tfjs, read, from 10⁴ elements on, wasm ÷ chainrule/tfjs, worst', 1),
  us('tfjs-record', 'an op of tfjs recorded, beyond its engine', 0.5),
  us('tfjs-end', 'a known trace of 200 ops of tfjs ended and run', 20),
];

/** Of the bench tfjs-images. */
const tfjsImages: readonly Goal[] = [
  faster('tfjs-cnn-cpu', 'tfjs fit, cpu ÷ chainrule/tfjs, cnn-mnist', 100),
  faster('tfjs-cnn-torch', 'PyTorch ÷ tfjs fit with chainrule/tfjs, cnn-mnist', 1),
  faster('tfjs-mobilenet', 'MobileNet of tfjs, one image, wasm ÷ chainrule/tfjs', 3),
  faster('tfjs-conv', 'conv2d of tfjs, read, wasm ÷ chainrule/tfjs, worst', 1),
];

export const goals: readonly Goal[] = [
  ...products,
  ...grid,
  ...families,
  ...training,
  ...latency,
  ...timers,
  ...small,
  ...eager,
  ...images,
  ...imageNetworks,
  ...attention,
  ...sequences,
  ...examples,
  ...tfjs,
  ...tfjsImages,
];

function show(value: number, unit: Goal['unit']): string {
  if (unit === '%') return `${(100 * value).toFixed(0)} %`;
  return unit === '' ? digits(value) : `${digits(value)} ${unit}`;
}

export function isReached({atLeast, atMost}: Goal, value: number): boolean {
  return (atLeast === undefined || value >= atLeast) && (atMost === undefined || value <= atMost);
}

function rowOf(goal: Goal, figures: Figures): readonly string[] {
  const {name, what, atLeast, atMost, unit} = goal;
  const wanted = atLeast === undefined ? `≤ ${show(atMost ?? 0, unit)}` : `≥ ${show(atLeast, unit)}`;
  const figure = figures[name];
  if (!figure) return [what, wanted, '', 'not measured', ''];
  const verdict = isReached(goal, figure.value) ? 'yes' : 'NO';
  return [what, wanted, show(figure.value, unit), verdict, figure.note ?? ''];
}

/** Prints every goal beside its figure, or those alone that have one. */
export function printGoals(figures: Figures, all: boolean): void {
  const known = new Set(goals.map(({name}) => name));
  const stray = Object.keys(figures).find(name => !known.has(name));
  if (stray !== undefined) throw new Error(`bench: a figure for no goal: ${stray}`);
  const rows = goals.filter(({name}) => all || figures[name]).map(goal => rowOf(goal, figures));
  console.log(table([['what', 'goal', 'figure', 'reached', 'where'], ...rows]));
  const measured = goals.filter(({name}) => figures[name]);
  const reached = measured.filter(goal => isReached(goal, (figures[goal.name] as {value: number}).value));
  console.log(`\n${reached.length} of ${measured.length} goals reached, ${goals.length} in all`);
}

/** The figures of all results that were saved last. */
export function savedFigures(): Figures {
  if (!existsSync(resultsFolder)) return {};
  const files = readdirSync(resultsFolder).filter(name => name.endsWith('.json'));
  const all = files.map(name => JSON.parse(readFileSync(path.join(resultsFolder, name), 'utf8')));
  return Object.assign({}, ...all.map(({figures}) => figures ?? {})) as Figures;
}

/** For a run of several benches: what it reached. */
export function saveGoals(figures: Figures): void {
  const rows = goals.map(({name, what, atLeast, atMost, unit}) => {
    const figure = figures[name];
    const bound = {...(atLeast !== undefined && {atLeast}), ...(atMost !== undefined && {atMost})};
    return {name, what, ...bound, unit, ...figure};
  });
  saveResults('goals', {rows});
}
