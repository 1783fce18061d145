// What stands behind a tensor of TensorFlow.js: its data id and its memory are one object.
import type {TensorInfo} from '@tensorflow/tfjs-core';
import {type DType, dtypes, type TypedArray} from '../core/dtype.ts';
import {addon} from '../runtime/addon.ts';
import type {Memory} from '../runtime/linked.ts';
import {pool} from '../runtime/pool.ts';

/** The types of TensorFlow.js that kernels compute with. */
export type NumericType = 'float32' | 'int32' | 'bool';
export type EntryType = NumericType | 'complex64' | 'string';

export const isNumeric = (dtype: string): dtype is NumericType =>
  dtype === 'float32' || dtype === 'int32' || dtype === 'bool';

/** The two parts of complex numbers, which are entries of their own. */
export interface ComplexParts {
  readonly real: TensorInfo;
  readonly imag: TensorInfo;
}

/** A trace of ops that are recorded and have not run. */
export interface Recording {
  readonly nodes: readonly unknown[];
}

/** What an entry's numbers come from. */
export interface Source {
  /** Goes on with it: from a trace to its run, from a run to its end. */
  finish(): void;
  /** Settles when a run has ended. */
  readonly ended?: Promise<void>;
}

export class Entry {
  readonly #isEntry = true;
  readonly dtype: EntryType;
  /** How many elements. */
  readonly size: number;
  /** How many tensors have it. */
  refCount: number;
  /** Set by tfjs's own kernels, too. */
  complexTensorInfos: ComplexParts | undefined;
  /** The backend that has it. */
  owner: object | undefined;
  /** What tfjs's engine knows of it. */
  engineInfo: object | undefined;
  /** Whether a variable has had it, or it was computed from such: all else is data. */
  isTrained = false;
  /** Where it stands in the trace that it is in: a result from 0 on, an input below. */
  position = 0;
  /** Encoded strings. */
  #strings: readonly Uint8Array[] | undefined;
  /** Its number, where it has but one that the program wrote: it then has memory when that is asked for. */
  #number: number | undefined;
  #memory: Memory | undefined;
  /** The memory, as long as nobody else can have it: it then serves again. */
  #block: Uint8Array | undefined;
  /** That is being recorded. */
  #trace: Recording | undefined;
  /** Traces that it stands in and that have not run to their end. */
  #holders = 0;
  /** Reads that were asked for and are not answered. */
  #readers = 0;
  /** Undefined once its numbers are there. */
  #source: Source | undefined;
  #error: unknown;
  #isReleased = false;
  #isDropped = false;

  constructor(dtype: EntryType, size: number, refCount: number) {
    this.dtype = dtype;
    this.size = size;
    this.refCount = refCount;
  }

  static is(value: object): value is Entry {
    return #isEntry in value && value.#isEntry;
  }

  static ofStrings(strings: readonly Uint8Array[], refCount: number): Entry {
    const entry = new Entry('string', strings.length, refCount);
    entry.#strings = strings;
    return entry;
  }

  /** Numbers in a block of the pool, which is the entry's from now on. */
  static ofBlock(dtype: NumericType, size: number, block: Uint8Array): Entry {
    const entry = new Entry(dtype, size, 1);
    entry.#memory = block;
    entry.#block = block;
    return entry;
  }

  /** One number, as an element of this type holds it. */
  static ofNumber(dtype: NumericType, value: number): Entry {
    const entry = new Entry(dtype, 1, 1);
    entry.#number = value;
    return entry;
  }

  /** Numbers in an array that others may have, too, but do not change. */
  static ofArray(dtype: NumericType, array: TypedArray): Entry {
    const entry = new Entry(dtype, array.length, 1);
    entry.#memory = array;
    return entry;
  }

  /** Numbers that a trace will have computed once it has run. */
  static pending(dtype: NumericType, size: number, source: Source): Entry {
    const entry = new Entry(dtype, size, 1);
    entry.#source = source;
    return entry;
  }

  /** Whether the trace that computes it is still being recorded. */
  get isPending(): boolean {
    return this.#source !== undefined && this.#memory === undefined;
  }

