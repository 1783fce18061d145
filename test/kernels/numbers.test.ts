// Numbers that never change, beyond what samples show: one FMA chain per element, rows that do not depend on
// their batch, guards, and moments that decay to zero.
import {describe, expect, it} from 'vitest';
import type {TypedArray} from '../../lib/core/dtype.ts';
import {input, type Tensor, variable} from '../../lib/core/tensor.ts';
import * as ops from '../../lib/ops/index.ts';
import {sgdOp} from '../../lib/ops/optimizer.ts';
import {compileProgram} from '../../lib/session/compile.ts';
import {VariableStore} from '../../lib/session/store.ts';
import {exactly, integers, type Operand, reals} from '../conformance/data.ts';
import {expectSameBits, isas, runNative} from '../conformance/native.ts';

/** a·b + c rounded once is `right`; in float64 first, it is a unit too much. */
const [a, b, c] = [1 + 2 ** -20, (1 - 2 ** -20) * 2 ** -24, 1 + 2 ** -23];
const right = c;

const filled = (shape: number[], value: (index: number) => number): Operand =>
  exactly(
    Array.from({length: shape.reduce((size, n) => size * n, 1)}, (_, index) => value(index)),
    shape,
  );

function named(operands: readonly Operand[]): [Tensor, Operand][] {
  return operands.map((operand, index) => [
    input({name: `x${index}`, shape: operand.shape, dtype: operand.dtype}),
    operand,
  ]);
}

function run(inputs: [Tensor, Operand][], y: Tensor, isa: string): TypedArray {
  return runNative({outputs: {y}, updates: [], inputs, variables: []}, {isa}).y as TypedArray;
}

describe.each(isas)('a·b + c is rounded once on %s', isa => {
  it('the vector tells', () => {
    expect([a, b, c].map(Math.fround)).toEqual([a, b, c]);
    expect(Math.fround(a * b + c)).not.toBe(right);
  });

  it.each([
    [1, 1],
    [1, 17],
    [5, 33],
    [33, 70],
    [130, 130],
  ])('in a product of %i rows and %i columns', (rows, columns) => {
    for (const [transposeA, transposeB] of [
      [false, false],
      [true, false],
      [false, true],
    ] as const) {
      const left = filled(transposeA ? [2, rows] : [rows, 2], i =>
        (transposeA ? i < rows : i % 2 === 0) ? c : a,
      );
      const wide = filled(transposeB ? [columns, 2] : [2, columns], i =>
        (transposeB ? i % 2 === 0 : i < columns) ? 1 : b,
      );
      const inputs = named([left, wide]);
      const [x, w] = inputs.map(([tensor]) => tensor) as [Tensor, Tensor];
      const product = run(inputs, ops.matmul(x, w, {transposeA, transposeB}), isa);
      expect([...new Set(product)]).toEqual([right]);
    }
  });

  it('in a gather and in an update', () => {
    const inputs = named([filled([3, 37], () => a), integers([5], 0, 2)]);
    const [source, rows] = inputs.map(([tensor]) => tensor) as [Tensor, Tensor];
    const gathered = run(inputs, ops.gatherRows(source, rows, {scale: b, offset: c}), isa);
    expect([...new Set(gathered)]).toEqual([right]);

    const owner = variable({name: 'p', shape: [37]});
    const numbers = named([exactly([-b], [1, 1]), filled([37], () => a)]);
    const [hyper, gradient] = numbers.map(([tensor]) => tensor) as [Tensor, Tensor];
    const updated = ops.applyUpdate(sgdOp, hyper, [[owner.tensor, gradient]], {
      groups: [0],
    })[0]?.[0] as Tensor;
    const updates = [[owner, updated]] as const;
    const variables = [[owner, filled([37], () => c)]] as const;
    const {p} = runNative({outputs: {}, updates, inputs: numbers, variables}, {isa});
    expect([...new Set(p)]).toEqual([right]);
  });
});

/**
 * Twelve bits each: products and their sums with float32 are exact in float64, so fround rounds like an
 * FMA.
 */
const short = (shape: number[]): Operand => {
  const {data} = integers(shape, -2048, 2047);
  return exactly(
    Array.from(data, x => x / 64),
    shape,
  );
};

