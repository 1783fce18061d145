// Channels as blocks of pixels, and blocks as channels.
import {checkNumber, checkOptions} from '../../core/errors.ts';
import type {Tensor} from '../../core/tensor.ts';
import {depthToSpace, spaceToDepth} from '../../ops/blocks.ts';
import {type Layer, type LayerOptions, layerOptions} from '../layer.ts';
import {makeLayer} from '../make-layer.ts';
import {checkDataFormat, checkSample, type DataFormat} from './spatial-options.ts';

export interface PixelShuffleOptions extends LayerOptions {
  /** Pixels of a block along each of both axes. 2 by default. */
  readonly blockSize?: number;
  /** Only `channelsLast`. */
  readonly dataFormat?: DataFormat;
}

function shuffling(
  kind: string,
  options: PixelShuffleOptions,
  move: (x: Tensor, blockSize: number) => Tensor,
): Layer {
  const where = `layers.${kind}`;
  checkOptions(where, options, [...layerOptions, 'blockSize', 'dataFormat']);
  const {blockSize = 2} = options;
  checkNumber(`${where}: blockSize`, blockSize, {integer: true, min: 1, max: 2 ** 12});
  checkDataFormat(`${where}: dataFormat`, options.dataFormat, 2);
  const config = () => ({blockSize: options.blockSize, dataFormat: options.dataFormat});
  return makeLayer(kind, options, config, (sample, _, layer) => {
    checkSample(layer.name, sample, 2);
    return x => move(x, blockSize);
  });
}

/**
 * Channels of `[batch, height, width, channels]` as pixels, which makes images `blockSize` times as high and
 * wide (Shi et al. 2016): `ops.depthToSpace`.
 */
export const pixelShuffle = (options: PixelShuffleOptions = {}): Layer =>
  shuffling('pixelShuffle', options, depthToSpace);

/** Blocks of pixels as channels, which undoes `pixelShuffle`: `ops.spaceToDepth`. */
export const pixelUnshuffle = (options: PixelShuffleOptions = {}): Layer =>
  shuffling('pixelUnshuffle', options, spaceToDepth);
