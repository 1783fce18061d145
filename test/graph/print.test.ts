import {describe, expect, it} from 'vitest';
import {printParts, printRoots} from '../../lib/compile/listing.ts';
import {type Tensor, variable, withScope} from '../../lib/core/tensor.ts';
import {gradients} from '../../lib/graph/autodiff.ts';
import {formatAttribute, printCalls} from '../../lib/graph/print.ts';
import {callsOf} from '../../lib/graph/walk.ts';
import * as ops from '../../lib/ops/index.ts';
import {add, finite, input, matmul, mean, mul, square, sub} from '../../lib/ops/index.ts';
import {adamOp, applyUpdate} from '../../lib/ops/optimizer.ts';

const x = input({name: 'x', shape: [4, 3]});

describe('a listing', () => {
  it('has a line for each call, with leaves by name, attributes and scope', () => {
    const w = variable({name: 'dense/kernel', shape: [2, 3]});
    const y = withScope('dense', () => matmul(x, w.tensor, {transposeB: true}));
    const table = ops.constant(Float32Array.of(1, 2), [2]);
    expect(printCalls(callsOf([add(mul(y, 0.1), table), ops.argMax(y)]))).toMatchInlineSnapshot(`
      "t0 f32[4,2] = matmul(x, dense/kernel) {transposeB}  in dense
      t1 f32[4,2] = mul(t0, 0.1)
      t2 f32[4,2] = add(t1, constant f32[2])
      t3 i32[4] = argMax(t0) {axis: 1}"
    `);
  });

  it('names all results of a call', () => {
    const labels = input({name: 'labels', shape: [4], dtype: 'int32'});
    const {loss} = ops.softmaxCrossentropy(x, labels);
    expect(printCalls(callsOf([loss]))).toMatchInlineSnapshot(
      `"t0 f32[4], t1 f32[4,3], t2 i32[4] = softmaxCrossentropy(x, labels)"`,
    );
  });

  it('breaks long lines', () => {
    const hyper = input({name: 'hyper', shape: [1, 7]});
    const segments = ['first', 'second'].map(name =>
      ['', '/gradient', '/m', '/v'].map(suffix => input({name: `${name}/kernel${suffix}`, shape: [128, 64]})),
    );
    const [[updated]] = applyUpdate(adamOp, hyper, segments, {groups: [0, 0]}) as [[Tensor]];
    expect(printCalls(callsOf([updated]))).toMatchInlineSnapshot(`
      "t0 f32[128,64], t1 f32[128,64], t2 f32[128,64], t3 f32[128,64], t4 f32[128,64],
          t5 f32[128,64] = adam(hyper, first/kernel, first/kernel/gradient, first/kernel/m,
          first/kernel/v, second/kernel, second/kernel/gradient, second/kernel/m,
          second/kernel/v) {groups: [0,0]}"
    `);
  });

  it('shows numbers as short as float32 allows', () => {
    const shown = [0.1, 1 / 3, -0, 1e-7, 3.4028235e38, Number.NaN, 16777216].map(value =>
      formatAttribute('rate', Math.fround(value)),
    );
    expect(shown).toMatchInlineSnapshot(`
      [
        "rate: 0.1",
        "rate: 0.33333334",
        "rate: -0",
        "rate: 1e-7",
        "rate: 3.4028235e+38",
        "rate: NaN",
        "rate: 16777216",
      ]
    `);
  });
});

describe('the listing of roots', () => {
  it('shows what differentiation added apart, with the same names', () => {
    const w = variable({name: 'w', shape: [3, 1]});
    const loss = mean(square(sub(matmul(x, w.tensor), 1)));
    const [dw] = gradients(loss, [w.tensor]) as [Tensor];
    const roots = {
      outputs: [['loss', loss]] as const,
      guards: [finite(loss), finite(dw)],
      updates: [[w, sub(w.tensor, mul(dw, 0.1))]] as const,
    };
    const {graph, gradients: backward} = printParts(roots);
    expect(graph).toMatchInlineSnapshot(`
      "t0 f32[4,1] = matmul(x, w)
      t1 f32[4,1] = sub(t0, 1)
      t2 f32[4,1] = square(t1)
      t3 f32[4] = reshape(t2)
      t4 f32[] = sum(t3) {axis: 0}
      t5 f32[] = mul(t4, 0.25)
      t6 i32[1] = finite(t5)
      output loss = t5
      guard t6"
    `);
    expect(backward).toMatchInlineSnapshot(`
      "t7 f32[] = mul(1, 0.25)
      t8 f32[1] = reshape(t7)
      t9 f32[4] = broadcastTo(t8)
      t10 f32[4,1] = reshape(t9)
      t11 f32[4,1] = mul(t1, 2)
      t12 f32[4,1] = mul(t10, t11)
      t13 f32[3,1] = matmul(x, t12) {transposeA}
      t14 i32[1] = finite(t13)
      t15 f32[3,1] = mul(t13, 0.1)
      t16 f32[3,1] = sub(w, t15)
      guard t14
      update w = t16"
    `);
    const lines = (text: string): string[] => text.split('\n').map(line => line.replace(/t\d+/g, 't'));
    expect(lines(printRoots(roots)).sort()).toEqual([...lines(graph), ...lines(backward)].sort());
  });
});
