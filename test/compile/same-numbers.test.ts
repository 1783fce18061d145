// What the passes must not change, on the numbers that tell: signs of zero, NaN, infinities, denormals; and
// chains of ops behind a product.
import {describe, expect, it} from 'vitest';
import {input, type Tensor} from '../../lib/core/tensor.ts';
import * as ops from '../../lib/ops/index.ts';
import * as map from '../../lib/ops/map.ts';
import {spreadLargest} from '../../lib/ops/pool.ts';
import {givenOf, type Program} from '../conformance/build.ts';
import {exactly, type Operand, reals} from '../conformance/data.ts';
import {special} from '../conformance/elementwise.ts';
import {expectEveryCall} from '../conformance/every-call.ts';
import {deep, expectSameResults, isas, runNative} from '../conformance/native.ts';
import {evaluate} from '../reference.ts';

function programOf(operands: readonly Operand[], build: (...tensors: Tensor[]) => Tensor): Program {
  const inputs = operands.map((operand, index): [Tensor, Operand] => [
    input({name: `x${index}`, shape: operand.shape}),
    operand,
  ]);
  return {outputs: {y: build(...inputs.map(([tensor]) => tensor))}, updates: [], inputs, variables: []};
}

/** All pairs of special numbers. */
const pairs = special.flatMap(a => special.map(b => [a, b] as const));
const operands = [exactly(pairs.map(([a]) => a)), exactly(pairs.map(([, b]) => b))];

/** Of windows of two that overlap: each number is in two of them at most, so one addition is rounded. */
function masked(mask: (a: Tensor, b: Tensor) => Tensor, a: Tensor, b: Tensor): Tensor {
  const x = ops.reshape(a, [1, pairs.length, 1]);
  const dy = ops.slice(ops.reshape(b, [1, pairs.length, 1]), [0, 0, 0], [1, pairs.length - 1, 1]);
  const spread = spreadLargest(x, dy, {geometry: [2, 1, 0], shape: x.shape});
  return ops.reshape(mask(spread, x), [pairs.length]);
}

/** Each is exact: one rounding at most, so that float64 rounded once gives the very bits. */
const identities: Record<string, (a: Tensor, b: Tensor) => Tensor> = {
  'a + 0': a => ops.add(a, 0),
  '0 + a': a => ops.add(0, a),
  'a + -0': a => ops.add(a, -0),
  '-0 + a': a => ops.add(-0, a),
  'a - 0': a => ops.sub(a, 0),
  'a - -0': a => ops.sub(a, -0),
  '0 - a': a => ops.sub(0, a),
  '-0 - a': a => ops.sub(-0, a),
  'a * 1': a => ops.mul(a, 1),
  'a * -1': a => ops.mul(-1, a),
  'a * 0': a => ops.mul(a, 0),
  'a * -0': a => ops.mul(-0, a),
  'a / 1': a => ops.div(a, 1),
  'a / 4': a => ops.div(a, 4),
  'a / -0.5': a => ops.div(a, -0.5),
  'a / 2^-127': a => ops.div(a, 2 ** -127),
  'a / 2^127': a => ops.div(a, 2 ** 127),
  '1 / a': a => ops.div(1, a),
  'neg neg a': a => ops.neg(ops.neg(a)),
  'neg (a * 3)': a => ops.neg(ops.mul(a, 3)),
  'neg a * 3': a => ops.mul(ops.neg(a), 3),
  'a + neg b': (a, b) => ops.add(a, ops.neg(b)),
  'neg a + b': (a, b) => ops.add(ops.neg(a), b),
  'a - neg b': (a, b) => ops.sub(a, ops.neg(b)),
  'neg a * neg b': (a, b) => ops.mul(ops.neg(a), ops.neg(b)),
  'max of a and a': a => ops.maximum(a, a),
  'a or a': (a, b) => ops.select(ops.less(a, b), a, a),
  'not not a < b': (a, b) => ops.cast(ops.logicalNot(ops.logicalNot(ops.less(a, b))), 'float32'),
  'a * -0 + 0': a => ops.add(ops.mul(a, -0), 0),
  'a * 0 + -0': a => ops.add(ops.mul(a, 0), -0),
  'a mask of a spread to the largest of windows': (a, b) => masked(map.reluGrad, a, b),
  'the same of relu6': (a, b) => masked(map.relu6Grad, a, b),
  'int32, back again': a => ops.cast(ops.cast(a, 'int32'), 'float32'),
  'bool, back again': a => ops.cast(ops.cast(a, 'bool'), 'float32'),
};

