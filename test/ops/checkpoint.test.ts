// Checkpoints: gradients of what is made again have the bits of gradients of what was kept, and the memory of
// one part at a time.
import {describe, expect, it} from 'vitest';
import {printPlan} from '../../lib/compile/listing.ts';
import {input, type Tensor, type Variable, variable} from '../../lib/core/tensor.ts';
import {gradients} from '../../lib/graph/autodiff.ts';
import {evaluate} from '../../lib/index.ts';
import * as ops from '../../lib/ops/index.ts';
import {compileProgram} from '../../lib/session/compile.ts';
import {VariableStore} from '../../lib/session/store.ts';
import type {Program} from '../conformance/build.ts';
import {exactly, type Operand, reals} from '../conformance/data.ts';
import {expectSameBits, isas, runNative} from '../conformance/native.ts';

const [batch, width] = [64, 24];

type Part = (x: Tensor, index: number, weights: readonly Tensor[], source: Source) => Tensor;
type Source = {seed: Tensor; step: Tensor; stream: number};

/** A block of a deep net: normalized, wide, with dropout. */
const block: Part = (x, index, weights, source) => {
  const [w, v] = weights.slice(2 * index, 2 * index + 2) as [Tensor, Tensor];
  const wide = ops.tanh(ops.matmul(ops.square(x), w));
  const kept = ops.dropout(ops.mul(wide, ops.sigmoid(wide)), 0.25, {...source, stream: 40 + index});
  return ops.add(x, ops.mul(ops.matmul(kept, v), 0.3));
};

interface Net extends Program {
  readonly arenaBytes: () => number;
}

/** Loss and gradients of some blocks, each checkpointed or not. */
function net(part: Part, isCheckpointed: boolean, count = 6): Net {
  const own = Array.from({length: 2 * count}, (_, index): [Variable, Operand] => {
    const shape = index % 2 === 0 ? [width, 4 * width] : [4 * width, width];
    return [variable({name: `w${index}`, shape}), data[index] as Operand];
  });
  const x = input({name: 'x', shape: [batch, width]});
  const source = {
    seed: input({name: 'seed', shape: [2], dtype: 'int32'}),
    step: input({name: 'step', shape: [1], dtype: 'int32'}),
    stream: 0,
  };
  const weights = own.map(([{tensor}]) => tensor);
  let y: Tensor = x;
  for (let index = 0; index < count; index++) {
    const f = (z: Tensor): Tensor => part(z, index, weights, source);
    y = isCheckpointed ? ops.checkpoint(f)(y) : f(y);
  }
  const loss = ops.mean(ops.square(y));
  const found = gradients(loss, [x, ...weights]);
  const outputs = {loss, ...Object.fromEntries(found.map((gradient, index) => [`g${index}`, gradient]))};
  const int32 = (values: number[]): Operand => ({
    data: Int32Array.from(values),
    shape: [values.length],
    dtype: 'int32',
  });
  return {
    outputs,
    updates: [],
    inputs: [
      [x, given],
      [source.seed, int32([7, 9])],
      [source.step, int32([3])],
    ],
    variables: own,
    arenaBytes: () => {
      const store = new VariableStore();
      store.add(own.map(([each]) => each));
      return compileProgram({outputs, store}).plan.arenaBytes;
    },
  };
}

const data = Array.from({length: 12}, (_, index) =>
  reals(index % 2 === 0 ? [width, 4 * width] : [4 * width, width], -0.3, 0.3),
);
const given = reals([batch, width], -1, 1);

