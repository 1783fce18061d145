// Pooling of one to three axes: windows, the whole image, windows that share the image out.
import {checkBoolean, checkOptions, requireOptions} from '../../core/errors.ts';
import type {Shape} from '../../core/shape.ts';
import type {Tensor} from '../../core/tensor.ts';
import {div, maximum, select} from '../../ops/map.ts';
import {reshape} from '../../ops/move.ts';
import {
  adaptiveAveragePool,
  adaptiveMaxPool,
  averagePool,
  maxPool,
  type PoolOptions,
} from '../../ops/pool.ts';
import {mean, sum} from '../../ops/reduce.ts';
import type {PerAxis} from '../../ops/spatial.ts';
import type {Forward} from '../call-context.ts';
import {type Layer, type LayerOptions, layerOptions} from '../layer.ts';
import {makeLayer} from '../make-layer.ts';
import {maskWeights} from '../masking.ts';
import {
  checkDataFormat,
  checkSample,
  type DataFormat,
  givenSizes,
  paddingOf,
  plainPadding,
  plainSizes,
  type Sides,
  sizesOf,
} from './spatial-options.ts';

export interface PoolingOptions extends LayerOptions {
  /** Of the windows: one number for all axes, or one for each. 2 by default. */
  readonly poolSize?: PerAxis;
  /** The size of the windows by default. */
  readonly strides?: PerAxis;
  /** `valid` by default, or `same`, or so many positions before and after each axis. */
  readonly padding?: 'valid' | 'same' | Sides;
  /** Only `channelsLast`. */
  readonly dataFormat?: DataFormat;
}

export interface GlobalPoolingOptions extends LayerOptions {
  /** Whether the axes stay, with size 1. False by default. */
  readonly keepDims?: boolean;
  /** Only `channelsLast`. */
  readonly dataFormat?: DataFormat;
}

export interface AdaptivePoolingOptions extends LayerOptions {
  /** How many windows share each axis out: one number for all, or one for each. */
  readonly outputSize: PerAxis;
  /** Only `channelsLast`. */
  readonly dataFormat?: DataFormat;
}

type Pool = (x: Tensor, size: PerAxis, options: PoolOptions) => Tensor;

function pooling(kind: string, axes: number, pool: Pool, options: PoolingOptions = {}): Layer {
  const where = `layers.${kind}`;
  checkOptions(where, options, [...layerOptions, 'poolSize', 'strides', 'padding', 'dataFormat']);
  const size = sizesOf(`${where}: poolSize`, options.poolSize ?? 2, axes);
  const strides = givenSizes(`${where}: strides`, options.strides, axes);
  const padding = paddingOf(`${where}: padding`, options.padding, axes);
  checkDataFormat(`${where}: dataFormat`, options.dataFormat, axes);
  const config = () => ({
    poolSize: plainSizes(options.poolSize),
    strides: plainSizes(options.strides),
    padding: plainPadding(options.padding),
    dataFormat: options.dataFormat,
  });
  const windows = {...(strides && {strides}), padding: padding as NonNullable<PoolOptions['padding']>};
  return makeLayer(kind, options, config, (sample, _, layer) => {
    checkSample(layer.name, sample, axes);
    return x => pool(x, size, windows);
  });
}

/** Mean over all positions: one reduction. */
function meanOfAll(x: Tensor): Tensor {
  const [batch, channels] = [x.shape[0], x.shape.at(-1)] as [number, number];
  return mean(reshape(x, [batch, x.size / (batch * channels), channels]), 1);
}

/** Largest of all positions, as one window, so that the first of several gets the gradient. */
const largestOfAll = (x: Tensor): Tensor => adaptiveMaxPool(x, 1);

/** Mean over the steps that count; zero where none does. */
function meanOfSteps(x: Tensor, mask: Tensor | undefined): Tensor {
  if (!mask || mask.rank < 2) return meanOfAll(x);
  const counts = reshape(mask, [...mask.shape, ...new Array<number>(x.rank - mask.rank).fill(1)]);
  const number = sum(maskWeights(mask, x.rank), 1);
  return div(sum(select(counts, x, 0), 1), maximum(number, 1));
}

function globalPooling(
  kind: string,
  axes: number,
  pool: (x: Tensor, mask: Tensor | undefined) => Tensor,
  options: GlobalPoolingOptions = {},
  usesMask = false,
): Layer {
  const where = `layers.${kind}`;
  checkOptions(where, options, [...layerOptions, 'keepDims', 'dataFormat']);
  const {keepDims = false} = options;
  checkBoolean(`${where}: keepDims`, keepDims);
  checkDataFormat(`${where}: dataFormat`, options.dataFormat, axes);
  const config = () => ({keepDims: options.keepDims, dataFormat: options.dataFormat});
  const build = (sample: Shape, _: unknown, layer: Layer): Forward => {
    checkSample(layer.name, sample, axes);
    const channels = sample.at(-1) as number;
    const shape = [...(keepDims ? new Array<number>(axes).fill(1) : []), channels];
    return (x, {mask}) => reshape(pool(x, mask), [x.shape[0] as number, ...shape]);
  };
  // What counts is used up.
  return makeLayer(kind, options, config, build, usesMask && (() => undefined));
}

