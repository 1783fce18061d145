// Whose turn it is on this thread. Short runs are made inline, by the thread that asks, and a loop that
// awaits nothing else would hold the event loop up for ever: after some milliseconds they wait for its next
// turn.

/** Milliseconds of a turn after which no further run begins in it. */
const turnMs = 4;

export interface Clock {
  now(): number;
  /** Calls `task` when the event loop has had its turn. */
  afterTurn(task: () => void): void;
}

const systemClock: Clock = {
  now: () => performance.now(),
  afterTurn: task => void setImmediate(task),
};

export class Turns {
  readonly #clock: Clock;
  /** When the first run of this turn began; undefined where there was none yet. */
  #began: number | undefined;
  /** Who waits for the next turn, in order, from `#first` on. */
  #waiting: (() => void)[] = [];
  #first = 0;
  readonly #end = (): void => {
    this.#began = undefined;
    if (this.#waits) this.#serve();
  };

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  /** Whether a short run may begin now: the turn is young, and nobody waited before. */
  get open(): boolean {
    return !this.#waits && this.#isYoung();
  }

  /** Resolved where a run may begin, in a later turn; who asks first is first. */
  next(): Promise<void> {
    this.#isYoung(); // from here on the turn has an end
    return new Promise(resolve => this.#waiting.push(resolve));
  }

  get #waits(): boolean {
    return this.#first < this.#waiting.length;
  }

  #isYoung(): boolean {
    if (this.#began !== undefined) return this.#clock.now() - this.#began < turnMs;
    this.#began = this.#clock.now();
    this.#clock.afterTurn(this.#end);
    return true;
  }

  /** Lets one after another begin; what each does inline is done when the next one's microtask comes. */
  readonly #serve = (): void => {
    if (!this.#waits || !this.#isYoung()) return;
    const begin = this.#waiting[this.#first++] as () => void;
    if (!this.#waits) {
      this.#waiting = [];
      this.#first = 0;
    }
    begin();
    queueMicrotask(this.#serve);
  };
}

/** Those of this thread. */
export const turns = new Turns();
