import type {TypedArray} from '../../core/dtype.ts';
import type {Json} from '../../core/named.ts';
import type {Compilation} from '../step/compilation.ts';
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
  for (const [name, value] of Object.entries(logs)) {
    const column = history[name] ?? [];
    history[name] = column;
    column.push(value);
  }
}

/** Sums of loss and metrics over samples, in float64: what follows from them is exact. */
export class RunningMeans {
  readonly #columns: readonly Column[];
  /** Sums of losses and of penalties; of losses that not all samples count in, and what counts. */
  readonly #loss: Float64Array;
  /** Of each column: the sum of its numbers, or all that it accumulates. */
  readonly #sums: readonly Float64Array[];
  samples = 0;

  constructor(compilation: Compilation) {
    this.#columns = columnsOf(compilation);
    const ratios = compilation.losses.filter(({loss}) => loss.normalizer).length;
    this.#loss = new Float64Array(2 + 2 * ratios);
    this.#sums = this.#columns.map(
      ({accumulation, context}) => new Float64Array(accumulation?.size(context) ?? 1),
    );
  }

  /**
   * Adds the first `done` of `steps` steps of `batch` samples: totals of each step, and what was kept of each
   * sample. One step after another, or the last bit would tell how many steps a native call had.
   */
  addSteps(results: Results, {steps, done, batch}: {steps: number; done: number; batch: number}): void {
    const {penalty} = results;
    addEach(this.#loss, 0, results.loss, done);
    for (let step = 0; penalty && step < done; step++)
      addTo(this.#loss, 1, batch * (penalty[step] as number));
    for (let at = 2; at < this.#loss.length; at++) {
      addEach(this.#loss, at, results[ratioResults((at >> 1) - 1)[at & 1] as string], done);
    }
    this.#columns.forEach(({accumulation, context}, index) => {
      const sums = this.#sums[index] as Float64Array;
      if (!accumulation) {
        addEach(sums, 0, results[columnResult(index)], done);
        return;
      }
      const statistics = statisticsOf(results, index);
      for (let step = 0; step < done; step++) {
        const own = statistics.map(values => {
          const size = values.length / steps;
          return values.subarray(step * size, (step + 1) * size);
        });
        accumulation.add(sums, own, batch, context);
      }
    });
    this.samples += done * batch;
  }

  /** Adds the first `count` samples of a run that gave its numbers for each. */
  addSamples(results: Results, count: number): void {
    addEach(this.#loss, 0, results.loss, count);
    addTo(this.#loss, 1, count * (results.penalty?.[0] ?? 0));
    for (let at = 2; at < this.#loss.length; at++) {
      addEach(this.#loss, at, results[ratioResults((at >> 1) - 1)[at & 1] as string], count);
    }
    this.#columns.forEach(({accumulation, context}, index) => {
      const sums = this.#sums[index] as Float64Array;
      if (accumulation) accumulation.add(sums, statisticsOf(results, index), count, context);
      else addEach(sums, 0, results[columnResult(index)], count);
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
    const [losses = 0, penalties = 0, ...ratios] = this.#loss;
    let loss = (losses + penalties) / this.samples;
    for (let at = 0; at < ratios.length; at += 2) {
      // Where nothing counts there is no loss, as in Keras.
      if (ratios[at + 1] !== 0) loss += (ratios[at] as number) / (ratios[at + 1] as number);
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

function addEach(sums: Float64Array, index: number, values: TypedArray | undefined, count: number): void {
  if (values) for (let at = 0; at < count; at++) addTo(sums, index, values[at] as number);
}
