// A variational autoencoder (Kingma and Welling 2014) with a training step of its own: digits become points
// of a plane; draws what lies between them.
// `npx tsx examples/variational-autoencoder.ts [IMAGES [EPOCHS [FILE.png]]]`
import {tmpdir} from 'node:os';
import path from 'node:path';
import {compile, input, layers, minimize, model, ops, type Tensor} from 'chainrule';
import {readDigits} from './mnist/idx.ts';
import {picturesOf, writeMosaic} from './mnist/mosaic.ts';

const [count = '20000', epochs = '24', file = path.join(tmpdir(), 'variational-autoencoder.png')] =
  process.argv.slice(2);
const [side, batch, shown] = [28, 128, 15];
const {train, test} = readDigits();
const pixels = side * side;
const images = Math.floor(Number(count) / batch) * batch;

// From a picture to the mean and the logarithm of the variance of a point; from a point to a picture.
const picture = input({shape: [side, side, 1]});
const conv = {kernelSize: 3, strides: 2, padding: 'same', activation: 'relu'} as const;
const seen = layers
  .conv2d({filters: 32, ...conv})
  .apply(layers.conv2d({filters: 16, ...conv}).apply(picture));
const features = layers.dense({units: 32, activation: 'relu'}).apply(layers.flatten().apply(seen));
const place = [layers.dense({units: 2}).apply(features), layers.dense({units: 2}).apply(features)] as const;
const code = input({shape: [2]});
const small = layers.dense({units: 7 * 7 * 32, activation: 'relu'}).apply(code);
const unfolded = [
  layers.reshape({targetShape: [7, 7, 32]}),
  layers.conv2dTranspose({filters: 32, ...conv}),
  layers.conv2dTranspose({filters: 16, ...conv}),
  layers.conv2d({filters: 1, kernelSize: 3, padding: 'same'}),
].reduce((value, layer) => layer.apply(value), small);
// Both are parts of one model, so that one step trains them.
const whole = model({inputs: [picture, code], outputs: [...place, unfolded]});
const encoder = model({inputs: picture, outputs: place});
const decoder = model({inputs: code, outputs: unfolded});

// A step: pictures by number, a point drawn around each mean, its picture, and both parts of the loss.
const x = ops.input({name: 'x', shape: [-1, side, side, 1], dtype: 'uint8'});
const rows = ops.input({name: 'rows', shape: [batch], dtype: 'int32', perStep: true});
const seed = ops.input({name: 'seed', shape: [2], dtype: 'int32'});
const number = ops.input({name: 'step', shape: [1], dtype: 'int32', perStep: true});
const given = ops.gatherRows(x, rows, {scale: 1 / 255});
const [mean, logVariance] = encoder.call(given, {training: true}) as [Tensor, Tensor];
const noise = ops.randomNormal({seed, step: number, stream: 0}, [batch, 2]);
const point = ops.add(mean, ops.mul(noise, ops.exp(ops.mul(logVariance, 0.5))));
const logits = decoder.call(point, {training: true}) as Tensor;
// −log p(picture | point): softplus(l) − t·l, summed over pixels.
const unlike = ops.sum(ops.sub(ops.softplus(logits), ops.mul(given, logits)), [1, 2, 3]);
// The divergence of the point's distribution from the standard normal.
const spread = ops.add(ops.sub(ops.square(mean), logVariance), ops.sub(ops.exp(logVariance), 1));
const loss = ops.mean(ops.add(unlike, ops.mul(ops.sum(spread, 1), 0.5)));
const update = minimize(loss, whole.trainableVariables, 'adam');
const step = compile({loss}, {updates: update.updates, guards: update.guards});

const steps = images / batch;
const order = Int32Array.from({length: images}, (_, row) => (row * 7919) % images);
let last = Number.NaN;
for (let epoch = 0; epoch < Number(epochs); epoch++) {
  const first = epoch * steps;
  const result = await step.run(
    {
      x: train.images.subarray(0, images * pixels),
      rows: order,
      seed: Int32Array.of(1, 0),
      step: Int32Array.from({length: steps}, (_, at) => first + at),
      hyper: update.hyper(first, steps),
    },
    {steps},
  );
  last = Float32Array.from(result.loss.data).reduce((sum, each) => sum + each, 0) / steps;
  console.log(`epoch ${epoch + 1}: ${last.toFixed(2)}`);
}

// Points of a grid, as far apart as quantiles of the normal would have them, and their pictures.
const quantile = (share: number): number => Math.sqrt(2) * inverseErf(2 * share - 1);
const places = Array.from({length: shown}, (_, at) => quantile((at + 0.5) / shown));
const points = places.flatMap(y => places.map(across => [across, -y]));
const sigmoid = (value: number): number => 1 / (1 + Math.exp(-value));
const drawn = picturesOf(Float32Array.from((await decoder.predict(points)).data, sigmoid), side);
writeMosaic(
  file,
  places.map((_, row) => drawn.slice(row * shown, (row + 1) * shown)),
  side,
);

// How well points alone tell the digits apart: by the nearest neighbour among others.
const tried = 500;
const [codes] = (await encoder.predict({
  data: test.images.subarray(0, tried * pixels),
  shape: [tried, side, side, 1],
  scale: 1 / 255,
})) as unknown as {data: Float32Array}[];
const at = (index: number, axis: number): number => codes?.data[2 * index + axis] as number;
const right = Array.from({length: tried}, (_, own) => {
  const distance = (other: number): number =>
    other === own ? Infinity : Math.hypot(at(own, 0) - at(other, 0), at(own, 1) - at(other, 1));
  const nearest = Array.from({length: tried}, (__, other) => other).reduce((a, b) =>
    distance(b) < distance(a) ? b : a,
  );
  return test.labels[nearest] === test.labels[own];
}).filter(Boolean).length;
console.log(`loss ${last.toFixed(2)}, neighbours of the same digit ${(right / tried).toFixed(3)}`);
console.log(`drawn to ${file}`);

/** By Winitzki's approximation (2008), good to a hundredth. */
function inverseErf(value: number): number {
  const log = Math.log(1 - value * value);
  const half = 2 / (Math.PI * 0.147) + log / 2;
  return Math.sign(value) * Math.sqrt(Math.sqrt(half * half - log / 0.147) - half);
}
