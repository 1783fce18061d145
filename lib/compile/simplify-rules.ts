// The rules of `simplify`: for each op, what can replace a call of it without changing a bit.
import {match, type Operands} from '../core/operands.ts';
import {type Shape, sameShape, sizeOf} from '../core/shape.ts';
import {Call, constant, constantOp, type Op, type Tensor} from '../core/tensor.ts';
import {matmul, matmulOp} from '../ops/gemm.ts';
import {customGradientOp, stopGradientOp} from '../ops/gradient.ts';
import * as map from '../ops/map.ts';
import {reshape, reshapeOp, transpose, transposeOp} from '../ops/move.ts';
import {pickLargest, spreadLargest, windowLargestGradientOp} from '../ops/pool.ts';
import {subtractOneHot, subtractOneHotOp} from '../ops/softmax.ts';

const {add, broadcastTo, mul, neg, sub} = map;

type Rule = (call: Call) => Tensor | undefined;

/** The number that all elements of a float32 tensor are known to have. */
export function uniformValue(tensor: Tensor): number | undefined {
  const spread = match(tensor, broadcastTo.op) ?? match(tensor, reshapeOp);
  if (spread) return uniformValue(spread.x);
  const data = match(tensor, constantOp)?.data;
  return tensor.dtype === 'float32' && data?.length === 1 ? data[0] : undefined;
}

const isUniform = (tensor: Tensor, value: number): boolean => Object.is(uniformValue(tensor), value);

/** Ops whose float64 result, rounded to float32, is what the kernels compute. */
const exact: ReadonlyMap<Op, (a: number, b: number) => number> = new Map<
  Op,
  (a: number, b: number) => number
>([
  [add.op, (a, b) => a + b],
  [sub.op, (a, b) => a - b],
  [mul.op, (a, b) => a * b],
  [map.div.op, (a, b) => a / b],
  [neg.op, a => -a],
  [map.abs.op, a => Math.abs(a)],
  [map.square.op, a => a * a],
  [map.sqrt.op, a => Math.sqrt(a)],
]);

export const foldConstants: Rule = call => {
  const compute = exact.get(call.op);
  const values = call.inputs.map(uniformValue);
  if (!compute || values.some(value => value === undefined)) return undefined;
  const [a, b] = values as readonly number[];
  const result = Math.fround(compute(a as number, b as number));
  return broadcastTo(constant(result), call.result.shape);
};

const withoutLeadingOnes = (shape: Shape): Shape => {
  const first = shape.findIndex(size => size !== 1);
  return first < 0 ? [] : shape.slice(first);
};

/** What an elementwise op can read instead of an operand that was only broadcast or given leading axes. */
function beforeBroadcast(tensor: Tensor): Tensor | undefined {
  const value = uniformValue(tensor);
  if (value !== undefined && tensor.rank > 0) return constant(value);
  const broadcast = match(tensor, broadcastTo.op)?.x;
  if (broadcast) return broadcast;
  const source = match(tensor, reshapeOp)?.x;
  if (!source) return undefined;
  const same = sameShape(withoutLeadingOnes(source.shape), withoutLeadingOnes(tensor.shape));
  return same ? source : undefined;
}

/** Elementwise ops broadcast by themselves, so their operands need not be broadcast before. */
export const skipBroadcasts: Rule = call => {
  for (const [position, operand] of call.inputs.entries()) {
    const source = beforeBroadcast(operand);
    if (!source || source.rank > call.result.rank) continue;
    const inputs = call.inputs.map((input, at) => (at === position ? source : input));
    const after = new Call(call.op, inputs, call.attributes, call.scope).result;
    if (sameShape(after.shape, call.result.shape)) return after;
  }
  return undefined;
};

/** `x`, unless the call also broadcasts it, as x·1 may. */
function unlessBroadcast(x: Tensor, y: Tensor): Tensor | undefined {
  return sameShape(x.shape, y.shape) ? x : undefined;
}

interface Pair {
  readonly a: Tensor;
  readonly b: Tensor;
}

