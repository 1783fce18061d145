// Images of other sizes, and norms over neighbours among channels: windows along an axis, by a table.
import type {LRNAttrs, ResizeBilinearAttrs, ResizeNearestNeighborAttrs} from '@tensorflow/tfjs-core';
import type {Tensor} from '../../core/tensor.ts';
import * as ops from '../../ops/index.ts';
import {type Band, bandOf, resample, transposedBand} from '../../ops/resample.ts';
import {type Outcome, type Rules, rule} from '../rule.ts';
import {areReal} from './products.ts';

type Resizing = Pick<ResizeBilinearAttrs, 'alignCorners' | 'halfPixelCenters'>;
type Sizes = readonly [height: number, width: number];
type MakeBand = (from: number, to: number, given: Resizing) => Band;

/** How many pixels of the image one of the result stands for. */
const stepOf = (from: number, to: number, {alignCorners}: Resizing): number =>
  alignCorners && to > 1 ? (from - 1) / (to - 1) : from / to;

const bilinear: MakeBand = (from, to, given) => {
  const step = stepOf(from, to, given);
  const rows = Array.from({length: to}, (_, at) => {
    const place = given.halfPixelCenters ? step * (at + 0.5) - 0.5 : step * at;
    const start = Math.max(0, Math.floor(place));
    const share = place - start;
    const isBetween = share > 0 && start + 1 < from;
    return {start, weights: isBetween ? [1 - share, share] : [1]};
  });
  return bandOf(from, rows);
};

function nearestPixels(from: number, to: number, given: Resizing): number[] {
  const step = stepOf(from, to, given);
  return Array.from({length: to}, (_, at) => {
    const place = given.halfPixelCenters ? step * (at + 0.5) : step * at;
    return Math.min(from - 1, given.alignCorners ? Math.round(place) : Math.floor(place));
  });
}

const nearest: MakeBand = (from, to, given) =>
  bandOf(
    from,
    nearestPixels(from, to, given).map(start => ({start, weights: [1]})),
  );

const sizesOf = ({shape}: Tensor): Sizes => [shape[1] as number, shape[2] as number];

/** Rows and columns, those first that become fewer. */
function resampled(x: Tensor, sizes: Sizes, bandFor: (axis: 0 | 1) => Band): Tensor {
  const from = sizesOf(x);
  const axes = ([0, 1] as const).filter(axis => from[axis] !== sizes[axis]);
  axes.sort((a, b) => sizes[a] / from[a] - sizes[b] / from[b]);
  return axes.reduce((image, axis) => resample(image, axis + 1, bandFor(axis)), x);
}

function resized(x: Tensor, given: ResizeBilinearAttrs, bandFor: MakeBand): Outcome {
  const [from, to] = [sizesOf(x), given.size as unknown as Sizes];
  if (x.size === 0 || to[0] < 1 || to[1] < 1) return 'not yet';
  const image = ops.cast(x, 'float32');
  return resampled(image, to, axis => bandFor(from[axis], to[axis], given));
}

/** Any type of number, by its index. */
function resizedToNearest(x: Tensor, given: ResizeNearestNeighborAttrs): Outcome {
  if (x.dtype === 'float32') return resized(x, given, nearest);
  const [from, to] = [sizesOf(x), given.size as unknown as Sizes];
  if (x.size === 0) return 'not yet';
  return ([0, 1] as const).reduce((image, axis) => {
    const pixels = Int32Array.from(nearestPixels(from[axis], to[axis], given));
    return ops.gather(image, ops.constant(pixels, [pixels.length], 'int32'), axis + 1);
  }, x);
}

const resizingGradient = (bandFor: MakeBand) =>
  rule('images dy', ({images, dy}, given: Resizing): Outcome => {
    if (!areReal(images, dy)) return 'not yet';
    const [from, to] = [sizesOf(images), sizesOf(dy)];
    return resampled(dy, from, axis => transposedBand(bandFor(from[axis], to[axis], given)));
  });

/** Sums over so many neighbours on each side along the last axis, which is the first while they are added. */
function neighbourSums(x: Tensor, radius: number): Tensor {
  const channels = x.shape.at(-1) as number;
  const rows = Array.from({length: channels}, (_, channel) => {
    const start = Math.max(0, channel - radius);
    const count = Math.min(channels, channel + radius + 1) - start;
    return {start, weights: new Array<number>(count).fill(1)};
  });
  const columns = ops.transpose(ops.reshape(x, [x.size / channels, channels]), [1, 0]);
  const sums = resample(columns, 0, bandOf(channels, rows));
  return ops.reshape(ops.transpose(sums, [1, 0]), x.shape);
}

/** bias + alpha · Σ x² over the neighbours among the channels (Krizhevsky et al. 2012). */
const normOf = (x: Tensor, {depthRadius, bias, alpha}: LRNAttrs): Tensor =>
  ops.add(ops.mul(neighbourSums(ops.square(x), depthRadius), alpha), bias);

export const resizing: Rules = {
  LRN: rule('x', ({x}, given: LRNAttrs) =>
    areReal(x) ? ops.mul(x, ops.pow(normOf(x, given), -given.beta)) : 'not yet',
  ),
  LRNGrad: rule('x y dy', ({x, y, dy}, given: LRNAttrs) => {
    if (!areReal(x, y, dy)) return 'not yet';
    const norm = normOf(x, given);
    const shared = neighbourSums(ops.div(ops.mul(dy, y), norm), given.depthRadius);
    const own = ops.mul(dy, ops.pow(norm, -given.beta));
    return ops.sub(own, ops.mul(ops.mul(x, shared), 2 * given.alpha * given.beta));
  }),
  ResizeBilinear: rule('images', ({images: x}, given: ResizeBilinearAttrs) => resized(x, given, bilinear)),
  ResizeBilinearGrad: resizingGradient(bilinear),
  ResizeNearestNeighbor: rule('images', ({images: x}, given: ResizeNearestNeighborAttrs) =>
    resizedToNearest(x, given),
  ),
  ResizeNearestNeighborGrad: resizingGradient(nearest),
};
