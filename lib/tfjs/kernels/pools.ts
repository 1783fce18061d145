// Pooling of images and of volumes with channels last. How windows lie is computed by tfjs itself.
import type {AvgPool3DAttrs, MaxPoolWithArgmaxAttrs} from '@tensorflow/tfjs-core';
import {sameShape} from '../../core/shape.ts';
import {apply1, type Tensor} from '../../core/tensor.ts';
import * as ops from '../../ops/index.ts';
import {
  windowLargestGradientOp,
  windowLargestOp,
  windowMeanGradientOp,
  windowMeanOp,
} from '../../ops/pool.ts';
import {tf} from '../packages.ts';
import {type Rule, type Rules, rule} from '../rule.ts';
import {areReal} from './products.ts';

type Attributes = Pick<AvgPool3DAttrs, 'pad'> & {
  readonly filterSize: number | number[];
  readonly strides: number | number[];
  readonly dimRoundingMode?: 'floor' | 'round' | 'ceil';
};

interface Axis {
  readonly size: number;
  readonly window: number;
  readonly stride: number;
  readonly before: number;
  readonly windows: number;
}

type Find = (x: Tensor, given: Attributes) => readonly Axis[];

const ofImages: Find = ({shape}, {filterSize, strides, pad, dimRoundingMode}) => {
  const info = tf.backend_util.computePool2DInfo(
    shape as [number, number, number, number],
    ...([filterSize as number, strides as number, 1, pad, dimRoundingMode] as const),
  );
  const {inHeight, filterHeight, strideHeight, outHeight, inWidth, filterWidth, strideWidth, outWidth} = info;
  const {top, left} = info.padInfo;
  return [
    {size: inHeight, window: filterHeight, stride: strideHeight, before: top, windows: outHeight},
    {size: inWidth, window: filterWidth, stride: strideWidth, before: left, windows: outWidth},
  ];
};

const ofVolumes: Find = ({shape}, {filterSize, strides, pad, dimRoundingMode}) => {
  const info = tf.backend_util.computePool3DInfo(
    shape as [number, number, number, number, number],
    ...([filterSize as number, strides as number, 1, pad, dimRoundingMode] as const),
  );
  const {front, top, left} = info.padInfo;
  return (
    [
      [info.inDepth, info.filterDepth, info.strideDepth, front, info.outDepth],
      [info.inHeight, info.filterHeight, info.strideHeight, top, info.outHeight],
      [info.inWidth, info.filterWidth, info.strideWidth, left, info.outWidth],
    ] as const
  ).map(([size, window, stride, before, windows]) => ({size, window, stride, before, windows}));
};

const geometryOf = (axes: readonly Axis[]): number[] =>
  axes.flatMap(({window, stride, before}) => [window, stride, before]);

const shapeOf = ({shape}: Tensor, axes: readonly Axis[]): number[] => [
  shape[0] as number,
  ...axes.map(({windows}) => windows),
  shape.at(-1) as number,
];

/** A window beside the image, where sizes are rounded up, has no largest number and no mean. */
const allHaveParts = (axes: readonly Axis[]): boolean =>
  axes.every(
    ({size, window, stride, before, windows}) => before < window && (windows - 1) * stride - before < size,
  );

/** tfjs looks for the largest number, not for NaN. */
const numbersOf = (x: Tensor): Tensor => ops.select(ops.isNaN(x), -Infinity, x);

const pooled = (
  find: Find,
  pool: (x: Tensor, windows: {geometry: number[]; shape: number[]}) => Tensor,
): Rule =>
  rule('x', ({x}, given: Attributes) => {
    if (!areReal(x)) return 'not yet';
    const axes = find(x, given);
    if (!allHaveParts(axes)) return 'not yet';
    return pool(x, {geometry: geometryOf(axes), shape: shapeOf(x, axes)});
  });

