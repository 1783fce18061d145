import {describe, expect, it} from 'vitest';
import {compileToPlan} from '../../lib/compile/index.ts';
import type {Tensor} from '../../lib/core/tensor.ts';
import * as ops from '../../lib/ops/index.ts';
import {add, matmul, mul, relu, reshape, softmax, tanh} from '../../lib/ops/index.ts';
import {f32, layoutOf, rootsOf} from './support.ts';

const x = f32('x', 16, 16);
const square = f32('square', 16, 16);

/** `t2 arena+0` of each instruction's results, and the arena's size. */
function placement(y: Tensor, passes = {}): string {
  const roots = rootsOf(y);
  const plan = compileToPlan({outputs: {y}, ...layoutOf(roots), passes});
  const lines = plan.instructions.map(({name, outputs, inputs}) => {
    const short = (operands: readonly string[]): string =>
      operands.map(operand => operand.split(' ').slice(0, 2).join(' ')).join(', ');
    return `${short(outputs)} = ${name}(${short(inputs)})`;
  });
  return [...lines, `${plan.arenaBytes} bytes`].join('\n');
}

describe('memory', () => {
  it('of a chain is two values large', () => {
    const chain = [1, 2, 3, 4].reduce<Tensor>(y => matmul(y, square), x);
    expect(placement(chain)).toMatchInlineSnapshot(`
      "t0 arena+0 = matmul(x io[0], square io[1])
      t1 arena+1024 = matmul(t0 arena+0, square io[1])
      t2 arena+0 = matmul(t1 arena+1024, square io[1])
      t3 io[2] = matmul(t2 arena+0, square io[1])
      2048 bytes"
    `);
  });

  it('is taken over in place by an elementwise result of the same shape', () => {
    const y = matmul(x, square);
    expect(placement(ops.sum(tanh(add(y, softmax(y)))))).toMatchInlineSnapshot(`
      "t0 arena+0 = matmul(x io[0], square io[1])
      t1 arena+1024 = softmax(t0 arena+0)
      t2 arena+0 = map(t0 arena+0, t1 arena+1024)
      t4 io[2] = sum(t3 arena+0)
      2048 bytes"
    `);
  });

  it('is not taken over where that is switched off', () => {
    const y = matmul(x, square);
    expect(placement(ops.sum(tanh(add(y, softmax(y)))), {inPlace: false})).toMatchInlineSnapshot(`
      "t0 arena+0 = matmul(x io[0], square io[1])
      t1 arena+1024 = softmax(t0 arena+0)
      t2 arena+2048 = map(t0 arena+0, t1 arena+1024)
      t4 io[2] = sum(t3 arena+2048)
      3072 bytes"
    `);
  });

  it('is not taken over from an operand of another shape or type, or needed later', () => {
    const row = ops.sum(x, 0);
    const y = matmul(x, square);
    expect(placement(ops.sum(add(mul(square, row), row)))).toMatchInlineSnapshot(`
      "t0 arena+1024 = sum(x io[1])
      t1 arena+0 = map(square io[0], t0 arena+1024)
      t3 io[2] = sum(t2 arena+0)
      1088 bytes"
    `);
    expect(placement(ops.sum(ops.cast(ops.cast(y, 'int32'), 'float32')))).toMatchInlineSnapshot(`
      "t0 arena+0 = matmul(x io[0], square io[1])
      t1 arena+1024 = map(t0 arena+0)
      t2 arena+0 = map(t1 arena+1024)
      t4 io[2] = sum(t3 arena+0)
      2048 bytes"
    `);
    expect(placement(matmul(relu(matmul(tanh(y), y)), y))).toMatchInlineSnapshot(`
      "t0 arena+0 = matmul(x io[0], square io[1])
      t1 arena+1024 = map(t0 arena+0)
      t2 arena+2048 = gemm(t1 arena+1024, t0 arena+0)
      t3 io[2] = matmul(t2 arena+2048, t0 arena+0)
      3072 bytes"
    `);
  });

  it('is shared by a view and what it shows', () => {
    const y = softmax(x);
    expect(placement(ops.sum(matmul(reshape(y, [8, 32]), reshape(square, [32, 8]))))).toMatchInlineSnapshot(`
      "t0 arena+0 = softmax(x io[0])
      t3 arena+1024 = matmul(t1 arena+0, t2 io[1])
      t5 io[2] = sum(t4 arena+1024)
      1280 bytes"
    `);
  });

  it('has gaps that smaller values fill', () => {
    const wide = matmul(x, f32('wide', 16, 64));
    const small = ops.sum(x, 0);
    const after = ops.sum(wide, 1);
    expect(placement(add(after, mul(small, ops.sum(softmax(x), 0))))).toMatchInlineSnapshot(`
      "t0 arena+4096 = sum(x io[0])
      t1 arena+0 = softmax(x io[0])
      t2 arena+4160 = sum(t1 arena+0)
      t3 arena+0 = matmul(x io[0], wide io[1])
      t4 arena+4224 = sum(t3 arena+0)
      t5 io[2] = map(t0 arena+4096, t2 arena+4160, t4 arena+4224)
      4288 bytes"
    `);
  });

  it('of constants is a pool of its own', () => {
    const table = ops.constant(
      Float32Array.from({length: 256}, (_, index) => index),
      [16, 16],
    );
    expect(placement(matmul(x, table))).toMatchInlineSnapshot(`
      "t0 io[1] = matmul(x io[0], constant literal+0)
      0 bytes"
    `);
  });

  it('needs nothing for empty values', () => {
    const empty = f32('empty', 0, 16);
    expect(placement(softmax(tanh(empty)))).toMatchInlineSnapshot(`
      "t0 arena+0 = map(empty io[0])
      t1 io[1] = softmax(t0 arena+0)
      0 bytes"
    `);
  });
});
