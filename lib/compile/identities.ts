// The rules of `simplify`: for each op, what can replace a call of it without changing a bit.
import {type Shape, sameShape, sizeOf} from '../core/shape.ts';
import {Call, constant, type Tensor} from '../core/tensor.ts';
import {add, broadcastTo, matmul, mul, neg, reshape, sub, subtractOneHot, transpose} from '../ops/index.ts';

type Rule = (call: Call) => Tensor | undefined;

const isOp = (tensor: Tensor, name: string): boolean => tensor.call.op.name === name;
const operand = (tensor: Tensor, position = 0): Tensor => tensor.call.inputs[position] as Tensor;

/** The number that all elements of a float32 tensor are known to have. */
function uniformValue(tensor: Tensor): number | undefined {
  if (isOp(tensor, 'broadcastTo') || isOp(tensor, 'reshape')) return uniformValue(operand(tensor));
  if (!isOp(tensor, 'constant') || tensor.dtype !== 'float32' || tensor.size !== 1) return undefined;
  return (tensor.call.attributes as {data: ArrayLike<number>}).data[0];
}

const isUniform = (tensor: Tensor, value: number): boolean => Object.is(uniformValue(tensor), value);

/** Ops whose float64 result, rounded to float32, is what the kernels compute. */
const exact: Readonly<Record<string, (a: number, b: number) => number>> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  neg: a => -a,
  abs: a => Math.abs(a),
  square: a => a * a,
  sqrt: a => Math.sqrt(a),
};

export const foldConstants: Rule = call => {
  const compute = exact[call.op.name];
  const values = call.inputs.map(uniformValue);
  if (!compute || values.some(value => value === undefined)) return undefined;
  const [a, b] = values as readonly number[];
  const result = Math.fround(compute(a as number, b as number));
  return broadcastTo(constant(result), (call.outputs[0] as Tensor).shape);
};

const withoutLeadingOnes = (shape: Shape): Shape => {
  const first = shape.findIndex(size => size !== 1);
  return first < 0 ? [] : shape.slice(first);
};

/** What an elementwise op can read instead of an operand that was only broadcast or given leading axes. */
function beforeBroadcast(tensor: Tensor): Tensor | undefined {
  const value = uniformValue(tensor);
  if (value !== undefined && tensor.rank > 0) return constant(value);
  if (isOp(tensor, 'broadcastTo')) return operand(tensor);
  if (!isOp(tensor, 'reshape')) return undefined;
  const source = operand(tensor);
  const same = sameShape(withoutLeadingOnes(source.shape), withoutLeadingOnes(tensor.shape));
  return same ? source : undefined;
}

/** Elementwise ops broadcast by themselves, so their operands need not be broadcast before. */
export const skipBroadcasts: Rule = call => {
  const before = call.outputs[0] as Tensor;
  for (let position = 0; position < call.inputs.length; position++) {
    const source = beforeBroadcast(call.inputs[position] as Tensor);
    if (!source) continue;
    const inputs = call.inputs.map((input, at) => (at === position ? source : input));
    const after = new Call(call.op, inputs, call.attributes, call.scope).outputs[0] as Tensor;
    if (sameShape(after.shape, before.shape)) return after;
  }
  return undefined;
};

/** `x`, unless the call also broadcasts it, as x·1 may. */
function unlessBroadcast(x: Tensor, call: Call): Tensor | undefined {
  return sameShape(x.shape, (call.outputs[0] as Tensor).shape) ? x : undefined;
}

const operandsOf = (call: Call): readonly [Tensor, Tensor] => call.inputs as readonly [Tensor, Tensor];

/** The factors of a product of which one is constant: the other, and the constant. */
function constantFactor([a, b]: readonly [Tensor, Tensor]): readonly [Tensor, number] | undefined {
  const first = uniformValue(a);
  if (first !== undefined) return [b, first];
  const second = uniformValue(b);
  return second === undefined ? undefined : [a, second];
}

const isPowerOfTwo = (value: number): boolean =>
  Number.isInteger(Math.log2(Math.abs(value))) && Math.abs(Math.log2(Math.abs(value))) < 126;

const simplifyProduct: Rule = call => {
  const [a, b] = operandsOf(call);
  const factor = constantFactor([a, b]);
  if (factor) {
    const [x, value] = factor;
    if (value === 1) return unlessBroadcast(x, call);
    if (value === -1) return unlessBroadcast(x, call) && neg(x);
    if (isOp(x, 'neg')) return mul(operand(x), -value);
  }
  return isOp(a, 'neg') && isOp(b, 'neg') ? mul(operand(a), operand(b)) : undefined;
};

