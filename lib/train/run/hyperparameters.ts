// The numbers of each step that an optimizer reads. Those of the next run are written while a run is under
// way, for a small model's step takes not much longer than they do.
import {type Optimizer, writeHyper} from '../../optim/optimizer.ts';

/** What was written before it was asked for. */
interface Foreseen {
  readonly optimizer: Optimizer;
  readonly rate: number;
  readonly first: number;
  readonly steps: number;
}

export class StepNumbers {
  readonly #capacity: number;
  /** One may be read by a run while the other is written. */
  #current: Float32Array;
  #other: Float32Array;
  #foreseen: Foreseen | undefined;

  /** Room for so many steps of `count` numbers, in memory that native code reads where it lies. */
  constructor(capacity: number, count: number) {
    const room = () => new Float32Array(new SharedArrayBuffer(4 * capacity * count));
    this.#capacity = capacity;
    this.#current = room();
    this.#other = room();
  }

  /** Those of `steps` steps from `first` on, a row each; they stay until the next call. */
  of(optimizer: Optimizer, first: number, steps: number): Float32Array {
    const known = Math.min(this.#known(optimizer, first), steps);
    [this.#current, this.#other] = [this.#other, this.#current];
    this.#foreseen = undefined;
    const {hyperCount} = optimizer;
    writeHyper(optimizer, first + known, steps - known, this.#current.subarray(known * hyperCount));
    return this.#current.subarray(0, steps * hyperCount);
  }

  /**
   * Writes those of the steps that will probably be next. Not where the rate is a function, which may be the
   * user's own: it is asked about the steps that are made.
   */
  foresee(optimizer: Optimizer, first: number, steps: number): void {
    const {learningRate: rate} = optimizer;
    if (typeof rate !== 'number' || steps > this.#capacity) return;
    writeHyper(optimizer, first, steps, this.#other);
    this.#foreseen = {optimizer, rate, first, steps};
  }

  /** How many steps from `first` on are written. */
  #known(optimizer: Optimizer, first: number): number {
    const foreseen = this.#foreseen;
    const holds = foreseen?.optimizer === optimizer && foreseen.rate === optimizer.learningRate;
    return holds && foreseen.first === first ? foreseen.steps : 0;
  }
}
