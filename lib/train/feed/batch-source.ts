// Where the batches of an epoch come from.
import {ascendingRows, shuffleRows} from '../../data/order.ts';
import type {Samples} from './samples.ts';

/** Batches of one size that follow one another: at most these are trained on in one native call. */
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
   */
  next(
    epoch: number,
    batch: number,
    most: number,
    before: number,
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

/** Batches of arrays that are in memory: a pass over all rows is an index table in a new order. */
export class ArraySource implements BatchSource {
  readonly batches: number;
  readonly rows: number;
  readonly #samples: Samples;
  readonly #options: ArraySourceOptions;
  readonly #order: Int32Array;
  readonly #perPass: number;
  /** The pass whose order stands in the table. */
  #pass = Number.NaN;

  constructor(samples: Samples, options: ArraySourceOptions) {
    const {count, batchSize, stepsPerEpoch} = options;
    this.#samples = samples;
    this.#options = options;
    this.#order = ascendingRows(count);
    this.#perPass = Math.ceil(count / batchSize);
    this.batches = stepsPerEpoch ?? this.#perPass;
    this.rows = stepsPerEpoch === undefined ? count : stepsPerEpoch * batchSize;
  }

  next(epoch: number, batch: number, most: number, before: number): BatchRun | undefined {
    if (batch >= this.batches) return undefined;
    const {count, batchSize, seed, shuffle} = this.#options;
    const position = (before + epoch) * this.batches + batch;
    const pass = Math.floor(position / this.#perPass);
    if (shuffle && pass !== this.#pass) shuffleRows(this.#order, seed, pass);
    this.#pass = pass;
    const first = (position % this.#perPass) * batchSize;
    const whole = Math.floor((count - first) / batchSize);
    if (whole === 0) {
      return {samples: this.#samples, rows: this.#order.subarray(first), batch: count - first, steps: 1};
    }
    const steps = Math.min(whole, most, this.batches - batch);
    const rows = this.#order.subarray(first, first + steps * batchSize);
    return {samples: this.#samples, rows, batch: batchSize, steps};
  }
}