/** Division by a power of two gives the same bits as multiplication by its inverse. */
const simplifyQuotient: Rule = call => {
  const [a, b] = operandsOf(call);
  const value = uniformValue(b);
  if (value === undefined || uniformValue(a) !== undefined) return undefined;
  if (value === 1) return unlessBroadcast(a, call);
  return isPowerOfTwo(value) ? mul(a, broadcastTo(1 / value, b.shape)) : undefined;
};

const permutationOf = (tensor: Tensor): readonly number[] =>
  (tensor.call.attributes as {permutation: readonly number[]}).permutation;

const simplifyTranspose: Rule = call => {
  const x = operand(call.outputs[0] as Tensor);
  const permutation = permutationOf(call.outputs[0] as Tensor);
  if (isOp(x, 'transpose')) {
    const inner = permutationOf(x);
    return transpose(
      operand(x),
      permutation.map(axis => inner[axis] as number),
    );
  }
  // If only axes of size 1 move, the elements stay in order.
  const moved = permutation.filter(axis => x.shape[axis] !== 1);
  const inOrder = moved.every((axis, position) => position === 0 || (moved[position - 1] as number) < axis);
  return inOrder ? reshape(x, (call.outputs[0] as Tensor).shape) : undefined;
};

const simplifyMatmul: Rule = call => {
  const [a, b] = operandsOf(call);
  const flags = call.attributes as {transposeA: boolean; transposeB: boolean};
  const [a2, b2] = [a, b].map(side => (isOp(side, 'transpose') ? operand(side) : side));
  if (a2 === a && b2 === b) return undefined;
  return matmul(a2 as Tensor, b2 as Tensor, {
    transposeA: flags.transposeA !== (a2 !== a),
    transposeB: flags.transposeB !== (b2 !== b),
  });
};

export const rules: Readonly<Record<string, Rule>> = {
  add(call) {
    const [a, b] = operandsOf(call);
    if (isUniform(b, -0)) return unlessBroadcast(a, call);
    if (isUniform(a, -0)) return unlessBroadcast(b, call);
    if (isOp(b, 'neg')) return sub(a, operand(b));
    return isOp(a, 'neg') ? sub(b, operand(a)) : undefined;
  },
  sub(call) {
    const [a, b] = operandsOf(call);
    if (isUniform(b, 0)) return unlessBroadcast(a, call);
    return isOp(b, 'neg') ? add(a, operand(b)) : undefined;
  },
  mul: simplifyProduct,
  div: simplifyQuotient,
  neg(call) {
    const x = operand(call.outputs[0] as Tensor);
    if (isOp(x, 'neg')) return operand(x);
    const factor = isOp(x, 'mul') ? constantFactor(operandsOf(x.call)) : undefined;
    return factor && sameShape(factor[0].shape, x.shape) ? mul(factor[0], -factor[1]) : undefined;
  },
  logicalNot: call => {
    const x = operand(call.outputs[0] as Tensor);
    return isOp(x, 'logicalNot') ? operand(x) : undefined;
  },
  maximum: call => (call.inputs[0] === call.inputs[1] ? call.inputs[0] : undefined),
  minimum: call => (call.inputs[0] === call.inputs[1] ? call.inputs[0] : undefined),
  select: call =>
    call.inputs[1] === call.inputs[2] ? unlessBroadcast(call.inputs[1] as Tensor, call) : undefined,
  stopGradient: call => call.inputs[0],
  customGradient: call => call.inputs[0],
  broadcastTo: call => unlessBroadcast(call.inputs[0] as Tensor, call),
  reshape(call) {
    const x = operand(call.outputs[0] as Tensor);
    const {shape} = call.outputs[0] as Tensor;
    if (sameShape(x.shape, shape)) return x;
    if (isOp(x, 'reshape')) return reshape(operand(x), shape);
    const value = uniformValue(x);
    return value !== undefined && sizeOf(shape) > 1 ? broadcastTo(constant(value), shape) : undefined;
  },
  subtractOneHot(call) {
    const [p, labels, scale] = call.inputs as readonly [Tensor, Tensor, Tensor];
    const value = uniformValue(scale);
    return value !== undefined && scale.rank > 0 ? subtractOneHot(p, labels, value) : undefined;
  },
  transpose: simplifyTranspose,
  matmul: simplifyMatmul,
};
