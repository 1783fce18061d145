// Dilations of images (grayscale morphology): the largest of each window after a number for each place of it
// has been added, and their gradients, which go to the first of the largest.
import type {Dilation2DAttrs} from '@tensorflow/tfjs-core';
import {sameShape} from '../../core/shape.ts';
import {apply1, type Tensor} from '../../core/tensor.ts';
import * as ops from '../../ops/index.ts';
import {scatterAddOp} from '../../ops/indexing.ts';
import {tf} from '../packages.ts';
import {type Outcome, type Rules, rule} from '../rule.ts';
import {areReal} from './products.ts';

/** What tfjs has where a window holds no number. */
const nothing = Number.MIN_SAFE_INTEGER;

interface Axis {
  readonly size: number;
  /** The size with its padding. */
  readonly room: number;
  readonly before: number;
  readonly windows: number;
  readonly taps: number;
  /** For each window and tap the place that it reads. */
  readonly places: Tensor;
}

function axisOf(
  size: number,
  [before, after]: readonly [number, number],
  [windows, taps, stride, dilation]: readonly [number, number, number, number],
): Axis {
  const places = Int32Array.from(
    {length: windows * taps},
    (_, at) => Math.floor(at / taps) * stride + (at % taps) * dilation,
  );
  const last = (windows - 1) * stride + (taps - 1) * dilation;
  return {
    ...{size, before, windows, taps, room: Math.max(before + size + after, last + 1)},
    places: ops.constant(places, [windows, taps], 'int32'),
  };
}

function axesOf(
  x: Tensor,
  filter: Tensor,
  {strides, pad, dilations}: Dilation2DAttrs,
): readonly [Axis, Axis] {
  const info = tf.backend_util.computeDilation2DInfo(
    x.shape as [number, number, number, number],
    filter.shape as [number, number, number],
    ...([strides, pad, 'NHWC', dilations] as const),
  );
  const {top, bottom, left, right} = info.padInfo;
  return [
    axisOf(
      info.inHeight,
      [top, bottom],
      [info.outHeight, info.filterHeight, info.strideHeight, info.dilationHeight],
    ),
    axisOf(
      info.inWidth,
      [left, right],
      [info.outWidth, info.filterWidth, info.strideWidth, info.dilationWidth],
    ),
  ];
}

/** [batch, rows, columns, taps, channels]: what each place of each window adds up to. */
function sumsOf(x: Tensor, filter: Tensor, [rows, columns]: readonly [Axis, Axis]): Tensor {
  const [batch, , , channels] = x.shape as [number, number, number, number];
  const sides = [rows, columns].map(
    ({before, room, size}) => [before, room - before - size] as [number, number],
  );
  const padded = ops.pad(x, [[0, 0], ...sides, [0, 0]], Number.NEGATIVE_INFINITY);
  // [batch, rows, row taps, columns, column taps, channels]
  const windows = ops.gather(ops.gather(padded, rows.places, 1), columns.places, 3);
  const ordered = ops.transpose(windows, [0, 1, 3, 2, 4, 5]);
  const taps = rows.taps * columns.taps;
  const flat = ops.reshape(ordered, [batch, rows.windows, columns.windows, taps, channels]);
  const sums = ops.add(flat, ops.reshape(filter, [taps, channels]));
  return ops.select(ops.isNaN(sums), Number.NEGATIVE_INFINITY, sums);
}

/** dy at the first of the largest of each window, 0 elsewhere: of the same shape as the sums. */
function spread(x: Tensor, filter: Tensor, dy: Tensor, axes: readonly [Axis, Axis]): Tensor {
  const sums = sumsOf(x, filter, axes);
  const taps = sums.shape[3] as number;
  const numbers = ops.constant(
    Int32Array.from({length: taps}, (_, at) => at),
    [taps, 1],
    'int32',
  );
  const isLargest = ops.equal(numbers, ops.expandDims(ops.argMax(sums, 3), 3));
  return ops.select(isLargest, ops.expandDims(dy, 3), 0);
}

/** Adds what windows hold to the places that they read. */
function gathered(parts: Tensor, axis: number, room: number, places: Tensor): Tensor {
  const shape = [...parts.shape.slice(0, axis), room, ...parts.shape.slice(axis + 2)];
  return apply1(scatterAddOp, [ops.zeros(shape), places, parts], {axis, batchDims: 0});
}

function inputGradient(x: Tensor, filter: Tensor, dy: Tensor, axes: readonly [Axis, Axis]): Tensor {
  const [rows, columns] = axes;
  const [batch, , , channels] = x.shape as [number, number, number, number];
  const parts = ops.reshape(spread(x, filter, dy, axes), [
    ...[batch, rows.windows, columns.windows, rows.taps, columns.taps, channels],
  ]);
  const lines = ops.transpose(parts, [0, 1, 3, 2, 4, 5]);
  const wide = gathered(gathered(lines, 3, columns.room, columns.places), 1, rows.room, rows.places);
  return ops.slice(wide, [0, rows.before, columns.before, 0], x.shape);
}

const gradient = (make: (x: Tensor, filter: Tensor, dy: Tensor, axes: readonly [Axis, Axis]) => Tensor) =>
  rule('x filter dy', ({x, filter, dy}, given: Dilation2DAttrs): Outcome => {
    if (!areReal(x, filter, dy)) return 'not yet';
    const axes = axesOf(x, filter, given);
    const [rows, columns] = axes;
    const shape = [x.shape[0] as number, rows.windows, columns.windows, x.shape[3] as number];
    if (x.size === 0) return 'not yet';
    return sameShape(shape, dy.shape) ? make(x, filter, dy, axes) : 'refused';
  });

export const dilations: Rules = {
  Dilation2D: rule('x filter', ({x, filter}, given: Dilation2DAttrs) => {
    if (!areReal(x, filter)) return 'not yet';
    if (x.size === 0) return 'not yet';
    return ops.maximum(ops.max(sumsOf(x, filter, axesOf(x, filter, given)), 3), nothing);
  }),
  Dilation2DBackpropFilter: gradient((x, filter, dy, axes) =>
    ops.reshape(ops.sum(spread(x, filter, dy, axes), [0, 1, 2]), filter.shape),
  ),
  Dilation2DBackpropInput: gradient(inputGradient),
};
