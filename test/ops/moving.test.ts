// Functions of the ops that move elements: values and gradients against plain loops, and what they refuse.
import {describe, expect, it} from 'vitest';
import type {Tensor} from '../../lib/core/tensor.ts';
import {gradients} from '../../lib/graph/autodiff.ts';
import {compile, ops} from '../../lib/index.ts';
import {expectComposite} from '../conformance/composite.ts';
import {reals} from '../conformance/data.ts';

const x = (shape: number[], dtype?: 'int32' | 'bool'): Tensor =>
  ops.input({name: 'x', shape, ...(dtype && {dtype})});
const counted = (n: number): Float32Array => Float32Array.from({length: n}, (_, at) => at);
const arrays = {float32: Float32Array, int32: Int32Array, bool: Uint8Array};

/** What `y` is where the input x, if it depends on one, holds these numbers. */
const valuesOf = (y: Tensor, given: ArrayLike<number>): number[] => {
  const program = compile(y);
  const slot = program.plan.io.find(({output}) => !output);
  const x = slot && arrays[slot.dtype as keyof typeof arrays].from(given);
  return [...program.runSync(x ? {x} : {}).data];
};
const positions = (values: number[], shape: number[] = [values.length]): Tensor =>
  ops.constant(Int32Array.from(values), shape, 'int32');

describe('parts', () => {
  it('slice takes begin and size of all axes, of the first ones, or of one axis', () => {
    expect(valuesOf(ops.slice(x([3, 4]), [1, 1], [2, 2]), counted(12))).toEqual([5, 6, 9, 10]);
    expect(valuesOf(ops.slice(x([3, 4]), [2]), counted(12))).toEqual([8, 9, 10, 11]);
    expect(valuesOf(ops.slice(x([5]), 1, 3), counted(5))).toEqual([1, 2, 3]);
    expect(valuesOf(ops.slice(x([3, 4]), [0, 3], [-1, -1]), counted(12))).toEqual([3, 7, 11]);
    expect(valuesOf(ops.slice(x([3, 4]), -1, 2, 2), counted(12))).toEqual([2, 3, 6, 7, 10, 11]);
    expect(() => ops.slice(x([3]), [2], [2])).toThrow(/^slice: 2 to 4 is no part of axis 0 of \[3\]/);
    expect(() => ops.slice(x([3]), [0, 0])).toThrow(/^slice: \[3\] has fewer axes than the part/);
  });

  it('split and unstack cut an axis', () => {
    const [a, b, c] = ops.split(x([2, 6]), [1, -1, 2], 1) as [Tensor, Tensor, Tensor];
    expect([a.shape, b.shape, c.shape]).toEqual([
      [2, 1],
      [2, 3],
      [2, 2],
    ]);
    expect(valuesOf(b, counted(12))).toEqual([1, 2, 3, 7, 8, 9]);
    expect(ops.split(x([6]), 3).map(part => valuesOf(part, counted(6)))).toEqual([
      [0, 1],
      [2, 3],
      [4, 5],
    ]);
    const rows = ops.unstack(x([2, 3]), -1);
    expect(rows.map(row => valuesOf(row, counted(6)))).toEqual([
      [0, 3],
      [1, 4],
      [2, 5],
    ]);
    for (const parts of [4, 0, [3, 4], [-1, -1], [7, -1], []]) {
      expect(() => ops.split(x([6]), parts)).toThrow(/^split: 6 positions cannot be split into/);
    }
  });

  it('stack and concat put them together again', () => {
    const parts = ops.unstack(x([2, 3]), 1);
    expect(valuesOf(ops.stack(parts, 1), counted(6))).toEqual([...counted(6)]);
    expect(valuesOf(ops.stack(parts, -1), counted(6))).toEqual([...counted(6)]);
    expect(valuesOf(ops.concat(ops.split(x([6]), 2)), counted(6))).toEqual([...counted(6)]);
    const [first, second] = ops.split(x([40]), 2) as [Tensor, Tensor];
    const pairs = Array.from({length: 40}, (_, at) => (at >> 1) + 20 * (at & 1));
    expect(valuesOf(ops.stack([first, second], 1), counted(40))).toEqual(pairs);
    const pair = x([3, 1, 2]);
    expect(valuesOf(ops.concat([pair, ops.slice(pair, 1, 0, 0)], 1), counted(6))).toEqual([...counted(6)]);
    expect(() => ops.stack([x([2]), x([3])])).toThrow(/^stack: the parts must have one shape/);
    expect(() => ops.stack([])).toThrow(/^stack: expected at least one tensor/);
  });

  it('squeeze and expandDims drop and add axes of size 1', () => {
    expect(ops.squeeze(x([1, 3, 1])).shape).toEqual([3]);
    expect(ops.squeeze(x([1, 3, 1]), -1).shape).toEqual([1, 3]);
    expect(ops.expandDims(x([2, 3])).shape).toEqual([1, 2, 3]);
    expect(ops.expandDims(x([2, 3]), -1).shape).toEqual([2, 3, 1]);
    expect(() => ops.squeeze(x([2, 3]), 0)).toThrow(/^squeeze: axis 0 of \[2,3\] has not size 1/);
    expect(() => ops.expandDims(x([2]), 3)).toThrow(/^expandDims: axis 3 is outside/);
  });
});

