// Images in and out: files that sharp made of known pixels, and BMP files byte by byte.
import sharp from 'sharp';
import {describe, expect, test} from 'vitest';
import * as tf from '../../lib/tfjs-node/index.ts';

const {node} = tf;
const [width, height] = [5, 3];

/** Smooth, so that JPEG keeps it. */
const pixels = (channels: number, [columns, rows] = [width, height]): Uint8Array =>
  Uint8Array.from({length: columns * rows * channels}, (_, index) => {
    const [place, channel] = [Math.floor(index / channels), index % channels];
    const [column, row] = [place % columns, Math.floor(place / columns)];
    return Math.round((255 * (column + row + channel)) / (columns + rows + channels));
  });

type Format = 'png' | 'jpeg' | 'gif';

async function encoded(format: Format, channels: number, size = [width, height]): Promise<Uint8Array> {
  const raw = {width: size[0] as number, height: size[1] as number, channels: channels as 3};
  const image = sharp(pixels(channels, size as [number, number]), {raw});
  if (channels < 3) image.toColourspace('b-w');
  const options = format === 'jpeg' ? {quality: 100, chromaSubsampling: '4:4:4'} : {};
  return new Uint8Array(await image[format](options).toBuffer());
}

const values = (tensor: tf.Tensor): number[] => [...tensor.dataSync()];

function expectNear(actual: readonly number[], wanted: ArrayLike<number>, tolerance: number): void {
  expect(actual.length).toBe(wanted.length);
  for (const [at, value] of actual.entries()) {
    expect(Math.abs(value - (wanted[at] as number)), `${at}`).toBeLessThanOrEqual(tolerance);
  }
}

const luma = (red: number, green: number, blue: number): number =>
  Math.round(0.299 * red + 0.587 * green + 0.114 * blue);

function grayOf(colors: Uint8Array, channels: number): number[] {
  return Array.from({length: colors.length / channels}, (_, place) => {
    const [red = 0, green = 0, blue = 0] = colors.subarray(place * channels);
    return luma(red, green, blue);
  });
}

describe('PNG', () => {
  test.each([1, 2, 3, 4])('of %i channels keeps them', async channels => {
    const image = node.decodePng(await encoded('png', channels));
    expect(image.dtype).toBe('int32');
    expect(image.shape).toEqual([height, width, channels]);
    expect(values(image)).toEqual([...pixels(channels)]);
  });

  test('takes other channels', async () => {
    const bytes = await encoded('png', 4);
    const own = pixels(4);
    expect(values(node.decodePng(bytes, 1))).toEqual(grayOf(own, 4));
    expect(values(node.decodePng(bytes, 3))).toEqual([...own].filter((_, index) => index % 4 !== 3));
    const gray = node.decodePng(await encoded('png', 1), 4);
    expect(gray.shape).toEqual([height, width, 4]);
    expect(values(gray).slice(0, 8)).toEqual([0, 0, 0, 255, ...[28, 28, 28, 255]]);
  });

  test('of 16 bits gives the upper 8', async () => {
    const raw = {width: 2, height: 1, channels: 3} as const;
    const wide = Uint16Array.from([0, 0x1234, 0xffff, 0x8000, 0x00ff, 0x7fff]);
    const bytes = await sharp(wide, {raw}).toColourspace('rgb16').png().toBuffer();
    expectNear(values(node.decodePng(bytes)), [0, 0x12, 0xff, 0x80, 0, 0x7f], 1);
  });
});

