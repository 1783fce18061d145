// Convolutions of images, with channels last; others are transposed. How windows lie is computed by tfjs.
import type {
  Conv2DAttrs,
  Conv2DBackpropFilterAttrs,
  Conv2DBackpropInputAttrs,
  DepthwiseConv2dNativeBackpropFilterAttrs,
  DepthwiseConv2dNativeBackpropInputAttrs,
  FusedConv2DAttrs,
} from '@tensorflow/tfjs-core';
import {type Shape, sizeOf} from '../../core/shape.ts';
import {apply1, type Tensor} from '../../core/tensor.ts';
import {convInput, convKernel, convOp} from '../../ops/conv.ts';
import * as ops from '../../ops/index.ts';
import {tf} from '../packages.ts';
import {type Outcome, type Reason, type Rules, rule} from '../rule.ts';
import {activated, areReal} from './products.ts';

type Attributes = Omit<Conv2DAttrs, 'dilations' | 'dataFormat'> & Partial<Conv2DAttrs>;

type Info = ReturnType<typeof tf.backend_util.computeConv2DInfo>;
type Four = [number, number, number, number];

const isChannelsFirst = ({dataFormat}: Attributes): boolean => dataFormat === 'NCHW';

/** `image` as the program has it. */
function infoOf(image: Shape, filter: Shape, given: Attributes, isDepthwise: boolean): Info {
  const {strides, pad, dilations, dimRoundingMode} = given;
  return tf.backend_util.computeConv2DInfo(
    ...([image as Four, filter as Four, strides, dilations ?? 1, pad, dimRoundingMode, isDepthwise] as const),
    isChannelsFirst(given) ? 'channelsFirst' : 'channelsLast',
  );
}

/** Images of a program with channels last. */
const lastOf = (x: Tensor, given: Attributes): Tensor =>
  isChannelsFirst(given) ? ops.transpose(x, [0, 2, 3, 1]) : x;

/** The result of a kernel as the program has its images. */
const asGiven = (y: Tensor, given: Attributes): Tensor =>
  isChannelsFirst(given) ? ops.transpose(y, [0, 3, 1, 2]) : y;

const lastShape = ([batch, a, b, c]: Shape, given: Attributes): Four =>
  (isChannelsFirst(given) ? [batch, b, c, a] : [batch, a, b, c]) as Four;

/** Stride, dilation and what is added before, for each axis. */
const geometryOf = ({strideHeight, dilationHeight, strideWidth, dilationWidth, padInfo}: Info): number[] => [
  ...[strideHeight, dilationHeight, padInfo.top],
  ...[strideWidth, dilationWidth, padInfo.left],
];

/** The kernels of all channels side by side, each of one channel. */
function grouped(filter: Tensor): Tensor {
  const [height, width, channels, each] = filter.shape as Four;
  return ops.reshape(filter, [height, width, 1, channels * each]);
}

/** What follows the convolution: nothing yet. */
const alone = {bias: false, map: null, direct: false, bfloat16: false, guarded: false};

/** Of a kernel of one tap, which is a product; tfjs's sizes may have windows that reach beyond the image. */
function isProduct(info: Info, isDepthwise: boolean): boolean {
  const {filterHeight, filterWidth, strideHeight, strideWidth, inHeight, inWidth, outHeight, outWidth} = info;
  const isOne = filterHeight * filterWidth * strideHeight * strideWidth === 1;
  return isOne && !isDepthwise && inHeight === outHeight && inWidth === outWidth && info.padInfo.top === 0;
}

/** The convolution, or why there is none. */
function convolved(x: Tensor, filter: Tensor, given: Attributes, isDepthwise: boolean): Tensor | Reason {
  if (!areReal(x, filter)) return 'not yet';
  const info = infoOf(x.shape, filter.shape, given, isDepthwise);
  const image = lastOf(x, given);
  if (isProduct(info, isDepthwise)) return asGiven(ops.conv(image, filter), given);
  const shape = [info.batchSize, info.outHeight, info.outWidth, info.outChannels];
  if (x.size === 0 || filter.size === 0 || sizeOf(shape) === 0) return 'not yet';
  const kernel = isDepthwise ? grouped(filter) : filter;
  const attributes = {...alone, direct: false, geometry: geometryOf(info), shape};
  return asGiven(apply1(convOp, [image, kernel], attributes), given);
}

