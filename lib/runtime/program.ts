import type {TypedArray} from '../core/dtype.ts';
import {ChainruleError, fail} from '../core/errors.ts';
import type {GuardKind} from '../core/tensor.ts';
import type {Plan} from '../plan.ts';
import {addon, type NativeProgram, type RunWords, runEnds} from './addon.ts';
import {checkArray, holdMemory, keepSafe} from './arrays.ts';
import type {State} from './state.ts';
import {turns} from './turns.ts';

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
  /** Where it is short and the executor has nothing to do, it is made on this thread, which is sooner. */
  readonly inline?: boolean;
  readonly profile?: boolean;
}

/**
 * Nanoseconds of work up to which a run is made on the thread that asks: handing it over to the executor and
 * back takes as long. Rough, as what a step's instructions cost is.
 */
const inlineUpToNs = 100e3;
const instructionNs = 30;
const flopsPerNs = 8;
const bytesPerNs = 16;

/** Runs of this thread that the executor has, or will have next. */
let handedOver = 0;

/** Arrays by the name of their io slot. */
export type IoArrays = Readonly<Record<string, TypedArray>>;

/** A verified, linked plan. It runs over any state that is large enough for it. */
export class Program {
  readonly plan: Plan;
  readonly #native: NativeProgram;
  #stepNs: number | undefined;

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
   * Runs the plan on the executor thread, off the event loop; one that is short inline, where it may be.
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
      const short = steps * this.stepNs <= inlineUpToNs;
      if ((options.urgent && turns.open) || (short && (options.inline || options.urgent))) {
        if (!turns.open) await turns.next();
        const words = this.#runInline(state, arrays, steps, options);
        if (words !== undefined) return this.#read(words);
      }
      return this.#read(await this.#handOver(state, arrays, steps, options));
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
   * Some steps on the calling thread with arrays that stay the same: what the returned function costs beyond
   * the kernels is one native call. What is not in shared memory is held for as long as the function lives.
   */
  bindSync(state: State | undefined, io: IoArrays, steps = 1): () => RunResult {
    const arrays = this.#bind(io, steps);
    const held = arrays.map((array, index) => {
      const hold = holdMemory(array);
      if (hold === undefined) fail('ERR_VALUE', `bindSync: ${this.plan.io[index]?.name} cannot be held.`);
      return hold;
    });
    const native = addon();
    // What is held lives as long as the function that refers to it.
    const kept = {bound: native.bind(this.#native, state?.native, arrays, steps, {}), held};
    const done: RunResult = {steps, end: 'done'};
    return () => {
      const words = native.runBound(kept.bound);
      return words === undefined ? done : this.#read(words);
    };
  }

  /** Whether a run that takes so long is made sooner on the thread that asks: the executor has no other. */
  runsInline(ms: number): boolean {
    return handedOver === 0 && ms * 1e6 <= inlineUpToNs;
  }

  /** Nanoseconds spent in each instruction by the runs with `profile`. */
  profile(): Float64Array {
    return addon().profile(this.#native);
  }

  /** Rough nanoseconds of a step on one thread; infinite where it has loops, whose counts are not told. */
  get stepNs(): number {
    this.#stepNs ??= this.plan.instructions.reduce(
      (sum, {depth, flops, bytes}) =>
        sum +
        (depth > 0 ? Number.POSITIVE_INFINITY : instructionNs + flops / flopsPerNs + bytes / bytesPerNs),
      0,
    );
    return this.#stepNs;
  }

  /** Undefined where it would have to wait for others. */
  #runInline(
    state: State | undefined,
    arrays: readonly TypedArray[],
    steps: number,
    options: ProgramRunOptions,
  ): RunWords | undefined {
    if (options.urgent) return addon().runAtOnce(this.#native, state?.native, arrays, steps, options);
    if (handedOver > 0) return undefined;
    return addon().runSync(this.#native, state?.native, arrays, steps, options);
  }

  async #handOver(
    state: State | undefined,
    arrays: readonly TypedArray[],
    steps: number,
    options: ProgramRunOptions,
  ): Promise<RunWords> {
    const safe = arrays.map(array => keepSafe(array));
    handedOver++;
    try {
      return await addon().run(this.#native, state?.native, safe, steps, options);
    } finally {
      handedOver--;
    }
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
