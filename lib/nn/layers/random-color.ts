// Layers that change the colors of images at random, and one that hides a part of them. Names, defaults and
// ranges are Keras's.
import {checkNumber} from '../../core/errors.ts';
import {isList} from '../../core/kinds.ts';
import {constant, failIn, type Tensor} from '../../core/tensor.ts';
import {
  add,
  broadcastTo,
  div,
  equal,
  greater,
  greaterEqual,
  less,
  logicalAnd,
  maximum,
  minimum,
  mul,
  neg,
  select,
  sqrt,
  sub,
} from '../../ops/map.ts';
import {mod} from '../../ops/math.ts';
import {slice} from '../../ops/pad.ts';
import {randomNormal} from '../../ops/random.ts';
import {max, mean, min, sum} from '../../ops/reduce.ts';
import type {CallContext} from '../call-context.ts';
import type {Layer} from '../layer.ts';
import {
  type AugmentationOptions,
  augmentation,
  type ColorOptions,
  checkAugmentation,
  chosen,
  drawn,
  exactlyIt,
  fromZero,
  limited,
  type Pair,
  plainRange,
  type Range,
  rangeOf,
  symmetric,
  valueRangeOf,
} from './augmentation.ts';

export interface ColorFactorOptions extends ColorOptions {
  readonly factor: Range;
}

interface ColorRule {
  readonly kind: string;
  readonly limits: {readonly min: number; readonly max: number};
  low(most: number): number;
  readonly channels?: number;
  change(x: Tensor, context: CallContext, factor: Pair, values: Pair): Tensor;
}

/** A layer with a factor, whose results stay within the range of values. */
function colored({kind, limits, low, channels, change}: ColorRule): (options: ColorFactorOptions) => Layer {
  return options => {
    const where = `layers.${kind}`;
    checkAugmentation(where, options, ['factor', 'valueRange']);
    const factor = rangeOf(`${where}: factor`, options.factor, limits, low);
    const values = valueRangeOf(where, options);
    return augmentation(kind, options, {
      config: () => ({factor: plainRange(options.factor), valueRange: plainRange(options.valueRange)}),
      change: (x, context) => limited(change(x, context, factor, values), values),
      ...(channels !== undefined && {channels}),
    });
  };
}

/**
 * In training, brings the pixels of each channel of an image nearer to their mean or farther from it, by a
 * factor between 1 − f and 1 + f; of [a, b], between 1 − a and 1 + b.
 */
export const randomContrast = colored({
  kind: 'randomContrast',
  limits: {min: 0, max: 1},
  low: exactlyIt,
  change(x, context, [less, more]) {
    const middle = mean(x, [1, 2], true);
    return add(mul(sub(x, middle), drawn(x, context, [1 - less, 1 + more])), middle);
  },
});

/** In training, adds a share of the range of values, between −f and f or of a range, to each image. */
export const randomBrightness = colored({
  kind: 'randomBrightness',
  limits: {min: -1, max: 1},
  low: symmetric,
  change: (x, context, factor, [black, white]) => add(x, mul(drawn(x, context, factor), white - black)),
});

/** The largest of red, green and blue of each pixel, and how far it lies above the smallest. */
function valueAndChroma(x: Tensor): {value: Tensor; chroma: Tensor} {
  const value = max(x, -1, true);
  return {value, chroma: sub(value, min(x, -1, true))};
}

/** The hue of each pixel in sixths of the circle, 0 being red and 2 green (Smith 1978). */
function hueOf(x: Tensor, value: Tensor, chroma: Tensor): Tensor {
  const [red, green, blue] = [0, 1, 2].map(at => slice(x, 3, at, 1)) as [Tensor, Tensor, Tensor];
  const gray = equal(chroma, 0);
  const share = (a: Tensor, b: Tensor): Tensor => div(sub(a, b), select(gray, 1, chroma));
  const ofGreen = add(share(blue, red), 2);
  const ofBlue = add(share(red, green), 4);
  const hue = select(equal(value, red), share(green, blue), select(equal(value, green), ofGreen, ofBlue));
  return select(gray, 0, hue);
}

/** What red, green and blue are in the circle of hues. */
const rgb = (): Tensor => constant(Float32Array.of(5, 3, 1), [3]);

/**
 * In training, turns the hues of each image by the same share of half a circle, from 0 to f or of a range, to
 * either side.
 */
export const randomHue = colored({
  kind: 'randomHue',
  limits: {min: 0, max: 1},
  low: fromZero,
  channels: 3,
  change(x, context, factor) {
    const size = mul(drawn(x, context, factor), 3);
    const turned = select(chosen(x, context, 0.5), size, neg(size));
    const {value, chroma} = valueAndChroma(x);
    const place = mod(add(add(hueOf(x, value, chroma), turned), rgb()), 6);
    const share = maximum(minimum(minimum(place, sub(4, place)), 1), 0);
    return sub(value, mul(chroma, share));
  },
});

