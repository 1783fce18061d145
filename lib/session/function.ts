// `compile(outputs)`: a graph as a function of its inputs, with the variables that it reads and updates.
import type {Stages} from '../compile/index.ts';
import type {TypedArray} from '../core/dtype.ts';
import {checkNumber, checkOptions, fail, unknownName} from '../core/errors.ts';
import {fromMap, isMap, isRecord, show} from '../core/kinds.ts';
import {checkPrecision, type Precision} from '../core/precision.ts';
import type {Shape} from '../core/shape.ts';
import {isTensor, type Tensor, type Variable} from '../core/tensor.ts';
import {describeIndex} from '../ops/indexing.ts';
import type {Plan} from '../plan.ts';
import {type Arrays, type CompiledProgram, compileProgram, type RunOutcome, variablesOf} from './compile.ts';
import {type InputValue, toTypedArray} from './inputs.ts';
import {commonStore, type VariableStore} from './store.ts';

/** One tensor, or several as an array or by name. */
export type OutputTensors = Tensor | readonly Tensor[] | Readonly<Record<string, Tensor>>;

export interface TensorValue {
  readonly data: TypedArray;
  readonly shape: Shape;
}

/** The values, in the structure in which the tensors were given. */
export type Results<Outputs extends OutputTensors> = Outputs extends Tensor
  ? TensorValue
  : {[Name in keyof Outputs]: TensorValue};

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

/** By name, also in a Map: a typed array, a number, nested arrays, or the result of another function. */
export type InputValues = Readonly<Record<string, InputValue>> | ReadonlyMap<string, InputValue>;

const outputName = (index: number): string => `output${index}`;

export class CompiledFunction<Outputs extends OutputTensors = OutputTensors> {
  readonly store: VariableStore;
  readonly #program: CompiledProgram;
  readonly #outputs: Outputs;

  constructor(outputs: Outputs, program: CompiledProgram) {
    this.store = program.store;
    this.#program = program;
    this.#outputs = outputs;
  }

  get plan(): Plan {
    return this.#program.plan;
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
    const inputs = fromMap(given) as Readonly<Record<string, InputValue>>;
    const slots = this.plan.io.filter(({output}) => !output);
    const names = slots.map(({name}) => name);
    for (const name of Object.keys(inputs)) if (!names.includes(name)) unknownName('input', name, names);
    return Object.fromEntries(
      slots.map(slot => {
        const value = inputs[slot.name];
        if (value === undefined) fail('ERR_UNKNOWN_NAME', `run: the input ${slot.name} is missing.`);
        const many = steps !== undefined && slot.perStep;
        return [slot.name, toTypedArray(many ? {...slot, shape: [steps, ...slot.shape]} : slot, value)];
      }),
    );
  }

  #results(outcome: RunOutcome, steps: number | undefined): Results<Outputs> {
    const {end, guard, steps: done} = outcome;
    const stopped = guard?.kind === 'stop' && steps !== undefined;
    if (end === 'guard' && !stopped) failByGuard(outcome, steps === undefined ? '' : ` at step ${done}`);
    const entries = namedOutputs(this.#outputs).map(([key, {shape, size}], index): [string, TensorValue] => {
      const data = outcome.outputs[outputName(index)] as TypedArray;
      if (steps === undefined) return [key, {data, shape}];
      return [key, {data: data.subarray(0, done * size), shape: [done, ...shape]}];
    });
    if (isTensor(this.#outputs)) return entries[0]?.[1] as Results<Outputs>;
    const values = Array.isArray(this.#outputs)
      ? entries.map(([, value]) => value)
      : Object.fromEntries(entries);
    return values as Results<Outputs>;
  }
}

function namedOutputs(outputs: OutputTensors): [string, Tensor][] {
  return isTensor(outputs) ? [['', outputs]] : Object.entries(outputs);
}

function failByGuard({guard, anomaly}: RunOutcome, at: string): never {
  if (!guard) return fail('ERR_PLAN', 'run: ended for no known reason.');
  const {kind, source = 'an input', position, value, sizes, scope} = guard;
  const where = `${scope === '' ? '' : ` in ${scope}`}${at}`;
  if (kind === 'stop') {
    fail('ERR_ABORTED', `run: ended by a condition of stopIf${where}; nothing has been written.`);
  }
  if (kind === 'inputNotFinite') {
    fail('ERR_NOT_FINITE', `run: row ${position} read from ${source} is not finite or not there${where}.`);
  }
  if (kind === 'indexOutOfRange') {
    const of = guard.source === undefined ? '' : ` of ${source}`;
    fail('ERR_OUT_OF_RANGE', `run: ${describeIndex(value, sizes, position)}${of}${where}.`);
  }
  if (kind !== 'notFinite') {
    fail('ERR_OUT_OF_RANGE', `run: element ${position} of ${source} is out of range${where}.`);
  }
  const first = anomaly ? `, first in ${anomaly.scope || 'the graph'} (${anomaly.name})` : '';
  fail('ERR_NOT_FINITE', `run: a checked value is not finite${where}${first}; nothing has been written.`);
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
  checkOptions('compile', options, ['updates', 'guards', 'store', 'seed', 'precision']);
  const {updates = [], guards = [], seed = 0, precision = 'float32'} = options;
  checkPrecision(precision);
  if (!(isTensor(outputs) || Array.isArray(outputs) || isRecord(outputs))) {
    const hint = isMap(outputs) ? ' Object.fromEntries(map) makes an object of it.' : '';
    fail(
      'ERR_GRAPH',
      `compile: expected tensors, alone, in an array or by name. Received ${show(outputs)}.${hint}`,
    );
  }
  const tensors = namedOutputs(outputs);
  for (const [name, tensor] of tensors) {
    if (isTensor(tensor)) continue;
    fail('ERR_GRAPH', `compile: ${name || 'the output'} must be a tensor. Received ${show(tensor)}.`);
  }
  const variables = variablesOf([...tensors.map(([, tensor]) => tensor), ...guards], updates);
  const store = options.store ?? storeFor(variables);
  const fresh = variables.filter(variable => !store.has(variable));
  store.add(fresh);
  store.initialize(seed, fresh);
  const named = tensors.map(([, tensor], index) => [outputName(index), tensor] as const);
  const program = compileProgram({outputs: Object.fromEntries(named), updates, guards, store, precision});
  return new CompiledFunction(outputs, program);
}
