// A residual network (He et al. 2016) with batch normalization and augmentation, on pictures of clothes where
// Debian's package dataset-fashion-mnist is there, else on digits; draws what it gets wrong and its curve.
// `npx tsx examples/resnet.ts [IMAGES [EPOCHS [FOLDER]]]`
import {existsSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {input, layers, losses, model, optimizers, type SymbolicTensor, schedules} from 'chainrule';
import {drawLines, lineOf} from '../scripts/pictures/lines.ts';
import {fashionFolder, readDigits, readFashion} from './mnist/idx.ts';
import {picturesOf, writeMosaic} from './mnist/mosaic.ts';

const [count = '60000', rounds = '16', folder = tmpdir()] = process.argv.slice(2);
const [images, epochs] = [Number(count), Number(rounds)];
const [side, batchSize] = [28, 128];
const isFashion = existsSync(fashionFolder);
const {train, test} = isFashion ? readFashion() : readDigits();
/** Bytes stay bytes in memory. */
const pictures = (bytes: Uint8Array, many: number) => ({
  data: bytes.subarray(0, many * side * side),
  shape: [many, side, side, 1],
});

function conv(filters: number, strides: number, x: SymbolicTensor, kernelSize = 3): SymbolicTensor {
  const options = {filters, kernelSize, strides, padding: 'same', useBias: false} as const;
  const sums = layers.conv2d({...options, kernelInitializer: 'heNormal'}).apply(x);
  return layers.batchNormalization({momentum: 0.9}).apply(sums);
}

const relu = (x: SymbolicTensor): SymbolicTensor => layers.reLU().apply(x);

/** Two convolutions, and what went in, brought to the same size. */
function block(filters: number, strides: number, x: SymbolicTensor): SymbolicTensor {
  const inner = conv(filters, 1, relu(conv(filters, strides, x)));
  const isSame = strides === 1 && x.shape.at(-1) === filters;
  return relu(layers.add().apply([inner, isSame ? x : conv(filters, strides, x, 1)]));
}

/** In training moved by up to a pixel, and mirrored; digits would not be the same in a mirror. */
function augmented(x: SymbolicTensor): SymbolicTensor {
  const larger = layers.zeroPadding2d({padding: 1}).apply(x);
  const moved = layers.randomCrop({height: side, width: side}).apply(larger);
  return isFashion ? layers.randomFlip({mode: 'horizontal'}).apply(moved) : moved;
}

const picture = input({shape: [side, side, 1]});
const scaled = layers.rescaling({scale: 1 / 255}).apply(picture);
let x = block(32, 1, relu(conv(32, 1, augmented(scaled))));
for (const filters of [64, 128]) x = block(filters, 2, x);
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
    // High rates in between make a few epochs do (Smith and Topin 2018).
    learningRate: schedules.oneCycle({
      maxLearningRate: 0.2,
      totalSteps: Math.max(2, epochs * Math.ceil(images / batchSize)),
    }),
  }),
  loss: losses.sparseCategoricalCrossentropy({labelSmoothing: 0.1}),
  metrics: ['accuracy'],
});
const tested = Math.min(test.labels.length, images);
const unseen = pictures(test.images, tested);
const {history} = await net.fit(pictures(train.images, images), train.labels.subarray(0, images), {
  epochs,
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
const [columns, rows] = [20, 8];
const bright = Float32Array.from(test.images, byte => byte / 255);
const chosen = wrong.slice(0, columns * rows);
const shown = picturesOf(bright, side).filter((_, row) => chosen.includes(row));
const name = isFashion ? 'clothes' : 'digits';
const mosaic = path.join(folder, `resnet-${name}-wrong.png`);
const lines = Array.from({length: Math.max(1, Math.ceil(shown.length / columns))}, (_, row) =>
  shown.slice(row * columns, (row + 1) * columns),
);
writeMosaic(mosaic, lines, side);
const missed = (accuracies: readonly number[] = []) => accuracies.map(share => 100 * (1 - share));
const curve = path.join(folder, `resnet-${name}-curve.svg`);
writeFileSync(
  curve,
  drawLines(
    [
      lineOf('in training, augmented', missed(history.accuracy)),
      lineOf('never seen', missed(history.val_accuracy)),
    ],
    {title: `A residual network on ${name}`, xName: 'epochs', yName: 'wrong answers, %', dots: true},
  ),
);
const accuracy = 1 - wrong.length / guesses.length;
console.log(`test accuracy ${accuracy.toFixed(4)} on ${name}, ${wrong.length} wrong`);
console.log(`drawn to ${mosaic} and ${curve}`);
