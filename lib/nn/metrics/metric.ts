// What a metric is. Most are means over samples, whose numbers the plan itself adds up in float64. The
// others say what they keep of each sample, how that is added up, and what follows from it: also over an
// epoch, never a mean of the batches' results.
import type {TypedArray} from '../../core/dtype.ts';
import {type Named, named} from '../../core/named.ts';
import {formatShape, type Shape} from '../../core/shape.ts';
import {failIn, type Tensor} from '../../core/tensor.ts';
import type {Loss} from '../losses.ts';

/** What a metric may want to know of the output that it looks at. */
export interface MetricContext {
  /** Of one sample. */
  readonly outputShape: Shape;
  /** The loss of that output; it says whether targets are class numbers. */
  readonly loss: Loss;
}

export interface Accumulation {
  /** How many numbers are kept in `sums`, all 0 at first. */
  size(context: MetricContext): number;
  /**
   * Adds `count` samples. `statistics` hold, one sample after another, what the metric's tensors tell of
   * each; `weights`, for one of `weightedMetrics`, how much each counts.
   */
  add(
    sums: Float64Array,
    statistics: readonly TypedArray[],
    count: number,
    context: MetricContext,
    weights?: TypedArray,
  ): void;
  /** The metric, or several numbers by what is appended to its name. */
  result(sums: Float64Array, context: MetricContext): number | Readonly<Record<string, number>>;
}

type Formula = (target: Tensor, output: Tensor, loss: Loss) => Tensor;
type Statistics = (target: Tensor, output: Tensor, loss: Loss) => Tensor | readonly Tensor[];

/**
 * (target, output, the output's loss) → a number of each sample, [batch], whose mean is the metric; or,
 * where there is an accumulation, tensors [batch, …] of what it keeps of each sample.
 */
export type Metric = Statistics & Named & {readonly accumulation?: Accumulation | undefined};

/**
 * An object of a class of one's own: what it tells of each sample, and what becomes of that if not a mean.
 */
export interface CustomMetric {
  call(target: Tensor, output: Tensor, loss: Loss): Tensor | readonly Tensor[];
  readonly accumulation?: Accumulation;
  /** Options of its constructor, for files. */
  readonly config?: Named['config'];
}

export type MetricOptions = Parameters<typeof named>[1];

/** A metric that is the mean of a number of each sample. */
export function meanMetric(kind: string, options: MetricOptions, formula: Formula): Metric {
  return named(kind, options, (target: Tensor, output: Tensor, loss: Loss) => formula(target, output, loss));
}

/** A metric that follows from sums over all samples. */
export function accumulated(
  kind: string,
  options: MetricOptions,
  statistics: Statistics,
  accumulation: Accumulation,
): Metric {
  const own: Statistics = (target, output, loss) => statistics(target, output, loss);
  return Object.assign(named(kind, options, own), {accumulation});
}

/** Refuses class numbers where a metric compares with numbers of the output's shape. */
export function checkValues(kind: string, target: Tensor, output: Tensor): void {
  if (formatShape(target.shape) === formatShape(output.shape) && target.dtype === 'float32') return;
  const received = `Received ${target} and ${output}`;
  failIn(kind, 'ERR_SHAPE', `the target must be numbers of the output's shape. ${received}`);
}
