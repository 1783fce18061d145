// Matrix products.
import {defineOp} from '../core/define.ts';
import {checkOptions} from '../core/errors.ts';
import {formatShape, type Shape} from '../core/shape.ts';
import {apply1, failIn, type Tensor, type TensorSpec} from '../core/tensor.ts';

export interface MatmulAttributes {
  readonly transposeA: boolean;
  readonly transposeB: boolean;
}

interface Factors<Value> {
  readonly a: Value;
  readonly b: Value;
}

function productShape({a, b}: Factors<Tensor>, {transposeA, transposeB}: MatmulAttributes): Shape {
  const received = `Received ${formatShape(a.shape)} and ${formatShape(b.shape)}`;
  if (a.rank !== 2 || b.rank !== 2) failIn('matmul', 'ERR_SHAPE', `operands must be matrices. ${received}`);
  const [m, ka] = (transposeA ? [a.shape[1], a.shape[0]] : a.shape) as [number, number];
  const [kb, n] = (transposeB ? [b.shape[1], b.shape[0]] : b.shape) as [number, number];
  if (ka !== kb) failIn('matmul', 'ERR_SHAPE', `inner dimensions ${ka} and ${kb} differ. ${received}`);
  return [m, n];
}

const terms = ({a}: Factors<TensorSpec>, {transposeA}: MatmulAttributes): number =>
  a.shape[transposeA ? 0 : 1] as number;

export const matmulOp = defineOp({
  signature: 'matmul(a: f32, b: f32) -> c: f32 {transposeA: bool, transposeB: bool}',
  shape: productShape,
  contraction: {terms, bfloat16: given => [gemmBfloat16Op, {...given, activation: null}]},
  grad: ({dc}, {a, b}, {transposeA: ta, transposeB: tb}) => ({
    da: ta ? product(b, dc, tb, true) : product(dc, b, false, !tb),
    db: tb ? product(dc, a, true, ta) : product(a, dc, !ta, false),
  }),
});

function product(a: Tensor, b: Tensor, transposeA: boolean, transposeB: boolean): Tensor {
  return apply1(matmulOp, [a, b], {transposeA, transposeB});
}

/** Matrix product of [M,K] and [K,N]; either may be given transposed. */
export function matmul(a: Tensor, b: Tensor, options: Partial<MatmulAttributes> = {}): Tensor {
  checkOptions('ops.matmul', options, ['transposeA', 'transposeB']);
  return product(a, b, options.transposeA ?? false, options.transposeB ?? false);
}

/**
 * activation(a·b + bias): what the compiler makes of a product, a row vector added to it, and an elementwise
 * op of the sum.
 */
export const gemmOp = defineOp({
  signature:
    'gemm(a: f32, b: f32, bias?: f32) -> c: f32 {transposeA: bool, transposeB: bool, activation: op}',
  kind: 'fused',
  shape: productShape,
  contraction: {terms, bfloat16: given => [gemmBfloat16Op, given]},
});

/**
 * combine(a·b, other): what the compiler makes of a product and an elementwise op of it and another tensor of
 * its shape, such as the gradient of an activation.
 */
export const gemmWithOp = defineOp({
  signature:
    'gemmWith(a: f32, b: f32, other: f32) -> c: f32 {transposeA: bool, transposeB: bool, combine: op}',
  kind: 'fused',
  shape: productShape,
  contraction: {terms, bfloat16: given => [gemmWithBfloat16Op, given]},
});

/** Twin of kGuardSlots in native/kernels/gemm.h: a guard has one number for each task of the product. */
const guardSlots = 64;
/** Columns up to which a product is cut into no more tasks than that. */
export const maxGuardedColumns = 16384;

const guardedShapes = (factors: Factors<Tensor>, given: MatmulAttributes): {c: Shape; guard: Shape} => ({
  c: productShape(factors, given),
  guard: [guardSlots],
});

/** a·b and the guard of `finite(a·b)`: what the compiler makes of a product and a finite check of it. */
export const gemmFiniteOp = defineOp({
  signature: 'gemmFinite(a: f32, b: f32) -> c: f32, guard: i32 {transposeA: bool, transposeB: bool}',
  kind: 'fused',
  guard: {kind: 'notFinite'},
  shape: guardedShapes,
  contraction: {terms, bfloat16: given => [gemmFiniteBfloat16Op, given]},
});

// The same products with both operands rounded to bfloat16 and sums in float32: what the compiler makes of
// the larger ones when that precision is asked for. Terms are added in pairs, the second of a pair first.

export const gemmBfloat16Op = defineOp({
  signature:
    'gemmBfloat16(a: f32, b: f32, bias?: f32) -> c: f32 {transposeA: bool, transposeB: bool, activation: op}',
  kind: 'fused',
  shape: productShape,
  contraction: {terms},
});

const transposed = 'transposeA: bool, transposeB: bool';

export const gemmWithBfloat16Op = defineOp({
  signature: `gemmWithBfloat16(a: f32, b: f32, other: f32) -> c: f32 {${transposed}, combine: op}`,
  kind: 'fused',
  shape: productShape,
  contraction: {terms},
});

export const gemmFiniteBfloat16Op = defineOp({
  signature: 'gemmFiniteBfloat16(a: f32, b: f32) -> c: f32, guard: i32 {transposeA: bool, transposeB: bool}',
  kind: 'fused',
  guard: {kind: 'notFinite'},
  shape: guardedShapes,
  contraction: {terms},
});
