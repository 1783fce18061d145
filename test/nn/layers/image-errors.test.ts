// What layers of images refuse: each error names the layer, what it got, and what to write instead.
import {describe, expect, it} from 'vitest';
import {input, type Layer, layers, ops} from '../../../lib/index.ts';
import {untyped} from '../../support/refusals.ts';

const images = (...shape: number[]) => input({shape});
const applied = (make: () => Layer, ...shape: number[]) => make().apply(images(...shape));

const refusals: [string, () => unknown, RegExp][] = [
  [
    'channels first',
    () => layers.conv2d({filters: 1, kernelSize: 3, dataFormat: 'channelsFirst'}),
    /^layers\.conv2d: dataFormat: channels are .* Put layers\.permute\(\{dims: \[2, 3, 1\]\}\)/,
  ],
  [
    'strides with dilation',
    () => layers.conv1d({filters: 1, kernelSize: 3, strides: 2, dilationRate: 2}),
    /^layers\.conv1d: strides \[2\] and dilationRate \[2\] cannot both be above 1, as in Keras; ops\.conv/,
  ],
  [
    'an even kernel with causal padding and strides',
    () => layers.conv1d({filters: 1, kernelSize: 4, strides: 2, padding: 'causal'}),
    /^layers\.conv1d: a kernel of even size \[4\] with causal .* strides \[2\] .*; padding: \[\[3, 0\]\]/,
  ],
  [
    'a kernel larger than the image',
    () => applied(() => layers.conv2d({filters: 1, kernelSize: 5, name: 'large'}), 3, 9, 1),
    /^conv: a kernel of \[5,5\] is larger than the image \[2,3,9,1\] along axis 1; padding: .* in large\.$/,
  ],
  [
    'a dilated kernel larger than the image',
    () => applied(() => layers.conv1d({filters: 1, kernelSize: 3, dilationRate: 4}), 8, 1),
    /^conv: a kernel of \[3\], which reaches over 9, is larger than the image \[2,8,1\]/,
  ],
  [
    'groups that do not divide the channels',
    () => applied(() => layers.conv2d({filters: 4, kernelSize: 1, groups: 2, name: 'grouped'}), 4, 4, 3),
    /^grouped: 2 groups do not divide 3 channels of samples \[4,4,3\]\. groups: 1 joins all channels\.$/,
  ],
  [
    'groups that do not divide the filters',
    () => layers.conv2d({filters: 3, kernelSize: 1, groups: 2}),
    /^layers\.conv2d: filters: 3 must be a multiple of the 2 groups\.$/,
  ],
  [
    'samples without channels',
    () => applied(() => layers.conv2d({filters: 1, kernelSize: 1, name: 'first'}), 28, 28),
    /^first: expected samples \[height, width, channels\]\. Received \[28,28\]; .*Shape: \[28, 28, 1\]\}\)/,
  ],
  [
    'samples of another rank',
    () => applied(() => layers.maxPooling1d({name: 'pool'}), 4, 4, 4, 1),
    /^pool: expected samples \[steps, channels\]\. Received \[4,4,4,1\]; layers\.reshape/,
  ],
  [
    'a kernel size of too many axes',
    () => layers.conv2d({filters: 1, kernelSize: [3, 3, 3]}),
    /^layers\.conv2d: kernelSize: expected a number, or 2 of them\. Received/,
  ],
  [
    'causal of images',
    () => layers.conv2d({filters: 1, kernelSize: 3, padding: untyped('causal')}),
    /^layers\.conv2d: padding: .*valid.*same/,
  ],
  [
    'outputPadding of a stride',
    () => layers.conv2dTranspose({filters: 1, kernelSize: 3, strides: 2, outputPadding: 2}),
    /^layers\.conv2dTranspose: outputPadding: 2 must be less than the stride 2\.$/,
  ],
  [
    'cropping that leaves nothing',
    () => applied(() => layers.cropping2d({cropping: 2, name: 'crop'}), 4, 9, 1),
    /^crop: cropping \[2,2,2,2\] leaves nothing of samples \[4,9,1\]\. Crop less/,
  ],
  [
    'groups of channels that do not divide them',
    () => applied(() => layers.groupNormalization({name: 'norm'}), 4, 4, 20),
    /^norm: 32 groups do not divide 20 channels of samples \[4,4,20\]\. groups: 1/,
  ],
  [
    'an unknown interpolation',
    () => layers.upSampling2d({interpolation: untyped('cubist')}),
    /^layers\.upSampling2d: interpolation: /,
  ],
  [
    'a kernel of ops with other channels',
    () => ops.conv(ops.ones([1, 4, 4, 3]), ops.ones([3, 3, 2, 5])),
    /^conv: x has 3 channels, the kernel 2\. Received x \[1,4,4,3\] and kernel \[3,3,2,5\]\.$/,
  ],
  [
    'a kernel of ops of another rank',
    () => ops.conv(ops.ones([1, 4, 4, 3]), ops.ones([3, 3, 5])),
    /^conv: the kernel must be \[size, size, channels, outputs\]\. Received x/,
  ],
  [
    'no windows to share an image out to',
    () => layers.adaptiveMaxPooling2d({outputSize: 0}),
    /^layers\.adaptiveMaxPooling2d: outputSize: expected an integer >= 1/,
  ],
  [
    'one pixel repeated no times',
    () => layers.upSampling3d({size: [1, 0, 2]}),
    /^layers\.upSampling3d: size: expected an integer >= 1/,
  ],
  [
    'negative zeros around',
    () => layers.zeroPadding1d({padding: [-1, 1]}),
    /^layers\.zeroPadding1d: padding: expected an integer >= 0/,
  ],
  [
    'sides of too many axes',
    () => layers.cropping2d({cropping: [1, 1, 1]}),
    /^layers\.cropping2d: cropping: expected a number, or a number or \[before, after\] for each of 2/,
  ],
  [
    'a crop of nothing',
    () => layers.randomCrop({height: 0, width: 2}),
    /^layers\.randomCrop: height: expected an integer >= 1/,
  ],
  [
    'a way of resizing that is none',
    () => layers.resizing({height: 2, width: 2, interpolation: untyped('bilinaer')}),
    /^layers\.resizing: interpolation: .*Did you mean "bilinear"/,
  ],
  [
    'a way of resizing that is no text',
    () => layers.resizing({height: 2, width: 2, interpolation: untyped(0)}),
    /^layers\.resizing: interpolation: expected nearest.* Received 0/,
  ],
  [
    'more pixels than an axis can have',
    () => applied(() => layers.resizing({height: 2 ** 21, width: 1, name: 'tall'}), 2, 2, 1),
    /^resize: size \[2097152,1\]: an axis can have 1048576 pixels at most in tall\.$/,
  ],
  [
    'more zeros around than there is memory for',
    () => applied(() => layers.conv2d({filters: 1, kernelSize: 1, padding: 2 ** 24, name: 'wide'}), 2, 2, 1),
    /^conv: sizes, .* a result of \[2,33554434,33554434,1\] has more than .* numbers in wide\.$/,
  ],
  [
    'more steps than an axis can have',
    () => applied(() => layers.upSampling1d({size: 2 ** 24, name: 'long'}), 128, 1),
    /^repeat: .* a result of \[2,2147483648,1\] has more than 2147483647 along an axis in long\.$/,
  ],
  [
    'images that are no blocks',
    () => applied(() => layers.pixelUnshuffle({blockSize: 3}), 6, 4, 1),
    /^spaceToDepth: blocks of 3 · 3 pixels do not divide the images \[2,6,4,1\]/,
  ],
  [
    'a layer without a kernel',
    () => applied(() => layers.spectralNormalization({layer: layers.flatten(), name: 'spectral'}), 2, 2, 1),
    /^spectral: flatten has no weight named kernel to be normalized; layers\.dense and convolutions have\.$/,
  ],
  [
    'windows without a part of the image',
    () => ops.maxPool(ops.ones([1, 4, 4, 3]), 2, {padding: 2}),
    /^maxPool: the padding of axis 1 leaves a window of 2 without a part of the image \[1,4,4,3\]\.$/,
  ],
];

describe('layers and ops of images refuse', () => {
  it.each(refusals)('%s', (_, make, text) => {
    expect(make).toThrow(text);
  });
});
