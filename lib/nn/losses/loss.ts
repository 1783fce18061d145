// What a loss is, and what the families of losses share.
import {type Json, type Named, named} from '../../core/named.ts';
import {formatShape, sameShape} from '../../core/shape.ts';
import {failIn, type Tensor} from '../../core/tensor.ts';
import {maximum, minimum} from '../../ops/map.ts';

/** What a loss compares the output with: numbers of the output's shape, or class numbers. */
export type TargetKind = 'values' | 'classes';

/** The loss of each sample: (target, output) → [batch]. */
export type Loss = ((target: Tensor, output: Tensor) => Tensor) &
  Named & {
    readonly targets: TargetKind;
    /**
     * What share of each sample counts, [batch], where that is not all of it: the loss of a batch is then
     * the sum of its losses over the sum of these.
     */
    readonly counted?: ((target: Tensor) => Tensor) | undefined;
  };

export type NoOptions = Readonly<Record<string, never>>;

/** Keras's epsilon, away from which probabilities are kept before a logarithm. */
export const epsilon = 1e-7;

export const clip = (p: Tensor): Tensor => minimum(maximum(p, epsilon), 1 - epsilon);

export function checkSame(kind: string, target: Tensor, output: Tensor): void {
  if (sameShape(target.shape, output.shape) && target.dtype === 'float32') return;
  const received = `Received ${formatShape(target.shape)} and ${formatShape(output.shape)}`;
  failIn(kind, 'ERR_SHAPE', `the target must be numbers of the output's shape. ${received}`);
}

/** A loss of numbers of the output's shape, [batch, …] both. */
export function valueLoss(
  kind: string,
  options: Readonly<Record<string, Json | undefined>>,
  formula: (target: Tensor, output: Tensor) => Tensor,
): Loss {
  const checked = (target: Tensor, output: Tensor): Tensor => {
    checkSame(kind, target, output);
    return formula(target, output);
  };
  return Object.assign(named(kind, options, checked), {targets: 'values' as const});
}
