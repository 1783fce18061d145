// Convolutions and pooling of volumes with channels last: as those of images, along three axes.
import type {
  AvgPool3DAttrs,
  Conv3DAttrs,
  Conv3DBackpropFilterV2Attrs,
  Conv3DBackpropInputV2Attrs,
} from '@tensorflow/tfjs-core';
import {type Shape, sameShape} from '../../core/shape.ts';
import {apply1, type Tensor} from '../../core/tensor.ts';
import {convInput, convKernel} from '../../ops/conv.ts';
import * as ops from '../../ops/index.ts';
import {windowLargestGradientOp, windowMeanGradientOp} from '../../ops/pool.ts';
import {tf} from '../packages.ts';
import {type Rules, rule} from '../rule.ts';
import {areReal} from './products.ts';
import {numbersOf} from './windows.ts';

type Five = [number, number, number, number, number];
type Info = ReturnType<typeof tf.backend_util.computeConv3DInfo>;
type Attributes = Pick<Conv3DAttrs, 'strides' | 'pad'> & Partial<Conv3DAttrs>;

function infoOf(volume: Shape, filter: Shape, {strides, pad, dilations}: Attributes): Info {
  return tf.backend_util.computeConv3DInfo(volume as Five, filter as Five, strides, dilations ?? 1, pad);
}

const stridesOf = ({strideDepth, strideHeight, strideWidth}: Info): number[] => [
  strideDepth,
  strideHeight,
  strideWidth,
];

const dilationsOf = ({dilationDepth, dilationHeight, dilationWidth}: Info): number[] => [
  dilationDepth,
  dilationHeight,
  dilationWidth,
];

const paddingOf = ({padInfo}: Info): [number, number][] => [
  [padInfo.front, padInfo.back],
  [padInfo.top, padInfo.bottom],
  [padInfo.left, padInfo.right],
];

/** For each axis what `sizes` says, the stride and what is added before: or stride and dilation first. */
function geometryOf(info: Info, kind: 'window' | 'kernel'): number[] {
  const [strides, dilations, padding] = [stridesOf(info), dilationsOf(info), paddingOf(info)];
  const sizes = [info.filterDepth, info.filterHeight, info.filterWidth];
  return [0, 1, 2].flatMap(axis => {
    const [stride, before] = [strides[axis] as number, (padding[axis] as [number, number])[0]];
    return kind === 'window'
      ? [sizes[axis] as number, stride, before]
      : [stride, dilations[axis] as number, before];
  });
}

const isPadded = (info: Info): boolean => paddingOf(info).some(([before, after]) => before + after > 0);

type Pool = Pick<AvgPool3DAttrs, 'filterSize' | 'strides' | 'pad' | 'dimRoundingMode'> & {
  readonly dataFormat?: string;
};

function poolInfo({shape}: Tensor, {filterSize, strides, pad, dimRoundingMode}: Pool): Info {
  return tf.backend_util.computePool3DInfo(shape as Five, filterSize, strides, 1, pad, dimRoundingMode);
}

const pooled = (pool: typeof ops.maxPool) =>
  rule('x', ({x}, given: Pool) => {
    if (!areReal(x) || given.dataFormat === 'NCDHW') return 'not yet';
    const info = poolInfo(x, given);
    const size = [info.filterDepth, info.filterHeight, info.filterWidth];
    const y = pool(x, size, {strides: stridesOf(info), padding: paddingOf(info)});
    return sameShape(y.shape, info.outShape) ? y : 'not yet';
  });

export const volumes: Rules = {
  AvgPool3D: pooled(ops.averagePool),
  // tfjs divides by the size of the window, also where a part of it is padding.
  AvgPool3DGrad: rule('dy input', ({dy, input}, given: Pool) => {
    const info = poolInfo(input, given);
    if (!areReal(dy, input) || !sameShape(info.outShape, dy.shape) || isPadded(info)) return 'not yet';
    const geometry = geometryOf(info, 'window');
    return apply1(windowMeanGradientOp, [dy], {geometry, shape: input.shape});
  }),
  Conv3D: rule('x filter', ({x, filter}, given: Conv3DAttrs) => {
    if (!areReal(x, filter) || given.dataFormat === 'NCDHW') return 'not yet';
    const info = infoOf(x.shape, filter.shape, given);
    return ops.conv(x, filter, {
      strides: stridesOf(info),
      padding: paddingOf(info),
      dilationRate: dilationsOf(info),
    });
  }),
  Conv3DBackpropFilterV2: rule('x dy', ({x, dy}, given: Conv3DBackpropFilterV2Attrs) => {
    if (!areReal(x, dy)) return 'not yet';
    const info = infoOf(x.shape, given.filterShape, given);
    return convKernel(x, dy, geometryOf(info, 'kernel'), given.filterShape);
  }),
  Conv3DBackpropInputV2: rule('dy filter', ({dy, filter}, given: Conv3DBackpropInputV2Attrs) => {
    if (!areReal(dy, filter)) return 'not yet';
    const info = infoOf(given.inputShape, filter.shape, given);
    return convInput(dy, filter, geometryOf(info, 'kernel'), given.inputShape);
  }),
  MaxPool3D: pooled((x, size, options) => ops.maxPool(numbersOf(x), size, options)),
  MaxPool3DGrad: rule('dy input output', ({dy, input}, given: Pool) => {
    const info = poolInfo(input, given);
    if (!areReal(dy, input) || !sameShape(info.outShape, dy.shape)) return 'not yet';
    const geometry = geometryOf(info, 'window');
    return apply1(windowLargestGradientOp, [numbersOf(input), dy], {geometry, shape: input.shape});
  }),
};
