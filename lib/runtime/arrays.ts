// The arrays of the user that a run reads and writes.
import {dtypes, type TypedArray} from '../core/dtype.ts';
import {fail} from '../core/errors.ts';
import {isDetached, isResizable, isSharedMemory, show} from '../core/kinds.ts';
import {formatShape, sizeOf} from '../core/shape.ts';
import type {IoSlot} from '../plan.ts';
import {addon} from './addon.ts';

/** Refuses what native code could not read safely for the whole run, of so many elements in so many steps. */
export function checkArray(
  slot: IoSlot,
  array: TypedArray | undefined,
  needed: number,
  steps: number,
): TypedArray {
  const where = `${slot.output ? 'result' : 'input'} ${JSON.stringify(slot.name)}`;
  if (array === undefined) fail('ERR_VALUE', `${where} is missing.`);
  const expected = dtypes[slot.dtype];
  if (!expected.isArray(array)) {
    fail(
      'ERR_DTYPE',
      `${where}: expected ${expected.array.name} for ${slot.dtype}. Received ${show(array)}.`,
    );
  }
  if (isResizable(array.buffer)) {
    fail(
      'ERR_DETACHED',
      `${where}: its buffer can change its size while it is read. Pass a copy of fixed size.`,
    );
  }
  if (isDetached(array)) {
    fail(
      'ERR_DETACHED',
      `${where}: its buffer was transferred away. Pass an array that still has its memory.`,
    );
  }
  checkLength(where, slot, array.length, needed, steps);
  // Rows of data sets are checked when they are gathered.
  if (slot.dtype === 'int64' && !slot.output && slot.shape[0] !== -1) checkFit(where, array);
  return array;
}

/** Refuses integers of 64 bits that are not computed with. What becomes of them in a run is saturated. */
function checkFit(where: string, array: TypedArray): void {
  const words = new Int32Array(array.buffer, array.byteOffset, 2 * array.length);
  for (let at = 0; at < words.length; at += 2) {
    const low = words[at] as number;
    if (low >> 31 === words[at + 1]) continue;
    fail('ERR_VALUE', `${where}: ${array[at / 2]} at position ${at / 2} does not fit int32.`);
  }
}

function checkLength(
  where: string,
  {shape, perStep, perRow}: IoSlot,
  length: number,
  needed: number,
  steps: number,
): void {
  const dynamic = shape[0] === -1;
  const block = sizeOf(dynamic ? shape.slice(1) : shape);
  const fits = dynamic ? length === 0 || length % block === 0 : length >= needed;
  if (fits) return;
  const ofSteps = perRow ? `${needed}` : `${block}${perStep ? ` x ${steps} steps` : ''}`;
  const wanted = dynamic ? `rows of ${block}` : ofSteps;
  fail('ERR_SHAPE', `${where} ${formatShape(shape)}: expected ${wanted} elements. Received ${length}.`);
}

let canPin: boolean | undefined;

/** Copies made here: nobody else has them, so nobody can transfer them away. */
const copies = new WeakSet<ArrayBufferLike>();

/**
 * What native code may read while JavaScript goes on. Shared memory cannot be transferred away; the run pins
 * other memory or, where the engine does not allow that, reads a copy. The copy is not in shared memory,
 * whose size the garbage collector does not take into account. docs/adr/0005-user-arrays.md compares the
 * ways.
 */
export function keepSafe<Kind extends TypedArray>(array: Kind): Kind {
  const {buffer} = array;
  canPin ??= addon().pin(new Uint8Array(1)) !== undefined;
  if (canPin || isSharedMemory(buffer) || copies.has(buffer)) return array;
  const row = Object.values(dtypes).find(({isArray}) => isArray(array));
  const {array: Constructor} = row ?? dtypes.uint8;
  const copy = new Constructor(new ArrayBuffer(array.byteLength), 0, array.length);
  copy.set(array);
  copies.add(copy.buffer);
  return copy as Kind;
}

/**
 * Something that keeps an array's memory while it lives, whatever becomes of the array; undefined where
 * nothing can: `keepSafe` then makes a copy that can be held.
 */
export function holdMemory(array: TypedArray): object | undefined {
  const {buffer} = array;
  if (isSharedMemory(buffer) || copies.has(buffer)) return buffer;
  return addon().pin(array);
}
