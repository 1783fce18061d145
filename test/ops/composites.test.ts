// Functions of ops that are no op themselves, squared so that nothing is linear: values against plain loops,
// gradients and the gradients of these against differences. The type of the table names all that are not
// tested elsewhere.
import {describe, it} from 'vitest';
import type {Tensor} from '../../lib/core/tensor.ts';
import {ops} from '../../lib/index.ts';
import {type Composite as Call, expectComposite} from '../conformance/composite.ts';
import type {Composite} from '../conformance/composites.ts';
import {type Operand, reals, spread} from '../conformance/data.ts';

/** Tested beside what they are for; or leaves, random numbers, positions, which have no gradient. */
type Elsewhere =
  | (
      | 'adaptiveAveragePool'
      | 'adaptiveMaxPool'
      | 'averagePool'
      | 'convTranspose'
      | 'depthwiseConv'
      | 'maxPool'
    )
  | ('affineTransform' | 'cropAndResize' | 'depthToSpace' | 'extractPatches' | 'resize' | 'spaceToDepth')
  | ('applyUpdate' | 'checkpoint' | 'dropout' | 'fft' | 'ifft' | 'scan')
  | ('constant' | 'input' | 'ones' | 'variable' | 'zeros')
  | ('argsort' | 'oneHot' | 'searchSorted')
  | ('randomCategorical' | 'randomGamma' | 'randomPermutation');

type Own = Pick<Call, 'build' | 'exact'> & {readonly operands: () => readonly Operand[]};

const flags = (...values: number[]): Tensor => ops.constant(Uint8Array.from(values), [values.length], 'bool');
const positions = (...rows: number[][]): Tensor =>
  ops.constant(Int32Array.from(rows.flat()), [rows.length, rows[0]?.length ?? 0], 'int32');
const total = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);

/** Columns of a matrix in row-major order. */
const columnsOf = (x: Float64Array, count: number): number[][] =>
  Array.from({length: count}, (_, column) => [...x].filter((_, at) => at % count === column));
const rowsOf = (x: Float64Array, length: number): number[][] =>
  Array.from({length: x.length / length}, (_, row) => [...x.slice(row * length, (row + 1) * length)]);
const varianceOf = (line: readonly number[]): number => {
  const mean = total(line) / line.length;
  return total(line.map(value => (value - mean) ** 2)) / line.length;
};
/** With some elements changed. */
const changed = (x: Float64Array, at: Readonly<Record<number, (before: number) => number>>): number[] =>
  [...x].map((value, index) => at[index]?.(value) ?? value);

