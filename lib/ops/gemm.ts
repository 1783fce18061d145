// Matrix products.
import {formatShape, sizeOf} from '../core/shape.ts';
import {apply1, defineOp, failIn, type Gradients, type Tensor, type TensorSpec} from '../core/tensor.ts';

export interface MatmulAttributes {
  readonly transposeA: boolean;
  readonly transposeB: boolean;
}

function inferProduct(inputs: readonly Tensor[], {transposeA, transposeB}: MatmulAttributes): TensorSpec[] {
  const [a, b] = inputs as readonly [Tensor, Tensor];
  const received = `Received ${formatShape(a.shape)} and ${formatShape(b.shape)}`;
  if (a.rank !== 2 || b.rank !== 2) failIn('matmul', 'ERR_SHAPE', `operands must be matrices. ${received}`);
  const [m, ka] = (transposeA ? [a.shape[1], a.shape[0]] : a.shape) as [number, number];
  const [kb, n] = (transposeB ? [b.shape[1], b.shape[0]] : b.shape) as [number, number];
  if (ka !== kb) failIn('matmul', 'ERR_SHAPE', `inner dimensions ${ka} and ${kb} differ. ${received}`);
  return [{shape: [m, n], dtype: 'float32'}];
}

/** A multiplication and an addition for each term. */
function productFlops(
  [a]: readonly TensorSpec[],
  [c]: readonly TensorSpec[],
  {transposeA}: MatmulAttributes,
): number {
  const inner = (a as TensorSpec).shape[transposeA ? 0 : 1] as number;
  return 2 * sizeOf((c as TensorSpec).shape) * inner;
}

export const matmulOp = defineOp<MatmulAttributes>({
  signature: 'matmul(a: f32, b: f32) -> c: f32 {transposeA: bool, transposeB: bool}',
  infer: inferProduct,
  flops: productFlops,
  grad([gradient], {inputs, attributes: {transposeA: ta, transposeB: tb}}): Gradients {
    const dc = gradient as Tensor;
    const [a, b] = inputs as readonly [Tensor, Tensor];
    const da = ta ? product(b, dc, tb, true) : product(dc, b, false, !tb);
    const db = tb ? product(dc, a, true, ta) : product(a, dc, !ta, false);
    return [da, db];
  },
});

function product(a: Tensor, b: Tensor, transposeA: boolean, transposeB: boolean): Tensor {
  return apply1(matmulOp, [a, b], {transposeA, transposeB});
}

/** Matrix product of [M,K] and [K,N]; either may be given transposed. */
export function matmul(a: Tensor, b: Tensor, options: Partial<MatmulAttributes> = {}): Tensor {
  return product(a, b, options.transposeA ?? false, options.transposeB ?? false);
}

const fusedProduct = {kind: 'fused', infer: inferProduct, flops: productFlops} as const;

/**
 * activation(a·b + bias): what the compiler makes of a product, a row vector added to it, and an elementwise
 * op of the sum.
 */
export const gemmOp = defineOp<MatmulAttributes & {readonly activation: string | null}>({
  signature:
    'gemm(a: f32, b: f32, bias?: f32) -> c: f32 {transposeA: bool, transposeB: bool, activation: op}',
  ...fusedProduct,
});

/**
 * combine(a·b, other): what the compiler makes of a product and an elementwise op of it and another tensor of
 * its shape, such as the gradient of an activation.
 */
export const gemmWithOp = defineOp<MatmulAttributes & {readonly combine: string}>({
  signature:
    'gemmWith(a: f32, b: f32, other: f32) -> c: f32 {transposeA: bool, transposeB: bool, combine: op}',
  ...fusedProduct,
});

/** Twin of kGuardSlots in native/kernels/gemm.h: a guard has one number for each task of the product. */
const guardSlots = 64;
/** Columns up to which a product is cut into no more tasks than that. */
export const maxGuardedColumns = 16384;

const guardedProduct = {
  kind: 'fused',
  guard: 'notFinite',
  infer: (inputs: readonly Tensor[], attributes: MatmulAttributes): TensorSpec[] => [
    ...inferProduct(inputs, attributes),
    {shape: [guardSlots], dtype: 'int32'},
  ],
  flops: productFlops,
} as const;

/** a·b and the guard of `finite(a·b)`: what the compiler makes of a product and a finite check of it. */
export const gemmFiniteOp = defineOp<MatmulAttributes>({
  signature: 'gemmFinite(a: f32, b: f32) -> c: f32, guard: i32 {transposeA: bool, transposeB: bool}',
  ...guardedProduct,
});

/**
 * The same products with both operands rounded to bfloat16 and sums in float32: what the compiler makes of
 * the larger ones when that precision is asked for. Terms are added in pairs, the second of a pair first.
 */
export const gemmBfloat16Op = defineOp<MatmulAttributes & {readonly activation: string | null}>({
  signature:
    'gemmBfloat16(a: f32, b: f32, bias?: f32) -> c: f32 {transposeA: bool, transposeB: bool, activation: op}',
  ...fusedProduct,
});

export const gemmWithBfloat16Op = defineOp<MatmulAttributes & {readonly combine: string}>({
  signature:
    'gemmWithBfloat16(a: f32, b: f32, other: f32) -> c: f32 ' +
    '{transposeA: bool, transposeB: bool, combine: op}',
  ...fusedProduct,
});

export const gemmFiniteBfloat16Op = defineOp<MatmulAttributes>({
  signature: 'gemmFiniteBfloat16(a: f32, b: f32) -> c: f32, guard: i32 {transposeA: bool, transposeB: bool}',
  ...guardedProduct,
});
