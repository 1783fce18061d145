// A U-Net (Ronneberger et al. 2015) that finds shapes among noise and lines: pictures are drawn by a seeded
// generator. `npx tsx examples/unet.ts [IMAGES [EPOCHS [FILE.png]]]`
import {tmpdir} from 'node:os';
import path from 'node:path';
import {input, layers, metrics, model, type SymbolicTensor} from 'chainrule';
import {picturesOf, writeMosaic} from './mnist/mosaic.ts';

const [count = '2000', epochs = '8', file = path.join(tmpdir(), 'unet.png')] = process.argv.slice(2);
const [side, shown, held] = [48, 10, 200];

/** Uniform in [0, 1) (mulberry32, Ettinger 2017). */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), state | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A disc, a box or a triangle: whether a pixel lies within. */
function shape(random: () => number): (x: number, y: number) => boolean {
  const [cx, cy, r] = [random() * side, random() * side, 5 + random() * 9];
  const kind = Math.floor(random() * 3);
  const turn = random() * Math.PI;
  return (x, y) => {
    const [dx, dy] = [x - cx, y - cy];
    const [u, v] = [dx * Math.cos(turn) + dy * Math.sin(turn), dy * Math.cos(turn) - dx * Math.sin(turn)];
    if (kind === 0) return dx * dx + dy * dy < r * r;
    if (kind === 1) return Math.abs(u) < r && Math.abs(v) < 0.7 * r;
    return v > -0.6 * r && Math.abs(u) < (r - v) * 0.7;
  };
}

/** Pictures of one to three shapes in noise, crossed by lines, and which pixels are theirs. */
function draw(images: number, seed: number) {
  const random = generator(seed);
  const [x, y] = [new Float32Array(images * side * side), new Float32Array(images * side * side)];
  for (let image = 0; image < images; image++) {
    const shapes = Array.from({length: 1 + Math.floor(random() * 3)}, () => shape(random));
    const [bright, slope, cut] = [0.35 + 0.3 * random(), random() * 2 - 1, random() * side];
    for (let at = 0; at < side * side; at++) {
      const [row, column] = [Math.floor(at / side), at % side];
      const isShape = shapes.some(inside => inside(column, row));
      const isLine = Math.abs(row - cut - slope * column) < 1;
      const place = image * side * side + at;
      y[place] = Number(isShape);
      x[place] = (isShape ? bright : 0.15) + (isLine ? 0.3 : 0) + 0.35 * (random() - 0.5);
    }
  }
  const sizes = [images, side, side, 1];
  return {x: {data: x, shape: sizes}, y: {data: y, shape: sizes}};
}

/** Two convolutions of 3 × 3, each with batch normalization. */
function twice(filters: number, x: SymbolicTensor): SymbolicTensor {
  const once = (from: SymbolicTensor): SymbolicTensor => {
    const sums = layers.conv2d({filters, kernelSize: 3, padding: 'same', useBias: false}).apply(from);
    return layers.reLU().apply(layers.batchNormalization({momentum: 0.9}).apply(sums));
  };
  return once(once(x));
}

// Down: what is seen at each size is kept. Up: it is joined to what is known from farther away.
const picture = input({shape: [side, side, 1]});
const first = twice(8, picture);
const second = twice(16, layers.maxPooling2d().apply(first));
const deepest = twice(32, layers.maxPooling2d().apply(second));
const up = (filters: number, x: SymbolicTensor): SymbolicTensor =>
  layers.conv2dTranspose({filters, kernelSize: 2, strides: 2}).apply(x);
const third = twice(16, layers.concatenate().apply([second, up(16, deepest)]));
const last = twice(8, layers.concatenate().apply([first, up(8, third)]));
const outputs = layers.conv2d({filters: 1, kernelSize: 1, activation: 'sigmoid'}).apply(last);
const net = model({inputs: picture, outputs});

net.compile({
  optimizer: 'adam',
  loss: 'binaryCrossentropy',
  metrics: [metrics.iou({targetClassIds: [1]})],
});
net.optimizer.learningRate = 0.005;
const train = draw(Number(count), 1);
await net.fit(train.x, train.y, {epochs: Number(epochs), batchSize: 32, verbose: 2});
const unseen = draw(held, 2);
const {iou} = await net.evaluate(unseen.x, unseen.y);
const {data: found} = await net.predict(unseen.x);
const rows = [unseen.x.data, found, unseen.y.data].map(all => picturesOf(all, side).slice(0, shown));
writeMosaic(file, rows, side);
console.log(`intersection over union ${iou?.toFixed(4)} of ${held} pictures never seen`);
console.log(`drawn to ${file}`);
