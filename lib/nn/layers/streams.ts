// What layers keep of steps that come in parts, and which rows of a table belong to them.
import {constant, type Tensor} from '../../core/tensor.ts';
import {mul} from '../../ops/map.ts';
import {dynamicSlice, dynamicUpdateSlice} from '../../ops/window.ts';
import type {StepStream} from '../call-context.ts';

/** Where a part begins: at the position of the stream on one axis of so many, at 0 on the others. */
function startsAt({position}: StepStream, axis: number, rank: number): Tensor {
  const along = Int32Array.from({length: rank}, (_, at) => (at === axis ? 1 : 0));
  return mul(position, constant(along, [rank], 'int32'));
}

/** Rows of a table [steps of the whole, columns] for so many steps of a part. */
export function rowsAt(table: Tensor, steps: number, stream: StepStream): Tensor {
  return dynamicSlice(table, startsAt(stream, 0, 2), [steps, table.shape[1] as number]);
}

/**
 * All steps up to the last of this part, x [batch, steps, …], each in its own place: [batch, capacity, …].
 * Places behind are zeros.
 */
export function withPast(x: Tensor, stream: StepStream): Tensor {
  const [batch, , ...rest] = x.shape as [number, number, ...number[]];
  const kept = stream.carry({shape: [batch, stream.capacity, ...rest], dtype: x.dtype});
  const all = dynamicUpdateSlice(kept.now(), x, startsAt(stream, 1, x.rank));
  kept.replace(all);
  return all;
}