/** The factors of a product of which one is constant: the other, and the constant. */
function constantFactor({a, b}: Pair): readonly [Tensor, number] | undefined {
  const first = uniformValue(a);
  if (first !== undefined) return [b, first];
  const second = uniformValue(b);
  return second === undefined ? undefined : [a, second];
}

const isPowerOfTwo = (value: number): boolean =>
  Number.isInteger(Math.log2(Math.abs(value))) && Math.abs(Math.log2(Math.abs(value))) < 126;

/** What a tensor is the negative of. */
const negated = (tensor: Tensor): Tensor | undefined => match(tensor, neg.op)?.x;

function simplifySum({a, b}: Pair, y: Tensor): Tensor | undefined {
  if (isUniform(b, -0)) return unlessBroadcast(a, y);
  if (isUniform(a, -0)) return unlessBroadcast(b, y);
  const [minusA, minusB] = [negated(a), negated(b)];
  if (minusB) return sub(a, minusB);
  return minusA && sub(b, minusA);
}

function simplifyDifference({a, b}: Pair, y: Tensor): Tensor | undefined {
  if (isUniform(b, 0)) return unlessBroadcast(a, y);
  const minusB = negated(b);
  return minusB && add(a, minusB);
}

function simplifyProduct({a, b}: Pair, y: Tensor): Tensor | undefined {
  const [minusA, minusB] = [negated(a), negated(b)];
  const factor = constantFactor({a, b});
  if (factor) {
    const [x, value] = factor;
    if (value === 1) return unlessBroadcast(x, y);
    if (value === -1) return unlessBroadcast(x, y) && neg(x);
    const minusX = negated(x);
    if (minusX) return mul(minusX, -value);
  }
  return minusA && minusB && mul(minusA, minusB);
}

/** Division by a power of two gives the same bits as multiplication by its inverse. */
function simplifyQuotient({a, b}: Pair, y: Tensor): Tensor | undefined {
  const value = uniformValue(b);
  if (value === undefined || uniformValue(a) !== undefined) return undefined;
  if (value === 1) return unlessBroadcast(a, y);
  return isPowerOfTwo(value) ? mul(a, broadcastTo(1 / value, b.shape)) : undefined;
}

function simplifyNegative({x}: {readonly x: Tensor}): Tensor | undefined {
  const minusX = negated(x);
  if (minusX) return minusX;
  const product = match(x, mul.op);
  const factor = product && constantFactor(product);
  return factor && sameShape(factor[0].shape, x.shape) ? mul(factor[0], -factor[1]) : undefined;
}

/**
 * The shape of `from`, broadcast to `to`, from which broadcasting gives the same elements as `shape`: where
 * axes are split or joined, all of them repeat or none.
 */
function shapeBeforeBroadcast(from: Shape, to: Shape, shape: Shape): Shape | undefined {
  if (sizeOf(to) === 0) return undefined;
  const own = [...to.slice(from.length).map(() => 1), ...from];
  const before: number[] = [];
  for (let a = 0, b = 0; a < to.length || b < shape.length; ) {
    const [firstA, firstB] = [a, b];
    let [sizeA, sizeB] = [1, 1];
    do {
      if (a < to.length && (sizeA <= sizeB || b === shape.length)) sizeA *= to[a++] as number;
      else sizeB *= shape[b++] as number;
    } while (sizeA !== sizeB);
    const group = shape.slice(firstB, b);
    if (own.slice(firstA, a).every(size => size === 1)) before.push(...group.map(() => 1));
    else if (sameShape(own.slice(firstA, a), to.slice(firstA, a))) before.push(...group);
    else return undefined;
  }
  return before;
}

function simplifyReshape({x, shape}: {readonly x: Tensor; readonly shape: Shape}): Tensor | undefined {
  if (sameShape(x.shape, shape)) return x;
  const inner = match(x, reshapeOp);
  if (inner) return reshape(inner.x, shape);
  const value = uniformValue(x);
  if (value !== undefined) return sizeOf(shape) > 1 ? broadcastTo(constant(value), shape) : undefined;
  const spread = match(x, broadcastTo.op);
  const before = spread && shapeBeforeBroadcast(spread.x.shape, x.shape, shape);
  return spread && before && broadcastTo(reshape(spread.x, before), shape);
}

