// What stands behind a tensor of TensorFlow.js: its data id and its memory are one object.
import type {TensorInfo} from '@tensorflow/tfjs-core';
import {type DType, dtypes, type TypedArray} from '../core/dtype.ts';
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
  /** Where it stands in the trace that it is in: a result from 0 on, an input below. */
  position = 0;
  /** Encoded strings. */
  #strings: readonly Uint8Array[] | undefined;
  #memory: Memory | undefined;
  /** The memory, as long as nobody else can have it: it then serves again. */
  #block: Uint8Array | undefined;
  #trace: Recording | undefined;
  /** Runs the trace that it is a result of; undefined once it has run. */
  #flush: (() => void) | undefined;
  #error: unknown;
  #isReleased = false;

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

  /** Numbers in an array that others may have, too, but do not change. */
  static ofArray(dtype: NumericType, array: TypedArray): Entry {
    const entry = new Entry(dtype, array.length, 1);
    entry.#memory = array;
    return entry;
  }

  /** Numbers that a trace will have computed once `flush` has run it. */
  static pending(dtype: NumericType, size: number, flush: () => void): Entry {
    const entry = new Entry(dtype, size, 1);
    entry.#flush = flush;
    return entry;
  }

  get isPending(): boolean {
    return this.#flush !== undefined;
  }

  /**
   * For kernels of this library. Undefined for complex numbers and strings, and once it was disposed of.
   *
   * @throws What the op threw that was to compute it.
   */
  get memory(): Memory | undefined {
    this.#flush?.();
    if (this.#error !== undefined) throw this.#error;
    return this.#memory;
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
  }

  /** The trace has run. */
  leave(): void {
    this.#trace = undefined;
    this.#flush = undefined;
    if (this.#isReleased) this.drop();
  }

  /** Its trace has computed it. */
  fill(block: Uint8Array): void {
    this.#flush = undefined;
    this.#memory = block;
    this.#block = block;
  }

  /** Its trace could not compute it: who reads it hears why. */
  fail(error: unknown): void {
    this.#flush = undefined;
    this.#error = error;
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

  /** A copy. */
  read(): TypedArray | Uint8Array[] | undefined {
    if (this.#strings) return this.#strings.slice();
    const view = this.view();
    if (!view) return undefined;
    const {array, bytes} = dtypes[this.dtype as DType];
    const copy = new array(new ArrayBuffer(this.size * bytes), 0, this.size);
    copy.set(view);
    return copy;
  }

  /** No tensor has it any more. A trace that it stands in may still read it. */
  release(): void {
    this.refCount = 0;
    this.#isReleased = true;
    if (!this.#trace) this.drop();
  }

  /** Lets go of the memory. */
  drop(): void {
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

/** The bytes of a block for so many elements. */
export const bytesFor = (dtype: NumericType, size: number): number => size * dtypes[dtype].bytes;

/** So many elements in a block of the pool. */
export const takeFor = (dtype: NumericType, size: number): Uint8Array => pool.take(bytesFor(dtype, size));

/** An array over the elements of a block. */
export function over(block: Uint8Array, dtype: NumericType, size: number): TypedArray {
  return new dtypes[dtype].array(block.buffer, block.byteOffset, size);
}
