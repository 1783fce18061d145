// Layers that change how large an image is: zeros around it, parts of it, pixels repeated or interpolated.
import {checkChoice, checkOptions, fail} from '../../core/errors.ts';
import {formatShape} from '../../core/shape.ts';
import {pad, repeat, slice} from '../../ops/pad.ts';
import {resize} from '../../ops/resize.ts';
import type {PerAxis} from '../../ops/spatial.ts';
import {type Layer, type LayerOptions, layerOptions} from '../layer.ts';
import {makeLayer} from '../make-layer.ts';
import {
  checkDataFormat,
  checkSample,
  type DataFormat,
  pairsOf,
  plainPadding,
  plainSizes,
  type Sides,
  sizesOf,
} from './spatial-options.ts';

export interface ZeroPaddingOptions extends LayerOptions {
  /** Zeros on both sides of each axis; 1 by default. For one axis, two numbers are [before, after]. */
  readonly padding?: Sides;
  /** Only `channelsLast`. */
  readonly dataFormat?: DataFormat;
}

export interface CroppingOptions extends LayerOptions {
  /**
   * Positions left out on both sides of each axis: 1 by default, of images 0, as in Keras. For one axis, two
   * numbers are [before, after].
   */
  readonly cropping?: Sides;
  /** Only `channelsLast`. */
  readonly dataFormat?: DataFormat;
}

export interface UpSamplingOptions extends LayerOptions {
  /** How often each position is repeated: one number for all axes, or one for each. 2 by default. */
  readonly size?: PerAxis;
  /** Only `channelsLast`. */
  readonly dataFormat?: DataFormat;
}

const interpolations = ['nearest', 'bilinear', 'bicubic', 'lanczos3', 'lanczos5'] as const;

export interface UpSampling2dOptions extends UpSamplingOptions {
  /** `nearest` (the default) repeats pixels; the others are those of `ops.resize`. */
  readonly interpolation?: (typeof interpolations)[number];
}

function zeroPadding(kind: string, axes: number, options: ZeroPaddingOptions = {}): Layer {
  const where = `layers.${kind}`;
  checkOptions(where, options, [...layerOptions, 'padding', 'dataFormat']);
  const sides = pairsOf(`${where}: padding`, options.padding ?? 1, axes);
  checkDataFormat(`${where}: dataFormat`, options.dataFormat, axes);
  const config = () => ({padding: plainPadding(options.padding), dataFormat: options.dataFormat});
  return makeLayer(kind, options, config, (sample, _, layer) => {
    checkSample(layer.name, sample, axes);
    return x => pad(x, [[0, 0], ...sides, [0, 0]]);
  });
}

function cropping(kind: string, axes: number, options: CroppingOptions = {}): Layer {
  const where = `layers.${kind}`;
  checkOptions(where, options, [...layerOptions, 'cropping', 'dataFormat']);
  const sides = pairsOf(`${where}: cropping`, options.cropping ?? (axes === 2 ? 0 : 1), axes);
  checkDataFormat(`${where}: dataFormat`, options.dataFormat, axes);
  const config = () => ({cropping: plainPadding(options.cropping), dataFormat: options.dataFormat});
  return makeLayer(kind, options, config, (sample, _, layer) => {
    checkSample(layer.name, sample, axes);
    const sizes = sides.map(([before, after], axis) => (sample[axis] as number) - before - after);
    if (sizes.some(size => size < 1)) {
      const what = `cropping ${formatShape(sides.flat())} leaves nothing of samples ${formatShape(sample)}`;
      fail('ERR_SHAPE', `${layer.name}: ${what}. Crop less than each axis is long.`);
    }
    const begin = [0, ...sides.map(([before]) => before), 0];
    return x => slice(x, begin, [-1, ...sizes, -1]);
  });
}

function upSampling(
  kind: string,
  axes: number,
  options: UpSampling2dOptions,
  known: readonly string[],
): Layer {
  const where = `layers.${kind}`;
  checkOptions(where, options, [...layerOptions, 'size', 'dataFormat', ...known]);
  const factors = sizesOf(`${where}: size`, options.size ?? 2, axes);
  const {interpolation = 'nearest'} = options;
  checkChoice(`${where}: interpolation`, interpolation, interpolations);
  checkDataFormat(`${where}: dataFormat`, options.dataFormat, axes);
  const config = () => ({
    size: plainSizes(options.size),
    interpolation: options.interpolation,
    dataFormat: options.dataFormat,
  });
  return makeLayer(kind, options, config, (sample, _, layer) => {
    checkSample(layer.name, sample, axes);
    if (interpolation === 'nearest') {
      return x => factors.reduce((y, factor, axis) => repeat(y, factor, axis + 1), x);
    }
    const sizes = factors.map((factor, axis) => factor * (sample[axis] as number));
    return x => resize(x, sizes, {interpolation});
  });
}

/** Zeros before and after `[batch, steps, channels]`. */
export const zeroPadding1d = (options?: ZeroPaddingOptions): Layer =>
  zeroPadding('zeroPadding1d', 1, options);
/** Zeros around `[batch, height, width, channels]`. */
export const zeroPadding2d = (options?: ZeroPaddingOptions): Layer =>
  zeroPadding('zeroPadding2d', 2, options);
/** Zeros around `[batch, depth, height, width, channels]`. */
export const zeroPadding3d = (options?: ZeroPaddingOptions): Layer =>
  zeroPadding('zeroPadding3d', 3, options);

/** `[batch, steps, channels]` without its first and last steps. */
export const cropping1d = (options?: CroppingOptions): Layer => cropping('cropping1d', 1, options);
/** `[batch, height, width, channels]` without its borders. */
export const cropping2d = (options?: CroppingOptions): Layer => cropping('cropping2d', 2, options);
/** `[batch, depth, height, width, channels]` without its borders. */
export const cropping3d = (options?: CroppingOptions): Layer => cropping('cropping3d', 3, options);

/** Each step of `[batch, steps, channels]` so many times. */
export const upSampling1d = (options: UpSamplingOptions = {}): Layer =>
  upSampling('upSampling1d', 1, options, []);
/** `[batch, height, width, channels]`, so many times as high and as wide. */
export const upSampling2d = (options: UpSampling2dOptions = {}): Layer =>
  upSampling('upSampling2d', 2, options, ['interpolation']);
/** Each position of `[batch, depth, height, width, channels]` so many times along each axis. */
export const upSampling3d = (options: UpSamplingOptions = {}): Layer =>
  upSampling('upSampling3d', 3, options, []);
