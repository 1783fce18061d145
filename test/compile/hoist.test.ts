// What leaves loops, in front and behind, and what must not.
import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import type {Tensor} from '../../lib/core/tensor.ts';
import {gradients} from '../../lib/graph/autodiff.ts';
import * as ops from '../../lib/ops/index.ts';
import {compileProgram} from '../../lib/session/compile.ts';
import {compile} from '../../lib/session/function.ts';
import {VariableStore} from '../../lib/session/store.ts';
import {expectNear, Given, lossOf, named, type Outputs, recurrent} from '../ops/recurrent.ts';
import {deep} from '../support/child.ts';

/** `depth name` of the instructions of a plan, in order. */
function instructionsOf(outputs: Outputs): string[] {
  const {plan} = compileProgram({outputs, store: new VariableStore()});
  return plan.instructions.map(({depth, name}) => `${depth} ${name}`);
}

const productsIn = (outputs: Outputs): string[] =>
  instructionsOf(outputs).filter(text => text.endsWith('matmul'));

/** With what leaves loops and without: the same numbers, and the oracle's. */
function expectSame(given: Given, outputs: Outputs, room?: number): void {
  const moved = given.run(outputs);
  expectNear(moved, given.run(outputs, {passes: {move: false}}), room);
  expectNear(moved, given.exact(outputs), room);
}

describe('a recurrent net', () => {
  const size = {steps: 5, batch: 3, features: 4, units: 6};

  it('multiplies its inputs by their weights in front, in one product with its bias', () => {
    const {loop} = recurrent(new Given(), size);
    expect(instructionsOf({last: loop.last}).filter(text => !text.endsWith('copy'))).toEqual([
      '0 matmul',
      '1 matmul',
      '1 map',
    ]);
  });

  it('sums the gradients of weights behind, each in one product of all rows', () => {
    const {targets, loop} = recurrent(new Given(), size);
    const outputs = named(gradients(lossOf(loop), Object.values(targets)), Object.keys(targets));
    // x·W; h·U; dz·Uᵀ; then dx, dW and dU.
    expect(productsIn(outputs)).toEqual(['0', '1', '1', '0', '0', '0'].map(depth => `${depth} matmul`));
    expect(instructionsOf(outputs)).toContain('0 sum');
    expect(instructionsOf(outputs)).not.toContain('1 sum');
  });

  it('has a plan of constant size from three steps to a thousand, gradients included', () => {
    const words = [3, 7, 1000].map(steps => {
      const {targets, loop} = recurrent(new Given(), {...size, steps});
      const outputs = named(gradients(lossOf(loop), Object.values(targets)), Object.keys(targets));
      return compileProgram({outputs, store: new VariableStore()}).plan.words.length;
    });
    expect(new Set(words).size).toBe(1);
  });
});

describe('explain of a scan', () => {
  const size = {steps: 5, batch: 3, features: 4, units: 6};

  it('shows one product in front of the loop, and one product and one map in it', () => {
    const {loop} = recurrent(new Given(), size);
    expect(compile(loop).explain().plan).toMatchInlineSnapshot(`
      "state 0 bytes, arena 960 bytes, constants 0 bytes
      io[0]  input   h0       f32[3,6]
      io[1]  input   x        f32[5,3,4]
      io[2]  input   w        f32[4,6]
      io[3]  input   b        f32[6]
      io[4]  input   u        f32[6,6]
      io[5]  output  output0  f32[3,6]    each step
      io[6]  output  output1  f32[5,3,6]  each step
      compute
        0  t2 arena+448 f32[15,6] = matmul(t1 io[1] f32[15,4], w io[2] f32[4,6], b io[3] f32[6]) {bias}
        1  h0' arena+0 f32[3,6] = copy(h0 io[0] f32[3,6])
           5 times
        2    t5 arena+832 f32[3,6] = matmul(carry arena+0 f32[3,6], u io[4] f32[6,6],
                 slice arena+448 f32[3,6]) {map: add}
        3    t4 arena+72 f32[3,6] = map(t5 arena+832 f32[3,6]) {%0 = tanh(i0)}
        4  output0 io[5] f32[3,6] = copy(t6 arena+360 f32[3,6])
        5  output1 io[6] f32[5,3,6] = copy(t7 arena+72 f32[5,3,6])"
    `);
  });

  it('shows the loop of the gradient, and behind it one product for each kernel', () => {
    const {targets, loop} = recurrent(new Given(), size);
    const {w, u, b} = targets;
    const outputs = named(gradients(lossOf(loop), [w, u, b]), ['w', 'u', 'b']);
    expect(compile(outputs).explain().plan).toMatchInlineSnapshot(`
      "state 0 bytes, arena 2112 bytes, constants 0 bytes
      io[0]  input   x        f32[5,3,4]
      io[1]  input   h0       f32[3,6]
      io[2]  input   w        f32[4,6]
      io[3]  input   b        f32[6]
      io[4]  input   u        f32[6,6]
      io[5]  output  output0  f32[4,6]    each step
      io[6]  output  output1  f32[6,6]    each step
      io[7]  output  output2  f32[6]      each step
      compute
        0  t3 arena+1600 f32[3,6] = map() {%0 = broadcastTo(0.3)}
        1  t4 arena+448 f32[15,6] = matmul(t2 io[0] f32[15,4], w io[2] f32[4,6], b io[3] f32[6]) {bias}
        2  h0' arena+0 f32[3,6] = copy(h0 io[1] f32[3,6])
           5 times
        3    t7 arena+1984 f32[3,6] = matmul(carry arena+0 f32[3,6], u io[4] f32[6,6],
                 slice arena+448 f32[3,6]) {map: add}
        4    t6 arena+72 f32[3,6] = map(t7 arena+1984 f32[3,6]) {%0 = tanh(i0)}
        5  t9 arena+832 f32[5,3,6] = map(t8 arena+72 f32[5,3,6]) {%0 = mul(i0, 2)}
        6  t12 arena+1792 f32[6,6] = transpose(u io[4] f32[6,6]) {permutation: [1,0]}
           5 times
        7    t15 arena+1504 f32[3,6] = map(carry arena+1600 f32[3,6], slice arena+1120 f32[3,6],
                 slice arena+360 f32[3,6]) {%0 = add(i0, i1); %0 = tanhGrad(%0, i2)}
        8    t13 arena+1672 f32[3,6] = matmul(t15 arena+1504 f32[3,6], t12 arena+1792 f32[6,6])
        9  t17 io[5] f32[4,6] = matmul(t2 io[0] f32[15,4], t16 arena+1216 f32[15,6]) {transposeA}
       10  t18 io[6] f32[6,6] = matmul(t11 arena+0 f32[15,6], t16 arena+1216 f32[15,6]) {transposeA}
       11  t19 io[7] f32[6] = sum(t16 arena+1216 f32[15,6]) {axis: 0}"
    `);
  });
});

