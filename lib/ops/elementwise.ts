// What makes a function of tensors of each line of map.ts and math.ts. Operands of different types are
// computed as the widest of them, bool < int32 < float32; an integer beside tensors has their type.
import {attributes, defineOp, type GradientRule} from '../core/define.ts';
import {type ComputedType, type DType, dtypes} from '../core/dtype.ts';
import {unknownName} from '../core/errors.ts';
import {promote, registerOf} from '../core/registers.ts';
import {
  apply1,
  checkTensor,
  convertWith,
  isTensor,
  type Op,
  type Tensor,
  type TensorLike,
} from '../core/tensor.ts';

type UnaryText = `${string}(x: ${'f32' | 'N'}) -> y: ${'f32' | 'N'}`;
type BinaryText = `${string}(a: ${'f32' | 'N'}, b: ${'f32' | 'N'}) -> y: ${'f32' | 'N'}`;
type PredicateText = `${string}(x: f32) -> y: bool`;
type ComparisonText = `${string}(a: T, b: T) -> y: bool`;

/** What a function of tensors applies: rules that rewrite graphs know calls by it. */
interface Applies<Text extends string> {
  /** @internal */
  readonly op: Op<object, Text>;
}
export type Unary = ((x: TensorLike) => Tensor) & Applies<UnaryText>;
export type Binary = ((a: TensorLike, b: TensorLike) => Tensor) & Applies<BinaryText>;
export type Predicate = ((x: TensorLike) => Tensor) & Applies<PredicateText>;
export type Comparison = ((a: TensorLike, b: TensorLike) => Tensor) & Applies<ComparisonText>;
/** Of bools, or of the bits of int32, without a gradient. */
export type Logical1 = ((x: Tensor) => Tensor) & Applies<`${string}(x: bool) -> y: bool`>;
export type Logical2 = ((a: Tensor, b: Tensor) => Tensor) & Applies<`${string}(a: bool, b: bool) -> y: bool`>;
export type Bitwise1 = ((x: TensorLike) => Tensor) & Applies<`${string}(x: i32) -> y: i32`>;
export type Bitwise2 = ((a: TensorLike, b: TensorLike) => Tensor) &
  Applies<`${string}(a: i32, b: i32) -> y: i32`>;

const castOp = defineOp({
  signature: 'cast(x: any) -> y: any',
  also: attributes<{readonly dtype: DType}>(),
  elementwise: true,
  converts: true,
  grad: ({dy}, {x}) => ({dx: x.dtype === 'float32' && dy.dtype === 'float32' ? dy : null}),
});

/**
 * The same numbers as another type. To int32 and uint8 toward zero, what lies outside to the nearest, NaN to
 * 0; to int64 as to int32; to bool as `x != 0`; to floats rounded to nearest, ties to even.
 *
 * @throws ERR_NAME for an unknown type.
 */
export function cast(x: Tensor, dtype: DType): Tensor {
  checkTensor('cast', 'x', x);
  if (!Object.hasOwn(dtypes, dtype)) unknownName('dtype of ops.cast', dtype, Object.keys(dtypes));
  return x.dtype === dtype ? x : apply1(castOp, [x], {dtype});
}

convertWith(cast);

/** Operands as tensors of one type that the op takes, at least `least`. */
export const together = <const Operands extends readonly TensorLike[]>(
  op: string,
  operands: Operands,
  least: ComputedType,
) => promote(op, operands, least, cast);

/** A tensor as it is computed with: what is only stored is converted. */
export const loaded = (x: Tensor): Tensor => cast(x, registerOf(x));

/** Whether it is a tensor that is computed with as int32. */
export const isInteger = (x: TensorLike): x is Tensor => isTensor(x) && registerOf(x) === 'int32';

function unary<const Text extends UnaryText>(signature: Text, grad: 'none' | GradientRule<UnaryText>): Unary {
  const op = defineOp<UnaryText>({signature, elementwise: true, grad});
  const least = signature.includes(': N') ? 'int32' : 'float32';
  return Object.assign((x: TensorLike) => apply1(op, together(op.name, [x], least), {}), {op});
}

function binary(signature: BinaryText, grad: 'none' | GradientRule<BinaryText>): Binary {
  const op = defineOp<BinaryText>({signature, elementwise: true, grad});
  const least = signature.includes(': N') ? 'int32' : 'float32';
  const f = (a: TensorLike, b: TensorLike): Tensor => apply1(op, together(op.name, [a, b], least), {});
  return Object.assign(f, {op});
}

/** Computed in float32. */
export const map1 = (name: string, grad: 'none' | GradientRule<UnaryText>): Unary =>
  unary(`${name}(x: f32) -> y: f32`, grad);
export const map2 = (name: string, grad: 'none' | GradientRule<BinaryText>): Binary =>
  binary(`${name}(a: f32, b: f32) -> y: f32`, grad);

/** Computed in float32 or, of integers, in int32, where overflow wraps around. */
export const arithmetic1 = (name: string, grad: 'none' | GradientRule<UnaryText>): Unary =>
  unary(`${name}(x: N) -> y: N`, grad);
export const arithmetic2 = (name: string, grad: 'none' | GradientRule<BinaryText>): Binary =>
  binary(`${name}(a: N, b: N) -> y: N`, grad);

/** Of one operand: what it says has no gradient. */
export function predicate(name: string): Predicate {
  const op = defineOp({signature: `${name}(x: f32) -> y: bool`, elementwise: true, grad: 'none'});
  return Object.assign((x: TensorLike) => apply1(op, together(name, [x], 'float32'), {}), {op});
}

export function compare(name: string): Comparison {
  const op = defineOp({signature: `${name}(a: T, b: T) -> y: bool`, elementwise: true, grad: 'none'});
  const f = (a: TensorLike, b: TensorLike): Tensor => apply1(op, together(name, [a, b], 'bool'), {});
  return Object.assign(f, {op});
}

/** Of bools alone. */
export function logical1(name: string): Logical1 {
  const op = defineOp({signature: `${name}(x: bool) -> y: bool`, elementwise: true, grad: 'none'});
  return Object.assign((x: Tensor) => apply1(op, [x], {}), {op});
}
export function logical2(name: string): Logical2 {
  const op = defineOp({signature: `${name}(a: bool, b: bool) -> y: bool`, elementwise: true, grad: 'none'});
  return Object.assign((a: Tensor, b: Tensor) => apply1(op, [a, b], {}), {op});
}

/** Of the bits of int32; bools count as 0 and 1. */
export function bitwise1(name: string): Bitwise1 {
  const op = defineOp({signature: `${name}(x: i32) -> y: i32`, elementwise: true, grad: 'none'});
  return Object.assign((x: TensorLike) => apply1(op, together(name, [x], 'int32'), {}), {op});
}
export function bitwise2(name: string): Bitwise2 {
  const op = defineOp({signature: `${name}(a: i32, b: i32) -> y: i32`, elementwise: true, grad: 'none'});
  const f = (a: TensorLike, b: TensorLike): Tensor => apply1(op, together(name, [a, b], 'int32'), {});
  return Object.assign(f, {op});
}
