// Elementwise kernels of two operands, and of three. The result of arithmetic has the type of the first
// operand.
import type {Tensor} from '../../core/tensor.ts';
import * as ops from '../../ops/index.ts';
import {listRule, type Rule, type Rules, rule} from '../rule.ts';

type Formula = (a: Tensor, b: Tensor) => Tensor;

/** tfjs adds up bools as bytes, so that true + true is 2: no native kernel has such bools. */
const arithmetic = (formula: Formula): Rule =>
  rule('a b', ({a, b}) => (a.dtype === 'bool' ? 'other types' : ops.cast(formula(a, b), a.dtype)));

const comparison = (formula: Formula): Rule => rule('a b', ({a, b}) => formula(a, b));

const logical = (formula: Formula): Rule =>
  rule('a b', ({a, b}) => formula(ops.cast(a, 'bool'), ops.cast(b, 'bool')));

const float = (x: Tensor): Tensor => ops.cast(x, 'float32');

/** Where neither is an integer the quotient is rounded down in float32. */
const floorDiv: Formula = (a, b) =>
  a.dtype === 'float32' || b.dtype === 'float32' ? ops.floor(ops.div(a, b)) : ops.floorDiv(a, b);

/** A mask of the first axis counts for all that each of its elements has. */
function conditionFor(condition: Tensor, t: Tensor): Tensor {
  const mask = condition.dtype === 'bool' ? condition : ops.equal(condition, 1);
  if (mask.rank !== 1 || t.rank < 2) return mask;
  return ops.reshape(mask, [mask.size, ...new Array<number>(t.rank - 1).fill(1)]);
}

/** Without overflow and underflow of the squares. */
function hypotenuse(a: Tensor, b: Tensor): Tensor {
  const largest = ops.maximum(ops.abs(a), ops.abs(b));
  const ratios = [a, b].map(side => ops.square(ops.div(side, largest))) as [Tensor, Tensor];
  const length = ops.mul(largest, ops.sqrt(ops.add(ratios[0], ratios[1])));
  return ops.select(ops.logicalOr(ops.equal(largest, 0), ops.equal(largest, Infinity)), largest, length);
}

/** Of integers, too, it is float32. */
export const prelu: Formula = (x, alpha) =>
  ops.select(ops.less(x, 0), ops.mul(float(alpha), float(x)), float(x));

export const binary: Rules = {
  Add: arithmetic(ops.add),
  Atan2: arithmetic(ops.atan2),
  BitwiseAnd: rule('a b', ({a, b}) => ops.bitwiseAnd(a, b)),
  FloorDiv: rule('a b', ({a, b}) => ops.cast(floorDiv(a, b), 'int32')),
  Maximum: arithmetic(ops.maximum),
  Minimum: arithmetic(ops.minimum),
  Mod: arithmetic(ops.mod),
  Multiply: arithmetic(ops.mul),
  Pow: arithmetic(ops.pow),
  RealDiv: arithmetic((a, b) => ops.div(float(a), float(b))),
  SquaredDifference: arithmetic((a, b) => ops.square(ops.sub(a, b))),
  Sub: arithmetic(ops.sub),

  Equal: comparison(ops.equal),
  Greater: comparison(ops.greater),
  GreaterEqual: comparison(ops.greaterEqual),
  Less: comparison(ops.less),
  LessEqual: comparison(ops.lessEqual),
  NotEqual: comparison(ops.notEqual),
  LogicalAnd: logical(ops.logicalAnd),
  LogicalOr: logical(ops.logicalOr),

  AddN: listRule(terms => {
    const [first, ...others] = terms as [Tensor, ...Tensor[]];
    if (first.dtype === 'bool') return 'other types';
    return ops.cast(
      others.reduce<Tensor>((sum, term) => ops.add(sum, term), first),
      first.dtype,
    );
  }),
  ComplexAbs: rule('real imag', ({real, imag}) => hypotenuse(real, imag)),
  EluGrad: rule('dy y', ({dy, y}) => ops.select(ops.greaterEqual(y, 0), dy, ops.mul(dy, ops.add(y, 1)))),
  Prelu: rule('x alpha', ({x, alpha}) => prelu(x, alpha)),
  Select: rule('condition t e', ({condition, t, e}) => {
    if (condition.rank === 0 && t.rank > 0) return 'refused';
    return ops.select(conditionFor(condition, t), t, e);
  }),
};
