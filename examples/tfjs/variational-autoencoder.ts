// Digits from two numbers: a variational autoencoder (Kingma and Welling 2014) that a loop of one's own
// trains, with TensorFlow.js. `npx tsx examples/tfjs/variational-autoencoder.ts [STEPS [FILE.png]]`
import {writeFileSync} from 'node:fs';
import * as tf from '@tensorflow/tfjs';
import 'chainrule/tfjs'; // the only line that is not TensorFlow.js
import {readDigits} from '../mnist/idx.ts';
import {grayPng} from '../mnist/png.ts';

const [steps = '2000', file] = process.argv.slice(2);
const [side, batchSize, codeSize] = [28, 64, 2];
const pixels = side * side;
const images = readDigits().train.images;

const initial = (seed: number) => tf.initializers.glorotUniform({seed});
const image = tf.input({shape: [pixels]});
const hidden = tf.layers.dense({units: 128, activation: 'relu', kernelInitializer: initial(1)}).apply(image);
const [mean, logVariance] = [2, 3].map(seed =>
  tf.layers.dense({units: codeSize, kernelInitializer: initial(seed)}).apply(hidden),
) as [tf.SymbolicTensor, tf.SymbolicTensor];
const encoder = tf.model({inputs: image, outputs: [mean, logVariance]});
const decoder = tf.sequential({
  layers: [
    tf.layers.dense({units: 128, activation: 'relu', inputShape: [codeSize], kernelInitializer: initial(4)}),
    tf.layers.dense({units: pixels, kernelInitializer: initial(5)}),
  ],
});

/** How unlikely the picture is, given its code, and how far codes are from a normal distribution. */
function lossOf(x: tf.Tensor2D, step: number): tf.Scalar {
  const [center, logOfVariance] = encoder.apply(x, {training: true}) as [tf.Tensor2D, tf.Tensor2D];
  const noise = tf.randomNormal(center.shape, 0, 1, 'float32', step + 1);
  const code = center.add(logOfVariance.mul(0.5).exp().mul(noise));
  const logits = decoder.apply(code, {training: true}) as tf.Tensor2D;
  const unlikely = tf.losses.sigmoidCrossEntropy(x, logits).mul(pixels);
  const apart = center.square().add(logOfVariance.exp()).sub(logOfVariance).sub(1).sum(1).mean().mul(0.5);
  return unlikely.add(apart).asScalar();
}

function batchAt(step: number): tf.Tensor2D {
  const first = ((step * batchSize) % (images.length / pixels - batchSize)) * pixels;
  const bytes = images.subarray(first, first + batchSize * pixels);
  return tf.tensor2d(
    Float32Array.from(bytes, value => value / 255),
    [batchSize, pixels],
  );
}

const optimizer = tf.train.adam(0.001);
for (let step = 0; step < Number(steps); step++) {
  const x = batchAt(step);
  const loss = optimizer.minimize(() => lossOf(x, step), true) as tf.Scalar;
  if (step < 4 || (step + 1) % 250 === 0) {
    console.log(`step ${step + 1}: loss ${(await loss.data())[0]?.toFixed(5)}`);
  }
  tf.dispose([x, loss]);
}

/** Pictures of codes on a grid, as one. */
function drawn(count: number): Uint8Array {
  const place = (index: number): number => (index / (count - 1)) * 4 - 2;
  const codes = Array.from({length: count * count}, (_, index) => [
    place(index % count),
    place(Math.floor(index / count)),
  ]);
  const values = tf.tidy(() => tf.sigmoid(decoder.predict(tf.tensor2d(codes)) as tf.Tensor2D).dataSync());
  const width = count * side;
  const all = new Uint8Array(width * width);
  for (let at = 0; at < all.length; at++) {
    const [row, column] = [Math.floor(at / width), at % width];
    const picture = Math.floor(row / side) * count + Math.floor(column / side);
    all[at] = Math.round(255 * (values[picture * pixels + (row % side) * side + (column % side)] as number));
  }
  return all;
}

if (file !== undefined) writeFileSync(file, grayPng(drawn(12), 12 * side));
const [first] = drawn(2);
console.log(`${tf.getBackend()}: ${tf.memory().numTensors} tensors, first pixel ${first}`);
