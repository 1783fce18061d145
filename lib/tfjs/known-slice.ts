// A slice along the first axis of what is computed already: a piece of its memory. It is no op of a trace, so
// the batches of a data set, each at another place, do not make each step another trace.
import type {SliceAttrs, TensorInfo} from '@tensorflow/tfjs-core';
import {sizeOf} from '../core/shape.ts';
import type {ChainruleBackend} from './backend.ts';
import {Entry, isNumeric, over, takeFor} from './entry.ts';
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
  if (!isPiece) return undefined;
  const row = sizeOf(shape.slice(1));
  const [start, count] = [(from[0] as number) * row, (sizes[0] as number) * row];
  const piece = entry.view()?.subarray(start, start + count);
  if (!piece) return undefined;
  const dataId = backend.enter(
    piece.byteLength > mostCopiedBytes ? entry.piece(start, count) : copied(piece, entry),
  );
  return {dataId, shape: sizes, dtype};
}

function copied(piece: ArrayLike<number>, {dtype}: Entry): Entry {
  const type = dtype as 'float32';
  const block = takeFor(type, piece.length);
  over(block, type, piece.length).set(piece);
  return Entry.ofBlock(type, piece.length, block);
}