/**
 * In training, multiplies the saturation of each image by s / (1 − s), s from 0 to f or of a range: 0.5
 * leaves it as it is, 0 makes it gray, 1 gives every color its full strength.
 */
export const randomSaturation = colored({
  kind: 'randomSaturation',
  limits: {min: 0, max: 1},
  low: fromZero,
  channels: 3,
  change(x, context, factor, [black]) {
    const s = drawn(x, context, factor);
    const times = div(s, maximum(sub(1, s), 1e-6));
    const {value, chroma} = valueAndChroma(x);
    const most = div(sub(value, black), select(greater(chroma, 0), chroma, 1));
    return sub(value, mul(sub(value, x), minimum(times, maximum(most, 0))));
  },
});

export interface RandomGrayscaleOptions extends AugmentationOptions {
  /** The share of the images that become gray. 0.5 by default. */
  readonly factor?: number;
}

/** How bright red, green and blue are (ITU-R BT.601). */
const luma = (): Tensor => constant(Float32Array.of(0.2989, 0.587, 0.114), [3]);

/** In training, makes some of the images gray, with three equal channels. */
export function randomGrayscale(options: RandomGrayscaleOptions = {}): Layer {
  const where = 'layers.randomGrayscale';
  checkAugmentation(where, options, ['factor']);
  const {factor = 0.5} = options;
  checkNumber(`${where}: factor`, factor, {min: 0, max: 1});
  return augmentation('randomGrayscale', options, {
    config: () => ({factor: options.factor}),
    change(x, context) {
      const gray = broadcastTo(sum(mul(x, luma()), -1, true), x.shape);
      return select(chosen(x, context, factor), gray, x);
    },
    channels: 3,
  });
}

export interface RandomErasingOptions extends ColorOptions {
  /** How likely an image is erased from: a number from 0 to f, or of a range, for each. 1 by default. */
  readonly factor?: Range;
  /**
   * The square of the part's share of the height, and that of the width, drawn each for itself: the least and
   * the most. [0.02, 0.33] by default.
   */
  readonly scale?: readonly [number, number];
  /** What is put there, or one number for each channel; normal noise times white by default. */
  readonly fillValue?: number | readonly number[];
}

/** A line of zeros and ones along an axis: what a part of random place and this share of it covers. */
function covers(x: Tensor, axis: 1 | 2, share: Tensor, context: CallContext): Tensor {
  const size = x.shape[axis] as number;
  const length = mul(share, size);
  const start = mul(drawn(x, context, [0, 1]), sub(size, length));
  const places = constant(
    Float32Array.from({length: size}, (_, at) => at),
    axis === 1 ? [1, size, 1, 1] : [1, 1, size, 1],
  );
  return logicalAnd(greaterEqual(places, start), less(places, add(start, length)));
}

/** What a part is filled with, within the range of values. */
function filling(x: Tensor, given: RandomErasingOptions['fillValue'], values: Pair, context: CallContext) {
  if (given === undefined) {
    return limited(mul(randomNormal(context.random(), x.shape), values[1]), values);
  }
  const own = Float32Array.from([given].flat());
  const channels = x.shape[3] as number;
  if (own.length !== 1 && own.length !== channels) {
    const what = `fillValue: ${own.length} numbers for ${channels} channels`;
    failIn('randomErasing', 'ERR_SHAPE', `${what}. Give one, or one for each. Received ${x}`);
  }
  return limited(constant(own, [own.length]), values);
}

/**
 * In training, puts noise or a number in a rectangle of each image (Zhong et al. 2020), whose sides are drawn
 * as Keras draws them: each for itself.
 */
export function randomErasing(options: RandomErasingOptions = {}): Layer {
  const where = 'layers.randomErasing';
  checkAugmentation(where, options, ['factor', 'scale', 'fillValue', 'valueRange']);
  const {fillValue} = options;
  const factor = rangeOf(`${where}: factor`, options.factor ?? 1, {min: 0, max: 1}, fromZero);
  const shares = rangeOf(`${where}: scale`, options.scale ?? [0.02, 0.33], {min: 0, max: 1}, fromZero);
  const values = valueRangeOf(where, options);
  for (const value of isList(fillValue) ? Array.from(fillValue) : [fillValue ?? 0]) {
    checkNumber(`${where}: fillValue`, value, {});
  }
  return augmentation('randomErasing', options, {
    config: () => ({
      factor: plainRange(options.factor),
      scale: plainRange(options.scale),
      fillValue: typeof fillValue === 'object' ? Array.from(fillValue) : fillValue,
      valueRange: plainRange(options.valueRange),
    }),
    change(x, context) {
      const [across, down] = [2, 1].map(axis =>
        covers(x, axis as 1 | 2, sqrt(drawn(x, context, shares)), context),
      );
      const hit = chosen(x, context, drawn(x, context, factor));
      const inside = logicalAnd(across as Tensor, down as Tensor);
      return select(logicalAnd(hit, inside), filling(x, fillValue, values, context), x);
    },
  });
}
