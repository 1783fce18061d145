// Learns to write like a text, character by character, by an LSTM, with TensorFlow.js.
// `npx tsx examples/tfjs/text-generator.ts [FILE [SAMPLES [EPOCHS]]]`
import {readFileSync} from 'node:fs';
import path from 'node:path';
import * as tf from '@tensorflow/tfjs';
import 'chainrule/tfjs'; // the only line that is not TensorFlow.js
import {drawn, seededRandom, shuffled} from '../shared/seeded.ts';

const manifest = path.resolve('ARCHITECTURE.md');
const [file = manifest, samples = '2000', epochs = '10'] = process.argv.slice(2);
const [length, units, batchSize] = [20, 64, 64];
const text = readFileSync(file, 'utf8').replace(/\s+/g, ' ');
const characters = [...new Set(text)].sort();
const codes = Array.from(text, character => characters.indexOf(character));
const random = seededRandom(7);

/** Pieces of the text, each character a row with a single one, and the character that follows each. */
function pieces(count: number): {x: tf.Tensor3D; y: tf.Tensor2D} {
  const starts = shuffled(codes.length - length, random).slice(0, count);
  const rows = starts.flatMap(start => codes.slice(start, start + length));
  const next = starts.map(start => codes[start + length] as number);
  const x = tf.tidy(() => {
    const single = tf.oneHot(tf.tensor1d(rows, 'int32'), characters.length);
    return single.cast('float32').reshape([starts.length, length, characters.length]) as tf.Tensor3D;
  });
  return {x, y: tf.oneHot(tf.tensor1d(next, 'int32'), characters.length) as tf.Tensor2D};
}

const initial = (seed: number) => tf.initializers.glorotUniform({seed});
const model = tf.sequential({
  layers: [
    tf.layers.lstm({
      ...{units, kernelInitializer: initial(1), recurrentInitializer: initial(2)},
      inputShape: [length, characters.length],
    }),
    tf.layers.dense({units: characters.length, activation: 'softmax', kernelInitializer: initial(3)}),
  ],
});
model.compile({optimizer: tf.train.rmsprop(0.01), loss: 'categoricalCrossentropy'});

const {x, y} = pieces(Number(samples));
await model.fit(x, y, {
  ...{epochs: Number(epochs), batchSize, shuffle: false, verbose: 0},
  callbacks: {
    onEpochEnd: (epoch, logs) => console.log(`epoch ${epoch + 1}: loss ${logs?.loss?.toFixed(6)}`),
  },
});

/** More of the text: each next character is drawn by its probability; below 1, `temperature` dares less. */
function written(start: readonly number[], count: number, temperature: number): string {
  const all = [...start];
  for (let step = 0; step < count; step++) {
    const probabilities = tf.tidy(() => {
      const last = tf.oneHot(tf.tensor1d(all.slice(-length), 'int32'), characters.length);
      const output = model.predict(last.cast('float32').expandDims(0)) as tf.Tensor2D;
      return tf.softmax(output.log().div(temperature)).dataSync();
    });
    all.push(drawn(probabilities, random));
  }
  return all.map(code => characters[code]).join('');
}

console.log(`${tf.getBackend()}: ${written(codes.slice(0, length), 60, 0.5)}`);
