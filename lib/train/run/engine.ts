// What a model owns below its methods: network, memory, compiled programs, the count of steps, and who may
// write.

import {fail} from '../../core/errors.ts';
import {isError} from '../../core/kinds.ts';
import {type Variable, variable} from '../../core/tensor.ts';
import {isLayer, type Layer} from '../../nn/layer.ts';
import {trainableChanges} from '../../nn/trainable-changes.ts';
import {type CompiledProgram, compileProgram} from '../../session/compile.ts';
import {RowPrograms} from '../../session/row-programs.ts';
import type {VariableStore} from '../../session/store.ts';
import type {Network} from '../network/network.ts';
import {type Compilation, makeCompilation, slotsOf} from '../step/compilation.ts';
import type {CompileOptions} from '../step/compile-options.ts';
import type {BoundCriterion, Criterion} from '../step/criterion.ts';
import type {Graph} from '../step/graphs.ts';
import {type Access, accessOf, mergedStore} from './access.ts';
import {startAverages} from './averages.ts';
import {StoreMemory} from './layer-memory.ts';

/** Rows of the steps of a program. */
export interface RowsWanted {
  readonly rows: number;
  /** The same program must serve other numbers too. */
  readonly others?: boolean;
  /** Fewer than these have plans of their own, as their sums may leave out more. */
  readonly fewest: number;
}

/** Plans kept for each model, many where they are small; the one used least recently goes first. */
const fewPrograms = 16;
const maxPrograms = 512;
const maxProgramBytes = 2 ** 26;

export class Engine {
  readonly network: Network;
  readonly seed: number;
  /** Shared with other models that have layers in common with this one. */
  readonly store: VariableStore;
  /** For its layers, which are read and written on their own. */
  readonly memory: StoreMemory;
  /** Variables that had no memory before, and so no values. */
  readonly fresh: readonly Variable[];
  /** Steps of training done, over all fits: the optimizer's count, and the key of random numbers. */
  iterations = 0;
  /** Epochs begun since `compile`, over all fits: the order of rows goes on from there. */
  epochs = 0;
  #disposed = false;
  #compilation: Compilation | undefined;
  #trainableChanges = trainableChanges();
  readonly #programs = new Map<string, CompiledProgram>();
  #newest: CompiledProgram | undefined;
  readonly #families = new Map<string, RowPrograms>();
  #newestFamily: RowPrograms | undefined;
  /** Moments by name, of earlier optimizers too, for they keep their memory. */
  readonly #moments = new Map<string, Variable>();
  /** Those in use since `compile`: a weight that is frozen keeps its own for later. */
  readonly #used = new Set<Variable>();
  readonly #warned = new Set<string>();
  /** What the criteria that end a training remember, by name; and the criteria of the training under way. */
  readonly #criterionState = new Map<string, Variable>();
  #criteria: readonly BoundCriterion[] = [];

  /** What the model is called as a layer of another. */
  readonly name: string | undefined;

  constructor(network: Network, seed: number, name?: string) {
    this.network = network;
    this.seed = seed;
    this.name = name;
    const all = [...this.variables, ...network.states];
    this.store = mergedStore('model', all);
    this.fresh = all.filter(variable => !this.store.has(variable));
    addTo(this.store, 'sequential', this.fresh);
    this.#access.users++;
    this.memory = new StoreMemory(this.store);
    for (const layer of withInner(network.layers.map(({layer}) => layer))) layer.attach(this.memory);
  }

  /** This, as what a model has its engine from. @throws ERR_DISPOSED */
  get engine(): this {
    return this.#disposed ? failDisposed() : this;
  }

  /** Lets go of programs, and of the memory unless other models have weights in it. @throws ERR_MODEL_BUSY */
  dispose(): void {
    if (this.#disposed) return;
    const access = this.#access;
    access.checkNoTraining('dispose');
    this.leave();
    this.#disposed = true;
    this.#compilation = undefined;
    this.#clearPrograms();
    this.#moments.clear();
    if (access.users === 0) this.store.release();
  }

  /** Its model has another engine from now on, or none. */
  leave(): void {
    this.#access.users--;
  }

  /** First values, by the seed, for weights that had none. */
  initialize(): void {
    this.store.initialize(this.seed, this.fresh);
  }

  /** The states of layers begin anew. */
  zeroStates(): void {
    for (const state of this.network.states) this.store.write(state, new Float32Array(state.tensor.size));
  }

  get #access(): Access {
    return accessOf(this.store);
  }

  /** While a callback runs no step does, and it may set weights. */
  set inCallback(value: boolean) {
    this.#access.inCallback = value;
  }

