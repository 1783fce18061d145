// Convolutions and pooling of images with channels last. How windows lie is computed by tfjs itself.
import type {
  AvgPoolAttrs,
  Conv2DAttrs,
  Conv2DBackpropFilterAttrs,
  Conv2DBackpropInputAttrs,
  DepthwiseConv2dNativeBackpropFilterAttrs,
  DepthwiseConv2dNativeBackpropInputAttrs,
  FusedConv2DAttrs,
} from '@tensorflow/tfjs-core';
import {type Shape, sameShape} from '../../core/shape.ts';
import {apply1, type Tensor} from '../../core/tensor.ts';
import {convInput, convKernel} from '../../ops/conv.ts';
import * as ops from '../../ops/index.ts';
import {windowLargestGradientOp, windowMeanGradientOp} from '../../ops/pool.ts';
import {tf} from '../packages.ts';
import {type Outcome, type Rules, rule} from '../rule.ts';
import {activated, areReal} from './products.ts';

type Attributes = Omit<Conv2DAttrs, 'dilations' | 'dataFormat'> & Partial<Conv2DAttrs>;

type Info = ReturnType<typeof tf.backend_util.computeConv2DInfo>;

/** Undefined where channels come first. */
function infoOf(image: Shape, filter: Shape, given: Attributes, isDepthwise: boolean): Info | undefined {
  const {strides, pad, dilations, dimRoundingMode, dataFormat = 'NHWC'} = given;
  if (dataFormat !== 'NHWC') return undefined;
  const shapes = [
    image as [number, number, number, number],
    filter as [number, number, number, number],
  ] as const;
  return tf.backend_util.computeConv2DInfo(
    ...shapes,
    strides,
    dilations ?? 1,
    pad,
    dimRoundingMode,
    isDepthwise,
  );
}

type Pairs = readonly [readonly [number, number], readonly [number, number]];

const paddingOf = ({padInfo: {top, bottom, left, right}}: Info): Pairs => [
  [top, bottom],
  [left, right],
];

/** Stride, dilation and what is added before, for each axis. */
const geometryOf = ({strideHeight, dilationHeight, strideWidth, dilationWidth, padInfo}: Info): number[] => [
  ...[strideHeight, dilationHeight, padInfo.top],
  ...[strideWidth, dilationWidth, padInfo.left],
];

/** The kernels of all channels side by side, each of one channel. */
function grouped(filter: Tensor): Tensor {
  const [height, width, channels, each] = filter.shape as [number, number, number, number];
  return ops.reshape(filter, [height, width, 1, channels * each]);
}

/** The convolution, or why there is none. */
function convolved(x: Tensor, filter: Tensor, given: Attributes, isDepthwise: boolean): Tensor | 'not yet' {
  const info = infoOf(x.shape, filter.shape, given, isDepthwise);
  if (!info || !areReal(x, filter)) return 'not yet';
  const {strideHeight, strideWidth, dilationHeight, dilationWidth} = info;
  const y = ops.conv(x, isDepthwise ? grouped(filter) : filter, {
    strides: [strideHeight, strideWidth],
    padding: paddingOf(info),
    dilationRate: [dilationHeight, dilationWidth],
    groups: isDepthwise ? (x.shape[3] as number) : 1,
  });
  return sameShape(y.shape, info.outShape) ? y : 'not yet';
}

const convolution = (isDepthwise: boolean) =>
  rule('x filter', ({x, filter}, given: Conv2DAttrs) => convolved(x, filter, given, isDepthwise));

const fused = (isDepthwise: boolean) =>
  rule(
    'x filter bias? preluActivationWeights?',
    ({x, filter, bias, preluActivationWeights: weights}, given: FusedConv2DAttrs) => {
      const y = convolved(x, filter, given, isDepthwise);
      if (typeof y === 'string' || !areReal(bias, weights)) return 'not yet';
      return activated(bias ? ops.add(y, bias) : y, given, weights);
    },
  );

/** How one step of a kernel fits its gradient: sizes that tfjs has rounded up fit no geometry. */
const fits = ({outShape}: Info, dy: Tensor): boolean => sameShape(outShape, dy.shape);

function inputGradient(
  dy: Tensor,
  filter: Tensor,
  shape: Shape,
  given: Attributes,
  isDepthwise: boolean,
): Outcome {
  const info = infoOf(shape, filter.shape, given, isDepthwise);
  if (!info || !areReal(dy, filter) || !fits(info, dy)) return 'not yet';
  return convInput(dy, isDepthwise ? grouped(filter) : filter, geometryOf(info), shape);
}

function filterGradient(
  x: Tensor,
  dy: Tensor,
  shape: Shape,
  given: Attributes,
  isDepthwise: boolean,
): Outcome {
  const info = infoOf(x.shape, shape, given, isDepthwise);
  if (!info || !areReal(x, dy) || !fits(info, dy)) return 'not yet';
  const [height, width, channels, each] = shape as [number, number, number, number];
  if (!isDepthwise) return convKernel(x, dy, geometryOf(info), shape);
  return ops.reshape(convKernel(x, dy, geometryOf(info), [height, width, 1, channels * each]), shape);
}

type Pool = Pick<AvgPoolAttrs, 'filterSize' | 'strides' | 'pad' | 'dimRoundingMode'>;

const poolInfo = ({shape}: Tensor, {filterSize, strides, pad, dimRoundingMode}: Pool): Info =>
  tf.backend_util.computePool2DInfo(
    shape as [number, number, number, number],
    filterSize,
    strides,
    1,
    pad,
    dimRoundingMode,
  );

/** tfjs looks for the largest number, not for NaN. */
export const numbersOf = (x: Tensor): Tensor => ops.select(ops.isNaN(x), -Infinity, x);

const pooled = (pool: typeof ops.maxPool) =>
  rule('x', ({x}, given: Pool) => {
    if (!areReal(x)) return 'not yet';
    const info = poolInfo(x, given);
    const y = pool(x, [info.filterHeight, info.filterWidth], {
      strides: [info.strideHeight, info.strideWidth],
      padding: paddingOf(info),
    });
    return sameShape(y.shape, info.outShape) ? y : 'not yet';
  });

const poolGeometry = ({filterHeight, filterWidth, strideHeight, strideWidth, padInfo}: Info): number[] => [
  ...[filterHeight, strideHeight, padInfo.top],
  ...[filterWidth, strideWidth, padInfo.left],
];

export const windows: Rules = {
  AvgPool: pooled(ops.averagePool),
  // tfjs divides by the size of the window, also where a part of it is padding.
  AvgPoolGrad: rule('dy input', ({dy, input}, given: Pool) => {
    const info = poolInfo(input, given);
    const {top, bottom, left, right} = info.padInfo;
    if (!areReal(dy, input) || !fits(info, dy) || top + bottom + left + right > 0) return 'not yet';
    return apply1(windowMeanGradientOp, [dy], {geometry: poolGeometry(info), shape: input.shape});
  }),
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
  MaxPool: pooled((x, size, options) => ops.maxPool(numbersOf(x), size, options)),
  MaxPoolGrad: rule('dy input output', ({dy, input}, given: Pool) => {
    const info = poolInfo(input, given);
    if (!areReal(dy, input) || !fits(info, dy)) return 'not yet';
    return apply1(windowLargestGradientOp, [numbersOf(input), dy], {
      geometry: poolGeometry(info),
      shape: input.shape,
    });
  }),
};
