// Optimizer updates: one call updates all parameters of a model in the commit phase of a step. The operands
// are a table of segments, one per parameter: (parameter, gradient, moments …); the results are what is
// updated of each: (parameter, moments …). Row g of `hyper` holds the numbers of parameter group g; they
// may change each step.
import {formatShape, sameShape} from '../core/shape.ts';
import {apply, type Call, defineOp, failIn, type Op, type Tensor, type TensorSpec} from '../core/tensor.ts';

export interface UpdateAttributes {
  /** For each segment the row of `hyper` that rules it. */
  readonly groups: readonly number[];
}

/**
 * Defines an update whose segments have `width` operands, the second of which, the gradient, is only read.
 */
function defineUpdate<Attributes extends UpdateAttributes>(
  name: string,
  width: number,
  hyperCount: number,
  attributes: string,
): Op<Attributes> {
  const kept = width - 1;
  return defineOp<Attributes>({
    signature: `${name}(hyper: f32, ...segments: f32) -> ...updated: f32 {${attributes}groups: words}`,
    updates: ({outputs}: Call) =>
      outputs.map((_, index) => {
        const field = index % kept;
        return 1 + Math.floor(index / kept) * width + (field === 0 ? 0 : field + 1);
      }),
    infer([hyper, ...segments], {groups}): TensorSpec[] {
      if (segments.length !== groups.length * width) {
        failIn(
          name,
          'ERR_SHAPE',
          `expected ${groups.length} segments of ${width}. Received ${segments.length}`,
        );
      }
      const {shape} = hyper as Tensor;
      if (shape.length !== 2 || shape[1] !== hyperCount) {
        failIn(name, 'ERR_SHAPE', `expected hyper [groups,${hyperCount}]. Received ${formatShape(shape)}`);
      }
      return groups.flatMap((_, segment) => {
        const own = segments.slice(segment * width, (segment + 1) * width);
        const first = own[0] as Tensor;
        const other = own.find(operand => !sameShape(operand.shape, first.shape));
        if (other) failIn(name, 'ERR_SHAPE', `parameter ${first} and ${other} differ`);
        return Array.from({length: kept}, () => ({shape: first.shape, dtype: 'float32' as const}));
      });
    },
  });
}

/** hyper: [learningRate]. p ← p − rate·g. */
export const sgdOp = defineUpdate('sgd', 2, 1, '');

/** hyper: [learningRate, momentum]. v ← momentum·v + g; p ← p − rate·(nesterov ? g + momentum·v : v). */
export const momentumOp = defineUpdate<UpdateAttributes & {nesterov: boolean}>(
  'momentum',
  3,
  2,
  'nesterov: bool, ',
);

/**
 * hyper: [learningRate, rho, 1 − rho, epsilon]. v ← rho·v + (1 − rho)·g²; p ← p − rate·g / (√v + epsilon)
 * (Hinton 2012, lecture 6e).
 */
export const rmspropOp = defineUpdate('rmsprop', 3, 4, '');

/**
 * hyper: [learningRate / (1 − beta1ᵗ), beta1, 1 − beta1, beta2, 1 − beta2, 1 / √(1 − beta2ᵗ), epsilon].
 * m ← beta1·m + (1 − beta1)·g; v ← beta2·v + (1 − beta2)·g²; p ← p − hyper0·m / (√v·hyper5 + epsilon)
 * (Kingma and Ba 2015, algorithm 1).
 */
export const adamOp = defineUpdate('adam', 4, 7, '');

/** Applies an update to a list of segments and gives, for each, the new values in the segment's order. */
export function applyUpdate<Attributes extends UpdateAttributes>(
  op: Op<Attributes>,
  hyper: Tensor,
  segments: readonly (readonly Tensor[])[],
  attributes: Attributes,
): readonly (readonly Tensor[])[] {
  const updated = apply(op, [hyper, ...segments.flat()], attributes);
  const kept = segments.length === 0 ? 0 : updated.length / segments.length;
  return segments.map((_, index) => updated.slice(index * kept, (index + 1) * kept));
}