describe('in front of a loop', () => {
  it('goes a product of batches, with what it needs and what follows', () => {
    const given = new Given();
    const [x, w, scale] = [given.input('x', 4, 2, 3, 5), given.input('w', 5, 6), given.input('s', 6)];
    const {outputs} = ops.scan(
      ([h], [xt]) => {
        const z = ops.relu(ops.mul(ops.matmul(ops.tanh(xt), w), scale));
        const next = ops.add(h, z);
        return {carries: [next], outputs: [next]};
      },
      {carries: [given.input('h', 2, 3, 6)], sequences: [x], reverse: true},
    );
    expect(productsIn({y: outputs[0]})).toEqual(['0 matmul']);
    expect(given.run({y: outputs[0]})).toEqual(given.run({y: outputs[0]}, {passes: {move: false}}));
    expectSame(given, {y: outputs[0]});
  });

  it.each([
    ['aᵀ·b', (x: Tensor, w: Tensor) => ops.matmul(x, w, {transposeA: true})],
    ['b·a', (x: Tensor, w: Tensor) => ops.matmul(w, x)],
    [
      'a·bᵀ of a transposed view',
      (x: Tensor, w: Tensor) => ops.matmul(ops.transpose(x), w, {transposeB: true}),
    ],
    ['a row', (x: Tensor, w: Tensor) => ops.matmul(ops.reshape(x, [1, 25]), ops.reshape(w, [25, 1]))],
  ] as const)('goes %s, to the bit', (_, product) => {
    const given = new Given();
    const [x, w] = [given.input('x', 3, 5, 5), given.input('w', 5, 5)];
    const {outputs} = ops.scan(
      ([h], [xt]) => {
        const next = ops.tanh(ops.add(h, product(xt, w)));
        return {carries: [next], outputs: [next]};
      },
      {carries: [given.input('h', 5, 5)], sequences: [x]},
    );
    expect(productsIn({y: outputs[0]})).toEqual(['0 matmul']);
    expect(given.run({y: outputs[0]})).toEqual(given.run({y: outputs[0]}, {passes: {move: false}}));
    expectSame(given, {y: outputs[0]});
  });

  it('goes from a loop in a loop as far as it can', () => {
    const given = new Given();
    const [x, w] = [given.input('x', 3, 4, 2, 5), given.input('w', 5, 5)];
    const {carries} = ops.scan(
      ([h], [rows]) => ({
        carries: ops.scan(([g], [row]) => ({carries: [ops.tanh(ops.add(g, ops.matmul(row, w)))]}), {
          carries: [h],
          sequences: [rows],
        }).carries,
      }),
      {carries: [given.input('h', 2, 5)], sequences: [x]},
    );
    expect(productsIn({total: carries[0]})).toEqual(['0 matmul']);
    const outputs = {last: carries[0], ...named(gradients(ops.sum(carries[0]), [x, w]), ['x', 'w'])};
    expectSame(given, outputs);
  });

  it('goes nothing that depends on a carry, draws random numbers, or is only elementwise', () => {
    const given = new Given();
    const [x, w] = [given.input('x', 4, 3, 5), given.input('w', 5, 5)];
    const source = {seed: given.int32('seed', 3, 4), step: given.int32('step', 9), stream: 5};
    const {outputs} = ops.scan(
      ([h], [xt]) => {
        const kept = ops.dropout(xt, 0.5, source);
        const next = ops.add(ops.matmul(ops.add(h, ops.mul(xt, 2)), w), kept);
        return {carries: [next], outputs: [next]};
      },
      {carries: [given.input('h', 3, 5)], sequences: [x]},
    );
    expect(productsIn({y: outputs[0]})).toEqual(['1 matmul']);
  });
});

