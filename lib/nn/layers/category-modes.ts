// Ids of categories as numbers for a network: the ids themselves, ones at their places, how often each
// occurs.
import {fail} from '../../core/errors.ts';
import {isBytes} from '../../core/kinds.ts';
import {formatShape, type Shape} from '../../core/shape.ts';
import type {Rows} from '../../data/arrays.ts';
import type {AnyRows} from '../../data/text.ts';
import type {SampleType} from '../ahead.ts';

/**
 * What a layer gives: `int`, ids; `oneHot`, for each id an array with a 1 at its place; `multiHot`, for each
 * sample (the last axis) one array with a 1 at the place of each id in it; `count`, how often each occurs;
 * `tfIdf`, that times the inverse document frequency of each.
 */
export type CategoryMode = 'int' | 'oneHot' | 'multiHot' | 'count' | 'tfIdf';

/** The id of what is left out of all modes but `int`. */
export const leftOut = -1;

/** The shape of a sample whose ids have `shape`, as Keras has it. @throws ERR_SHAPE */
export function encodedShape(scope: string, mode: CategoryMode, shape: Shape, depth: number): Shape {
  if (mode === 'int') return shape;
  if (mode === 'oneHot') return [...(shape.at(-1) === 1 ? shape.slice(0, -1) : shape), depth];
  if (mode !== 'multiHot' && shape.length > 1) {
    const wanted = 'expected samples of one axis at most, a list of categories';
    fail('ERR_SHAPE', `${scope}: outputMode ${mode}: ${wanted}. Received ${formatShape(shape)}.`);
  }
  return [...shape.slice(0, -1), depth];
}

/** Shape and type of a sample whose ids have `shape`. */
export const encodedSample = (
  scope: string,
  mode: CategoryMode,
  shape: Shape,
  depth: number | undefined,
): SampleType => ({
  shape: encodedShape(scope, mode, shape, depth ?? 0),
  dtype: mode === 'int' ? 'int32' : 'float32',
});

export interface Encoding {
  readonly mode: CategoryMode;
  /** How many places there are, but in mode `int`. */
  readonly depth: number;
  /** What each place is multiplied by. */
  readonly factors?: Float32Array | undefined;
}

/** For each list of ids, a number for each place. Ones and zeros are bytes, which plans read as they are. */
export function tally(
  lists: readonly ArrayLike<number>[],
  {mode, depth, factors}: Encoding,
  weights?: ArrayLike<number>,
): Float32Array | Uint8Array {
  const isSet = mode === 'multiHot' || mode === 'oneHot';
  const data = isSet ? new Uint8Array(lists.length * depth) : new Float32Array(lists.length * depth);
  let seen = 0;
  lists.forEach((ids, row) => {
    for (let at = 0; at < ids.length; at++, seen++) {
      const id = ids[at] as number;
      if (id === leftOut) continue;
      if (isSet) data[row * depth + id] = 1;
      else (data[row * depth + id] as number) += weights?.[seen] ?? 1;
    }
  });
  if (factors) for (let at = 0; at < data.length; at++) (data[at] as number) *= factors[at % depth] ?? 0;
  return data;
}

/** Rows of ids in a layer's mode; `ids` holds one for each element of `rows`. */
export function encoded(
  where: string,
  rows: AnyRows,
  ids: Int32Array,
  encoding: Encoding,
  weights?: ArrayLike<number>,
): Rows {
  const {mode, depth} = encoding;
  const {count, single} = rows;
  const rowShape = encodedShape(where, mode, rows.rowShape, depth);
  if (mode === 'int') return {data: ids, dtype: 'int32', rowShape, count, scale: 1, single};
  const width = mode === 'oneHot' ? 1 : (rows.rowShape.at(-1) ?? 1);
  const lists = Array.from({length: ids.length / width}, (_, at) =>
    ids.subarray(at * width, (at + 1) * width),
  );
  return rowsOfTally(tally(lists, encoding, weights), {rowShape, count, single});
}

export const rowsOfTally = (
  data: Float32Array | Uint8Array,
  shape: Pick<Rows, 'rowShape' | 'count' | 'single'>,
): Rows => ({...shape, data, dtype: isBytes(data) ? 'uint8' : 'float32', scale: 1});

/** Refuses an id that has no place. @throws ERR_OUT_OF_RANGE */
export function failPlace(where: string, place: string, id: number, depth: number): never {
  const range = `expected ids from 0 to ${depth - 1}`;
  return fail('ERR_OUT_OF_RANGE', `${where}: ${place} holds ${id}; ${range}.`);
}
