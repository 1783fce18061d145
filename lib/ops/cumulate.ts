// Running sums and products along an axis.
import {defineOp} from '../core/define.ts';
import {formatShape, sameShape} from '../core/shape.ts';
import {apply1, checkTensor, failIn, type Tensor} from '../core/tensor.ts';
import {checkAxis} from './axes.ts';
import {mul} from './map.ts';
import {shift} from './pad.ts';
import {asNumber, reduce, spread, withoutAxis} from './reduce.ts';

interface Chain {
  readonly axis: number;
  readonly exclusive: boolean;
  readonly reverse: boolean;
}

const cumsumOp = defineOp({
  signature: 'cumsum(x: N) -> y: N {axis: i32, exclusive: bool, reverse: bool}',
  shape: ({x}) => x.shape,
  grad: ({dy}, _, chain) => ({dx: runningSum(dy, {...chain, reverse: !chain.reverse})}),
});

function runningSum(x: Tensor, chain: Chain): Tensor {
  return apply1(cumsumOp, [x], chain);
}

const cumprodOp = defineOp({
  signature: 'cumprod(x: N) -> y: N {axis: i32, exclusive: bool, reverse: bool}',
  shape: ({x}) => x.shape,
  // Without a division, so that zeros are no exception: the product of what stands before an element, times
  // what the sum of all gradients behind it grows by with each factor between.
  grad({dy}, {x}, {axis, exclusive, reverse}) {
    const before = runningProduct(x, {axis, exclusive: true, reverse});
    const next = (tensor: Tensor): Tensor => shift(tensor, axis, reverse ? 1 : -1);
    return {dx: mul(before, recur(next(x), exclusive ? next(dy) : dy, axis, !reverse))};
  },
});

function runningProduct(x: Tensor, chain: Chain): Tensor {
  return apply1(cumprodOp, [x], chain);
}

const linearRecurrenceOp = defineOp({
  signature: 'linearRecurrence(decay: f32, x: f32) -> y: f32 {axis: i32, reverse: bool}',
  shape({decay, x}) {
    if (sameShape(decay.shape, x.shape)) return x.shape;
    const received = `Received ${formatShape(decay.shape)} and ${formatShape(x.shape)}`;
    return failIn('linearRecurrence', 'ERR_SHAPE', `expected two operands of one shape. ${received}`);
  },
  grad({dy}, {decay, y}, {axis, reverse}) {
    const dx = recur(shift(decay, axis, reverse ? 1 : -1), dy, axis, !reverse);
    return {dDecay: mul(dx, shift(y, axis, reverse ? -1 : 1)), dx};
  },
});

function recur(decay: Tensor, x: Tensor, axis: number, reverse: boolean): Tensor {
  return apply1(linearRecurrenceOp, [decay, x], {axis, reverse});
}

function chainOf(name: string, x: Tensor, axis: number, exclusive: boolean, reverse: boolean): Chain {
  checkTensor(name, 'x', x);
  const from0 = checkAxis(name, axis, x);
  return {axis: from0, exclusive: Boolean(exclusive), reverse: Boolean(reverse)};
}

/**
 * Sums of each element and all before it along an axis, the first by default; with `exclusive` without
 * itself, with `reverse` from the end on. Of integers and bools they are int32, where overflow wraps.
 */
export function cumsum(x: Tensor, axis = 0, exclusive = false, reverse = false): Tensor {
  const chain = chainOf('cumsum', x, axis, exclusive, reverse);
  return runningSum(asNumber('cumsum', x), chain);
}

/** Products as `cumsum` has sums. */
export function cumprod(x: Tensor, axis = 0, exclusive = false, reverse = false): Tensor {
  const chain = chainOf('cumprod', x, axis, exclusive, reverse);
  return runningProduct(asNumber('cumprod', x), chain);
}

const prodOp = defineOp({
  signature: 'prod(x: N) -> y: N {axis: i32}',
  shape: ({x}, given) => withoutAxis('prod', x, given),
  // The product of all others: of those before, and of those behind.
  grad({dy}, {x}, {axis}) {
    const others = (reverse: boolean): Tensor => runningProduct(x, {axis, exclusive: true, reverse});
    return {dx: mul(mul(others(false), others(true)), spread(dy, x.shape, axis))};
  },
});

/** Product over `axes` (all by default): of float32, or of integers as int32, where overflow wraps. */
export function prod(x: Tensor, axes?: number | readonly number[], keepDims = false): Tensor {
  checkTensor('prod', 'x', x);
  return reduce(prodOp, asNumber('prod', x), axes, keepDims);
}

/**
 * y[k] = decay[k] · y[k − 1] + x[k] along an axis, the first by default, from y[−1] = 0; with `reverse` from
 * the end on. Moving averages, discounted rewards and linear state spaces are of this form.
 */
export function linearRecurrence(decay: Tensor, x: Tensor, axis = 0, reverse = false): Tensor {
  checkTensor('linearRecurrence', 'decay', decay);
  checkTensor('linearRecurrence', 'x', x);
  return recur(decay, x, checkAxis('linearRecurrence', axis, x), Boolean(reverse));
}
