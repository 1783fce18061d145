// Guards of what loops compute: which failed first, in which iteration, at which position.
import {expect, it} from 'vitest';
import * as ops from '../../lib/ops/index.ts';
import {setThreads} from '../../lib/runtime/program.ts';
import {compileProgram} from '../../lib/session/compile.ts';
import {VariableStore} from '../../lib/session/store.ts';
import {Given} from './recurrent.ts';

it('tells in which iteration a guard failed, and where the first number that is not finite arose', () => {
  const given = new Given();
  const x = given.input('x', 5, 4, 3);
  const labels = ops.input({name: 'labels', shape: [5, 4], dtype: 'int32'});
  given.arrays.labels = Int32Array.of(0, 1, 2, 0, 0, 1, 2, 0, 0, 1, 9, 0, 0, 7, 2, 0, 0, 1, 2, 0);
  const {outputs} = ops.scan((_, [row, label]) => ({outputs: [ops.pickClass(row, label)]}), {
    sequences: [x, labels],
  });
  const program = compileProgram({outputs: {y: outputs[0]}, store: new VariableStore()});
  const {guard} = program.runSync(given.arrays);
  expect(guard).toMatchObject({
    kind: 'labelOutOfRange',
    iteration: 2,
    position: 2,
    value: 9,
    source: 'labels',
  });
});

it.each([1, 2, 3])('on %i threads finds the iteration that is not finite', async threads => {
  setThreads(threads);
  const given = new Given();
  const h0 = given.input('h0', 300, 90);
  const w = given.input('w', 90, 90);
  const {outputs} = ops.scan(
    ([h], _, number) => {
      const bad = ops.div(1, ops.sub(7, ops.cast(number, 'float32')));
      const next = ops.tanh(ops.matmul(h, w));
      return {carries: [next], outputs: [ops.mul(ops.sum(next), bad)]};
    },
    {carries: [h0], length: 12},
  );
  const guards = [ops.finite(outputs[0])];
  const program = compileProgram({outputs: {y: outputs[0]}, guards, store: new VariableStore()});
  const {guard, anomaly} = await program.run(given.arrays);
  expect(guard?.kind).toBe('notFinite');
  expect(anomaly?.iteration).toBe(7);
});

it.each([1, 2, 3])(
  'in reverse, on %i threads, finds the slice that was the first not to be finite',
  async threads => {
    setThreads(threads);
    const given = new Given();
    const x = given.input('x', 12, 4);
    const {outputs} = ops.scan(
      ([h], [row], number) => {
        // Infinite at slice 7, and in all that are read after it.
        const next = ops.add(h, ops.div(row, ops.sub(7, ops.cast(number, 'float32'))));
        return {carries: [next], outputs: [ops.finite(next)]};
      },
      {carries: [ops.zeros([4])], sequences: [x], reverse: true},
    );
    const program = compileProgram({outputs: {}, guards: [outputs[0]], store: new VariableStore()});
    const {guard, anomaly} = await program.run(given.arrays);
    expect(guard?.kind).toBe('notFinite');
    expect(anomaly?.iteration).toBe(7);
  },
);

it.each([false, true])('tells of labels by their place, in reverse: %s', reverse => {
  const given = new Given();
  const [x, labels] = [given.input('x', 5, 2, 3), given.labels('labels', [5, 2], {7: 9})];
  const {outputs} = ops.scan((_, [row, label]) => ({outputs: [ops.pickClass(row, label)]}), {
    sequences: [x, labels],
    reverse,
  });
  const program = compileProgram({outputs: {y: outputs[0]}, store: new VariableStore()});
  const wanted = {kind: 'labelOutOfRange', iteration: 3, position: 1, value: 9, source: 'labels'};
  expect(program.runSync(given.arrays).guard).toMatchObject(wanted);
});

it('in a loop counts the iterations of both', () => {
  const given = new Given();
  const x = given.input('x', 3, 4, 2, 3);
  const labels = given.labels('labels', [3, 4, 2], {13: 5, 20: 8});
  const {outputs} = ops.scan(
    (_, [rows, own]) => {
      const inner = ops.scan((__, [row, label]) => ({outputs: [ops.pickClass(row, label)]}), {
        sequences: [rows, own],
      });
      return {outputs: [inner.outputs[0]]};
    },
    {sequences: [x, labels]},
  );
  const program = compileProgram({outputs: {y: outputs[0]}, store: new VariableStore()});
  // Label 13 is the second one of iteration 2 within iteration 1.
  const wanted = {kind: 'labelOutOfRange', iteration: 1 * 4 + 2, position: 1, value: 5, source: 'labels'};
  expect(program.runSync(given.arrays).guard).toMatchObject(wanted);
});

it('with two guards tells of each its own first failure', () => {
  const failure = (first: Record<number, number>, second: Record<number, number>) => {
    const given = new Given();
    const x = given.input('x', 5, 2, 3);
    const [a, b] = [given.labels('a', [5, 2], first), given.labels('b', [5, 2], second)];
    const {outputs} = ops.scan(
      (_, [row, own, other]) => ({outputs: [ops.pickClass(row, own), ops.pickClass(row, other)]}),
      {sequences: [x, a, b]},
    );
    const [y, z] = outputs;
    const program = compileProgram({outputs: {y, z}, store: new VariableStore()});
    return program.runSync(given.arrays).guard;
  };
  expect(failure({}, {})).toBeUndefined();
  expect(failure({9: 7, 4: 6}, {})).toMatchObject({source: 'a', iteration: 2, position: 0, value: 6});
  expect(failure({}, {9: 7, 3: 6})).toMatchObject({source: 'b', iteration: 1, position: 1, value: 6});
  // Of two that failed, the one that the body has first.
  expect(failure({9: 7}, {0: 6})).toMatchObject({source: 'a', iteration: 4, position: 1, value: 7});
});
