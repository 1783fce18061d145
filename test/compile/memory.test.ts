import {describe, expect, it} from 'vitest';
import {compileToPlan} from '../../lib/compile/index.ts';
import type {Tensor} from '../../lib/core/tensor.ts';
import {compile} from '../../lib/index.ts';
import * as ops from '../../lib/ops/index.ts';
import {add, matmul, mul, relu, reshape, softmax, tanh} from '../../lib/ops/index.ts';
import {f32, layoutOf, rootsOf} from './support.ts';

/** Of 16 KiB: smaller values have memory of their own for some steps. */
const x = f32('x', 64, 64);
const square = f32('square', 64, 64);

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
      t1 arena+16384 = matmul(t0 arena+0, square io[1])
      t2 arena+0 = matmul(t1 arena+16384, square io[1])
      t3 io[2] = matmul(t2 arena+0, square io[1])
      32768 bytes"
    `);
  });

  it('of small values is given away some steps later: who writes need not wait for who has just read', () => {
    const small = f32('small', 16, 16);
    const chain = Array(11)
      .fill(small)
      .reduce<Tensor>(y => matmul(y, small), small);
    expect(placement(chain)).toMatchInlineSnapshot(`
      "t0 arena+0 = matmul(small io[0], small io[0])
      t1 arena+1024 = matmul(t0 arena+0, small io[0])
      t2 arena+2048 = matmul(t1 arena+1024, small io[0])
      t3 arena+3072 = matmul(t2 arena+2048, small io[0])
      t4 arena+4096 = matmul(t3 arena+3072, small io[0])
      t5 arena+5120 = matmul(t4 arena+4096, small io[0])
      t6 arena+6144 = matmul(t5 arena+5120, small io[0])
      t7 arena+7168 = matmul(t6 arena+6144, small io[0])
      t8 arena+8192 = matmul(t7 arena+7168, small io[0])
      t9 arena+9216 = matmul(t8 arena+8192, small io[0])
      t10 io[1] = matmul(t9 arena+9216, small io[0])
      10240 bytes"
    `);
  });

  it('is taken over in place by an elementwise result of the same shape', () => {
    const y = matmul(x, square);
    expect(placement(ops.sum(tanh(add(y, softmax(y)))))).toMatchInlineSnapshot(`
      "t0 arena+0 = matmul(x io[0], square io[1])
      t1 arena+16384 = softmax(t0 arena+0)
      t2 arena+0 = map(t0 arena+0, t1 arena+16384)
      t4 io[2] = sum(t3 arena+0)
      32768 bytes"
    `);
  });

  it('is not taken over where that is switched off', () => {
    const y = matmul(x, square);
    expect(placement(ops.sum(tanh(add(y, softmax(y)))), {inPlace: false})).toMatchInlineSnapshot(`
      "t0 arena+0 = matmul(x io[0], square io[1])
      t1 arena+16384 = softmax(t0 arena+0)
      t2 arena+32768 = map(t0 arena+0, t1 arena+16384)
      t4 io[2] = sum(t3 arena+32768)
      49152 bytes"
    `);
  });

  it('is not taken over from an operand of another shape or type, or needed later', () => {
    const row = ops.sum(x, 0);
    const y = matmul(x, square);
    expect(placement(ops.sum(add(mul(square, row), row)))).toMatchInlineSnapshot(`
      "t0 arena+16384 = sum(x io[1])
      t1 arena+0 = map(square io[0], t0 arena+16384)
      t3 io[2] = sum(t2 arena+0)
      16640 bytes"
    `);
    expect(placement(ops.sum(ops.cast(ops.cast(y, 'uint8'), 'float32')))).toMatchInlineSnapshot(`
      "t0 arena+0 = matmul(x io[0], square io[1])
      t1 arena+16384 = map(t0 arena+0)
      t2 arena+0 = map(t1 arena+16384)
      t4 io[2] = sum(t3 arena+0)
      20480 bytes"
    `);
    expect(placement(matmul(relu(matmul(tanh(y), y)), y))).toMatchInlineSnapshot(`
      "t0 arena+0 = matmul(x io[0], square io[1])
      t1 arena+16384 = map(t0 arena+0)
      t2 arena+32768 = matmul(t1 arena+16384, t0 arena+0)
      t3 io[2] = matmul(t2 arena+32768, t0 arena+0)
      49152 bytes"
    `);
  });

  it('is not taken over from a view of what lies behind the first carry of a loop', () => {
    const [steps, start] = [f32('steps', 4, 1, 3), f32('start', 1, 3)];
    const {outputs} = ops.scan(
      ([carry], [own]) => {
        const next = tanh(add(carry as Tensor, own as Tensor));
        return {carries: [next], outputs: [next]};
      },
      {carries: [start], sequences: [steps]},
    );
    const y = matmul(mul(reshape(outputs[0] as Tensor, [4, 3]), 2), f32('w', 3, 2));
    const inputs = {
      steps: new Float32Array(12).fill(0.5),
      start: new Float32Array(3),
      w: Float32Array.of(1, 0, 0, 1, 0, 0),
    };
    const {data} = compile(y).runSync(inputs);
    let carry = 0;
    for (let step = 0; step < 4; step++) {
      carry = Math.tanh(carry + 0.5);
      expect(data[2 * step]).toBeCloseTo(2 * carry, 6);
    }
  });

  it('is shared by a view and what it shows', () => {
    const y = softmax(x);
    expect(
      placement(ops.sum(matmul(reshape(y, [32, 128]), reshape(square, [128, 32])))),
    ).toMatchInlineSnapshot(`
      "t0 arena+0 = softmax(x io[0])
      t3 arena+16384 = matmul(t1 arena+0, t2 io[1])
      t5 io[2] = sum(t4 arena+16384)
      20480 bytes"
    `);
  });

  it('has gaps that smaller values fill', () => {
    const wide = matmul(x, f32('wide', 64, 128));
    const small = ops.sum(x, 0);
    const after = ops.sum(wide, 1);
    expect(placement(add(after, mul(small, ops.sum(softmax(x), 0))))).toMatchInlineSnapshot(`
      "t0 arena+32768 = sum(x io[0])
      t1 arena+0 = softmax(x io[0])
      t2 arena+33024 = sum(t1 arena+0)
      t3 arena+0 = matmul(x io[0], wide io[1])
      t4 arena+33280 = sum(t3 arena+0)
      t5 io[2] = map(t0 arena+32768, t2 arena+33024, t4 arena+33280)
      33536 bytes"
    `);
  });

  it('of constants is a pool of its own', () => {
    const table = ops.constant(
      Float32Array.from({length: 4096}, (_, index) => index),
      [64, 64],
    );
    expect(placement(matmul(x, table))).toMatchInlineSnapshot(`
      "t0 io[1] = matmul(x io[0], constant literal+0)
      0 bytes"
    `);
  });

  it('needs nothing for empty values', () => {
    const empty = f32('empty', 0, 64);
    expect(placement(softmax(tanh(empty)))).toMatchInlineSnapshot(`
      "t0 arena+0 = map(empty io[0])
      t1 io[1] = softmax(t0 arena+0)
      0 bytes"
    `);
  });
});
