import type {TypedArray} from '../core/dtype.ts';
import type {Json} from '../core/named.ts';
import {metricOutput} from './graphs.ts';
import {columnNames, type Training} from './training.ts';

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

/** Sums of loss and metrics over samples, in float64: their quotients are exact means. */
export class RunningMeans {
  readonly #names: readonly string[];
  readonly #sums: Float64Array;
  samples = 0;

  constructor(training: Training) {
    this.#names = ['loss', ...columnNames(training)];
    this.#sums = new Float64Array(this.#names.length);
  }

  /** Adds `steps` steps of `batch` samples whose totals a run gave. */
  addSteps(outputs: Readonly<Record<string, TypedArray>>, steps: number, batch: number): void {
    const {penalty} = outputs;
    for (let step = 0; step < steps; step++) {
      this.#add(0, (outputs.loss?.[step] as number) + batch * (penalty?.[step] ?? 0));
      for (let index = 1; index < this.#sums.length; index++) {
        this.#add(index, outputs[metricOutput(index - 1)]?.[step] as number);
      }
    }
    this.samples += steps * batch;
  }

  /** Adds the first `count` samples of a run that gave a number for each. */
  addSamples(outputs: Readonly<Record<string, TypedArray>>, count: number): void {
    for (let index = 0; index < this.#sums.length; index++) {
      const values = outputs[index === 0 ? 'loss' : metricOutput(index - 1)] as TypedArray;
      let sum = 0;
      for (let sample = 0; sample < count; sample++) sum += values[sample] as number;
      this.#add(index, sum);
    }
    this.#add(0, count * (outputs.penalty?.[0] ?? 0));
    this.samples += count;
  }

  #add(index: number, value: number): void {
    this.#sums[index] = (this.#sums[index] as number) + value;
  }

  /** For a checkpoint. */
  save(): Json {
    return {sums: [...this.#sums], samples: this.samples};
  }

  restore(saved: Json): void {
    const {sums, samples} = saved as {sums: number[]; samples: number};
    this.#sums.set(sums);
    this.samples = samples;
  }

  logs(prefix = ''): Logs {
    return Object.fromEntries(
      this.#names.map((name, index) => [prefix + name, (this.#sums[index] as number) / this.samples]),
    );
  }
}
