// Where traces end: at a read, at the end of the synchronous section, when a tape opens after an assignment,
// where a trace begins to repeat itself, and at a limit. So programs that read nothing, and loops that never
// wait, still have a trace for each of their steps.
import type {Entry, Source} from './entry.ts';
import {tf} from './packages.ts';
import {pendingRuns} from './pending-runs.ts';
import {progress, type Recipe} from './recipe.ts';
import {Trace} from './trace.ts';

/** From so many ops on a trace may end where its first op comes again. */
const leastPeriod = 256;
const mostOps = 4096;
const mostBytes = 2 ** 30;

/** What is to come of it comes as a microtask, which takes less than queueMicrotask. */
const settled = Promise.resolve();

export class Recorder {
  #trace = new Trace();
  /** Of what is recorded. */
  readonly #source: Source = {finish: () => this.flush()};
  /** Tapes that were open at the last op. */
  #depth = 0;
  /** Traces that were begun, and microtasks of these that came. */
  #begun = 0;
  #came = 0;
  #hasAssigned = false;

  /** The results of an op, which runs when its trace ends, and may find that its data are not possible. */
  record(recipe: Recipe, operands: readonly Entry[], mayFail: boolean): Entry[] {
    if (this.#endsBefore(recipe)) this.flush();
    const trace = this.#trace;
    if (trace.isEmpty) this.#begin();
    return trace.add(recipe, operands, this.#source, mayFail);
  }

  #begin(): void {
    this.#begun++;
    settled.then(this.#atEndOfSection);
  }

  /**
   * Ends what is recorded, if that began last. It holds no trace: a program that reads in a loop and never
   * waits would keep all of them.
   */
  readonly #atEndOfSection = (): void => {
    if (++this.#came === this.#begun) this.flush();
  };

  /** A variable takes a tensor. */
  assigned(): void {
    this.#hasAssigned = true;
  }

  /**
   * Runs what is recorded, or starts to. Never throws: who reads a result that could not be computed hears
   * why.
   */
  readonly flush = (): void => {
    const trace = this.#trace;
    if (trace.isEmpty) return;
    this.#trace = new Trace();
    progress.traces++;
    this.#hasAssigned = false;
    trace.run();
  };

  /** Runs what is recorded, to its end. */
  finish(): void {
    this.flush();
    pendingRuns.finishAll();
  }

  /** Forgets what is recorded, and waits for what runs. */
  drop(): void {
    const trace = this.#trace;
    this.#trace = new Trace();
    trace.fail(new Error('chainrule/tfjs: the backend was disposed of before this was computed.'));
    pendingRuns.finishAll();
  }

  #endsBefore(recipe: Recipe): boolean {
    const depth = tf.engine().state.gradientDepth;
    const beginsStep = depth > 0 && this.#depth === 0 && this.#hasAssigned;
    this.#depth = depth;
    const {length, bytes, first} = this.#trace;
    return (
      beginsStep || (length >= leastPeriod && recipe === first) || length >= mostOps || bytes >= mostBytes
    );
  }
}
