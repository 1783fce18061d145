// What layers that change images at random have in common: in training alone, each image by numbers of its
// own, which follow from the seed, the step and the image's place in the batch.
import {checkNumber, checkOptions, fail} from '../../core/errors.ts';
import {isList, show} from '../../core/kinds.ts';
import type {Json} from '../../core/named.ts';
import {formatShape} from '../../core/shape.ts';
import type {Tensor} from '../../core/tensor.ts';
import {add, less, maximum, minimum, mul} from '../../ops/map.ts';
import {reshape} from '../../ops/move.ts';
import {randomUniform} from '../../ops/random.ts';
import type {CallContext} from '../call-context.ts';
import {type Layer, type LayerOptions, layerOptions} from '../layer.ts';
import {makeLayer} from '../make-layer.ts';
import {checkDataFormat, checkSample, type DataFormat} from './spatial-options.ts';

export interface AugmentationOptions extends LayerOptions {
  /** Only `channelsLast`. */
  readonly dataFormat?: DataFormat;
}

/** The numbers that white and black are: [0, 255] by default. */
export interface ColorOptions extends AugmentationOptions {
  readonly valueRange?: readonly [number, number];
}

/** A number, or the least and the most of a random one. */
export type Range = number | readonly [number, number];
export type Pair = readonly [number, number];

interface Limits {
  readonly min?: number;
  readonly max?: number;
  readonly above?: number;
}

/** A pair as it is; of a number the range from `low` of it to the number. @throws ERR_OPTION */
export function rangeOf(where: string, given: unknown, limits: Limits, low: (most: number) => number): Pair {
  const list: unknown[] = isList(given) ? Array.from(given) : [given];
  if (list.length === 1) {
    checkNumber(where, list[0], {...limits, min: 0});
    return [low(list[0]), list[0]];
  }
  if (list.length !== 2) {
    fail('ERR_OPTION', `${where}: expected a number, or [least, most]. Received ${show(given)}.`);
  }
  const [least, most] = list;
  checkNumber(where, least, limits);
  checkNumber(where, most, limits);
  if (least <= most) return [least, most];
  return fail('ERR_OPTION', `${where}: the least must not be above the most. Received ${show(given)}.`);
}

export const symmetric = (most: number): number => -most;
export const fromZero = (): number => 0;
export const exactlyIt = (most: number): number => most;

/** @throws ERR_OPTION */
export function valueRangeOf(where: string, {valueRange = [0, 255]}: ColorOptions): Pair {
  const pair = rangeOf(`${where}: valueRange`, valueRange, {}, fromZero);
  if (pair[0] < pair[1]) return pair;
  return fail('ERR_OPTION', `${where}: valueRange: expected two different numbers. Received ${show(pair)}.`);
}

export const plainRange = (given: Range | undefined): Json | undefined =>
  given === undefined || typeof given === 'number' ? given : Array.from(given);

/** A uniform number for each image, [batch, 1, 1, 1]. */
export function drawn(x: Tensor, context: CallContext, [low, high]: Pair): Tensor {
  const batch = x.shape[0] as number;
  const numbers = randomUniform(context.random(), [batch, 1, 1, 1]);
  // From 0 to 1 first: so a range of one number is that number.
  return add(mul(numbers, high - low), low);
}

/** True for about this share of the images, bool [batch, 1, 1, 1]. */
export const chosen = (x: Tensor, context: CallContext, share: Tensor | number): Tensor =>
  less(drawn(x, context, [0, 1]), share);

/** A number for each image as [batch, 1]. */
export const asColumn = (x: Tensor): Tensor => reshape(x, [x.size, 1]);

/** Limited to a range; its gradient is 0 beyond. */
export const limited = (x: Tensor, [low, high]: Pair): Tensor => minimum(maximum(x, low), high);

export interface Augmentation {
  /** The layer's own options, beside those of all. */
  readonly known: readonly string[];
  config(): Record<string, Json | undefined>;
  /** Images `[batch, height, width, channels]`, changed. */
  change(x: Tensor, context: CallContext): Tensor;
  /** The same outside of training: x itself by default. */
  otherwise?(x: Tensor): Tensor;
  /** How many channels it takes; any number by default. */
  readonly channels?: number;
}

export function checkAugmentation(
  where: string,
  options: AugmentationOptions,
  known: readonly string[],
): void {
  checkOptions(where, options, [...layerOptions, 'dataFormat', ...known]);
  checkDataFormat(`${where}: dataFormat`, options.dataFormat, 2);
}

/** A layer of images that does something in training. */
export function augmentation(
  kind: string,
  options: AugmentationOptions,
  {config, change, otherwise, channels}: Omit<Augmentation, 'known'>,
): Layer {
  const all = () => ({...config(), dataFormat: options.dataFormat});
  return makeLayer(kind, options, all, (sample, _, layer) => {
    checkSample(layer.name, sample, 2);
    if (channels !== undefined && sample.at(-1) !== channels) {
      const wanted = `expected ${channels} channels, red, green and blue`;
      fail('ERR_SHAPE', `${layer.name}: ${wanted}. Received samples ${formatShape(sample)}.`);
    }
    return (x, context) => {
      if (context.training) return change(x, context);
      return otherwise ? otherwise(x) : x;
    };
  });
}
