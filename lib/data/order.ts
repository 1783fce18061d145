// The order in which the rows of an epoch are read, as row indices: the same for the same seed and epoch.
import {seedWords} from '../core/seed.ts';

/** A bijective hash of 32 bits (Wellons 2018, lowbias32). */
function mix(value: number): number {
  let x = value;
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return (x ^ (x >>> 16)) >>> 0;
}

/** 2³² divided by the golden ratio. */
const goldenGamma = 0x9e3779b9;

function keyOf(seed: number, epoch: number): number {
  const [low, high] = seedWords(seed);
  return mix((mix((mix(low) ^ high) + goldenGamma) ^ epoch) + goldenGamma);
}

const numberAt = (key: number, position: number): number => mix((mix(position ^ key) + key) >>> 0);

/** Random 32-bit numbers by position: none depends on those before it. */
export function counterBased(seed: number, epoch: number): (position: number) => number {
  const key = keyOf(seed, epoch);
  return position => numberAt(key, position);
}

/** `first` and the numbers after it, in shared memory, which cannot be transferred away under a run. */
export function ascendingRows(count: number, first = 0): Int32Array<SharedArrayBuffer> {
  const rows = new Int32Array(new SharedArrayBuffer(4 * count));
  for (let row = 0; row < count; row++) rows[row] = first + row;
  return rows;
}

/** Puts a random permutation of 0…count−1 into `rows` (Fisher and Yates; Durstenfeld 1964). */
export function shuffleRows(rows: Int32Array, seed: number, epoch: number): void {
  // Not by a function of its own for each epoch, which engines call instead of inlining it.
  const key = keyOf(seed, epoch);
  for (let row = 0; row < rows.length; row++) rows[row] = row;
  for (let last = rows.length - 1; last > 0; last--) {
    const other = Math.floor((numberAt(key, last) * (last + 1)) / 2 ** 32);
    const value = rows[last] as number;
    rows[last] = rows[other] as number;
    rows[other] = value;
  }
}
