// What a metric is. Most are means over samples, which the plan itself sums in float64. The others say which
// statistics of each sample they need, how these are accumulated, and what the result is: exact over an
// epoch, never a mean over batches.
import type {TypedArray} from '../../core/dtype.ts';
import {checkOptions, fail} from '../../core/errors.ts';
import {show} from '../../core/kinds.ts';
import {type Named, named} from '../../core/named.ts';
import type {Shape} from '../../core/shape.ts';
import type {Tensor} from '../../core/tensor.ts';
import type {Loss} from '../losses.ts';

/** What a metric may need to know about its output. */
export interface MetricContext {
  /** Of one sample. */
  readonly outputShape: Shape;
  /** The loss of that output, which tells whether targets are class labels. */
  readonly loss: Loss;
}

export interface Accumulation {
  /** The length of `sums`, which are all 0 at first. */
  size(context: MetricContext): number;
  /**
   * Adds `count` samples. `statistics` hold the values of the metric's tensors, one sample after another;
   * `weights` the weight of each sample, for a metric of `weightedMetrics`.
   */
  add(
    sums: Float64Array,
    statistics: readonly TypedArray[],
    count: number,
    context: MetricContext,
    weights?: TypedArray,
  ): void;
  /** The value of the metric, or several by what is appended to its name. */
  result(sums: Float64Array, context: MetricContext): number | Readonly<Record<string, number>>;
}

type Formula = (target: Tensor, output: Tensor, loss: Loss) => Tensor;
type Statistics = (target: Tensor, output: Tensor, loss: Loss) => Tensor | readonly Tensor[];

/**
 * (target, output, the output's loss) → a value for each sample, [batch], whose mean is the metric; or, with
 * an accumulation, its statistics of each sample, [batch, …]. Where the output has a mask, each position of
 * it is a sample, and those that do not count are left out.
 */
export type Metric = Statistics &
  Named & {
    readonly accumulation?: Accumulation | undefined;
    /**
     * The statistics of sequences as a whole, with the mask of their steps, [batch, steps]. Metrics without
     * it are asked of each position that counts.
     */
    readonly ofMasked?:
      | ((target: Tensor, output: Tensor, loss: Loss, mask: Tensor) => Tensor | readonly Tensor[])
      | undefined;
    /** Whether its mean is over those labels alone that the loss counts. */
    readonly leavesOut?: boolean | undefined;
  };

/**
 * An instance of a class of one's own: `call` computes the statistics of each sample, `accumulation` the
 * result, which is their mean by default. Where the output has a mask, each position of it is a sample.
 */
export interface CustomMetric {
  call(target: Tensor, output: Tensor, loss: Loss): Tensor | readonly Tensor[];
  readonly accumulation?: Accumulation;
  /** Options of its constructor, for files. `name`, where it has one, is what logs call it. */
  readonly config?: Named['config'];
}

export type MetricOptions = Parameters<typeof named>[1];

/** What every metric takes. */
export interface NameOption {
  /** What logs call it; its kind by default, and `auc_1`, … where another has that name. */
  readonly name?: string;
}

/** @throws ERR_OPTION */
export function checkMetricOptions(where: string, options: unknown, known: readonly string[]): void {
  checkOptions(where, options, [...known, 'name']);
  const name = (options as NameOption | undefined)?.name as unknown;
  if (name === undefined || (typeof name === 'string' && name !== '')) return;
  fail('ERR_OPTION', `${where}: name: expected text. Received ${show(name)}.`);
}

/** A metric that is the mean of a value for each sample. */
export function meanMetric(
  kind: string,
  options: MetricOptions,
  formula: Formula,
  leavesOut = false,
): Metric {
  const behaviour: Statistics = (target, output, loss) => formula(target, output, loss);
  return Object.assign(named(kind, options, behaviour), leavesOut && {leavesOut});
}

/** A metric computed from sums over all samples. */
export function accumulated(
  kind: string,
  options: MetricOptions,
  statistics: Statistics,
  accumulation: Accumulation,
): Metric {
  const behaviour: Statistics = (target, output, loss) => statistics(target, output, loss);
  return Object.assign(named(kind, options, behaviour), {accumulation});
}