const sumInOrder = (numbers: readonly number[]): number =>
  numbers.reduce((sum, x) => Math.fround(sum + x), 0);

/** Neighbours are joined, and their sums; what is left over goes up a level. */
function sumPairwise(parts: readonly number[]): number {
  if (parts.length === 1) return parts[0] as number;
  const joined = parts.flatMap((part, index) => {
    if (index % 2 === 1) return [];
    return [index + 1 < parts.length ? Math.fround(part + (parts[index + 1] as number)) : part];
  });
  return sumPairwise(joined);
}

const cut = (numbers: readonly number[], size: number): number[][] =>
  Array.from({length: Math.ceil(numbers.length / size)}, (_, index) => {
    return numbers.slice(index * size, (index + 1) * size);
  });

/** Sixteen lanes, then lane i + lane i + 8, and so on. */
function sumInLanes(numbers: readonly number[]): number {
  let lanes = Array.from({length: 16}, (_, lane) => sumInOrder(numbers.filter((_, at) => at % 16 === lane)));
  while (lanes.length > 1) {
    const half = lanes.length / 2;
    lanes = lanes.slice(0, half).map((x, lane) => Math.fround(x + (lanes[lane + half] as number)));
  }
  return lanes[0] as number;
}

describe.each(isas)('the order of sums on %s', isa => {
  it.each([1, 383, 384, 385, 768, 1000])('in products over %i is chains within blocks of 384', inner => {
    const [rows, columns] = [7, 19];
    const [left, weights, bias] = [
      short([rows, inner]),
      short([inner, columns]),
      reals([columns], -1000, 1000),
    ];
    const inputs = named([left, weights, bias]);
    const [x, w, last] = inputs.map(([tensor]) => tensor) as [Tensor, Tensor, Tensor];
    const expected = Float32Array.from({length: rows * columns}, (_, at) => {
      const [row, column] = [Math.floor(at / columns), at % columns];
      const terms = Array.from({length: inner}, (_, k) => {
        return (left.data[row * inner + k] as number) * (weights.data[k * columns + column] as number);
      });
      const blocks = cut(terms, 384).map(sumInOrder);
      return Math.max(0, Math.fround(sumInOrder(blocks) + (bias.data[column] as number)));
    });
    expectSameBits(run(inputs, ops.relu(ops.add(ops.matmul(x, w), last)), isa), expected, `K = ${inner}`);
  });

  it.each([1, 15, 16, 17, 4095, 4096, 4097, 8192, 12_289, 20_481, 28_000])('along %i elements', length => {
    const numbers = reals([length]);
    const inputs = named([numbers]);
    const parts = cut([...numbers.data], 4096).map(sumInLanes);
    const expected = Float32Array.of(sumPairwise(parts));
    expectSameBits(run(inputs, ops.sum((inputs[0] as [Tensor, Operand])[0], 0), isa), expected, `${length}`);
  });

  it.each([1, 255, 256, 257, 700])('down %i rows is chains within 256', length => {
    const numbers = reals([length, 37]);
    const inputs = named([numbers]);
    const expected = Float32Array.from({length: 37}, (_, column) => {
      const lane = Array.from({length}, (_, row) => numbers.data[row * 37 + column] as number);
      return sumInOrder(cut(lane, 256).map(sumInOrder));
    });
    expectSameBits(run(inputs, ops.sum((inputs[0] as [Tensor, Operand])[0], 0), isa), expected, `${length}`);
  });
});

describe('a row has the same bits in every batch', () => {
  const batches = [1, 2, 7, 8, 33, 128];
  const sizes = [
    [3, 5],
    [784, 128],
    [128, 10],
    [385, 1],
    [770, 65],
    [20, 300],
  ] as const;

  it.each(sizes)('in products over %i of %i columns', (inner, columns) => {
    const rows = reals([128, inner]);
    const weights = [reals([inner, columns]), reals([columns, inner])] as const;
    const bias = reals([columns]);
    for (const isa of isas) {
      for (const transposeB of [false, true]) {
        const of = (count: number): TypedArray => {
          const x = {...rows, shape: [count, inner], data: rows.data.slice(0, count * inner)};
          const inputs = named([x, weights[transposeB ? 1 : 0], bias]);
          const [left, right, last] = inputs.map(([tensor]) => tensor) as [Tensor, Tensor, Tensor];
          const y = ops.softmax(ops.tanh(ops.add(ops.matmul(left, right, {transposeB}), last)));
          return run(inputs, y, isa);
        };
        const all = of(128);
        for (const count of batches)
          expectSameBits(of(count), all.slice(0, count * columns), `${count} rows, ${isa}`);
      }
    }
  });
});