describe('JPEG', () => {
  test('keeps smooth pictures', async () => {
    const image = node.decodeJpeg(await encoded('jpeg', 3));
    expect([image.dtype, image.shape]).toEqual(['int32', [height, width, 3]]);
    expectNear(values(image), pixels(3), 4);
    const gray = node.decodeJpeg(await encoded('jpeg', 1));
    expect(gray.shape).toEqual([height, width, 1]);
    expectNear(values(gray), pixels(1), 4);
  });

  test('takes other channels, and gets smaller', async () => {
    const bytes = await encoded('jpeg', 3, [16, 8]);
    expectNear(values(node.decodeJpeg(bytes, 1)), grayOf(pixels(3, [16, 8]), 3), 4);
    const small = node.decodeJpeg(bytes, 3, 2);
    expect(small.shape).toEqual([4, 8, 3]);
    const whole = pixels(3, [16, 8]);
    const [red = 0, right = 0] = [whole[0], whole[3]];
    expect(Math.abs((values(small)[0] as number) - (red + right) / 2)).toBeLessThan(16);
    expect(node.decodeJpeg(await encoded('jpeg', 1), 3).shape).toEqual([height, width, 3]);
  });

  test('that ends early is refused, or taken as far as it goes', async () => {
    const whole = await encoded('jpeg', 3, [64, 64]);
    const cut = whole.subarray(0, Math.round(whole.length * 0.8));
    expect(() => node.decodeJpeg(cut)).toThrow(/tf.node.decodeJpeg: .*(end|premature)/i);
    const image = node.decodeJpeg(cut, 0, 1, true, true);
    expect(image.shape).toEqual([64, 64, 3]);
    expectNear(values(image).slice(0, 64), pixels(3, [64, 64]).subarray(0, 64), 8);
  });
});

describe('GIF', () => {
  const frames = 3;
  const animation = async (): Promise<Uint8Array> => {
    const colors = [
      [255, 0, 0],
      [0, 255, 0],
      [0, 0, 255],
    ];
    const data = Uint8Array.from(colors.flatMap(color => new Array(width * height).fill(color).flat()));
    const raw = {width, height: height * frames, channels: 3, pageHeight: height} as const;
    return new Uint8Array(await sharp(data, {raw}).gif().toBuffer());
  };

  test('gives all frames, or the first', async () => {
    const bytes = await animation();
    const all = node.decodeGif(bytes);
    expect([all.dtype, all.shape]).toEqual(['int32', [frames, height, width, 3]]);
    const size = width * height * 3;
    expect(values(all).slice(0, 3)).toEqual([255, 0, 0]);
    expect(values(all).slice(size, size + 3)).toEqual([0, 255, 0]);
    expect(values(all).slice(-3)).toEqual([0, 0, 255]);
    expect(node.decodeImage(bytes).shape).toEqual([frames, height, width, 3]);
    const first = node.decodeImage(bytes, 0, 'int32', false);
    expect(first.shape).toEqual([height, width, 3]);
    expect(values(first).slice(0, 3)).toEqual([255, 0, 0]);
  });
});

/** Rows from the lowest up, blue first, each a multiple of four bytes. */
function bitmap(bits: 8 | 24 | 32, {topDown = false, palette = [] as number[]} = {}): Uint8Array {
  const stride = Math.ceil((width * bits) / 32) * 4;
  const start = 54 + palette.length;
  const file = Buffer.alloc(start + stride * height);
  file.write('BM');
  file.writeUInt32LE(start, 10);
  file.writeUInt32LE(40, 14);
  file.writeInt32LE(width, 18);
  file.writeInt32LE(topDown ? -height : height, 22);
  file.writeUInt16LE(bits, 28);
  file.writeUInt32LE(palette.length / 4, 46);
  file.set(palette, 54);
  for (let row = 0; row < height; row++) {
    const line = start + (topDown ? row : height - 1 - row) * stride;
    for (let column = 0; column < width; column++) {
      const place = row * width + column;
      if (bits === 8) file[line + column] = place % (palette.length / 4);
      else
        file.set(
          [place, 100 + place, 200 + place, 50 + place].slice(0, bits / 8),
          line + (column * bits) / 8,
        );
    }
  }
  return new Uint8Array(file);
}

