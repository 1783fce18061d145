// Squeezes pictures of digits into 16 numbers and unfolds them again; draws what comes back.
// `npx tsx examples/autoencoder.ts [IMAGES [EPOCHS [FILE.png]]]`
import {writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {layers, sequential} from 'chainrule';
import {readDigits} from './mnist/idx.ts';
import {grayPng} from './mnist/png.ts';

const [count = '60000', epochs = '10', file = path.join(tmpdir(), 'autoencoder.png')] = process.argv.slice(2);
const [pixels, side, shown] = [784, 28, 12];
const {train, test} = readDigits();
/** Bytes 0…255 are read as 0…1 where they lie. */
const pictures = (bytes: Uint8Array) => ({
  data: bytes,
  shape: [bytes.length / pixels, pixels],
  scale: 1 / 255,
});

const model = sequential([
  layers.dense({units: 128, activation: 'relu', inputShape: [pixels]}),
  layers.dense({units: 16, name: 'code'}),
  layers.dense({units: 128, activation: 'relu'}),
  layers.dense({units: pixels, activation: 'sigmoid'}),
]);
model.compile({optimizer: 'adam', loss: 'binaryCrossentropy', metrics: ['meanAbsoluteError']});
// The picture is what goes in, and what is to come out.
const x = pictures(train.images.subarray(0, Number(count) * pixels));
const {history} = await model.fit(x, x, {epochs: Number(epochs), batchSize: 128, verbose: 2});

const seen = pictures(test.images.subarray(0, shown * pixels));
const {data: unfolded} = await model.predict(seen);
// Above what went in, below what came back.
const width = shown * side;
const image = new Uint8Array(2 * side * width);
for (let at = 0; at < shown * pixels; at++) {
  const [picture, row, column] = [Math.floor(at / pixels), Math.floor(at / side) % side, at % side];
  const place = row * width + picture * side + column;
  image[place] = seen.data[at] as number;
  image[side * width + place] = Math.round(255 * (unfolded[at] as number));
}
writeFileSync(file, grayPng(image, width));
const unseen = pictures(test.images);
const {meanAbsoluteError} = await model.evaluate(unseen, unseen);
console.log(`loss ${history.loss?.at(-1)?.toFixed(4)}, test pixels off by ${meanAbsoluteError?.toFixed(4)}`);
console.log(`drawn to ${file}`);
