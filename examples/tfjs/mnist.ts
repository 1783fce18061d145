// Handwritten digits by a convolutional network, with TensorFlow.js.
// `npx tsx examples/tfjs/mnist.ts [IMAGES [EPOCHS]]`
import * as tf from '@tensorflow/tfjs';
import 'chainrule/tfjs'; // the only line that is not TensorFlow.js
import {readDigits} from '../mnist/idx.ts';

const [count = '60000', epochs = '3'] = process.argv.slice(2);
const side = 28;

function tensorsOf({images, labels}: {images: Uint8Array; labels: Uint8Array}, most: number) {
  const size = Math.min(Math.floor(most), labels.length);
  const pixels = Float32Array.from(images.subarray(0, size * side * side), value => value / 255);
  const x = tf.tensor4d(pixels, [size, side, side, 1]);
  const y = tf.oneHot(tf.tensor1d(labels.slice(0, size), 'int32'), 10);
  return {x, y};
}

const initial = (seed: number) => tf.initializers.heNormal({seed});
const model = tf.sequential({
  layers: [
    tf.layers.conv2d({
      ...{filters: 8, kernelSize: 5, activation: 'relu', kernelInitializer: initial(1)},
      inputShape: [side, side, 1],
    }),
    tf.layers.maxPooling2d({poolSize: 2}),
    tf.layers.conv2d({filters: 16, kernelSize: 5, activation: 'relu', kernelInitializer: initial(2)}),
    tf.layers.maxPooling2d({poolSize: 2}),
    tf.layers.flatten(),
    tf.layers.dense({units: 10, activation: 'softmax', kernelInitializer: initial(3)}),
  ],
});
model.compile({optimizer: 'adam', loss: 'categoricalCrossentropy', metrics: ['accuracy']});

const digits = readDigits();
const train = tensorsOf(digits.train, Number(count));
let batches = 0;
await model.fit(train.x, train.y, {
  ...{epochs: Number(epochs), batchSize: 64, shuffle: false, verbose: 0, yieldEvery: 'never'},
  callbacks: {
    onBatchEnd: (_, logs) => {
      if (++batches <= 4) console.log(`batch ${batches}: loss ${logs?.loss?.toFixed(6)}`);
    },
    onEpochEnd: (epoch, logs) => console.log(`epoch ${epoch + 1}: loss ${logs?.loss?.toFixed(6)}`),
  },
});
const test = tensorsOf(digits.test, Number(count) / 6);
const [, accuracy] = model.evaluate(test.x, test.y, {batchSize: 256}) as [tf.Scalar, tf.Scalar];
console.log(`${tf.getBackend()}: test accuracy ${(await accuracy.data())[0]?.toFixed(4)}`);
