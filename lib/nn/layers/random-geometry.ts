// Layers that move the pixels of images at random. Maps and defaults are Keras's.
import {checkChoice} from '../../core/errors.ts';
import {constant, type Tensor} from '../../core/tensor.ts';
import {gather} from '../../ops/indexing.ts';
import {concatenate} from '../../ops/join.ts';
import {add, broadcastTo, cast, minimum, mul, neg, select, sub} from '../../ops/map.ts';
import {cos, floor, sin} from '../../ops/math.ts';
import {reverse} from '../../ops/pad.ts';
import {affineTransform, checkSampling, type FillMode, type SamplingOptions} from '../../ops/sample-image.ts';
import type {CallContext} from '../call-context.ts';
import type {Layer} from '../layer.ts';
import {
  type AugmentationOptions,
  asColumn,
  augmentation,
  checkAugmentation,
  chosen,
  drawn,
  fromZero,
  type Pair,
  plainRange,
  type Range,
  rangeOf,
  symmetric,
} from './augmentation.ts';
import {centered, checkSize, type ImageSizeOptions, type Size, sizeOptions} from './preprocessing.ts';

const flips = ['horizontal', 'vertical', 'horizontalAndVertical'] as const;

export interface RandomFlipOptions extends AugmentationOptions {
  /** `horizontalAndVertical` by default: each for itself. */
  readonly mode?: (typeof flips)[number];
}

/** In training, mirrors half of the images, left to right, upside down, or each. */
export function randomFlip(options: RandomFlipOptions = {}): Layer {
  const where = 'layers.randomFlip';
  checkAugmentation(where, options, ['mode']);
  const {mode = 'horizontalAndVertical'} = options;
  checkChoice(`${where}: mode`, mode, flips);
  const axes = [...(mode === 'vertical' ? [] : [2]), ...(mode === 'horizontal' ? [] : [1])];
  return augmentation('randomFlip', options, {
    config: () => ({mode: options.mode}),
    change: (x, context) => axes.reduce((y, axis) => select(chosen(y, context, 0.5), reverse(y, axis), y), x),
  });
}

/** Of each image so many positions along an axis, from a random one on. */
function cropped(x: Tensor, axis: 1 | 2, size: number, context: CallContext): Tensor {
  const room = (x.shape[axis] as number) - size;
  if (room === 0) return x;
  const start = minimum(floor(asColumn(drawn(x, context, [0, room + 1]))), room);
  const steps = constant(
    Float32Array.from({length: size}, (_, at) => at),
    [1, size],
  );
  return gather(x, cast(add(start, steps), 'int32'), axis, 1);
}

/**
 * In training, a part of each image at a random place; otherwise its middle. Smaller images are resized, with
 * their proportions, and what is too much is cut off.
 */
export function randomCrop(options: ImageSizeOptions): Layer {
  const where = 'layers.randomCrop';
  checkAugmentation(where, options, sizeOptions.slice(0, 2));
  const size: Size = checkSize(where, options);
  return augmentation('randomCrop', options, {
    config: () => ({height: size[0], width: size[1]}),
    change(x, context) {
      const fits = (x.shape[1] as number) >= size[0] && (x.shape[2] as number) >= size[1];
      return fits ? cropped(cropped(x, 1, size[0], context), 2, size[1], context) : centered(x, size);
    },
    otherwise: x => centered(x, size),
  });
}

/** How pixels of a map are read: with Keras's defaults. */
interface MapOptions extends AugmentationOptions {
  /** What lies beyond the image: `reflect` (the default), `wrap`, `nearest` or `constant`. */
  readonly fillMode?: FillMode;
  /** With `constant`: 0 by default. */
  readonly fillValue?: number;
  /** `bilinear` by default. */
  readonly interpolation?: 'nearest' | 'bilinear';
}

const mapOptions = ['fillMode', 'fillValue', 'interpolation'];

/** Entries a0 to a5 of a map for each image: numbers, or [batch, 1]. */
type Entries = readonly (Tensor | number)[];

/** A layer that reads each image through a map of its own. */
function mapped(
  kind: string,
  options: MapOptions,
  own: Record<string, Range | undefined>,
  mapOf: (x: Tensor, context: CallContext) => Entries,
): Layer {
  const where = `layers.${kind}`;
  const {fillMode, fillValue, interpolation} = options;
  const given: SamplingOptions = {
    fillMode: fillMode ?? 'reflect',
    ...(fillValue !== undefined && {fillValue}),
    ...(interpolation && {interpolation}),
  };
  checkSampling(where, given);
  const ranges = Object.entries(own).map(([name, range]) => [name, plainRange(range)] as const);
  return augmentation(kind, options, {
    config: () => ({...Object.fromEntries(ranges), fillMode, fillValue, interpolation}),
    change(x, context) {
      const batch = x.shape[0] as number;
      const entries = [...mapOf(x, context), 0, 0];
      const columns = entries.map(entry =>
        typeof entry === 'number' ? broadcastTo(entry, [batch, 1]) : entry,
      );
      return affineTransform(x, concatenate(columns, 1), given);
    },
  });
}

