// The oracle against others: TensorFlow.js on its CPU backend, published test vectors, values from tables.
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import {beforeAll, describe, expect, it} from 'vitest';
import {input, type Tensor} from '../../lib/core/tensor.ts';
import * as ops from '../../lib/ops/index.ts';
import {adamOp, momentumOp, nesterovOp} from '../../lib/ops/optimizer.ts';
import {bools, integers, type Operand, reals} from '../conformance/data.ts';
import {evaluate, type Given} from '../reference.ts';
import {normalDistribution, normalQuantile, philox} from './random.ts';

const theirOps = tf;
const ourOps = ops;

beforeAll(async () => {
  tf.env().set('IS_NODE', false); // keeps its advertisement of another backend quiet
  await tf.setBackend('cpu');
});

/** TensorFlow.js computes in float32: what it can be held to. */
const tolerance = 2e-6;

function feed(operands: readonly Operand[]): {tensors: Tensor[]; given: Given; others: tf.Tensor[]} {
  const tensors = operands.map(({shape, dtype}, index) => input({name: `x${index}`, shape, dtype}));
  const given = new Map(tensors.map((tensor, index) => [tensor, (operands[index] as Operand).data]));
  const names = {
    float32: 'float32',
    int32: 'int32',
    uint8: 'int32',
    bool: 'bool',
    float64: 'float32',
    float16: 'float32',
    bfloat16: 'float32',
    int64: 'int32',
  } as const;
  const others = operands.map(({data, shape, dtype}) =>
    tf.tensor(dtype === 'bool' ? Uint8Array.from(data) : data, [...shape], names[dtype]),
  );
  return {tensors, given, others};
}

function compare(
  operands: readonly Operand[],
  ours: (...tensors: Tensor[]) => Tensor,
  theirs: (...tensors: tf.Tensor[]) => tf.Tensor,
): void {
  const {tensors, given, others} = feed(operands);
  const result = ours(...tensors);
  const expected = theirs(...others);
  expect(result.shape).toEqual(expected.shape);
  const [values] = evaluate([result], given);
  expected.dataSync().forEach((value, index) => {
    const got = values?.[index] as number;
    const near = Math.abs(got - value) <= tolerance * Math.max(1, Math.abs(value));
    expect(near || Object.is(got, value) || got === value, `element ${index}: ${got} and ${value}`).toBe(
      true,
    );
  });
}

describe('the oracle and TensorFlow.js agree', () => {
  const unary = ['neg', 'abs', 'sign', 'square', 'exp', 'softplus', 'sigmoid', 'tanh', 'relu'] as const;
  it.each(unary)('%s', name => compare([reals([4, 5], -4, 4)], ourOps[name], x => theirOps[name](x)));
  it.each(['log', 'sqrt'] as const)('%s', name =>
    compare([reals([4, 5], 0.1, 9)], ourOps[name], x => theirOps[name](x)),
  );

  const binary = ['add', 'sub', 'mul', 'div', 'maximum', 'minimum'] as const;
  const comparisons = ['greater', 'greaterEqual', 'less', 'lessEqual', 'equal', 'notEqual'] as const;
  it.each([...binary, ...comparisons])('%s, broadcast', name => {
    compare([reals([3, 1, 5], 1, 3), reals([4, 1], 1, 3)], ourOps[name], (a, b) => theirOps[name](a, b));
    compare([reals([5], 1, 3), reals([2, 5], 1, 3)], ourOps[name], (a, b) => theirOps[name](a, b));
  });

  it('logic', () => {
    compare([bools([9]), bools([9])], ops.logicalAnd, (a, b) => tf.logicalAnd(a, b));
    compare([bools([9]), bools([9])], ops.logicalOr, (a, b) => tf.logicalOr(a, b));
    compare([bools([9])], ops.logicalNot, a => tf.logicalNot(a));
    compare([bools([2, 3]), reals([2, 3]), reals([2, 3])], ops.select, (c, a, b) => tf.where(c, a, b));
  });

  it.each([
    [false, false],
    [true, false],
    [false, true],
    [true, true],
  ])('matmul, transposed %s %s', (transposeA, transposeB) => {
    const [a, b] = [reals(transposeA ? [6, 4] : [4, 6]), reals(transposeB ? [5, 6] : [6, 5])];
    compare(
      [a, b],
      (x, y) => ops.matmul(x as Tensor, y as Tensor, {transposeA, transposeB}),
      (x, y) => tf.matMul(x as tf.Tensor, y as tf.Tensor, transposeA, transposeB),
    );
  });

  it.each([0, 1, 2])('reductions along axis %i', axis => {
    const x = reals([3, 4, 5]);
    compare(
      [x],
      t => ops.sum(t, axis),
      t => tf.sum(t, axis),
    );
    compare(
      [x],
      t => ops.sum(t, axis, true),
      t => tf.sum(t, axis, true),
    );
    compare(
      [x],
      t => ops.max(t, axis),
      t => tf.max(t, axis),
    );
    compare(
      [x],
      t => ops.mean(t, axis),
      t => tf.mean(t, axis),
    );
    compare(
      [x],
      t => ops.argMax(t, axis),
      t => tf.argMax(t, axis),
    );
    compare(
      [x],
      t => ops.sum(t),
      t => tf.sum(t),
    );
  });

  it('softmax and cross-entropy', () => {
    compare([reals([4, 7], -9, 9)], ops.softmax, x => tf.softmax(x));
    compare([reals([4, 7], -9, 9)], ops.logSoftmax, x => tf.logSoftmax(x));
    compare(
      [reals([4, 7], -9, 9), integers([4], 0, 6)],
      (x, labels) => ops.softmaxCrossentropy(x, labels).loss,
      (x, labels) => tf.losses.softmaxCrossEntropy(tf.oneHot(labels, 7), x, undefined, 0, tf.Reduction.NONE),
    );
  });

  it('gathers and moves', () => {
    compare(
      [reals([9, 2, 3]), integers([5], 0, 8)],
      (x, rows) => ops.gatherRows(x, rows),
      (x, rows) => tf.gather(x, rows),
    );
    compare([integers([9], 0, 255), integers([5], 0, 8)], ops.gatherLabels, (x, rows) => tf.gather(x, rows));
    compare(
      [reals([2, 3, 4])],
      x => ops.transpose(x, [2, 0, 1]),
      x => tf.transpose(x, [2, 0, 1]),
    );
    compare(
      [reals([2, 3])],
      x => ops.broadcastTo(x, [4, 2, 3]),
      x => tf.broadcastTo(x, [4, 2, 3]),
    );
    compare(
      [reals([5], -300, 300)],
      x => ops.cast(x, 'int32'),
      x => tf.cast(x, 'int32'),
    );
    compare(
      [reals([5, 3]), integers([5], 0, 2)],
      (x, labels) => ops.pickClass(x, labels),
      (x, labels) => tf.sum(tf.mul(x, tf.oneHot(labels, 3)), 1),
    );
    compare(
      [reals([5]), integers([5], 0, 2)],
      (y, labels) => ops.scatterClass(y, labels, 3),
      (y, labels) => tf.mul(tf.expandDims(y, 1), tf.oneHot(labels, 3)),
    );
    compare(
      [reals([5, 3]), integers([5], 0, 2), reals([5])],
      (p, labels, scale) => ops.subtractOneHot(p, labels, scale),
      (p, labels, scale) => tf.mul(tf.sub(p, tf.oneHot(labels, 3)), tf.expandDims(scale, 1)),
    );
  });
});

