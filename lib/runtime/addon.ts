// Declares the functions of the native binary: all that TypeScript and C++ call of each other.
import type {TypedArray} from '../core/dtype.ts';
import {loadBinary} from './binary.ts';
import {warnOfCopies} from './copies.ts';

/** Opaque native objects, freed by the garbage collector. */
export type NativeProgram = {readonly __native: 'program'};
export type NativeState = {readonly __native: 'state'};
export type NativeBound = {readonly __native: 'bound'};
export type NativePin = {readonly __native: 'pin'};

/** Why a run ended, as `RunWords[1]`. */
export const runEnds = ['done', 'cancelled', 'guard', 'memory'] as const;

/**
 * What a run reports: [steps committed, why it ended (number in runEnds), guard number, first position in the
 * guard that is not -1, the value there, number of the first instruction whose result was not finite or -1,
 * and for both the iteration of a loop, or -1].
 */
export type RunWords = Int32Array;

export interface RunOptions {
  /** High priority, for predictions: runs between two instructions of a running step, before queued runs. */
  readonly highPriority?: boolean;
  /** One shared int32: once it is not 0, the run ends before its next commit. */
  readonly cancel?: Int32Array;
  /** Measures the time of each instruction, which `profile` returns. */
  readonly profile?: boolean;
  /** Of each step, where the plan is for any number of them; 0 or nothing are the most. */
  readonly rows?: number;
  /** Where `every` is not 0, each `every`th step has so many; the first is number `phase` of its cycle. */
  readonly lastRows?: number;
  readonly every?: number;
  readonly phase?: number;
}

