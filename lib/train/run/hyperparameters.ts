// The hyperparameters that an optimizer reads at each step. Those of the next call are written during a call,
// because a step of a small model takes hardly longer than writing them.
import {type Optimizer, writeHyper} from '../../optim/optimizer.ts';

/** Steps whose hyperparameters were written in advance. */
interface Prepared {
  readonly optimizer: Optimizer;
  readonly rate: number;
  readonly first: number;
  readonly steps: number;
}

export class Hyperparameters {
  readonly #capacity: number;
  /** A call may read one while the other is written. */
  #current: Float32Array;
  #other: Float32Array;
  #prepared: Prepared | undefined;

  /** Memory for `capacity` steps of `count` hyperparameters, which native code reads where it lies. */
  constructor(capacity: number, count: number) {
    const allocate = () => new Float32Array(new SharedArrayBuffer(4 * capacity * count));
    this.#capacity = capacity;
    this.#current = allocate();
    this.#other = allocate();
  }

  /** Those of `steps` steps from `first` on, a row each; valid until the next call of this method. */
  of(optimizer: Optimizer, first: number, steps: number): Float32Array {
    const known = Math.min(this.#known(optimizer, first), steps);
    [this.#current, this.#other] = [this.#other, this.#current];
    this.#prepared = undefined;
    const {hyperCount} = optimizer;
    writeHyper(optimizer, first + known, steps - known, this.#current.subarray(known * hyperCount));
    return this.#current.subarray(0, steps * hyperCount);
  }

  /**
   * Writes those of the steps that are likely to come next. Not where the learning rate is a function: it may
   * be the user's own, and is called only for steps that are taken.
   */
  prepare(optimizer: Optimizer, first: number, steps: number): void {
    const {learningRate: rate} = optimizer;
    if (typeof rate !== 'number' || steps > this.#capacity) return;
    writeHyper(optimizer, first, steps, this.#other);
    this.#prepared = {optimizer, rate, first, steps};
  }

  /** How many steps from `first` on are written. */
  #known(optimizer: Optimizer, first: number): number {
    const prepared = this.#prepared;
    const holds = prepared?.optimizer === optimizer && prepared.rate === optimizer.learningRate;
    return holds && prepared.first === first ? prepared.steps : 0;
  }
}