  /**
   * For kernels of this library. Undefined for complex numbers and strings, and once it was disposed of.
   *
   * @throws What the op threw that was to compute it.
   */
  get memory(): Memory | undefined {
    while (this.#source) this.#source.finish();
    if (this.#error !== undefined) throw this.#error;
    return this.#memory ?? this.#written();
  }

  /** Its number, where it is known without a look at its memory. */
  get number(): number | undefined {
    return this.#number;
  }

  /** A number in a block of its own. */
  #written(): Memory | undefined {
    if (this.#number === undefined || this.#isDropped) return undefined;
    const dtype = this.dtype as NumericType;
    const block = takeFor(dtype, 1);
    over(block, dtype, 1)[0] = this.#number;
    this.#memory = block;
    this.#block = block;
    return block;
  }

  /** For runs that come after all that were started: it may not be written yet. Undefined if it cannot be. */
  get place(): Memory | undefined {
    return this.#error === undefined ? (this.#memory ?? this.#written()) : undefined;
  }

  /** What it has, or will have. */
  get bytes(): number {
    return isNumeric(this.dtype) ? this.size * dtypes[this.dtype].bytes : 0;
  }

  isIn(trace: Recording): boolean {
    return this.#trace === trace;
  }

  /** Stands in a trace from now on, which reads its memory when it runs. */
  enter(trace: Recording, position: number): void {
    this.#trace = trace;
    this.position = position;
    this.#holders++;
  }

  /** The trace has run to its end. */
  leave(trace: Recording): void {
    if (this.#trace === trace) this.#trace = undefined;
    this.#holders--;
    this.#dropIfUnused();
  }

  /** A run was started that computes it. */
  start(block: Uint8Array, run: Source): void {
    this.#source = run;
    this.#memory = block;
    this.#block = block;
  }

  /** It is there. */
  complete(): void {
    this.#source = undefined;
  }

  /** The run that was to compute it has failed; it is computed otherwise. */
  giveBack(): void {
    if (this.#block) pool.give(this.#block);
    this.#block = undefined;
    this.#memory = undefined;
  }

  /** Its trace has computed it. */
  fill(block: Uint8Array): void {
    this.#source = undefined;
    this.#memory = block;
    this.#block = block;
  }

  /** Its trace could not compute it: who reads it hears why. */
  fail(error: unknown): void {
    this.#source = undefined;
    this.#error = error;
  }

  /** Whether nobody reads it after the runs that have it now: another result may be made in its memory. */
  get isSpent(): boolean {
    const isOwn = this.#block !== undefined && this.#number === undefined;
    return this.#isReleased && isOwn && this.#readers === 0;
  }

  /** Gives its memory to another. */
  donate(): Uint8Array {
    const block = this.#block as Uint8Array;
    this.#block = undefined;
    this.#memory = undefined;
    return block;
  }

  /** For kernels of tfjs, which may keep it: so the memory never serves again. */
  get values(): TypedArray | readonly Uint8Array[] | undefined {
    const view = this.#strings ?? this.view();
    this.#block = undefined;
    return view;
  }

  /** Some of its numbers, in the same memory, which never serves again. */
  piece(start: number, count: number): Entry {
    const values = this.values as TypedArray;
    return Entry.ofArray(this.dtype as NumericType, values.subarray(start, start + count));
  }

  /** A copy of what it has when this is called, once that is there. */
  async readLater(): Promise<TypedArray | Uint8Array[] | undefined> {
    if (this.isPending) this.#source?.finish();
    if (this.#source?.ended) {
      this.#readers++;
      try {
        await this.#source.ended;
        return this.read();
      } finally {
        this.#readers--;
        this.#dropIfUnused();
      }
    }
    return this.read();
  }

  /** A copy. */
  read(): TypedArray | Uint8Array[] | undefined {
    if (this.#strings) return this.#strings.slice();
    const view = this.view();
    if (!view) return undefined;
    const {array, bytes} = dtypes[this.dtype as DType];
    const copy = new array(freshMemory(this.size * bytes), 0, this.size);
    copy.set(view);
    return copy;
  }

  /** No tensor has it any more. A trace that it stands in may still read it. */
  release(): void {
    this.refCount = 0;
    this.#isReleased = true;
    this.#dropIfUnused();
  }

  /** The one trace that still has it reads it no more. */
  dropAsLast(): void {
    if (this.#isReleased && this.#holders <= 1 && this.#readers === 0) this.drop();
  }

  #dropIfUnused(): void {
    if (this.#isReleased && this.#holders === 0 && this.#readers === 0) this.drop();
  }

  /** Lets go of the memory. */
  drop(): void {
    this.#isDropped = true;
    if (this.#block) pool.give(this.#block);
    this.#block = undefined;
    this.#memory = undefined;
    this.#strings = undefined;
    this.complexTensorInfos = undefined;
  }

  /** Numbers where they lie, for who only looks at them. */
  view(): TypedArray | undefined {
    const {memory} = this;
    return memory && new dtypes[this.dtype as DType].array(memory.buffer, memory.byteOffset, this.size);
  }
}

/** From so many bytes on it pays not to fill memory with zeros that is written at once. */
const largeBytes = 2 ** 16;
/** From here on memory comes from the system, page by page as it is written, unless it is asked not to. */
const mappedBytes = 2 ** 20;

/** A buffer of a size of its own, which holds anything. */
function freshMemory(bytes: number): ArrayBuffer {
  if (bytes < largeBytes) return new ArrayBuffer(bytes);
  const memory = bytes < mappedBytes ? Buffer.allocUnsafeSlow(bytes) : addon().copyBuffer(bytes);
  return memory.buffer as ArrayBuffer;
}

/** The bytes of a block for so many elements. */
export const bytesFor = (dtype: NumericType, size: number): number => size * dtypes[dtype].bytes;

/** So many elements in a block of the pool. */
export const takeFor = (dtype: NumericType, size: number): Uint8Array => pool.take(bytesFor(dtype, size));

/** An array over the elements of a block. */
export function over(block: Uint8Array, dtype: NumericType, size: number): TypedArray {
  return new dtypes[dtype].array(block.buffer, block.byteOffset, size);
}
