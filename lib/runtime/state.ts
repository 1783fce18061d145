import {type DType, dtypes, type TypedArray} from '../core/dtype.ts';
import {fail} from '../core/errors.ts';
import {addon, type NativeState} from './addon.ts';

/** A cache line, at which the memory of kernels begins; V8 aligns to 16 bytes only. */
const lineBytes = 64;
/** A large state consists of whole pages of this size, which native code asks the system for. */
const hugePageBytes = 2 ** 21;
const minHugeBytes = 2 ** 19;

/**
 * The memory of one model: parameters, moments, statistics. A SharedArrayBuffer, because an ordinary one
 * could be transferred away under a running kernel. It begins at a multiple of 64 bytes.
 */
export class State {
  readonly byteLength: number;
  readonly native: NativeState;
  readonly #buffer: SharedArrayBuffer;
  readonly #start: number;
  #writer: string | undefined;
  /** Under way, or waiting for their turn. */
  #runs = 0;
  #released = false;

  constructor(byteLength: number) {
    this.byteLength = byteLength;
    const unit = byteLength >= minHugeBytes ? hugePageBytes : lineBytes;
    const paddedBytes = Math.ceil(byteLength / unit) * unit;
    this.#buffer = new SharedArrayBuffer(paddedBytes + unit);
    const beyond = addon().alignment(new Uint8Array(this.#buffer), unit);
    this.#start = (unit - beyond) % unit;
    this.native = addon().createState(new Uint8Array(this.#buffer, this.#start, paddedBytes));
  }

  /** A live view, `byteOffset` bytes from the aligned start. */
  view(dtype: DType, byteOffset: number, length: number): TypedArray {
    return new dtypes[dtype].array(this.#buffer, this.#start + byteOffset, length);
  }

  /** Marks the state as being written by `what`. @throws ERR_MODEL_BUSY while another writes to it. */
  beginWrite(what: string): void {
    if (this.#writer !== undefined) {
      fail(
        'ERR_MODEL_BUSY',
        `${what}: this model is being changed by ${this.#writer}. ` +
          'Wait for its promise, or use another model.',
      );
    }
    this.#writer = what;
  }

  endWrite(): void {
    this.#writer = undefined;
  }

  /** A run that ends later: until then the memory keeps its numbers. */
  beginRun(): void {
    this.#runs++;
  }

  endRun(): void {
    this.#runs--;
    this.#giveBack();
  }

  /** Gives the memory back to the system: now, or when the last run ends. Views of it show zeros then. */
  release(): void {
    this.#released = true;
    this.#giveBack();
  }

  #giveBack(): void {
    if (this.#released && this.#runs === 0) addon().releaseState(this.native);
  }

  get busy(): boolean {
    return this.#writer !== undefined;
  }
}
