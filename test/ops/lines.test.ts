// Statistics over several axes, norms, running products with zeros, and orders with ties and NaN.
import {describe, expect, it} from 'vitest';
import type {Tensor} from '../../lib/core/tensor.ts';
import {gradients} from '../../lib/graph/autodiff.ts';
import {compile, ops} from '../../lib/index.ts';
import {expectComposite} from '../conformance/composite.ts';
import {exactly, type Operand} from '../conformance/data.ts';

const run = (y: Tensor, x: ArrayLike<number>): number[] => [
  ...compile(y).runSync({x: Float32Array.from(x)}).data,
];
const input = (shape: number[]): Tensor => ops.input({name: 'x', shape});

/** Lines of x[2,3,4] over axes, by plain loops. */
function linesOver(x: Float64Array, axes: readonly number[]): number[][] {
  const found = new Map<string, number[]>();
  x.forEach((value, at) => {
    const index = [Math.floor(at / 12), Math.floor(at / 4) % 3, at % 4];
    const key = index.filter((_, axis) => !axes.includes(axis)).join();
    found.set(key, [...(found.get(key) ?? []), value]);
  });
  return [...found.values()];
}

const meanOf = (line: number[]): number => line.reduce((sum, x) => sum + x, 0) / line.length;
const varianceOf = (line: number[]): number => meanOf(line.map(x => (x - meanOf(line)) ** 2));
const lengthOf = (line: number[]): number => Math.sqrt(line.reduce((sum, x) => sum + x * x, 0));
const logSumOf = (line: number[]): number => Math.log(line.reduce((sum, x) => sum + Math.exp(x), 0));

// Apart from each other: the least has no rival within a difference.
const x: Operand = exactly(
  Array.from({length: 24}, (_, at) => (((at * 7) % 24) - 11.5) / 6),
  [2, 3, 4],
);
const everyAxes = [[0], [1], [2], [0, 1], [1, 2], [0, 2], [0, 1, 2]];

describe.each(everyAxes.map(axes => [axes.join(), axes] as const))('over axes %s', (_, axes) => {
  const over = (build: (a: Tensor) => Tensor, of: (line: number[]) => number) =>
    expectComposite(String(axes), {
      build,
      exact: values => linesOver(values, axes).map(of),
      operands: [x],
      differentiable: 1,
      tolerance: 2e-6,
    });

  it('moments, variance, std', () => {
    over(a => ops.moments(a, axes).mean, meanOf);
    over(a => ops.variance(a, axes), varianceOf);
    over(
      a => ops.std(a, axes, true),
      line => Math.sqrt(varianceOf(line)),
    );
  });

  it('norm and logSumExp', () => {
    if (axes.length < 3) over(a => ops.norm(a, 'euclidean', axes), lengthOf);
    over(a => ops.logSumExp(a, axes), logSumOf);
  });

  it('min, prod, any and all', () => {
    over(
      a => ops.min(a, axes),
      line => Math.min(...line),
    );
    over(
      a => ops.prod(a, axes, true),
      line => line.reduce((product, value) => product * value, 1),
    );
    const flags = (line: number[]) => line.map(value => value > 0.5);
    const counted = (y: Tensor) => ops.cast(y, 'float32');
    const above = (a: Tensor) => ops.greater(a, 0.5);
    const exactly = {operands: [x], differentiable: 0};
    expectComposite('any', {
      build: a => counted(ops.any(above(a), axes)),
      exact: values => linesOver(values, axes).map(line => Number(flags(line).some(Boolean))),
      ...exactly,
    });
    expectComposite('all', {
      build: a => counted(ops.all(above(a), axes)),
      exact: values => linesOver(values, axes).map(line => Number(flags(line).every(Boolean))),
      ...exactly,
    });
  });
});

