import {dtypes, type TypedArray} from '../core/dtype.ts';
import {ChainruleError, fail} from '../core/errors.ts';
import {formatShape, sizeOf} from '../core/shape.ts';
import type {GuardKind} from '../core/tensor.ts';
import type {IoSlot, Plan} from '../plan.ts';
import {addon, type NativePin, type NativeProgram, type RunWords, runEnds} from './addon.ts';
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

/** Arrays by the name of their io slot. */
export type IoArrays = Readonly<Record<string, TypedArray>>;

function isResizable(buffer: ArrayBufferLike): boolean {
  const {resizable, growable} = buffer as {resizable?: boolean; growable?: boolean};
  return resizable === true || growable === true;
}

/** Refuses what native code could not read safely for the whole run. */
function checkArray(slot: IoSlot, array: TypedArray | undefined, steps: number): TypedArray {
  const where = `${slot.output ? 'result' : 'input'} ${JSON.stringify(slot.name)}`;
  if (array === undefined) fail('ERR_VALUE', `${where} is missing.`);
  const {array: expected} = dtypes[slot.dtype];
  if (!(array instanceof expected)) {
    const received = (array as object).constructor.name;
    fail('ERR_DTYPE', `${where}: expected ${expected.name} for ${slot.dtype}. Received ${received}.`);
  }
  if (isResizable(array.buffer)) {
    fail(
      'ERR_DETACHED',
      `${where}: its buffer can change its size while it is read. Pass a copy of fixed size.`,
    );
  }
  const dynamic = slot.shape[0] === -1;
  const block = sizeOf(dynamic ? slot.shape.slice(1) : slot.shape);
  if (array.length === 0 && array.byteLength === 0 && isDetached(array)) {
    fail(
      'ERR_DETACHED',
      `${where}: its buffer was transferred away. Pass an array that still has its memory.`,
    );
  }
  const fits = dynamic
    ? block === 0 || array.length % block === 0
    : array.length >= block * (slot.perStep ? steps : 1);
  if (!fits) {
    const wanted = dynamic ? `rows of ${block}` : `${block}${slot.perStep ? ` x ${steps} steps` : ''}`;
    fail(
      'ERR_SHAPE',
      `${where} ${formatShape(slot.shape)}: expected ${wanted} elements. Received ${array.length}.`,
    );
  }
  return array;
}

/** A detached buffer cannot be viewed again; an empty one can. */
function isDetached(array: TypedArray): boolean {
  try {
    new Uint8Array(array.buffer);
    return false;
  } catch {
    return true;
  }
}

const pins = new WeakMap<ArrayBufferLike, NativePin>();

/**
 * What native code may read while JavaScript goes on: memory that is shared cannot be taken away; other memory is
 * held, or where the engine does not allow that, copied once.
 */
function keepSafe(array: TypedArray, kept: unknown[]): TypedArray {
  const {buffer} = array;
  if (buffer instanceof SharedArrayBuffer) return array;
  const pin = pins.get(buffer) ?? addon().pin(array);
  if (pin !== undefined) {
    pins.set(buffer, pin);
    kept.push(pin);
    return array;
  }
  const {array: Constructor} = Object.values(dtypes).find(
    row => array instanceof row.array,
  ) as (typeof dtypes)['uint8'];
  const copy = new Constructor(new SharedArrayBuffer(array.byteLength), 0, array.length);
  copy.set(array);
  return copy;
}

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

  /** Runs the plan on the executor thread, off the event loop. Outputs must be SharedArrayBuffer-backed. */
  async run(state: State | undefined, io: IoArrays, options: ProgramRunOptions = {}): Promise<RunResult> {
    const kept: unknown[] = [];
    const arrays = this.#bind(io, options.steps ?? 1).map(array => keepSafe(array, kept));
    try {
      const words = await addon().run(this.#native, state?.native, arrays, options.steps ?? 1, options);
      return this.#read(words);
    } catch (cause) {
      throw toChainruleError(cause);
    } finally {
      kept.length = 0;
    }
  }

  /** Runs the plan on the calling thread, alone; waits for one commit at most. */
  runSync(state: State | undefined, io: IoArrays, options: ProgramRunOptions = {}): RunResult {
    const arrays = this.#bind(io, options.steps ?? 1);
    try {
      return this.#read(addon().runSync(this.#native, state?.native, arrays, options.steps ?? 1, options));
    } catch (cause) {
      throw toChainruleError(cause);
    }
  }

  /** Nanoseconds spent in each instruction by the runs with `profile`. */
  profile(): Float64Array {
    return addon().profile(this.#native);
  }

  #bind(io: IoArrays, steps: number): TypedArray[] {
    return this.plan.io.map(slot => checkArray(slot, io[slot.name], steps));
  }

  #read([steps, end, guard, position, value, anomaly]: RunWords): RunResult {
    const how = runEnds[end as number];
    if (how === 'memory') fail('ERR_ADDON', 'there is not enough memory for this plan.');
    const result = {steps: steps as number, end: how as RunResult['end']};
    if (how !== 'guard') return result;
    const {kind, scope, source} = this.plan.guards[guard as number] as Plan['guards'][number];
    const found = {kind, scope, source, position: position as number, value: value as number};
    const instruction = this.plan.instructions[anomaly as number];
    if (instruction === undefined) return {...result, guard: found};
    const {name, scope: at} = instruction;
    return {...result, guard: found, anomaly: {instruction: anomaly as number, name, scope: at}};
  }
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
