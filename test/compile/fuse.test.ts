import {describe, expect, it} from 'vitest';
import {makeProgram, mapLimits} from '../../lib/compile/map-program.ts';
import type {Tensor} from '../../lib/core/tensor.ts';
import {gradients} from '../../lib/graph/autodiff.ts';
import {callsOf} from '../../lib/graph/walk.ts';
import * as ops from '../../lib/ops/index.ts';
import {add, cast, greater, input, matmul, mul, neg, relu, select, sub, tanh} from '../../lib/ops/index.ts';
import {f32, fused} from './support.ts';

const x = f32('x', 4, 3);
const w = f32('w', 3, 2);
const b = f32('b', 2);

describe('products', () => {
  it('fuse the bias and the activation', () => {
    expect(fused(relu(add(matmul(x, w), b)))).toMatchInlineSnapshot(`
      "t0 f32[4,2] = matmul(x, w, b) {bias, map: relu}
      output y = t0"
    `);
    expect(fused(tanh(add(b, matmul(x, w))))).toMatchInlineSnapshot(`
      "t0 f32[4,2] = matmul(x, w, b) {bias, map: tanh}
      output y = t0"
    `);
  });

  it('fuse one without the other', () => {
    expect(fused(add(matmul(x, w), b))).toMatchInlineSnapshot(`
      "t0 f32[4,2] = matmul(x, w, b) {bias}
      output y = t0"
    `);
    expect(fused(neg(matmul(x, w)))).toMatchInlineSnapshot(`
      "t0 f32[4,2] = matmul(x, w) {map: neg}
      output y = t0"
    `);
  });

  it('fuse one activation', () => {
    expect(fused(neg(relu(add(matmul(x, w), b))))).toMatchInlineSnapshot(`
      "t0 f32[4,2] = matmul(x, w, b) {bias, map: relu}
      t1 f32[4,2] = map(t0) {%0 = neg(i0)}
      output y = t1"
    `);
  });

  it('stay alone where the sum before the activation is read elsewhere', () => {
    const sum = add(matmul(x, w), b);
    expect(fused({sum, y: relu(sum)})).toMatchInlineSnapshot(`
      "t0 f32[4,2] = matmul(x, w, b) {bias}
      t1 f32[4,2] = map(t0) {%0 = relu(i0)}
      output sum = t0
      output y = t1"
    `);
    expect(fused({y: mul(relu(sum), sum)})).toMatchInlineSnapshot(`
      "t0 f32[4,2] = matmul(x, w, b) {bias}
      t1 f32[4,2] = map(t0) {%0 = relu(i0); %0 = mul(%0, i0)}
      output y = t1"
    `);
  });

  it('do not fuse what is no row vector', () => {
    expect(fused(add(matmul(x, w), f32('c', 4, 2)))).toMatchInlineSnapshot(`
      "t0 f32[4,2] = matmul(x, w, c) {map: add}
      output y = t0"
    `);
    expect(fused(add(matmul(x, w), f32('c', 1)))).toMatchInlineSnapshot(`
      "t0 f32[4,2] = matmul(x, w)
      t1 f32[4,2] = map(t0, c) {%0 = add(i0, i1)}
      output y = t1"
    `);
  });

  it('take a row of a table as bias', () => {
    expect(fused(add(matmul(x, w), f32('row', 1, 2)))).toMatchInlineSnapshot(`
      "t0 f32[2] = reshape(row)
      t1 f32[4,2] = matmul(x, w, t0) {bias}
      output y = t1"
    `);
  });

  it('fuse what they are added to, but not what they are taken from', () => {
    expect(fused(add(f32('c', 4, 2), matmul(x, w)))).toMatchInlineSnapshot(`
      "t0 f32[4,2] = matmul(x, w, c) {map: add}
      output y = t0"
    `);
    expect(fused(sub(f32('c', 4, 2), matmul(x, w)))).toMatchInlineSnapshot(`
      "t0 f32[4,2] = matmul(x, w)
      t1 f32[4,2] = map(c, t0) {%0 = sub(i0, i1)}
      output y = t1"
    `);
  });

  it('fuse gelu, and the gradient of it that reads their result', () => {
    expect(fused(ops.gelu(add(matmul(x, w), b)))).toContain('matmul(x, w, b) {bias, map: gelu}');
    const y = matmul(ops.geluTanh(matmul(x, w)), f32('v', 2, 5));
    const [dw] = gradients(ops.sum(ops.square(y)), [w]) as [Tensor];
    expect(fused({dw})).toMatch(/matmul\(t\d, v, t0\) {transposeB, map: geluTanhGrad}/);
    const large = matmul(f32('many', 1025, 3), f32('wide', 3, 4));
    expect(fused(ops.gelu(large))).toContain('map(t0) {%0 = gelu(i0)}');
  });

  it('fuse a bias and another operand, and give the guard of a check of it all', () => {
    const y = add(add(matmul(x, w), b), f32('c', 4, 2));
    expect(fused({y, check: ops.finite(y)})).toMatchInlineSnapshot(`
      "t0 f32[4,2], t1 i32[64] = matmul(x, w, b, c) {bias, map: add, guarded}
      output y = t0
      output check = t1"
    `);
  });

  it('are not made twice where they meet themselves', () => {
    const product = matmul(x, w);
    expect(fused(mul(product, product))).toMatchInlineSnapshot(`
      "t0 f32[4,2] = matmul(x, w)
      t1 f32[4,2] = map(t0) {%0 = mul(i0, i0)}
      output y = t1"
    `);
  });

  it('of many matrices fuse as one does', () => {
    const many = matmul(f32('many', 3, 4, 5), f32('others', 3, 5, 2));
    expect(fused(relu(add(many, b)))).toMatchInlineSnapshot(`
      "t0 f32[3,4,2] = matmul(many, others, b) {bias, map: relu}
      output y = t0"
    `);
    expect(fused(mul(many, f32('c', 3, 4, 2)))).toMatchInlineSnapshot(`
      "t0 f32[3,4,2] = matmul(many, others, c) {map: mul}
      output y = t0"
    `);
  });

  it('serve the backward pass by their results', () => {
    const y = relu(add(matmul(x, w), b));
    const [dw, db] = gradients(ops.sum(ops.square(y)), [w, b]) as [Tensor, Tensor];
    expect(fused({dw, db})).toMatchInlineSnapshot(`
      "t0 f32[4,2] = matmul(x, w, b) {bias, map: relu}
      t1 f32[4,2] = map(t0) {%0 = mul(i0, 2); %0 = reluGrad(%0, i0)}
      t2 f32[3,2] = matmul(x, t1) {transposeA}
      t3 f32[2] = sum(t1) {axis: 0}
      output dw = t2
      output db = t3"
    `);
  });
});