export interface NativeAddon {
  /** Instruction sets of this build that this CPU has, best first; the one in use; CPUs of this process. */
  info(): {isas: string[]; isa: string; cpus: number};
  /** The types of elements, in the order of their codes. */
  dtypes(): {name: string; short: string; bytes: number; computed: string}[];
  /** Signatures of all kernels, then of all elementwise ops, of one instruction set. */
  signatures(isa?: string): string[];
  threads(): number;
  setThreads(count: number): void;
  /** The address of the first byte, modulo `unit`. */
  alignment(array: ArrayBufferView, unit: number): number;
  /** Has the system map the pages of an array that is about to be written, huge ones where it can. */
  mapPages(array: ArrayBufferView): void;
  /**
   * A Buffer with memory of its own, which holds anything, for a copy that may soon be dropped. Up to 8 MiB
   * it comes from the heap, while JavaScript has few arrays: what earlier copies had then serves again.
   */
  copyBuffer(bytes: number): Buffer;
  /** Wraps the bytes of a SharedArrayBuffer that hold a model's state, with the lock for its commits. */
  createState(bytes: Uint8Array): NativeState;
  /**
   * Gives the state's pages back to the system, where it has a way; they read as zeros then. No run on the
   * state may be under way, or come later.
   */
  releaseState(state: NativeState): void;
  /**
   * Keeps the memory of an array alive even if the array is transferred, as every `run` does for its arrays;
   * undefined if the engine does not allow it.
   */
  pin(array: ArrayBufferView): NativePin | undefined;
  /** Verifies and links a plan. Throws with the reason if it is malformed. */
  load(words: Int32Array, signatures: readonly string[], isa?: string): NativeProgram;
  /** Frees what runs of the program work in, which a later one takes anew. None may be under way. */
  releaseArenas(program: NativeProgram): void;
  run(
    program: NativeProgram,
    state: NativeState | undefined,
    io: readonly TypedArray[],
    steps: number,
    options: RunOptions,
  ): Promise<RunWords>;
  /** On the calling thread; a long one that writes no state with the executor's, if that has no other run. */
  runSync(
    program: NativeProgram,
    state: NativeState | undefined,
    io: readonly TypedArray[],
    steps: number,
    options: RunOptions,
  ): RunWords;
  /**
   * The same, but only for a short run that writes no state and need not wait for a commit; else undefined.
   */
  runInline(
    program: NativeProgram,
    state: NativeState | undefined,
    io: readonly TypedArray[],
    steps: number,
    options: RunOptions,
  ): RunWords | undefined;
  /**
   * Prepares a run on the calling thread that is repeated with the same arrays, which must have room for
   * these steps. The caller keeps program, state and arrays alive for as long as the result.
   */
  bind(
    program: NativeProgram,
    state: NativeState | undefined,
    io: readonly TypedArray[],
    steps: number,
    options: RunOptions,
  ): NativeBound;
  /** Runs some steps; undefined if all were committed. Throws where the arrays have no room for them. */
  runBound(
    bound: NativeBound,
    steps: number,
    rows: number,
    lastRows: number,
    every: number,
    phase: number,
  ): RunWords | undefined;
  /**
   * Verifies and links a plan without state, to be called on this thread alone; what it works in is shared by
   * all that are linked here. Returns its number. Throws with the reason if the plan is malformed.
   */
  link(words: Int32Array, signatures: readonly string[], isa?: string): number;
  /**
   * One run over an array for each io slot: a large one on the executor's team, for which the thread waits.
   * Undefined if it is done. Throws where the arrays do not fit.
   */
  callLinked(linked: number, ...arrays: readonly ArrayBufferView[]): RunWords | undefined;
  /**
   * The same, but work that is worth it is handed to the executor, and this returns at once, with the number
   * of the pending run. Runs are made in their order; from the first on, until all are finished, each that
   * is started is one. Until it is finished arrays stay as they are: those read unchanged, others unread.
   */
  startLinked(linked: number, ...arrays: readonly ArrayBufferView[]): number | RunWords | undefined;
  /** The same for so many rows, of a plan that has a table of them. Throws where it is for fewer. */
  startLinkedRows(
    linked: number,
    rows: number,
    ...arrays: readonly ArrayBufferView[]
  ): number | RunWords | undefined;
  /** Waits for the end of a run, once; its number may be given to another. Undefined if it is done. */
  finishLinked(run: number): RunWords | undefined;
  /** Settles at the end of a run, which is to be finished then or before. Once for each. */
  awaitLinked(run: number): Promise<void>;
  /** Frees it; a later one may get its number. */
  unlink(linked: number): void;
  /**
   * Nanoseconds that the kernels of a step are expected to take one thread: of so many rows, or of the most
   * for 0.
   */
  costNs(program: NativeProgram, rows: number): number;
  /** Nanoseconds spent in each instruction by all runs with `profile`. */
  profile(program: NativeProgram): Float64Array;
  /**
   * Native bytes in use; programs, states and linked plans alive; jobs under way: for tests of leaks. Runs
   * that a caller has made together with the executor's thread.
   */
  counters(): {
    bytes: number;
    programs: number;
    states: number;
    linked: number;
    jobs: number;
    beside: number;
  };
}

/**
 * OpenMP's threads spin for a while before they sleep. With two OpenMP runtimes in one process, long spinning
 * can make a kernel hundreds of times slower; short spinning is enough for both. The variable is read once,
 * when the library loads.
 */
function withShortSpinning<Result>(load: () => Result): Result {
  if (process.env.GOMP_SPINCOUNT !== undefined) return load();
  process.env.GOMP_SPINCOUNT = '1000';
  try {
    return load();
  } finally {
    delete process.env.GOMP_SPINCOUNT;
  }
}

let loaded: NativeAddon | undefined;
warnOfCopies();

function warnOfInvalidThreads({threads}: NativeAddon): void {
  const wanted = process.env.CHAINRULE_NUM_THREADS;
  if (!wanted || (/^\d+$/.test(wanted) && Number(wanted) >= 1 && Number(wanted) <= 1024)) return;
  const text = `expected an integer from 1 to 1024. Received ${wanted}; using ${threads()}.`;
  const options = {type: 'ChainruleWarning', code: 'CHAINRULE_NUM_THREADS'};
  process.emitWarning(`CHAINRULE_NUM_THREADS: ${text}`, options);
}

/**
 * The native addon, loaded at the first call. Warns if CHAINRULE_NUM_THREADS is no number of threads.
 *
 * @throws ERR_ADDON if there is no binary for this machine.
 */
export function addon(): NativeAddon {
  if (!loaded) {
    loaded = withShortSpinning(loadBinary) as NativeAddon;
    warnOfInvalidThreads(loaded);
  }
  return loaded;
}
