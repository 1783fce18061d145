import type {TypedArray} from '../core/dtype.ts';
import {ChainruleError, fail} from '../core/errors.ts';
import type {GuardKind} from '../core/tensor.ts';
import type {Plan} from '../plan.ts';
import {addon, type NativeBound, type NativeProgram, type RunWords, runEnds} from './addon.ts';
import {checkArray, keepSafe} from './arrays.ts';
import type {State} from './state.ts';

export interface RunResult {
  /** Steps whose results are in the state. */
  readonly steps: number;
  readonly end: 'done' | 'cancelled' | 'guard';
  readonly guard?: {
    readonly kind: GuardKind;
    readonly scope: string;
    /** The input whose rows were being read, for guards of gathers. */
    readonly source: string | undefined;
    readonly position: number;
    readonly value: number;
  };
  /** The first instruction of the step that stopped whose result was not finite. */
  readonly anomaly?: {readonly instruction: number; readonly name: string; readonly scope: string};
}

export interface ProgramRunOptions {
  readonly steps?: number;
  /** One int32 over a SharedArrayBuffer; the run ends before its next commit once it is not 0. */
  readonly cancel?: Int32Array;
  readonly urgent?: boolean;
  readonly profile?: boolean;
}

/**
 * Milliseconds of runs at once in this turn of the event loop. A loop that only awaits those would hold
 * everything else up for ever; after a while one is handed over, and others have their turn.
 */
let atOnceMs = 0;
const mostAtOnceMs = 0.2;

/** What a bound run points to lives as long as it does, and no longer. */
const operands = new WeakMap<NativeBound, object>();

/** Arrays by the name of their io slot. */
export type IoArrays = Readonly<Record<string, TypedArray>>;

/** A verified, linked plan. It runs over any state that is large enough for it. */
export class Program {
  readonly plan: Plan;
  readonly #native: NativeProgram;

  /** @throws ERR_PLAN when the plan is malformed or was made for other kernels. */
  constructor(plan: Plan, options: {isa?: string} = {}) {
    this.plan = plan;
    try {
      this.#native = addon().load(plan.words, plan.signatures, options.isa);
    } catch (cause) {
      throw toChainruleError(cause);
    }
  }

