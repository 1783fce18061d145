// BMP files, which sharp does not read: pixels of 8, 24 or 32 bits, with or without a palette, as they are.
import {fail} from '../../core/errors.ts';
import type {Pixels} from './sharp.ts';

interface Header {
  readonly start: number;
  readonly width: number;
  readonly height: number;
  /** Whether the first row is the uppermost. */
  readonly topDown: boolean;
  readonly bits: number;
  /** Four bytes a color, blue first. */
  readonly palette: Uint8Array | undefined;
}

const refuse = (who: string, what: string): never => fail('ERR_FILE', `${who}: BMP: ${what}.`);

const uncompressed = 0;
const bitFields = 3;
/** Blue, green, red, and what may be alpha: the only order of bytes that is read. */
const usualMasks = [0x00ff0000, 0x0000ff00, 0x000000ff];

function headerOf(who: string, bytes: Uint8Array): Header {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 54) refuse(who, `${bytes.length} bytes are fewer than its header has`);
  const [start, size] = [view.getUint32(10, true), view.getUint32(14, true)];
  const [width, height] = [view.getInt32(18, true), view.getInt32(22, true)];
  const [bits, compression] = [view.getUint16(28, true), view.getUint32(30, true)];
  if (size < 40) refuse(who, `a header of ${size} bytes is older than Windows 3`);
  if (width < 1 || height === 0) refuse(who, `a size of ${width} by ${height}`);
  if (![8, 24, 32].includes(bits)) refuse(who, `${bits} bits a pixel; 8, 24 and 32 are read`);
  const masks = compression === bitFields && bits === 32 && bytes.length >= 66;
  const usual = masks && usualMasks.every((mask, index) => view.getUint32(54 + 4 * index, true) === mask);
  if (compression !== uncompressed && !usual)
    refuse(who, `compression ${compression}; only plain pixels are read`);
  const colors = view.getUint32(46, true) || 256;
  const palette = bits === 8 ? bytes.subarray(14 + size, 14 + size + 4 * colors) : undefined;
  const rows = Math.abs(height);
  if (start < 14 + size || start + rows * strideOf(width, bits) > bytes.length) {
    refuse(who, 'it ends before its pixels do');
  }
  return {start, width, height: rows, topDown: height < 0, bits, palette};
}

/** Bytes of a row, which are a multiple of four. */
const strideOf = (width: number, bits: number): number => Math.ceil((width * bits) / 32) * 4;

const isGray = (palette: Uint8Array): boolean => {
  for (let at = 0; at + 2 < palette.length; at += 4) {
    if (palette[at] !== palette[at + 1] || palette[at] !== palette[at + 2]) return false;
  }
  return true;
};

/** @throws ERR_FILE saying what is wrong with it. */
export function decodeBitmap(who: string, bytes: Uint8Array): Pixels {
  const {start, width, height, topDown, bits, palette} = headerOf(who, bytes);
  const channels = palette ? (isGray(palette) ? 1 : 3) : bits / 8;
  const stride = strideOf(width, bits);
  const data = new Uint8Array(width * height * channels);
  for (let row = 0, to = 0; row < height; row++) {
    const from = start + (topDown ? row : height - 1 - row) * stride;
    for (let column = 0; column < width; column++, to += channels) {
      const place = from + column * (bits / 8);
      const source = palette ?? bytes;
      const first = palette ? 4 * (bytes[place] as number) : place;
      if (palette && first + 2 >= palette.length) refuse(who, `color ${first / 4} is not in its palette`);
      for (let channel = 0; channel < channels; channel++) {
        // Blue, green and red change places; alpha stays.
        const at = channel === 3 || channels === 1 ? channel : 2 - channel;
        data[to + channel] = source[first + at] as number;
      }
    }
  }
  return {data, width, height, channels, frames: 1};
}
