// The arrays of the user that a run reads and writes.
import {dtypes, type TypedArray} from '../core/dtype.ts';
import {fail} from '../core/errors.ts';
import {formatShape, sizeOf} from '../core/shape.ts';
import type {IoSlot} from '../plan.ts';
import {addon} from './addon.ts';

function isResizable(buffer: ArrayBufferLike): boolean {
  const {resizable, growable} = buffer as {resizable?: boolean; growable?: boolean};
  return resizable === true || growable === true;
}

/** Refuses what native code could not read safely for the whole run. */
export function checkArray(slot: IoSlot, array: TypedArray | undefined, steps: number): TypedArray {
  const where = `${slot.output ? 'result' : 'input'} ${JSON.stringify(slot.name)}`;
  if (array === undefined) fail('ERR_VALUE', `${where} is missing.`);
  const {array: expected} = dtypes[slot.dtype];
  if (!(array instanceof expected)) {
    const received = (array as object).constructor.name;
    fail('ERR_DTYPE', `${where}: expected ${expected.name} for ${slot.dtype}. Received ${received}.`);
  }
  if (isResizable(array.buffer)) {
    fail(
      'ERR_DETACHED',
      `${where}: its buffer can change its size while it is read. Pass a copy of fixed size.`,
    );
  }
  const dynamic = slot.shape[0] === -1;
  const block = sizeOf(dynamic ? slot.shape.slice(1) : slot.shape);
  if (array.length === 0 && array.byteLength === 0 && isDetached(array)) {
    fail(
      'ERR_DETACHED',
      `${where}: its buffer was transferred away. Pass an array that still has its memory.`,
    );
  }
  const fits = dynamic
    ? array.length === 0 || array.length % block === 0
    : array.length >= block * (slot.perStep ? steps : 1);
  if (!fits) {
    const wanted = dynamic ? `rows of ${block}` : `${block}${slot.perStep ? ` x ${steps} steps` : ''}`;
    fail(
      'ERR_SHAPE',
      `${where} ${formatShape(slot.shape)}: expected ${wanted} elements. Received ${array.length}.`,
    );
  }
  return array;
}

/** A detached buffer cannot be viewed again; an empty one can. */
function isDetached(array: TypedArray): boolean {
  try {
    new Uint8Array(array.buffer);
    return false;
  } catch {
    return true;
  }
}

let holds: boolean | undefined;

/** Copies made here: nobody else knows them, so nobody can transfer them away. */
const copies = new WeakSet<ArrayBufferLike>();

/**
 * What native code may read while JavaScript goes on: memory that is shared cannot be taken away; other
 * memory is held by the run, or where the engine does not allow that, copied. Not into shared memory, for
 * the collector does not see how much of that is garbage. docs/adr/0005-user-arrays.md weighs the ways.
 */
export function keepSafe<Kind extends TypedArray>(array: Kind): Kind {
  const {buffer} = array;
  holds ??= addon().pin(new Uint8Array(1)) !== undefined;
  if (holds || buffer instanceof SharedArrayBuffer || copies.has(buffer)) return array;
  const {array: Constructor} = Object.values(dtypes).find(
    row => array instanceof row.array,
  ) as (typeof dtypes)['uint8'];
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
  if (buffer instanceof SharedArrayBuffer || copies.has(buffer)) return buffer;
  return addon().pin(array);
}
