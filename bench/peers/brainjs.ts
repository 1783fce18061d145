// brain.js knows no batches, no softmax and no linear output: it updates after each sample and takes the
// squared error. So what is timed is the samples of the first batch, one after the other, and the losses are
// not compared.
import {readFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import path from 'node:path';
import {serve, type Task, type Trainer} from './serve.ts';

interface Sample {
  readonly input: Float32Array;
  readonly output: Float32Array;
}
interface Network {
  train(data: readonly Sample[], options: object): {readonly error: number};
}
interface Brain {
  readonly NeuralNetwork: new (options: object) => Network;
}

const load = createRequire(path.join(process.cwd(), 'peers.js'));
console.log = console.info = console.error;

function samplesOf({x, y, sizes, batch}: Task): Sample[] {
  const width = sizes[0] as number;
  return Array.from({length: batch}, (_, row) => {
    const output = new Float32Array(sizes.at(-1) as number);
    output[y[row] as number] = 1;
    return {input: x.slice(row * width, (row + 1) * width), output};
  });
}

function build(task: Task): Trainer {
  const {sizes, activation, optimizer} = task;
  if (task.loss === 'squared') throw new Error('cannot express a linear output');
  if (optimizer.name === 'rmsprop') throw new Error('cannot express RMSprop');
  const {NeuralNetwork} = load('brain.js') as Brain;
  const data = samplesOf(task);
  const adam = {praxis: 'adam', beta1: optimizer.beta1, beta2: optimizer.beta2, epsilon: optimizer.epsilon};
  const make = (): Network =>
    new NeuralNetwork({
      inputSize: sizes[0],
      outputSize: sizes.at(-1),
      hiddenLayers: sizes.slice(1, -1),
      activation,
      ...(optimizer.name === 'adam' && adam),
    });
  // It refuses a momentum of exactly 0.
  const settings = {learningRate: optimizer.learningRate, momentum: 1e-9, errorThresh: 1e-30};
  let network = make();
  return {
    reset() {
      network = make();
    },
    run: steps => network.train(data, {...settings, iterations: steps}).error,
  };
}

const manifest = path.join(process.cwd(), 'node_modules/brain.js/package.json');
const {version} = JSON.parse(readFileSync(manifest, 'utf8')) as {version: string};
const note = '1 thread; an update per sample, squared error: not the same work';
await serve({version, note, other: true, build});
