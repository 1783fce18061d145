// Programs of TensorFlow.js that see, on one of its backends: a training, an inference, one convolution. A
// JSON object a line in, one out.
//   tfjs-images.ts chainrule|wasm|cpu THREADS, in the folder where the packages are installed
import type * as core from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import {mobileNetV1} from '../mobile-net.ts';
import {answerLines} from './answer-lines.ts';
import {tfjsOn, timed, type Work} from './tfjs-backend.ts';

interface Request {
  /** Batches of an epoch, on which cnn-mnist is fitted. */
  readonly fit?: {readonly batch: number; readonly batches: number};
  /** Images of this size, one at a time, through MobileNet. */
  readonly mobileNet?: {readonly size: number};
  readonly conv?: {
    readonly batch: number;
    readonly size: number;
    readonly channels: number;
    readonly outputs: number;
    readonly kernel: number;
  };
  /** Seconds to take. */
  readonly time?: number;
}

const [backend = 'cpu', threads = '1'] = process.argv.slice(2);
const tf = await tfjsOn(backend, Number(threads));
const {layers} = tf;

let work: Work = async () => {};

function sequential(own: readonly tfl.layers.Layer[]): tfl.Sequential {
  const model = tf.sequential();
  for (const layer of own) model.add(layer);
  return model;
}

/** Conv 32, conv 64, max-pool, dense 128, dense 10, on images of 28×28: Keras's first example of its kind. */
function fitting({batch, batches}: NonNullable<Request['fit']>): Work {
  const model = sequential([
    layers.conv2d({filters: 32, kernelSize: 3, activation: 'relu', inputShape: [28, 28, 1]}),
    layers.conv2d({filters: 64, kernelSize: 3, activation: 'relu'}),
    layers.maxPooling2d({poolSize: 2}),
    layers.flatten(),
    layers.dense({units: 128, activation: 'relu'}),
    layers.dense({units: 10, activation: 'softmax'}),
  ]);
  model.compile({optimizer: tf.train.adam(0.001), loss: 'categoricalCrossentropy'});
  const rows = batch * batches;
  const x = tf.randomUniform([rows, 28, 28, 1]);
  const labels = Int32Array.from({length: rows}, (_, row) => row % 10);
  const y = tf.oneHot(tf.tensor1d(labels, 'int32'), 10);
  return async epochs => {
    await model.fit(x, y, {epochs, batchSize: batch, shuffle: false, verbose: 0, yieldEvery: 'never'});
  };
}

/** Batch normalization and a rectifier up to 6 after what goes before. */
const after = (layer: tfl.layers.Layer): tfl.layers.Layer[] => [
  layer,
  layers.batchNormalization({}),
  layers.reLU({maxValue: 6}),
];

const common = {padding: 'same', useBias: false} as const;

function mobileNet(size: number): tfl.Sequential {
  const first = layers.conv2d({
    ...{...common, filters: 32, kernelSize: 3, strides: 2, inputShape: [size, size, 3]},
  });
  return sequential([
    ...after(first),
    ...mobileNetV1.flatMap(([filters, strides]) => [
      ...after(layers.depthwiseConv2d({...common, kernelSize: 3, strides})),
      ...after(layers.conv2d({...common, filters, kernelSize: 1})),
    ]),
    layers.globalAveragePooling2d({}),
    layers.dense({units: 1000, activation: 'softmax'}),
  ]);
}

/** Makes a tensor, and reads and forgets it, so many times. */
const reading =
  (make: () => core.Tensor): Work =>
  async times => {
    for (let time = 0; time < times; time++) {
      const y = tf.tidy(make);
      await y.data();
      y.dispose();
    }
  };

function inferring({size}: NonNullable<Request['mobileNet']>): Work {
  const model = mobileNet(size);
  const x = tf.randomUniform([1, size, size, 3]);
  return reading(() => model.predict(x) as core.Tensor);
}

function convolving({batch, size, channels, outputs, kernel}: NonNullable<Request['conv']>): Work {
  const x = tf.randomUniform<core.Rank.R4>([batch, size, size, channels]);
  const filter = tf.randomUniform<core.Rank.R4>([kernel, kernel, channels, outputs]);
  return reading(() => tf.conv2d(x, filter, 1, 'same'));
}

function workOf({fit, mobileNet: network, conv}: Request): Work | undefined {
  if (fit) return fitting(fit);
  if (network) return inferring(network);
  return conv && convolving(conv);
}

async function answer(request: Request): Promise<object> {
  const next = workOf(request);
  if (!next) return {microseconds: await timed(work, request.time ?? 0)};
  work = next;
  // Known traces are plans from the second time on. The cpu backend has none, and takes seconds.
  await work(backend === 'cpu' ? 1 : 3);
  return {version: tf.version_core};
}

await answerLines(answer);
