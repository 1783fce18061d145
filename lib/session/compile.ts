// From a graph to a program that runs: the one place where the compiler meets the runtime.
import {type Compiled, type CompileRequest, compileStages, type Stages} from '../compile/index.ts';
import {dtypes, type TypedArray} from '../core/dtype.ts';
import {fail} from '../core/errors.ts';
import {isSharedMemory, show, typedArrayName} from '../core/kinds.ts';
import type {StepRows} from '../core/step-rows.ts';
import {originalOf, type Tensor, type Variable, variableOf} from '../core/tensor.ts';
import {callsOf} from '../graph/walk.ts';
import {elementsOfSteps, type IoSlot, type Plan} from '../plan.ts';
import {keepSafe} from '../runtime/arrays.ts';
import {Program, type ProgramRunOptions, type RunResult} from '../runtime/program.ts';
import {turns} from '../runtime/turns.ts';
import {isShared, programOf, sharedPlan} from './shared-plans.ts';
import type {VariableStore} from './store.ts';

export interface ProgramRequest
  extends Pick<CompileRequest, 'outputs' | 'updates' | 'guards' | 'passes' | 'precision'> {
  /** Must hold all variables of the graph. */
  readonly store: VariableStore;
  readonly isa?: string;
}

export {keepSafe, turns};

export type Arrays = Readonly<Record<string, TypedArray>>;

export interface RunArrays extends ProgramRunOptions {
  /** Where results go: size × steps elements each. Arrays that are left out are allocated. */
  readonly outputs?: Arrays;
}

export type RunOutcome = RunResult & {readonly outputs: Record<string, TypedArray>};

export interface BoundProgram {
  /** Results of the last run stand in front. */
  readonly outputs: Readonly<Record<string, TypedArray>>;
  /** Runs some steps, as many as there is room for by default. */
  run(steps?: number, rows?: StepRows): RunResult;
  /** Keeps the state's numbers for a run that comes later, until what it gives is called. */
  hold(): () => void;
}

/** A plan with its native program and the store it works on. */
export class CompiledProgram {
  readonly plan: Plan;
  readonly store: VariableStore;
  /** Makes every run measure the time of each instruction. */
  profiling = false;
  /** Steps committed by all runs. */
  stepsRun = 0;
  readonly #program: Program;
  readonly #stages: () => Stages;
  readonly #writesState: boolean;
  /** The store whose offsets the plan has. */
  readonly #layout: VariableStore;

  constructor({plan, stages}: Compiled, store: VariableStore, isa: string | undefined) {
    this.plan = plan;
    this.store = store;
    this.#layout = store.current;
    this.#stages = stages;
    this.#writesState = plan.instructions.some(({phase}) => phase === 'commit');
    this.#program = isa === undefined ? programOf(plan) : new Program(plan, {isa});
  }

  /**
   * Runs off the event loop. Results are written to shared memory, which cannot be transferred away under a
   * kernel, and then copied to those arrays of `outputs` that are not shared.
   *
   * @throws ERR_MODEL_BUSY if the plan writes to a state that another run is writing to.
   */
  async run(inputs: Arrays, {outputs: given = {}, ...options}: RunArrays = {}): Promise<RunOutcome> {
    const shared = Object.entries(given).filter(([, {buffer}]) => isSharedMemory(buffer));
    const outputs = this.#outputs(Object.fromEntries(shared), options);
    const end = this.#beginWrite();
    try {
      const io = {...inputs, ...outputs};
      const result = await this.#program.run(this.#state, io, this.#options(options));
      return this.#finish(result, copyBack(outputs, given));
    } finally {
      end();
    }
  }

  /** The same on the calling thread. */
  runSync(inputs: Arrays, {outputs: given = {}, ...options}: RunArrays = {}): RunOutcome {
    // Nobody can transfer away what is read and written before this returns, and plain memory is made sooner.
    const outputs = this.#outputs(given, options, ArrayBuffer);
    const end = this.#beginWrite();
    try {
      const io = {...inputs, ...outputs};
      return this.#finish(this.#program.runSync(this.#state, io, this.#options(options)), outputs);
    } finally {
      end();
    }
  }