describe('behind a loop', () => {
  const sums = (given: Given, start: Tensor, more: (sum: Tensor) => readonly Tensor[]) => {
    const [x, y] = [given.input('x', 4, 3, 5), given.input('y', 4, 3, 6)];
    return ops.scan(
      ([sum], [xt, yt]) => {
        const next = ops.add(sum, ops.matmul(xt, yt, {transposeA: true}));
        return {carries: [next], outputs: more(next)};
      },
      {carries: [start], sequences: [x, y]},
    );
  };

  it('goes a sum, with what it begins with', () => {
    const given = new Given();
    const {carries} = sums(given, given.input('start', 5, 6), () => []);
    expect(instructionsOf({total: carries[0]})).toEqual(['0 matmul']);
    expectSame(given, {total: carries[0]});
  });

  it('goes no sum that an iteration gives', () => {
    const given = new Given();
    const {carries, outputs} = sums(given, ops.zeros([5, 6]), sum => [sum]);
    const both = {total: carries[0], all: outputs[0] as Tensor};
    expect(productsIn(both)).toEqual(['1 matmul']);
    expectSame(given, both);
  });

  it('goes a product that is only stacked, with what follows', () => {
    const given = new Given();
    const [x, w] = [given.input('x', 4, 3, 5), given.input('w', 5, 2)];
    const {outputs} = ops.scan(
      ([h], [xt]) => {
        const next = ops.tanh(ops.add(h, xt));
        return {carries: [next], outputs: [ops.sigmoid(ops.matmul(next, w)), next]};
      },
      {carries: [given.input('h', 3, 5)], sequences: [x]},
    );
    const all = {stacked: outputs[0], states: outputs[1]};
    expect(productsIn(all)).toEqual(['0 matmul']);
    expect(given.run(all)).toEqual(given.run(all, {passes: {move: false}}));
    expectSame(given, all);
  });
});

describe('loops at random', () => {
  type Make = (a: Tensor, b: Tensor, w: Tensor) => Tensor;
  const makers: readonly Make[] = [
    a => ops.tanh(a),
    a => ops.transpose(a),
    (a, b) => ops.add(a, b),
    (a, b) => ops.mul(ops.tanh(a), b),
    (a, _, w) => ops.matmul(a, w),
    (a, _, w) => ops.matmul(w, a),
    (a, _, w) => ops.matmul(a, w, {transposeA: true, transposeB: true}),
    (a, b) => ops.matmul(ops.tanh(a), ops.tanh(b), {transposeA: true}),
    a => ops.broadcastTo(ops.sum(a, 0), a.shape),
    a => ops.reshape(ops.reshape(a, [a.size]), a.shape),
    (a, _, w) => ops.add(ops.tanh(ops.matmul(a, w)), ops.sum(w, 0)),
  ];
  const recipe = fc.record({
    steps: fc.integer({min: 1, max: 4}),
    reverse: fc.boolean(),
    calls: fc.array(fc.record({op: fc.nat(), a: fc.nat(), b: fc.nat()}), {minLength: 1, maxLength: 9}),
    carried: fc.nat(),
    summed: fc.nat(),
    given: fc.nat(),
  });

  it('have the numbers that they have when nothing moves, and so have their gradients', () => {
    fc.assert(
      fc.property(recipe, ({steps, reverse, calls, carried, summed, given: last}) => {
        const given = new Given();
        const [x, w] = [given.input('x', steps, 3, 3), given.input('w', 3, 3)];
        const pick = (list: readonly Tensor[], number: number): Tensor =>
          list[list.length - 1 - (number % list.length)] as Tensor;
        const {carries, outputs} = ops.scan(
          ([h, sum], [xt]) => {
            const made: Tensor[] = [h, xt];
            for (const {op, a, b} of calls)
              made.push((makers[op % makers.length] as Make)(pick(made, a), pick(made, b), w));
            return {
              carries: [ops.tanh(pick(made, carried)), ops.add(sum, pick(made, summed))],
              outputs: [pick(made, last)],
            };
          },
          {carries: [given.input('h', 3, 3), ops.zeros([3, 3])], sequences: [x], reverse},
        );
        const all = {last: carries[0], total: carries[1], all: outputs[0]};
        const loss = ops.sum(ops.tanh(ops.add(ops.sum(outputs[0], 0), ops.add(carries[0], carries[1]))));
        expectSame(given, {...all, ...named(gradients(loss, [x, w]), ['x', 'w'])}, 2e-5);
      }),
      {numRuns: deep ? 2000 : 40, seed: deep ? Date.now() & 0x7fffffff : 7},
    );
  });
});
