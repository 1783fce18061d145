import {dtypes, type TypedArray} from '../core/dtype.ts';
import {ChainruleError, fail, isChainruleError} from '../core/errors.ts';
import {isError, isSharedMemory, show} from '../core/kinds.ts';
import type {StepRows} from '../core/step-rows.ts';
import {elementsOfSteps, type Plan, type PlanGuard, type PlanInstruction} from '../plan.ts';
import {addon, type NativeProgram, type RunOptions, type RunWords, runEnds} from './addon.ts';
import {checkArray, holdMemory, keepSafe} from './arrays.ts';
import type {State} from './state.ts';
import {turns} from './turns.ts';

/** A guard that ended a run, and the first number of it that is not -1. */
export interface FailedGuard extends Omit<PlanGuard, 'scopes' | 'iterations'> {
  readonly position: number;
  readonly value: number;
  /** Where it is of a loop: of the first iteration that has such a number, by its place in the sequences. */
  readonly iteration?: number;
}

export interface RunResult {
  /** Steps that were committed. */
  readonly steps: number;
  readonly end: 'done' | 'cancelled' | 'guard';
  readonly guard?: FailedGuard;
  /** Of the step that was not committed: the first instruction whose result was not finite. */
  readonly anomaly?: {
    readonly instruction: number;
    readonly name: string;
    readonly scope: string;
    readonly iteration?: number;
  };
}

export interface ProgramRunOptions {
  readonly steps?: number;
  /** One int32 over a SharedArrayBuffer: once it is not 0, the run ends before its next commit. */
  readonly cancel?: Int32Array;
  /** High priority: see `RunOptions`. */
  readonly highPriority?: boolean;
  /** Where it is short and the executor has nothing to do, it is made on this thread, which is sooner. */
  readonly inline?: boolean;
  readonly profile?: boolean;
  /** Of the steps, where the plan is for any number of rows; the most by default. */
  readonly rows?: StepRows | undefined;
}

/**
 * Nanoseconds of work up to which a run is made on the thread that asks: handing it over to the executor and
 * back takes as long. Rough, as what a step's instructions cost is. Twice as many where two threads share it.
 */
export const inlineUpToNs = 150e3;
const instructionNs = 30;
const flopsPerNs = 24;
const bytesPerNs = 16;

/** Runs of this thread that the executor has, or will have next. */
let handedOver = 0;

/** Arrays by the name of their io slot. */
export type IoArrays = Readonly<Record<string, TypedArray>>;

/** Runs steps over bound arrays, of so many rows each; of the most by default. */
export type BoundRun = (steps: number, rows?: StepRows) => RunResult;

/** A verified, linked plan. It runs on any state that is large enough. */
export class Program {
  readonly plan: Plan;
  readonly #native: NativeProgram;
  /** Nanoseconds of a step of the most rows, and of one of few. */
  #stepNs: readonly [most: number, few: number] | undefined;
  /** Under way, or waiting for their turn. */
  #runs = 0;
  #mayRelease = false;

