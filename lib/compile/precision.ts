// Chooses the precision of products: those that are large enough to gain by it get bfloat16 operands. Comes
// after fusion, so that fused products are converted too; the rest of the graph stays float32.
import type {Precision} from '../core/precision.ts';
import {Call} from '../core/tensor.ts';
import {rebuild, rewrite} from '../graph/walk.ts';
import {mapRoots, type Roots, tensorsOf} from './roots.ts';

/**
 * The least rows, columns and terms of a product, each of a batch, that gains: with fewer, rounding the
 * operands takes as long as the multiplication saves.
 */
const minSide = 16;
const minTerms = 32 ** 3;

const gains = (sides: readonly number[]): boolean =>
  Math.min(...sides) >= minSide && sides.reduce((product, side) => product * side, 1) >= minTerms;

export function choosePrecision(roots: Roots, precision: Precision): Roots {
  if (precision === 'float32') return roots;
  const replacement = rewrite(tensorsOf(roots), (call, inputs) => {
    const {rounding} = call.op;
    if (!rounding || !gains(rounding.sides(call))) return rebuild(call, inputs);
    return new Call(call.op, inputs, rounding.inBfloat16(call.attributes), call.scope).outputs;
  });
  return mapRoots(roots, replacement);
}