const functions: {readonly [Name in Exclude<Composite, Elsewhere>]: Own} = {
  concat: {
    build: (a, b) => ops.concat([a, b], 1),
    exact: (a, b) => [a[0], a[1], b[0], a[2], a[3], b[1]] as number[],
    operands: () => [reals([2, 2]), reals([2, 1])],
  },
  cond: {
    build: x =>
      ops.cond(
        flags(1, 0, 1),
        () => ops.square(x),
        () => ops.mul(x, 3),
      ),
    exact: x => x.map((value, at) => (at === 1 ? 3 * value : value ** 2)),
    operands: () => [reals([3])],
  },
  einsum: {
    build: (a, b) => ops.einsum('ij,jk->ki', a, b),
    exact: (a, b) =>
      columnsOf(b, 2).flatMap(column =>
        rowsOf(a, 3).map(row => total(row.map((value, at) => value * (column[at] as number)))),
      ),
    operands: () => [reals([2, 3]), reals([3, 2])],
  },
  expandDims: {build: x => ops.expandDims(x, 1), exact: x => x, operands: () => [reals([2, 3])]},
  gatherNd: {
    build: x => ops.gatherNd(x, positions([2, 1], [0, 0], [2, 1])),
    exact: x => [x[5], x[0], x[5]] as number[],
    operands: () => [reals([3, 2])],
  },
  maskedSoftmax: {
    build: x => ops.maskedSoftmax(x, ops.reshape(flags(1, 1, 0, 1, 0, 1), [2, 3])),
    exact: x => {
      const powers = [...x].map((value, at) => (at === 2 || at === 4 ? 0 : Math.exp(value)));
      return powers.map((power, at) => power / total(powers.slice(at < 3 ? 0 : 3, at < 3 ? 3 : 6)));
    },
    operands: () => [reals([2, 3])],
  },
  mean: {
    build: x => ops.mean(x, [0]),
    exact: x => columnsOf(x, 3).map(column => total(column) / 2),
    operands: () => [reals([2, 3])],
  },
  mirrorPad: {
    build: x => ops.mirrorPad(x, [[2, 1]], 'reflect'),
    exact: x => [2, 1, 0, 1, 2, 1].map(at => x[at] as number),
    operands: () => [reals([3])],
  },
  scatterNd: {
    build: updates => ops.scatterNd(positions([1], [3], [1]), updates, [4]),
    exact: ([first = 0, second = 0, third = 0]) => [0, first + third, 0, second],
    operands: () => [reals([3])],
  },
  segmentSum: {
    build: x => ops.segmentSum(x, ops.constant(Int32Array.of(1, 0, 1), [3], 'int32'), 2),
    exact: ([a = 0, b = 0, c = 0, d = 0, e = 0, f = 0]) => [c, d, a + e, b + f],
    operands: () => [reals([3, 2])],
  },
  split: {
    build: x => {
      const [first, second] = ops.split(x, [2, -1], 1) as [Tensor, Tensor];
      return ops.mul(first, second);
    },
    exact: x => rowsOf(x, 4).flatMap(([a = 0, b = 0, c = 0, d = 0]) => [a * c, b * d]),
    operands: () => [reals([2, 4])],
  },
  squeeze: {build: x => ops.squeeze(x, 1), exact: x => x, operands: () => [reals([2, 1, 3])]},
  stack: {
    build: (a, b) => ops.stack([a, b], 1),
    exact: (a, b) => [...a].flatMap((value, at) => [value, b[at] as number]),
    operands: () => [reals([3]), reals([3])],
  },
  std: {
    build: x => ops.std(x, 0),
    exact: x => columnsOf(x, 3).map(column => Math.sqrt(varianceOf(column))),
    operands: () => [spread([4, 3])],
  },
  sumTo: {
    build: x => ops.sumTo(x, [3]),
    exact: x => columnsOf(x, 3).map(total),
    operands: () => [reals([2, 3])],
  },
  tensorScatterAdd: {
    build: (x, updates) => ops.tensorScatterAdd(x, positions([1], [3], [1]), updates),
    exact: (x, [a = 0, b = 0, c = 0]) => changed(x, {1: own => own + a + c, 3: own => own + b}),
    operands: () => [reals([5]), reals([3])],
  },
  tensorScatterUpdate: {
    build: (x, updates) => ops.tensorScatterUpdate(x, positions([1], [3]), updates),
    exact: (x, [a = 0, b = 0]) => changed(x, {1: () => a, 3: () => b}),
    operands: () => [reals([5]), reals([2])],
  },
  unstack: {
    build: x => {
      const [first, , third] = ops.unstack(x, 1) as [Tensor, Tensor, Tensor];
      return ops.mul(first, third);
    },
    exact: x => rowsOf(x, 3).map(([a = 0, , c = 0]) => a * c),
    operands: () => [reals([2, 3])],
  },
  variance: {
    build: x => ops.variance(x, 1),
    exact: x => rowsOf(x, 4).map(varianceOf),
    operands: () => [reals([3, 4])],
  },
  where: {
    build: (a, b) => ops.where(flags(1, 0, 1), a, b),
    exact: (a, b) => a.map((value, at) => (at === 1 ? (b[1] as number) : value)),
    operands: () => [reals([3]), reals([3])],
  },
};

const sizes = (line: readonly number[]): number[] => line.map(Math.abs);

/** Norms of other orders than the euclidean one, which is an op: of rows, and of the matrix. */
const norms: Readonly<Record<string, Own>> = {
  'sum of sizes': {
    build: x => ops.norm(x, 1, 1),
    exact: x => rowsOf(x, 3).map(row => total(sizes(row))),
    operands: () => [spread([2, 3])],
  },
  'order 3': {
    build: x => ops.norm(x, 3, 1),
    exact: x => rowsOf(x, 3).map(row => Math.cbrt(total(sizes(row).map(size => size ** 3)))),
    operands: () => [spread([2, 3])],
  },
  'largest size': {
    build: x => ops.norm(x, Infinity, 1),
    exact: x => rowsOf(x, 3).map(row => Math.max(...sizes(row))),
    operands: () => [spread([2, 3])],
  },
  'largest sum of a column': {
    build: x => ops.norm(x, 1, [0, 1]),
    exact: x => [Math.max(...columnsOf(x, 3).map(column => total(sizes(column))))],
    operands: () => [spread([2, 3])],
  },
  'largest sum of a row': {
    build: x => ops.norm(x, Infinity, [0, 1]),
    exact: x => [Math.max(...rowsOf(x, 3).map(row => total(sizes(row))))],
    operands: () => [spread([2, 3])],
  },
  'of all elements': {
    build: x => ops.norm(x, 'fro', [0, 1]),
    exact: x => [Math.sqrt(total([...x].map(value => value ** 2)))],
    operands: () => [spread([2, 3])],
  },
};

function expectSquared(what: string, {build, exact, operands: make}: Own): void {
  const operands = make();
  expectComposite(what, {
    build: (...tensors) => ops.square(build(...tensors)),
    exact: (...values) => Array.from(exact(...values), value => value ** 2),
    operands,
    differentiable: operands.length,
    tolerance: 4e-6,
    twice: true,
  });
}

describe('gradients of gradients', () => {
  it.each(Object.entries(functions))('%s', (name, own) => expectSquared(name, own));
  it.each(Object.entries(norms))('norm: %s', (name, own) => expectSquared(name, own));
});
