// Networks of images and sequences that the bench trains and predicts with: of each all but its last layer.
import {layers, type SymbolicTensor} from '../lib/index.ts';
import {mobileNetV1} from './mobile-net.ts';

/**
 * What keeps the size of an image, or halves it: Keras's `same`, which has more behind than before where a
 * stride skips the last pixel, or alike on both sides, as in PyTorch.
 */
export type Padding = 'same' | 'alike';

const paddingOf = (padding: Padding, kernelSize: number) =>
  padding === 'same' ? padding : Math.floor(kernelSize / 2);

/** Keras's first example of its kind. */
export function cnn(x: SymbolicTensor): SymbolicTensor {
  const first = layers.conv2d({filters: 32, kernelSize: 3, activation: 'relu'}).apply(x);
  const second = layers.conv2d({filters: 64, kernelSize: 3, activation: 'relu'}).apply(first);
  const flat = layers.flatten().apply(layers.maxPooling2d().apply(second));
  return layers.dense({units: 128, activation: 'relu'}).apply(flat);
}

const relu = (x: SymbolicTensor): SymbolicTensor => layers.reLU().apply(x);
const relu6 = (x: SymbolicTensor): SymbolicTensor => layers.reLU({maxValue: 6}).apply(x);
const pooled = (x: SymbolicTensor): SymbolicTensor => layers.globalAveragePooling2d().apply(x);

interface ConvShape {
  readonly filters: number;
  readonly kernelSize: number;
  readonly strides?: number;
  readonly padding?: Padding;
}

function normalizedConv(x: SymbolicTensor, {padding = 'same', ...shape}: ConvShape): SymbolicTensor {
  const conv = layers.conv2d({...shape, padding: paddingOf(padding, shape.kernelSize), useBias: false});
  return layers.batchNormalization().apply(conv.apply(x));
}

type Stage = Omit<ConvShape, 'kernelSize'>;

function residual(x: SymbolicTensor, {filters, ...rest}: Stage): SymbolicTensor {
  const first = relu(normalizedConv(x, {filters, kernelSize: 3, ...rest}));
  const inner = normalizedConv(first, {filters, kernelSize: 3});
  const shortcut = rest.strides === 1 ? x : normalizedConv(x, {filters, kernelSize: 1, ...rest});
  return relu(layers.add().apply([inner, shortcut]));
}

/** ResNet-8. */
export function resnet(x: SymbolicTensor, padding: Padding = 'same'): SymbolicTensor {
  let y = relu(normalizedConv(x, {filters: 16, kernelSize: 3}));
  for (const [filters, strides] of [
    [16, 1],
    [32, 2],
    [64, 2],
  ] as const) {
    y = residual(y, {filters, strides, padding});
  }
  return pooled(y);
}

function separable(x: SymbolicTensor, {filters, strides = 1, padding = 'same'}: Stage): SymbolicTensor {
  const sizes = {kernelSize: 3, strides, padding: paddingOf(padding, 3)};
  const depthwise = layers.depthwiseConv2d({...sizes, useBias: false});
  const inner = relu6(layers.batchNormalization().apply(depthwise.apply(x)));
  return relu6(normalizedConv(inner, {filters, kernelSize: 1}));
}

export function mobileNetBlocks(x: SymbolicTensor, padding: Padding = 'same'): SymbolicTensor {
  const first = separable(x, {filters: 64});
  return pooled(separable(separable(first, {filters: 128, strides: 2, padding}), {filters: 128}));
}

/** MobileNetV1 of this share of its channels. */
export function mobileNet(x: SymbolicTensor, width: number): SymbolicTensor {
  let y = relu6(normalizedConv(x, {filters: 32 * width, kernelSize: 3, strides: 2}));
  for (const [filters, strides] of mobileNetV1) y = separable(y, {filters: filters * width, strides});
  return pooled(y);
}

/** A temporal convolutional network: each level reaches twice as far back. */
export function temporal(x: SymbolicTensor): SymbolicTensor {
  let y = x;
  for (let level = 0; level < 4; level++) {
    const conv = layers.conv1d({filters: 64, kernelSize: 3, dilationRate: 2 ** level, padding: 'causal'});
    y = relu(layers.layerNormalization({epsilon: 1e-5}).apply(conv.apply(y)));
  }
  return layers.globalAveragePooling1d().apply(y);
}
