// Products of matrices in batches, as the public function makes them: shapes, errors, and how many products
// they are in a plan.
import {describe, expect, it} from 'vitest';
import type {Shape} from '../../lib/core/shape.ts';
import {withScope} from '../../lib/core/tensor.ts';
import {compile, evaluateSync, gradients, ops} from '../../lib/index.ts';

const f32 = (name: string, shape: Shape) => ops.input({name, shape});
const shapeOf = (a: Shape, b: Shape, options = {}): Shape =>
  ops.matmul(f32('a', a), f32('b', b), options).shape;

describe('shapes', () => {
  it('broadcast in front of the last two axes, up to six in all', () => {
    expect(shapeOf([2, 3], [3, 5])).toEqual([2, 5]);
    expect(shapeOf([7, 2, 3], [7, 3, 5])).toEqual([7, 2, 5]);
    expect(shapeOf([7, 2, 3], [3, 5])).toEqual([7, 2, 5]);
    expect(shapeOf([2, 3], [7, 3, 5])).toEqual([7, 2, 5]);
    expect(shapeOf([4, 1, 2, 3], [7, 3, 5])).toEqual([4, 7, 2, 5]);
    expect(shapeOf([2, 1, 4, 1, 2, 3], [6, 1, 7, 3, 5])).toEqual([2, 6, 4, 7, 2, 5]);
    expect(shapeOf([0, 2, 3], [1, 3, 5])).toEqual([0, 2, 5]);
    expect(shapeOf([7, 3, 2], [7, 5, 3], {transposeA: true, transposeB: true})).toEqual([7, 2, 5]);
    expect(shapeOf([7, 3, 2], [3, 5], {transposeA: true})).toEqual([7, 2, 5]);
  });

  it('that do not fit are errors', () => {
    expect(() => shapeOf([3], [3, 5])).toThrow(
      'matmul: operands must be matrices, or batches of them. Received [3] and [3,5].',
    );
    expect(() => shapeOf([7, 2, 3], [4, 5])).toThrow(
      'inner dimensions 3 and 4 differ. Received [7,2,3] and [4,5]',
    );
    expect(() => withScope('heads', () => shapeOf([7, 2, 3], [6, 3, 5]))).toThrow(
      'axes before the last two do not broadcast. Received [7,2,3] and [6,3,5] in heads.',
    );
  });
});

describe('the plan of a product', () => {
  const instructions = (...given: Parameters<typeof compile>): string[] =>
    compile(...given).plan.instructions.map(({name, outputs}) => `${name} ${outputs[0]?.split(' ').at(-1)}`);

  it('with one matrix is one product of all rows, and so are its gradients', () => {
    const [x, w] = [f32('x', [2, 3, 4, 5]), f32('w', [1, 5, 6])];
    const y = ops.matmul(x, w);
    expect(y.shape).toEqual([2, 3, 4, 6]);
    expect(instructions(y)).toEqual(['matmul f32[24,6]']);
    const [dx, dw] = gradients(ops.sum(ops.mul(y, f32('weights', [2, 3, 4, 6]))), [x, w]);
    expect(instructions({dx, dw} as never).sort()).toEqual(['matmul f32[24,5]', 'matmul f32[5,6]']);
  });

  it('keeps the axes along which both have matrices', () => {
    expect(instructions(ops.matmul(f32('a', [2, 3, 4, 5]), f32('b', [2, 1, 5, 6])))).toEqual([
      'matmul f32[2,12,6]',
    ]);
    expect(instructions(ops.matmul(f32('a', [2, 3, 4, 5]), f32('b', [3, 5, 6])))).toEqual([
      'matmul f32[2,3,4,6]',
    ]);
    // Columns of a transposed matrix do not lie one after another.
    expect(instructions(ops.matmul(f32('a', [3, 5, 4]), f32('b', [5, 6]), {transposeA: true}))).toEqual([
      'matmul f32[3,4,6]',
    ]);
  });

  it('holds what follows it: attention is two products and a softmax', () => {
    const [q, k, v] = ['q', 'k', 'v'].map(name => f32(name, [2, 8, 10, 4])) as [never, never, never];
    const scores = ops.softmax(ops.matmul(q, k, {transposeB: true}));
    expect(instructions(ops.matmul(scores, v))).toEqual([
      'matmul f32[2,8,10,10]',
      'softmax f32[2,8,10,10]',
      'matmul f32[2,8,10,4]',
    ]);
    const text = compile(
      ops.relu(ops.add(ops.matmul(q, k, {transposeB: true}), f32('bias', [10]))),
    ).explain();
    expect(text.plan).toContain('{transposeB, bias, map: relu}');
  });
});

it('a product that the compiler has fused refuses to be differentiated', () => {
  const {call} = ops.matmul(f32('a', [2, 3]), f32('b', [3, 2]));
  const fused = {...call, attributes: {...call.attributes, map: 'relu(x: f32) -> y: f32'}};
  expect(() => call.op.grad?.([call.result], fused as never)).toThrow('has no gradient');
});

describe('of integers', () => {
  const whole = (values: readonly number[], shape: Shape) =>
    ops.constant(Int32Array.from(values), shape, 'int32');
  const valuesOf = (tensor: ReturnType<typeof whole>): number[] =>
    Array.from(evaluateSync(tensor, {}).data as Int32Array);

  it('is int32, exact beyond 2²⁴, and wraps', () => {
    const a = whole([2 ** 24 + 1, 3, 2 ** 31 - 1, 2], [2, 2]);
    const b = whole([1, 5, 7, -11], [2, 2]);
    const y = ops.matmul(a, b);
    expect(y.dtype).toBe('int32');
    const wrapped = [2 ** 31 - 1 + 14, 5 * (2 ** 31 - 1) - 22].map(sum =>
      Number(BigInt.asIntN(32, BigInt(sum))),
    );
    expect(valuesOf(y)).toEqual([2 ** 24 + 22, 5 * (2 ** 24 + 1) - 33, ...wrapped]);
    expect(valuesOf(ops.einsum('ij,kj->ik', a, b))).toEqual(valuesOf(ops.matmul(a, b, {transposeB: true})));
  });

  it('beside bools is int32, beside floats float32', () => {
    const a = whole([1, 2, 3, 4], [2, 2]);
    const bools = ops.constant(Uint8Array.of(1, 0, 1, 1), [2, 2], 'bool');
    expect(valuesOf(ops.matmul(a, bools))).toEqual([3, 2, 7, 4]);
    expect(ops.matmul(a, f32('b', [2, 2])).dtype).toBe('float32');
    expect(ops.matmul(bools, bools).dtype).toBe('float32');
  });

  it('of many rows has the bits of its rows alone', () => {
    const values = Array.from({length: 9 * 300}, (_, i) => Math.imul(i, 2654435761));
    const [a, b] = [whole(values, [9, 300]), whole(values, [300, 9])];
    const rows = Array.from({length: 9}, (_, i) => valuesOf(ops.matmul(ops.slice(a, 0, i, 1), b)));
    expect(valuesOf(ops.matmul(a, b))).toEqual(rows.flat());
  });
});
