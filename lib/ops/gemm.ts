// Matrix products, alone or in batches: the one op for everything that is a sum of products.
import {attributes, defineOp} from '../core/define.ts';
import {dtypes} from '../core/dtype.ts';
import {checkOptions, fail} from '../core/errors.ts';
import {widest} from '../core/promotion.ts';
import {broadcastShapes, formatShape, type Shape, sizeOf} from '../core/shape.ts';
import {apply1, checkTensor, failIn, type Tensor} from '../core/tensor.ts';
import {reshape} from './move.ts';
import {asNumber} from './reduce.ts';

export interface MatmulAttributes {
  readonly transposeA: boolean;
  readonly transposeB: boolean;
}

interface Factors {
  readonly a: Tensor;
  readonly b: Tensor;
}

/** Axes before the last two broadcast. */
function productShape({a, b}: Factors, {transposeA, transposeB}: MatmulAttributes): Shape {
  const refuse = (why: string): never =>
    failIn('matmul', 'ERR_SHAPE', `${why}. Received ${formatShape(a.shape)} and ${formatShape(b.shape)}`);
  if (a.rank < 2 || b.rank < 2) refuse('operands must be matrices, or batches of them');
  const sizesOf = ({shape}: Tensor, transposed: boolean): readonly number[] =>
    transposed ? shape.slice(-2).reverse() : shape.slice(-2);
  const [m, ka] = sizesOf(a, transposeA) as [number, number];
  const [kb, n] = sizesOf(b, transposeB) as [number, number];
  if (ka !== kb) refuse(`inner dimensions ${ka} and ${kb} differ`);
  const batch =
    broadcastShapes([a.shape.slice(0, -2), b.shape.slice(0, -2)]) ??
    refuse('axes before the last two do not broadcast');
  return [...batch, m, n];
}

/** Twin of kGuardSlots in native/kernels/gemm_grid.h: a guard has one number for each task of the product. */
export const guardSlots = 64;

const listed = 'transposeA: bool, transposeB: bool, bfloat16: bool, bias: bool, map: op';

/** Attributes of a product alone. */
const alone = {bfloat16: false, bias: false, map: null, guarded: false};

/**
 * map(a·b + bias, other), of the last two axes of `a` and `b`; those before them count matrices, and
 * broadcast. The compiler adds the epilogue, all of it or a part: a number for each column (`bias`), an
 * elementwise op of the sum, or of the sum and another tensor of its shape (`map`), and the guard of `finite`
 * (`guarded`). With `bfloat16`, operands are rounded to that, sums are float32, and terms are added in pairs,
 * the second of a pair first.
 */
export const matmulOp = defineOp({
  signature: `matmul(a: f32, b: f32, ...epilogue: f32) -> c: f32, guard?: i32 {${listed}}`,
  also: attributes<{readonly guarded: boolean}>(),
  guard: {kind: 'notFinite'},
  shape: (factors, given) => ({
    c: productShape(factors, given),
    guard: given.guarded ? [guardSlots] : undefined,
  }),
  contraction: {
    terms: ({a}, {transposeA}) => a.shape.at(transposeA ? -2 : -1) as number,
  },
  rounding: {
    sides: ({a, c}, {transposeA}) => [...c.shape.slice(-2), a.shape.at(transposeA ? -2 : -1) as number],
    inBfloat16: given => ({...given, bfloat16: true}),
  },
  grad({dc}, {a, b, epilogue}, {transposeA: ta, transposeB: tb, map}) {
    if (epilogue.length > 0 || map !== null) {
      fail('ERR_GRAPH', 'matmul: a product that the compiler has fused has no gradient.');
    }
    return {
      da: ta ? product(b, dc, tb, true) : product(dc, b, false, !tb),
      db: tb ? product(dc, a, true, ta) : product(a, dc, !ta, false),
      dEpilogue: [],
    };
  },
});

/** The same of int32, alone: sums are exact modulo 2³². */
export const matmulIntegersOp = defineOp({
  signature: 'matmulIntegers(a: i32, b: i32) -> c: i32 {transposeA: bool, transposeB: bool}',
  shape: productShape,
  flops: ({a, c}, {transposeA}) => 2 * sizeOf(c.shape) * (a.shape.at(transposeA ? -2 : -1) as number),
  grad: 'none',
});

const multiply = (a: Tensor, b: Tensor, given: MatmulAttributes): Tensor =>
  a.dtype !== 'float32' && widest([dtypes[a.dtype].computed, dtypes[b.dtype].computed]) === 'int32'
    ? apply1(matmulIntegersOp, [asNumber('matmul', a), asNumber('matmul', b)], given)
    : apply1(matmulOp, [a, b], {...given, ...alone});

/** Of the axes before the last two, from the last of them on, how many `a` has along which `b` is one. */
function sharedAxes({a, b}: Factors): number {
  let count = 0;
  while (count + 2 < a.rank && (b.shape.at(-3 - count) ?? 1) === 1) count++;
  return count;
}

/** Where one matrix `b` meets many matrices `a`, their rows are those of one larger matrix. */
function product(a: Tensor, b: Tensor, transposeA: boolean, transposeB: boolean): Tensor {
  const given = {transposeA, transposeB};
  const shape = productShape({a, b}, given);
  const count = transposeA ? 0 : sharedAxes({a, b});
  if (count === 0) return multiply(a, b, given);
  const [lead, rows] = [a.shape.slice(0, -2 - count), a.shape.slice(-2 - count, -1)];
  const tall = reshape(a, [...lead, sizeOf(rows), a.shape.at(-1) as number]);
  const one = reshape(b, [...b.shape.slice(0, -2 - count), ...b.shape.slice(-2)]);
  return reshape(multiply(tall, one, given), shape);
}

/**
 * Matrix product of [..., M, K] and [..., K, N]; either may be given transposed. Axes before the last two
 * count matrices and broadcast as those of elementwise ops do: up to six axes in all. A product with one
 * matrix `b` is one product, however many axes `a` has. The product of integers is int32 and wraps; that of
 * others is float32.
 *
 * @throws ERR_SHAPE if the inner sizes differ, or the axes before the last two do not broadcast.
 */
export function matmul(a: Tensor, b: Tensor, options: Partial<MatmulAttributes> = {}): Tensor {
  checkTensor('matmul', 'a', a);
  checkTensor('matmul', 'b', b);
  checkOptions('ops.matmul', options, ['transposeA', 'transposeB']);
  return product(a, b, options.transposeA ?? false, options.transposeB ?? false);
}
