// Steps on the thread that asks, over arrays that are bound once: what a call costs beyond its kernels is a
// native call with nothing to read.
import type {TypedArray} from '../../core/dtype.ts';
import {seedWords} from '../../core/seed.ts';

import {type Optimizer, writeHyper} from '../../optim/optimizer.ts';
import type {BoundProgram, CompiledProgram} from '../../session/compile.ts';
import type {Samples} from '../feed/samples.ts';

const sharedInts = (length: number): Int32Array => new Int32Array(new SharedArrayBuffer(4 * length));

const leastCapacity = 8;

/** What the steps of one call read besides the samples, with room for some number of them. */
class Tables {
  readonly capacity: number;
  readonly rows: Int32Array;
  readonly seed = sharedInts(2);
  readonly step: Int32Array;
  readonly hyper: Float32Array;

  constructor(capacity: number, batch: number, hyperCount: number) {
    this.capacity = capacity;
    this.rows = sharedInts(capacity * batch);
    this.step = sharedInts(capacity);
    this.hyper = new Float32Array(new SharedArrayBuffer(4 * capacity * hyperCount));
  }
}

/** What the steps of a call are about. */
export interface InlineCall {
  readonly samples: Samples;
  readonly rows: Int32Array;
  readonly steps: number;
  readonly seed: number;
  readonly optimizer: Optimizer;
  /** Number of the first step. */
  readonly first: number;
}

/** For the steps of one program: while it lives, and its store keeps its state. */
export class InlineSteps {
  readonly #program: CompiledProgram;
  readonly #batch: number;
  #tables: Tables | undefined;
  /** Over the arrays of `#sources` and the state `#state`, by number of steps. */
  readonly #bound = new Map<number, BoundProgram>();
  #sources: Samples['sources'] | undefined;
  #arrays: readonly TypedArray[] = [];
  #state: unknown;

  constructor(program: CompiledProgram, batch: number) {
    this.#program = program;
    this.#batch = batch;
  }

  /** Runs the steps of a call; the results stand in `outputs` until the next one. */
  run(call: InlineCall): ReturnType<BoundProgram['run']> & Pick<BoundProgram, 'outputs'> {
    const {rows, steps, seed, optimizer, first} = call;
    const bound = this.#boundFor(call);
    const tables = this.#tables as Tables;
    tables.rows.set(rows.length === steps * this.#batch ? rows : rows.subarray(0, steps * this.#batch));
    const [low, high] = seedWords(seed);
    tables.seed[0] = low;
    tables.seed[1] = high;
    for (let step = 0; step < steps; step++) tables.step[step] = first + step;
    writeHyper(optimizer, first, steps, tables.hyper);
    const {outputs} = bound;
    const result = bound.run();
    return {...result, outputs};
  }

  #boundFor({samples: {sources}, steps, optimizer}: InlineCall): BoundProgram {
    const {state} = this.#program.store;
    if (this.#sources !== sources || this.#state !== state) {
      this.#bound.clear();
      this.#sources = sources;
      this.#arrays = Object.values(sources).map(({data}) => data);
      this.#state = state;
    }
    // What was transferred away is no longer the user's to give: binding it again says so.
    for (const {length} of this.#arrays) if (length === 0) this.#bound.clear();
    if (!this.#tables || this.#tables.capacity < steps) {
      this.#bound.clear();
      const capacity = Math.max(leastCapacity, 2 ** Math.ceil(Math.log2(steps)));
      this.#tables = new Tables(capacity, this.#batch, optimizer.hyperCount);
    }
    let bound = this.#bound.get(steps);
    if (!bound) {
      const {rows, seed, step, hyper} = this.#tables;
      const offered: Record<string, TypedArray> = {rows, seed, step, hyper};
      for (const [name, {data}] of Object.entries(sources)) offered[name] = data;
      bound = this.#program.bindSync(offered, steps);
      this.#bound.set(steps, bound);
    }
    return bound;
  }
}
