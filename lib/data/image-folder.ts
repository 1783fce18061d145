// Folders of images as data sets: a folder for each class, decoded by worker threads ahead of training.
import fs from 'node:fs';
import path from 'node:path';
import {checkBoolean, checkChoice, checkNumber, checkOptions, fail} from '../core/errors.ts';
import {isList, show} from '../core/kinds.ts';
import {toPath} from '../core/path.ts';
import type {ShapedArray} from './arrays.ts';
import {Dataset} from './dataset.ts';
import {findSharp, ImageDecoder, type ImageFormat} from './image-worker.ts';
import {shuffleRows} from './order.ts';

const colorModes = {grayscale: 1, rgb: 3, rgba: 4} as const;

export interface ImageFolderOptions {
  /** Height and width to which images are resized. [256, 256] by default, as in Keras. */
  readonly imageSize?: readonly [height: number, width: number];
  /** `rgb` by default. */
  readonly colorMode?: keyof typeof colorModes;
  /** Whether to keep proportions, and cut off what is too much. False by default. */
  readonly cropToAspectRatio?: boolean;
  /** Whether to read the files of a pass in random order. True by default; `seed` and the pass decide it. */
  readonly shuffle?: boolean;
  /** 0 by default. */
  readonly seed?: number;
  /** Worker threads that decode. 1 by default. */
  readonly workers?: number;
  /** Images that are decoded in advance. 64 by default. */
  readonly prefetch?: number;
  /** Whether to keep all images in memory, as bytes, once they are decoded. False by default. */
  readonly cache?: boolean;
  /** `fail` (the default) ends the pass at a file that is no image, `skip` leaves it out and counts it. */
  readonly broken?: 'fail' | 'skip';
}

/** An image, [height, width, channels] of bytes, and the number of its class. */
export interface LabelledImage {
  readonly xs: ShapedArray;
  readonly ys: number;
}

export interface ImageFolder {
  readonly dataset: Dataset<LabelledImage>;
  /** The names of the folders, in the order of their numbers. */
  readonly classNames: readonly string[];
  /** All files, in order. */
  readonly files: readonly string[];
  /** Files that were no images, by their paths, as far as passes have met them. */
  readonly skipped: readonly string[];
}

const known = [
  'imageSize',
  'colorMode',
  'cropToAspectRatio',
  'shuffle',
  'seed',
  'workers',
  'prefetch',
  'cache',
  'broken',
];
const isImage = (name: string): boolean => /\.(jpe?g|png|webp|gif|tiff?|avif)$/i.test(name);
const where = 'data.imageFolder';

interface Labelled {
  readonly file: string;
  readonly label: number;
}

/** All images below a folder, in the order of their names. */
function imagesIn(folder: string): string[] {
  const entries = fs.readdirSync(folder, {withFileTypes: true});
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  return entries.flatMap(entry => {
    const own = path.join(folder, entry.name);
    if (entry.isDirectory()) return imagesIn(own);
    return isImage(entry.name) ? [own] : [];
  });
}

function readFolders(folder: string): {classNames: string[]; images: Labelled[]} {
  let entries: fs.Dirent[];
  try {
    entries = fs.readdirSync(folder, {withFileTypes: true});
  } catch (cause) {
    return fail('ERR_FILE', `${where}: ${folder} cannot be read (${(cause as Error).message}).`);
  }
  const classNames = entries.filter(entry => entry.isDirectory()).map(({name}) => name);
  classNames.sort((a, b) => (a < b ? -1 : 1));
  const images = classNames.flatMap((name, label) =>
    imagesIn(path.join(folder, name)).map(file => ({file, label})),
  );
  if (images.length > 0) return {classNames, images};
  const wanted = 'a folder for each class, with JPEG, PNG or WebP files in it';
  return fail('ERR_FILE', `${where}: expected ${wanted}. ${folder} has none.`);
}

