import {describe, expect, it} from 'vitest';
import {gradients} from '../../lib/graph/autodiff.ts';
import * as ops from '../../lib/ops/index.ts';
import {
  add,
  finite,
  input,
  less,
  log,
  matmul,
  mean,
  mul,
  square,
  stopIf,
  sub,
  sum,
  variable,
} from '../../lib/ops/index.ts';
import {compile} from '../../lib/session/function.ts';
import {VariableStore} from '../../lib/session/store.ts';

const x = input({name: 'x', shape: [2]});

describe('compile', () => {
  it('gives results in the structure of the outputs', async () => {
    const y = mul(x, 2);
    expect(await compile(y).run({x: [1, 2]})).toEqual({data: Float32Array.of(2, 4), shape: [2]});
    expect(await compile([y, ops.sum(x)]).run({x: [1, 2]})).toEqual([
      {data: Float32Array.of(2, 4), shape: [2]},
      {data: Float32Array.of(3), shape: []},
    ]);
    // A result may be named like an input.
    expect(compile({x: y}).runSync({x: [1, 2]}).x.data).toEqual(Float32Array.of(2, 4));
  });

  it('computes gradients of gradients', () => {
    const [dx] = gradients(ops.sum(mul(x, square(x))), [x]) as [typeof x];
    const [ddx] = gradients(ops.sum(dx), [x]) as [typeof x];
    const {data} = compile(ddx).runSync({x: [1, 2]});
    expect(data).toEqual(Float32Array.of(6, 12));
  });

  it('updates variables after all outputs and updates are computed', async () => {
    const a = variable({name: 'a', shape: [], initial: () => ops.constant(1)});
    const b = variable({name: 'b', shape: []});
    const step = compile(a.tensor, {
      updates: [
        [a, add(a.tensor, b.tensor)],
        [b, a.tensor],
      ],
    });
    const seen: number[] = [];
    for (let count = 0; count < 6; count++) seen.push((await step.run()).data[0] as number);
    expect(seen).toEqual([1, 1, 2, 3, 5, 8]);
    expect(step.store.read(a)).toEqual(Float32Array.of(13));
  });

  it('finds variables where another function put them', () => {
    const w = variable({name: 'w', shape: [1], initial: () => ops.ones([1])});
    const double = compile([], {updates: [[w, mul(w.tensor, 2)]]});
    const read = compile(w.tensor);
    double.runSync();
    double.runSync();
    expect(read.store).toBe(double.store);
    expect(read.runSync().data).toEqual(Float32Array.of(4));
  });

  it('initializes by seed, in a store that may be given', () => {
    const values = (seed: number): number => {
      const w = variable({name: 'w', shape: [], initial: source => ops.randomUniform(source, [])});
      const store = new VariableStore();
      const {data} = compile(w.tensor, {seed, store}).runSync();
      expect(store.read(w)).toEqual(data.slice());
      return data[0] as number;
    };
    expect(values(1)).toBe(values(1));
    expect(values(1)).not.toBe(values(2));
  });

  it('writes nothing where a guard finds something', async () => {
    const w = variable({name: 'w', shape: [2]});
    const y = log(x);
    const step = compile(y, {updates: [[w, y]], guards: [finite(y)]});
    await expect(step.run({x: [1, -1]})).rejects.toMatchObject({
      code: 'ERR_NOT_FINITE',
      message: 'run: a checked value is not finite, first in the graph (map); nothing has been written.',
    });
    expect(step.store.read(w)).toEqual(Float32Array.of(0, 0));
    await step.run({x: [1, 1]});
  });

  it('writes nothing where a condition of stopIf holds', async () => {
    const w = variable({name: 'w', shape: [2]});
    const step = compile(x, {updates: [[w, x]], guards: [stopIf(less(sum(x), 0))]});
    await step.run({x: [1, -0.5]});
    await expect(step.run({x: [1, -1.5]})).rejects.toMatchObject({
      code: 'ERR_ABORTED',
      message: 'run: ended by a condition of stopIf; nothing has been written.',
    });
    expect(step.store.read(w)).toEqual(Float32Array.of(1, -0.5));
  });

  it('names inputs that are missing or unknown', () => {
    const fn = compile(add(x, input({name: 'target', shape: [2]})));
    expect(() => fn.runSync({x: [1, 2]})).toThrow('run: the input target is missing.');
    expect(() => fn.runSync({x: [1, 2], targt: [1, 2]})).toThrow(
      'unknown input "targt". Did you mean "target"? Known: x, target.',
    );
  });

  it('refuses what is no graph', () => {
    expect(() => compile({y: 1 as never})).toThrow('compile: y must be a tensor. Received 1.');
    expect(() => compile(x, {update: []} as never)).toThrow(
      'unknown option "update". Did you mean "updates"?',
    );
    const [a, b] = ['a', 'b'].map(name => variable({name, shape: [2]}));
    if (!a || !b) throw new Error();
    compile(a.tensor);
    compile(b.tensor);
    expect(() => compile(add(a.tensor, b.tensor))).toThrow('lie in 2 different stores');
  });

  it('explains itself', () => {
    const w = variable({name: 'w', shape: [2, 1]});
    const loss = mean(square(sub(matmul(ops.reshape(x, [1, 2]), w.tensor), 1)));
    const [dw] = gradients(loss, [w.tensor]) as [typeof loss];
    const {fused} = compile(loss, {updates: [[w, sub(w.tensor, dw)]]}).explain();
    expect(fused).toMatchInlineSnapshot(`
      "t0 f32[1,2] = reshape(x)
      t1 f32[1,1] = matmul(t0, w)
      t2 f32[1,1] = map(t1) {%0 = sub(i0, 1); %0 = square(%0)}
      t3 f32[1] = reshape(t2)
      t4 f32[] = sum(t3) {axis: 0}
      t5 f32[1,1] = map(t1) {%0 = sub(i0, 1); %0 = mul(%0, 2)}
      t6 f32[2,1] = matmul(t0, t5) {transposeA}
      t7 f32[2,1] = map(w, t6) {%0 = sub(i0, i1)}
      output output0 = t4
      update w = t7"
    `);
  });
});
