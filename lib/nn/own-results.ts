// What regularizers and constraints give, which may be functions of the user's own: checked where it is used.
import {show} from '../core/kinds.ts';
import {failIn, isTensor, type Tensor} from '../core/tensor.ts';
import type {Constraint} from './constraints.ts';
import type {Regularizer} from './regularizers.ts';

/** The penalty of a weight, or of what a layer gives. @throws ERR_SHAPE for what is no number */
export function penaltyOf(regularizer: Regularizer, x: Tensor): Tensor {
  const penalty: unknown = regularizer(x);
  if (isTensor(penalty) && penalty.rank === 0 && penalty.dtype === 'float32') return penalty;
  const received = isTensor(penalty) ? `${penalty}` : show(penalty);
  return failIn('regularizer', 'ERR_SHAPE', `expected a scalar, e.g. ops.sum(…). Received ${received}`);
}

/** A weight as a constraint leaves it. @throws ERR_SHAPE for what cannot take its place */
export function constrained(constraint: Constraint, weight: Tensor): Tensor {
  const allowed: unknown = constraint(weight);
  const isFit = isTensor(allowed) && String(allowed.shape) === String(weight.shape);
  if (isFit && allowed.dtype === weight.dtype) return allowed;
  const received = isTensor(allowed) ? `${allowed}` : show(allowed);
  return failIn('constraint', 'ERR_SHAPE', `expected ${weight}, as the weight is. Received ${received}`);
}
