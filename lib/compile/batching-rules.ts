// The rules of `hoist` and `sink`: how a call in the body of a loop is computed for all iterations at once,
// from what they read along a leading axis. Each number is computed as in the loop, so no bit changes, but in
// sums over iterations: those are added in another order.
import {match} from '../core/operands.ts';
import {maxRank, type Shape} from '../core/shape.ts';
import {Call, type Tensor} from '../core/tensor.ts';
import {matmul, matmulOp} from '../ops/gemm.ts';
import {add, broadcastTo} from '../ops/map.ts';
import {reshape, reshapeOp, transpose, transposeOp} from '../ops/move.ts';
import {sum, sumOp} from '../ops/reduce.ts';
import {uniformValue} from './simplify-rules.ts';

/** What a call reads: the same in all iterations, or the slices of a stack. */
export interface Operand {
  readonly tensor: Tensor;
  readonly isStacked: boolean;
}

const sliceRank = ({tensor, isStacked}: Operand): number => tensor.rank - Number(isStacked);

/** A stack whose slices have so many axes: ones come before their own, as they do when slices broadcast. */
function withRank(operand: Operand, rank: number): Tensor {
  const {tensor, isStacked} = operand;
  const missing = rank - sliceRank(operand);
  if (!isStacked || missing === 0) return tensor;
  const [count, ...slice] = tensor.shape;
  return reshape(tensor, [count as number, ...Array<number>(missing).fill(1), ...slice]);
}

type Rule = (call: Call, operands: readonly Operand[], count: number) => Tensor | undefined;

const product: Rule = ({result}, [a, b]) => {
  const given = match(result, matmulOp);
  if (!given || !a || !b || given.epilogue.length > 0 || given.map !== null) return undefined;
  const rank = Math.max(sliceRank(a), sliceRank(b));
  const {transposeA, transposeB} = given;
  return matmul(withRank(a, rank), withRank(b, rank), {transposeA, transposeB});
};

const elementwise: Rule = ({op, attributes, scope, result: {rank}}, operands) => {
  const inputs = operands.map(operand => withRank(operand, rank));
  return new Call(op, inputs, attributes, scope).result;
};

const rules: ReadonlyMap<unknown, Rule> = new Map<unknown, Rule>([
  [matmulOp, product],
  [
    broadcastTo.op,
    ({result: {shape}}, [x], count) => x && broadcastTo(withRank(x, shape.length), [count, ...shape]),
  ],
  [reshapeOp, ({result: {shape}}, [x], count) => x && reshape(x.tensor, [count, ...shape])],
  [
    transposeOp,
    ({result}, [x]) => {
      const permutation = match(result, transposeOp)?.permutation;
      return x && permutation && transpose(x.tensor, [0, ...permutation.map(axis => axis + 1)]);
    },
  ],
]);

/** The results of a call in all iterations, along a leading axis; undefined where there is no rule. */
export const batched: Rule = (call, operands, count) => {
  if (call.result.rank >= maxRank) return undefined;
  const isElementwise = call.op.elementwise && call.op.kind === 'primitive';
  const rule = rules.get(call.op) ?? (isElementwise ? elementwise : undefined);
  return rule?.(call, operands, count);
};

/** The slices of a stack as rows: their first axis and the iterations become one. */
function asRows(stack: Tensor): Tensor {
  const [count, rows, ...rest] = stack.shape as [number, number, ...number[]];
  return reshape(stack, [count * rows, ...rest]);
}

/**
 * The sum of a tensor over all iterations, where that takes one call with the stacks of its operands: a sum
 * of products over rows is a product over the rows of all iterations, a sum of rows one of all rows.
 */
export function sumOverIterations(
  tensor: Tensor,
  stackOf: (tensor: Tensor) => Operand | undefined,
): Tensor | undefined {
  const view = match(tensor, reshapeOp);
  if (view) {
    const total = sumOverIterations(view.x, stackOf);
    return total && reshape(total, tensor.shape);
  }
  const given = match(tensor, matmulOp);
  if (given?.transposeA && !given.transposeB && given.map === null && tensor.rank === 2) {
    const [a, b] = [stackOf(given.a), stackOf(given.b)];
    const isSum = a?.isStacked && b?.isStacked && given.epilogue.length === 0;
    return isSum ? matmul(asRows(a.tensor), asRows(b.tensor), {transposeA: true}) : undefined;
  }
  const summed = match(tensor, sumOp);
  const stack = summed?.axis === 0 ? stackOf(summed.x) : undefined;
  return stack?.isStacked ? sum(asRows(stack.tensor), 0) : undefined;
}

/** What is added to a carry, where that is all that an iteration does with it. */
export function addedTo(carry: Tensor, next: Tensor): Tensor | undefined {
  const given = match(next, add.op);
  const other = given?.a === carry ? given.b : given?.b === carry ? given.a : undefined;
  return other !== carry && other && sameShapeAs(other, carry.shape) ? other : undefined;
}

const sameShapeAs = ({shape}: Tensor, other: Shape): boolean => shape.join() === other.join();

/** The sum of both; the sign of a zero does not count. */
export function totalOf(start: Tensor, total: Tensor): Tensor {
  return uniformValue(start) === 0 ? total : add(total, start);
}

/** The second factor of a product of two matrices, where it is read transposed. */
export function transposedFactor({result}: Call): Tensor | undefined {
  const given = match(result, matmulOp);
  const isAlone = given && given.epilogue.length === 0 && given.map === null && result.rank === 2;
  return isAlone && given.transposeB && !given.transposeA && given.b.rank === 2 ? given.b : undefined;
}

export const straightProduct = (a: Tensor, b: Tensor): Tensor => matmul(a, b);
export const transposeOf = (matrix: Tensor): Tensor => transpose(matrix, [1, 0]);
