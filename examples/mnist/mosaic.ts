// Pictures of one size beside and below each other, as one PNG.
import {writeFileSync} from 'node:fs';
import {grayPng} from './png.ts';

/** Draws rows of square pictures, of numbers from 0, black, to 1, white, with a line of gray between them. */
export function writeMosaic(
  file: string,
  rows: readonly (readonly ArrayLike<number>[])[],
  side: number,
): void {
  const columns = Math.max(...rows.map(row => row.length));
  const step = side + 1;
  const width = columns * step - 1;
  const image = new Uint8Array(width * (rows.length * step - 1)).fill(90);
  rows.forEach((pictures, row) => {
    pictures.forEach((picture, column) => {
      for (let at = 0; at < side * side; at++) {
        const [y, x] = [row * step + Math.floor(at / side), column * step + (at % side)];
        image[y * width + x] = Math.round(255 * Math.min(Math.max(picture[at] as number, 0), 1));
      }
    });
  });
  writeFileSync(file, grayPng(image, width));
}

/** The pictures of a result [pictures, side, side, 1]. */
export function picturesOf(data: ArrayLike<number>, side: number): ArrayLike<number>[] {
  const all = Float32Array.from(data);
  const size = side * side;
  return Array.from({length: all.length / size}, (_, at) => all.subarray(at * size, (at + 1) * size));
}
