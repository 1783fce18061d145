// What every bench is given, and what it gives: the figures that goals.ts compares with its goals.
import type {Ceiling} from './ceiling.ts';

export interface BenchOptions {
  /** Fewer repeats, and no peers unless they are chosen. */
  readonly quick: boolean;
  /** Of the runs that use several. */
  readonly threads: number;
  /** Measured at the start of the same run. */
  readonly ceiling: Ceiling;
  /** Draw the charts of README.md anew. */
  readonly chart: boolean;
  /** Print the time of each instruction. */
  readonly explain: boolean;
  /** Names; all by default, none with `quick`. */
  readonly peers: readonly string[] | undefined;
  readonly workloads: readonly string[] | undefined;
  /** The folder of another checkout, for the bench before. */
  readonly before: string | undefined;
}

export interface Figure {
  readonly value: number;
  /** Where it was measured, where the goal is for the worst of many. */
  readonly note?: string;
}

/** By the name of the goal. */
export type Figures = Readonly<Record<string, Figure>>;

export function worstOf(figures: readonly Figure[], worst: 'least' | 'most' = 'least'): Figure | undefined {
  const sign = worst === 'least' ? 1 : -1;
  return [...figures].sort((a, b) => sign * (a.value - b.value))[0];
}

export function geometricMean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}

/** Those that were measured, by name. */
export function figuresOf(all: Readonly<Record<string, Figure | undefined>>): Figures {
  const known = Object.entries(all).filter((entry): entry is [string, Figure] => entry[1] !== undefined);
  return Object.fromEntries(known);
}