  /**
   * Runs the plan on the executor thread, off the event loop. An urgent one of some microseconds, less than
   * handing it over takes this thread, runs at once where it need not wait.
   *
   * @throws ERR_VALUE where a result is not in shared memory: other memory could be transferred away
   * meanwhile, and on some engines it has to be copied.
   */
  async run(state: State | undefined, io: IoArrays, options: ProgramRunOptions = {}): Promise<RunResult> {
    const steps = stepsOf(options);
    const arrays = this.#bind(io, steps);
    for (const [index, {name, output}] of this.plan.io.entries()) {
      if (!output || (arrays[index] as TypedArray).buffer instanceof SharedArrayBuffer) continue;
      fail('ERR_VALUE', `result ${JSON.stringify(name)}: expected an array over a SharedArrayBuffer.`);
    }
    try {
      const words = options.urgent ? this.#runAtOnce(state, arrays, steps, options) : undefined;
      if (words !== undefined) return this.#read(words);
      return this.#read(
        await addon().run(
          this.#native,
          state?.native,
          arrays.map(array => keepSafe(array)),
          steps,
          options,
        ),
      );
    } catch (cause) {
      throw toChainruleError(cause);
    }
  }

  /** Runs the plan on the calling thread, alone; waits for one commit at most. */
  runSync(state: State | undefined, io: IoArrays, options: ProgramRunOptions = {}): RunResult {
    const steps = stepsOf(options);
    const arrays = this.#bind(io, steps);
    try {
      return this.#read(addon().runSync(this.#native, state?.native, arrays, steps, options));
    } catch (cause) {
      throw toChainruleError(cause);
    }
  }

  /**
   * One step on the calling thread with arrays that stay the same: what the returned function costs beyond
   * the kernels is one native call. All arrays must lie in shared memory, which nobody can take away.
   */
  bindSync(state: State | undefined, io: IoArrays): () => RunResult {
    const arrays = this.#bind(io, 1);
    const unshared = arrays.findIndex(({buffer}) => !(buffer instanceof SharedArrayBuffer));
    if (unshared >= 0)
      fail('ERR_VALUE', `bindSync: ${this.plan.io[unshared]?.name} lies in no shared memory.`);
    const native = addon();
    const bound = native.bind(this.#native, state?.native, arrays, 1, {});
    operands.set(bound, {program: this.#native, state, arrays});
    const done: RunResult = {steps: 1, end: 'done'};
    return () => {
      const words = native.runBound(bound);
      return words === undefined ? done : this.#read(words);
    };
  }

  /** Nanoseconds spent in each instruction by the runs with `profile`. */
  profile(): Float64Array {
    return addon().profile(this.#native);
  }

  #runAtOnce(
    state: State | undefined,
    arrays: readonly TypedArray[],
    steps: number,
    options: ProgramRunOptions,
  ): RunWords | undefined {
    if (atOnceMs >= mostAtOnceMs) return undefined;
    if (atOnceMs === 0) setImmediate(() => (atOnceMs = 0));
    const started = performance.now();
    const words = addon().runAtOnce(this.#native, state?.native, arrays, steps, options);
    atOnceMs += performance.now() - started;
    return words;
  }

  #bind(io: IoArrays, steps: number): TypedArray[] {
    return this.plan.io.map(slot => checkArray(slot, io[slot.name], steps));
  }

  #read([steps, end, guard, position, value, anomaly]: RunWords): RunResult {
    const how = runEnds[end as number];
    if (how === 'memory') fail('ERR_ADDON', 'there is not enough memory for this plan.');
    const result = {steps: steps as number, end: how as RunResult['end']};
    if (how !== 'guard') return result;
    const {kind, scopes, source, ...test} = this.plan.guards[guard as number] as Plan['guards'][number];
    const scope = scopes?.[position as number] ?? test.scope;
    const found = {kind, scope, source, position: position as number, value: value as number};
    const instruction = this.plan.instructions[anomaly as number];
    if (instruction === undefined) return {...result, guard: found};
    const {name, scope: at} = instruction;
    return {...result, guard: found, anomaly: {instruction: anomaly as number, name, scope: at}};
  }
}

/** @throws ERR_OPTION */
function stepsOf({steps = 1, cancel}: ProgramRunOptions): number {
  if (!Number.isInteger(steps) || steps < 0 || steps > 0x7fffffff) {
    fail('ERR_OPTION', `run: steps: expected an integer from 0. Received ${String(steps)}.`);
  }
  const shared =
    cancel instanceof Int32Array && cancel.buffer instanceof SharedArrayBuffer && cancel.length > 0;
  if (cancel !== undefined && !shared) {
    fail('ERR_OPTION', 'run: cancel: expected an Int32Array over a SharedArrayBuffer.');
  }
  return steps;
}

function toChainruleError(cause: unknown): Error {
  if (cause instanceof ChainruleError || !(cause instanceof Error)) return cause as Error;
  return new ChainruleError('ERR_PLAN', cause.message, {cause});
}

/** Threads of the runs that follow, in the whole process. Default: the processors this process may use. */
export function setThreads(count: number): void {
  if (!Number.isInteger(count) || count < 1 || count > 1024) {
    fail('ERR_OPTION', `setThreads: expected an integer from 1 to 1024. Received ${String(count)}.`);
  }
  addon().setThreads(count);
}

export function getThreads(): number {
  return addon().threads();
}

/** The instruction sets of this build that this CPU has, best first, and the one in use. */
export function nativeInfo(): {isas: string[]; isa: string; cpus: number} {
  return addon().info();
}

/** Signatures of all kernels and elementwise ops of an instruction set; the one in use by default. */
export function nativeSignatures(isa?: string): string[] {
  return addon().signatures(isa);
}
