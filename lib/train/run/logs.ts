import type {TypedArray} from '../../core/dtype.ts';
import type {Json} from '../../core/named.ts';
import {rowsOfStep, rowsOfSteps, type StepRows} from '../../core/step-rows.ts';
import type {Compilation} from '../step/compilation.ts';
import {isQuotient} from '../step/compile-options.ts';
import {type Column, columnResult, columnsOf, ratioResults, statisticResult} from '../step/measures.ts';

/**
 * Numbers by name: `loss`, metrics as they were called in `compile`, the same of the validation with `val_`.
 */
export type Logs = Record<string, number>;

/** What training did, an entry for each finished epoch. */
export interface History {
  readonly epoch: number[];
  readonly history: Record<string, number[]>;
}

export function addToHistory({epoch, history}: History, number: number, logs: Logs): void {
  epoch.push(number);
  for (const name in logs) {
    let column = history[name];
    if (!column) {
      column = [];
      history[name] = column;
    }
    column.push(logs[name] as number);
  }
}

/** Sums of loss and metrics over samples, in float64: what follows from them is exact. */
export class RunningMeans {
  readonly #columns: readonly Column[];
  /** Sums of losses and of penalties; of losses that not all samples count in, and what counts. */
  readonly #loss: Float64Array;
  /** Of each column: the sum of its numbers, or all that it accumulates. */
  readonly #sums: readonly Float64Array[];
  /** Names of the results, made once. */
  readonly #columnNames: readonly string[];
  readonly #ratioNames: readonly string[];
  samples = 0;

  constructor(compilation: Compilation) {
    this.#columns = columnsOf(compilation);
    const ratios = compilation.losses.filter(isQuotient).length;
    this.#columnNames = this.#columns.map((_, index) => columnResult(index));
    this.#ratioNames = Array.from({length: ratios}, (_, index) => ratioResults(index)).flat();
    this.#loss = new Float64Array(2 + 2 * ratios);
    this.#sums = this.#columns.map(
      ({accumulation, context}) => new Float64Array(accumulation?.size(context) ?? 1),
    );
  }

  /** As it was at first, for the next epoch. */
  reset(): void {
    this.#loss.fill(0);
    for (const sums of this.#sums) sums.fill(0);
    this.samples = 0;
  }

  /**
   * Adds the steps from `first` to before `end` out of `steps`: totals of each step, and what was kept of
   * each sample. One step after another, or the last bit would tell how many steps a native call had.
   */
  addSteps(results: Results, {steps, first, end, of}: StepRange): void {
    const {penalty} = results;
    addEach(this.#loss, 0, results.loss, first, end);
    for (let step = first; penalty && step < end; step++)
      addTo(this.#loss, 1, rowsOfStep(of, step) * (penalty[step] as number));
    for (let at = 2; at < this.#loss.length; at++) {
      addEach(this.#loss, at, results[this.#ratioNames[at - 2] as string], first, end);
    }
    for (let index = 0; index < this.#columns.length; index++) {
      const {accumulation, context} = this.#columns[index] as Column;
      const sums = this.#sums[index] as Float64Array;
      if (!accumulation) {
        addEach(sums, 0, results[this.#columnNames[index] as string], first, end);
        continue;
      }
      const statistics = statisticsOf(results, index);
      const all = rowsOfSteps(of, steps);
      for (let step = first; step < end; step++) {
        const before = rowsOfSteps(of, step);
        const batch = rowsOfStep(of, step);
        const own = statistics.map(values => {
          const size = values.length / all;
          return values.subarray(before * size, (before + batch) * size);
        });
        accumulation.add(sums, own, batch, context);
      }
    }
    this.samples += rowsOfSteps(of, end) - rowsOfSteps(of, first);
  }

  /** Adds the first `count` samples of a run that gave its numbers for each of `of`. */
  addSamples(results: Results, count: number, of: number): void {
    addEach(this.#loss, 0, results.loss, 0, count);
    addTo(this.#loss, 1, count * (results.penalty?.[0] ?? 0));
    for (let at = 2; at < this.#loss.length; at++) {
      addEach(this.#loss, at, results[this.#ratioNames[at - 2] as string], 0, count);
    }
    this.#columns.forEach(({accumulation, context}, index) => {
      const sums = this.#sums[index] as Float64Array;
      if (accumulation) {
        const own = statisticsOf(results, index).map(values =>
          values.subarray(0, (values.length / of) * count),
        );
        accumulation.add(sums, own, count, context);
      } else addEach(sums, 0, results[this.#columnNames[index] as string], 0, count);
    });
    this.samples += count;
  }

  /** For a checkpoint. */
  save(): Json {
    const sums = [this.#loss, ...this.#sums].map(numbers => [...numbers]);
    return {sums, samples: this.samples};
  }

  restore(saved: Json): void {
    const {sums, samples} = saved as {sums: number[][]; samples: number};
    [this.#loss, ...this.#sums].forEach((own, index) => {
      own.set(sums[index] as number[]);
    });
    this.samples = samples;
  }

  logs(prefix = ''): Logs {
    const sums = this.#loss as unknown as readonly number[];
    let loss = ((sums[0] as number) + (sums[1] as number)) / this.samples;
    for (let at = 2; at < sums.length; at += 2) {
      // Where nothing counts there is no loss, as in Keras.
      if (sums[at + 1] !== 0) loss += (sums[at] as number) / (sums[at + 1] as number);
    }
    const logs: Logs = {[`${prefix}loss`]: loss};
    this.#columns.forEach(({name, accumulation, context}, index) => {
      const sums = this.#sums[index] as Float64Array;
      const result = accumulation?.result(sums, context) ?? (sums[0] as number) / this.samples;
      if (typeof result === 'number') logs[prefix + name] = result;
      else for (const [part, value] of Object.entries(result)) logs[prefix + name + part] = value;
    });
    return logs;
  }
}

/** Steps of a run of `steps`, from `first` to before `end`. */
export interface StepRange {
  readonly steps: number;
  readonly first: number;
  readonly end: number;
  /** Rows of the steps of the run. */
  readonly of: StepRows;
}

type Results = Readonly<Record<string, TypedArray>>;

/** All that an accumulation keeps of each sample. */
function statisticsOf(results: Results, index: number): TypedArray[] {
  const statistics: TypedArray[] = [];
  for (;;) {
    const statistic = results[statisticResult(index, statistics.length)];
    if (!statistic) return statistics;
    statistics.push(statistic);
  }
}

function addTo(sums: Float64Array, index: number, value: number): void {
  sums[index] = (sums[index] as number) + value;
}

/** Adds the values from `first` to before `end`. */
function addEach(
  sums: Float64Array,
  index: number,
  values: TypedArray | undefined,
  first: number,
  end: number,
): void {
  if (values) for (let at = first; at < end; at++) addTo(sums, index, values[at] as number);
}