describe('maps', () => {
  it('hold a tree of elementwise calls, with its numbers', () => {
    const r = f32('r', 3);
    expect(fused(sub(mul(add(mul(x, 0.5), r), add(mul(x, 0.5), 1)), r))).toMatchInlineSnapshot(`
      "t0 f32[4,3] = map(x, r) {%0 = mul(i0, 0.5); %1 = add(%0, i1); %0 = add(%0, 1); %0 = mul(%1, %0);
          %0 = sub(%0, i1)}
      output y = t0"
    `);
  });

  it('need no step for broadcasting and widening', () => {
    const labels = input({name: 'labels', shape: [4], dtype: 'uint8'});
    const mask = cast(ops.reshape(labels, [4, 1]), 'float32');
    const wide = ops.broadcastTo(mask, [4, 3]);
    expect(fused(mul(cast(greater(x, wide), 'float32'), x))).toMatchInlineSnapshot(`
      "t0 u8[4,1] = reshape(labels)
      t1 f32[4,3] = map(t0, x) {%0 = greater(i1, i0); %0 = mul(%0, i1)}
      output y = t1"
    `);
  });

  it('end with a narrowing conversion, which happens at the store', () => {
    const bytes = cast(mul(x, 10), 'uint8');
    expect(fused(cast(bytes, 'float32'))).toMatchInlineSnapshot(`
      "t0 u8[4,3] = map(x) {%0 = mul(i0, 10)}
      t1 f32[4,3] = map(t0) {%0 = cast(i0)}
      output y = t1"
    `);
  });

  it('convert between integers and floats in registers, and by a load where they can', () => {
    const whole = cast(mul(x, 10), 'int32');
    expect(fused(cast(ops.bitwiseAnd(whole, 255), 'float32'))).toMatchInlineSnapshot(`
      "t0 f32[4,3] = map(x) {%0 = mul(i0, 10); %0 = cast(%0); %0 = bitwiseAnd(%0, 255)}
      output y = t0"
    `);
    const n = ops.input({name: 'n', shape: [4, 3], dtype: 'int32'});
    expect(fused(mul(cast(n, 'float32'), x))).toMatchInlineSnapshot(`
      "t0 f32[4,3] = map(n, x) {%0 = mul(i0, i1)}
      output y = t0"
    `);
    expect(fused(ops.select(ops.less(n, 2 ** 24 + 1), n, cast(ops.relu(x), 'int32')))).toMatchInlineSnapshot(`
      "t0 i32[4,3] = map(n, x) {%0 = less(i0, 16777217); %1 = relu(i1); %1 = cast(%1); %0 = select(%0,
          i0, %1)}
      output y = t0"
    `);
  });

  it('keep one step where a call only fills, repeats or converts', () => {
    expect(fused(ops.ones([2, 2]))).toMatchInlineSnapshot(`
      "t0 f32[2,2] = map() {%0 = broadcastTo(1)}
      output y = t0"
    `);
    expect(fused(cast(x, 'int32'))).toMatchInlineSnapshot(`
      "t0 i32[4,3] = map(x) {%0 = cast(i0)}
      output y = t0"
    `);
  });

  it('do not repeat for each row what a row vector needs once', () => {
    expect(fused(mul(x, tanh(f32('r', 3))))).toMatchInlineSnapshot(`
      "t0 f32[3] = map(r) {%0 = tanh(i0)}
      t1 f32[4,3] = map(x, t0) {%0 = mul(i0, i1)}
      output y = t1"
    `);
  });

  it('do not hide what is read elsewhere', () => {
    const y = tanh(x);
    expect(fused({y, z: mul(y, y)})).toMatchInlineSnapshot(`
      "t0 f32[4,3] = map(x) {%0 = tanh(i0)}
      t1 f32[4,3] = map(t0) {%0 = mul(i0, i0)}
      output y = t0
      output z = t1"
    `);
    expect(fused(matmul(mul(y, 2), ops.add(f32('v', 3, 2), ops.sum(y))))).toMatchInlineSnapshot(`
      "t0 f32[4,3] = map(x) {%0 = tanh(i0)}
      t1 f32[4,3] = map(t0) {%0 = mul(i0, 2)}
      t2 f32[12] = reshape(t0)
      t3 f32[] = sum(t2) {axis: 0}
      t4 f32[3,2] = map(v, t3) {%0 = add(i0, i1)}
      t5 f32[4,2] = matmul(t1, t4)
      output y = t5"
    `);
  });

  it('share a value that only they read', () => {
    const y = tanh(x);
    expect(fused(select(greater(y, 0), mul(y, y), x))).toMatchInlineSnapshot(`
      "t0 f32[4,3] = map(x) {%0 = tanh(i0); %1 = greater(%0, 0); %0 = mul(%0, %0); %0 = select(%1, %0,
          i0)}
      output y = t0"
    `);
  });

  it('repeat arithmetic of one operand of their size where several read it', () => {
    const centered = sub(x, f32('m', 3));
    expect(fused({first: relu(centered), second: tanh(centered)})).toMatchInlineSnapshot(`
      "t0 f32[4,3] = map(x, m) {%0 = sub(i0, i1); %0 = relu(%0)}
      t1 f32[4,3] = map(x, m) {%0 = sub(i0, i1); %0 = tanh(%0)}
      output first = t0
      output second = t1"
    `);
    // A function of one operand may cost more than reading its result.
    expect(fused({first: relu(tanh(x)), second: neg(tanh(x))})).toMatchInlineSnapshot(`
      "t0 f32[4,3] = map(x) {%0 = tanh(i0)}
      t1 f32[4,3] = map(t0) {%0 = relu(i0)}
      t2 f32[4,3] = map(t0) {%0 = neg(i0)}
      output first = t1
      output second = t2"
    `);
  });

  it('split where a program would be too large', () => {
    const inputs = Array.from({length: 20}, (_, index) => f32(`x${index}`, 5));
    const listing = fused(inputs.reduce((sum, next) => add(sum, next)));
    expect(listing.match(/map\(/g)).toHaveLength(2);
    const steps = Array.from({length: 100}).reduce<Tensor>(y => neg(ops.abs(y)), x);
    expect(fused(steps).match(/map\(/g)?.length).toBe(4);
  });

  it('never exceed their limits', () => {
    // A balanced tree of products needs a tile for each level.
    const tree = (depth: number, at = 1): Tensor =>
      depth === 0 ? tanh(add(x, at)) : mul(tree(depth - 1, 2 * at), tree(depth - 1, 2 * at + 1));
    for (const depth of [1, 3, 6]) {
      const made = callsOf([tree(depth)]).filter(({op}) => op.elementwise);
      const program = makeProgram(made)?.program;
      expect(program === undefined).toBe(depth === 6);
      expect(program?.tiles ?? 0).toBeLessThanOrEqual(mapLimits.tiles);
    }
  });
});

describe('what is scattered', () => {
  const ids = input({name: 'ids', shape: [4, 1], dtype: 'int32'});

  it('to zeros is summed without them', () => {
    expect(fused(ops.scatterNd(ids, x, [9, 3]))).toMatchInlineSnapshot(`
      "t0 i32[4], t1 i32[32] = flattenIndices(ids) {sizes: [9]}
      t2 f32[9,3] = scatterSum(t0, x) {axis: 0, batchDims: 0}
      output y = t2"
    `);
  });

  it('to other numbers, integers or -0 is added to them', () => {
    for (const ground of [ops.broadcastTo(1, [9, 3]), ops.broadcastTo(-0, [9, 3])]) {
      expect(fused(ops.tensorScatterAdd(ground, ids, x))).toContain('scatterAdd');
    }
    expect(fused(ops.scatterNd(ids, cast(x, 'int32'), [9, 3]))).toContain('scatterAdd');
  });
});
