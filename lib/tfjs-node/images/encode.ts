// tf.node.encodeJpeg and encodePng: a tensor of 0 to 255 to the bytes of an image.
import type {Tensor3D} from '@tensorflow/tfjs';
import {checkChoice, checkNumber, fail} from '../../core/errors.ts';
import {sharpFor} from './sharp.ts';

interface Raw {
  readonly bytes: Uint8Array;
  readonly options: {
    readonly raw: {readonly width: number; readonly height: number; readonly channels: number};
  };
  readonly channels: number;
}

async function rawOf(who: string, image: Tensor3D, known: readonly number[]): Promise<Raw> {
  const [height = 0, width = 0, channels = 0] = image.shape as readonly number[];
  if (image.shape.length !== 3 || !known.includes(channels)) {
    const wanted = `[height, width, channels] with ${known.join(' or ')} channels`;
    fail('ERR_SHAPE', `${who}: expected an image ${wanted}. Received [${image.shape}].`);
  }
  return {bytes: new Uint8Array(await image.data()), options: {raw: {width, height, channels}}, channels};
}

const startOfImage = 2;
const densityUnits = {in: 1, cm: 2} as const;

/** The header in which the density stands, in the place of one that is there. */
function withDensity(bytes: Uint8Array, unit: 'in' | 'cm', x: number, y: number): Uint8Array {
  const header = Buffer.from('ffe000104a46494600010200000000000000', 'hex');
  header.writeUInt8(densityUnits[unit], 11);
  header.writeUInt16BE(x, 12);
  header.writeUInt16BE(y, 14);
  const rest = hasHeader(bytes) ? endOfHeader(bytes) : startOfImage;
  return new Uint8Array(Buffer.concat([bytes.subarray(0, startOfImage), header, bytes.subarray(rest)]));
}

const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const hasHeader = (bytes: Uint8Array): boolean => viewOf(bytes).getUint16(startOfImage) === 0xffe0;
const endOfHeader = (bytes: Uint8Array): number =>
  startOfImage + 2 + viewOf(bytes).getUint16(startOfImage + 2);

/** A segment of XMP behind the header. */
function withXmp(bytes: Uint8Array, xmp: string): Uint8Array {
  if (xmp === '') return bytes;
  const text = Buffer.from(`http://ns.adobe.com/xap/1.0/\0${xmp}`, 'utf8');
  if (text.length > 0xfffd) {
    fail('ERR_OPTION', `tf.node.encodeJpeg: xmpMetadata: at most 65,504 bytes fit. Received ${xmp.length}.`);
  }
  const head = Buffer.from([0xff, 0xe1, (text.length + 2) >> 8, (text.length + 2) & 0xff]);
  const at = endOfHeader(bytes);
  return new Uint8Array(Buffer.concat([bytes.subarray(0, at), head, text, bytes.subarray(at)]));
}

/**
 * The bytes of a JPEG of an image [height, width, 1 or 3].
 *
 * @param format `grayscale` or `rgb`; by default what its channels say.
 * @param quality 0 to 100; 95 by default.
 * @param optimizeSize spends time for fewer bytes.
 * @param chromaDownsampling whether colors have half the resolution; true by default.
 * @param densityUnit of `xDensity` and `yDensity`, 300 an inch by default.
 * @throws ERR_SHAPE; ERR_OPTION; ERR_ADDON where sharp is not installed.
 */
export async function encodeJpeg(
  image: Tensor3D,
  format: '' | 'grayscale' | 'rgb' = '',
  quality = 95,
  progressive = false,
  optimizeSize = false,
  chromaDownsampling = true,
  densityUnit: 'in' | 'cm' = 'in',
  xDensity = 300,
  yDensity = 300,
  xmpMetadata = '',
): Promise<Uint8Array> {
  const who = 'tf.node.encodeJpeg';
  checkChoice(`${who}: format`, format, ['', 'grayscale', 'rgb']);
  checkChoice(`${who}: densityUnit`, densityUnit, ['in', 'cm']);
  checkNumber(`${who}: quality`, quality, {integer: true, min: 0, max: 100});
  for (const density of [xDensity, yDensity]) {
    checkNumber(`${who}: density`, density, {integer: true, min: 1, max: 0xffff});
  }
  const channels = {'': [1, 3], grayscale: [1], rgb: [3]}[format];
  const raw = await rawOf(who, image, channels);
  const made = sharpFor(who)(raw.bytes, raw.options);
  if (raw.channels === 1) made.toColourspace('b-w');
  made.jpeg({
    ...{quality: Math.max(1, quality), progressive, optimiseCoding: optimizeSize},
    chromaSubsampling: chromaDownsampling ? '4:2:0' : '4:4:4',
  });
  const bytes = new Uint8Array(await made.toBuffer());
  return withXmp(withDensity(bytes, densityUnit, xDensity, yDensity), xmpMetadata);
}

/**
 * The bytes of a PNG of an image [height, width, 1 to 4]: gray, gray and alpha, colors, colors and alpha.
 *
 * @param compression 0 to 9, or −1 for what zlib takes by default; 1 by default.
 * @throws ERR_SHAPE; ERR_OPTION; ERR_ADDON where sharp is not installed.
 */
export async function encodePng(image: Tensor3D, compression = 1): Promise<Uint8Array> {
  const who = 'tf.node.encodePng';
  checkNumber(`${who}: compression`, compression, {integer: true, min: -1, max: 9});
  const raw = await rawOf(who, image, [1, 2, 3, 4]);
  const made = sharpFor(who)(raw.bytes, raw.options);
  if (raw.channels < 3) made.toColourspace('b-w');
  made.png({compressionLevel: compression < 0 ? 6 : compression, palette: false});
  return new Uint8Array(await made.toBuffer());
}
