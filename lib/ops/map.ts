// Elementwise ops: one line each, twin of native/kernels/map.def. Shapes broadcast as in NumPy.
import type {DType} from '../core/dtype.ts';
import {broadcastShapes, formatShape, type Shape, sameShape} from '../core/shape.ts';
import {
  apply1,
  type Call,
  defineOp,
  failIn,
  type Gradients,
  type Op,
  type Tensor,
  type TensorLike,
  type TensorSpec,
  toTensor,
} from '../core/tensor.ts';

type Rule = (dy: Tensor, call: Call) => Gradients;

function inferMap(name: string, output: DType) {
  return (inputs: readonly Tensor[]): readonly TensorSpec[] => {
    const shape = broadcastShapes(inputs.map(input => input.shape));
    if (shape !== undefined) return [{shape, dtype: output}];
    const received = inputs.map(input => formatShape(input.shape)).join(' and ');
    return failIn(name, 'ERR_SHAPE', `shapes do not broadcast together. Received ${received}`);
  };
}

function defineMap(name: string, operands: string, output: DType, rule: Rule | undefined): Op {
  const short = output === 'bool' ? 'bool' : 'f32';
  return defineOp({
    signature: `${name}(${operands}) -> y: ${short}`,
    elementwise: true,
    infer: inferMap(name, output),
    ...(rule && {grad: ([dy]: Gradients, call: Call): Gradients => rule(dy as Tensor, call)}),
  });
}

function map1(name: string, rule?: Rule): (x: TensorLike) => Tensor {
  const op = defineMap(name, 'x: f32', 'float32', rule);
  return x => apply1(op, [toTensor(x)], {});
}

function map2(name: string, rule?: Rule): (a: TensorLike, b: TensorLike) => Tensor {
  const op = defineMap(name, 'a: f32, b: f32', 'float32', rule);
  return (a, b) => apply1(op, [toTensor(a), toTensor(b)], {});
}

function compare(name: string): (a: TensorLike, b: TensorLike) => Tensor {
  const op = defineMap(name, 'a: T, b: T', 'bool', () => [null, null]);
  return (a, b) => apply1(op, [toTensor(a), toTensor(b)], {});
}

const operandsOf = (call: Call): readonly [Tensor, Tensor] => call.inputs as readonly [Tensor, Tensor];
const operandOf = (call: Call): Tensor => call.inputs[0] as Tensor;
const resultOf = (call: Call): Tensor => call.outputs[0] as Tensor;

// Gradient rules may name ops defined further down: they run only when gradients are asked for. Rules use the
// result instead of the input where either would do (relu, sigmoid, tanh, exp, sqrt): the memory of the input
// is then free for others.
export const add = map2('add', (dy): Gradients => [dy, dy]);
export const sub = map2('sub', (dy): Gradients => [dy, neg(dy)]);
export const mul = map2('mul', (dy, call): Gradients => {
  const [a, b] = operandsOf(call);
  return [mul(dy, b), mul(dy, a)];
});
export const div = map2('div', (dy, call): Gradients => {
  const [, b] = operandsOf(call);
  return [div(dy, b), neg(div(mul(dy, resultOf(call)), b))];
});
export const maximum = map2('maximum', (dy, call): Gradients => chosen(dy, operandsOf(call), greater));
export const minimum = map2('minimum', (dy, call): Gradients => chosen(dy, operandsOf(call), less));
export const neg = map1('neg', (dy): Gradients => [neg(dy)]);
export const abs = map1('abs', (dy, call): Gradients => [mul(dy, sign(operandOf(call)))]);
export const sign = map1('sign', (): Gradients => [null]);
export const square = map1('square', (dy, call): Gradients => [mul(dy, mul(operandOf(call), 2))]);
export const sqrt = map1('sqrt', (dy, call): Gradients => [div(dy, mul(resultOf(call), 2))]);
export const exp = map1('exp', (dy, call): Gradients => [mul(dy, resultOf(call))]);
/** exp(x) − 1, without loss of digits near 0. */
export const expm1 = map1('expm1', (dy, call): Gradients => [mul(dy, add(resultOf(call), 1))]);
export const log = map1('log', (dy, call): Gradients => [div(dy, operandOf(call))]);
/** log(1 + exp(x)) without overflow (Dugas et al. 2001). */
export const softplus = map1('softplus', (dy, call): Gradients => [mul(dy, sigmoid(operandOf(call)))]);
/** The error function, 2/√π · ∫₀ˣ exp(−t²) dt. */
export const erf = map1('erf', (dy, call): Gradients => {
  const derivative = mul(exp(neg(square(operandOf(call)))), 2 / Math.sqrt(Math.PI));
  return [mul(dy, derivative)];
});
/** 1 / (1 + exp(-x)). */
export const sigmoid = map1('sigmoid', (dy, call): Gradients => [sigmoidGrad(dy, resultOf(call))]);
export const tanh = map1('tanh', (dy, call): Gradients => [tanhGrad(dy, resultOf(call))]);
/** max(x, 0); the gradient at 0 is 0 (Nair and Hinton 2010). */
export const relu = map1('relu', (dy, call): Gradients => [reluGrad(dy, resultOf(call))]);