describe('BMP', () => {
  const places = Array.from({length: width * height}, (_, place) => place);
  const colors = places.flatMap(place => [200 + place, 100 + place, place]);

  test.each([false, true])('of 24 bits, first row on top: %s', topDown => {
    const image = node.decodeBmp(bitmap(24, {topDown}));
    expect([image.dtype, image.shape]).toEqual(['int32', [height, width, 3]]);
    expect(values(image)).toEqual(colors);
  });

  test('of 32 bits has alpha', () => {
    const image = node.decodeBmp(bitmap(32));
    expect(values(image)).toEqual(places.flatMap(place => [200 + place, 100 + place, place, 50 + place]));
    expect(values(node.decodeBmp(bitmap(32), 3))).toEqual(colors);
  });

  test('with a palette has its colors, or grays', () => {
    const colored = [10, 20, 30, 0, 40, 50, 60, 0];
    const image = node.decodeBmp(bitmap(8, {palette: colored}));
    expect(values(image).slice(0, 6)).toEqual([30, 20, 10, 60, 50, 40]);
    const gray = node.decodeBmp(bitmap(8, {palette: [7, 7, 7, 0, 9, 9, 9, 0]}));
    expect(gray.shape).toEqual([height, width, 1]);
    expect(values(gray).slice(0, 3)).toEqual([7, 9, 7]);
  });

  test.each([
    [(bytes: Uint8Array) => bytes.subarray(0, 30), /fewer than its header/],
    [(bytes: Uint8Array) => bytes.subarray(0, 70), /it ends before its pixels do/],
    [(bytes: Uint8Array) => bytes.with(28, 4), /4 bits a pixel; 8, 24 and 32 are read/],
    [(bytes: Uint8Array) => bytes.with(30, 1), /compression 1; only plain pixels/],
    [(bytes: Uint8Array) => bytes.with(14, 12), /a header of 12 bytes is older/],
    [(bytes: Uint8Array) => bytes.with(20, 0xff).with(21, 0x7f), /it ends before its pixels do/],
  ])('that is no good is refused %#', (spoil, message) => {
    expect(() => node.decodeBmp(spoil(bitmap(24)))).toThrow(message);
  });
});

describe('decodeImage', () => {
  test('knows what it gets', async () => {
    expect(node.decodeImage(await encoded('png', 4)).shape).toEqual([height, width, 4]);
    expect(node.decodeImage(await encoded('png', 4), 3).shape).toEqual([height, width, 3]);
    expect(node.decodeImage(await encoded('jpeg', 3)).shape).toEqual([height, width, 3]);
    expect(node.decodeImage(bitmap(24)).shape).toEqual([height, width, 3]);
  });

  test.each([
    [() => node.decodeImage(new Uint8Array(20)), /expected an image \(BMP, JPEG, PNG or GIF\)/],
    [() => node.decodeImage('x.png' as never), /expected the bytes of an image, a Uint8Array/],
    [() => node.decodeImage(bitmap(24), 2), /channels: expected 0, 1, 3, 4. Received 2/],
    [() => node.decodeImage(bitmap(24), 0, 'float32'), /dtype: expected int32/],
    [() => node.decodePng(new Uint8Array([0x89, 0x50])), /tf.node.decodePng: /],
    [() => node.decodeJpeg(new Uint8Array(9), 0, 3), /ratio: expected 1, 2, 4 or 8/],
  ])('refuses the rest %#', (use, message) => {
    expect(use).toThrow(message);
  });
});

