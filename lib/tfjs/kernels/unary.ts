// Elementwise kernels of one operand. tfjs gives most of them float32; where they get integers, the result is
// cut off to integers again, as tfjs's arrays do.
import type {ClipByValueAttrs, LeakyReluAttrs, StepAttrs} from '@tensorflow/tfjs-core';
import type {Tensor} from '../../core/tensor.ts';
import * as ops from '../../ops/index.ts';
import {type Rule, type Rules, rule, withChanging} from '../rule.ts';

type Formula = (x: Tensor) => Tensor;

/** The result has the type of the operand. As bools, tfjs has bytes that are cut off: 0.7 is false. */
const sameType = (formula: Formula): Rule =>
  rule('x', ({x}) => (x.dtype === 'bool' ? 'other types' : ops.cast(formula(x), x.dtype)));

/** Integers are what they are. */
const ofReals = (formula: Formula): Rule => rule('x', ({x}) => (x.dtype === 'float32' ? formula(x) : x));

/** Bools from any type. */
const question = (formula: Formula): Rule => rule('x', ({x}) => formula(x));

const float = (x: Tensor): Tensor => ops.cast(x, 'float32');

/** Constants of self-normalizing networks (Klambauer et al. 2017), as tfjs has them. */
const seluScaleAlpha = 1.7580993408473768;
const seluScale = 1.0507009873554805;

const elu: Formula = x => ops.select(ops.greaterEqual(x, 0), x, ops.expm1(x));
const leaky = (x: Tensor, alpha: number | Tensor): Tensor => ops.select(ops.less(x, 0), ops.mul(x, alpha), x);
const relu: Formula = x => (x.dtype === 'float32' ? ops.relu(x) : ops.maximum(x, 0));
const relu6: Formula = x => (x.dtype === 'float32' ? ops.relu6(x) : ops.minimum(relu(x), 6));

/** Activations by their names in fused kernels. */
export const activations: Readonly<Record<string, Formula>> = {
  linear: x => x,
  relu,
  elu,
  relu6,
  sigmoid: ops.sigmoid,
};

export const leakyRelu = leaky;

export const unary: Rules = {
  Abs: sameType(ops.abs),
  Acos: sameType(ops.acos),
  Acosh: sameType(ops.acosh),
  Asin: sameType(ops.asin),
  Asinh: sameType(ops.asinh),
  Atan: sameType(ops.atan),
  Atanh: sameType(ops.atanh),
  Ceil: ofReals(ops.ceil),
  Cos: sameType(ops.cos),
  Cosh: sameType(ops.cosh),
  Elu: sameType(elu),
  Erf: sameType(ops.erf),
  Exp: rule('x', ({x}) => ops.exp(x)),
  Expm1: sameType(ops.expm1),
  Floor: ofReals(ops.floor),
  IsFinite: question(x => ops.isFinite(x)),
  IsInf: question(x => ops.equal(ops.abs(float(x)), Infinity)),
  IsNan: question(x => ops.isNaN(x)),
  Log: sameType(ops.log),
  Log1p: sameType(ops.log1p),
  LogicalNot: question(x => ops.logicalNot(ops.cast(x, 'bool'))),
  Neg: sameType(ops.neg),
  Reciprocal: sameType(ops.reciprocal),
  Relu: sameType(relu),
  Relu6: sameType(x => ops.minimum(relu(x), 6)),
  Round: ofReals(ops.round),
  Rsqrt: sameType(ops.rsqrt),
  Selu: sameType(x =>
    ops.select(ops.greaterEqual(x, 0), ops.mul(x, seluScale), ops.mul(ops.expm1(x), seluScaleAlpha)),
  ),
  Sigmoid: sameType(ops.sigmoid),
  // That of NaN is 0.
  Sign: sameType(x => (x.dtype === 'float32' ? ops.select(ops.isNaN(x), 0, ops.sign(x)) : ops.sign(x))),
  Sin: sameType(ops.sin),
  Sinh: sameType(ops.sinh),
  Softplus: sameType(ops.softplus),
  Sqrt: sameType(ops.sqrt),
  Square: sameType(ops.square),
  Tan: sameType(ops.tan),
  Tanh: sameType(ops.tanh),

  ClipByValue: withChanging(
    rule('x', ({x}, {clipValueMin, clipValueMax}: ClipByValueAttrs) =>
      ops.cast(ops.clip(x, clipValueMin, clipValueMax), x.dtype),
    ),
    {
      dtype: 'float32',
      numbers: ({clipValueMin, clipValueMax}: ClipByValueAttrs, [x]) =>
        x?.dtype === 'float32' ? [clipValueMin, clipValueMax] : undefined,
      rest: () => ({clipValueMin: 0, clipValueMax: 0}),
      apply: ([x], _, [least, most]) => ops.clip(x as Tensor, least as Tensor, most as Tensor),
    },
  ),
  LeakyRelu: withChanging(
    rule('x', ({x}, {alpha}: LeakyReluAttrs) => leaky(float(x), alpha)),
    {
      dtype: 'float32',
      numbers: ({alpha}: LeakyReluAttrs) => [alpha],
      rest: () => ({alpha: 0}),
      apply: ([x], _, [alpha]) => leaky(float(x as Tensor), alpha as Tensor),
    },
  ),
  Step: rule('x', ({x}, {alpha}: StepAttrs) => {
    if (x.dtype === 'bool') return 'other types';
    const step = ops.select(ops.greater(x, 0), 1, alpha);
    return ops.cast(x.dtype === 'float32' ? ops.select(ops.isNaN(x), x, step) : step, x.dtype);
  }),
};
