// Where the batches of an epoch come from.
import {ascendingRows, shuffleRows} from '../../data/order.ts';
import type {Samples} from './samples.ts';

/**
 * Batches of one size that follow one another, from one epoch to the next where they may: at most these are
 * trained on in one native call.
 */
export interface BatchRun {
  readonly samples: Samples;
  /** Row indices into the samples, `steps` times `batch` of them. */
  readonly rows: Int32Array;
  readonly batch: number;
  readonly steps: number;
}

export interface BatchSource {
  /** Batches of an epoch, and at most so many rows of it; infinite where a data set does not tell. */
  readonly batches: number;
  readonly rows: number;
  /**
   * From batch `batch` of `epoch` on, some batches but at most `most`; undefined where the epoch ends. Asked
   * in order, but the first question may be for any batch: a training goes on where it was interrupted.
   * `before` epochs were trained by earlier calls, whose order of rows goes on.
   * Those of `epochs` epochs may come as one run, that of `epoch` included; one by default.
   */
  next(
    epoch: number,
    batch: number,
    most: number,
    before: number,
    epochs?: number,
  ): BatchRun | undefined | Promise<BatchRun | undefined>;
  /** The training has ended. */
  close?(): void;
}

export interface ArraySourceOptions {
  /** Rows that are trained on, from the first. */
  readonly count: number;
  readonly batchSize: number;
  readonly seed: number;
  readonly shuffle: boolean;
  /** As many batches make an epoch, which goes on in the rows where the one before ended. */
  readonly stepsPerEpoch: number | undefined;
}

/** Rows of the orders that are made in advance, at least one. */
const rowsAhead = 2 ** 16;

/** Batches of arrays that are in memory: a pass over all rows is an index table in a new order. */
export class ArraySource implements BatchSource {
  readonly batches: number;
  readonly rows: number;
  readonly #samples: Samples;
  readonly #options: ArraySourceOptions;
  readonly #perPass: number;
  /** The orders of some passes that follow one another, which are those from `#firstPass` on. */
  #orders: Int32Array;
  #firstPass = Number.NaN;
  #passes = 0;

  constructor(samples: Samples, options: ArraySourceOptions) {
    const {count, batchSize, stepsPerEpoch} = options;
    this.#samples = samples;
    this.#options = options;
    this.#orders = ascendingRows(count);
    this.#perPass = Math.ceil(count / batchSize);
    this.batches = stepsPerEpoch ?? this.#perPass;
    this.rows = stepsPerEpoch === undefined ? count : stepsPerEpoch * batchSize;
  }

  next(epoch: number, batch: number, most: number, before: number, epochs = 1): BatchRun | undefined {
    if (batch >= this.batches) return undefined;
    const {count, batchSize} = this.#options;
    const position = (before + epoch) * this.batches + batch;
    const pass = Math.floor(position / this.#perPass);
    const first = (position % this.#perPass) * batchSize;
    const whole = Math.floor((count - first) / batchSize);
    const wanted = Math.min(most, epochs * this.batches - batch);
    // Where the last batch of a pass is a short one, a run ends before it.
    const ends = wanted <= whole || count % batchSize !== 0;
    const begin = this.#orderOf(pass, ends ? 1 : 1 + Math.ceil((wanted - whole) / this.#perPass)) + first;
    if (whole === 0) return this.#run(begin, count - first, 1);
    const further = ends ? 0 : this.#firstPass + this.#passes - 1 - pass;
    return this.#run(begin, batchSize, Math.min(wanted, whole + further * this.#perPass));
  }

  #run(first: number, batch: number, steps: number): BatchRun {
    return {samples: this.#samples, rows: this.#orders.subarray(first, first + steps * batch), batch, steps};
  }

  /**
   * Where the order of a pass stands in the table. One that does not is made, and with it those of the passes
   * that follow, `passes` in all where they are not too many.
   */
  #orderOf(pass: number, passes: number): number {
    const {count, seed, shuffle} = this.#options;
    const known = pass - this.#firstPass;
    if (known >= 0 && known < this.#passes) return known * count;
    this.#firstPass = pass;
    this.#passes = Math.max(1, Math.min(passes, Math.floor(rowsAhead / count)));
    if (this.#orders.length < this.#passes * count) {
      this.#orders = new Int32Array(new SharedArrayBuffer(4 * this.#passes * count));
    }
    for (let index = 0; index < this.#passes; index++) {
      const order = this.#orders.subarray(index * count, (index + 1) * count);
      if (shuffle) shuffleRows(order, seed, pass + index);
      else for (let row = 0; row < count; row++) order[row] = row;
    }
    return 0;
  }
}