  /** @throws ERR_PLAN if the plan is malformed or was made for other kernels. */
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
   * @throws ERR_VALUE if a result is not in shared memory: other memory could be transferred away meanwhile,
   * and some engines would have to copy it.
   */
  async run(state: State | undefined, io: IoArrays, options: ProgramRunOptions = {}): Promise<RunResult> {
    const steps = stepsOf(options);
    const arrays = this.#bind(io, steps, options.rows);
    for (const [index, {name, output}] of this.plan.io.entries()) {
      if (!output || isSharedMemory(arrays[index]?.buffer)) continue;
      fail('ERR_VALUE', `result ${JSON.stringify(name)}: expected an array over a SharedArrayBuffer.`);
    }
    state?.beginRun();
    this.#runs++;
    try {
      const short = steps * this.stepNs(options.rows?.rows) <= inlineUpToNs;
      if ((options.highPriority && turns.open) || (short && (options.inline || options.highPriority))) {
        if (!turns.open) await turns.next();
        const words = this.#runInline(state, arrays, steps, options);
        if (words !== undefined) return this.#read(words);
      }
      return this.#read(await this.#handOver(state, arrays, steps, options));
    } catch (cause) {
      throw toChainruleError(cause);
    } finally {
      state?.endRun();
      this.#runs--;
      if (this.#mayRelease) this.release();
    }
  }

  /** Frees what its runs work in, now or when the last of them ends. A later run takes memory anew. */
  release(): void {
    this.#mayRelease = this.#runs > 0;
    if (!this.#mayRelease) addon().releaseArenas(this.#native);
  }

  /**
   * Runs the plan on the calling thread. The executor's thread takes part in a long run that writes no state,
   * if it has no other. Waits at most for one commit of another run.
   */
  runSync(state: State | undefined, io: IoArrays, options: ProgramRunOptions = {}): RunResult {
    const steps = stepsOf(options);
    const arrays = this.#bind(io, steps, options.rows);
    try {
      return this.#read(addon().runSync(this.#native, state?.native, arrays, steps, toNative(options)));
    } catch (cause) {
      throw toChainruleError(cause);
    }
  }

  /**
   * Steps on the calling thread with arrays that stay the same, which have room for so many of so many rows:
   * what the returned function costs beyond the kernels is one native call. What is not in shared memory is
   * held for as long as the function lives.
   */
  bindSync(state: State | undefined, io: IoArrays, room: number, rows?: StepRows): BoundRun {
    const arrays = this.#bind(io, room, rows);
    const held = arrays.map((array, index) => {
      const hold = holdMemory(array);
      if (hold === undefined) fail('ERR_VALUE', `bindSync: ${this.plan.io[index]?.name} cannot be held.`);
      return hold;
    });
    const native = addon();
    // All that the bound run points to lives as long as the function that refers to it, and no longer.
    const bound = native.bind(this.#native, state?.native, arrays, room, toNative({rows}));
    const kept = {bound, program: this.#native, state, arrays, held};
    let done: RunResult = {steps: room, end: 'done'};
    return (steps, of) => {
      const short = of?.short;
      const words = short
        ? native.runBound(kept.bound, steps, of.rows, short.rows, short.every, short.phase)
        : native.runBound(kept.bound, steps, of ? of.rows : 0, 0, 0, 0);
      if (words !== undefined) return this.#read(words);
      if (done.steps !== steps) done = {steps, end: 'done'};
      return done;
    };
  }

  /**
   * Whether a run that takes one thread so long is made sooner on the thread that asks: the executor has no
   * other. One that writes no state is made beside the executor's thread, in half of the time.
   */
  runsInline(ms: number, writesState: boolean): boolean {
    const ns = ms * 1e6;
    if (handedOver > 0 || ns > 2 * inlineUpToNs) return false;
    return ns <= inlineUpToNs || (!writesState && getThreads() > 1);
  }

  /** Nanoseconds spent in each instruction by the runs with `profile`. */
  profile(): Float64Array {
    return addon().profile(this.#native);
  }

  /**
   * Rough nanoseconds of a step on one thread, of the most rows by default.
   */
  stepNs(rows?: number): number {
    const {instructions, rows: own} = this.plan;
    this.#stepNs ??= [nsOf(instructions), own ? nsOf(own.few.instructions) : 0];
    const [most, few] = this.#stepNs;
    if (!own || rows === undefined) return most;
    return few + ((most - few) * (rows - own.few.rows)) / (own.most - own.few.rows);
  }

  /** What the kernels of a step are expected to take one thread: of so many rows, or the most. */
  kernelNs(rows?: number): number {
    return addon().costNs(this.#native, (this.plan.rows && rows) ?? 0);
  }

  /** Undefined where it would have to wait for others. */
  #runInline(
    state: State | undefined,
    arrays: readonly TypedArray[],
    steps: number,
    options: ProgramRunOptions,
  ): RunWords | undefined {
    const native = toNative(options);
    if (options.highPriority) return addon().runInline(this.#native, state?.native, arrays, steps, native);
    if (handedOver > 0) return undefined;
    return addon().runSync(this.#native, state?.native, arrays, steps, native);
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
      return await addon().run(this.#native, state?.native, safe, steps, toNative(options));
    } finally {
      handedOver--;
    }
  }

  #bind(io: IoArrays, steps: number, rows: StepRows | undefined): TypedArray[] {
    const {plan} = this;
    return plan.io.map(slot =>
      checkArray(slot, io[slot.name], elementsOfSteps(plan, slot, steps, rows), steps),
    );
  }

  /** The words of a run in readable form. */
  #read([steps, end, guard, position, value, anomaly, iteration, anomalyIteration]: RunWords): RunResult {
    const reason = runEnds[end as number];
    if (reason === 'memory') fail('ERR_ADDON', 'there is not enough memory for this plan.');
    const result = {steps: steps as number, end: reason as RunResult['end']};
    if (reason !== 'guard') return result;
    const {kind, scope, scopes, source, sizes} = this.plan.guards[guard as number] as PlanGuard;
    const failed = {
      kind,
      scope: scopes?.[position as number] ?? scope,
      source,
      sizes,
      position: position as number,
      value: value as number,
      ...iterationOf(iteration as number),
    };
    const instruction = this.plan.instructions[anomaly as number];
    if (instruction === undefined) return {...result, guard: failed};
    const {name, scope: at, reversed} = instruction;
    const found = {instruction: anomaly as number, name, scope: at};
    return {
      ...result,
      guard: failed,
      anomaly: {...found, ...iterationOf(anomalyIteration as number, reversed)},
    };
  }
}

/** -1 outside of loops. */
function iterationOf(iteration: number, reversed?: number): {readonly iteration?: number} {
  if (iteration < 0) return {};
  return {iteration: reversed === undefined ? iteration : reversed - 1 - iteration};
}

/** Rough nanoseconds of an instruction on one thread, each time that it runs. */
export function instructionTime({flops, bytes}: Pick<PlanInstruction, 'flops' | 'bytes'>): number {
  return instructionNs + flops / flopsPerNs + bytes / bytesPerNs;
}

function nsOf(instructions: readonly PlanInstruction[]): number {
  return instructions.reduce((sum, instruction) => sum + instruction.times * instructionTime(instruction), 0);
}

function toNative({rows: of, ...options}: ProgramRunOptions): RunOptions {
  if (!of) return options;
  const {rows, short} = of;
  if (!short) return {...options, rows};
  return {...options, rows, lastRows: short.rows, every: short.every, phase: short.phase};
}

/** @throws ERR_OPTION */
function stepsOf({steps = 1, cancel}: ProgramRunOptions): number {
  if (!Number.isInteger(steps) || steps < 0 || steps > 0x7fffffff) {
    fail('ERR_OPTION', `run: steps: expected an integer from 0. Received ${show(steps)}.`);
  }
  const shared = dtypes.int32.isArray(cancel) && isSharedMemory(cancel.buffer) && cancel.length > 0;
  if (cancel !== undefined && !shared) {
    fail('ERR_OPTION', 'run: cancel: expected an Int32Array over a SharedArrayBuffer.');
  }
  return steps;
}

/** What native code threw, with the code of its kind. */
export function toChainruleError(cause: unknown): Error {
  if (isChainruleError(cause) || !isError(cause)) return cause as Error;
  return new ChainruleError('ERR_PLAN', cause.message, {cause});
}

/** Sets the threads of later runs, in the whole process. By default all CPUs that the process may use. */
export function setThreads(count: number): void {
  if (!Number.isInteger(count) || count < 1 || count > 1024) {
    fail('ERR_OPTION', `setThreads: expected an integer from 1 to 1024. Received ${show(count)}.`);
  }
  addon().setThreads(count);
}

export function getThreads(): number {
  return addon().threads();
}

/** The instruction sets of this build that this CPU has, best first; the one in use; CPUs of this process. */
export function nativeInfo(): {isas: string[]; isa: string; cpus: number} {
  return addon().info();
}

/** The types of elements as native code knows them, in the order of their codes. */
export function nativeDtypes(): {name: string; short: string; bytes: number; computed: string}[] {
  return addon().dtypes();
}

/** Signatures of all kernels and elementwise ops of an instruction set; the one in use by default. */
export function nativeSignatures(isa?: string): string[] {
  return addon().signatures(isa);
}
