// What a loss is, and what the groups of losses share.
import {type Json, type Named, named} from '../../core/named.ts';
import {type Shape, sameShape} from '../../core/shape.ts';
import {failIn, type Tensor} from '../../core/tensor.ts';
import {maximum, minimum} from '../../ops/map.ts';

/** What a loss compares the output with: values of the output's shape, or class labels. */
export type TargetKind = 'values' | 'classes';

/** The loss of each sample: (target, output) → [batch]. */
export type Loss = ((target: Tensor, output: Tensor) => Tensor) &
  Named & {
    readonly targets: TargetKind;
    /** The shape of a target, from that of an output, both of one sample, where `targets` does not tell. */
    readonly targetShape?: ((output: Shape) => Shape) | undefined;
    /**
     * The loss of sequences as a whole, with the mask of their steps, [batch, steps], where there is one.
     * Losses without it are asked of each step that counts.
     */
    readonly ofMasked?: ((target: Tensor, output: Tensor, mask: Tensor | undefined) => Tensor) | undefined;
    /**
     * The fraction of each sample that counts, [batch], if that is not always 1. The loss of a batch is then
     * the sum of its losses divided by the sum of these.
     */
    readonly normalizer?: ((target: Tensor) => Tensor) | undefined;
  };

export type NoOptions = Readonly<Record<string, never>>;

/** Keras's epsilon: before a logarithm, probabilities are clipped to epsilon…1 − epsilon. */
export const epsilon = 1e-7;

export const clip = (p: Tensor): Tensor => minimum(maximum(p, epsilon), 1 - epsilon);

/** Refuses class labels where values of the output's shape are expected. */
export function checkValues(kind: string, target: Tensor, output: Tensor): void {
  if (sameShape(target.shape, output.shape) && target.dtype === 'float32') return;
  const received = `Received ${target} and ${output}`;
  failIn(kind, 'ERR_SHAPE', `the target must be numbers of the output's shape. ${received}`);
}

/** A loss that compares values, [batch, …], with an output of the same shape. */
export function valueLoss(
  kind: string,
  options: Readonly<Record<string, Json | undefined>>,
  formula: (target: Tensor, output: Tensor) => Tensor,
): Loss {
  const checked = (target: Tensor, output: Tensor): Tensor => {
    checkValues(kind, target, output);
    return formula(target, output);
  };
  return Object.assign(named(kind, options, checked), {targets: 'values' as const});
}
