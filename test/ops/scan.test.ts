// Loops in graphs, beside the same graphs unrolled, and beside the oracle.
import {describe, expect, it} from 'vitest';
import type {TypedArray} from '../../lib/core/dtype.ts';
import {input, type Tensor, variable} from '../../lib/core/tensor.ts';
import {gradients, hessianVectorProduct} from '../../lib/graph/autodiff.ts';
import * as ops from '../../lib/ops/index.ts';
import {setThreads} from '../../lib/runtime/program.ts';
import {compileProgram} from '../../lib/session/compile.ts';
import {evaluateSync} from '../../lib/session/evaluate.ts';
import {VariableStore} from '../../lib/session/store.ts';
import {isas} from '../conformance/native.ts';
import {expectNear, Given, lossOf, named, type Outputs, recurrent, type Sizes} from './recurrent.ts';

const sizes: Sizes[] = [
  {steps: 1, batch: 3, features: 4, units: 6},
  {steps: 2, batch: 1, features: 1, units: 1},
  {steps: 5, batch: 3, features: 4, units: 6},
  {steps: 7, batch: 33, features: 17, units: 65},
];

describe.each([false, true])('a recurrent net as a loop, in reverse: %s', reverse => {
  it.each(sizes)('has the bits of the same net unrolled: %j', size => {
    const given = new Given();
    const {loop, unrolled} = recurrent(given, size, reverse);
    expect(given.run(loop)).toEqual(given.run(unrolled));
  });

  it.each(sizes)('has its gradients: %j', size => {
    const given = new Given();
    const {targets, loop, unrolled} = recurrent(given, size, reverse);
    const [list, names] = [Object.values(targets), Object.keys(targets)];
    const wanted = given.run(named(gradients(lossOf(unrolled), list), names));
    const outputs = named(gradients(lossOf(loop), list), names);
    expectNear(given.run(outputs), wanted);
    expectNear(given.run(outputs), given.exact(outputs));
  });

  it('of a thousand steps has what the oracle says, gradients too', () => {
    const given = new Given();
    const {targets, loop} = recurrent(given, {steps: 1000, batch: 2, features: 3, units: 4}, reverse);
    const outputs = {
      ...loop,
      ...named(gradients(lossOf(loop), Object.values(targets)), Object.keys(targets)),
    };
    expectNear(given.run(outputs), given.exact(outputs), 1e-4);
  });

  it('has gradients of gradients', () => {
    const given = new Given();
    const {targets, loop, unrolled} = recurrent(given, {steps: 4, batch: 3, features: 2, units: 5}, reverse);
    const [list, names] = [Object.values(targets), Object.keys(targets)];
    const vector = list.map(({shape}, index) => given.input(`v${index}`, ...shape));
    const second = (net: typeof loop): Outputs =>
      named(hessianVectorProduct(lossOf(net), list, vector), names);
    expectNear(given.run(second(loop)), given.run(second(unrolled)), 3e-5);
    expectNear(given.run(second(loop)), given.exact(second(loop)), 3e-5);
  });
});

it('has the same bits on every instruction set, number of threads, with and without passes', async () => {
  const given = new Given();
  const {targets, loop} = recurrent(given, {steps: 6, batch: 70, features: 30, units: 90});
  const outputs = {...loop, ...named(gradients(lossOf(loop), Object.values(targets)), Object.keys(targets))};
  const wanted = given.run(outputs);
  for (const isa of isas) expect(given.run(outputs, {isa})).toEqual(wanted);
  for (const passes of [{fuse: false}, {inPlace: false}])
    expect(given.run(outputs, {passes})).toEqual(wanted);
  const program = compileProgram({outputs, store: new VariableStore()});
  for (const threads of [1, 2, 3, 5]) {
    setThreads(threads);
    for (let time = 0; time < 3; time++) {
      expect({...(await program.run(given.arrays)).outputs}).toEqual(wanted);
    }
  }
});

