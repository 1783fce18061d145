// The memory of variables: their places in one state, and their initial values.
import type {CompileRequest} from '../compile/index.ts';
import {dtypes, type TypedArray} from '../core/dtype.ts';
import {checkNumber, fail} from '../core/errors.ts';
import {isFloats, show} from '../core/kinds.ts';
import {converted} from '../core/numbers.ts';
import {seedWords} from '../core/seed.ts';
import {input, isTensor, originalOf, type RandomSource, type Variable, withScope} from '../core/tensor.ts';
import {unitBytes} from '../plan.ts';
import {State} from '../runtime/state.ts';
import {programOf, sharedPlan} from './shared-plans.ts';

const roundUp = (bytes: number): number => Math.ceil(bytes / unitBytes) * unitBytes;

const owners = new WeakMap<Variable, VariableStore>();

/** The store that holds a variable; if several do, the first of them. */
export function storeOf(variable: Variable): VariableStore | undefined {
  const owner = owners.get(originalOf(variable));
  return owner?.current;
}

/**
 * The store for these variables: the one that holds some of them, a new one, or what `merge` makes of
 * several.
 */
export function commonStore(
  variables: readonly Variable[],
  merge: (stores: readonly [VariableStore, ...VariableStore[]]) => VariableStore,
): VariableStore {
  const [first, ...others] = new Set(variables.flatMap(variable => storeOf(variable) ?? []));
  if (!first) return new VariableStore();
  return others.length === 0 ? first : merge([first, ...others]);
}

export class VariableStore {
  readonly #offsets = new Map<Variable, number>();
  #state = new State(unitBytes);
  #bytes = 0;
  #successor: VariableStore | undefined;
  #released = false;

