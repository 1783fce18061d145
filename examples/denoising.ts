// Learns to take noise away from pictures of digits, by convolutions; draws what it makes of noisy ones.
// `npx tsx examples/denoising.ts [IMAGES [EPOCHS [FILE.png]]]`
import {tmpdir} from 'node:os';
import path from 'node:path';
import {layers, sequential} from 'chainrule';
import {readDigits} from './mnist/idx.ts';
import {picturesOf, writeMosaic} from './mnist/mosaic.ts';

const [count = '20000', epochs = '4', file = path.join(tmpdir(), 'denoising.png')] = process.argv.slice(2);
const [side, shown, noise] = [28, 12, 0.5];
const {train, test} = readDigits();
const pixels = side * side;
const pictures = (bytes: Uint8Array, images: number) => ({
  data: bytes.subarray(0, images * pixels),
  shape: [images, side, side, 1],
  scale: 1 / 255,
});

const conv = {kernelSize: 3, strides: 2, padding: 'same', activation: 'relu'} as const;
const model = sequential([
  // In training every picture is as noisy as those below.
  layers.gaussianNoise({stddev: noise, inputShape: [side, side, 1]}),
  layers.conv2d({filters: 16, ...conv}),
  layers.conv2d({filters: 32, ...conv}),
  layers.conv2dTranspose({filters: 32, ...conv}),
  layers.conv2dTranspose({filters: 16, ...conv}),
  layers.conv2d({filters: 1, kernelSize: 3, padding: 'same', activation: 'sigmoid'}),
]);
model.compile({optimizer: 'adam', loss: 'binaryCrossentropy'});
const x = pictures(train.images, Number(count));
const {history} = await model.fit(x, x, {epochs: Number(epochs), batchSize: 128, verbose: 2});

// The first layer is off now: the noise of the tests comes from here, the same each time.
const clean = Float32Array.from(pictures(test.images, 1000).data, byte => byte / 255);
const normal = (at: number): number => {
  const uniform = (seed: number): number => {
    const x = Math.sin(seed * 12.9898 + 78.233) * 43758.5453;
    return Math.min(Math.max(x - Math.floor(x), 1e-9), 1);
  };
  return Math.sqrt(-2 * Math.log(uniform(2 * at + 1))) * Math.cos(2 * Math.PI * uniform(2 * at + 2));
};
const noisy = clean.map((value, at) => value + noise * normal(at));
const {data: cleaned} = await model.predict({data: noisy, shape: [1000, side, side, 1]});
const off = (values: ArrayLike<number>): number =>
  Math.sqrt(clean.reduce((sum, value, at) => sum + (value - (values[at] as number)) ** 2, 0) / clean.length);
writeMosaic(
  file,
  [noisy, cleaned, clean].map(all => picturesOf(all, side).slice(0, shown)),
  side,
);
console.log(
  `loss ${history.loss?.at(-1)?.toFixed(4)}, off by ${off(noisy).toFixed(4)} with noise, ` +
    `by ${off(cleaned).toFixed(4)} without`,
);
console.log(`drawn to ${file}`);
