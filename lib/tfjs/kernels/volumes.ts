// Convolutions of volumes, which tfjs has with channels last alone: as those of images, along three axes.
import type {
  Conv3DAttrs,
  Conv3DBackpropFilterV2Attrs,
  Conv3DBackpropInputV2Attrs,
} from '@tensorflow/tfjs-core';
import type {Shape} from '../../core/shape.ts';
import {convInput, convKernel} from '../../ops/conv.ts';
import * as ops from '../../ops/index.ts';
import {tf} from '../packages.ts';
import {type Rules, rule} from '../rule.ts';
import {areReal} from './products.ts';

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

/** Stride, dilation and what is added before, for each axis. */
function geometryOf(info: Info): number[] {
  const [strides, dilations, padding] = [stridesOf(info), dilationsOf(info), paddingOf(info)];
  return padding.flatMap(([before], axis) => [strides[axis] as number, dilations[axis] as number, before]);
}

export const volumes: Rules = {
  Conv3D: rule('x filter', ({x, filter}, given: Conv3DAttrs) => {
    if (!areReal(x, filter)) return 'not yet';
    const info = infoOf(x.shape, filter.shape, given);
    return ops.conv(x, filter, {
      strides: stridesOf(info),
      padding: paddingOf(info),
      dilationRate: dilationsOf(info),
    });
  }),
  Conv3DBackpropFilterV2: rule('x dy', ({x, dy}, given: Conv3DBackpropFilterV2Attrs) => {
    if (!areReal(x, dy)) return 'not yet';
    return convKernel(x, dy, geometryOf(infoOf(x.shape, given.filterShape, given)), given.filterShape);
  }),
  Conv3DBackpropInputV2: rule('dy filter', ({dy, filter}, given: Conv3DBackpropInputV2Attrs) => {
    if (!areReal(dy, filter)) return 'not yet';
    return convInput(dy, filter, geometryOf(infoOf(given.inputShape, filter.shape, given)), given.inputShape);
  }),
};
