// What a model owns below its methods: network, memory, compiled programs, the count of steps, and who may
// write.
import type {TypedArray} from '../core/dtype.ts';
import {fail} from '../core/errors.ts';
import {type Variable, variable} from '../core/tensor.ts';
import {trainableChanges} from '../nn/layer.ts';
import {type CompiledProgram, compileProgram} from '../session/compile.ts';
import type {VariableStore} from '../session/store.ts';
import {type Access, accessOf, mergedStore} from './access.ts';
import {startAverages} from './averages.ts';
import type {BoundCriterion, Criterion} from './criterion.ts';
import type {Graph} from './graphs.ts';
import type {Network} from './network.ts';
import {type CompileOptions, makeTraining, slotsOf, type Training} from './training.ts';

/** How a run ended, and what it gave. */
export type RunOutcome = Awaited<ReturnType<CompiledProgram['run']>>;

/** Plans kept for each model; the one used least recently goes first. */
const maxPrograms = 16;

export class Engine {
  readonly network: Network;
  readonly seed: number;
  /** Shared with other models that have layers in common with this one. */
  readonly store: VariableStore;
  /** Variables that had no memory before, and so no values. */
  readonly fresh: readonly Variable[];
  /** Steps of training done, over all fits: the optimizer's count, and the key of random numbers. */
  iterations = 0;
  #training: Training | undefined;
  #trainableChanges = trainableChanges();
  readonly #programs = new Map<string, CompiledProgram>();
  readonly #moments = new Map<string, Variable>();
  /** Numbers of the conditions that end a training, by name; and those of the training under way. */
  readonly #numbers = new Map<string, Variable>();
  #criteria: readonly BoundCriterion[] = [];

  /** What the model is called as a layer of another. */
  readonly name: string | undefined;

  constructor(network: Network, seed: number, name?: string) {
    this.network = network;
    this.seed = seed;
    this.name = name;
    this.store = mergedStore('model', this.variables);
    this.fresh = this.variables.filter(variable => !this.store.has(variable));
    addTo(this.store, 'sequential', this.fresh);
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

  /** The optimizer's moments now in use. */
  get moments(): Variable[] {
    this.#noticeFreezing();
    return this.#training?.slots.flat() ?? [];
  }

  /** All that training changes, and a checkpoint keeps. */
  get persistent(): Variable[] {
    const numbers = this.#criteria.flatMap(({variables}) => Object.values(variables));
    return [...this.variables, ...this.moments, ...numbers];
  }

  /** Gives the criteria of a training memory, with its first values in it. */
  bindCriteria(criteria: readonly Criterion[]): readonly BoundCriterion[] {
    this.#criteria = criteria.map((criterion, index) => {
      const bound = Object.entries(criterion.state).map(([name, value]) => {
        const own = `stop/${index}/${name}`;
        const number = this.#numbers.get(own) ?? variable({name: own, shape: [], trainable: false});
        this.#numbers.set(own, number);
        addTo(this.store, 'fit', [number]);
        this.store.write(number, [value]);
        return [name, number] as const;
      });
      return {criterion, variables: Object.fromEntries(bound)};
    });
    return this.#criteria;
  }

  get compiled(): Training | undefined {
    this.#noticeFreezing();
    return this.#training;
  }

  /** @throws ERR_NOT_COMPILED */
  training(where: string): Training {
    this.#noticeFreezing();
    if (this.#training) return this.#training;
    const example = "model.compile({optimizer: 'adam', loss: 'meanSquaredError'})";
    return fail(
      'ERR_NOT_COMPILED',
      `${where}: the model has no loss and no optimizer yet. Call ${example} first.`,
    );
  }

  compile(options: CompileOptions): void {
    this.#access.checkFree('compile');
    const training = makeTraining(this.network, options, this.#moments);
    this.#keepMoments(training);
    for (const moment of training.slots.flat()) {
      this.store.write(moment, new Float32Array(moment.tensor.size));
    }
    this.#training = training;
    this.#programs.clear();
    this.iterations = 0;
  }

  /** Memory, zero at first, for moments that are new; gives these. */
  #keepMoments({slots}: Training): Variable[] {
    const fresh = slots.flat().filter(moment => !this.#moments.has(moment.name));
    addTo(this.store, 'compile', fresh);
    for (const moment of fresh) this.#moments.set(moment.name, moment);
    return fresh;
  }

  /** Where layers were frozen or freed since: other plans, and moments for what is trained now. */
  #noticeFreezing(): void {
    if (this.#trainableChanges === trainableChanges()) return;
    this.#trainableChanges = trainableChanges();
    this.#programs.clear();
    if (!this.#training) return;
    const {optimizer} = this.#training;
    this.#training = {...this.#training, slots: slotsOf(this.network, optimizer, this.#moments)};
    const fresh = this.#keepMoments(this.#training);
    startAverages(this, fresh);
  }

  /** The program of a graph; `key` names all that the graph depends on. */
  program(key: string, graph: () => Graph): CompiledProgram {
    this.#noticeFreezing();
    const known = this.#programs.get(key);
    const program = known?.inPlace ? known : compileProgram({...graph(), store: this.store});
    this.#programs.delete(key);
    this.#programs.set(key, program);
    if (this.#programs.size > maxPrograms) {
      const [oldest] = this.#programs.keys();
      this.#programs.delete(oldest as string);
    }
    return program;
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

  /** The same for new weights that are there at once, which a callback of the training may set as well. */
  writeSync<Result>(where: string, task: () => Result): Result {
    const access = this.#access;
    if (!access.inCallback) access.checkFree(where);
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

/** @throws ERR_SHAPE where there is no such amount of memory. */
function addTo(store: VariableStore, where: string, variables: readonly Variable[]): void {
  try {
    store.add(variables);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    const bytes = variables.reduce((sum, {tensor: {size}}) => sum + 4 * size, 0);
    const gigabytes = (bytes / 2 ** 30).toFixed(1);
    fail('ERR_SHAPE', `${where}: there is no memory for ${gigabytes} GiB of numbers (${cause.message}).`);
  }
}

/** The inputs that a program reads, out of all that a step offers. */
export function inputsOf(
  program: CompiledProgram,
  offered: Readonly<Record<string, TypedArray>>,
): Record<string, TypedArray> {
  const slots = program.plan.io.filter(slot => !slot.output);
  return Object.fromEntries(slots.map(({name}) => [name, offered[name] as TypedArray]));
}