describe('paddings and repetitions', () => {
  it('pad in every mode, as NumPy', () => {
    const padded = (mode: 'constant' | 'reflect' | 'symmetric' | 'edge') =>
      valuesOf(ops.pad(x([3]), [[2, 2]], 9, mode), [1, 2, 3]);
    expect(padded('constant')).toEqual([9, 9, 1, 2, 3, 9, 9]);
    expect(padded('reflect')).toEqual([3, 2, 1, 2, 3, 2, 1]);
    expect(padded('symmetric')).toEqual([2, 1, 1, 2, 3, 3, 2]);
    expect(padded('edge')).toEqual([1, 1, 1, 2, 3, 3, 3]);
    expect(valuesOf(ops.mirrorPad(x([3]), [[1, 0]], 'reflect'), [1, 2, 3])).toEqual([2, 1, 2, 3]);
    expect(() => ops.pad(x([3]), [[3, 0]], 0, 'reflect')).toThrow(
      /^pad: reflect can add at most 2 to axis 0 of \[3\]\. Received 3/,
    );
    expect(() => ops.pad(x([3]), [[0, 4]], 0, 'symmetric')).toThrow(/^pad: symmetric can add at most 3/);
    expect(() => ops.pad(x([3]), [[-1, 0]])).toThrow(
      /^pad: expected \[before, after\] for each axis of \[3\]/,
    );
    expect(() => ops.pad(x([3]), [[1, 0]], 0, 'circular' as never)).toThrow(
      /^pad: there is no mode circular/,
    );
  });

  it('roll, tile, repeat and reverse, of integers and bools as well', () => {
    expect(valuesOf(ops.roll(x([5]), 2, 0), counted(5))).toEqual([3, 4, 0, 1, 2]);
    expect(valuesOf(ops.roll(x([2, 3]), -1), counted(6))).toEqual([1, 2, 3, 4, 5, 0]);
    expect(valuesOf(ops.roll(x([2, 3]), [1, 1], [0, 1]), counted(6))).toEqual([5, 3, 4, 2, 0, 1]);
    expect(valuesOf(ops.tile(x([2], 'int32'), [3]), [7, 8])).toEqual([7, 8, 7, 8, 7, 8]);
    expect(valuesOf(ops.repeat(x([2], 'int32'), 3, 0), [7, 8])).toEqual([7, 7, 7, 8, 8, 8]);
    expect(valuesOf(ops.repeat(x([2, 2]), 2), counted(4))).toEqual([0, 0, 1, 1, 2, 2, 3, 3]);
    expect(valuesOf(ops.reverse(x([4], 'bool')), [1, 1, 0, 1])).toEqual([1, 0, 1, 1]);
    expect(() => ops.tile(x([2, 2]), [2])).toThrow(/^tile: reps must be 2 integers\. Received \[2\]/);
    expect(() => ops.repeat(x([2]), -1)).toThrow(/^repeat: repeats must be 1 integers/);
    expect(() => ops.roll(x([2]), [1, 2], [0])).toThrow(/^roll: expected an integer for each axis/);
  });
});

