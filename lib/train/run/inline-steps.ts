// Steps on the thread that asks, over arrays that are bound once: what a call costs beyond its kernels is a
// native call with nothing to read.
import type {TypedArray} from '../../core/dtype.ts';
import {seedWords} from '../../core/seed.ts';
import {rowsOfSteps, type StepRows} from '../../core/step-rows.ts';
import {type Optimizer, writeHyper} from '../../optim/optimizer.ts';
import type {BoundProgram, CompiledProgram} from '../../session/compile.ts';
import type {BatchRun} from '../feed/batch-source.ts';
import type {Samples} from '../feed/samples.ts';
import {stepRowsOf} from './row-run.ts';

const sharedInts = (length: number): Int32Array => new Int32Array(new SharedArrayBuffer(4 * length));

const leastSteps = 8;
/** Rows for which there is room at once where a program is for any number of them. */
const roomyRows = 2 ** 12;

/** What the steps of one call read besides the samples, with room for some number of them. */
class Tables {
  readonly steps: number;
  readonly batch: number;
  readonly rows: Int32Array;
  readonly seed = sharedInts(2);
  readonly step: Int32Array;
  readonly hyper: Float32Array;

  constructor(steps: number, batch: number, hyperCount: number) {
    this.steps = steps;
    this.batch = batch;
    this.rows = sharedInts(steps * batch);
    this.step = sharedInts(steps);
    this.hyper = new Float32Array(new SharedArrayBuffer(4 * steps * hyperCount));
  }
}

/** What the steps of a call are about. */
export interface InlineCall extends Pick<BatchRun, 'samples' | 'rows' | 'batch' | 'short'> {
  readonly steps: number;
  readonly seed: number;
  readonly optimizer: Optimizer;
  /** Number of the first step. */
  readonly first: number;
}

type Outputs = BoundProgram['outputs'];
type Sources = Samples['sources'];

/** Each call of `fit` has sources of its own, mostly over the same arrays. */
function haveSameArrays(one: Sources | undefined, other: Sources): boolean {
  if (one === other) return true;
  if (!one) return false;
  const names = Object.keys(other);
  return (
    Object.keys(one).length === names.length && names.every(name => one[name]?.data === other[name]?.data)
  );
}

/** For the steps of one program: while it lives, and its store keeps its state. */
export class InlineSteps {
  readonly #program: CompiledProgram;
  /** Results that keep something of each row: their length says how many rows there were. */
  readonly #growing: readonly CompiledProgram['plan']['io'][number][];
  #tables: Tables | undefined;
  /** Over the arrays of `#sources` and the state `#state`. */
  #bound: BoundProgram | undefined;
  #sources: Sources | undefined;
  #arrays: readonly TypedArray[] = [];
  #state: unknown;

  constructor(program: CompiledProgram) {
    this.#program = program;
    this.#growing = program.plan.io.filter(({output, shape}) => output && shape.length > 0);
  }

  /** Runs the steps of a call; the results stand in `outputs` until the next one. */
  run(call: InlineCall): ReturnType<BoundProgram['run']> & Pick<BoundProgram, 'outputs'> {
    const {rows, steps, seed, optimizer, first} = call;
    const of = stepRowsOf(this.#program, call);
    const bound = this.#boundFor(call);
    const tables = this.#tables as Tables;
    const count = rowsOfSteps({rows: call.batch, short: call.short}, steps);
    tables.rows.set(rows.length === count ? rows : rows.subarray(0, count));
    const [low, high] = seedWords(seed);
    tables.seed[0] = low;
    tables.seed[1] = high;
    for (let step = 0; step < steps; step++) tables.step[step] = first + step;
    writeHyper(optimizer, first, steps, tables.hyper);
    const result = bound.run(steps, of);
    return {...result, outputs: this.#outputs(bound.outputs, steps, of)};
  }

  #outputs(outputs: Outputs, steps: number, of: StepRows | undefined): Outputs {
    if (this.#growing.length === 0) return outputs;
    const own: Record<string, TypedArray> = {...outputs};
    for (const slot of this.#growing) {
      own[slot.name] = (outputs[slot.name] as TypedArray).subarray(
        0,
        this.#program.elementsOf(slot, steps, of),
      );
    }
    return own;
  }

  #boundFor({samples: {sources}, steps, batch, optimizer}: InlineCall): BoundProgram {
    const {state} = this.#program.store;
    if (this.#state !== state || !haveSameArrays(this.#sources, sources)) {
      this.#bound = undefined;
      this.#arrays = Object.values(sources).map(({data}) => data);
      this.#state = state;
    }
    this.#sources = sources;
    // What was transferred away is no longer the user's to give: binding it again says so.
    for (const {length} of this.#arrays) if (length === 0) this.#bound = undefined;
    let tables = this.#tables;
    if (!tables || tables.steps < steps || tables.batch < batch) {
      this.#bound = undefined;
      const room = Math.max(leastSteps, 2 ** Math.ceil(Math.log2(steps)));
      const most = this.#program.plan.rows?.most ?? batch;
      tables = new Tables(room, room * most <= roomyRows ? most : batch, optimizer.hyperCount);
      this.#tables = tables;
    }
    if (!this.#bound) {
      const {rows, seed, step, hyper} = tables;
      const offered: Record<string, TypedArray> = {rows, seed, step, hyper};
      for (const [name, {data}] of Object.entries(sources)) offered[name] = data;
      const room = stepRowsOf(this.#program, tables);
      this.#bound = this.#program.bindSync(offered, tables.steps, room);
    }
    return this.#bound;
  }
}
