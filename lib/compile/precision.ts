// Chooses the precision of products: those that are large enough to gain by it get bfloat16 operands. Comes
// after fusion, so that fused products are converted too; the rest of the graph stays float32.
import type {Precision} from '../core/precision.ts';
import {Call, type Op, type Tensor} from '../core/tensor.ts';
import {rebuild, rewrite} from '../graph/walk.ts';
import {
  gemmBfloat16Op,
  gemmFiniteBfloat16Op,
  gemmFiniteOp,
  gemmOp,
  gemmWithBfloat16Op,
  gemmWithOp,
  type MatmulAttributes,
  matmulOp,
} from '../ops/gemm.ts';
import {mapRoots, type Roots, tensorsOf} from './roots.ts';

/**
 * The least rows, columns and terms of a product that gains: with fewer, rounding the operands takes as long
 * as the multiplication saves.
 */
const minSize = 16;
const minTerms = 32 ** 3;

const bfloat16Ops = new Map<Op, Op>(
  [
    [matmulOp, gemmBfloat16Op],
    [gemmOp, gemmBfloat16Op],
    [gemmWithOp, gemmWithBfloat16Op],
    [gemmFiniteOp, gemmFiniteBfloat16Op],
  ].map(([op, other]) => [op as unknown as Op, other as unknown as Op]),
);

function gains({inputs: [a], outputs: [c], attributes}: Call): boolean {
  const {transposeA} = attributes as MatmulAttributes;
  const inner = (a as Tensor).shape[transposeA ? 0 : 1] as number;
  const [rows, columns] = (c as Tensor).shape as readonly [number, number];
  return Math.min(rows, columns, inner) >= minSize && rows * columns * inner >= minTerms;
}

export function choosePrecision(roots: Roots, precision: Precision): Roots {
  if (precision === 'float32') return roots;
  const replacement = rewrite(tensorsOf(roots), (call, inputs) => {
    const op = bfloat16Ops.get(call.op);
    if (!op || !gains(call)) return rebuild(call, inputs);
    const attributes = call.op.name === 'matmul' ? {...call.attributes, activation: null} : call.attributes;
    return new Call(op, inputs, attributes, call.scope).outputs;
  });
  return mapRoots(roots, replacement);
}