  /** In the order in which they were added. */
  get variables(): readonly Variable[] {
    return [...this.current.#offsets.keys()];
  }

  /** Replaced when the store grows. */
  get state(): State {
    this.current.#checkHeld();
    return this.current.#state;
  }

  /** The least size of the state of a plan over this store. */
  get byteLength(): number {
    return this.current.#bytes;
  }

  /** The store that this one has become part of, or itself. Variables have other offsets in another store. */
  get current(): VariableStore {
    let store: VariableStore = this;
    while (store.#successor) store = store.#successor;
    return store;
  }

  /**
   * Takes over the variables of another store, with their values. The other store then uses the memory of
   * this one; programs compiled for it must be compiled again.
   *
   * @throws ERR_MODEL_BUSY while a run writes to one of the states.
   */
  absorb(other: VariableStore): void {
    const [into, from] = [this.current, other.current];
    if (into === from) return;
    from.#writing('absorb', () => {
      const {variables} = from;
      into.add(variables);
      into.#writing('absorb', () => {
        for (const variable of variables) into.view(variable).set(from.view(variable));
      });
      for (const variable of variables) owners.set(variable, into);
    });
    from.#successor = into;
    from.#offsets.clear();
    from.#state = new State(unitBytes);
  }

  /** Gives the memory back, at once or when the runs under way end; what needs it later is refused. */
  release(): void {
    const own = this.current;
    own.#released = true;
    own.#offsets.clear();
    own.#bytes = 0;
    const state = own.#state;
    own.#state = new State(unitBytes);
    state.release();
  }

  #checkHeld(): void {
    if (this.#released)
      fail('ERR_DISPOSED', 'the memory of these weights was given back by model.dispose().');
  }

  has(variable: Variable): boolean {
    this.current.#checkHeld();
    return this.current.#offsets.has(originalOf(variable));
  }

  /** Bytes from the start of the state, a multiple of 64. */
  offsetOf(variable: Variable): number {
    const offset = this.current.#offsets.get(originalOf(variable));
    if (offset === undefined) fail('ERR_GRAPH', `the variable ${variable.name} is not in this store.`);
    return offset;
  }

  /**
   * Gives memory to variables that have none yet, filled with zeros. Views from before then still show the
   * old memory.
   *
   * @throws ERR_MODEL_BUSY while a run writes to the state.
   */
  add(variables: readonly Variable[]): void {
    if (this.current !== this) {
      this.current.add(variables);
      return;
    }
    const fresh = [...new Set(variables.map(originalOf))].filter(variable => !this.has(variable));
    if (fresh.length === 0) return;
    let bytes = this.#bytes;
    const offsets = fresh.map(({tensor: {size, dtype}}) => {
      const offset = bytes;
      bytes += roundUp(size * dtypes[dtype].bytes);
      return offset;
    });
    this.#writing('add', () => {
      const larger = new State(Math.max(bytes, unitBytes));
      larger.view('uint8', 0, this.#bytes).set(this.#state.view('uint8', 0, this.#bytes));
      this.#state = larger;
    });
    this.#bytes = bytes;
    fresh.forEach((variable, index) => {
      this.#offsets.set(variable, offsets[index] as number);
      if (!owners.has(variable)) owners.set(variable, this);
    });
  }

  /** The memory of a variable itself, valid until the store grows. Read it between runs. */
  view(variable: Variable): TypedArray {
    return this.state.view(variable.dtype, this.offsetOf(variable), variable.tensor.size);
  }

  /** A copy of a variable's values. */
  read(variable: Variable): TypedArray {
    return this.view(variable).slice();
  }

  /** @throws ERR_SHAPE for another number of values, ERR_MODEL_BUSY while a run writes to the state. */
  write(variable: Variable, values: ArrayLike<number>): void {
    const view = this.view(variable);
    if (values.length !== view.length) {
      fail('ERR_SHAPE', `${variable.name} holds ${view.length} values. Received ${values.length}.`);
    }
    // Numbers of its type need no list, which no table of hundreds of millions would fit.
    const isFloat = variable.dtype === 'float32' && isFloats(values);
    const numbers = isFloat ? values : converted(variable.name, values, variable.dtype);
    this.#writing('write', () => view.set(numbers));
  }

  /**
   * Sets variables (all by default) to their initial values, which one plan computes into their memory.
   * Random ones depend on the seed and on the variable's position in the store, which is its stream.
   *
   * @throws ERR_OPTION if the seed is no safe integer.
   */
  initialize(seed: number, variables: readonly Variable[] = this.variables): void {
    checkNumber('seed', seed, {integer: true});
    const words = Int32Array.from(seedWords(seed));
    const plain = variables.filter(({initial}) => !initial);
    const computed = variables.filter(({initial}) => initial);
    const plan = computed.length > 0 && sharedPlan(this.#initialGraphs(computed)).plan;
    this.#writing('initialize', () => {
      for (const variable of plain) this.view(variable).fill(0);
      if (!plan) return;
      const arrays: Record<string, TypedArray> = {seed: words, step: new Int32Array(1)};
      computed.forEach((variable, index) => {
        arrays[`variable${index}`] = this.view(variable);
      });
      const bound = plan.io.map(({name}) => [name, arrays[name] as TypedArray] as const);
      programOf(plan).runSync(undefined, Object.fromEntries(bound));
    });
  }

  #initialGraphs(variables: readonly Variable[]): CompileRequest {
    const seed = input({name: 'seed', shape: [2], dtype: 'int32'});
    const step = input({name: 'step', shape: [1], dtype: 'int32', perStep: true});
    const streams = new Map(this.variables.map((variable, position) => [variable, position]));
    const outputs = variables.map(originalOf).map((variable, index) => {
      const source: RandomSource = {seed, step, stream: streams.get(variable) ?? this.#absent(variable)};
      const make = variable.initial as (source: RandomSource) => Variable['tensor'];
      const value = withScope(variable.name, () => make(source));
      if (!isTensor(value)) {
        fail('ERR_DTYPE', `${variable.name}: its initializer must give a tensor. Received ${show(value)}.`);
      }
      if (value.shape.join() !== variable.shape.join() || value.dtype !== variable.dtype) {
        fail('ERR_SHAPE', `${variable.name} is ${variable.tensor}. Received the initial value ${value}.`);
      }
      return [`variable${index}`, value] as const;
    });
    return {
      outputs: Object.fromEntries(outputs),
      stateBytes: 0,
      stateOffset: variable => this.#absent(variable),
    };
  }

  #absent({name}: Variable): never {
    return fail('ERR_GRAPH', `initialize: the variable ${name} has no memory to be read from here.`);
  }

  #writing(what: string, task: () => void): void {
    const {state} = this;
    state.beginWrite(what);
    try {
      task();
    } finally {
      state.endWrite();
    }
  }
}