describe('exact to the bit, on special numbers', () => {
  it.each(Object.entries(identities))('%s', (_, build) => {
    const program = programOf(operands, build);
    const [exact] = evaluate(Object.values(program.outputs), givenOf(program)) as [Float64Array];
    for (const isa of isas) {
      for (const passes of [{}, {fuse: false}]) {
        const y = runNative(program, {isa, passes}).y as Float32Array;
        y.forEach((actual, at) => {
          const expected = Math.fround(exact[at] as number);
          if (!Object.is(actual, expected)) expect({pair: pairs[at], isa, actual}).toEqual({expected});
        });
      }
    }
  });
});

const unary = ['neg', 'abs', 'sign', 'square', 'sqrt', 'exp', 'softplus', 'sigmoid', 'tanh', 'relu'] as const;
const functions = ops;

describe('behind a product', () => {
  const matrices = [reals([9, 21]), reals([21, 18]), reals([18])];
  const check = (build: (...tensors: Tensor[]) => Tensor, what: string): void => {
    const program = programOf(matrices, build);
    const plain = runNative(program, {passes: {fuse: false, inPlace: false}});
    for (const isa of isas) expectSameResults(runNative(program, {isa}), plain, `${what} on ${isa}`);
    expectEveryCall(program, what);
  };

  it.each(unary)('%s follows a bias or stands alone, and another follows it', {timeout: 120_000}, first => {
    for (const second of deep ? unary : (['neg', 'relu', 'tanh'] as const)) {
      const chain = (x: Tensor): Tensor => functions[second](functions[first](x));
      check(
        (a, b, c) => chain(ops.add(ops.matmul(a as Tensor, b as Tensor), c as Tensor)),
        `${first}, ${second}`,
      );
      check((a, b) => chain(ops.matmul(a as Tensor, b as Tensor)), `${first}, ${second} without bias`);
    }
  });

  it('the bias stands on either side, comes late, or twice, or is no row', () => {
    const product = (a: Tensor, b: Tensor): Tensor => ops.matmul(a, b);
    const builds: ((a: Tensor, b: Tensor, c: Tensor) => Tensor)[] = [
      (a, b, c) => ops.add(c, product(a, b)),
      (a, b, c) => ops.add(ops.relu(product(a, b)), c),
      (a, b, c) => ops.relu(ops.add(ops.add(product(a, b), c), c)),
      (a, b, c) => ops.add(product(a, b), ops.reshape(c, [1, 18])),
      (a, b, c) => ops.add(product(a, b), ops.sum(c)),
      (a, b) => ops.add(product(a, b), ops.sum(a, 1, true)),
      (a, b, c) => ops.sub(product(a, b), c),
      (a, b, c) => ops.mul(ops.add(product(a, b), c), ops.sigmoid(ops.add(product(a, b), c))),
      (a, b) => ops.add(product(a, b), ops.max(b, 0)),
      (a, b) => ops.tanh(ops.add(product(a, b), product(a, b))),
    ];
    builds.forEach((build, index) => {
      check((a, b, c) => build(a as Tensor, b as Tensor, c as Tensor), `build ${index}`);
    });
  });

  it('operands may be transposed before', () => {
    for (const transposeA of [false, true]) {
      for (const transposeB of [false, true]) {
        check((a, b) => {
          const left = transposeA ? (a as Tensor) : ops.transpose(a as Tensor);
          const right = transposeB ? (b as Tensor) : ops.transpose(b as Tensor);
          return ops.matmul(left, right, {transposeA: !transposeA, transposeB: !transposeB});
        }, `${transposeA} ${transposeB}`);
        check((a, b) => {
          return ops.matmul(ops.transpose(b as Tensor), ops.transpose(a as Tensor), {});
        }, 'both');
      }
    }
  });
});