  /**
   * Steps on the calling thread, over and over, with the same arrays, which have room for so many steps of so
   * many rows. For as long as the store has the state that it has now.
   */
  bindSync(inputs: Arrays, room = 1, rows?: StepRows): BoundProgram {
    const outputs = this.#outputs({}, {steps: room, rows});
    const state = this.#state;
    const io = Object.fromEntries(
      this.plan.io.map(({name}) => [name, outputs[name] ?? (inputs[name] as TypedArray)]),
    );
    const run = this.#program.bindSync(state, io, room, rows);
    return {
      outputs,
      hold() {
        state?.beginRun();
        return () => state?.endRun();
      },
      run: (steps = room, of = rows) => {
        if (state && this.#writesState) state.beginWrite('run');
        try {
          const result = run(steps, of);
          this.stepsRun += result.steps;
          return result;
        } finally {
          if (state && this.#writesState) state.endWrite();
        }
      },
    };
  }

  /** Whether steps that take so many milliseconds are made sooner on the thread that asks. */
  runsInline(steps: number, msPerStep: number): boolean {
    return !this.profiling && this.#program.runsInline(steps * msPerStep, this.#writesState);
  }

  /** Rough nanoseconds of a step on one thread, of the most rows by default. */
  stepNs(rows?: number): number {
    return this.#program.stepNs(rows);
  }

  /** What the kernels of a step are expected to take one thread: of so many rows, or the most. */
  kernelNs(rows?: number): number {
    return this.#program.kernelNs(rows);
  }

  /** Elements of an array in a run. */
  elementsOf(slot: IoSlot, steps: number, rows?: StepRows): number {
    return elementsOfSteps(this.plan, slot, steps, rows);
  }

  /** Nanoseconds spent in each instruction by all runs with `profiling`. */
  profile(): Float64Array {
    return this.#program.profile();
  }

  /** Its owner lets go of it: what its runs work in is freed, unless other models may have it too. */
  release(): void {
    if (!isShared(this.plan)) this.#program.release();
  }

  stages(): Stages {
    return this.#stages();
  }

  /** False once the variables have moved into the memory of a larger model. */
  get inPlace(): boolean {
    return this.store.current === this.#layout;
  }

  get #state(): VariableStore['state'] | undefined {
    if (!this.inPlace) {
      fail('ERR_GRAPH', 'run: the variables have become part of a larger model since; compile again.');
    }
    return this.plan.stateBytes > 0 ? this.store.state : undefined;
  }

  /** Marks the state as being written, if this plan writes to it; returns the function that ends that. */
  #beginWrite(): () => void {
    const state = this.#state;
    if (!state || !this.#writesState) return () => {};
    state.beginWrite('run');
    return () => state.endWrite();
  }

  #outputs(
    given: Arrays,
    {steps = 1, rows}: ProgramRunOptions,
    memory: Memory = SharedArrayBuffer,
  ): Record<string, TypedArray> {
    const outputs: Record<string, TypedArray> = {};
    for (const slot of this.plan.io) {
      if (!slot.output) continue;
      outputs[slot.name] = given[slot.name] ?? allocate(slot, this.elementsOf(slot, steps, rows), memory);
    }
    return outputs;
  }

  #options(options: ProgramRunOptions): ProgramRunOptions {
    return this.profiling ? {...options, profile: true} : options;
  }

  #finish(result: RunResult, outputs: Record<string, TypedArray>): RunOutcome {
    this.stepsRun += result.steps;
    return {...result, outputs};
  }
}

type Memory = new (bytes: number) => ArrayBufferLike;

function allocate({dtype}: IoSlot, length: number, memory: Memory): TypedArray {
  return new dtypes[dtype].array(new memory(length * dtypes[dtype].bytes), 0, length);
}

/** Copies results to the arrays that were given for them. @throws ERR_SHAPE, ERR_DTYPE */
function copyBack(outputs: Arrays, given: Arrays): Record<string, TypedArray> {
  const arrays = Object.entries(outputs).map(([name, result]) => {
    const target = given[name];
    if (!target || target === result) return [name, result] as const;
    if (typedArrayName(target) !== typedArrayName(result)) {
      fail('ERR_DTYPE', `run: the result ${name} is ${show(result)}.`);
    }
    if (target.length < result.length) {
      fail('ERR_SHAPE', `run: the result ${name} has ${result.length} elements. Received ${target.length}.`);
    }
    target.set(result);
    return [name, target] as const;
  });
  return Object.fromEntries(arrays);
}

export type CompileListener = (program: CompiledProgram) => void;

let listener: CompileListener | undefined;

/** Calls `listen` with every program that is compiled from now on; `explain` watches examples this way. */
export function onCompile(listen: CompileListener | undefined): void {
  listener = listen;
}

/** Tells who listens of a program that was compiled in another way. */
export function announce(program: CompiledProgram): void {
  listener?.(program);
}

/** The variables that a graph reads or updates, in order. */
export function variablesOf(
  tensors: readonly Tensor[],
  updates: ProgramRequest['updates'] = [],
): readonly Variable[] {
  const all = [...tensors, ...updates.map(([, value]) => value)];
  const leaves = callsOf(all).filter(({op}) => op.kind === 'leaf');
  const read = leaves.flatMap(({result}) => variableOf(result) ?? []);
  return [...new Set([...read, ...updates.map(([variable]) => variable)])];
}

/** The plan of a graph, and how it came about. @throws ERR_GRAPH if a variable is not in the store. */
export function compiledOf(request: ProgramRequest): Compiled {
  const {store, outputs, guards = []} = request;
  const updates = request.updates?.map(([owner, value]) => [originalOf(owner), value] as const) ?? [];
  const variables = variablesOf([...Object.values(outputs), ...guards], updates);
  const absent = variables.find(variable => !store.has(variable));
  if (absent) fail('ERR_GRAPH', `compile: the variable ${absent.name} has no memory in this store.`);
  // Who watches what is compiled wants to see it, and its own times.
  const compile = listener ? compileStages : sharedPlan;
  return compile({
    ...request,
    updates,
    stateOffset: variable => store.offsetOf(variable),
    stateBytes: variables.length > 0 ? store.byteLength : 0,
  });
}

/** @throws ERR_GRAPH if a variable is not in the store. */
export function compileProgram(request: ProgramRequest): CompiledProgram {
  const program = new CompiledProgram(compiledOf(request), request.store, request.isa);
  listener?.(program);
  return program;
}
