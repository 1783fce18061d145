// What a metric takes from the loss of its output: whether outputs are logits, from where on an output is a
// yes, and which labels do not count.
import type {Tensor} from '../../core/tensor.ts';
import {cast, greater, notEqual, sigmoid} from '../../ops/map.ts';
import {softmax} from '../../ops/softmax.ts';
import type {Loss} from '../losses/loss.ts';

export interface DecisionOptions {
  /**
   * From where on an output is a yes: above it. 0.5 by default; for logits and for hinge losses 0. For logits
   * a threshold between 0 and 1 is one of the probability, any other is compared with the logits.
   */
  readonly threshold?: number;
  /** Whether outputs are logits; what the loss says by default. */
  readonly fromLogits?: boolean;
}

const binary = ['binaryCrossentropy', 'binaryFocalCrossentropy'];
const categorical = [
  'categoricalCrossentropy',
  'categoricalFocalCrossentropy',
  'sparseCategoricalCrossentropy',
];
const hinge = ['hinge', 'squaredHinge'];

/** Whether each output is a decision of its own. */
export const isBinary = ({kind}: Loss): boolean => binary.includes(kind);

/** Whether outputs are logits: as the metric says, else as the loss. */
export function areLogits({kind, config}: Loss, own?: boolean): boolean {
  const known = binary.includes(kind) || categorical.includes(kind);
  return own ?? (known && config.fromLogits === true);
}

/** The output as probabilities, which it is where it holds no logits. */
export function probabilitiesOf(output: Tensor, loss: Loss, fromLogits?: boolean): Tensor {
  if (!areLogits(loss, fromLogits)) return output;
  return categorical.includes(loss.kind) ? softmax(output) : sigmoid(output);
}

/** Which outputs are a yes. */
export function decided(output: Tensor, loss: Loss, {threshold, fromLogits}: DecisionOptions): Tensor {
  if (!areLogits(loss, fromLogits)) {
    return greater(output, threshold ?? (hinge.includes(loss.kind) ? 0 : 0.5));
  }
  const share = threshold ?? 0.5;
  if (share <= 0 || share >= 1) return greater(output, share);
  if (categorical.includes(loss.kind)) return greater(softmax(output), share);
  return greater(output, Math.log(share / (1 - share)));
}

/** Which targets are a yes: above 0.5, also where they are −1 and 1. */
export const isPositive = (target: Tensor): Tensor => greater(target, 0.5);

/** The label that the loss does not count. */
export function ignoredClass({kind, config}: Loss): number | undefined {
  return kind === 'sparseCategoricalCrossentropy' ? (config.ignoreClass as number | undefined) : undefined;
}

/** Which labels count; undefined where all do. */
export function countedLabels(labels: Tensor, loss: Loss): Tensor | undefined {
  const ignored = ignoredClass(loss);
  return ignored === undefined ? undefined : notEqual(cast(labels, 'float32'), ignored);
}
