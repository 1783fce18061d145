// Products of matrices, of float32 or of int32.
import type {_FusedMatMulAttrs, BatchMatMulAttrs, EinsumAttrs} from '@tensorflow/tfjs-core';
import type {Tensor} from '../../core/tensor.ts';
import * as ops from '../../ops/index.ts';
import {listRule, type Outcome, type Rules, rule} from '../rule.ts';
import {prelu} from './binary.ts';
import {activations, leakyRelu} from './unary.ts';

export const areReal = (...operands: readonly (Tensor | undefined)[]): boolean =>
  operands.every(operand => operand === undefined || operand.dtype === 'float32');

const areWhole = (...operands: readonly (Tensor | undefined)[]): boolean =>
  operands.every(operand => operand === undefined || operand.dtype === 'int32');

interface ActivationAttrs {
  readonly activation?: string | null;
  readonly leakyreluAlpha?: number;
}

/** With the activation of a fused kernel: of integers integers, but for the two with slopes. */
export function activated(x: Tensor, attributes: ActivationAttrs, weights?: Tensor): Outcome {
  const {activation, leakyreluAlpha} = attributes;
  if (!activation) return x;
  if (activation === 'leakyrelu') return leakyRelu(ops.cast(x, 'float32'), leakyreluAlpha ?? 0);
  if (activation === 'prelu') return weights ? prelu(x, weights) : 'refused';
  const formula = activations[activation];
  return formula ? ops.cast(formula(x), x.dtype) : 'refused';
}

export const products: Rules = {
  _FusedMatMul: rule(
    'a b bias? preluActivationWeights?',
    ({a, b, bias, preluActivationWeights: weights}, attributes: _FusedMatMulAttrs) => {
      if (!areReal(a, b, bias, weights) && !areWhole(a, b, bias)) return 'other types';
      const {transposeA, transposeB} = attributes;
      const product = ops.matmul(a, b, {transposeA, transposeB});
      return activated(bias ? ops.add(product, bias) : product, attributes, weights);
    },
  ),
  BatchMatMul: rule('a b', ({a, b}, {transposeA, transposeB}: BatchMatMulAttrs) =>
    areReal(a, b) || areWhole(a, b) ? ops.matmul(a, b, {transposeA, transposeB}) : 'not yet',
  ),
  Einsum: listRule((operands, {equation}: EinsumAttrs) => {
    // TensorFlow.js takes two operands, and no letter twice in one.
    if (operands.length > 2 || /([a-zA-Z])[a-zA-Z]*\1/.test(equation.replaceAll(' ', ''))) return 'refused';
    return areReal(...operands) || areWhole(...operands) ? ops.einsum(equation, ...operands) : 'not yet';
  }),
};
