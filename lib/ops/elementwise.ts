// What makes a function of tensors of each line of map.ts and math.ts.
import {defineOp, type GradientRule} from '../core/define.ts';
import {apply1, type Op, type Tensor, type TensorLike, toTensor} from '../core/tensor.ts';

type UnaryText = `${string}(x: f32) -> y: f32`;
type BinaryText = `${string}(a: f32, b: f32) -> y: f32`;
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

export function map1(name: string, grad: 'none' | GradientRule<UnaryText>): Unary {
  const op = defineOp({signature: `${name}(x: f32) -> y: f32`, elementwise: true, grad});
  return Object.assign((x: TensorLike) => apply1(op, [toTensor(x)], {}), {op});
}

export function map2(name: string, grad: 'none' | GradientRule<BinaryText>): Binary {
  const op = defineOp({signature: `${name}(a: f32, b: f32) -> y: f32`, elementwise: true, grad});
  return Object.assign((a: TensorLike, b: TensorLike) => apply1(op, [toTensor(a), toTensor(b)], {}), {op});
}

/** Of one operand: what it says has no gradient. */
export function predicate(name: string): Predicate {
  const op = defineOp({signature: `${name}(x: f32) -> y: bool`, elementwise: true, grad: 'none'});
  return Object.assign((x: TensorLike) => apply1(op, [toTensor(x)], {}), {op});
}

export function compare(name: string): Comparison {
  const op = defineOp({signature: `${name}(a: T, b: T) -> y: bool`, elementwise: true, grad: 'none'});
  return Object.assign((a: TensorLike, b: TensorLike) => apply1(op, [toTensor(a), toTensor(b)], {}), {op});
}
