// From a graph to a program that runs: the one place where the compiler meets the runtime.
import {type Compiled, type CompileRequest, compileStages, type Stages} from '../compile/index.ts';
import {dtypes, type TypedArray} from '../core/dtype.ts';
import {fail} from '../core/errors.ts';
import {sizeOf} from '../core/shape.ts';
import {type Tensor, type Variable, variableOf} from '../core/tensor.ts';
import {callsOf} from '../graph/walk.ts';
import type {IoSlot, Plan} from '../plan.ts';
import {Program, type ProgramRunOptions, type RunResult} from '../runtime/program.ts';
import type {VariableStore} from './store.ts';

export interface ProgramRequest extends Pick<CompileRequest, 'outputs' | 'updates' | 'guards' | 'passes'> {
  /** Must hold all variables of the graph. */
  readonly store: VariableStore;
  readonly isa?: string;
}

export type Arrays = Readonly<Record<string, TypedArray>>;

export interface RunArrays extends ProgramRunOptions {
  /** Where results go: size × steps elements each. What is left out is allocated. */
  readonly outputs?: Arrays;
}

export type RunOutcome = RunResult & {readonly outputs: Record<string, TypedArray>};

/** A plan with its native program and the store it works on. */
export class CompiledProgram {
  readonly plan: Plan;
  readonly store: VariableStore;
  /** Makes every run add up the time of each instruction. */
  profiling = false;
  /** Steps committed by all runs. */
  stepsRun = 0;
  readonly #program: Program;
  readonly #stages: () => Stages;

  constructor({plan, stages}: Compiled, store: VariableStore, isa: string | undefined) {
    this.plan = plan;
    this.store = store;
    this.#stages = stages;
    this.#program = new Program(plan, isa === undefined ? {} : {isa});
  }

  async run(inputs: Arrays, options: RunArrays = {}): Promise<RunOutcome> {
    const {outputs, ...rest} = this.#prepare(options);
    return this.#finish(await this.#program.run(this.#state, {...inputs, ...outputs}, rest), outputs);
  }

  /** On the calling thread. */
  runSync(inputs: Arrays, options: RunArrays = {}): RunOutcome {
    const {outputs, ...rest} = this.#prepare(options);
    return this.#finish(this.#program.runSync(this.#state, {...inputs, ...outputs}, rest), outputs);
  }

  /** Nanoseconds spent in each instruction by runs that profiled. */
  profile(): Float64Array {
    return this.#program.profile();
  }

  stages(): Stages {
    return this.#stages();
  }

  get #state(): VariableStore['state'] | undefined {
    return this.plan.stateBytes > 0 ? this.store.state : undefined;
  }

  #prepare({outputs: given = {}, ...rest}: RunArrays): ProgramRunOptions & {
    outputs: Record<string, TypedArray>;
  } {
    const slots = this.plan.io.filter(({output}) => output);
    const arrays = slots.map(
      slot => [slot.name, given[slot.name] ?? allocate(slot, rest.steps ?? 1)] as const,
    );
    return {...rest, ...(this.profiling && {profile: true}), outputs: Object.fromEntries(arrays)};
  }

  #finish(result: RunResult, outputs: Record<string, TypedArray>): RunOutcome {
    this.stepsRun += result.steps;
    return {...result, outputs};
  }
}

/** Shared memory cannot be transferred away under a running kernel. */
function allocate({dtype, shape}: IoSlot, steps: number): TypedArray {
  const length = sizeOf(shape) * steps;
  return new dtypes[dtype].array(new SharedArrayBuffer(length * dtypes[dtype].bytes), 0, length);
}

export type CompileListener = (program: CompiledProgram) => void;

let listener: CompileListener | undefined;

/** Calls `listen` with every program that is compiled from now on: `explain` watches any example this way. */
export function onCompile(listen: CompileListener | undefined): void {
  listener = listen;
}

/** The variables that a graph reads or updates, in order. */
export function variablesOf(
  tensors: readonly Tensor[],
  updates: ProgramRequest['updates'] = [],
): readonly Variable[] {
  const all = [...tensors, ...updates.map(([, value]) => value)];
  const read = callsOf(all).flatMap(call => variableOf(call.outputs[0] as Tensor) ?? []);
  return [...new Set([...read, ...updates.map(([variable]) => variable)])];
}

/** @throws ERR_GRAPH where a variable is not in the store. */
export function compileProgram(request: ProgramRequest): CompiledProgram {
  const {store, isa, outputs, updates = [], guards = []} = request;
  const variables = variablesOf([...Object.values(outputs), ...guards], updates);
  const absent = variables.find(variable => !store.has(variable));
  if (absent) fail('ERR_GRAPH', `compile: the variable ${absent.name} has no memory in this store.`);
  const compiled = compileStages({
    ...request,
    stateOffset: variable => store.offsetOf(variable),
    stateBytes: variables.length > 0 ? store.byteLength : 0,
  });
  const program = new CompiledProgram(compiled, store, isa);
  listener?.(program);
  return program;
}