const means = (find: Find): Rule => pooled(find, (x, windows) => apply1(windowMeanOp, [x], windows));

const largest = (find: Find): Rule =>
  pooled(find, (x, windows) => {
    const numbers = numbersOf(x);
    return apply1(windowLargestOp, [numbers, numbers], windows);
  });

/**
 * tfjs divides by the size of a window also where a part of it is padding: as if the image had the padding,
 * which then is cut off.
 */
const meanGradient = (find: Find): Rule =>
  rule('dy input', ({dy, input}, given: Attributes) => {
    if (!areReal(dy, input)) return 'not yet';
    const axes = find(input, given);
    if (!sameShape(shapeOf(input, axes), dy.shape)) return 'refused';
    const room = axes.map(({size, window, stride, before, windows}) =>
      Math.max(before + size, (windows - 1) * stride + window),
    );
    const [batch, channels] = [input.shape[0] as number, input.shape.at(-1) as number];
    const whole = apply1(windowMeanGradientOp, [dy], {
      geometry: axes.flatMap(({window, stride}) => [window, stride, 0]),
      shape: [batch, ...room, channels],
    });
    const isPadded = axes.some(({before, size}, axis) => before > 0 || room[axis] !== size);
    return isPadded ? ops.slice(whole, [0, ...axes.map(({before}) => before), 0], input.shape) : whole;
  });

const largestGradient = (find: Find): Rule =>
  rule('dy input output', ({dy, input}, given: Attributes) => {
    if (!areReal(dy, input)) return 'not yet';
    const axes = find(input, given);
    if (!sameShape(shapeOf(input, axes), dy.shape)) return 'refused';
    const operands = [numbersOf(input), dy] as const;
    return apply1(windowLargestGradientOp, operands, {geometry: geometryOf(axes), shape: input.shape});
  });

/** Places that a float32 tells apart. */
const mostPlaces = 2 ** 24;

const range = (size: number, step: number, shape: number[]): Tensor =>
  ops.constant(
    Int32Array.from({length: size}, (_, at) => at * step),
    shape,
    'int32',
  );

/** The largest numbers, and where each lies in its image or in all of them; −1 where there is no number. */
const withPlaces: Rule = rule('x', ({x}, given: Attributes & MaxPoolWithArgmaxAttrs) => {
  if (!areReal(x)) return 'not yet';
  const [batch, height, width, channels] = x.shape as [number, number, number, number];
  const axes = ofImages(x, given);
  if (!allHaveParts(axes) || height * width > mostPlaces || x.size >= 2 ** 31) return 'not yet';
  const windows = {geometry: geometryOf(axes), shape: shapeOf(x, axes)};
  const numbers = numbersOf(x);
  const pixels = ops.constant(
    Float32Array.from({length: height * width}, (_, at) => at),
    [1, height, width, 1],
  );
  const values = apply1(windowLargestOp, [numbers, numbers], windows);
  const picked = apply1(windowLargestOp, [numbers, ops.broadcastTo(pixels, x.shape)], windows);
  const inImage = ops.add(
    ops.mul(ops.cast(picked, 'int32'), ops.constant(channels, [], 'int32')),
    range(channels, 1, [channels]),
  );
  const places = given.includeBatchInIndex
    ? ops.add(inImage, range(batch, height * width * channels, [batch, 1, 1, 1]))
    : inImage;
  return [values, ops.select(ops.equal(values, -Infinity), -1, places)];
});

export const pools: Rules = {
  AvgPool: means(ofImages),
  AvgPool3D: means(ofVolumes),
  AvgPool3DGrad: meanGradient(ofVolumes),
  AvgPoolGrad: meanGradient(ofImages),
  MaxPool: largest(ofImages),
  MaxPool3D: largest(ofVolumes),
  MaxPool3DGrad: largestGradient(ofVolumes),
  MaxPoolGrad: largestGradient(ofImages),
  MaxPoolWithArgmax: withPlaces,
};
