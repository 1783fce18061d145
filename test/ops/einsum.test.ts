// Sums over named axes: values against their definition, gradients, plans, and errors that name the equation.
import {describe, expect, it} from 'vitest';
import {type Shape, sizeOf} from '../../lib/core/shape.ts';
import type {Tensor} from '../../lib/core/tensor.ts';
import {compile, gradients, ops} from '../../lib/index.ts';
import {asTensor} from '../conformance/build.ts';
import {type Operand, reals} from '../conformance/data.ts';
import {expectGradient} from '../conformance/gradient.ts';
import {evaluate} from '../reference.ts';

const sizes: Readonly<Record<string, number>> = {
  a: 2,
  b: 3,
  c: 4,
  d: 5,
  h: 2,
  i: 3,
  j: 4,
  k: 5,
  q: 3,
  s: 4,
  t: 3,
};

/** One product for each value of each letter, added up where it belongs. */
function defined(equation: string, operands: readonly Operand[]): {shape: Shape; values: Float64Array} {
  const [left, output] = equation.split('->') as [string, string];
  const inputs = left.split(',');
  const labels = [...new Set(left.replaceAll(',', ''))];
  const shapeOf = (of: string): number[] => [...of].map(label => sizes[label] as number);
  const at = (of: string, index: ReadonlyMap<string, number>): number =>
    [...of].reduce(
      (position, label) => position * (sizes[label] as number) + (index.get(label) as number),
      0,
    );
  const values = new Float64Array(sizeOf(shapeOf(output)));
  for (let number = 0; number < sizeOf(shapeOf(labels.join(''))); number++) {
    const index = new Map<string, number>();
    labels.reduce((rest, label) => {
      index.set(label, rest % (sizes[label] as number));
      return Math.floor(rest / (sizes[label] as number));
    }, number);
    const term = operands.reduce(
      (product, {data}, own) => product * Number(data[at(inputs[own] as string, index)]),
      1,
    );
    const position = at(output, index);
    values[position] = (values[position] as number) + term;
  }
  return {shape: shapeOf(output), values};
}

const equations = [
  'ij,jk->ik',
  'ij,kj->ik',
  'ji,jk->ki',
  'ij,jk->',
  'i,i->',
  'i,i->i',
  'i,j->ij',
  'i,j->ji',
  'ij->ji',
  'ij->',
  'ij->j',
  'aij,ajk->aik',
  'aij,kaj->kia',
  'bij,jk->bik',
  'abtd,absd->abts',
  'tbhd,sbhd->bhts',
  'aij,b->ab',
  'ij,ij->ij',
  'ij,ij->i',
  'aij,jia->a',
  'ijk,ik->j',
  'ab,bc,cd->ad',
  'ab,bc,b->c',
  'abc,abd,ab->cd',
  ',ij->i',
];

describe.each(equations)('%s', equation => {
  const leaves = (equation.split('->')[0] as string)
    .split(',')
    .map((labels, index) => asTensor(reals([...labels].map(label => sizes[label] as number)), `x${index}`));
  const tensors = leaves.map(([tensor]) => tensor);
  const given = new Map(leaves.map(([tensor, {data}]) => [tensor, data] as const));
  const y = ops.einsum(equation, ...tensors);

  it('is the sum of its products', () => {
    const {shape, values} = defined(
      equation,
      leaves.map(([, operand]) => operand),
    );
    expect(y.shape).toEqual(shape);
    const [exact] = evaluate([y], given) as [Float64Array];
    const inputs = Object.fromEntries(leaves.map(([, {data}], index) => [`x${index}`, data]));
    const {data} = compile(y).runSync(inputs);
    values.forEach((value, at) => {
      expect(exact[at]).toBeCloseTo(value, 10);
      expect(data[at]).toBeCloseTo(value, 4);
    });
  });

  it('has the gradients of differences', () => {
    const loss = ops.sum(ops.square(y));
    const derivatives = gradients(loss, tensors);
    tensors.forEach((tensor, index) => {
      expectGradient(loss, tensor, derivatives[index] as Tensor, given, `${equation}, operand ${index}`);
    });
  });
});

it('without an arrow has the letters that stand once, in their order', () => {
  const [a, b] = [ops.input({name: 'a', shape: [5, 2]}), ops.input({name: 'b', shape: [2, 7]})];
  expect(ops.einsum('zj, ja', a, b).shape).toEqual([7, 5]);
  expect(ops.einsum('zj', a).shape).toEqual([2, 5]);
});

