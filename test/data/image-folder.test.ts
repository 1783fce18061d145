// Folders of images: classes, sizes and colors, order, broken files, memory, and training on them.
import {mkdirSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {pathToFileURL} from 'node:url';
import sharp from 'sharp';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {findSharp} from '../../lib/data/image-worker.ts';
import {data, layers, sequential} from '../../lib/index.ts';
import {runChild} from '../support/child.ts';
import {untyped} from '../support/refusals.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'chainrule-images-'));
const colors = {blue: [0, 0, 255], green: [0, 255, 0], red: [255, 0, 0]} as const;
const files: string[] = [];

/** Images of one color: of each format and in several sizes. */
beforeAll(async () => {
  for (const [name, [r, g, b]] of Object.entries(colors)) {
    mkdirSync(path.join(folder, 'plain', name, 'more'), {recursive: true});
    for (const [index, format] of (['png', 'jpeg', 'webp', 'png'] as const).entries()) {
      const [width, height] = [12 + index, 9];
      const image = sharp({create: {width, height, channels: 3, background: {r, g, b}}});
      const file = path.join(folder, 'plain', name, index === 3 ? 'more' : '.', `${index}.${format}`);
      await image
        .toFormat(format, format === 'jpeg' ? {quality: 100, chromaSubsampling: '4:4:4'} : {})
        .toFile(file);
      files.push(file);
    }
    writeFileSync(path.join(folder, 'plain', name, 'notes.txt'), 'no image');
  }
  mkdirSync(path.join(folder, 'broken', 'one'), {recursive: true});
  const half = await sharp({create: {width: 4, height: 4, channels: 3, background: 'red'}})
    .png()
    .toBuffer();
  writeFileSync(path.join(folder, 'broken', 'one', 'a.png'), half);
  writeFileSync(path.join(folder, 'broken', 'one', 'b.png'), half.subarray(0, 40));
  writeFileSync(path.join(folder, 'broken', 'one', 'c.jpg'), 'not at all');
  mkdirSync(path.join(folder, 'empty', 'one'), {recursive: true});
});
afterAll(() => rmSync(folder, {recursive: true, force: true}));

const plain = (): string => path.join(folder, 'plain');
const size = {imageSize: [6, 8]} as const;

async function all(options: Parameters<typeof data.imageFolder>[1], pass = 0) {
  const found: {xs: {data: ArrayLike<number>; shape: readonly number[]}; ys: number}[] = [];
  for await (const image of data.imageFolder(plain(), options).dataset.iterate(pass)) found.push(image);
  return found;
}

describe('data.imageFolder', () => {
  it('gives bytes of one size with the number of the folder, whatever the format', async () => {
    const {classNames, files: known} = data.imageFolder(pathToFileURL(plain()), size);
    expect(classNames).toEqual(['blue', 'green', 'red']);
    expect([...known].sort()).toEqual([...files].sort());
    const images = await all({...size, shuffle: false});
    expect(images.map(({ys}) => ys)).toEqual([0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2]);
    for (const {xs, ys} of images) {
      expect(xs.data).toBeInstanceOf(Uint8Array);
      expect(xs.shape).toEqual([6, 8, 3]);
      const exact = Object.values(colors)[ys] as readonly number[];
      for (let at = 0; at < xs.data.length; at++) {
        expect(Math.abs((xs.data[at] as number) - (exact[at % 3] as number))).toBeLessThan(4);
      }
    }
  });

  it('as gray, with alpha, with the proportions kept', async () => {
    const [gray] = await all({...size, shuffle: false, colorMode: 'grayscale'});
    expect(gray?.xs.shape).toEqual([6, 8, 1]);
    const [clear] = await all({...size, shuffle: false, colorMode: 'rgba', cropToAspectRatio: true});
    expect(clear?.xs.shape).toEqual([6, 8, 4]);
    expect(Array.from(clear?.xs.data ?? []).filter((_, at) => at % 4 === 3)).toEqual(new Array(48).fill(255));
  });

  it('is gray by how bright its colors are: blue the least, green the most', async () => {
    const images = await all({...size, shuffle: false, colorMode: 'grayscale'});
    const grays = images.map(({xs}) => [...new Set(Array.from(xs.data))]);
    for (const own of grays) expect(Math.max(...own) - Math.min(...own)).toBeLessThan(4);
    const [blue, green, red] = [0, 4, 8].map(first => grays[first]?.[0] as number) as [
      number,
      number,
      number,
    ];
    expect(blue).toBeLessThan(red - 20);
    expect(red).toBeLessThan(green - 20);
  });

  it('cuts the middle out where proportions are kept, else squeezes what there is', async () => {
    const wide = path.join(folder, 'wide', 'one');
    mkdirSync(wide, {recursive: true});
    // A third red, a third green, a third blue, from left to right.
    const data0 = Uint8Array.from({length: 30 * 10 * 3}, (_, at) =>
      Math.floor((Math.floor(at / 3) % 30) / 10) === at % 3 ? 255 : 0,
    );
    await sharp(data0, {raw: {width: 30, height: 10, channels: 3}})
      .png()
      .toFile(path.join(wide, 'a.png'));
    const of = async (cropToAspectRatio: boolean) => {
      const options = {imageSize: [5, 5], cropToAspectRatio} as const;
      const [image] = await data.imageFolder(path.dirname(wide), options).dataset.toArray();
      return Array.from((image as unknown as {xs: {data: Uint8Array}}).xs.data);
    };
    const cut = await of(true);
    cut.forEach((value, at) => {
      expect(Math.abs(value - (at % 3 === 1 ? 255 : 0))).toBeLessThan(30);
    });
    const squeezed = await of(false);
    expect(squeezed.slice(0, 3).map(value => Math.round(value / 255))).toEqual([1, 0, 0]);
    expect(squeezed.slice(12, 15).map(value => Math.round(value / 255))).toEqual([0, 0, 1]);
  });

  it('may be left in the middle of a pass, and the program goes on', async () => {
    const {code, stdout, stderr} = await runChild(
      `let seen = 0;
for (let round = 0; round < 10; round++) {
  for await (const image of chainrule.data.imageFolder(${JSON.stringify(plain())}).dataset) {
    seen += image.xs.shape[2];
    break;
  }
}
console.log('went on', seen);`,
    );
    expect(stdout, stderr).toBe('went on 30\n');
    expect(code).toBe(0);
  });

  it('in another order each pass, the same for the same seed, whatever the workers', async () => {
    const labels = async (options: object, pass: number) =>
      (await all({...size, ...options}, pass)).map(({ys}) => ys);
    const first = await labels({seed: 4}, 0);
    expect(await labels({seed: 4, workers: 3, prefetch: 2}, 0)).toEqual(first);
    expect(await labels({seed: 4}, 1)).not.toEqual(first);
    expect([...first].sort()).toEqual([0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2]);
  });

  it('keeps what it has decoded where it is asked to', async () => {
    const kept = data.imageFolder(plain(), {...size, cache: true, shuffle: false});
    const [once, again]: (readonly unknown[])[] = [
      await kept.dataset.toArray(),
      await kept.dataset.toArray(),
    ];
    expect(again).toEqual(once);
    const buffers = (images: readonly unknown[] | undefined) =>
      images?.map(image => (image as {xs: {data: Uint8Array}}).xs.data.buffer);
    expect(buffers(again)?.every((buffer, at) => buffer === buffers(once)?.[at])).toBe(true);
  });

  it('ends a pass at a broken file with its path, or leaves it out and counts it', async () => {
    const broken = path.join(folder, 'broken');
    const failing = data.imageFolder(broken, {...size, shuffle: false}).dataset.toArray();
    await expect(failing).rejects.toMatchObject({
      code: 'ERR_FILE',
      message: expect.stringMatching(/^data\.imageFolder: .*one.b\.png is no image that can be read \(/),
    });
    const skipping = data.imageFolder(broken, {...size, shuffle: false, broken: 'skip'});
    expect((await skipping.dataset.toArray()).length).toBe(1);
    expect(skipping.skipped.map(file => path.basename(file))).toEqual(['b.png', 'c.jpg']);
  });

  it('trains a model, which learns the colors', async () => {
    const net = sequential([
      layers.rescaling({scale: 1 / 255, inputShape: [6, 8, 3]}),
      layers.globalAveragePooling2d(),
      layers.dense({units: 3, activation: 'softmax'}),
    ]);
    net.compile({optimizer: 'adam', loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy']});
    const {dataset} = data.imageFolder(plain(), {...size, cache: true});
    net.optimizer.learningRate = 0.1;
    const {history} = await net.fit(dataset.batch(4), {epochs: 30, verbose: 0});
    expect(history.accuracy?.at(-1)).toBe(1);
  });

  it('refuses what it cannot read', () => {
    expect(() => data.imageFolder(path.join(folder, 'none'))).toThrow(/none cannot be read \(/);
    expect(() => data.imageFolder(path.join(folder, 'empty'))).toThrow(
      /expected a folder for each class.*has none/,
    );
    expect(() => data.imageFolder(plain(), untyped({imageSize: 3}))).toThrow(
      /imageSize: expected \[height, width\]/,
    );
    expect(() => data.imageFolder(plain(), {workers: 0})).toThrow(/workers: expected an integer >= 1/);
    expect(() => data.imageFolder(plain(), untyped({colour: 1}))).toThrow(/unknown option "colour"/);
  });

  it('says what to install where sharp is missing', () => {
    const [program, cwd] = [process.argv[1], process.cwd()];
    process.argv[1] = path.join(folder, 'program.js');
    process.chdir(folder);
    try {
      expect(() => findSharp('data.imageFolder')).toThrow(
        /^data\.imageFolder: images are decoded by the package sharp, which is not.*npm install sharp$/,
      );
    } finally {
      process.argv[1] = program as string;
      process.chdir(cwd);
    }
  });
});