// Gradients of activations from dy and the activation's result y: one op each, so that they can be fused into
// a product.
/** dy where y > 0, else 0. */
export const reluGrad = map2('reluGrad', (g, call): Gradients => [reluGrad(g, operandsOf(call)[1]), null]);
/** dy · (1 − y²). */
export const tanhGrad = map2('tanhGrad', (g, call): Gradients => {
  const [dy, y] = operandsOf(call);
  return [tanhGrad(g, y), mul(mul(g, dy), mul(y, -2))];
});
/** dy · y · (1 − y). */
export const sigmoidGrad = map2('sigmoidGrad', (g, call): Gradients => {
  const [dy, y] = operandsOf(call);
  return [sigmoidGrad(g, y), mul(mul(g, dy), sub(1, mul(y, 2)))];
});

// Comparisons read every type as float32: integers beyond 2²⁴ that differ by less than a float32 can tell
// are equal.
export const greater = compare('greater');
export const greaterEqual = compare('greaterEqual');
export const less = compare('less');
export const lessEqual = compare('lessEqual');
export const equal = compare('equal');
export const notEqual = compare('notEqual');

const logicalAndOp = defineMap('logicalAnd', 'a: bool, b: bool', 'bool', () => [null, null]);
const logicalOrOp = defineMap('logicalOr', 'a: bool, b: bool', 'bool', () => [null, null]);
const logicalNotOp = defineMap('logicalNot', 'x: bool', 'bool', () => [null]);
export const logicalAnd = (a: Tensor, b: Tensor): Tensor => apply1(logicalAndOp, [a, b], {});
export const logicalOr = (a: Tensor, b: Tensor): Tensor => apply1(logicalOrOp, [a, b], {});
export const logicalNot = (x: Tensor): Tensor => apply1(logicalNotOp, [x], {});

const selectOp = defineMap('select', 'condition: bool, a: f32, b: f32', 'float32', (dy, call): Gradients => {
  const condition = operandOf(call);
  return [null, select(condition, dy, 0), select(condition, 0, dy)];
});

/** `a` where the condition holds, else `b`. */
export function select(condition: Tensor, a: TensorLike, b: TensorLike): Tensor {
  return apply1(selectOp, [condition, toTensor(a), toTensor(b)], {});
}

/** Gradient of the larger or smaller of two: it goes to the one that was chosen, half to each in a tie. */
function chosen(dy: Tensor, [a, b]: readonly [Tensor, Tensor], first: typeof greater): Gradients {
  const share = select(equal(a, b), mul(dy, 0.5), 0);
  return [select(first(a, b), dy, share), select(first(b, a), dy, share)];
}

const castOp = defineOp<{readonly dtype: DType}>({
  signature: 'cast(x: any) -> y: any',
  elementwise: true,
  infer: ([x], {dtype}) => [{shape: (x as Tensor).shape, dtype}],
  grad: ([dy], call): Gradients => {
    const from = (call.inputs[0] as Tensor).dtype;
    return [from === 'float32' && (dy as Tensor).dtype === 'float32' ? (dy as Tensor) : null];
  },
});

/** The same numbers as another type; to int32 and uint8 toward zero, to bool as `x != 0`. */
export function cast(x: Tensor, dtype: DType): Tensor {
  return x.dtype === dtype ? x : apply1(castOp, [x], {dtype});
}

const broadcastToOp = defineOp<{readonly shape: Shape}>({
  signature: 'broadcastTo(x: f32) -> y: f32',
  elementwise: true,
  infer([x], {shape}) {
    const from = (x as Tensor).shape;
    const joined = broadcastShapes([from, shape]);
    if (joined === undefined || !sameShape(joined, shape)) {
      failIn('broadcastTo', 'ERR_SHAPE', `${formatShape(from)} does not broadcast to ${formatShape(shape)}`);
    }
    return [{shape, dtype: 'float32'}];
  },
  grad: ([dy]): Gradients => [dy as Tensor],
});

/** `x` repeated along axes of size 1 and new leading axes until it has `shape`. */
export function broadcastTo(x: TensorLike, shape: Shape): Tensor {
  const tensor = toTensor(x);
  return sameShape(tensor.shape, shape) ? tensor : apply1(broadcastToOp, [tensor], {shape});
}

export const ones = (shape: Shape): Tensor => broadcastTo(1, shape);
export const zeros = (shape: Shape): Tensor => broadcastTo(0, shape);
