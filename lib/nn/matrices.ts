// Matrices for initializers and regularizers.
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
 * Polynomials a·x + b·x³ + c·x⁵ that move every singular value of a matrix toward 1 (Björck and Bowie 1971).
 * Repeated `count` times, the first brings even those that are 1e-8 of the largest near 1; the second then
 * brings all to 1.
 */
const approach = {a: 3.4445, b: -4.775, c: 2.0315, count: 16};
const converge = {a: 1.875, b: -1.25, c: 0.375, count: 4};

/**
 * The matrix nearest to `x` whose columns, or rows if those are fewer, are orthonormal: U·Vᵀ of the singular
 * value decomposition U·S·Vᵀ. For a matrix of normal random numbers it is uniform among all such matrices.
 */
export function nearestOrthogonal(x: Tensor): Tensor {
  const [rows, columns] = x.shape as readonly [number, number];
  if (rows < columns) return transpose(nearestOrthogonal(transpose(x)));
  let y = div(x, sqrt(sum(square(x))));
  for (const {a, b, c, count} of [approach, converge]) {
    for (let step = 0; step < count; step++) {
      const gram = matmul(y, y, {transposeA: true});
      const factor = add(mul(gram, b), mul(matmul(gram, gram), c));
      y = add(mul(y, a), matmul(y, factor));
    }
  }
  return y;
}