describe('indices', () => {
  it('gatherNd reads, scatterNd adds, and both are differentiable', () => {
    const table = reals([3, 4, 2]);
    const at = positions([2, 1, 0, 3, 2, 1], [3, 2]);
    const flat = [9, 3, 9];
    expectComposite('gatherNd', {
      build: a => ops.gatherNd(a, at),
      exact: a => flat.flatMap(row => [a[2 * row] as number, a[2 * row + 1] as number]),
      operands: [table],
      differentiable: 1,
    });
    expectComposite('scatterNd', {
      build: updates => ops.scatterNd(at, updates, [3, 4]),
      exact: updates => {
        const sums = new Float64Array(12);
        flat.forEach((place, index) => {
          sums[place] = (sums[place] as number) + (updates[index] as number);
        });
        return sums;
      },
      operands: [reals([3])],
      differentiable: 1,
    });
  });

  it('tensorScatterAdd and tensorScatterUpdate change what they name', () => {
    const at = positions([1, 3], [2, 1]);
    const change =
      (how: (before: number, update: number) => number) =>
      (a: Float64Array, u: Float64Array): Float64Array =>
        a.map((value, index) =>
          index === 1 ? how(value, u[0] as number) : index === 3 ? how(value, u[1] as number) : value,
        );
    expectComposite('tensorScatterAdd', {
      build: (a, u) => ops.tensorScatterAdd(a, at, u),
      exact: change((before, update) => before + update),
      operands: [reals([5]), reals([2])],
      differentiable: 2,
    });
    expectComposite('tensorScatterUpdate', {
      build: (a, u) => ops.tensorScatterUpdate(a, at, u),
      exact: change((_, update) => update),
      operands: [reals([5]), reals([2])],
      differentiable: 2,
    });
  });

  it('of equal indices the last update counts, and sums are in the order of the indices', () => {
    const twice = positions([1, 1, 1], [3, 1]);
    const y = ops.tensorScatterUpdate(ops.zeros([2]), twice, x([3]));
    expect(valuesOf(y, [5, 6, 7])).toEqual([0, 7]);
    const sum = ops.scatterNd(twice, x([3]), [2]);
    expect(valuesOf(sum, [1e8, 1, -1e8])).toEqual([0, 0]);
  });

  it('sums of integers are int32, exact beyond 2²⁴, and wrap; bools are counted', () => {
    const twice = positions([1, 0, 1], [3, 1]);
    const large = 2 ** 24;
    const sums = ops.scatterNd(twice, positions([large, 2 ** 31 - 1, 1]), [2]);
    expect(sums.dtype).toBe('int32');
    expect(valuesOf(sums, [])).toEqual([2 ** 31 - 1, large + 1]);
    expect(
      valuesOf(ops.tensorScatterAdd(positions([1, 0]), twice, positions([5, 2 ** 31 - 1, 6])), []),
    ).toEqual([-(2 ** 31), 11]);
    const counts = ops.scatterNd(twice, ops.constant(Uint8Array.of(1, 0, 1), [3], 'bool'), [2]);
    expect(valuesOf(counts, [])).toEqual([0, 2]);
    const segments = positions([0, 1, 1]);
    expect(valuesOf(ops.segmentSum(positions([7, large, 1]), segments, 2), [])).toEqual([7, large + 1]);
  });

  it('oneHot and where', () => {
    const at = positions([2, 0, -1, 3]);
    expect([...compile(ops.oneHot(at, 3)).runSync().data]).toEqual([0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
    expect([...compile(ops.oneHot(positions([1]), 2, 5, -1)).runSync().data]).toEqual([-1, 5]);
    expect(ops.oneHot(positions([1, 0], [2, 1]), 4).shape).toEqual([2, 1, 4]);
    const three = x([3]);
    expect(valuesOf(ops.where(ops.greater(three, 1), three, -1), [0, 1, 2])).toEqual([-1, -1, 2]);
    expect(() => ops.oneHot(at, 0)).toThrow(/^oneHot: depth must be an integer from 1 on/);
    expect(() => ops.oneHot(x([2]), 3)).toThrow(/^oneHot: operand indices must hold integers/);
  });

  it('an index outside its axis is an error that names it and the range', () => {
    const ids = ops.input({name: 'ids', shape: [3], dtype: 'int32'});
    const table = ops.constant(counted(8), [4, 2]);
    const gather = compile(ops.gather(table, ids));
    expect([...gather.runSync({ids: [3, 0, 1]}).data]).toEqual([6, 7, 0, 1, 2, 3]);
    expect(() => gather.runSync({ids: [0, 4, 1]})).toThrow(/^run: index 4 is outside 0 to 3 of ids\.$/);
    expect(() => gather.runSync({ids: [0, -1, 1]})).toThrow(/^run: index -1 is outside 0 to 3 of ids\.$/);
    expect(() => gather.runSync({ids: [0, -(2 ** 31), 1]})).toThrow(/index -214748364[78] is outside/);
    const along = compile(ops.takeAlongAxis(ops.constant(counted(5), [5]), ids));
    expect([...along.runSync({ids: [4, 4, 0]}).data]).toEqual([4, 4, 0]);
    expect(() => along.runSync({ids: [4, 4, 5]})).toThrow(/^run: index 5 is outside 0 to 4 of ids\.$/);
  });

  it('names the axis of a row of indices by its size', () => {
    const ids = ops.input({name: 'ids', shape: [1, 2], dtype: 'int32'});
    const read = compile(ops.gatherNd(ops.constant(counted(6), [2, 3]), ids));
    expect([...read.runSync({ids: [[1, 2]]}).data]).toEqual([5]);
    expect(() => read.runSync({ids: [[2, 0]]})).toThrow(/^run: index 2 is outside 0 to 1 of ids\.$/);
    expect(() => read.runSync({ids: [[0, 3]]})).toThrow(/^run: index 3 is outside 0 to 2 of ids\.$/);
  });

  it('refuses shapes that do not fit', () => {
    const at = positions([0]);
    expect(() => ops.gather(x([2, 3]), at, 2)).toThrow(/^gather: axis 2 is outside \[2,3\]/);
    expect(() => ops.gather(x([2, 3]), at, 0, 1)).toThrow(/^gather: batchDims must be from 0 to the axis/);
    expect(() => ops.gather(x([2, 3]), at, 1, 1)).toThrow(
      /^gather: the first 1 axes of both must be the same/,
    );
    expect(() => ops.gatherNd(x([2]), positions([0, 0]))).toThrow(/^gatherNd: the last axis of the indices/);
    expect(() => ops.takeAlongAxis(x([2, 3]), at)).toThrow(/^takeAlongAxis: the indices may differ in size/);
    expect(() => ops.tensorScatterAdd(x([2]), positions([0], [1, 1]), x([2]))).toThrow(
      /^scatterAdd: the updates must have the shape \[1\]\. Received \[2\]/,
    );
  });

  it('the gradient of a gather that names a row twice is the sum of both', () => {
    const table = x([3, 2]);
    const y = ops.gather(table, positions([1, 1, 0]));
    const [dx] = gradients(ops.sum(ops.mul(y, ops.constant(counted(6), [3, 2]))), [table]) as [Tensor];
    expect(valuesOf(dx, counted(6))).toEqual([4, 5, 2, 4, 0, 0]);
  });
});
