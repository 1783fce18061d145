// Images read at places between their pixels, which are data: boxes cut out, and affine maps. Pixels are
// gathered, so there are gradients by the image and by the places.
import {checkChoice, checkNumber, checkOptions} from '../core/errors.ts';
import {formatShape, type Shape} from '../core/shape.ts';
import {checkTensor, constant, failIn, type Tensor} from '../core/tensor.ts';
import {gather} from './indexing.ts';
import {
  add,
  broadcastTo,
  cast,
  div,
  greater,
  greaterEqual,
  less,
  lessEqual,
  logicalAnd,
  maximum,
  minimum,
  mul,
  neg,
  select,
  sub,
} from './map.ts';
import {floor, mod} from './math.ts';
import {expandDims, reshape} from './move.ts';
import {slice} from './pad.ts';
import {checkImage, type PerAxis, perAxis} from './spatial.ts';

const interpolations = ['nearest', 'bilinear'] as const;
const fillModes: readonly FillMode[] = ['constant', 'nearest', 'reflect', 'wrap'];
/** What lies beyond an image: a number, its border, its mirror image, or the image again. */
export type FillMode = 'constant' | 'nearest' | 'reflect' | 'wrap';

export interface SamplingOptions {
  /** `bilinear` by default. */
  readonly interpolation?: (typeof interpolations)[number];
  /** `constant` by default. */
  readonly fillMode?: FillMode;
  /** What lies beyond the image where `fillMode` is `constant`; 0 by default. */
  readonly fillValue?: number;
}

export interface AffineOptions extends SamplingOptions {
  /** Height and width of the result; those of the images by default. */
  readonly outputSize?: PerAxis;
}

/** @throws ERR_OPTION */
export function checkSampling(where: string, {interpolation, fillMode, fillValue}: SamplingOptions): void {
  if (interpolation !== undefined) checkChoice(`${where}: interpolation`, interpolation, interpolations);
  if (fillMode !== undefined) checkChoice(`${where}: fillMode`, fillMode, fillModes);
  if (fillValue !== undefined) checkNumber(`${where}: fillValue`, fillValue, {});
}

/** Places on an axis of so many pixels, as places within it. */
function folded(at: Tensor, size: number, mode: FillMode): Tensor {
  const last = size - 1;
  const clipped = (place: Tensor): Tensor => minimum(maximum(place, 0), last);
  if (mode === 'constant') return minimum(maximum(at, -2), size + 1);
  if (mode === 'nearest' || size === 1) return clipped(at);
  if (mode === 'wrap') {
    // As TensorFlow has it: an image comes again after its last pixel, whole images are counted without it.
    const turns = (away: Tensor): Tensor => mul(floor(div(away, last)), size);
    const below = add(at, add(turns(neg(at)), size));
    return clipped(select(less(at, 0), below, select(greater(at, last), sub(at, turns(at)), at)));
  }
  // d c b a | a b c d | d c b a
  const phase = mod(add(at, 0.5), 2 * size);
  const there = select(less(phase, size), phase, sub(2 * size, phase));
  return clipped(sub(there, 0.5));
}

interface Line {
  /** Integers: numbers of pixels, as float32. */
  readonly pixel: Tensor;
  readonly share: Tensor | undefined;
}

/** The pixels that each place lies between, and their shares. */
function neighbours(at: Tensor, interpolation: 'nearest' | 'bilinear'): Line[] {
  if (interpolation === 'nearest') return [{pixel: floor(add(at, 0.5)), share: undefined}];
  const below = floor(at);
  const share = sub(at, below);
  return [
    {pixel: below, share: sub(1, share)},
    {pixel: add(below, 1), share},
  ];
}

/**
 * Pixels of `rows` [pixels, channels], of images of this height and width, at places [n], of which `first` is
 * the first pixel of the image they lie in.
 */
