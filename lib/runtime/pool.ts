// Memory for arrays that come and go: blocks that were given back serve again, by size class. All of it is
// the engine's own, so the collector counts it and frees what is dropped.
import {fail} from '../core/errors.ts';
import {isError} from '../core/kinds.ts';
import {addon} from './addon.ts';

/** Blocks of class 0, in bytes; above it there are four classes to each power of two. */
const leastBytes = 64;
const leastExponent = 6;
/** Larger blocks are as large as asked for, and are not kept. */
const mostPooledBytes = 2 ** 30;
/** Blocks from this size on begin at a cache line. */
const alignedFromBytes = 4096;
const lineBytes = 64;
/** Blocks from this size on fill pages of this size, which native code asks the system for. */
const hugeFromBytes = 1.5 * 2 ** 20;
const hugePageBytes = 2 ** 21;

/** The class of a block of up to 2³⁰ bytes. */
function classOf(bytes: number): number {
  if (bytes <= leastBytes) return 0;
  const exponent = 31 - Math.clz32(bytes - 1);
  const quarter = ((bytes - 1) >>> (exponent - 2)) & 3;
  return 1 + 4 * (exponent - leastExponent) + quarter;
}

function bytesOf(sizeClass: number): number {
  if (sizeClass === 0) return leastBytes;
  const exponent = leastExponent + ((sizeClass - 1) >>> 2);
  return (5 + ((sizeClass - 1) & 3)) * 2 ** (exponent - 2);
}

function allocate(bytes: number): Uint8Array {
  try {
    if (bytes < alignedFromBytes) return new Uint8Array(new ArrayBuffer(bytes));
    const unit = bytes < hugeFromBytes ? lineBytes : hugePageBytes;
    const whole = Math.ceil(bytes / unit) * unit;
    const buffer = new ArrayBuffer(whole + unit);
    const beyond = addon().alignment(new Uint8Array(buffer), unit);
    const start = (unit - beyond) % unit;
    if (unit === hugePageBytes) addon().mapPages(new Uint8Array(buffer, start, whole));
    return new Uint8Array(buffer, start, bytes);
  } catch (cause) {
    if (!isError(cause) || cause.name !== 'RangeError') throw cause;
    return fail('ERR_ADDON', `there is not enough memory for an array of ${bytes} bytes.`);
  }
}

/** @internal */
export class Pool {
  readonly #mostFreeBytes: number;
  readonly #free: Uint8Array[][] = [];
  #freeBytes = 0;

  /** Keeps up to so many bytes that nobody uses. */
  constructor(mostFreeBytes: number) {
    this.#mostFreeBytes = mostFreeBytes;
  }

  get freeBytes(): number {
    return this.#freeBytes;
  }

  /** A block of at least so many bytes, which hold anything. */
  take(bytes: number): Uint8Array {
    if (bytes > mostPooledBytes) return allocate(bytes);
    const sizeClass = classOf(bytes);
    const block = this.#free[sizeClass]?.pop();
    if (!block) return allocate(bytesOf(sizeClass));
    this.#freeBytes -= block.length;
    return block;
  }

  /** Gives back a block that was taken here, once; nobody may use it from now on. */
  give(block: Uint8Array): void {
    const {length} = block;
    if (length > mostPooledBytes || this.#freeBytes + length > this.#mostFreeBytes) return;
    const sizeClass = classOf(length);
    const list = this.#free[sizeClass];
    if (list) list.push(block);
    else this.#free[sizeClass] = [block];
    this.#freeBytes += length;
  }
}

/** That of this thread. */
export const pool = new Pool(2 ** 26);