function formatOf(options: ImageFolderOptions): ImageFormat {
  const {imageSize = [256, 256], colorMode = 'rgb', cropToAspectRatio = false} = options;
  if (!isList(imageSize) || imageSize.length !== 2) {
    fail('ERR_OPTION', `${where}: imageSize: expected [height, width]. Received ${show(imageSize)}.`);
  }
  const [height, width] = imageSize;
  for (const size of [height, width]) {
    checkNumber(`${where}: imageSize`, size, {integer: true, min: 1, max: 2 ** 14});
  }
  checkChoice(`${where}: colorMode`, colorMode, Object.keys(colorModes));
  checkBoolean(`${where}: cropToAspectRatio`, cropToAspectRatio);
  return {height, width, channels: colorModes[colorMode], crops: cropToAspectRatio};
}

interface Reading {
  readonly images: readonly Labelled[];
  readonly format: ImageFormat;
  readonly sharp: string;
  readonly workers: number;
  readonly ahead: number;
  readonly kept: Map<number, Uint8Array> | undefined;
  readonly skipped: Set<string> | undefined;
}

/** The images of a pass, in this order; the next are decoded while earlier ones are used. */
async function* decoded(reading: Reading, order: Int32Array): AsyncGenerator<LabelledImage> {
  const {images, format, sharp, workers, ahead, kept, skipped} = reading;
  const {height, width, channels} = format;
  let decoder: ImageDecoder | undefined;
  const read = (index: number) => {
    const known = kept?.get(index);
    if (known) return {bytes: known};
    decoder ??= new ImageDecoder(sharp, format, workers);
    return decoder.decode((images[index] as Labelled).file);
  };
  const waiting: ReturnType<typeof read>[] = [];
  try {
    for (let at = 0; at < order.length; at++) {
      while (waiting.length < ahead && at + waiting.length < order.length) {
        waiting.push(read(order[at + waiting.length] as number));
      }
      const result = await (waiting.shift() as ReturnType<typeof read>);
      const index = order[at] as number;
      const {file, label} = images[index] as Labelled;
      if ('message' in result) {
        if (!skipped) fail('ERR_FILE', `${where}: ${file} is no image that can be read (${result.message}).`);
        skipped.add(file);
        continue;
      }
      kept?.set(index, result.bytes);
      yield {xs: {data: result.bytes, shape: [height, width, channels]}, ys: label};
    }
  } finally {
    await decoder?.close();
  }
}

/**
 * The images of a folder that has a folder for each class, as Keras's `image_dataset_from_directory` reads
 * them: `{xs, ys}`, images of bytes in one size and the numbers of their classes, in the order of the
 * folders' names. The package sharp decodes them in worker threads, turned upright as they say.
 *
 * @throws ERR_OPTION where sharp is not installed; ERR_FILE where there is no image, and, in a pass, naming a
 * file that is none.
 */
export function imageFolder(folder: string | URL, options: ImageFolderOptions = {}): ImageFolder {
  checkOptions(where, options, known);
  const format = formatOf(options);
  const {shuffle = true, seed = 0, workers = 1, prefetch = 64, cache = false, broken = 'fail'} = options;
  checkBoolean(`${where}: shuffle`, shuffle);
  checkNumber(`${where}: seed`, seed, {integer: true});
  checkNumber(`${where}: workers`, workers, {integer: true, min: 1, max: 256});
  checkNumber(`${where}: prefetch`, prefetch, {integer: true, min: 1, max: 1e6});
  checkBoolean(`${where}: cache`, cache);
  checkChoice(`${where}: broken`, broken, ['fail', 'skip']);
  const {classNames, images} = readFolders(toPath(where, folder));
  const skipped = new Set<string>();
  const reading: Reading = {
    images,
    format,
    sharp: findSharp(where),
    workers,
    ahead: prefetch,
    kept: cache ? new Map() : undefined,
    skipped: broken === 'skip' ? skipped : undefined,
  };
  const dataset = Dataset.fromGenerator(pass => {
    const order = Int32Array.from(images, (_, index) => index);
    if (shuffle) shuffleRows(order, seed, pass);
    return decoded(reading, order);
  });
  return {
    dataset,
    classNames,
    files: images.map(({file}) => file),
    get skipped() {
      return [...skipped];
    },
  };
}
