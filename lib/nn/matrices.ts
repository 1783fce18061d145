// Matrices that initializers and regularizers are made of.
import {constant, type Tensor} from '../core/tensor.ts';
import {scatterClass} from '../ops/gather.ts';
import {matmul} from '../ops/gemm.ts';
import {add, div, mul, sqrt, square} from '../ops/map.ts';
import {transpose} from '../ops/move.ts';
import {sum} from '../ops/reduce.ts';

/** `value` where row and column are equal, else 0. */
export function identityMatrix(rows: number, columns: number, value = 1): Tensor {
  const diagonal = Float32Array.from({length: rows}, (_, row) => (row < columns ? value : 0));
  const positions = Int32Array.from({length: rows}, (_, row) => Math.min(row, columns - 1));
  return scatterClass(constant(diagonal, [rows]), constant(positions, [rows], 'int32'), columns);
}

/**
 * Polynomials a·x + b·x³ + c·x⁵ that move every singular value of a matrix toward 1: the first, repeated,
 * lifts those that are as small as 1e-8 of the largest near 1, the other then brings them to it (Björck and
 * Bowie 1971).
 */
const lift = {a: 3.4445, b: -4.775, c: 2.0315, count: 16};
const settle = {a: 1.875, b: -1.25, c: 0.375, count: 4};

/**
 * The matrix of orthonormal columns nearest to `x`, or of rows where those are fewer: U·Vᵀ of the singular
 * value decomposition U·S·Vᵀ. That of a matrix of normal numbers is uniform among all such matrices.
 */
export function nearestOrthogonal(x: Tensor): Tensor {
  const [rows, columns] = x.shape as readonly [number, number];
  if (rows < columns) return transpose(nearestOrthogonal(transpose(x)));
  let y = div(x, sqrt(sum(square(x))));
  for (const {a, b, c, count} of [lift, settle]) {
    for (let step = 0; step < count; step++) {
      const gram = matmul(y, y, {transposeA: true});
      const factor = add(mul(gram, b), mul(matmul(gram, gram), c));
      y = add(mul(y, a), matmul(y, factor));
    }
  }
  return y;
}