describe.each(isas)('guards on %s', isa => {
  function end(inputs: [Tensor, Operand][], y: Tensor, guards: Tensor[] = []) {
    const program = compileProgram({outputs: {y}, guards, store: new VariableStore(), isa});
    return program.runSync(Object.fromEntries(inputs.map(([, {data}], index) => [`x${index}`, data])));
  }

  it('name the row that holds no number', () => {
    for (const bad of [Number.NaN, Infinity, -Infinity]) {
      for (const [row, column] of [
        [0, 0],
        [2, 16],
        [5, 18],
      ] as const) {
        const data = filled([6, 19], index => (index === row * 19 + column ? bad : 1));
        const inputs = named([data, {shape: [3], dtype: 'int32', data: Int32Array.of(1, row, 4)}]);
        const [source, rows] = inputs.map(([tensor]) => tensor) as [Tensor, Tensor];
        const result = end(inputs, ops.gatherRows(source, rows));
        expect(result.end).toBe('guard');
        expect(result.guard).toMatchObject({kind: 'inputNotFinite', position: 1, value: column});
      }
    }
  });

  it('name a row index outside the data', () => {
    for (const bad of [-1, 6, 2 ** 31 - 1, -(2 ** 31)]) {
      const inputs = named([reals([6, 19]), {shape: [3], dtype: 'int32', data: Int32Array.of(1, 5, bad)}]);
      const [source, rows] = inputs.map(([tensor]) => tensor) as [Tensor, Tensor];
      expect(end(inputs, ops.gatherRows(source, rows)).guard).toMatchObject({position: 2, value: 0x7fffffff});
      const labels = named([
        integers([6], 0, 3),
        {shape: [3], dtype: 'int32', data: Int32Array.of(1, 5, bad)},
      ]);
      const [from, numbers] = labels.map(([tensor]) => tensor) as [Tensor, Tensor];
      expect(end(labels, ops.gatherLabels(from, numbers)).guard).toMatchObject({
        position: 2,
        value: 0x7fffffff,
      });
    }
  });

  it('refuse a float that is no integer as a label', () => {
    for (const bad of [0.5, Number.NaN, Infinity, 3e9]) {
      const inputs = named([
        exactly([1, 2, bad]),
        {shape: [3], dtype: 'int32', data: Int32Array.of(0, 1, 2)},
      ]);
      const [source, rows] = inputs.map(([tensor]) => tensor) as [Tensor, Tensor];
      expect(end(inputs, ops.gatherLabels(source, rows)).guard).toMatchObject({position: 2});
    }
  });

  it('name a label outside the classes', () => {
    for (const bad of [-1, 3, 2 ** 31 - 1]) {
      for (const op of [ops.pickClass, (x: Tensor, y: Tensor) => ops.softmaxCrossentropy(x, y).loss]) {
        const inputs = named([
          reals([4, 3]),
          {shape: [4], dtype: 'int32', data: Int32Array.of(0, 1, bad, 2)},
        ]);
        const [x, labels] = inputs.map(([tensor]) => tensor) as [Tensor, Tensor];
        const result = end(inputs, op(x, labels));
        expect(result.guard).toMatchObject({
          kind: 'labelOutOfRange',
          position: 2,
          value: bad < 0 ? 0x7fffffff : bad,
        });
      }
    }
  });

  it('find a single number that is not finite', () => {
    for (const at of [0, 15, 16, 63, 64, 4095, 4096, 9000]) {
      for (const bad of [Number.NaN, Infinity, -Infinity]) {
        const inputs = named([filled([9001], index => (index === at ? bad : 3.4e38))]);
        const [x] = inputs.map(([tensor]) => tensor) as [Tensor];
        const result = end(inputs, ops.neg(x), [ops.finite(x)]);
        expect(result.guard).toMatchObject({kind: 'notFinite', value: at});
      }
    }
  });
});
