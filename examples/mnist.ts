// Learns handwritten digits: trains, evaluates, saves, loads, and shows what it sees. `npm start -- --help`.
import os from 'node:os';
import path from 'node:path';
import {
  ChainruleError,
  callbacks,
  layers,
  load,
  type Sequential,
  schedules,
  sequential,
  setThreads,
} from 'chainrule';
import {drawImages} from './mnist/draw.ts';
import {type Images, readDigits, readFashion} from './mnist/idx.ts';
import {type Options, parseOptions} from './mnist/options.ts';

const pixels = 784;
const digits = [...'0123456789'];
const clothes = [
  'T-shirt',
  'trouser',
  'pullover',
  'dress',
  'coat',
  'sandal',
  'shirt',
  'sneaker',
  'bag',
  'boot',
];

/** Bytes 0…255 are read as 0…1 where they lie. */
const asInput = (images: Uint8Array) => ({
  data: images,
  shape: [images.length / pixels, pixels],
  scale: 1 / 255,
});

/** Twice two convolutions and the largest of 2 × 2 pixels (Simonyan and Zisserman 2015), and a dropout. */
function convolutions(activation: 'relu') {
  const conv = (filters: number) =>
    layers.conv2d({filters, kernelSize: 3, activation, kernelInitializer: 'heUniform'});
  return [
    layers.reshape({targetShape: [28, 28, 1], inputShape: [pixels]}),
    conv(32),
    conv(32),
    layers.maxPooling2d(),
    conv(64),
    conv(64),
    layers.maxPooling2d(),
    layers.flatten(),
    layers.dropout({rate: 0.25}),
  ];
}

function build(options: Options, images: number): Sequential {
  const {hidden, optimizer, learningRate, seed, epochs, batchSize} = options;
  const activation = options.activation as 'relu';
  const model = sequential(
    [
      ...(options.model === 'cnn' ? convolutions(activation) : [layers.flatten({inputShape: [pixels]})]),
      ...hidden.map(units => layers.dense({units, activation, kernelInitializer: 'heUniform'})),
      layers.dense({units: 10, activation: 'softmax'}),
    ],
    {seed},
  );
  model.compile({
    optimizer: optimizer as 'adam',
    loss: 'sparseCategoricalCrossentropy',
    metrics: ['accuracy'],
  });
  model.optimizer.learningRate = schedules.cosineDecay({
    initialLearningRate: learningRate,
    decaySteps: Math.max(1, epochs * Math.ceil(images / batchSize)),
  });
  return model;
}

/** Trains until the end or Ctrl-C; returns seconds and images seen. */
async function train(model: Sequential, {train: {images, labels}}: Images, options: Options) {
  const {epochs, batchSize, seed, samples = labels.length, quiet} = options;
  const controller = new AbortController();
  const stop = (): void => controller.abort();
  process.once('SIGINT', stop);
  const started = performance.now();
  try {
    await model.fit(asInput(images.subarray(0, samples * pixels)), labels.subarray(0, samples), {
      epochs,
      batchSize,
      seed,
      signal: controller.signal,
      callbacks: quiet ? [] : callbacks.progress({stream: process.stdout}),
    });
  } catch (error) {
    if (!(error instanceof ChainruleError) || error.code !== 'ERR_ABORTED') throw error;
    if (!quiet) console.log('stopped after the current batch');
  } finally {
    process.removeListener('SIGINT', stop);
  }
  const seconds = (performance.now() - started) / 1000;
  const stepsPerEpoch = Math.ceil(samples / batchSize);
  return {seconds, images: Math.round((model.iterations / stepsPerEpoch) * samples)};
}

/** The first test images and the first that the network takes for something else. */
function show(probabilities: Float32Array, {test: {images, labels}}: Images, names: readonly string[]): void {
  const row = (index: number): Float32Array => probabilities.subarray(index * 10, index * 10 + 10);
  const guess = (index: number): number => row(index).indexOf(Math.max(...row(index)));
  const wrong = labels.findIndex((label, index) => guess(index) !== label);
  const chosen = [0, 1, 2, ...(wrong > 2 ? [wrong] : [3])];
  const pictures = chosen.map(index => ({
    pixels: images.subarray(index * pixels, (index + 1) * pixels),
    label: labels[index] as number,
    probabilities: row(index),
  }));
  console.log(`\n${drawImages(pictures, names)}\n`);
}

async function main(options: Options): Promise<void> {
  const {quiet, fashion, threads} = options;
  const print = (text: string): void => (quiet ? undefined : console.log(text));
  if (threads !== undefined) setThreads(threads);
  const data = fashion ? readFashion() : readDigits();
  const all = data.train.labels.length;
  const {samples = all} = options;
  if (samples > all) throw new Error(`--samples: there are ${all} images. Received ${samples}`);
  const model = build(options, samples);
  if (!quiet) model.summary();
  print(`training on ${samples} images`);
  const {seconds, images} = await train(model, data, options);

  const test = asInput(data.test.images);
  const {loss, accuracy} = await model.evaluate(test, data.test.labels);
  print(`test loss ${(loss as number).toFixed(4)}, test accuracy ${(accuracy as number).toFixed(4)}`);

  const file = options.save ?? path.join(os.tmpdir(), fashion ? 'clothes.chainrule' : 'digits.chainrule');
  await model.save(file);
  const again = await load(file);
  const [before, after] = [await model.predict(test), await again.predict(test)];
  const same = Buffer.compare(bytesOf(before.data), bytesOf(after.data)) === 0;
  if (!same) throw new Error(`the model loaded from ${file} predicts otherwise`);
  print(`saved to ${file}; loaded again, its predictions are the same, bit for bit`);
  if (!quiet) show(before.data, data, fashion ? clothes : digits);
  const speed = Math.round(images / seconds);
  console.log(
    `test accuracy ${(accuracy as number).toFixed(4)} in ${seconds.toFixed(1)} s, ${speed} samples/s`,
  );
}

const bytesOf = (array: Float32Array): Uint8Array =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

try {
  const options = parseOptions(process.argv.slice(2));
  if (options) await main(options);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
