// Windows of images, pooled channel by channel: the largest of each, or the mean.
import {attributes, defineOp} from '../core/define.ts';
import {checkOptions} from '../core/errors.ts';
import {formatShape, type Shape} from '../core/shape.ts';
import {apply1, checkTensor, failIn, type Tensor} from '../core/tensor.ts';
import {checkImage, checkPadding, type Padding, type PerAxis, perAxis, windowAxes} from './spatial.ts';

/**
 * `geometry`: for each axis of space the size of a window, the stride, and what is added before the axis; a
 * size of 0 where the windows share the axis out.
 */
const shaped = attributes<{readonly shape: Shape}>();

/** What `v` has where `x` is largest, the first of several: with `v` the same as `x`, the largest itself. */
export const windowLargestOp = defineOp({
  signature: 'windowLargest(x: f32, v: f32) -> y: f32 {geometry: words}',
  also: shaped,
  shape: (_, {shape}) => shape,
  flops: ({x}) => x.shape.reduce((a, b) => a * b, 1),
  grad: ({dy}, {x}, {geometry}) => ({
    dx: null,
    dv: spreadLargest(x, dy, {geometry, shape: x.shape}),
  }),
});

/** Each number of `y` added where `x` is largest in its window. */
export const windowLargestGradientOp = defineOp({
  signature: 'windowLargestGradient(x: f32, y: f32) -> v: f32 {geometry: words}',
  also: shaped,
  shape: (_, {shape}) => shape,
  grad: ({dv}, {x, y}, {geometry}) => ({
    dx: null,
    dy: pickLargest(x, dv, {geometry, shape: y.shape}),
  }),
});

/** The mean of what lies in the image of each window. */
export const windowMeanOp = defineOp({
  signature: 'windowMean(x: f32) -> y: f32 {geometry: words}',
  also: shaped,
  shape: (_, {shape}) => shape,
  grad: ({dy}, {x}, {geometry}) => ({dx: spreadMean(dy, {geometry, shape: x.shape})}),
});

/** Each number of `y` shared out among its window. */
export const windowMeanGradientOp = defineOp({
  signature: 'windowMeanGradient(y: f32) -> x: f32 {geometry: words}',
  also: shaped,
  shape: (_, {shape}) => shape,
  grad: ({dx}, {y}, {geometry}) => ({dy: windowMean(dx, {geometry, shape: y.shape})}),
});

interface Geometry {
  readonly geometry: readonly number[];
  readonly shape: Shape;
}

/** What `v` has where `x` is largest in each window. */
export const pickLargest = (x: Tensor, v: Tensor, windows: Geometry): Tensor =>
  apply1(windowLargestOp, [x, v], windows);
/** Each number of `y` added where `x` is largest in its window. */
export const spreadLargest = (x: Tensor, y: Tensor, windows: Geometry): Tensor =>
  apply1(windowLargestGradientOp, [x, y], windows);
const windowMean = (x: Tensor, windows: Geometry): Tensor => apply1(windowMeanOp, [x], windows);
const spreadMean = (y: Tensor, windows: Geometry): Tensor => apply1(windowMeanGradientOp, [y], windows);

export interface PoolOptions {
  /** The size of the windows by default. */
  readonly strides?: PerAxis;
  /** `valid` by default. */
  readonly padding?: Exclude<Padding, 'causal'>;
}

function windowsOf(op: string, x: Tensor, poolSize: PerAxis, options: PoolOptions): Geometry {
  checkTensor(op, 'x', x);
  checkOptions(`ops.${op}`, options, ['strides', 'padding']);
  checkImage(op, 'x', x.shape);
  const count = x.rank - 2;
  const kernel = perAxis(op, 'poolSize', poolSize, count);
  const padding = checkPadding(op, options.padding ?? 'valid', count);
  if (padding === ('causal' as Padding)) failIn(op, 'ERR_VALUE', 'padding: causal is for conv alone');
  const axes = windowAxes(op, x.shape, {
    kernel,
    strides: options.strides === undefined ? kernel : perAxis(op, 'strides', options.strides, count),
    dilations: kernel.map(() => 1),
    padding,
  });
  axes.forEach(({before, kernel: own, windows, stride, size}, axis) => {
    if (before < own && (windows - 1) * stride - before < size) return;
    const what = `the padding of axis ${axis + 1} leaves a window of ${own} without a part of the image`;
    failIn(op, 'ERR_VALUE', `${what} ${formatShape(x.shape)}`);
  });
  return {
    geometry: axes.flatMap(own => [own.kernel, own.stride, own.before]),
    shape: [x.shape[0] as number, ...axes.map(({windows}) => windows), x.shape.at(-1) as number],
  };
}

/** Windows that share the axes out: window i of n from floor(i · size / n) to ceil((i + 1) · size / n). */
function sharedOut(op: string, x: Tensor, outputSize: PerAxis): Geometry {
  checkTensor(op, 'x', x);
  checkImage(op, 'x', x.shape);
  const sizes = perAxis(op, 'outputSize', outputSize, x.rank - 2);
  return {
    geometry: sizes.flatMap(() => [0, 1, 0]),
    shape: [x.shape[0] as number, ...sizes, x.shape.at(-1) as number],
  };
}

/**
 * The largest of each window of images [batch, …sizes, channels], for each channel. Of several largest, the
 * first gets the gradient; NaN where a window holds one.
 *
 * @throws ERR_SHAPE where a window is larger than the image; ERR_VALUE.
 */
export function maxPool(x: Tensor, poolSize: PerAxis, options: PoolOptions = {}): Tensor {
  return pickLargest(x, x, windowsOf('maxPool', x, poolSize, options));
}

/** The mean of each window; what is padded does not count, as in Keras and TensorFlow. */
export function averagePool(x: Tensor, poolSize: PerAxis, options: PoolOptions = {}): Tensor {
  return windowMean(x, windowsOf('averagePool', x, poolSize, options));
}

/** The largest of each of so many windows as `outputSize` says, which share the image out. */
export function adaptiveMaxPool(x: Tensor, outputSize: PerAxis): Tensor {
  return pickLargest(x, x, sharedOut('adaptiveMaxPool', x, outputSize));
}

/** The mean of each of so many windows as `outputSize` says, which share the image out. */
export function adaptiveAveragePool(x: Tensor, outputSize: PerAxis): Tensor {
  return windowMean(x, sharedOut('adaptiveAveragePool', x, outputSize));
}
