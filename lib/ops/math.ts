// Elementary functions of each element: one line each, as in map.ts. The bounds of their errors stand beside
// the formulas in native/simd.
import {defineOp} from '../core/define.ts';
import {apply1, type Op, type Tensor, type TensorLike} from '../core/tensor.ts';
import {
  arithmetic2,
  type Binary,
  isInteger,
  loaded,
  map1,
  map2,
  type Predicate,
  predicate,
  together,
  type Unary,
} from './elementwise.ts';
import {add, div, greater, less, log, mul, neg, select, square, sub} from './map.ts';

/** log(1 + x), without loss of digits near 0. */
export const log1p: Unary = map1('log1p', ({dy}, {x}) => ({dx: div(dy, add(x, 1))}));
export const log2: Unary = map1('log2', ({dy}, {x}) => ({dx: div(dy, mul(x, Math.LN2))}));
/** 1 / √x. */
export const rsqrt: Unary = map1('rsqrt', ({dy}, {y}) => ({dx: mul(dy, mul(mul(y, square(y)), -0.5))}));
/** 1 / x. */
export const reciprocal: Unary = map1('reciprocal', ({dy}, {y}) => ({dx: neg(mul(dy, square(y)))}));

/** Integers stay as they are. */
function rounding(name: string): Unary {
  const ofFloats = map1(name, 'none');
  const f = (x: TensorLike): Tensor => (isInteger(x) ? loaded(x) : ofFloats(x));
  return Object.assign(f, {op: ofFloats.op});
}

export const floor: Unary = rounding('floor');
export const ceil: Unary = rounding('ceil');
/** To the nearest integer, ties to the even one. */
export const round: Unary = rounding('round');

/** Of an angle in radians, of any size. */
export const sin: Unary = map1('sin', ({dy}, {x}) => ({dx: mul(dy, cos(x))}));
export const cos: Unary = map1('cos', ({dy}, {x}) => ({dx: neg(mul(dy, sin(x)))}));
export const tan: Unary = map1('tan', ({dy}, {y}) => ({dx: mul(dy, add(square(y), 1))}));
export const asin: Unary = map1('asin', ({dy}, {x}) => ({dx: mul(dy, rsqrt(sub(1, square(x))))}));
export const acos: Unary = map1('acos', ({dy}, {x}) => ({dx: neg(mul(dy, rsqrt(sub(1, square(x)))))}));
export const atan: Unary = map1('atan', ({dy}, {x}) => ({dx: div(dy, add(square(x), 1))}));
/** The angle of the point (b, a), from −π to π. */
export const atan2: Binary = map2('atan2', ({dy}, {a, b}) => {
  const share = div(dy, add(square(a), square(b)));
  return {da: mul(share, b), db: neg(mul(share, a))};
});

export const sinh: Unary = map1('sinh', ({dy}, {x}) => ({dx: mul(dy, cosh(x))}));
export const cosh: Unary = map1('cosh', ({dy}, {x}) => ({dx: mul(dy, sinh(x))}));
export const asinh: Unary = map1('asinh', ({dy}, {x}) => ({dx: mul(dy, rsqrt(add(square(x), 1)))}));
export const acosh: Unary = map1('acosh', ({dy}, {x}) => ({dx: mul(dy, rsqrt(sub(square(x), 1)))}));
export const atanh: Unary = map1('atanh', ({dy}, {x}) => ({dx: div(dy, sub(1, square(x)))}));

/**
 * a to the power of b. A base below 0 has powers of integers only; by its exponent it has no gradient. A
 * negative power of an int32 is truncated: 0 but for 1 and −1.
 */
export const pow: Binary = arithmetic2('pow', ({dy}, {a, b, y}) => ({
  da: mul(dy, mul(b, pow(a, sub(b, 1)))),
  db: mul(dy, mul(y, select(greater(a, 0), log(a), 0))),
}));
/** ⌊a / b⌋; 0 for an int32 by zero, as in NumPy. */
export const floorDiv: Binary = arithmetic2('floorDiv', 'none');
/** a − b · ⌊a / b⌋, exactly: the remainder has the sign of b, as in Python; 0 for an int32 by zero. */
export const mod: Binary = arithmetic2('mod', ({dy}, {a, b}) => ({da: dy, db: neg(mul(dy, floorDiv(a, b)))}));

const isNan: Predicate = predicate('isNaN');
const isFiniteNumber: Predicate = predicate('isFinite');

/** Whether each element is NaN; whether it is neither NaN nor infinite. */
export {isFiniteNumber as isFinite, isNan as isNaN};

const clipOp = defineOp({
  signature: 'clip(x: T, low: T, high: T) -> y: T',
  elementwise: true,
  grad: ({dy}, {x, low, high}) => ({
    dx: select(less(x, low), 0, select(greater(x, high), 0, dy)),
    dLow: select(less(x, low), dy, 0),
    dHigh: select(less(x, low), 0, select(greater(x, high), dy, 0)),
  }),
});

/** Each element, or the bound that it lies beyond. The gradient is dy from `low` to `high`, else 0. */
export const clip: ((x: TensorLike, low: TensorLike, high: TensorLike) => Tensor) & {readonly op: Op} =
  Object.assign(
    (x: TensorLike, low: TensorLike, high: TensorLike) =>
      apply1(clipOp, together('clip', [x, low, high], 'bool'), {}),
    {op: clipOp},
  );
