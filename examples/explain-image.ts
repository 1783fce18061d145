// Where a network looks: draws digits, how strongly each pixel changes the score of the digit (saliency), and
// where the features lie that speak for it (class activation map).
// `npx tsx examples/explain-image.ts [IMAGES [EPOCHS [FILE.png]]]`
import {tmpdir} from 'node:os';
import path from 'node:path';
import {
  compile,
  gradients,
  layers,
  losses,
  model,
  ops,
  type Sequential,
  sequential,
  type Tensor,
} from 'chainrule';
import {readDigits} from './mnist/idx.ts';
import {writeMosaic} from './mnist/mosaic.ts';

const [count = '20000', epochs = '3', file = path.join(tmpdir(), 'explain-image.png')] =
  process.argv.slice(2);
const side = 28;
const {train, test} = readDigits();
const pictures = ({images}: {images: Uint8Array}, many: number) => ({
  data: Float32Array.from(images.subarray(0, many * side * side), byte => byte / 255),
  shape: [many, side, side, 1],
});

const conv = {kernelSize: 3, padding: 'same', activation: 'relu'} as const;
const net = sequential([
  layers.conv2d({filters: 16, ...conv, inputShape: [side, side, 1]}),
  layers.conv2d({filters: 16, ...conv, strides: 2}),
  layers.conv2d({filters: 32, ...conv}),
  layers.conv2d({filters: 32, ...conv}),
  layers.globalAveragePooling2d(),
  layers.dense({units: 10}),
]);
net.compile({
  optimizer: 'adam',
  loss: losses.sparseCategoricalCrossentropy({fromLogits: true}),
  metrics: ['accuracy'],
});

/** The gradient of a score by the image (Simonyan et al. 2014). */
async function saliency(of: Sequential, image: Float32Array, digit: number): Promise<Float32Array> {
  const x = ops.input({name: 'x', shape: [1, ...of.inputShape]});
  const [gradient] = gradients(ops.sum(ops.slice(of.call(x) as Tensor, 1, digit, 1)), [x]);
  const strongest = ops.max(ops.abs(gradient as Tensor), -1);
  return (await compile(strongest).run({x: image})).data as Float32Array;
}

/** The features before the average, each times its weight for the class (Zhou et al. 2016). */
async function classActivationMap(of: Sequential, image: Float32Array, digit: number): Promise<Float32Array> {
  const features = model({inputs: of.input, outputs: of.getLayer(-2).input});
  const y = await features.predict({data: image, shape: [1, ...of.inputShape]});
  const kernel = of.getLayer(-1).getWeights()[0]?.data as Float32Array;
  const [, rows = 1, columns = 1, channels = 1] = y.shape;
  return Float32Array.from({length: rows * columns}, (_, pixel) => {
    const own = y.data.subarray(pixel * channels, (pixel + 1) * channels);
    return own.reduce((sum: number, f: number, c: number) => sum + f * (kernel[c * 10 + digit] as number), 0);
  });
}

/** From 0 to its largest number, as large as a digit: each of its pixels is four of those. */
function shown(map: Float32Array): Float32Array {
  const own = Math.sqrt(map.length);
  const most = Math.max(...map, 1e-9);
  return Float32Array.from({length: side * side}, (_, at) => {
    const [row, column] = [Math.floor(at / side), at % side].map(place => Math.floor((place * own) / side));
    return (map[(row as number) * own + (column as number)] as number) / most;
  });
}

await net.fit(pictures(train, Number(count)), train.labels.subarray(0, Number(count)), {
  ...{epochs: Number(epochs), batchSize: 64, verbose: 2},
});
const {accuracy} = await net.evaluate(pictures(test, 2000), test.labels.subarray(0, 2000));
const {data} = pictures(test, 200);
// The first of each digit.
const chosen = Array.from({length: 10}, (_, digit) => test.labels.indexOf(digit));
const images = chosen.map(at => data.slice(at * side * side, (at + 1) * side * side));
const rows: Float32Array[][] = [images, [], []];
for (const [digit, image] of images.entries()) {
  rows[1]?.push(shown(await saliency(net, image, digit)));
  rows[2]?.push(shown(await classActivationMap(net, image, digit)));
}
writeMosaic(file, rows, side);
console.log(`test accuracy ${accuracy?.toFixed(4)}`);
console.log(`drawn to ${file}`);