describe('norm', () => {
  const vector = [3, -4, 0, 12];
  const of = (order: number | 'euclidean', given = vector) =>
    run(ops.norm(input([given.length]), order), given)[0];
  it('of vectors', () => {
    expect([of('euclidean'), of(2), of(1), of(Infinity), of(-Infinity)]).toEqual([13, 13, 19, 12, 0]);
    expect(of(3, [3, 4, 5])).toBeCloseTo(6, 5);
  });

  it('of matrices', () => {
    const matrix = (order: number | 'fro') => run(ops.norm(input([2, 2]), order, [0, 1]), [1, -2, 3, 4])[0];
    expect([matrix(1), matrix(Infinity), matrix(-Infinity)]).toEqual([6, 7, 3]);
    expect(matrix('fro')).toBeCloseTo(Math.sqrt(30), 6);
    expect(ops.norm(input([2, 3, 4]), 1, [1, 2], true).shape).toEqual([2, 1, 1]);
    expect(() => matrix(2)).toThrow(/^norm: there is no norm of order 2 of matrices/);
    expect(() => ops.norm(input([2, 3, 4]), 1, [0, 1, 2])).toThrow(/^norm: expected one axis or two/);
    expect(() => of(0)).toThrow(/^norm: there is no norm of order 0 of vectors/);
  });

  it('has a gradient of 0 where all is 0', () => {
    const a = input([3]);
    const [da] = gradients(ops.norm(a), [a]) as [Tensor];
    expect(run(da, [0, 0, 0])).toEqual([0, 0, 0]);
    expect(run(da, [0, 3, 4]).map(value => Math.fround(value))).toEqual([0, 0.6, 0.8].map(Math.fround));
  });
});

describe('products', () => {
  it('with zeros have the gradients that differences give', () => {
    for (const given of [
      [2, 0, 3],
      [0, 0, 3],
      [2, 5, 3],
    ]) {
      const a = input([3]);
      const [da] = gradients(ops.prod(a), [a]) as [Tensor];
      const others = given.map((_, at) => given.reduce((all, value, k) => (k === at ? all : all * value), 1));
      expect(run(da, given)).toEqual(others);
    }
  });
});

describe('running sums', () => {
  it('have the flags of TensorFlow.js', () => {
    const of = (exclusive: boolean, reverse: boolean) =>
      run(ops.cumsum(input([4]), 0, exclusive, reverse), [1, 2, 3, 4]);
    expect(of(false, false)).toEqual([1, 3, 6, 10]);
    expect(of(true, false)).toEqual([0, 1, 3, 6]);
    expect(of(false, true)).toEqual([10, 9, 7, 4]);
    expect(of(true, true)).toEqual([9, 7, 4, 0]);
    expect(run(ops.cumprod(input([4]), 0, true, false), [1, 2, 3, 4])).toEqual([1, 1, 2, 6]);
    expect(run(ops.linearRecurrence(ops.broadcastTo(0.5, [3]), input([3])), [8, 0, 2])).toEqual([8, 4, 4]);
    expect(() => ops.cumsum(input([4]), 1)).toThrow(/^cumsum: axis 1 is outside \[4\]/);
    expect(() => ops.linearRecurrence(input([4]), input([3]))).toThrow(/^linearRecurrence: expected two/);
  });
});

describe('orders', () => {
  const given = [2, Number.NaN, -1, 2, 0, -0];
  it('keep equal elements as they are, and put NaN last', () => {
    const a = input([6]);
    expect(run(ops.sort(a), given)).toEqual([-1, 0, -0, 2, 2, Number.NaN]);
    expect(run(ops.argsort(a), given)).toEqual([2, 4, 5, 0, 3, 1]);
    expect(run(ops.argsort(a, 0, true), given)).toEqual([0, 3, 4, 5, 2, 1]);
    const {values, indices} = ops.topK(a, 3);
    expect(run(values, given)).toEqual([2, 2, 0]);
    expect(run(indices, given)).toEqual([0, 3, 4]);
    expect(() => ops.topK(a, 7)).toThrow(/^topK: k must be from 1 to the last size of \[6\]\. Received 7/);
    expect(() => ops.sort(a, 1)).toThrow(/^sort: axis 1 is outside \[6\]/);
  });

  it('send gradients back to where the values were', () => {
    const a = input([4]);
    const weights = ops.constant(Float32Array.of(1, 10, 100, 1000), [4]);
    const [da] = gradients(ops.sum(ops.mul(ops.sort(a), weights)), [a]) as [Tensor];
    expect(run(da, [3, 1, 2, 0])).toEqual([1000, 10, 100, 1]);
    const [top] = gradients(ops.sum(ops.topK(a, 2).values), [a]) as [Tensor];
    expect(run(top, [3, 1, 2, 0])).toEqual([1, 0, 1, 0]);
  });
});
