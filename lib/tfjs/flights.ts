// Runs of plans that were started and are made while JavaScript records the next trace.
import type {Flight} from '../runtime/linked.ts';
import type {Source} from './entry.ts';

/** So many may be under way; then the first is waited for. */
const mostUnderWay = 2;

/** What becomes of a run when it has ended. */
export interface Ending {
  /** Whether it may find that its data are not possible: then no other is started before it has ended. */
  readonly mayFail: boolean;
  /** Called in the order in which they were started; false where a guard failed. */
  land(isDone: boolean): void;
  /** It could not be made. */
  fail(error: unknown): void;
}

/** A run under way, which its results come from. */
class UnderWay implements Source {
  readonly ending: Ending;
  readonly #flight: Flight;

  constructor(flight: Flight, ending: Ending) {
    this.#flight = flight;
    this.ending = ending;
  }

  get ended(): Promise<void> {
    return this.#flight.ended;
  }

  finish(): void {
    flights.finish(this);
  }

  /** Waits for the end. False where the run could not be made: those after it have read what is not there. */
  end(): boolean {
    let isDone: boolean;
    try {
      isDone = this.#flight.finish() === undefined;
    } catch (error) {
      this.ending.fail(error);
      return false;
    }
    this.ending.land(isDone);
    return true;
  }

  endInVain(): void {
    try {
      this.#flight.finish();
    } catch {
      // It has read what an earlier one could not make; who reads its results hears of that.
    }
    this.ending.fail(new Error('chainrule/tfjs: what this was to be computed from could not be computed.'));
  }
}

class Flights {
  readonly #queue: UnderWay[] = [];

  add(flight: Flight, ending: Ending): Source {
    const one = new UnderWay(flight, ending);
    this.#queue.push(one);
    return one;
  }

  /** Waits until another may be started. */
  makeRoom(): void {
    while (this.#queue.length >= mostUnderWay || this.#queue.at(-1)?.ending.mayFail) this.#finishFirst();
  }

  /** Waits for a run, and for all that were started before it. */
  finish(one: UnderWay): void {
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
export const flights = new Flights();
