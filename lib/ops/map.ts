// Elementwise ops: one line each, twin of native/kernels/map.def. Shapes broadcast as in NumPy.
import {attributes, defineOp} from '../core/define.ts';
import {broadcastShapes, formatShape, type Shape, sameShape} from '../core/shape.ts';
import {
  apply1,
  checkShape,
  checkTensor,
  failIn,
  type Tensor,
  type TensorLike,
  toTensor,
} from '../core/tensor.ts';
import {
  arithmetic1,
  arithmetic2,
  type Binary,
  bitwise1,
  bitwise2,
  type Comparison,
  compare,
  isInteger,
  loaded,
  logical1,
  logical2,
  map1,
  map2,
  together,
  type Unary,
} from './elementwise.ts';

export {cast} from './elementwise.ts';

// Gradient rules may name ops defined further down: they run only when gradients are asked for. Rules use the
// result instead of the input where either would do (relu, sigmoid, tanh, exp, sqrt): the memory of the input
// is then free for others.
export const add: Binary = arithmetic2('add', ({dy}) => ({da: dy, db: dy}));
export const sub: Binary = arithmetic2('sub', ({dy}) => ({da: dy, db: neg(dy)}));
export const mul: Binary = arithmetic2('mul', ({dy}, {a, b}) => ({da: mul(dy, b), db: mul(dy, a)}));
/** Of integers the quotient rounded down, as `floorDiv`; by zero it is 0. */
export const div: Binary = arithmetic2('div', ({dy}, {b, y}) => ({
  da: div(dy, b),
  db: neg(div(mul(dy, y), b)),
}));
export const maximum: Binary = arithmetic2('maximum', ({dy}, {a, b}) => chosen(dy, a, b, greater));
export const minimum: Binary = arithmetic2('minimum', ({dy}, {a, b}) => chosen(dy, a, b, less));
export const neg: Unary = arithmetic1('neg', ({dy}) => ({dx: neg(dy)}));
export const abs: Unary = arithmetic1('abs', ({dy}, {x}) => ({dx: mul(dy, sign(x))}));
export const sign: Unary = arithmetic1('sign', 'none');
export const square: Unary = arithmetic1('square', ({dy}, {x}) => ({dx: mul(dy, mul(x, 2))}));
export const sqrt: Unary = map1('sqrt', ({dy}, {y}) => ({dx: div(dy, mul(y, 2))}));
export const exp: Unary = map1('exp', ({dy}, {y}) => ({dx: mul(dy, y)}));
/** exp(x) − 1, without loss of digits near 0. */
export const expm1: Unary = map1('expm1', ({dy}, {y}) => ({dx: mul(dy, add(y, 1))}));
export const log: Unary = map1('log', ({dy}, {x}) => ({dx: div(dy, x)}));
/** log(1 + exp(x)) without overflow (Dugas et al. 2001). */
export const softplus: Unary = map1('softplus', ({dy}, {x}) => ({dx: mul(dy, sigmoid(x))}));
/** The error function, 2/√π · ∫₀ˣ exp(−t²) dt. */
export const erf: Unary = map1('erf', ({dy}, {x}) => {
  const derivative = mul(exp(neg(square(x))), 2 / Math.sqrt(Math.PI));
  return {dx: mul(dy, derivative)};
});
/** 1 / (1 + exp(-x)). */
export const sigmoid: Unary = map1('sigmoid', ({dy}, {y}) => ({dx: sigmoidGrad(dy, y)}));
export const tanh: Unary = map1('tanh', ({dy}, {y}) => ({dx: tanhGrad(dy, y)}));
const reluOfFloats = map1('relu', ({dy}, {y}) => ({dx: reluGrad(dy, y)}));
/** max(x, 0); the gradient at 0 is 0 (Nair and Hinton 2010). Of integers it is int32. */
export const relu: Unary = Object.assign(
  (x: TensorLike): Tensor => (isInteger(x) ? maximum(x, 0) : reluOfFloats(x)),
  {op: reluOfFloats.op},
);
const relu6OfFloats = map1('relu6', ({dy}, {y}) => ({dx: relu6Grad(dy, y)}));
/** min(max(x, 0), 6); the gradient at 0 and at 6 is 0 (Howard et al. 2017). Of integers it is int32. */
export const relu6: Unary = Object.assign(
  (x: TensorLike): Tensor => (isInteger(x) ? minimum(maximum(x, 0), 6) : relu6OfFloats(x)),
  {op: relu6OfFloats.op},
);

// Gradients of activations from dy and the activation's result y, or its operand x: one op each, so that they
// can be fused into a product. Their own gradient rules get another gradient g.
/** dy where y > 0, else 0. */
export const reluGrad: Binary = map2('reluGrad', ({dy: g}, {b: y}) => ({da: reluGrad(g, y), db: null}));
/** dy where y lies between 0 and 6, else 0. */
export const relu6Grad: Binary = map2('relu6Grad', ({dy: g}, {b: y}) => ({da: relu6Grad(g, y), db: null}));
/** dy · (1 − y²). */
export const tanhGrad: Binary = map2('tanhGrad', ({dy: g}, {a: dy, b: y}) => ({
  da: tanhGrad(g, y),
  db: mul(mul(g, dy), mul(y, -2)),
}));
/** dy · y · (1 − y). */
export const sigmoidGrad: Binary = map2('sigmoidGrad', ({dy: g}, {a: dy, b: y}) => ({
  da: sigmoidGrad(g, y),
  db: mul(mul(g, dy), sub(1, mul(y, 2))),
}));

