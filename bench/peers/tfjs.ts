// TensorFlow.js: its own optimizers on tensors that stay, the loss read once per run.
//   tfjs.ts wasm|cpu THREADS, in the folder where the packages are installed
import {readFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import path from 'node:path';
import type * as core from '@tensorflow/tfjs-core';
import {serve, type Task, type Trainer} from './serve.ts';

type Tfjs = typeof core;
interface Wasm {
  setWasmPaths(folder: string): void;
  setThreadsCount(count: number): void;
  getThreadsCount(): number;
}

const [backend = 'cpu', threads = '1'] = process.argv.slice(2);
const folder = process.cwd();
const load = createRequire(path.join(folder, 'peers.js'));
// What the library logs would stand among the replies.
console.log = console.info = console.error;
const tf = load('@tensorflow/tfjs') as Tfjs;

function optimizerOf({optimizer}: Task): core.Optimizer {
  const {name, learningRate, beta1, beta2, rho, epsilon = 0} = optimizer;
  if (name === 'sgd') return tf.train.sgd(learningRate);
  // This one adds epsilon under the root.
  if (name === 'rmsprop') return tf.train.rmsprop(learningRate, rho, 0, epsilon * epsilon);
  return tf.train.adam(learningRate, beta1, beta2, epsilon);
}

interface Batch {
  readonly x: core.Tensor2D;
  readonly y: core.Tensor;
}
let data: readonly Batch[] = [];

function build(task: Task): Trainer {
  tf.disposeVariables();
  const {sizes, batch, activation} = task;
  const first = task.weights.map(({kernel, bias}, layer) => ({
    kernel: tf.tensor2d(kernel, [sizes[layer] as number, sizes[layer + 1] as number]),
    bias: tf.tensor1d(bias),
  }));
  const weights = first.map(({kernel, bias}) => ({kernel: tf.variable(kernel), bias: tf.variable(bias)}));
  const classes = sizes.at(-1) as number;
  const targetsOf = (y: Float32Array): core.Tensor => {
    if (task.loss === 'squared') return tf.tensor2d(y, [batch, 1]);
    return tf.cast(tf.oneHot(tf.tensor1d(Int32Array.from(y), 'int32'), classes), 'float32');
  };
  data.forEach(({x, y}) => {
    tf.dispose([x, y]);
  });
  const width = batch * (sizes[0] as number);
  data = Array.from({length: task.batches}, (_, at) => ({
    x: tf.tensor2d(task.x.slice(at * width, (at + 1) * width), [batch, sizes[0] as number]),
    y: targetsOf(task.y.slice(at * batch, (at + 1) * batch)),
  }));
  let at = 0;
  let optimizer = optimizerOf(task);
  const lossOf = (): core.Scalar => {
    const {x, y} = data[at] as Batch;
    let value: core.Tensor2D = x;
    weights.forEach(({kernel, bias}, layer) => {
      const chosen = layer < weights.length - 1 ? activation : 'linear';
      value = tf.fused.matMul({
        a: value,
        b: kernel as core.Tensor2D,
        bias,
        activation: chosen === 'tanh' ? 'linear' : chosen,
      }) as core.Tensor2D;
      if (chosen === 'tanh') value = tf.tanh(value);
    });
    if (task.loss === 'squared') return tf.losses.meanSquaredError(y, value) as core.Scalar;
    return tf.losses.softmaxCrossEntropy(y, value) as core.Scalar;
  };
  return {
    reset() {
      at = 0;
      first.forEach(({kernel, bias}, layer) => {
        weights[layer]?.kernel.assign(kernel);
        weights[layer]?.bias.assign(bias);
      });
      optimizer.dispose();
      optimizer = optimizerOf(task);
    },
    async run(steps, walks) {
      if (!walks) at = 0;
      for (let step = 1; step < steps; step++) {
        optimizer.minimize(lossOf);
        if (walks) at = (at + 1) % data.length;
      }
      const loss = optimizer.minimize(lossOf, true) as core.Scalar;
      if (walks) at = (at + 1) % data.length;
      const [value = Number.NaN] = await loss.data();
      loss.dispose();
      return value;
    },
  };
}

let note: string | undefined;
if (backend === 'wasm') {
  const wasm = load('@tensorflow/tfjs-backend-wasm') as Wasm;
  const files = path.join(folder, 'node_modules/@tensorflow/tfjs-backend-wasm/dist');
  wasm.setWasmPaths(`${files}${path.sep}`);
  wasm.setThreadsCount(Number(threads));
  await tf.setBackend('wasm');
  await tf.ready();
  const used = wasm.getThreadsCount();
  note = `${used} thread${used === 1 ? '' : 's'}`;
} else {
  await tf.setBackend('cpu');
  note = '1 thread';
}
const manifest = path.join(folder, 'node_modules/@tensorflow/tfjs/package.json');
await serve({version: JSON.parse(readFileSync(manifest, 'utf8')).version, note, build});
