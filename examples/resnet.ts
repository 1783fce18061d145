// A residual network (He et al. 2016) with batch normalization and augmentation, on pictures of clothes where
// Debian's package dataset-fashion-mnist is there, else on digits; draws what it gets wrong and its curve.
// `npx tsx examples/resnet.ts [IMAGES [EPOCHS [FOLDER]]]`
import {existsSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {input, layers, model, optimizers, type SymbolicTensor, schedules} from 'chainrule';
import {fashionFolder, readDigits, readFashion} from './mnist/idx.ts';
import {picturesOf, writeMosaic} from './mnist/mosaic.ts';

const [count = '60000', epochs = '30', folder = tmpdir()] = process.argv.slice(2);
const [side, batchSize] = [28, 128];
const isFashion = existsSync(fashionFolder);
const {train, test} = isFashion ? readFashion() : readDigits();
const images = Number(count);
const pictures = (bytes: Uint8Array, many: number) => ({
  data: bytes.subarray(0, many * side * side),
  shape: [many, side, side, 1],
});

function conv(filters: number, strides: number, x: SymbolicTensor, kernelSize = 3): SymbolicTensor {
  const options = {filters, kernelSize, strides, padding: 'same', useBias: false} as const;
  const decay = {kernelInitializer: 'heNormal'} as const;
  return layers.batchNormalization({momentum: 0.9}).apply(layers.conv2d({...options, ...decay}).apply(x));
}

/** Two convolutions, and what went in, brought to the same size. */
function block(filters: number, strides: number, x: SymbolicTensor): SymbolicTensor {
  const inner = conv(filters, 1, layers.reLU().apply(conv(filters, strides, x)));
  const same = strides === 1 && x.shape.at(-1) === filters;
  return layers.reLU().apply(layers.add().apply([inner, same ? x : conv(filters, strides, x, 1)]));
}

const picture = input({shape: [side, side, 1]});
// Bytes stay bytes in memory. Digits would not be the same mirrored.
const scaled = layers.rescaling({scale: 1 / 255}).apply(picture);
const mirrored = isFashion ? layers.randomFlip({mode: 'horizontal'}).apply(scaled) : scaled;
const shifted = layers
  .randomTranslation({heightFactor: 0.08, widthFactor: 0.08, fillMode: 'constant'})
  .apply(mirrored);
const erased = layers
  .randomErasing({factor: [0.5, 0.5], scale: [0.02, 0.2], valueRange: [0, 1]})
  .apply(shifted);
let x = layers.reLU().apply(conv(16, 1, erased));
for (const [filters, strides] of [
  [16, 1],
  [32, 2],
  [64, 2],
] as const) {
  x = block(filters, 1, block(filters, strides, x));
}
const outputs = layers
  .dense({units: 10, activation: 'softmax'})
  .apply(layers.globalAveragePooling2d().apply(x));
const net = model({inputs: picture, outputs});

net.compile({
  optimizer: optimizers.sgd({
    momentum: 0.9,
    nesterov: true,
    weightDecay: 0.0005,
    decoupledWeightDecay: false,
    learningRate: schedules.cosineDecay({
      initialLearningRate: 0.01,
      warmupTarget: 0.1,
      warmupSteps: Math.ceil(images / batchSize),
      decaySteps: Number(epochs) * Math.ceil(images / batchSize),
    }),
  }),
  loss: 'sparseCategoricalCrossentropy',
  metrics: ['accuracy'],
});
const tested = Math.min(test.labels.length, images);
const unseen = pictures(test.images, tested);
const {history} = await net.fit(pictures(train.images, images), train.labels.subarray(0, images), {
  epochs: Number(epochs),
  batchSize,
  validationData: [unseen, test.labels.subarray(0, tested)],
  verbose: 2,
});

const {data: probabilities} = await net.predict(unseen);
const guesses = Array.from({length: tested}, (_, row) => {
  const own = probabilities.subarray(10 * row, 10 * row + 10);
  return own.indexOf(Math.max(...own));
});
const wrong = [...guesses.keys()].filter(row => guesses[row] !== test.labels[row]);
const all = picturesOf(
  Float32Array.from(test.images, byte => byte / 255),
  side,
);
const [columns, rows] = [16, 8];
const chosen = wrong.slice(0, columns * rows).map(row => all[row] as ArrayLike<number>);
const name = isFashion ? 'clothes' : 'digits';
const mosaic = path.join(folder, `resnet-${name}-wrong.png`);
writeMosaic(
  mosaic,
  Array.from({length: Math.max(1, Math.ceil(chosen.length / columns))}, (_, row) =>
    chosen.slice(row * columns, (row + 1) * columns),
  ),
  side,
);
const curve = path.join(folder, `resnet-${name}-curve.svg`);
writeFileSync(curve, curveOf({training: history.accuracy ?? [], test: history.val_accuracy ?? []}));
const accuracy = 1 - wrong.length / guesses.length;
console.log(`test accuracy ${accuracy.toFixed(4)} on ${name}, ${wrong.length} wrong`);
console.log(`drawn to ${mosaic} and ${curve}`);

/** Lines over the epochs, from the least to the most that they reach. */
function curveOf(lines: Readonly<Record<string, readonly number[]>>): string {
  const [width, height, left, bottom] = [560, 300, 60, 40];
  const values = Object.values(lines).flat();
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const longest = Math.max(2, ...Object.values(lines).map(line => line.length));
  const place = (value: number, epoch: number): string => {
    const across = left + (epoch / (longest - 1)) * (width - left - 20);
    const up = height - bottom - ((value - low) / Math.max(high - low, 1e-9)) * (height - bottom - 20);
    return `${across.toFixed(1)},${up.toFixed(1)}`;
  };
  const colors = ['#999999', '#1f6feb'];
  const drawn = Object.entries(lines).map(([title, line], index) => {
    const [color, y] = [colors[index], height - bottom - 40 + 18 * index];
    const points = line.map(place).join(' ');
    const path = `<polyline fill="none" stroke="${color}" stroke-width="2" points="${points}"/>`;
    return `<g fill="${color}">${path}<text x="${width - 110}" y="${y}">${title}</text></g>`;
  });
  const axis = [low, high].map(value => {
    const [, y] = place(value, 0).split(',');
    return `<text x="8" y="${y}">${value.toFixed(3)}</text>`;
  });
  const size = `width="${width}" height="${height}"`;
  const head = `<svg xmlns="http://www.w3.org/2000/svg" ${size} font-family="sans-serif" font-size="13">`;
  const paper = '<rect width="100%" height="100%" fill="white"/>';
  const below = `<text x="${width / 2}" y="${height - 10}">epochs</text>`;
  return `${head}${paper}${drawn.join('')}${axis.join('')}${below}</svg>\n`;
}
