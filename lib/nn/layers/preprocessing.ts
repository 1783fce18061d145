// Layers that bring images to a scale and a size: the same in training and after it, and part of the model.
import {checkBoolean, checkChoice, checkNumber, fail, requireOptions} from '../../core/errors.ts';
import {isList, show} from '../../core/kinds.ts';
import {formatShape, type Shape} from '../../core/shape.ts';
import {constant, type Tensor} from '../../core/tensor.ts';
import {add, mul} from '../../ops/map.ts';
import {pad, slice} from '../../ops/pad.ts';
import {checkResizing, type Interpolation, resize} from '../../ops/resize.ts';
import {type Layer, type LayerOptions, layerOptions} from '../layer.ts';
import {makeLayer} from '../make-layer.ts';
import {checkDataFormat, checkSample, type DataFormat} from './spatial-options.ts';

export interface RescalingOptions extends LayerOptions {
  /** A factor, or one for each place of the last axis, as 1 / 255. */
  readonly scale: number | readonly number[];
  /** What is added, or for each place. 0 by default. */
  readonly offset?: number | readonly number[];
}

type Factors = number | readonly number[];

function checkFactors(where: string, given: unknown): void {
  const list: unknown[] = isList(given) ? Array.from(given) : [given];
  if (list.length === 0)
    fail('ERR_OPTION', `${where}: expected a number, or a list. Received ${show(given)}.`);
  for (const each of list) checkNumber(where, each, {});
}

const plain = (given: Factors | undefined): number | number[] | undefined =>
  given === undefined || typeof given === 'number' ? given : Array.from(given);

/** x · scale + offset, in training and otherwise: `rescaling({scale: 1 / 255})` of bytes gives 0 to 1. */
export function rescaling(options: RescalingOptions): Layer {
  const where = 'layers.rescaling';
  requireOptions(where, options, [...layerOptions, 'scale', 'offset']);
  const {scale, offset = 0} = options;
  checkFactors(`${where}: scale`, scale);
  checkFactors(`${where}: offset`, offset);
  const config = () => ({scale: plain(scale) as number, offset: plain(options.offset)});
  return makeLayer(
    'rescaling',
    options,
    config,
    (sample, _, layer) => {
      const factorsOf = (given: Factors): Tensor | number => {
        if (typeof given === 'number') return given;
        const own = Float32Array.from(given);
        if (own.length === 1 || own.length === sample.at(-1)) return constant(own, [own.length]);
        const what = `${own.length} numbers for samples ${formatShape(sample)}`;
        return fail('ERR_SHAPE', `${layer.name}: ${what}. Give one, or one for each of the last axis.`);
      };
      const [factor, shift] = [factorsOf(scale), factorsOf(offset)];
      return x => {
        const scaled = mul(x, factor);
        return offset === 0 ? scaled : add(scaled, shift);
      };
    },
    true,
  );
}

export interface ImageSizeOptions extends LayerOptions {
  readonly height: number;
  readonly width: number;
  /** Only `channelsLast`. */
  readonly dataFormat?: DataFormat;
}

export type Size = readonly [height: number, width: number];

/** @throws ERR_OPTION */
export function checkSize(where: string, {height, width, dataFormat}: ImageSizeOptions): Size {
  checkNumber(`${where}: height`, height, {integer: true, min: 1, max: 2 ** 24});
  checkNumber(`${where}: width`, width, {integer: true, min: 1, max: 2 ** 24});
  checkDataFormat(`${where}: dataFormat`, dataFormat, 2);
  return [height, width];
}

export const sizeOptions = ['height', 'width', 'dataFormat'];

/** The largest part of an image, in its middle, that has the proportions of a size. */
function cutToAspect(x: Tensor, [height, width]: Size): Tensor {
  const [, rows, columns] = x.shape as unknown as readonly [number, number, number, number];
  const own: Size = [
    Math.max(1, Math.min(rows, Math.floor((columns * height) / width))),
    Math.max(1, Math.min(columns, Math.floor((rows * width) / height))),
  ];
  return middle(x, own);
}

/** The middle of images, of a size that is no larger. */
function middle(x: Tensor, [height, width]: Size): Tensor {
  const [, rows, columns] = x.shape as unknown as readonly [number, number, number, number];
  if (rows === height && columns === width) return x;
  const begin = [0, Math.floor((rows - height) / 2), Math.floor((columns - width) / 2), 0];
  return slice(x, begin, [-1, height, width, -1]);
}

