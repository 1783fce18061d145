// tf.node.decodeImage and its like: bytes of an image to a tensor of int32, at once.
import * as tf from '@tensorflow/tfjs';
import {checkChoice, fail} from '../../core/errors.ts';
import {isBytes, show} from '../../core/kinds.ts';
import {decodeBitmap} from './bitmap.ts';
import {decodePixels, type Pixels} from './sharp.ts';

const kinds: readonly (readonly [kind: ImageKind, start: readonly number[]])[] = [
  ['jpeg', [0xff, 0xd8, 0xff]],
  ['png', [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]],
  ['gif', [0x47, 0x49, 0x46, 0x38]],
  ['bmp', [0x42, 0x4d]],
];

export type ImageKind = 'jpeg' | 'png' | 'gif' | 'bmp';

/** By its first bytes. @throws ERR_FILE */
export function kindOf(who: string, bytes: Uint8Array): ImageKind {
  const found = kinds.find(([, start]) => start.every((byte, index) => bytes[index] === byte));
  return found?.[0] ?? fail('ERR_FILE', `${who}: expected an image (BMP, JPEG, PNG or GIF).`);
}

function checkContents(who: string, contents: unknown, channels: number, known: readonly number[]): void {
  if (!isBytes(contents)) {
    fail('ERR_OPTION', `${who}: expected the bytes of an image, a Uint8Array. Received ${show(contents)}.`);
  }
  if (known.includes(channels)) return;
  fail('ERR_OPTION', `${who}: channels: expected ${known.join(', ')}. Received ${show(channels)}.`);
}

/** Brightness of a color (ITU-R BT.601), as JPEG has it. */
const luma = (red: number, green: number, blue: number): number =>
  Math.round(0.299 * red + 0.587 * green + 0.114 * blue);

/** Pixels with so many channels: gray of colors, colors of gray, without alpha or with all of it. */
function withChannels({data, channels}: Pixels, wanted: number): Int32Array {
  const count = data.length / channels;
  const hasColor = channels >= 3;
  const hasAlpha = channels === 2 || channels === 4;
  const result = new Int32Array(count * wanted);
  for (let pixel = 0; pixel < count; pixel++) {
    const from = pixel * channels;
    const [red = 0, green = red, blue = red] = hasColor
      ? [data[from], data[from + 1], data[from + 2]]
      : [data[from]];
    const alpha = hasAlpha ? (data[from + channels - 1] as number) : 255;
    const to = pixel * wanted;
    if (wanted < 3) result[to] = hasColor ? luma(red, green, blue) : red;
    else result.set([red, green, blue], to);
    if (wanted === 2 || wanted === 4) result[to + wanted - 1] = alpha;
  }
  return result;
}

function image(pixels: Pixels, channels: number): tf.Tensor3D {
  const wanted = channels || pixels.channels;
  const values = wanted === pixels.channels ? Int32Array.from(pixels.data) : withChannels(pixels, wanted);
  return tf.tensor3d(values, [pixels.height, pixels.width, wanted], 'int32');
}

/**
 * A JPEG as int32 [height, width, channels], of 0 to 255. `channels` 0 is as many as the image has, 1 gray,
 * 3 colors. `ratio` 2, 4 or 8 makes it smaller. With `tryRecoverTruncated`, what is there of an image that
 * ends early. The other arguments, which tfjs-node hands to its decoder, change nothing here.
 *
 * The thread waits while sharp decodes in a worker.
 *
 * @throws ERR_FILE; ERR_OPTION; ERR_ADDON where sharp is not installed.
 */
export function decodeJpeg(
  contents: Uint8Array,
  channels = 0,
  ratio = 1,
  _fancyUpscaling = true,
  tryRecoverTruncated = false,
  _acceptableFraction = 1,
  _dctMethod = '',
): tf.Tensor3D {
  const who = 'tf.node.decodeJpeg';
  checkContents(who, contents, channels, [0, 1, 3]);
  if (![1, 2, 4, 8].includes(ratio))
    fail('ERR_OPTION', `${who}: ratio: expected 1, 2, 4 or 8. Received ${ratio}.`);
  return image(decodePixels(who, {bytes: contents, ratio, truncated: tryRecoverTruncated}), channels);
}

function checkType(who: string, dtype: string): void {
  checkChoice(`${who}: dtype`, dtype, ['int32']);
}

/**
 * A PNG as int32 [height, width, channels], of 0 to 255. `channels` 0 is as many as the image has, 1 gray, 3
 * colors, 4 colors and alpha.
 *
 * @throws ERR_FILE; ERR_OPTION; ERR_ADDON where sharp is not installed.
 */
export function decodePng(contents: Uint8Array, channels = 0, dtype = 'int32'): tf.Tensor3D {
  const who = 'tf.node.decodePng';
  checkContents(who, contents, channels, [0, 1, 3, 4]);
  checkType(who, dtype);
  return image(decodePixels(who, {bytes: contents}), channels);
}

/**
 * A BMP as int32 [height, width, channels], of 0 to 255. `channels` 0 is as many as the image has, 3 colors,
 * 4 colors and alpha.
 *
 * @throws ERR_FILE; ERR_OPTION
 */
export function decodeBmp(contents: Uint8Array, channels = 0): tf.Tensor3D {
  const who = 'tf.node.decodeBmp';
  checkContents(who, contents, channels, [0, 1, 3, 4]);
  return image(decodeBitmap(who, contents), channels);
}

/**
 * All frames of a GIF as int32 [frames, height, width, 3], of 0 to 255.
 *
 * @throws ERR_FILE; ERR_OPTION; ERR_ADDON where sharp is not installed.
 */
export function decodeGif(contents: Uint8Array): tf.Tensor4D {
  const who = 'tf.node.decodeGif';
  checkContents(who, contents, 0, [0]);
  const pixels = decodePixels(who, {bytes: contents, animated: true});
  const {frames, height, width} = pixels;
  return tf.tensor4d(withChannels(pixels, 3), [frames, height / frames, width, 3], 'int32');
}

/**
 * A BMP, GIF, JPEG or PNG as int32: [height, width, channels]; of a GIF [frames, height, width, 3], or the
 * first frame alone where `expandAnimations` is false.
 *
 * @throws ERR_FILE; ERR_OPTION; ERR_ADDON where sharp is not installed.
 */
export function decodeImage(
  contents: Uint8Array,
  channels = 0,
  dtype = 'int32',
  expandAnimations = true,
): tf.Tensor3D | tf.Tensor4D {
  const who = 'tf.node.decodeImage';
  checkContents(who, contents, channels, [0, 1, 3, 4]);
  checkType(who, dtype);
  const kind = kindOf(who, contents);
  if (kind === 'jpeg') return decodeJpeg(contents, channels);
  if (kind === 'png') return decodePng(contents, channels);
  if (kind === 'bmp') return decodeBmp(contents, channels);
  if (expandAnimations) return decodeGif(contents);
  return tf.tidy(() => tf.squeeze(tf.slice(decodeGif(contents), 0, 1), [0]) as tf.Tensor3D);
}