/** An ellipsis and a letter that stands twice, beside a letter for each axis, or what is added up by hand. */
describe('ellipsis and diagonal', () => {
  const leaf = (...shape: number[]) => asTensor(reals(shape), `x${shape.join('x')}`);
  const leaves = [leaf(4, 4), leaf(3, 2, 3), leaf(2, 3, 4, 5), leaf(3, 5, 2), leaf(1, 5, 2)] as const;
  const [square, cube, left, right, thin] = leaves.map(([tensor]) => tensor) as [
    Tensor,
    Tensor,
    Tensor,
    Tensor,
    Tensor,
  ];
  const given = new Map(leaves.map(([tensor, {data}]) => [tensor, data] as const));
  const valuesOf = (y: Tensor): number[] => [...(evaluate([y], given)[0] as Float64Array)];
  const at = (x: Tensor, ...index: number[]): number => {
    const position = index.reduce((sum, own, axis) => sum * (x.shape[axis] as number) + own, 0);
    return (given.get(x) as Float32Array)[position] as number;
  };
  const diagonal = ops.einsum('iji->i', cube);
  const threeTimes = ops.concat([thin, thin, thin], 0);

  it.each<readonly [string, readonly Tensor[], string, readonly Tensor[]]>([
    ['...ij,...jk->...ik', [left, right], 'abij,bjk->abik', [left, right]],
    ['...ij,...jk', [left, right], 'abij,bjk->abik', [left, right]],
    ['...ij,...jk->...ik', [left, thin], 'abij,bjk->abik', [left, threeTimes]],
    ['...,...', [thin, right], 'abc,abc->abc', [threeTimes, right]],
    ['...ij,...jk->ik', [left, right], 'abij,bjk->ik', [left, right]],
    ['ij...,j->i...', [left, diagonal], 'ijkl,j->ikl', [left, diagonal]],
    ['...->', [left], 'abcd->', [left]],
    ['i...->...i', [left], 'iabc->abci', [left]],
    ['...ij,jk', [square, square], 'ij,jk', [square, square]],
  ])('%s', (short, own, long, other) => {
    const [y, z] = [ops.einsum(short, ...own), ops.einsum(long, ...other)];
    expect(y.shape).toEqual(z.shape);
    valuesOf(z).forEach((value, index) => {
      expect(valuesOf(y)[index]).toBeCloseTo(value, 10);
    });
  });

  it.each<readonly [string, Tensor, readonly number[], readonly number[]]>([
    ['ii->i', square, [4], [0, 1, 2, 3].map(i => at(square, i, i))],
    ['ii', square, [], [[0, 1, 2, 3].reduce((sum, i) => sum + at(square, i, i), 0)]],
    ['iji->ij', cube, [3, 2], [0, 1, 2].flatMap(i => [0, 1].map(j => at(cube, i, j, i)))],
    ['iji->j', cube, [2], [0, 1].map(j => [0, 1, 2].reduce((sum, i) => sum + at(cube, i, j, i), 0))],
    ['i...i->...', cube, [2], [0, 1].map(j => [0, 1, 2].reduce((sum, i) => sum + at(cube, i, j, i), 0))],
  ])('%s', (equation, x, shape, expected) => {
    const y = ops.einsum(equation, x);
    expect(y.shape).toEqual(shape);
    expected.forEach((value, index) => {
      expect(valuesOf(y)[index]).toBeCloseTo(value, 10);
    });
    const loss = ops.sum(ops.square(y));
    expectGradient(loss, x, gradients(loss, [x])[0] as Tensor, given, equation);
  });

  it('has the gradient of what broadcasts', () => {
    const loss = ops.sum(ops.square(ops.einsum('...ij,...jk->...ik', left, thin)));
    expectGradient(loss, thin, gradients(loss, [thin])[0] as Tensor, given, 'an axis of 1');
  });
});

it('moves no numbers where a product can read them as they lie', () => {
  const input = (name: string, ...shape: number[]): Tensor => ops.input({name, shape});
  const instructions = (y: Tensor): string[] =>
    compile(y).plan.instructions.map(({name, attributes}) => `${name} ${attributes}`.trim());
  const [a, b] = [input('a', 2, 3, 4), input('b', 2, 5, 4)];
  expect(instructions(ops.einsum('bij,bkj->bik', a, b))).toEqual(['matmul transposeB']);
  expect(instructions(ops.einsum('bji,bjk->bik', input('c', 2, 4, 3), input('d', 2, 4, 5)))).toEqual([
    'matmul transposeA',
  ]);
  expect(instructions(ops.einsum('btd,dk->btk', a, input('w', 4, 6)))).toEqual(['matmul']);
});

describe('what does not fit', () => {
  const [a, b] = [ops.input({name: 'a', shape: [2, 3]}), ops.input({name: 'b', shape: [4, 5]})];
  it.each<readonly [string, string, readonly Tensor[]]>([
    ['ij,jk->ik', 'the axis j has the sizes 3 and 4. Received [2,3] and [4,5]', [a, b]],
    ['ij,jk->ik', 'the equation has 2 operands. Received 1', [a]],
    ['ijk->i', 'operand 1 has 2 axes, not those of ijk', [a]],
    ['->', 'operand 1 has 2 axes, not those of a scalar', [a]],
    ['ii->i', 'the axis i has the sizes 2 and 3. Received [2,3]', [a]],
    ['ij->ijj', 'ijj has a letter twice; a result has each once', [a]],
    [
      '...i,...j->...ij',
      'the axis -1 of the ellipsis has the sizes 2 and 4. Received [2,3] and [4,5]',
      [a, b],
    ],
    ['...ijk->...', 'operand 1 has 2 axes, not those of ijk', [a]],
    ['ij->...', 'no operand has the ellipsis of the result', [a]],
    ['...i...->i', 'expected letters for axes, at most one ellipsis', [a]],
    ['ij->k', 'no operand has the axis k of the result', [a]],
    ['i.->i', 'expected letters for axes', [a]],
    ['ij->i->j', 'expected letters for axes', [a]],
  ])('%s: %s', (equation, what, operands) => {
    expect(() => ops.einsum(equation, ...operands)).toThrow(`einsum: ${equation}: ${what}`);
  });

  it('no equation, no tensor', () => {
    expect(() => ops.einsum(7 as never, a)).toThrow('expected an equation');
    expect(() => ops.einsum('ij->ji', 7 as never)).toThrow('operands[0] must be a tensor');
  });
});
