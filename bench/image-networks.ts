// Networks of images and sequences that the bench trains and predicts with: of each all but its last layer.
import {layers, type SymbolicTensor} from '../lib/index.ts';
import {mobileNetV1} from './mobile-net.ts';

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

function normalizedConv(x: SymbolicTensor, filters: number, kernelSize: number, strides = 1): SymbolicTensor {
  const conv = layers.conv2d({filters, kernelSize, strides, padding: 'same', useBias: false});
  return layers.batchNormalization().apply(conv.apply(x));
}

function residual(x: SymbolicTensor, filters: number, strides: number): SymbolicTensor {
  const inner = normalizedConv(relu(normalizedConv(x, filters, 3, strides)), filters, 3);
  const shortcut = strides === 1 ? x : normalizedConv(x, filters, 1, strides);
  return relu(layers.add().apply([inner, shortcut]));
}

/** ResNet-8. */
export function resnet(x: SymbolicTensor): SymbolicTensor {
  const first = relu(normalizedConv(x, 16, 3));
  return pooled(residual(residual(residual(first, 16, 1), 32, 2), 64, 2));
}

function separable(x: SymbolicTensor, filters: number, strides: number): SymbolicTensor {
  const depthwise = layers.depthwiseConv2d({kernelSize: 3, strides, padding: 'same', useBias: false});
  const inner = relu6(layers.batchNormalization().apply(depthwise.apply(x)));
  return relu6(normalizedConv(inner, filters, 1));
}

export const mobileNetBlocks = (x: SymbolicTensor): SymbolicTensor =>
  pooled(separable(separable(separable(x, 64, 1), 128, 2), 128, 1));

/** MobileNetV1 of this share of its channels. */
export function mobileNet(x: SymbolicTensor, width: number): SymbolicTensor {
  const first = relu6(normalizedConv(x, 32 * width, 3, 2));
  return pooled(mobileNetV1.reduce((y, [filters, strides]) => separable(y, filters * width, strides), first));
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
