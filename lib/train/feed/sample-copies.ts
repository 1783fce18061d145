// Memory of our own for samples that lie like the user's, which native code reads where it lies.
import {dtypes} from '../../core/dtype.ts';
import {sizeOf} from '../../core/shape.ts';
import type {NumberArray, Rows} from '../../data/arrays.ts';
import type {Samples} from './samples.ts';

function allocateRows(rows: Rows, count: number): Rows {
  const {array, bytes} = dtypes[rows.dtype];
  const length = count * sizeOf(rows.rowShape);
  const data = new array(new SharedArrayBuffer(length * bytes), 0, length) as NumberArray;
  return {...rows, data, count};
}

/** Shared memory for `count` samples that lie like those given. */
export function allocateSamples({network, x, y, weights, sources}: Samples, count: number): Samples {
  const copies = new Map(Object.values(sources).map(rows => [rows, allocateRows(rows, count)]));
  const copyOf = (rows: Rows): Rows => copies.get(rows) as Rows;
  return {
    network,
    x: x.map(copyOf),
    y: y.map(copyOf),
    count,
    ...(weights && {weights: weights.map(rows => rows && copyOf(rows))}),
    sources: Object.fromEntries(Object.entries(sources).map(([name, rows]) => [name, copyOf(rows)])),
  };
}

/** Copies all samples into others that lie alike, from number `at` on. */
export function copySamples(from: Samples, into: Samples, at = 0): void {
  for (const name in from.sources) {
    const {data, rowShape} = from.sources[name] as Rows;
    into.sources[name]?.data.set(data, at * sizeOf(rowShape));
  }
}

/** Bytes of all arrays. */
export function bytesOfSamples({sources}: Samples): number {
  return Object.values(sources).reduce((sum, {data}) => sum + data.byteLength, 0);
}
