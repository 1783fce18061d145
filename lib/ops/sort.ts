// Elements in order, and the largest of rows.
import {defineOp} from '../core/define.ts';
import {formatShape} from '../core/shape.ts';
import {apply, checkTensor, failIn, type Tensor} from '../core/tensor.ts';
import {checkAxis, withSize} from './axes.ts';
import {addAlongAxis} from './indexing.ts';
import {zeros} from './map.ts';
import {asNumber} from './reduce.ts';

const sortOp = defineOp({
  signature: 'sort(x: N) -> values: N, indices: i32 {axis: i32, descending: bool}',
  shape: ({x}) => ({values: x.shape, indices: x.shape}),
  grad: ({dValues}, {x, indices}, {axis}) => ({dx: addAlongAxis(zeros(x.shape), indices, dValues, axis)}),
});

const topKOp = defineOp({
  signature: 'topK(x: N) -> values: N, indices: i32 {k: i32}',
  shape({x}, {k}) {
    const shape = withSize(x.shape, x.rank - 1, k);
    return {values: shape, indices: shape};
  },
  grad: ({dValues}, {x, indices}) => ({dx: addAlongAxis(zeros(x.shape), indices, dValues, x.rank - 1)}),
});

function sorted(name: string, x: Tensor, axis: number, descending: boolean): readonly [Tensor, Tensor] {
  checkTensor(name, 'x', x);
  const from0 = checkAxis(name, axis, x);
  return apply(sortOp, [asNumber(name, x)], {axis: from0, descending: Boolean(descending)});
}

/**
 * The elements in ascending or descending order along an axis, the last by default. NaN comes last in both.
 * The gradient of each goes to where it was.
 */
export function sort(x: Tensor, axis = -1, descending = false): Tensor {
  return sorted('sort', x, axis, descending)[0];
}

/** Where `sort` takes each element from: int32. Of equal ones, the first comes first. */
export function argsort(x: Tensor, axis = -1, descending = false): Tensor {
  return sorted('argsort', x, axis, descending)[1];
}

/**
 * The `k` largest elements along the last axis, in descending order, and their positions (int32). Of equal
 * ones the first comes first; NaN counts as less than all else.
 */
export function topK(x: Tensor, k = 1): {values: Tensor; indices: Tensor} {
  checkTensor('topK', 'x', x);
  const most = x.shape.at(-1) ?? 0;
  if (!Number.isInteger(k) || k < 1 || k > most) {
    failIn(
      'topK',
      'ERR_VALUE',
      `k must be from 1 to the last size of ${formatShape(x.shape)}. Received ${k}`,
    );
  }
  const [values, indices] = apply(topKOp, [asNumber('topK', x)], {k});
  return {values, indices};
}