const convolution = (isDepthwise: boolean) =>
  rule('x filter', ({x, filter}, given: Conv2DAttrs) => convolved(x, filter, given, isDepthwise));

/** What has a number for each channel stands along the axis of the channels, wherever that is. */
const alongChannels = (x: Tensor | undefined, given: Attributes): Tensor | undefined =>
  x?.rank === 1 && isChannelsFirst(given) ? ops.reshape(x, [x.size, 1, 1]) : x;

const fused = (isDepthwise: boolean) =>
  rule(
    'x filter bias? preluActivationWeights?',
    ({x, filter, bias, preluActivationWeights}, given: FusedConv2DAttrs) => {
      const y = convolved(x, filter, given, isDepthwise);
      if (typeof y === 'string' || !areReal(bias, preluActivationWeights)) return 'not yet';
      const own = alongChannels(bias, given);
      return activated(own ? ops.add(y, own) : y, given, alongChannels(preluActivationWeights, given));
    },
  );

/**
 * The gradients of a result, with channels last. tfjs reads those that the geometry has; only where `pad` is
 * a number may sizes have been rounded otherwise, which it does not say.
 */
function gradientOf(dy: Tensor, info: Info, given: Attributes): Tensor | undefined {
  const result = lastOf(dy, given);
  const [batch, height, width, channels] = result.shape as Four;
  if (batch !== info.batchSize || channels !== info.outChannels) return undefined;
  const {outHeight, outWidth} = info;
  if (typeof given.pad === 'number' || (height === outHeight && width === outWidth)) return result;
  if (height < outHeight || width < outWidth) return undefined;
  return ops.slice(result, [0, 0, 0, 0], [batch, outHeight, outWidth, channels]);
}

function inputGradient(
  dy: Tensor,
  filter: Tensor,
  shape: Shape,
  given: Attributes,
  isDepthwise: boolean,
): Outcome {
  if (!areReal(dy, filter)) return 'not yet';
  const info = infoOf(shape, filter.shape, given, isDepthwise);
  const [result, kernel] = [gradientOf(dy, info, given), isDepthwise ? grouped(filter) : filter];
  if (!result) return 'refused';
  return asGiven(convInput(result, kernel, geometryOf(info), lastShape(shape, given)), given);
}

function filterGradient(
  x: Tensor,
  dy: Tensor,
  shape: Shape,
  given: Attributes,
  isDepthwise: boolean,
): Outcome {
  if (!areReal(x, dy)) return 'not yet';
  const info = infoOf(x.shape, shape, given, isDepthwise);
  const [image, result] = [lastOf(x, given), gradientOf(dy, info, given)];
  if (!result) return 'refused';
  const [height, width, channels, each] = shape as Four;
  if (!isDepthwise) return convKernel(image, result, geometryOf(info), shape);
  const own = convKernel(image, result, geometryOf(info), [height, width, 1, channels * each]);
  return ops.reshape(own, shape);
}

export const windows: Rules = {
  Conv2D: convolution(false),
  Conv2DBackpropFilter: rule('x dy', ({x, dy}, given: Conv2DBackpropFilterAttrs) =>
    filterGradient(x, dy, given.filterShape, given, false),
  ),
  Conv2DBackpropInput: rule('dy filter', ({dy, filter}, given: Conv2DBackpropInputAttrs) =>
    inputGradient(dy, filter, given.inputShape, given, false),
  ),
  DepthwiseConv2dNative: convolution(true),
  DepthwiseConv2dNativeBackpropFilter: rule(
    'x dy',
    ({x, dy}, given: DepthwiseConv2dNativeBackpropFilterAttrs) =>
      filterGradient(x, dy, given.filterShape, given, true),
  ),
  DepthwiseConv2dNativeBackpropInput: rule(
    'dy filter',
    ({dy, filter}, given: DepthwiseConv2dNativeBackpropInputAttrs) =>
      inputGradient(dy, filter, given.inputShape, given, true),
  ),
  FusedConv2D: fused(false),
  FusedDepthwiseConv2D: fused(true),
};