describe('the optimizers of the oracle and of TensorFlow.js agree', () => {
  const steps = 5;
  const gradientAt = (step: number): number[] => [0.5 - 0.3 * step, 1e-3 * step, -2];

  function theirs(optimizer: tf.Optimizer): number[] {
    const variable = tf.variable(tf.tensor1d([1, 2, 3]));
    for (let step = 1; step <= steps; step++) {
      optimizer.applyGradients([{name: variable.name, tensor: tf.tensor1d(gradientAt(step))}]);
    }
    return [...variable.dataSync()];
  }

  function ours(op: typeof adamOp, moments: number, hyperAt: (step: number) => number[]) {
    let values: ArrayLike<number>[] = [[1, 2, 3], ...Array.from({length: moments}, () => [0, 0, 0])];
    for (let step = 1; step <= steps; step++) {
      const numbers = hyperAt(step);
      const hyper = input({name: 'hyper', shape: [1, numbers.length]});
      const [p, ...rest] = values.map((_, index) => input({name: `s${index}`, shape: [3]}));
      const g = input({name: 'g', shape: [3]});
      const segments = [[p as Tensor, g, ...rest]];
      const [updated] = ops.applyUpdate(op, hyper, segments);
      const given: [Tensor, ArrayLike<number>][] = [p as Tensor, ...rest].map((tensor, index) => [
        tensor,
        values[index] as ArrayLike<number>,
      ]);
      values = evaluate(updated as Tensor[], new Map([...given, [hyper, numbers], [g, gradientAt(step)]]));
    }
    return [...(values[0] as Float64Array)];
  }

  const near = (a: number[], b: number[]): void =>
    a.forEach((x, i) => {
      expect(x).toBeCloseTo(b[i] as number, 5);
    });

  it('momentum and Nesterov', () => {
    for (const nesterov of [false, true]) {
      near(
        ours(nesterov ? nesterovOp : momentumOp, 1, () => [0.1, 0.9]),
        theirs(tf.train.momentum(0.1, 0.9, nesterov)),
      );
    }
  });

  it('adam', () => {
    const hyperAt = (t: number): number[] => [
      0.1 / (1 - 0.9 ** t),
      0.9,
      1 - 0.9,
      0.999,
      1 - 0.999,
      1 / Math.sqrt(1 - 0.999 ** t),
      1e-7,
    ];
    near(ours(adamOp, 2, hyperAt), theirs(tf.train.adam(0.1, 0.9, 0.999, 1e-7)));
  });
});

describe('random numbers of the oracle', () => {
  it("gives the published test vectors of Philox (Random123's kat_vectors)", () => {
    const hex = (words: number[]): string => words.map(word => word.toString(16).padStart(8, '0')).join(' ');
    const full = 0xffffffff;
    expect(hex(philox([0, 0, 0, 0], [0, 0]))).toBe('6627e8d5 e169c58d bc57ac4c 9b00dbd8');
    expect(hex(philox([full, full, full, full], [full, full]))).toBe('408f276d 41c83b0e a20bc7c6 6d5451fd');
    expect(hex(philox([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0]))).toBe(
      'd16cfe09 94fdcceb 5001e420 24126ea1',
    );
  });

  it('knows the quantiles of the normal distribution', () => {
    expect(normalQuantile(0.975)).toBeCloseTo(1.959963984540054, 13);
    expect(normalQuantile(0.001)).toBeCloseTo(-3.090232306167814, 12);
    expect(normalQuantile(2 ** -25)).toBeCloseTo(-5.419983172, 8);
    for (const z of [-5, -2, -0.3, 0, 1, 4.5])
      expect(normalQuantile(normalDistribution(z))).toBeCloseTo(z, 9);
  });
});