  get variables(): Variable[] {
    return this.network.weights.map(({variable}) => variable);
  }

  /** The optimizer's moments of all weights that have been trained since `compile`, or may be now. */
  get moments(): Variable[] {
    this.#noticeFreezing();
    return [...this.#used];
  }

  /** Takes moments of frozen weights into use, as far as they are among these names. */
  useMoments(names: ReadonlySet<string>): void {
    this.#noticeFreezing();
    if (!this.#compilation) return;
    const slots = slotsOf(this.network.weights, this.#compilation.optimizer, this.#moments);
    this.#keepMoments(slots.filter(own => own.some(({name}) => names.has(name))));
  }

  /** All that training changes, and a checkpoint keeps. */
  get persistent(): Variable[] {
    const state = this.#criteria.flatMap(({variables}) => Object.values(variables));
    return [...this.variables, ...this.network.states, ...this.moments, ...state];
  }

  /** Gives the criteria of a training memory, with its first values in it. */
  bindCriteria(criteria: readonly Criterion[]): readonly BoundCriterion[] {
    this.#criteria = criteria.map((criterion, index) => {
      const bound = Object.entries(criterion.state).map(([name, value]) => {
        const own = `stop/${index}/${name}`;
        const kept = this.#criterionState.get(own) ?? variable({name: own, shape: [], trainable: false});
        this.#criterionState.set(own, kept);
        addTo(this.store, 'fit', [kept]);
        this.store.write(kept, [value]);
        return [name, kept] as const;
      });
      return {criterion, variables: Object.fromEntries(bound)};
    });
    return this.#criteria;
  }

  get compiled(): Compilation | undefined {
    this.#noticeFreezing();
    return this.#compilation;
  }

  /** @throws ERR_NOT_COMPILED */
  compilation(where: string): Compilation {
    this.#noticeFreezing();
    if (this.#compilation) return this.#compilation;
    const example = "model.compile({optimizer: 'adam', loss: 'meanSquaredError'})";
    return fail(
      'ERR_NOT_COMPILED',
      `${where}: the model has no loss and no optimizer yet. Call ${example} first.`,
    );
  }

  /** @throws ERR_GRAPH */
  checkTrainable(where: string): void {
    if (this.network.trainable.length === 0)
      fail('ERR_GRAPH', `${where}: the model has no weights to train.`);
  }

  compile(options: CompileOptions): void {
    this.#access.checkFree('compile');
    const compilation = makeCompilation(this.network, options, this.#moments);
    this.#used.clear();
    this.#keepMoments(compilation.slots);
    this.#compilation = compilation;
    if (compilation.warn) for (const text of compilation.advice) this.#warn(text);
    this.#clearPrograms();
    this.iterations = 0;
    this.epochs = 0;
  }

  /** Once for each model, however often it is compiled. */
  #warn(text: string): void {
    if (this.#warned.has(text)) return;
    this.#warned.add(text);
    const meant = 'compile({warn: false}) says that it is meant so';
    process.emitWarning(`compile: ${text}. ${meant}.`, {type: 'ChainruleWarning', code: 'CHAINRULE_OUTPUT'});
  }

  /** Memory, zero at first, for moments that were not in use; gives these. */
  #keepMoments(slots: Compilation['slots']): Variable[] {
    const fresh = slots.flat().filter(moment => !this.#used.has(moment));
    const unknown = fresh.filter(({name}) => !this.#moments.has(name));
    addTo(this.store, 'compile', unknown);
    for (const moment of unknown) this.#moments.set(moment.name, moment);
    for (const moment of fresh) {
      this.#used.add(moment);
      this.store.write(moment, new Float32Array(moment.tensor.size));
    }
    return fresh;
  }

  /** Where layers were frozen or freed since: other plans, and moments for what is trained now. */
  #noticeFreezing(): void {
    if (this.#trainableChanges === trainableChanges()) return;
    this.#trainableChanges = trainableChanges();
    this.#clearPrograms();
    if (!this.#compilation) return;
    const {optimizer} = this.#compilation;
    this.#compilation = {
      ...this.#compilation,
      slots: slotsOf(this.network.trainable, optimizer, this.#moments),
    };
    const fresh = this.#keepMoments(this.#compilation.slots);
    startAverages(this.#compilation, this.network, this.store, fresh);
  }

  /** The program of a graph; `key` names all that the graph depends on. */
  program(key: string, graph: () => Graph): CompiledProgram {
    return this.#keep(key, () => compileProgram({...graph(), store: this.store}));
  }

  /**
   * The same of a graph over so many rows, of which `key` says nothing: one program for any number of them,
   * or undefined where each needs its own. What `graph` gives must not hold the user's arrays: it is kept.
   */
  programForRows(
    key: string,
    {rows, fewest, others}: RowsWanted,
    graph: () => (rows: number) => Graph,
  ): CompiledProgram | undefined {
    this.#noticeFreezing();
    let family = this.#families.get(key);
    if (!family?.inPlace) {
      family = new RowPrograms(this.store, graph(), fewest);
      this.#families.set(key, family);
      const [oldest] = this.#families.keys();
      if (this.#families.size > fewPrograms) {
        this.#families.get(oldest as string)?.release();
        this.#families.delete(oldest as string);
      }
    } else if (family !== this.#newestFamily) {
      this.#families.delete(key);
      this.#families.set(key, family);
    }
    this.#newestFamily = family;
    return family.program(rows, others);
  }

  #keep(key: string, make: () => CompiledProgram): CompiledProgram {
    this.#noticeFreezing();
    const known = this.#programs.get(key);
    if (known === this.#newest && known?.inPlace) return known;
    const program = known?.inPlace ? known : make();
    this.#programs.delete(key);
    this.#programs.set(key, program);
    this.#newest = program;
    if (known !== program) this.#forgetOldest();
    return program;
  }

  #forgetOldest(): void {
    const all = [...this.#programs];
    let bytes = all.reduce((sum, [, {plan}]) => sum + plan.arenaBytes + plan.words.byteLength, 0);
    let left = all.length;
    for (const [key, {plan}] of all) {
      if (left <= fewPrograms || (left <= maxPrograms && bytes <= maxProgramBytes)) return;
      this.#programs.get(key)?.release();
      this.#programs.delete(key);
      bytes -= plan.arenaBytes + plan.words.byteLength;
      left--;
    }
  }

  #clearPrograms(): void {
    for (const program of [...this.#programs.values(), ...this.#families.values()]) program.release();
    this.#programs.clear();
    this.#families.clear();
    this.#newest = undefined;
    this.#newestFamily = undefined;
  }

  /** Runs a task that changes weights, alone. @throws ERR_MODEL_BUSY */
  async write<Result>(where: string, task: () => Promise<Result>): Promise<Result> {
    const access = this.#access;
    access.checkFree(where);
    access.writer = where;
    try {
      return await task();
    } finally {
      access.writer = undefined;
      this.betweenRuns();
    }
  }

  /** The same for a task that is done on this thread, before anyone else is asked. */
  writeAlone<Result>(where: string, task: () => Result): Result {
    const access = this.#access;
    access.checkFree(where);
    access.writer = where;
    try {
      return task();
    } finally {
      access.writer = undefined;
    }
  }

  /** The same for new weights that are there at once, which a callback of the training may set as well. */
  writeSync<Result>(where: string, task: () => Result): Result {
    this.#access.checkWrite(where);
    return task();
  }

  /** Runs `read` when no step is under way: now, or between two native calls of the training. */
  whenQuiet<Result>(read: () => Result): Promise<Result> {
    return new Promise((resolve, reject) => {
      const run = (): void => {
        try {
          resolve(read());
        } catch (error) {
          reject(error);
        }
      };
      const {writer, inCallback, waiting} = this.#access;
      if (writer === undefined || inCallback) run();
      else waiting.push(run);
    });
  }

  /** Between two native calls: serves those who wait for a quiet moment. */
  betweenRuns(): void {
    for (const run of this.#access.waiting.splice(0)) run();
  }
}

export function failDisposed(): never {
  fail('ERR_DISPOSED', 'the model was disposed of by model.dispose(): make or load another.');
}

/** Layers, and those of models that serve as layers. */
function withInner(layers: readonly Layer[]): Layer[] {
  return layers.flatMap(layer => [layer, ...withInner(layer.layers.filter(isLayer))]);
}

/** @throws ERR_SHAPE where there is no such amount of memory. */
function addTo(store: VariableStore, where: string, variables: readonly Variable[]): void {
  try {
    store.add(variables);
  } catch (cause) {
    if (!isError(cause) || cause.name !== 'RangeError') throw cause;
    const bytes = variables.reduce((sum, {tensor: {size}}) => sum + 4 * size, 0);
    const gigabytes = (bytes / 2 ** 30).toFixed(1);
    fail('ERR_SHAPE', `${where}: there is no memory for ${gigabytes} GiB of numbers (${cause.message}).`);
  }
}
