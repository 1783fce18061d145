// Arrays of the eager door: numbers in memory, with a shape.
import {type DType, dtypes, type TypedArray} from '../../core/dtype.ts';
import {fail} from '../../core/errors.ts';
import {type Shape, sizeOf} from '../../core/shape.ts';
import type {TensorSpec} from '../../core/tensor.ts';
import {checkArray} from '../../runtime/arrays.ts';
import type {Memory} from '../../runtime/linked.ts';
import {pool} from '../../runtime/pool.ts';

/** Memory, and how many arrays are names of it. A block goes back to the pool with the last of them. */
interface Held {
  readonly memory: Memory;
  readonly block: Uint8Array | undefined;
  names: number;
}

export class EagerArray implements TensorSpec {
  readonly shape: Shape;
  readonly dtype: DType;
  #held: Held | undefined;

  private constructor({shape, dtype}: TensorSpec, held: Held) {
    this.shape = shape;
    this.dtype = dtype;
    this.#held = held;
  }

  /**
   * The user's array under a shape, read where it lies by each op.
   *
   * @throws ERR_DTYPE, ERR_SHAPE, ERR_DETACHED for an array that is none of this type and size.
   */
  static of(data: TypedArray, spec: TensorSpec, name = 'x'): EagerArray {
    const slot = {...spec, name, output: false, perStep: false};
    const memory = checkArray(slot, data, sizeOf(spec.shape), 1);
    return new EagerArray(spec, {memory, block: undefined, names: 1});
  }

  /** A result to be: a block of the pool. */
  static fresh(spec: TensorSpec): EagerArray {
    const block = pool.take(sizeOf(spec.shape) * dtypes[spec.dtype].bytes);
    return new EagerArray(spec, {memory: block, block, names: 1});
  }

  /** The same numbers under another shape: each of the two is disposed of by itself. */
  as(spec: TensorSpec): EagerArray {
    const held = this.#alive();
    held.names++;
    return new EagerArray(spec, held);
  }

  /** @throws ERR_DISPOSED */
  get memory(): Memory {
    return this.#alive().memory;
  }

  get isDisposed(): boolean {
    return this.#held === undefined;
  }

  /** A copy of the numbers. @throws ERR_DISPOSED */
  read(): TypedArray {
    const {array, bytes} = dtypes[this.dtype];
    const {buffer, byteOffset} = this.memory;
    const length = sizeOf(this.shape);
    const copy = new array(new ArrayBuffer(length * bytes), 0, length);
    copy.set(new array(buffer, byteOffset, length));
    return copy;
  }

  /**
   * Gives the memory back for other results. An array that is dropped instead is left to the collector, which
   * frees it. A second call does nothing.
   */
  dispose(): void {
    const held = this.#held;
    if (!held) return;
    this.#held = undefined;
    if (--held.names === 0 && held.block) pool.give(held.block);
  }

  #alive(): Held {
    return (
      this.#held ?? fail('ERR_DISPOSED', 'this array was disposed of. Use it before, or compute it anew.')
    );
  }
}