/** x · Φ(x), Φ being the standard normal's distribution function (Hendrycks and Gimpel 2016). */
export const gelu: Unary = map1('gelu', ({dy}, {x}) => ({dx: geluGrad(dy, x)}));
/** x · sigmoid(2·√(2/π) · (x + 0.044715·x³)), the form of `gelu` by tanh. */
export const geluTanh: Unary = map1('geluTanh', ({dy}, {x}) => ({dx: geluTanhGrad(dy, x)}));
/** dy · (Φ(x) + x · φ(x)), φ being the density. */
export const geluGrad: Binary = map2('geluGrad', ({dy: g}, {a: dy, b: x}) => {
  const density = mul(exp(mul(square(x), -0.5)), 1 / Math.sqrt(2 * Math.PI));
  return {da: geluGrad(g, x), db: mul(mul(g, dy), mul(density, sub(2, square(x))))};
});
/** dy · (s + x · s · (1 − s) · t), s being the sigmoid of `geluTanh` and t its argument's derivative. */
export const geluTanhGrad: Binary = map2('geluTanhGrad', ({dy: g}, {a: dy, b: x}) => {
  const linear = 2 * Math.sqrt(2 / Math.PI);
  const cubic = 0.044715 * linear;
  const s = sigmoid(mul(x, add(mul(square(x), cubic), linear)));
  const slope = add(mul(square(x), 3 * cubic), linear);
  const bent = add(mul(sub(1, mul(s, 2)), square(slope)), mul(x, 6 * cubic));
  const curve = mul(mul(s, sub(1, s)), add(mul(slope, 2), mul(x, bent)));
  return {da: geluTanhGrad(g, x), db: mul(mul(g, dy), curve)};
});

export const greater = compare('greater');
export const greaterEqual = compare('greaterEqual');
export const less = compare('less');
export const lessEqual = compare('lessEqual');
export const equal = compare('equal');
export const notEqual = compare('notEqual');

export const logicalAnd = logical2('logicalAnd');
export const logicalOr = logical2('logicalOr');
export const logicalXor = logical2('logicalXor');
export const logicalNot = logical1('logicalNot');

export const bitwiseAnd = bitwise2('bitwiseAnd');
export const bitwiseOr = bitwise2('bitwiseOr');
export const bitwiseXor = bitwise2('bitwiseXor');
export const bitwiseNot = bitwise1('bitwiseNot');
/** a · 2ᵇ, wrapped; 0 where b is not between 0 and 31. */
export const leftShift = bitwise2('leftShift');
/** ⌊a / 2ᵇ⌋; 0 or −1, as the sign is, where b is not between 0 and 31. */
export const rightShift = bitwise2('rightShift');

const selectOp = defineOp({
  signature: 'select(condition: bool, a: T, b: T) -> y: T',
  elementwise: true,
  grad: ({dy}, {condition}) => ({da: select(condition, dy, 0), db: select(condition, 0, dy)}),
});

/** `a` where the condition holds, else `b`. */
export function select(condition: Tensor, a: TensorLike, b: TensorLike): Tensor {
  const [first, second] = together('select', [a, b], 'bool');
  return apply1(selectOp, [condition, first, second], {});
}
/** @internal */
select.op = selectOp;

/** Gradient of the larger or smaller of two: it goes to the one that was chosen, half to each in a tie. */
function chosen(dy: Tensor, a: Tensor, b: Tensor, first: Comparison): {da: Tensor; db: Tensor} {
  const share = select(equal(a, b), mul(dy, 0.5), 0);
  return {da: select(first(a, b), dy, share), db: select(first(b, a), dy, share)};
}

const broadcastToOp = defineOp({
  signature: 'broadcastTo(x: T) -> y: T',
  also: attributes<{readonly shape: Shape}>(),
  elementwise: true,
  converts: true,
  shape({x}, {shape}) {
    const joined = broadcastShapes([x.shape, shape]);
    if (joined === undefined || !sameShape(joined, shape)) {
      const both = `${formatShape(x.shape)} does not broadcast to ${formatShape(shape)}`;
      failIn('broadcastTo', 'ERR_SHAPE', both);
    }
    return shape;
  },
  grad: ({dy}) => ({dx: dy}),
});

/** `x` repeated along axes of size 1 and new leading axes until it has `shape`. */
export function broadcastTo(x: TensorLike, shape: Shape): Tensor {
  const tensor = toTensor(x);
  checkTensor('broadcastTo', 'x', tensor);
  checkShape('broadcastTo', shape);
  return sameShape(tensor.shape, shape) ? tensor : apply1(broadcastToOp, [loaded(tensor)], {shape});
}
/** @internal */
broadcastTo.op = broadcastToOp;

export const ones = (shape: Shape): Tensor => broadcastTo(1, shape);
export const zeros = (shape: Shape): Tensor => broadcastTo(0, shape);
