// Images that are turned, and parts of them. Images have channels last.
import type {CropAndResizeAttrs, RotateWithOffsetAttrs, TransformAttrs} from '@tensorflow/tfjs-core';
import type {Tensor} from '../../core/tensor.ts';
import * as ops from '../../ops/index.ts';
import {tf} from '../packages.ts';
import {type Outcome, type Rules, rule} from '../rule.ts';
import {areReal} from './products.ts';

type Sizes = readonly [height: number, width: number];

/** Rotated backwards about a point: the pixel that each pixel of the result reads, −1 for none. */
function rotatedPixels([height, width]: Sizes, {radians, center}: RotateWithOffsetAttrs): Int32Array {
  const [x, y] = tf.backend_util.getImageCenter(center, height, width);
  const [sin, cos] = [Math.sin(radians), Math.cos(radians)];
  return Int32Array.from({length: height * width}, (_, at) => {
    const [row, column] = [Math.floor(at / width) - y, (at % width) - x];
    const fromColumn = Math.round(column * cos - row * sin + x);
    const fromRow = Math.round(column * sin + row * cos + y);
    const isInside = fromColumn >= 0 && fromColumn < width && fromRow >= 0 && fromRow < height;
    return isInside ? fromRow * width + fromColumn : -1;
  });
}

function rotated(image: Tensor, given: RotateWithOffsetAttrs): Outcome {
  const [batch, height, width, channels] = image.shape as [number, number, number, number];
  if (image.size === 0) return 'not yet';
  const pixels = rotatedPixels([height, width], given);
  const {fillValue} = given;
  const opaque = 255;
  const filling = Float32Array.from({length: channels}, (_, channel) =>
    typeof fillValue === 'number' ? fillValue : channel === 3 ? opaque : (fillValue[channel] ?? Number.NaN),
  );
  const rows = ops.reshape(image, [batch, height * width, channels]);
  const places = ops.constant(
    pixels.map(at => Math.max(at, 0)),
    [pixels.length],
    'int32',
  );
  const isInside = ops.constant(
    Uint8Array.from(pixels, at => (at < 0 ? 0 : 1)),
    [pixels.length, 1],
    'bool',
  );
  const background = ops.cast(ops.constant(filling, [channels]), image.dtype);
  const turned = ops.select(isInside, ops.gather(rows, places, 1), background);
  return ops.reshape(turned, image.shape);
}

/** A box of an image that is none is black, as in tfjs. */
function cropped(image: Tensor, boxes: Tensor, boxInd: Tensor, given: CropAndResizeAttrs): Outcome {
  if (!areReal(boxes)) return 'refused';
  if (image.size === 0 || boxInd.size === 0) return 'not yet';
  const {cropSize, method, extrapolationValue} = given;
  const owners = ops.cast(boxInd, 'int32');
  const isImage = ops.logicalAnd(
    ops.greaterEqual(owners, 0),
    ops.less(owners, ops.constant(image.shape[0] as number, [], 'int32')),
  );
  const crops = ops.cropAndResize(
    ops.cast(image, 'float32'),
    boxes,
    ops.select(isImage, owners, 0),
    cropSize,
    {interpolation: method, extrapolationValue},
  );
  return ops.select(ops.reshape(isImage, [boxInd.size, 1, 1, 1]), crops, 0);
}

export const images: Rules = {
  CropAndResize: rule('image boxes boxInd', ({image, boxes, boxInd}, given: CropAndResizeAttrs) =>
    cropped(image, boxes, boxInd, given),
  ),
  FlipLeftRight: rule('image', ({image}) => ops.reverse(image, [2])),
  RotateWithOffset: rule('image', ({image}, given: RotateWithOffsetAttrs) => rotated(image, given)),
  Transform: rule('image transforms', ({image, transforms}, given: TransformAttrs) => {
    if (image.size === 0) return 'not yet';
    const {interpolation, fillMode, fillValue, outputShape} = given;
    const size = outputShape ?? image.shape.slice(1, 3);
    const options = {interpolation, fillMode, fillValue, outputSize: size};
    const moved = ops.affineTransform(ops.cast(image, 'float32'), ops.cast(transforms, 'float32'), options);
    return ops.cast(moved, image.dtype);
  }),
};
