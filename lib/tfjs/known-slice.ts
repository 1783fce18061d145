// Rows of what is computed already, one after another: a piece of its memory. It is no op of a trace, so the
// batches of a data set, each at another place, do not make each step another trace.
import type {GatherV2Attrs, SliceAttrs, TensorInfo} from '@tensorflow/tfjs-core';
import {sizeOf} from '../core/shape.ts';
import type {ChainruleBackend} from './backend.ts';
import {Entry, isNumeric, type NumericType, over, takeFor} from './entry.ts';
import {tf} from './packages.ts';

/** Larger pieces are not copied. */
const mostCopiedBytes = 2 ** 16;

/** Undefined where the piece is not one, or not known yet. */
export function knownSlice(
  x: TensorInfo,
  {begin, size}: SliceAttrs,
  backend: ChainruleBackend,
): TensorInfo | undefined {
  const {shape, dtype} = x;
  const entry = backend.entryOf(x.dataId);
  if (!isNumeric(dtype) || entry.dtype !== dtype || entry.isPending || shape.length === 0) return undefined;
  const [from, sizes] = tf.slice_util.parseSliceParams(x as never, begin, size) as [number[], number[]];
  tf.slice_util.assertParamsValid(x as never, from, sizes);
  const isPiece = sizes.every((own, axis) => axis === 0 || own === shape[axis]);
  return isPiece ? pieceOf(entry, from[0] as number, sizes, backend) : undefined;
}

/** The same for rows that are gathered one after another, as `fit` does without shuffling. */
export function knownRows(
  {x, indices}: Readonly<Record<string, TensorInfo | null | undefined>>,
  {axis, batchDims}: GatherV2Attrs,
  backend: ChainruleBackend,
): TensorInfo | undefined {
  if (!x || indices?.shape.length !== 1 || indices.dtype !== 'int32' || axis !== 0 || batchDims)
    return undefined;
  const entry = backend.entryOf(x.dataId);
  const places = backend.entryOf(indices.dataId);
  const isOdd = entry.dtype !== x.dtype || places.dtype !== 'int32' || !isNumeric(x.dtype);
  if (isOdd || entry.isPending || places.isPending || places.size === 0) return undefined;
  const from = firstOfRun(places.view() as Int32Array);
  if (from === undefined || from < 0 || from + places.size > (x.shape[0] as number)) return undefined;
  return pieceOf(entry, from, [places.size, ...x.shape.slice(1)], backend);
}

/** The first of numbers that count up by one. */
function firstOfRun(numbers: Int32Array): number | undefined {
  const [first] = numbers;
  for (let at = 1; at < numbers.length; at++) if (numbers[at] !== (first as number) + at) return undefined;
  return first;
}

/** Rows from one on, under a shape of so many. */
function pieceOf(
  entry: Entry,
  from: number,
  shape: number[],
  backend: ChainruleBackend,
): TensorInfo | undefined {
  const row = sizeOf(shape.slice(1));
  const [start, count] = [from * row, (shape[0] as number) * row];
  const piece = entry.view()?.subarray(start, start + count);
  if (!piece) return undefined;
  const isLarge = piece.byteLength > mostCopiedBytes;
  const rows = isLarge ? entry.piece(start, count) : copied(piece, entry);
  rows.isTrained = entry.isTrained;
  return {dataId: backend.enter(rows), shape, dtype: entry.dtype};
}

function copied(piece: ArrayLike<number>, {dtype}: Entry): Entry {
  const type = dtype as NumericType;
  const block = takeFor(type, piece.length);
  over(block, type, piece.length).set(piece);
  return Entry.ofBlock(type, piece.length, block);
}
