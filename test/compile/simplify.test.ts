import {describe, expect, it} from 'vitest';
import {input, type Tensor, variable} from '../../lib/core/tensor.ts';
import {gradients} from '../../lib/graph/autodiff.ts';
import * as ops from '../../lib/ops/index.ts';
import {add, constant, div, matmul, mul, neg, relu, reshape, sub, transpose} from '../../lib/ops/index.ts';
import {reluGrad} from '../../lib/ops/map.ts';
import {spreadLargest} from '../../lib/ops/pool.ts';
import {f32, simplified} from './support.ts';

const x = f32('x', 2, 3);
const y = f32('y', 2, 3);

describe('simplify', () => {
  it('makes one call of equal calls and lets dead ones vanish', () => {
    relu(neg(x));
    expect(simplified(add(relu(mul(x, y)), relu(mul(x, y))))).toMatchInlineSnapshot(`
      "t0 f32[2,3] = mul(x, y)
      t1 f32[2,3] = relu(t0)
      t2 f32[2,3] = add(t1, t1)
      output y = t2"
    `);
  });

  it('takes two inputs of one name and type for one', () => {
    const again = input({name: 'x', shape: [2, 3]});
    expect(simplified(mul(x, again))).toMatchInlineSnapshot(`
      "t0 f32[2,3] = mul(x, x)
      output y = t0"
    `);
  });

  it('tells calls apart by their attributes and constants by their bits', () => {
    const step = input({name: 'step', shape: [1], dtype: 'int32'});
    const seed = input({name: 'seed', shape: [2], dtype: 'int32'});
    const draw = (low: number): Tensor => ops.randomUniform({seed, step, stream: 1}, [2], low);
    expect(simplified(add(draw(0), draw(-0)))).toMatchInlineSnapshot(`
      "t0 f32[2] = randomUniform(seed, step) {low: 0, high: 1, stream: 1}
      t1 f32[2] = randomUniform(seed, step) {low: -0, high: 1, stream: 1}
      t2 f32[2] = add(t0, t1)
      output y = t2"
    `);
    expect(simplified(add(mul(x, 0), mul(x, -0)))).toMatchInlineSnapshot(`
      "t0 f32[2,3] = mul(x, 0)
      t1 f32[2,3] = mul(x, -0)
      t2 f32[2,3] = add(t0, t1)
      output y = t2"
    `);
  });

  it('keeps variables apart that look the same', () => {
    const [a, b] = [1, 2].map(() => variable({name: 'v', shape: [2, 3]}).tensor) as [Tensor, Tensor];
    expect(simplified(add(a, b))).toMatchInlineSnapshot(`
      "t0 f32[2,3] = add(v, v)
      output y = t0"
    `);
  });

  it.each<[string, Tensor, string]>([
    ['x · 1', mul(x, 1), 'x'],
    ['1 · x', mul(1, x), 'x'],
    ['x / 1', div(x, 1), 'x'],
    ['x − 0', sub(x, 0), 'x'],
    ['x + −0', add(x, -0), 'x'],
    ['−−x', neg(neg(x)), 'x'],
    ['x under its own shape', reshape(reshape(x, [6]), [2, 3]), 'x'],
    ['a transpose of a transpose', transpose(transpose(x)), 'x'],
    ['a choice between equals', ops.select(ops.greater(x, y), x, x), 'x'],
    ['the larger of equals', ops.maximum(x, x), 'x'],
    ['x + 0, which turns −0 into +0', add(x, 0), 'add(x, 0)'],
    ['x − −0, which does the same', sub(x, -0), 'sub(x, -0)'],
    ['x · −1', mul(x, -1), 'neg(x)'],
    ['x / 4', div(x, 4), 'mul(x, 0.25)'],
    ['x / 3, whose inverse is rounded', div(x, 3), 'div(x, 3)'],
    ['x + −y', add(x, neg(y)), 'sub(x, y)'],
    ['x − −y', sub(x, neg(y)), 'add(x, y)'],
    ['−x · −y', mul(neg(x), neg(y)), 'mul(x, y)'],
    ['−x · 3', mul(neg(x), 3), 'mul(x, -3)'],
    ['−(x · 3)', neg(mul(x, 3)), 'mul(x, -3)'],
    ['x · (2 · 3)', mul(x, mul(2, 3)), 'mul(x, 6)'],
    ['x · (0.1 + 0.2), rounded to float32', mul(x, add(0.1, 0.2)), 'mul(x, 0.3)'],
    ['(x · 1.1) · 3, which rounds twice', mul(mul(x, 1.1), 3), 'mul(t0, 3)'],
    ['an operand that was broadcast before', mul(x, ops.broadcastTo(f32('r', 3), [2, 3])), 'mul(x, r)'],
    ['an operand with a leading axis', mul(x, reshape(f32('r', 3), [1, 3])), 'mul(x, r)'],
    ['a product with a filled array', mul(x, ops.broadcastTo(constant(0.5), [2, 3])), 'mul(x, 0.5)'],
    ['a transposed factor', matmul(x, transpose(y)), 'matmul(x, y) {transposeB}'],
    [
      'a transposed batch',
      matmul(f32('a', 4, 2, 3), transpose(f32('b', 4, 5, 3), [0, 2, 1])),
      'matmul(a, b) {transposeB}',
    ],
    [
      'a batch with other axes moved',
      matmul(f32('a', 4, 2, 3), transpose(f32('b', 3, 4, 5), [1, 0, 2])),
      'matmul(a, t0)',
    ],
    ['two of them', matmul(transpose(x), transpose(y), {transposeB: true}), 'matmul(x, y) {transposeA}'],
  ])('%s', (_, given, result) => {
    const listing = simplified(given);
    const last = listing.split('\n').at(-2);
    expect(last === undefined ? listing.slice('output y = '.length) : last.replace(/^.* = /, '')).toBe(
      result,
    );
  });

  it('keeps x · 1 where it repeats x', () => {
    expect(simplified(mul(f32('r', 3), ops.ones([2, 3])))).toMatchInlineSnapshot(`
      "t0 f32[2,3] = broadcastTo(1)
      t1 f32[2,3] = mul(r, t0)
      output y = t1"
    `);
  });

  it('moves an axis of size 1 without moving numbers', () => {
    expect(simplified(transpose(f32('r', 1, 3, 1), [1, 0, 2]))).toMatchInlineSnapshot(`
      "t0 f32[3,1,1] = reshape(r)
      output y = t0"
    `);
  });

  it('leaves nothing of a mean’s gradient but one number', () => {
    const [dx] = gradients(ops.mean(relu(x)), [x]) as [Tensor];
    expect(simplified(dx)).toMatchInlineSnapshot(`
      "t0 f32[2,3] = relu(x)
      t1 f32[2,3] = reluGrad(0.16666667, t0)
      output y = t1"
    `);
  });

  it('masks the gradient of a pooling’s result, not that of the image', () => {
    const image = f32('image', 1, 4, 4, 1);
    const y = ops.maxPool(relu(image), 2);
    const [dx] = gradients(ops.sum(ops.square(y)), [image]) as [Tensor];
    expect(simplified(dx)).toMatchInlineSnapshot(`
      "t0 f32[1,4,4,1] = relu(image)
      t1 f32[1,2,2,1] = windowLargest(t0, t0) {geometry: [2,2,0,2,2,0]}
      t2 f32[1,2,2,1] = mul(t1, 2)
      t3 f32[1,2,2,1] = reluGrad(t2, t1)
      t4 f32[1,4,4,1] = windowLargestGradient(t0, t3) {geometry: [2,2,0,2,2,0]}
      output y = t4"
    `);
    const windows = {geometry: [2, 2, 0, 2, 2, 0], shape: image.shape};
    const spread = spreadLargest(image, f32('dy', 1, 2, 2, 1), windows);
    expect(simplified(reluGrad(spread, f32('other', 1, 4, 4, 1)))).toContain('reluGrad(t0, other)');
  });

  it('reshapes what is repeated before it is repeated', () => {
    const means = ops.broadcastTo(reshape(f32('m', 2, 3), [2, 1, 3]), [2, 4, 3]);
    expect(simplified(mul(reshape(means, [2, 2, 2, 3]), f32('z', 2, 2, 2, 3)))).toMatchInlineSnapshot(`
      "t0 f32[2,1,1,3] = reshape(m)
      t1 f32[2,2,2,3] = mul(t0, z)
      output y = t1"
    `);
    // Joined axes of which one repeats stay as they are.
    const rows = ops.broadcastTo(f32('r', 3), [4, 3]);
    expect(simplified(neg(reshape(rows, [12])))).toContain('reshape(t0)');
  });
});