describe('encoding', () => {
  const tensor = (channels: number): tf.Tensor3D =>
    tf.tensor3d([...pixels(channels)], [height, width, channels], 'int32');

  test.each([1, 2, 3, 4])('PNG of %i channels', async channels => {
    const bytes = await node.encodePng(tensor(channels));
    expect(values(node.decodePng(bytes))).toEqual([...pixels(channels)]);
    const {channels: own} = await sharp(bytes).metadata();
    expect(own).toBe(channels);
  });

  test('PNG compresses as it is told', async () => {
    const flat = tf.zeros<tf.Rank.R3>([64, 64, 3], 'int32');
    const [loose, tight] = [await node.encodePng(flat, 0), await node.encodePng(flat, 9)];
    expect(tight.length).toBeLessThan(loose.length / 10);
    expect((await node.encodePng(flat, -1)).length).toBeLessThan(loose.length / 10);
  });

  test.each([1, 3])('JPEG of %i channels', async channels => {
    const bytes = await node.encodeJpeg(tensor(channels), '', 100, false, false, false);
    expect([...bytes.subarray(0, 3)]).toEqual([0xff, 0xd8, 0xff]);
    expectNear(values(node.decodeJpeg(bytes)), pixels(channels), 4);
    const {density} = await sharp(bytes).metadata();
    expect(density).toBe(300);
  });

  test('JPEG takes options', async () => {
    const xmp = '<x:xmpmeta xmlns:x="adobe:ns:meta/"/>';
    const bytes = await node.encodeJpeg(tensor(3), 'rgb', 80, true, true, true, 'cm', 100, 100, xmp);
    const found = await sharp(bytes).metadata();
    expect(found.isProgressive).toBe(true);
    expect(found.chromaSubsampling).toBe('4:2:0');
    expect(found.density).toBe(254);
    expect(String(found.xmp)).toBe(xmp);
    const [low, high] = [
      await node.encodeJpeg(tensor(3), 'rgb', 5),
      await node.encodeJpeg(tensor(3), 'rgb', 99),
    ];
    expect(low.length).toBeLessThan(high.length);
  });

  test.each([
    [() => node.encodeJpeg(tensor(3), 'grayscale'), /with 1 channels. Received \[3,5,3\]/],
    [() => node.encodeJpeg(tensor(4)), /with 1 or 3 channels/],
    [() => node.encodeJpeg(tensor(3), '', 101), /quality/],
    [() => node.encodePng(tf.zeros([2, 2]) as never), /expected an image/],
    [() => node.encodePng(tensor(3), 10), /compression/],
  ])('refuses the rest %#', async (use, message) => {
    await expect(use()).rejects.toThrow(message);
  });
});

describe('memory', () => {
  const cases: Readonly<Record<string, () => Promise<() => tf.Tensor>>> = {
    decodePng: async () => {
      const bytes = await encoded('png', 3);
      return () => node.decodePng(bytes, 1);
    },
    decodeJpeg: async () => {
      const bytes = await encoded('jpeg', 3);
      return () => node.decodeJpeg(bytes, 1, 2);
    },
    decodeGif: async () => {
      const bytes = await encoded('gif', 3);
      return () => node.decodeGif(bytes);
    },
    decodeBmp: async () => () => node.decodeBmp(bitmap(8, {palette: [1, 2, 3, 0, 4, 5, 6, 0]}), 3),
    decodeImage: async () => {
      const bytes = await encoded('gif', 3);
      return () => node.decodeImage(bytes, 3, 'int32', false);
    },
  };

  test.each(Object.keys(cases))('%s makes one tensor, and keeps none', async name => {
    const decode = await (cases[name] as () => Promise<() => tf.Tensor>)();
    const before = tf.memory();
    const image = decode();
    expect(tf.memory().numTensors).toBe(before.numTensors + 1);
    expect(tf.memory().numDataBuffers).toBe(before.numDataBuffers + 1);
    image.dispose();
    expect(tf.memory().numTensors).toBe(before.numTensors);
    expect(tf.memory().numDataBuffers).toBe(before.numDataBuffers);
  });

  test.each(['encodeJpeg', 'encodePng'] as const)('%s makes no tensor, and keeps its image', async name => {
    const image = tf.tensor3d([...pixels(3)], [height, width, 3], 'int32');
    const before = tf.memory();
    expect((await node[name](image)).length).toBeGreaterThan(0);
    expect(tf.memory().numTensors).toBe(before.numTensors);
    expect(tf.memory().numDataBuffers).toBe(before.numDataBuffers);
    expect(values(image)).toEqual([...pixels(3)]);
    image.dispose();
  });
});
