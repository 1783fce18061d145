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

export class Entry {
  readonly #isEntry = true;
  readonly dtype: EntryType;
  /** How many elements. */
  readonly size: number;
  /** How many tensors have it. */
  refCount: number;
  /** Set by tfjs's own kernels, too. */
  complexTensorInfos: ComplexParts | undefined;
  /** Encoded strings. */
  #strings: readonly Uint8Array[] | undefined;
  #memory: Memory | undefined;
  /** The memory, as long as nobody else can have it: it then serves again. */
  #block: Uint8Array | undefined;

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

  /** For kernels of this library. Undefined for complex numbers and strings, and once it was disposed of. */
  get memory(): Memory | undefined {
    return this.#memory;
  }

  get bytes(): number {
    return this.#memory?.byteLength ?? 0;
  }

  /** For kernels of tfjs, which may keep it: so the memory never serves again. */
  get values(): TypedArray | readonly Uint8Array[] | undefined {
    this.#block = undefined;
    return this.#strings ?? this.#view();
  }

  /** A copy. */
  read(): TypedArray | Uint8Array[] | undefined {
    if (this.#strings) return this.#strings.slice();
    const view = this.#view();
    if (!view) return undefined;
    const {array, bytes} = dtypes[this.dtype as DType];
    const copy = new array(new ArrayBuffer(this.size * bytes), 0, this.size);
    copy.set(view);
    return copy;
  }

  /** Lets go of the memory. */
  release(): void {
    if (this.#block) pool.give(this.#block);
    this.#block = undefined;
    this.#memory = undefined;
    this.#strings = undefined;
    this.complexTensorInfos = undefined;
  }

  #view(): TypedArray | undefined {
    if (!this.#memory) return undefined;
    const {buffer, byteOffset} = this.#memory;
    return new dtypes[this.dtype as DType].array(buffer, byteOffset, this.size);
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