describe('a loop', () => {
  it('swaps carries, keeps one as it is, and adds to one in place', () => {
    const given = new Given();
    const [a, b, c] = [given.input('a', 5), given.input('b', 5), given.input('c', 5)];
    for (const length of [0, 1, 2, 3, 8]) {
      const {carries, outputs} = ops.scan(
        ([x, y, same, sum]) => ({carries: [y, x, same, ops.add(sum, ops.mul(x, same))], outputs: [x, same]}),
        {carries: [a, b, c, ops.zeros([5])], length},
      );
      const results = named([...carries, ...outputs], ['x', 'y', 'same', 'sum', 'xs', 'sames']);
      expectNear(given.run(results), given.exact(results), 1e-6);
    }
  });

  it('over no slices gives its carries as they were, and outputs of none', () => {
    const given = new Given();
    const [a, xs] = [given.input('a', 2, 3), given.input('xs', 1, 2, 3)];
    const run = (sequence: Tensor): Record<string, Tensor> => {
      const {carries, outputs} = ops.scan(
        ([h], [x]) => ({carries: [ops.maximum(ops.add(h, x), -1)], outputs: [ops.mul(h, x), ops.less(h, x)]}),
        {carries: [ops.mul(a, 2)], sequences: [sequence]},
      );
      const [y, truth] = outputs;
      const [dx] = gradients(ops.sum(ops.square(carries[0])), [a]) as [Tensor];
      return {last: carries[0], y, truth, dx};
    };
    const none = run(ops.slice(xs, 0, 1, 0));
    expect(none.y?.shape).toEqual([0, 2, 3]);
    expect(none.truth?.dtype).toBe('bool');
    const {last, y, dx} = given.run(none);
    const doubled = ops.mul(a, 2);
    expect({last, dx}).toEqual(given.run({last: doubled, dx: ops.mul(a, 8)}));
    expect(y).toEqual(new Float32Array(0));
    const empty = input({name: 'empty', shape: [0, 2, 3]});
    expect(
      evaluateSync(run(empty).last as Tensor, {
        a: [
          [1, 2, 3],
          [4, 5, 6],
        ],
        empty: [],
      }).data,
    ).toEqual(Float32Array.of(2, 4, 6, 8, 10, 12));
  });

  it('gives views, numbers and what was made outside', () => {
    const given = new Given();
    const [x, c] = [given.input('x', 3, 2, 4), given.input('c', 8)];
    const {carries, outputs} = ops.scan(
      ([h], [slice], number) => {
        const flat = ops.reshape(slice, [8]);
        const next = ops.reshape(ops.add(ops.reshape(h, [8]), flat), [2, 4]);
        return {
          carries: [next],
          outputs: [
            flat,
            c,
            ops.zeros([2]),
            ops.mul(ops.cast(number, 'float32'), 2),
            ops.transpose(next),
            next,
          ],
        };
      },
      {carries: [ops.zeros([2, 4])], sequences: [x], reverse: true},
    );
    const results = named([...carries, ...outputs], ['last', 'flat', 'c', 'zero', 'number', 'turned', 'all']);
    expectNear(given.run(results), given.exact(results), 1e-6);
    expect([...(given.run(results)['of number'] as TypedArray)]).toEqual([0, 2, 4]);
  });

  it('in a loop, whose gradients flow as well', () => {
    const given = new Given();
    const [x, w, h0] = [given.input('x', 3, 4, 2, 5), given.input('w', 5, 5), given.input('h0', 2, 5)];
    const {
      carries: [last],
      outputs: [rows],
    } = ops.scan(
      ([h], [row], outer) => {
        const inner = ops.scan(
          ([state], [slice], number) => {
            const scaled = ops.mul(
              ops.add(state, slice),
              ops.add(1, ops.cast(ops.add(0, ops.cast(number, 'float32')), 'float32')),
            );
            const next = ops.tanh(ops.matmul(scaled, w));
            return {carries: [next], outputs: [ops.sum(next, 1)]};
          },
          {carries: [ops.mul(h, 0.5)], sequences: [row], reverse: true},
        );
        return {
          carries: [ops.add(inner.carries[0], ops.cast(outer, 'float32'))],
          outputs: [inner.outputs[0]],
        };
      },
      {carries: [h0], sequences: [x]},
    );
    const loss = ops.add(ops.sum(ops.square(last)), ops.sum(ops.square(rows)));
    const targets = [x, w, h0];
    const first = gradients(loss, targets);
    const results = {last, rows, ...named(first, ['dx', 'dw', 'dh'])};
    expectNear(given.run(results), given.exact(results), 1e-4);
    const vector = targets.map(({shape}, index) => given.input(`v${index}`, ...shape));
    const second = named(hessianVectorProduct(loss, targets, vector), ['x', 'w', 'h']);
    expectNear(given.run(second), given.exact(second), 1e-3);
  });

  it('draws other numbers in each iteration, which the gradient finds again', () => {
    const given = new Given();
    const x = given.input('x', 6, 40);
    const source = {seed: given.int32('seed', 3, 4), step: given.int32('step', 9), stream: 5};
    const {outputs} = ops.scan((_, [slice]) => ({outputs: [ops.dropout(slice, 0.5, source)]}), {
      sequences: [x],
    });
    const [dx] = gradients(ops.sum(outputs[0]), [x]) as [Tensor];
    const results = {y: outputs[0], dx};
    const found = given.run(results);
    expectNear(found, given.exact(results), 1e-6);
    const masks = Array.from({length: 6}, (_, row) =>
      [...(found.dx as TypedArray).subarray(row * 40, row * 40 + 40)].join(),
    );
    expect(new Set(masks).size).toBe(6);
    expect(
      [...(found.y as TypedArray)].every(
        (y, at) => y === (found.dx?.[at] as number) * (given.arrays.x?.[at] as number),
      ),
    ).toBe(true);
  });

  it('of a thousand iterations has as long a plan as one of three', () => {
    const words = [3, 1000].map(steps => {
      const {targets, loop} = recurrent(new Given(), {steps, batch: 2, features: 3, units: 4});
      const outputs = named(gradients(lossOf(loop), Object.values(targets)), Object.keys(targets));
      return compileProgram({outputs, store: new VariableStore()}).plan.words.length;
    });
    expect(words[0]).toBe(words[1]);
  });

  it('writes into a carry in place', () => {
    const given = new Given();
    const [x, buffer] = [given.input('x', 4, 1, 3), given.input('buffer', 6, 3)];
    const {carries} = ops.scan(
      ([all], [row], number) => {
        const place = ops.cast(
          ops.mul(ops.add(ops.cast(number, 'float32'), 1), Float32Array.of(1, 0).length > 1 ? 1 : 1),
          'int32',
        );
        const starts = ops.cast(
          ops.mul(ops.cast(ops.reshape(place, [1]), 'float32'), ops.constant(Float32Array.of(1, 0), [2])),
          'int32',
        );
        return {carries: [ops.dynamicUpdateSlice(all, row, starts)]};
      },
      {carries: [buffer], sequences: [x]},
    );
    const [dx, db] = gradients(ops.sum(ops.square(carries[0])), [x, buffer]) as [Tensor, Tensor];
    const results = {y: carries[0], dx, db};
    expectNear(given.run(results), given.exact(results), 1e-6);
    const {plan} = compileProgram({outputs: {y: carries[0]}, store: new VariableStore()});
    const update = plan.instructions.find(({name}) => name === 'dynamicUpdateSlice');
    const place = (text: string | undefined): string | undefined => /arena\+\d+/.exec(text ?? '')?.[0];
    expect(place(update?.outputs[0])).toBe(place(update?.inputs[0]));
  });

  it('updates a variable with the commit, as a carry', () => {
    const store = new VariableStore();
    const count = variable({name: 'count', shape: [2], trainable: false});
    store.add([count]);
    const {carries} = ops.scan(([c]) => ({carries: [ops.add(ops.mul(c, 2), 1)]}), {
      carries: [count.tensor],
      length: 5,
    });
    const program = compileProgram({outputs: {}, updates: [[count, carries[0]]], store});
    program.runSync({}, {steps: 2});
    expect([...store.read(count)]).toEqual([1023, 1023]);
  });
});

