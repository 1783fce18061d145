// `compile(outputs)`: a graph as a function of its inputs, with the variables that it reads and updates.
import type {Stages} from '../compile/index.ts';
import type {TypedArray} from '../core/dtype.ts';
import {checkNumber, checkOptions, fail} from '../core/errors.ts';
import {checkPrecision, type Precision} from '../core/precision.ts';
import type {Tensor, Variable} from '../core/tensor.ts';
import type {Plan} from '../plan.ts';
import {type Arrays, type CompiledProgram, compileProgram, type RunOutcome, variablesOf} from './compile.ts';
import {failByGuard} from './guard-failure.ts';
import {arraysFor, type InputValues} from './inputs.ts';
import {commonStore, type VariableStore} from './store.ts';
import {inStructure, namedOutputs, type OutputTensors, type Results, type TensorValue} from './structure.ts';

export interface FunctionOptions {
  /** New values of variables, written together at the end of each call. */
  readonly updates?: readonly (readonly [variable: Variable, value: Tensor])[];
  /**
   * Results of `finite`: a call in which one of them finds a NaN or an infinity throws and writes nothing.
   */
  readonly guards?: readonly Tensor[];
  /** The memory of the variables; by default where they already are, or a store of the function's own. */
  readonly store?: VariableStore;
  /** Decides the initial values of variables that have no memory yet. Default 0. */
  readonly seed?: number;
  /** Of the operands of matrix products: see `CompileOptions.precision`. Default 'float32'. */
  readonly precision?: Precision;
}

export interface RunOptions {
  /** How many times to run. If left out: once, and arrays have no axis for the steps. */
  readonly steps?: number;
}

function stepsOf(options: RunOptions): number | undefined {
  checkOptions('run', options, ['steps']);
  const {steps} = options;
  if (steps !== undefined) checkNumber('run: steps', steps, {integer: true, min: 1, max: 2 ** 31 - 1});
  return steps;
}

const outputName = (index: number): string => `output${index}`;

export class CompiledFunction<Outputs extends OutputTensors = OutputTensors> {
  readonly store: VariableStore;
  readonly #program: CompiledProgram;
  readonly #outputs: Outputs;
  readonly #name: string;

  /** Its calls are named so in messages. */
  constructor(outputs: Outputs, program: CompiledProgram, name = 'run') {
    this.#name = name;
    this.store = program.store;
    this.#program = program;
    this.#outputs = outputs;
  }

  get plan(): Plan {
    return this.#program.plan;
  }

  /** False once its variables have moved into the memory of a larger model. */
  get inPlace(): boolean {
    return this.#program.inPlace;
  }

  /**
   * Computes the outputs, off the event loop, and then writes the updates. With `steps` it does so many times
   * in one native call, as `fit` does: each input with `perStep`, and each result, then has the steps as an
   * additional first axis. If a condition of `stopIf` ends the run early, the results have fewer steps.
   *
   * @throws ERR_UNKNOWN_NAME, ERR_SHAPE or ERR_DTYPE for inputs that do not fit; ERR_OUT_OF_RANGE or
   * ERR_NOT_FINITE if their values do not, or if a guard fails: nothing is written in that step, which the
   * message names. ERR_ABORTED if `stopIf` ends a run without `steps`.
   */
  async run(inputs: InputValues = {}, options: RunOptions = {}): Promise<Results<Outputs>> {
    const steps = stepsOf(options);
    const outcome = await this.#program.run(this.#arrays(inputs, steps), {steps: steps ?? 1});
    return this.#results(outcome, steps);
  }

  /** The same on the calling thread. */
  runSync(inputs: InputValues = {}, options: RunOptions = {}): Results<Outputs> {
    const steps = stepsOf(options);
    return this.#results(this.#program.runSync(this.#arrays(inputs, steps), {steps: steps ?? 1}), steps);
  }

  /** Listings of the graph and of what the compiler made of it. */
  explain(): Stages {
    return this.#program.stages();
  }

  #arrays(given: InputValues, steps: number | undefined): Arrays {
    const slots = this.plan.io
      .filter(({output}) => !output)
      .map(({shape, ...slot}) => {
        const many = steps !== undefined && slot.perStep;
        return {...slot, where: this.#name, shape: many ? [steps, ...shape] : shape};
      });
    const arrays = arraysFor(slots, given);
    return Object.fromEntries(slots.map(({name}, index) => [name, arrays[index] as TypedArray]));
  }

  #results(outcome: RunOutcome, steps: number | undefined): Results<Outputs> {
    const {end, guard, anomaly, steps: done} = outcome;
    const stopped = guard?.kind === 'stop' && steps !== undefined;
    if (end === 'guard' && !stopped) {
      if (!guard) fail('ERR_PLAN', `${this.#name}: ended for no known reason.`);
      failByGuard(this.#name, {...guard, anomaly, step: steps === undefined ? undefined : done});
    }
    const values = namedOutputs(this.#name, this.#outputs).map(([, {shape, size}], index): TensorValue => {
      const data = outcome.outputs[outputName(index)] as TypedArray;
      if (steps === undefined) return {data, shape};
      return {data: data.subarray(0, done * size), shape: [done, ...shape]};
    });
    return inStructure(this.#outputs, values);
  }
}

function storeFor(variables: readonly Variable[]): VariableStore {
  return commonStore(variables, stores => {
    const names = variables.map(({name}) => name).join(', ');
    return fail('ERR_GRAPH', `compile: the variables ${names} lie in ${stores.length} different stores.`);
  });
}

/**
 * Makes a graph callable. Variables that have no memory yet get it, with initial values decided by `seed`.
 */
export function compile<Outputs extends OutputTensors>(
  outputs: Outputs,
  options: FunctionOptions = {},
): CompiledFunction<Outputs> {
  return functionOf(outputs, options);
}

/** The same, whose calls have another name in messages. */
export function functionOf<Outputs extends OutputTensors>(
  outputs: Outputs,
  options: FunctionOptions = {},
  name = 'run',
): CompiledFunction<Outputs> {
  checkOptions('compile', options, ['updates', 'guards', 'store', 'seed', 'precision']);
  const {updates = [], guards = [], seed = 0, precision = 'float32'} = options;
  checkPrecision(precision);
  const tensors = namedOutputs('compile', outputs);
  const variables = variablesOf([...tensors.map(([, tensor]) => tensor), ...guards], updates);
  const store = options.store ?? storeFor(variables);
  const fresh = variables.filter(variable => !store.has(variable));
  store.add(fresh);
  store.initialize(seed, fresh);
  const named = tensors.map(([, tensor], index) => [outputName(index), tensor] as const);
  const program = compileProgram({outputs: Object.fromEntries(named), updates, guards, store, precision});
  return new CompiledFunction(outputs, program, name);
}