/** Height and width less 1: of an image, the last pixels. */
const lastOf = (x: Tensor): Pair => [(x.shape[1] as number) - 1, (x.shape[2] as number) - 1];

/** What keeps the middle of an axis in its place, for a sum of the rest of a row of the map. */
const keepMiddle = (middle: number, rest: Tensor): Tensor => sub(middle, rest);

export interface RandomTranslationOptions extends MapOptions {
  /** Shares of the height by which images move down: from −f to f, or [least, most]. */
  readonly heightFactor: Range;
  /** Shares of the width by which they move to the right. */
  readonly widthFactor: Range;
}

/** In training, moves each image by random shares of its height and width. */
export function randomTranslation(options: RandomTranslationOptions): Layer {
  const where = 'layers.randomTranslation';
  checkAugmentation(where, options, ['heightFactor', 'widthFactor', ...mapOptions]);
  const {heightFactor, widthFactor} = options;
  const down = rangeOf(`${where}: heightFactor`, heightFactor, {min: -1, max: 1}, symmetric);
  const right = rangeOf(`${where}: widthFactor`, widthFactor, {min: -1, max: 1}, symmetric);
  return mapped('randomTranslation', options, {heightFactor, widthFactor}, (x, context) => {
    const moved = (range: Pair, size: number): Tensor => mul(asColumn(drawn(x, context, range)), -size);
    const dy = moved(down, x.shape[1] as number);
    const dx = moved(right, x.shape[2] as number);
    return [1, 0, dx, 0, 1, dy];
  });
}

export interface RandomRotationOptions extends MapOptions {
  /** Shares of a full turn, counterclockwise: from −f to f, or [least, most]. */
  readonly factor: Range;
}

/** In training, turns each image around its middle by a random angle. */
export function randomRotation(options: RandomRotationOptions): Layer {
  const where = 'layers.randomRotation';
  checkAugmentation(where, options, ['factor', ...mapOptions]);
  const {factor} = options;
  const turns = rangeOf(`${where}: factor`, factor, {min: -1, max: 1}, symmetric);
  return mapped('randomRotation', options, {factor}, (x, context) => {
    const angle = mul(asColumn(drawn(x, context, turns)), 2 * Math.PI);
    const [c, s] = [cos(angle), sin(angle)];
    const [bottom, right] = lastOf(x);
    const across = keepMiddle(right / 2, sub(mul(c, right / 2), mul(s, bottom / 2)));
    const down = keepMiddle(bottom / 2, add(mul(s, right / 2), mul(c, bottom / 2)));
    return [c, neg(s), across, s, c, down];
  });
}

export interface RandomZoomOptions extends MapOptions {
  /** Above 0 images become smaller, by that share of what is seen, below 0 larger: −f to f, or a range. */
  readonly heightFactor: Range;
  /** The same along the width; by default images keep their proportions. */
  readonly widthFactor?: Range;
}

/** In training, makes what each image shows larger or smaller around its middle. */
export function randomZoom(options: RandomZoomOptions): Layer {
  const where = 'layers.randomZoom';
  checkAugmentation(where, options, ['heightFactor', 'widthFactor', ...mapOptions]);
  const {heightFactor, widthFactor} = options;
  const rows = rangeOf(`${where}: heightFactor`, heightFactor, {above: -1, max: 10}, symmetric);
  const columns =
    widthFactor === undefined
      ? undefined
      : rangeOf(`${where}: widthFactor`, widthFactor, {above: -1, max: 10}, symmetric);
  return mapped('randomZoom', options, {heightFactor, widthFactor}, (x, context) => {
    const seen = (range: Pair): Tensor => add(asColumn(drawn(x, context, range)), 1);
    const high = seen(rows);
    const wide = columns ? seen(columns) : high;
    const [bottom, right] = lastOf(x);
    const across = keepMiddle(right / 2, mul(wide, right / 2));
    return [wide, 0, across, 0, high, keepMiddle(bottom / 2, mul(high, bottom / 2))];
  });
}

export interface RandomShearOptions extends MapOptions {
  /** How far rows move, as a share of the distance from the first: from 0 to f, or a range. 0 by default. */
  readonly xFactor?: Range;
  /** The same of columns. 0 by default. */
  readonly yFactor?: Range;
}

/** In training, slants each image, rows and columns to the same side, which is drawn as well. */
export function randomShear(options: RandomShearOptions = {}): Layer {
  const where = 'layers.randomShear';
  checkAugmentation(where, options, ['xFactor', 'yFactor', ...mapOptions]);
  const {xFactor, yFactor} = options;
  const across = rangeOf(`${where}: xFactor`, xFactor ?? 0, {min: 0, max: 1}, fromZero);
  const down = rangeOf(`${where}: yFactor`, yFactor ?? 0, {min: 0, max: 1}, fromZero);
  return mapped('randomShear', options, {xFactor, yFactor}, (x, context) => {
    const side = select(chosen(x, context, 0.5), 1, -1);
    const slant = (range: Pair): Tensor => asColumn(mul(drawn(x, context, range), side));
    return [1, slant(across), 0, slant(down), 1, 0];
  });
}
