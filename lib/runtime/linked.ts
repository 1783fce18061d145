// A plan that is run at once, on whatever arrays each call brings.
import {fail} from '../core/errors.ts';
import {addon, type RunWords, runEnds} from './addon.ts';
import {toChainruleError} from './program.ts';

/** Memory as a call reads and writes it: its first bytes, in the order and type that the plan says. */
export type Memory = ArrayBufferView;

/** The guard that ended a call, by its number in the plan; its first number that is not -1, and where. */
export interface CallGuard {
  readonly number: number;
  readonly position: number;
  readonly value: number;
}

let kernels: ReadonlySet<string> | undefined;

/** Whether there is a kernel, or an elementwise op, of this signature. */
export function hasKernel(signature: string): boolean {
  kernels ??= new Set(addon().signatures());
  return kernels.has(signature);
}

/** A run that was started and is made meanwhile. Its arrays are its own until it is finished. */
export class PendingRun {
  readonly #number: number;
  /** Lives as long as it may be read or written. */
  #arrays: readonly Memory[] | undefined;
  #guard: CallGuard | undefined;
  #ended: Promise<void> | undefined;

  constructor(number: number, arrays: readonly Memory[]) {
    this.#number = number;
    this.#arrays = arrays;
  }

  /**
   * Waits for the end: the guard that failed, if one did.
   *
   * @throws ERR_ADDON where there was not enough memory.
   */
  finish(): CallGuard | undefined {
    if (!this.#arrays) return this.#guard;
    const words = addon().finishLinked(this.#number);
    this.#arrays = undefined;
    this.#guard = words && readWords(words);
    return this.#guard;
  }

  /** Settles when it has ended. */
  get ended(): Promise<void> {
    this.#ended ??= this.#arrays ? addon().awaitLinked(this.#number) : Promise.resolve();
    return this.#ended;
  }
}

/** @internal */
export class LinkedPlan {
  readonly #number: number;

  /** @throws ERR_PLAN if the plan is malformed or was made for other kernels. */
  constructor(words: Int32Array, signatures: readonly string[]) {
    try {
      this.#number = addon().link(words, signatures);
    } catch (cause) {
      throw toChainruleError(cause);
    }
  }

  /**
   * Runs on the arrays of the io slots, in order: results first. The guard that failed, if one did.
   *
   * @throws ERR_PLAN where an array is too short for its slot, or results overlap.
   */
  call(arrays: readonly Memory[]): CallGuard | undefined {
    const words = this.#run(arrays);
    return words && readWords(words);
  }

  /**
   * The same, but work that is worth it is only started. Until that has ended the arrays stay as they are:
   * what it reads unchanged, what it writes unread. Runs that were started are made in their order. `failed`
   * where it was made at once, and a guard failed. `rows` for plans over rows, of which each call has a
   * number.
   *
   * @throws ERR_PLAN where there cannot be so many.
   */
  start(arrays: readonly Memory[], rows?: number): PendingRun | 'failed' | undefined {
    const {startLinked, startLinkedRows} = addon();
    const begun =
      rows === undefined
        ? startLinked(this.#number, ...arrays)
        : startLinkedRows(this.#number, rows, ...arrays);
    if (typeof begun === 'number') return new PendingRun(begun, arrays);
    return begun && readWords(begun) ? 'failed' : undefined;
  }

  /** Frees it; it must not be called again, for another may have its number. */
  unlink(): void {
    addon().unlink(this.#number);
  }

  #run(arrays: readonly Memory[]): RunWords | undefined {
    const {callLinked} = addon();
    const [a, b, c, d] = arrays;
    // A call with the usual few arrays is made without a list of them.
    switch (arrays.length) {
      case 2:
        return callLinked(this.#number, a as Memory, b as Memory);
      case 3:
        return callLinked(this.#number, a as Memory, b as Memory, c as Memory);
      case 4:
        return callLinked(this.#number, a as Memory, b as Memory, c as Memory, d as Memory);
      default:
        return callLinked(this.#number, ...arrays);
    }
  }
}

function readWords([, end, number, position, value]: RunWords): CallGuard | undefined {
  const reason = runEnds[end as number];
  if (reason === 'memory') fail('ERR_ADDON', 'there is not enough memory for this op.');
  if (reason !== 'guard') return undefined;
  return {number: number as number, position: position as number, value: value as number};
}
