// A view between a product and what follows hides nothing: layers on inputs of higher rank compile to the
// instructions of those of rank 2.
import {describe, expect, it} from 'vitest';
import type {Tensor} from '../../lib/core/tensor.ts';
import {gradients} from '../../lib/graph/autodiff.ts';
import {compile, layers, optimizers, type Sequential, sequential} from '../../lib/index.ts';
import * as ops from '../../lib/ops/index.ts';
import {add, matmul, relu, reshape, square, sum} from '../../lib/ops/index.ts';
import {type CompiledProgram, onCompile} from '../../lib/session/compile.ts';
import {f32, fused} from './support.ts';

const x = f32('x', 2, 3, 16);
const w = f32('w', 16, 8);
const b = f32('b', 8);
const flat = reshape(x, [6, 16]);

/** As layers.dense: over the last axis. */
const dense = (activation: (y: Tensor) => Tensor): Tensor =>
  activation(reshape(add(matmul(flat, w), b), [2, 3, 8]));

describe('what follows a view of a product', () => {
  it('is its bias and its activation', () => {
    expect(fused(dense(relu))).toMatchInlineSnapshot(`
      "t0 f32[6,16] = reshape(x)
      t1 f32[6,8] = matmul(t0, w, b) {bias, map: relu}
      t2 f32[2,3,8] = reshape(t1)
      output y = t2"
    `);
    expect(fused(add(reshape(matmul(flat, w), [2, 3, 8]), b))).toMatchInlineSnapshot(`
      "t0 f32[6,16] = reshape(x)
      t1 f32[6,8] = matmul(t0, w, b) {bias}
      t2 f32[2,3,8] = reshape(t1)
      output y = t2"
    `);
  });

  it('is another tensor of the shape of the view', () => {
    const other = f32('other', 2, 3, 8);
    expect(fused(ops.sub(reshape(matmul(flat, w), [2, 3, 8]), other))).toMatchInlineSnapshot(`
      "t0 f32[6,16] = reshape(x)
      t1 f32[6,8] = reshape(other)
      t2 f32[6,8] = matmul(t0, w, t1) {map: sub}
      t3 f32[2,3,8] = reshape(t2)
      output y = t3"
    `);
  });

  it('is a finite check', () => {
    expect(
      fused({y: matmul(flat, w), check: ops.finite(reshape(matmul(flat, w), [48]))}),
    ).toMatchInlineSnapshot(`
      "t0 f32[6,16] = reshape(x)
      t1 f32[6,8], t2 i32[64] = matmul(t0, w) {guarded}
      output y = t1
      output check = t2"
    `);
  });

  it('is not a vector along another axis, nor what others read too', () => {
    expect(fused(add(reshape(matmul(flat, w), [3, 4, 4]), f32('c', 4)))).toContain('map(');
    const seen = reshape(matmul(flat, w), [2, 3, 8]);
    expect(fused({seen, y: relu(seen)})).toContain('map(');
    const product = matmul(flat, w);
    expect(fused({product, y: relu(reshape(product, [2, 3, 8]))})).toContain('map(');
  });

  it('serves the backward pass as it does at rank 2', () => {
    const grads = gradients(sum(square(dense(relu))), [x, w, b]) as [Tensor, Tensor, Tensor];
    expect(fused({dx: grads[0], dw: grads[1], db: grads[2]})).toMatchInlineSnapshot(`
      "t0 f32[6,16] = reshape(x)
      t1 f32[6,8] = matmul(t0, w, b) {bias, map: relu}
      t2 f32[2,3,8] = reshape(t1)
      t3 f32[2,3,8] = map(t2) {%0 = mul(i0, 2); %0 = reluGrad(%0, i0)}
      t4 f32[6,8] = reshape(t3)
      t5 f32[6,16] = matmul(t4, w) {transposeB}
      t6 f32[2,3,16] = reshape(t5)
      t7 f32[16,8] = matmul(t0, t4) {transposeA}
      t8 f32[8] = sum(t4) {axis: 0}
      output dx = t6
      output dw = t7
      output db = t8"
    `);
  });
});

describe('explain', () => {
  it('shows a dense layer on rows of rank 3 as one instruction', () => {
    expect(compile(dense(relu)).explain().plan).toMatchInlineSnapshot(`
      "state 0 bytes, arena 0 bytes, constants 0 bytes
      io[0]  input   x        f32[2,3,16]
      io[1]  input   w        f32[16,8]
      io[2]  input   b        f32[8]
      io[3]  output  output0  f32[2,3,8]   each step
      compute
        0  t1 io[3] f32[6,8] = matmul(t0 io[0] f32[6,16], w io[1] f32[16,8], b io[2] f32[8]) {bias,
               map: relu}"
    `);
  });

  it('shows products in batches, with what follows them', () => {
    const [q, k] = [f32('q', 2, 4, 6, 8), f32('k', 2, 4, 6, 8)];
    const scores = matmul(q, k, {transposeB: true});
    expect(compile(add(scores, f32('mask', 2, 4, 6, 6))).explain().plan).toMatchInlineSnapshot(`
      "state 0 bytes, arena 0 bytes, constants 0 bytes
      io[0]  input   q        f32[2,4,6,8]
      io[1]  input   k        f32[2,4,6,8]
      io[2]  input   mask     f32[2,4,6,6]
      io[3]  output  output0  f32[2,4,6,6]  each step
      compute
        0  t0 io[3] f32[2,4,6,6] = matmul(q io[0] f32[2,4,6,8], k io[1] f32[2,4,6,8],
               mask io[2] f32[2,4,6,6]) {transposeB, map: add}"
    `);
  });
});

/** The instructions of each plan that `use` compiles for a network on rows of so many axes. */
async function compiledBy(
  inputShape: readonly number[],
  use: (model: Sequential, features: readonly number[]) => Promise<unknown>,
): Promise<string[][]> {
  const model = sequential([
    layers.dense({units: 8, activation: 'relu', inputShape}),
    layers.dense({units: 5, activation: 'tanh'}),
    layers.dense({units: 4}),
  ]);
  model.compile({optimizer: optimizers.adam({}), loss: 'meanSquaredError'});
  const compiled: CompiledProgram[] = [];
  onCompile(program => compiled.push(program));
  try {
    await use(model, inputShape.slice(0, -1));
  } finally {
    onCompile(undefined);
  }
  return compiled.map(({plan}) => plan.instructions.map(({name}) => name));
}

describe('a network on inputs of rank 3', () => {
  const ones = (...shape: number[]) => ({
    data: new Float32Array(shape.reduce((a, b) => a * b)).fill(1),
    shape,
  });

  it('predicts by its products alone', async () => {
    const plans = await compiledBy([3, 16], model => model.predict(ones(2, 3, 16)));
    expect(plans.at(-1)).toEqual(['gatherRows', 'matmul', 'matmul', 'matmul']);
  });

  it('trains by the instructions of one on inputs of rank 2', async () => {
    const train = (rows: number) => (model: Sequential, axes: readonly number[]) =>
      model.trainOnBatch(ones(rows, ...axes, 16), ones(rows, ...axes, 4));
    const [deep, plain] = [await compiledBy([3, 16], train(2)), await compiledBy([16], train(6))];
    expect(deep.at(-1)).toEqual(plain.at(-1));
  });
});