function sampled(
  rows: Tensor,
  [height, width]: readonly [number, number],
  first: Tensor,
  [ys, xs]: readonly [Tensor, Tensor],
  {interpolation = 'bilinear', fillMode = 'constant', fillValue = 0}: SamplingOptions,
): Tensor {
  const lines = neighbours(folded(ys, height, fillMode), interpolation);
  const columns = neighbours(folded(xs, width, fillMode), interpolation);
  const isIn = (pixel: Tensor, size: number): Tensor => logicalAnd(greaterEqual(pixel, 0), less(pixel, size));
  const whole = (pixel: Tensor, size: number): Tensor => cast(minimum(maximum(pixel, 0), size - 1), 'int32');
  const terms = lines.flatMap(line =>
    columns.map(column => {
      const index = add(first, add(mul(whole(line.pixel, height), width), whole(column.pixel, width)));
      const read = gather(rows, index);
      const inside = logicalAnd(isIn(line.pixel, height), isIn(column.pixel, width));
      const kept = fillMode === 'constant' ? select(expandDims(inside, -1), read, fillValue) : read;
      const share = line.share && column.share ? mul(line.share, column.share) : undefined;
      return share ? mul(kept, expandDims(share, -1)) : kept;
    }),
  );
  return terms.reduce((sum, term) => add(sum, term));
}

/** The numbers 0 to n − 1. */
const count = (n: number): Tensor =>
  constant(
    Float32Array.from({length: n}, (_, at) => at),
    [n],
  );

/** The number of the first pixel of each image, int32[images]. */
const firstPixels = (images: number, pixels: number): Tensor =>
  constant(
    Int32Array.from({length: images}, (_, at) => at * pixels),
    [images],
    'int32',
  );

const asRows = (x: Tensor): Tensor =>
  reshape(x, [x.size / (x.shape.at(-1) as number), x.shape.at(-1) as number]);

function checkPhotos(op: string, x: Tensor): readonly [number, number, number, number] {
  checkTensor(op, 'x', x);
  checkImage(op, 'x', x.shape, 2);
  if (x.size > 0 && x.size < 2 ** 31) return x.shape as unknown as readonly [number, number, number, number];
  return failIn(op, 'ERR_SHAPE', `images must have pixels, fewer than 2³¹ in all. Received ${x}`);
}

/**
 * Images [batch, height, width, channels] by a map from places of the result to places of the image: of each
 * image, or of all, eight numbers a0 … a7. The pixel at (x, y) of the result is what lies at
 * ((a0·x + a1·y + a2) / k, (a3·x + a4·y + a5) / k), k = a6·x + a7·y + 1, as in Keras and TensorFlow.
 *
 * @throws ERR_SHAPE, ERR_OPTION.
 */
export function affineTransform(x: Tensor, transform: Tensor, options: AffineOptions = {}): Tensor {
  const op = 'affineTransform';
  const [batch, height, width, channels] = checkPhotos(op, x);
  checkTensor(op, 'transform', transform);
  checkOptions(`ops.${op}`, options, ['interpolation', 'fillMode', 'fillValue', 'outputSize']);
  checkSampling(`ops.${op}`, options);
  const known: Shape = transform.rank === 1 ? [1, ...transform.shape] : transform.shape;
  if (known.length !== 2 || known[1] !== 8 || (known[0] !== 1 && known[0] !== batch)) {
    const wanted = `the transform must be [8] or [${batch},8]`;
    failIn(op, 'ERR_SHAPE', `${wanted}. Received ${formatShape(transform.shape)}`);
  }
  const size = perAxis(op, 'outputSize', options.outputSize ?? [height, width], 2);
  const [rows, columns] = size as readonly [number, number];
  const maps = reshape(transform, known);
  const a = (index: number): Tensor => reshape(slice(maps, 1, index, 1), [known[0] as number, 1, 1]);
  const [left, top] = [reshape(count(columns), [1, 1, columns]), reshape(count(rows), [1, rows, 1])];
  const along = (first: number): Tensor =>
    add(add(mul(a(first), left), mul(a(first + 1), top)), a(first + 2));
  const depth = add(add(mul(a(6), left), mul(a(7), top)), 1);
  const placesOf = (place: Tensor): Tensor =>
    reshape(broadcastTo(div(place, depth), [batch, rows, columns]), [batch * rows * columns]);
  const places = [placesOf(along(3)), placesOf(along(0))] as const;
  const first = reshape(firstPixels(batch, height * width), [batch, 1]);
  const owners = reshape(broadcastTo(first, [batch, rows * columns]), [batch * rows * columns]);
  const pixels = sampled(asRows(x), [height, width], owners, places, options);
  return reshape(pixels, [batch, rows, columns, channels]);
}

