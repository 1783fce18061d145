// What an agent has seen, for it to learn from many times: the newest steps, the oldest forgotten.

export interface Step<State> {
  readonly state: State;
  readonly action: number;
  readonly reward: number;
  readonly next: State;
  /** Whether the game was over then, so that nothing comes after it. */
  readonly over: boolean;
}

export class ReplayBuffer<State> {
  readonly #steps: Step<State>[] = [];
  readonly #capacity: number;
  #added = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#steps.length;
  }

  add(step: Step<State>): void {
    this.#steps[this.#added++ % this.#capacity] = step;
  }

  /** So many of them at random; one may come twice. */
  sample(count: number, random: () => number): Step<State>[] {
    const {length} = this.#steps;
    return Array.from({length: count}, () => this.#steps[Math.floor(random() * length)] as Step<State>);
  }
}
