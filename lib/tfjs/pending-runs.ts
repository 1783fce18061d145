// Runs of plans that were started and are made while JavaScript records the next trace.
import type {PendingRun} from '../runtime/linked.ts';
import type {Source} from './entry.ts';

/** So many may be under way; then the first is waited for. */
const mostUnderWay = 2;

/** What becomes of a run when it has ended. */
export interface Ending {
  /** Whether it may find that its data are not possible: then no other is started before it has ended. */
  readonly mayFail: boolean;
  /** Called in the order in which they were started; false where a guard failed. */
  complete(isDone: boolean): void;
  /** It could not be made. */
  fail(error: unknown): void;
}

/** A run under way, which its results come from. */
class QueuedRun implements Source {
  readonly ending: Ending;
  readonly #run: PendingRun;

  constructor(run: PendingRun, ending: Ending) {
    this.#run = run;
    this.ending = ending;
  }

  get ended(): Promise<void> {
    return this.#run.ended;
  }

  finish(): void {
    pendingRuns.finish(this);
  }

  /** Waits for the end. False where the run could not be made: those after it have read what is not there. */
  end(): boolean {
    let isDone: boolean;
    try {
      isDone = this.#run.finish() === undefined;
    } catch (error) {
      this.ending.fail(error);
      return false;
    }
    this.ending.complete(isDone);
    return true;
  }

  endInVain(): void {
    try {
      this.#run.finish();
    } catch {
      // It has read what an earlier one could not make; who reads its results hears of that.
    }
    this.ending.fail(new Error('chainrule/tfjs: what this was to be computed from could not be computed.'));
  }
}

class PendingRuns {
  readonly #queue: QueuedRun[] = [];

  add(run: PendingRun, ending: Ending): Source {
    const one = new QueuedRun(run, ending);
    this.#queue.push(one);
    return one;
  }

  get areUnderWay(): boolean {
    return this.#queue.length > 0;
  }

  /** Waits until another may be started. */
  makeRoom(): void {
    while (this.#queue.length >= mostUnderWay || this.#queue.at(-1)?.ending.mayFail) this.#finishFirst();
  }

  /** Waits for a run, and for all that were started before it. */
  finish(one: QueuedRun): void {
    while (this.#queue.includes(one)) this.#finishFirst();
  }

  finishAll(): void {
    while (this.#queue.length > 0) this.#finishFirst();
  }

  #finishFirst(): void {
    if (this.#queue.shift()?.end() === false) for (const other of this.#queue.splice(0)) other.endInVain();
  }
}

/** Those of this thread. */
export const pendingRuns = new PendingRuns();