/** Resized with the proportions that they have, and what is too much cut off: Keras's `smart_resize`. */
function coveringMiddle(x: Tensor, size: Size, interpolation: Interpolation): Tensor {
  return resize(cutToAspect(x, size), size, {interpolation});
}

/** The middle of images; of smaller ones, resized: `centerCrop`, and `randomCrop` outside of training. */
export function centered(x: Tensor, size: Size): Tensor {
  const fits = (x.shape[1] as number) >= size[0] && (x.shape[2] as number) >= size[1];
  return fits ? middle(x, size) : coveringMiddle(x, size, 'bilinear');
}

/** The middle of images; smaller ones are resized, with their proportions, and what is too much cut off. */
export function centerCrop(options: ImageSizeOptions): Layer {
  const where = 'layers.centerCrop';
  requireOptions(where, options, [...layerOptions, ...sizeOptions]);
  const size = checkSize(where, options);
  const config = () => ({height: size[0], width: size[1], dataFormat: options.dataFormat});
  return makeLayer('centerCrop', options, config, (sample, _, layer) => {
    checkSample(layer.name, sample, 2);
    return x => centered(x, size);
  });
}

export interface ResizingOptions extends ImageSizeOptions {
  /** As of `ops.resize`: `bilinear` by default. */
  readonly interpolation?: Interpolation;
  /** Whether to keep proportions, and cut off what is too much. False by default. */
  readonly cropToAspectRatio?: boolean;
  /** Whether to keep proportions, and to fill up what is missing. False by default. */
  readonly padToAspectRatio?: boolean;
  /** With what to fill up: only `constant`. */
  readonly fillMode?: 'constant';
  /** 0 by default. */
  readonly fillValue?: number;
  /** Whether to widen the kernel where images become smaller. False by default. */
  readonly antialias?: boolean;
}

const resizingOptions = [
  ...sizeOptions,
  'interpolation',
  'cropToAspectRatio',
  'padToAspectRatio',
  'fillMode',
  'fillValue',
  'antialias',
];

/**
 * Zeros, or another number, around images, so that they have the proportions of a size: as many on both
 * sides, as in Keras, so that of an odd number one is left out.
 */
function paddedToAspect(x: Tensor, [height, width]: Size, value: number): Tensor {
  const [, rows, columns] = x.shape as unknown as readonly [number, number, number, number];
  const missing = [
    Math.max(0, Math.floor((columns * height) / width) - rows),
    Math.max(0, Math.floor((rows * width) / height) - columns),
  ].map(each => [Math.floor(each / 2), Math.floor(each / 2)] as const);
  return pad(x, [[0, 0], ...missing, [0, 0]], value);
}

/** Images `[batch, height, width, channels]` in another size, as `ops.resize` makes them. */
export function resizing(options: ResizingOptions): Layer {
  const where = 'layers.resizing';
  requireOptions(where, options, [...layerOptions, ...resizingOptions]);
  const size = checkSize(where, options);
  const {interpolation, antialias, cropToAspectRatio = false, padToAspectRatio = false} = options;
  const {fillMode, fillValue = 0} = options;
  const how = {
    ...(interpolation !== undefined && {interpolation}),
    ...(antialias !== undefined && {antialias}),
  };
  checkResizing(where, how);
  checkBoolean(`${where}: cropToAspectRatio`, cropToAspectRatio);
  checkBoolean(`${where}: padToAspectRatio`, padToAspectRatio);
  if (fillMode !== undefined) checkChoice(`${where}: fillMode`, fillMode, ['constant']);
  checkNumber(`${where}: fillValue`, fillValue, {});
  if (cropToAspectRatio && padToAspectRatio) {
    fail('ERR_OPTION', `${where}: either cropToAspectRatio or padToAspectRatio can be true, not both.`);
  }
  const config = () => ({
    height: size[0],
    width: size[1],
    ...Object.fromEntries(
      resizingOptions.slice(2).map(name => [name, options[name as keyof ResizingOptions] as string]),
    ),
  });
  const prepared = (x: Tensor): Tensor => {
    if (cropToAspectRatio) return cutToAspect(x, size);
    return padToAspectRatio ? paddedToAspect(x, size, fillValue) : x;
  };
  return makeLayer('resizing', options, config, (sample: Shape, _, layer) => {
    checkSample(layer.name, sample, 2);
    return x => resize(prepared(x), size, how);
  });
}