function adaptivePooling(
  kind: string,
  axes: number,
  pool: (x: Tensor, size: PerAxis) => Tensor,
  options: AdaptivePoolingOptions,
): Layer {
  const where = `layers.${kind}`;
  requireOptions(where, options, [...layerOptions, 'outputSize', 'dataFormat']);
  const size = sizesOf(`${where}: outputSize`, options.outputSize, axes);
  checkDataFormat(`${where}: dataFormat`, options.dataFormat, axes);
  const config = () => ({outputSize: plainSizes(options.outputSize), dataFormat: options.dataFormat});
  return makeLayer(kind, options, config, (sample, _, layer) => {
    checkSample(layer.name, sample, axes);
    return x => pool(x, size);
  });
}

/** The largest of each window of `[batch, steps, channels]`. */
export const maxPooling1d = (options?: PoolingOptions): Layer => pooling('maxPooling1d', 1, maxPool, options);
/** The largest of each window of `[batch, height, width, channels]`. */
export const maxPooling2d = (options?: PoolingOptions): Layer => pooling('maxPooling2d', 2, maxPool, options);
/** The largest of each window of `[batch, depth, height, width, channels]`. */
export const maxPooling3d = (options?: PoolingOptions): Layer => pooling('maxPooling3d', 3, maxPool, options);

/** The mean of each window of `[batch, steps, channels]`; padding does not count. */
export const averagePooling1d = (options?: PoolingOptions): Layer =>
  pooling('averagePooling1d', 1, averagePool, options);
/** The mean of each window of `[batch, height, width, channels]`; padding does not count. */
export const averagePooling2d = (options?: PoolingOptions): Layer =>
  pooling('averagePooling2d', 2, averagePool, options);
/** The mean of each window of `[batch, depth, height, width, channels]`; padding does not count. */
export const averagePooling3d = (options?: PoolingOptions): Layer =>
  pooling('averagePooling3d', 3, averagePool, options);

/** The largest of each channel of `[batch, steps, channels]`. */
export const globalMaxPooling1d = (options?: GlobalPoolingOptions): Layer =>
  globalPooling('globalMaxPooling1d', 1, largestOfAll, options);
/** The largest of each channel of `[batch, height, width, channels]`. */
export const globalMaxPooling2d = (options?: GlobalPoolingOptions): Layer =>
  globalPooling('globalMaxPooling2d', 2, largestOfAll, options);
/** The largest of each channel of `[batch, depth, height, width, channels]`. */
export const globalMaxPooling3d = (options?: GlobalPoolingOptions): Layer =>
  globalPooling('globalMaxPooling3d', 3, largestOfAll, options);

/** The mean of each channel of `[batch, steps, channels]`, over the steps that a mask says count. */
export const globalAveragePooling1d = (options?: GlobalPoolingOptions): Layer =>
  globalPooling('globalAveragePooling1d', 1, meanOfSteps, options, true);
/** The mean of each channel of `[batch, height, width, channels]` (Lin et al. 2013). */
export const globalAveragePooling2d = (options?: GlobalPoolingOptions): Layer =>
  globalPooling('globalAveragePooling2d', 2, meanOfAll, options);
/** The mean of each channel of `[batch, depth, height, width, channels]`. */
export const globalAveragePooling3d = (options?: GlobalPoolingOptions): Layer =>
  globalPooling('globalAveragePooling3d', 3, meanOfAll, options);

/** The largest of each of so many windows, which share `[batch, steps, channels]` out. */
export const adaptiveMaxPooling1d = (options: AdaptivePoolingOptions): Layer =>
  adaptivePooling('adaptiveMaxPooling1d', 1, adaptiveMaxPool, options);
/** The same of `[batch, height, width, channels]`. */
export const adaptiveMaxPooling2d = (options: AdaptivePoolingOptions): Layer =>
  adaptivePooling('adaptiveMaxPooling2d', 2, adaptiveMaxPool, options);
/** The same of `[batch, depth, height, width, channels]`. */
export const adaptiveMaxPooling3d = (options: AdaptivePoolingOptions): Layer =>
  adaptivePooling('adaptiveMaxPooling3d', 3, adaptiveMaxPool, options);

/** The mean of each of so many windows, which share `[batch, steps, channels]` out. */
export const adaptiveAveragePooling1d = (options: AdaptivePoolingOptions): Layer =>
  adaptivePooling('adaptiveAveragePooling1d', 1, adaptiveAveragePool, options);
/** The same of `[batch, height, width, channels]`. */
export const adaptiveAveragePooling2d = (options: AdaptivePoolingOptions): Layer =>
  adaptivePooling('adaptiveAveragePooling2d', 2, adaptiveAveragePool, options);
/** The same of `[batch, depth, height, width, channels]`. */
export const adaptiveAveragePooling3d = (options: AdaptivePoolingOptions): Layer =>
  adaptivePooling('adaptiveAveragePooling3d', 3, adaptiveAveragePool, options);