export interface CropAndResizeOptions {
  /** `bilinear` by default. */
  readonly interpolation?: (typeof interpolations)[number];
  /** What lies beyond the image; 0 by default. */
  readonly extrapolationValue?: number;
}

/** Places of a box's pixels on an axis, [boxes, count]: from one side to the other, both included. */
function placesIn(low: Tensor, high: Tensor, size: number, steps: number): Tensor {
  const [from, to] = [mul(low, size - 1), mul(high, size - 1)];
  if (steps === 1) return mul(add(from, to), 0.5);
  return add(from, mul(reshape(count(steps), [1, steps]), div(sub(to, from), steps - 1)));
}

/**
 * Boxes [n, 4] of images [batch, height, width, channels], cut out and brought to one size: [n, …cropSize,
 * channels]. A box is [y1, x1, y2, x2], 0 being the first pixel of an axis and 1 the last; where it is
 * reversed, the result is flipped. `boxIndices`, int32 [n], says the image of each (TensorFlow's
 * `crop_and_resize`).
 *
 * @throws ERR_SHAPE, ERR_OPTION; ERR_OUT_OF_RANGE, in a run, for an index that is no image.
 */
export function cropAndResize(
  x: Tensor,
  boxes: Tensor,
  boxIndices: Tensor,
  cropSize: PerAxis,
  options: CropAndResizeOptions = {},
): Tensor {
  const op = 'cropAndResize';
  const [batch, height, width, channels] = checkPhotos(op, x);
  checkTensor(op, 'boxes', boxes);
  checkTensor(op, 'boxIndices', boxIndices);
  checkOptions(`ops.${op}`, options, ['interpolation', 'extrapolationValue']);
  const {interpolation = 'bilinear', extrapolationValue = 0} = options;
  checkSampling(`ops.${op}`, {interpolation});
  checkNumber(`ops.${op}: extrapolationValue`, extrapolationValue, {});
  const n = boxIndices.size;
  if (boxIndices.rank !== 1 || boxes.rank !== 2 || boxes.shape[0] !== n || boxes.shape[1] !== 4) {
    const received = `Received ${formatShape(boxes.shape)} and ${formatShape(boxIndices.shape)}`;
    failIn(op, 'ERR_SHAPE', `expected boxes [n, 4] and box indices [n]. ${received}`);
  }
  const [rows, columns] = perAxis(op, 'cropSize', cropSize, 2) as readonly [number, number];
  const side = (index: number): Tensor => slice(boxes, 1, index, 1);
  const ys = reshape(placesIn(side(0), side(2), height, rows), [n, rows, 1]);
  const xs = reshape(placesIn(side(1), side(3), width, columns), [n, 1, columns]);
  const all: Shape = [n, rows, columns];
  const flat = (places: Tensor): Tensor => reshape(broadcastTo(places, all), [n * rows * columns]);
  // Read from a table of the images, so that an index that is none of them stops the run.
  const first = gather(firstPixels(batch, height * width), boxIndices);
  const pixels = sampled(asRows(x), [height, width], flat(reshape(first, [n, 1, 1])), [flat(ys), flat(xs)], {
    interpolation,
    fillMode: 'constant',
    fillValue: 0,
  });
  const isIn = (places: Tensor, size: number): Tensor =>
    logicalAnd(greaterEqual(places, 0), lessEqual(places, size - 1));
  const inside = expandDims(logicalAnd(isIn(ys, height), isIn(xs, width)), -1);
  return select(inside, reshape(pixels, [...all, channels]), extrapolationValue);
}