describe('checkpoint', () => {
  it.each(isas)('changes no bit of loss and gradients, on %s', isa => {
    const kept = runNative(net(block, false), {isa});
    const again = runNative(net(block, true), {isa});
    for (const [name, values] of Object.entries(kept)) expectSameBits(again[name] as never, values, name);
  });

  it('drops the same units again, by drawing the same numbers', () => {
    const program = net(block, true, 2);
    const store = new VariableStore();
    store.add(program.variables.map(([own]) => own));
    const {plan} = compileProgram({outputs: program.outputs, store});
    // Forward and again.
    expect(plan.instructions.filter(({name}) => name === 'randomBernoulli').length).toBe(4);
  });

  it('takes at most half of the memory of six blocks', () => {
    const [kept, again] = [net(block, false).arenaBytes(), net(block, true).arenaBytes()];
    expect(again).toBeLessThanOrEqual(kept / 2);
  });

  it('takes and gives several tensors, of which some are not asked for', async () => {
    const [a, b, w] = ['a', 'b', 'w'].map(name => input({name, shape: [3, 3]})) as [Tensor, Tensor, Tensor];
    const values = {a: reals([3, 3]).data, b: reals([3, 3]).data, w: reals([3, 3]).data};
    const f = (x: Tensor, y: Tensor) => {
      const z = ops.tanh(ops.matmul(x, w));
      return {sum: ops.add(z, y), product: ops.mul(z, y), unused: ops.exp(z)};
    };
    const lossOf = (g: (x: Tensor, y: Tensor) => readonly Tensor[]) => {
      const [sum, product] = g(a, b) as [Tensor, Tensor];
      return ops.add(ops.sum(ops.square(sum)), ops.sum(ops.mul(product, a)));
    };
    const list = (x: Tensor, y: Tensor): readonly Tensor[] => Object.values(f(x, y));
    const [kept, again] = await Promise.all(
      [list, ops.checkpoint(list)].map(g => {
        const loss = lossOf(g as typeof list);
        return evaluate([loss, ...gradients(loss, [a, b, w])] as never, values as never);
      }),
    );
    expect(again).toEqual(kept);
  });

  it('stands in itself, in a loop, and around one', async () => {
    const [x, w] = [input({name: 'x', shape: [5, 4, 6]}), input({name: 'w', shape: [6, 6]})];
    const values = {x: reals([5, 4, 6]).data, w: reals([6, 6]).data};
    type Wrap = (f: (...inputs: Tensor[]) => Tensor) => (...inputs: Tensor[]) => Tensor;
    const cell = (wrap: Wrap) =>
      wrap((h, xt) => wrap(z => ops.tanh(z))(ops.add(ops.matmul(h as Tensor, w), xt as Tensor)) as Tensor);
    const loop = (wrap: Wrap, outer: Wrap) =>
      outer(sequence => {
        const step = cell(wrap);
        const {carries} = ops.scan(([h], [xt]) => ({carries: [step(h as Tensor, xt as Tensor)]}), {
          carries: [ops.zeros([4, 6])],
          sequences: [sequence as Tensor],
        });
        return carries[0];
      });
    const plain: Wrap = f => f;
    const checkpointed: Wrap = f => ops.checkpoint(f as never) as never;
    const results = await Promise.all(
      [
        [plain, plain],
        [checkpointed, plain],
        [plain, checkpointed],
        [checkpointed, checkpointed],
      ].map(([inner, outer]) => {
        const loss = ops.sum(ops.square(loop(inner as Wrap, outer as Wrap)(x)));
        return evaluate([loss, ...gradients(loss, [x, w])] as never, values as never);
      }),
    );
    for (const other of results.slice(1)) expect(other).toEqual(results[0]);
  });

  it('can be differentiated twice', async () => {
    const x = input({name: 'x', shape: [7]});
    const values = {x: reals([7]).data};
    const f = (z: Tensor): Tensor => ops.mul(ops.sin(z), ops.exp(ops.mul(z, 0.3)));
    const twice = (g: typeof f) => {
      const [first] = gradients(ops.sum(g(x)), [x]) as [Tensor];
      return evaluate([first, ...gradients(ops.sum(ops.square(first)), [x])] as never, values as never);
    };
    expect(await twice(ops.checkpoint(f))).toEqual(await twice(f));
  });

  it('makes again what functions with gradients of their own keep', () => {
    const own = ops.customGradient((z: Tensor) => {
      const power = ops.exp(z);
      return {value: ops.mul(power, 1), gradient: (dy: Tensor) => ops.mul(dy, power)};
    });
    const part: Part = (z, index, weights) => {
      const [w, v] = weights.slice(2 * index, 2 * index + 2) as [Tensor, Tensor];
      return ops.tanh(ops.matmul(own(ops.tanh(ops.matmul(z, w))), v));
    };
    const [kept, again] = [net(part, false), net(part, true)];
    const [a, b] = [runNative(kept), runNative(again)];
    for (const [name, values] of Object.entries(a)) expectSameBits(b[name] as never, values, name);
    expect(again.arenaBytes()).toBeLessThanOrEqual(kept.arenaBytes() * 0.6);
  });

  it('keeps what it was given apart from what it is given again', () => {
    // Without a barrier the second computation would be the first.
    const [x] = [input({name: 'x', shape: [4]})];
    const y = ops.checkpoint((z: Tensor) => ops.exp(ops.sin(z)))(x);
    const [dx] = gradients(ops.sum(ops.square(y)), [x]) as [Tensor];
    const {plan} = compileProgram({outputs: {y, dx}, store: new VariableStore()});
    expect(printPlan(plan).match(/\bsin\(/g)?.length).toBe(2);
    const values = exactly([0.1, 0.2, 0.3, 0.4], [4]);
    expect(runNative({outputs: {dx}, updates: [], inputs: [[x, values]], variables: []}).dx?.length).toBe(4);
  });

  it.each([
    [/expected a function of tensors\. Received 3/, () => ops.checkpoint(3 as never)],
    [/input 0 must be a tensor/, () => ops.checkpoint((z: Tensor) => z)(1 as never)],
    [/result 0 must be a tensor/, () => ops.checkpoint((() => 1) as never)()],
    [/must give one tensor or more/, () => ops.checkpoint((() => []) as never)()],
  ])('says what is wrong: %s', (message, act) => {
    expect(act).toThrow(message);
  });
});
