// What `compile` takes, and the losses and metrics that it makes of that.
import type {Precision} from '../../core/precision.ts';
import type {Shape} from '../../core/shape.ts';
import type {Loss} from '../../nn/losses.ts';
import type {Metric} from '../../nn/metrics.ts';
import type {LossLike, MetricLike} from '../../nn/resolve.ts';
import type {OptimizerLike} from '../../optim/resolve.ts';

/** One for each output: in the order of the outputs, or by their names, in an object or a Map. */
export type PerOutput<Value> =
  | readonly Value[]
  | Readonly<Record<string, Value>>
  | ReadonlyMap<string, Value>;

export interface CompileOptions {
  /** A name or a member of `optimizers`. */
  readonly optimizer: OptimizerLike;
  /**
   * A name, a member of `losses`, or a function (target, output) → loss of each sample. For several outputs:
   * one that serves all, or one for each; an output that is not named has no loss, and no data in `y`.
   */
  readonly loss: LossLike | PerOutput<LossLike>;
  /** Factors of the outputs' losses in the sum that is minimized; 1 by default. */
  readonly lossWeights?: PerOutput<number>;
  /**
   * Names, members of `metrics`, functions (target, output) → number of each sample, or `CustomMetric`s. For
   * several outputs:
   * a list that serves all, or a list for each, in their order or by their names.
   */
  readonly metrics?: readonly MetricLike[] | PerOutput<MetricLike | readonly MetricLike[]>;
  /**
   * The same, in which each sample counts by its weight: `sampleWeight` times that of its class. Called
   * `weighted_…` where a metric of that name is there already.
   */
  readonly weightedMetrics?: CompileOptions['metrics'];
  /**
   * Of the operands of matrix products and convolutions in training steps: 'float32' (default), or
   * 'bfloat16', Keras' mixed_bfloat16: 8 bits of each operand instead of 24, in the products of the forward
   * pass and of both gradients, summed in float32. Weights, moments, biases, activations, losses, products
   * with a side under 16 and convolutions with under 16 channels, outputs or pixels stay float32, and so does
   * all of `predict` and `evaluate`. Twice as fast per product where the
   * CPU has AVX512_BF16 (AMD since Zen 4, Intel since Cooper Lake), somewhat slower than float32 elsewhere.
   * The same bits on any number of threads; on every CPU too unless a sum is smaller than 1.2e-38.
   */
  readonly precision?: Precision;
  /**
   * Whether to warn, once, of losses and metrics that do not go with their output: probabilities where there
   * are none, logits that are none, a softmax of one unit. True by default; false says that it is meant so.
   */
  readonly warn?: boolean;
}

/** The loss of one output. */
export interface OutputLoss {
  /** Of the output. */
  readonly name: string;
  /** Its place among the network's outputs. */
  readonly output: number;
  /** Of the output, for one sample. */
  readonly shape: Shape;
  readonly loss: Loss;
  readonly weight: number;
  /**
   * Of the mask of one sample, where the output has one: its loss and metrics are over the positions that
   * count.
   */
  readonly maskShape: Shape | undefined;
}

/** Whether the loss of a batch is a quotient: of the sum of its losses, and of what counts of each sample. */
export const isQuotient = ({loss, maskShape}: OutputLoss): boolean =>
  (maskShape !== undefined && !loss.ofMasked) || loss.normalizer !== undefined;

export interface NamedMetric {
  /** As it stands in logs and in `history`: for several outputs with the output's name before it. */
  readonly name: string;
  /** As the user called it. */
  readonly own: string;
  readonly metric: Metric;
  /** Whether each sample counts by its weight. */
  readonly weighted: boolean;
  /** Which of `losses` it goes with. */
  readonly of: OutputLoss;
}
