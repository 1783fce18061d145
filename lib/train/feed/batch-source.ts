// Where the batches of an epoch come from.
import type {ShortSteps} from '../../core/step-rows.ts';
import {ascendingRows, shuffleRows} from '../../data/order.ts';
import type {Samples} from './samples.ts';

/**
 * Batches that follow one another, from one epoch to the next where they may: at most these are trained on in
 * one native call. All are of one size, but for short ones at the ends of passes.
 */
export interface BatchRun {
  readonly samples: Samples;
  /** Row indices into the samples, batch after batch. */
  readonly rows: Int32Array;
  readonly batch: number;
  readonly steps: number;
  readonly short?: ShortSteps | undefined;
}

/** The first batches of a run, as far as they are of one size. */
export function evenSteps({samples, rows, batch, steps, short}: BatchRun): BatchRun {
  if (!short) return {samples, rows, batch, steps};
  const whole = short.every - 1 - short.phase;
  if (whole === 0) return {samples, rows, batch: short.rows, steps: 1};
  return {samples, rows, batch, steps: Math.min(steps, whole)};
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
    const perPass = this.#perPass;
    const position = (before + epoch) * this.batches + batch;
    const pass = Math.floor(position / perPass);
    const phase = position % perPass;
    const wanted = Math.min(most, epochs * this.batches - batch);
    const first = this.#orderOf(pass, Math.ceil((phase + wanted) / perPass)) + phase * batchSize;
    const steps = Math.min(wanted, (this.#firstPass + this.#passes - pass) * perPass - phase);
    const left = count - (perPass - 1) * batchSize;
    const run = {samples: this.#samples, rows: this.#orders.subarray(first, this.#passes * count), steps};
    if (left === batchSize || phase + steps < perPass) return {...run, batch: batchSize};
    if (perPass === 1 || (steps === 1 && phase === perPass - 1)) return {...run, batch: left};
    return {...run, batch: batchSize, short: {rows: left, every: perPass, phase}};
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
