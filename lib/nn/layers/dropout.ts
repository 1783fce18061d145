// Dropout: of single elements, of elements that a shape ties together, of whole channels.
import {checkNumber, fail, requireOptions} from '../../core/errors.ts';
import {formatShape} from '../../core/shape.ts';
import {failIn, type Tensor} from '../../core/tensor.ts';
import {dropout as dropoutOp} from '../../ops/composite.ts';
import {type Layer, type LayerOptions, layerOptions} from '../layer.ts';
import {makeLayer} from '../make-layer.ts';
import {checkDataFormat, type DataFormat} from './spatial-options.ts';

export interface DropoutOptions extends LayerOptions {
  /** The fraction of the elements that are zeroed, in [0, 1). */
  readonly rate: number;
  /**
   * For each axis, batch first: 1 where all elements along it are kept or zeroed together, null where each
   * has a draw of its own. So `[null, 1, null]` on `[batch, time, features]` drops features for all times. By
   * default every element has its own.
   */
  readonly noiseShape?: readonly (number | null)[];
}

export interface SpatialDropoutOptions extends LayerOptions {
  /** The fraction of the channels that are zeroed, in [0, 1). */
  readonly rate: number;
}

export interface ImageDropoutOptions extends SpatialDropoutOptions {
  /** Only `channelsLast`. */
  readonly dataFormat?: DataFormat;
}

/** @throws ERR_OPTION */
function checkNoiseShape(where: string, shape: unknown): asserts shape is readonly (number | null)[] {
  const sizes = Array.isArray(shape) ? shape : [];
  const ok = sizes.length > 0 && sizes.every(size => size === null || (Number.isInteger(size) && size > 0));
  if (ok) return;
  fail(
    'ERR_OPTION',
    `${where}: expected a size or null for each axis, batch first. Received ${String(shape)}.`,
  );
}

/** The shape of the draws for x: null is the size of x. The batch has no fixed size, so it is null or 1. */
export function drawsFor(x: Tensor, noiseShape: readonly (number | null)[]): readonly number[] {
  const shape = noiseShape.map((size, axis) => size ?? x.shape[axis] ?? 0);
  const fits = shape.length === x.rank && shape.every((size, axis) => size === 1 || size === x.shape[axis]);
  if (fits && (noiseShape[0] === null || noiseShape[0] === 1)) return shape;
  const given = formatShape(shape.map((size, axis) => (axis === 0 ? (noiseShape[0] ?? -1) : size)));
  const wanted = 'expected null or 1 for the batch, and 1, null or the size of the input in each other axis';
  return failIn('noiseShape', 'ERR_SHAPE', `${wanted}. Received ${given} for ${x}`);
}

type Drops = Pick<DropoutOptions, 'rate' | 'noiseShape'>;

/** How much is dropped, and what together. */
export function dropsOf(where: string, options: DropoutOptions): Drops {
  requireOptions(where, options, [...layerOptions, 'rate', 'noiseShape']);
  const {rate, noiseShape} = options;
  checkNumber(`${where}: rate`, rate, {min: 0, below: 1});
  if (noiseShape !== undefined) checkNoiseShape(`${where}: noiseShape`, noiseShape);
  return {rate, noiseShape};
}

/** In training, zeroes random elements and scales the others by 1/(1 − rate); otherwise gives x. */
export function dropout(options: DropoutOptions): Layer {
  const {rate, noiseShape} = dropsOf('layers.dropout', options);
  return makeLayer(
    'dropout',
    options,
    () => ({rate, noiseShape}),
    () => (x, context) => {
      const shape = noiseShape && drawsFor(x, noiseShape);
      return context.training ? dropoutOp(x, rate, context.random(), shape) : x;
    },
    true,
  );
}

/** Drops whole channels: the last axis after `axes` axes of time or space. */
function spatial(kind: string, axes: number, options: ImageDropoutOptions): Layer {
  const where = `layers.${kind}`;
  requireOptions(where, options, [...layerOptions, 'rate', ...(axes > 1 ? ['dataFormat'] : [])]);
  const {rate, dataFormat} = options;
  checkDataFormat(`${where}: dataFormat`, dataFormat, axes);
  checkNumber(`${where}: rate`, rate, {min: 0, below: 1});
  return makeLayer(
    kind,
    options,
    () => ({rate, dataFormat}),
    () => (x, context) => {
      if (x.rank !== axes + 2) {
        failIn(
          kind,
          'ERR_SHAPE',
          `expected ${axes + 2} axes, the batch first and channels last. Received ${x}`,
        );
      }
      const ties = x.shape.map((size, axis) => (axis === 0 || axis === x.rank - 1 ? size : 1));
      return context.training ? dropoutOp(x, rate, context.random(), ties) : x;
    },
    true,
  );
}

/** In training, drops features of `[batch, time, features]` for all times (Tompson et al. 2015). */
export function spatialDropout1d(options: SpatialDropoutOptions): Layer {
  return spatial('spatialDropout1d', 1, options);
}

/** In training, drops channels of `[batch, height, width, channels]` as a whole (Tompson et al. 2015). */
export function spatialDropout2d(options: ImageDropoutOptions): Layer {
  return spatial('spatialDropout2d', 2, options);
}

/** In training, drops whole channels of `[batch, depth, height, width, channels]` (Tompson et al. 2015). */
export function spatialDropout3d(options: ImageDropoutOptions): Layer {
  return spatial('spatialDropout3d', 3, options);
}