describe('a scan refuses', () => {
  const x = ops.input({name: 'x', shape: [3, 4]});
  it.each<[string, RegExp, () => unknown]>([
    [
      'sequences of other lengths',
      /same leading axis, here 3: sequence 1 has \[2\]/,
      () => ops.scan(() => ({}), {sequences: [x, ops.zeros([2])]}),
    ],
    ['no length', /length must be an integer/, () => ops.scan(() => ({}))],
    [
      'another length',
      /the length is 4, but sequences have 3/,
      () => ops.scan(() => ({}), {sequences: [x], length: 4}),
    ],
    [
      'a scalar as a sequence',
      /length must be an integer/,
      () => ops.scan(() => ({}), {sequences: [ops.zeros([])]}),
    ],
    [
      'a carry that changes its shape',
      /carry 0 is float32\[2\] at first, and the body makes float32\[3\]/,
      () => ops.scan(() => ({carries: [ops.zeros([3])]}), {carries: [ops.zeros([2])], length: 2}),
    ],
    [
      'a carry too few',
      /must give 1 carries. Received 0/,
      () => ops.scan(() => ({}) as never, {carries: [x], length: 2}),
    ],
    [
      'what is no tensor',
      /outputs\[0\] must be a tensor/,
      () => ops.scan(() => ({outputs: [1 as never]}), {length: 2}),
    ],
    ['an option that there is not', /steps/, () => ops.scan(() => ({}), {steps: 2} as never)],
  ])('%s', (_, why, build) => {
    expect(build).toThrow(why);
  });

  it('what leaves its body by another way', () => {
    let inner = x;
    ops.scan(
      ([h]) => {
        inner = ops.neg(h);
        return {carries: [inner]};
      },
      {carries: [x], length: 2},
    );
    expect(() => compileProgram({outputs: {inner}, store: new VariableStore()})).toThrow(
      /nothing else of its body/,
    );
  });
});
