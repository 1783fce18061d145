// The learning rate of an optimizer, and of the copies of it that models have.
import type {LearningRate} from './schedule.ts';

export class Rate {
  readonly #source: Rate | undefined;
  #value: LearningRate;
  #assignments = 0;
  /** How often the source had been assigned when this one was. */
  #seen: number;

  constructor(value: LearningRate, source?: Rate) {
    this.#source = source;
    this.#value = value;
    this.#seen = source ? source.#assignments : 0;
  }

  /** Of a copy: what was assigned to it or to its source, whichever came last. */
  get value(): LearningRate {
    const source = this.#source;
    return source && source.#assignments > this.#seen ? source.#value : this.#value;
  }

  set value(value: LearningRate) {
    this.#value = value;
    this.#assignments++;
    this.#seen = this.#source ? this.#source.#assignments : 0;
  }

  /** Begins where the user's own optimizer stands, whatever became of the rate in another copy. */
  copy(): Rate {
    const source = this.#source ?? this;
    return new Rate(source.#value, source);
  }
}