/** The matrices, or batches of them, that a tensor has transposed: its last two axes alone are swapped. */
function beforeTransposition(tensor: Tensor): Tensor | undefined {
  const transposed = match(tensor, transposeOp);
  if (!transposed) return undefined;
  const {x, permutation} = transposed;
  const swapped = [...x.shape.keys()].map(axis => (axis < x.rank - 2 ? axis : 2 * x.rank - 3 - axis));
  return permutation.every((axis, at) => axis === swapped[at]) ? x : undefined;
}

/**
 * A mask of what was spread to the largest of windows, by the image that they are the largest of: each is
 * what its window has, and windows are fewer. Others are 0 either way.
 */
const maskBeforeSpreading =
  (mask: (a: Tensor, b: Tensor) => Tensor) =>
  ({a, b}: Pair): Tensor | undefined => {
    const spread = match(a, windowLargestGradientOp);
    if (spread?.x !== b) return undefined;
    const {x, y, geometry} = spread;
    const windows = {geometry, shape: y.shape};
    return spreadLargest(x, mask(y, pickLargest(x, x, windows)), {geometry, shape: x.shape});
  };

/** The rule for calls of an op, which gets their operands and attributes by name, and their result. */
function rule<Attributes extends object, Text extends string>(
  op: Op<Attributes, Text>,
  replace: (values: Operands<Text> & Attributes, y: Tensor) => Tensor | undefined,
): readonly [Op, Rule] {
  return [
    op,
    ({result}) => {
      const values = match(result, op);
      return values && replace(values, result);
    },
  ];
}

export const rules: ReadonlyMap<Op, Rule> = new Map([
  rule(add.op, simplifySum),
  rule(sub.op, simplifyDifference),
  rule(mul.op, simplifyProduct),
  rule(map.div.op, simplifyQuotient),
  rule(neg.op, simplifyNegative),
  rule(map.logicalNot.op, ({x}) => match(x, map.logicalNot.op)?.x),
  rule(map.maximum.op, ({a, b}) => (a === b ? a : undefined)),
  rule(map.minimum.op, ({a, b}) => (a === b ? a : undefined)),
  rule(map.select.op, ({a, b}, y) => (a === b ? unlessBroadcast(a, y) : undefined)),
  rule(map.reluGrad.op, maskBeforeSpreading(map.reluGrad)),
  rule(map.relu6Grad.op, maskBeforeSpreading(map.relu6Grad)),
  rule(stopGradientOp, ({x}) => x),
  rule(customGradientOp, ({value}) => value),
  rule(broadcastTo.op, ({x}, y) => unlessBroadcast(x, y)),
  rule(reshapeOp, simplifyReshape),
  rule(subtractOneHotOp, ({p, labels, scale}) => {
    const value = uniformValue(scale);
    return value !== undefined && scale.rank > 0 ? subtractOneHot(p, labels, value) : undefined;
  }),
  rule(transposeOp, ({x, permutation}, y) => {
    const inner = match(x, transposeOp);
    if (inner) {
      const both = permutation.map(axis => inner.permutation[axis] as number);
      return transpose(inner.x, both);
    }
    // If only axes of size 1 move, the elements stay in order.
    const moved = permutation.filter(axis => x.shape[axis] !== 1);
    const inOrder = moved.every((axis, at) => at === 0 || (moved[at - 1] as number) < axis);
    return inOrder ? reshape(x, y.shape) : undefined;
  }),
  rule(matmulOp, ({a, b, transposeA, transposeB}) => {
    const [a2, b2] = [beforeTransposition(a), beforeTransposition(b)];
    if (!a2 && !b2) return undefined;
    return matmul(a2 ?? a, b2 ?? b, {
      transposeA: transposeA !== (a2 !== undefined),
      transposeB: transposeB !== (b2 !== undefined),
    });
  }),
]);
