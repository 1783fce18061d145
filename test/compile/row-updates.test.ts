// Tables whose gradient is that of a gather: updated without a gradient of their size, to the same bits; with
// `sparse`, only in the rows that were read.
import {describe, expect, it} from 'vitest';
import {type Tensor, type Variable, variable} from '../../lib/core/tensor.ts';
import {gradients} from '../../lib/graph/autodiff.ts';
import {layers, optimizers, sequential} from '../../lib/index.ts';
import * as ops from '../../lib/ops/index.ts';
import {adamOp} from '../../lib/ops/optimizer.ts';
import {compileProgram} from '../../lib/session/compile.ts';
import {VariableStore} from '../../lib/session/store.ts';
import type {Program} from '../conformance/build.ts';
import {exactly, integers, type Operand, reals} from '../conformance/data.ts';
import {expectSameResults, runNative} from '../conformance/native.ts';

const rows = 40;
const hyper = exactly([0.01, 0.9, 0.1, 0.999, 0.001, 1.5, 1e-7], [1, 7]);

/** A step of Adam for a table and a matrix behind it; with `regularized`, the table's gradient is dense. */
function step(regularized = false): Program & {readonly instructions: () => string[]} {
  const make = (name: string, shape: number[], low = -1): [Variable, Operand] => [
    variable({name, shape}),
    reals(shape, low, 1),
  ];
  const [table, m, v] = [make('table', [rows, 17]), make('m', [rows, 17]), make('v', [rows, 17], 0)];
  const [w, wm, wv] = [make('w', [17, 3]), make('wm', [17, 3]), make('wv', [17, 3], 0)];
  const ids: [Tensor, Operand] = [
    ops.input({name: 'ids', shape: [4, 6], dtype: 'int32'}),
    integers([4, 6], 0, 9),
  ];
  const given: [Tensor, Operand] = [ops.input({name: 'hyper', shape: [1, 7]}), hyper];
  const read = ops.gather(table[0].tensor, ids[0]);
  const loss = ops.sum(ops.square(ops.matmul(ops.reshape(read, [24, 17]), w[0].tensor)));
  const whole = regularized ? ops.add(loss, ops.sum(ops.square(table[0].tensor))) : loss;
  const [dTable, dW] = gradients(whole, [table[0].tensor, w[0].tensor]) as [Tensor, Tensor];
  const updated = ops
    .applyUpdate(adamOp, given[0], [
      [table[0].tensor, dTable, m[0].tensor, v[0].tensor],
      [w[0].tensor, dW, wm[0].tensor, wv[0].tensor],
    ])
    .flat();
  const variables = [table, m, v, w, wm, wv];
  const updates = variables.map(([own], index) => [own, updated[index] as Tensor] as const);
  return {
    outputs: {loss: whole},
    updates,
    inputs: [ids, given],
    variables,
    instructions: () => {
      const store = new VariableStore();
      store.add(variables.map(([own]) => own));
      const guards = [ops.finite(dTable), ops.finite(dW)];
      const {plan} = compileProgram({outputs: {loss: whole}, updates, guards, store});
      return plan.instructions.map(({name}) => name);
    },
  };
}

describe('the update of a table', () => {
  it('makes no gradient of its size', () => {
    const names = step().instructions();
    expect(names).toContain('adamRows');
    expect(names).toContain('adam');
    expect(names).not.toContain('scatterSum');
  });

  it('gives the same bits as with such a gradient', () => {
    const program = step();
    const apart = runNative(program, {passes: {fuse: false}});
    for (const passes of [{}, {inPlace: false}]) {
      expectSameResults(runNative(program, {passes}), apart, JSON.stringify(passes));
    }
  });

  it('is dense where something else reads the gradient', () => {
    const names = step(true).instructions();
    expect(names).not.toContain('adamRows');
    expect(names).toContain('scatterSum');
  });
});

const kinds = {
  sgd: () => optimizers.sgd({learningRate: 0.1}),
  momentum: () => optimizers.sgd({learningRate: 0.1, momentum: 0.9}),
  adagrad: () => optimizers.adagrad({learningRate: 0.1}),
  adam: () => optimizers.adam({learningRate: 0.1}),
  lion: () => optimizers.lion({learningRate: 0.1}),
};

describe.each(Object.entries(kinds))('a table with %s', (name, make) => {
  async function train(kind: 'embedding' | 'embeddingBag', sparse: boolean): Promise<Float32Array[][]> {
    const net = sequential(
      [
        layers[kind]({inputDim: 6, outputDim: 4, inputShape: [2], sparse}),
        layers.flatten(),
        layers.dense({units: 1}),
      ],
      {seed: 5},
    );
    net.compile({optimizer: make(), loss: 'meanSquaredError'});
    // After each step the table, and the moments that go with it.
    const all: Float32Array[][] = [];
    for (const ids of [
      [0, 1],
      [2, 2],
    ]) {
      await net.trainOnBatch([ids], [[1]]);
      const now = [...net.getWeights(), ...net.optimizer.getWeights()];
      all.push(now.flatMap(({data, shape}) => (String(shape) === '6,4' ? [Float32Array.from(data)] : [])));
    }
    net.dispose();
    return all;
  }
  const rowsOf = (tables: readonly Float32Array[] | undefined, row: number): number[][] =>
    (tables ?? []).map(table => [...table.subarray(row * 4, row * 4 + 4)]);

  it.each(['embedding', 'embeddingBag'] as const)(
    'of an %s leaves rows as they are that are not read, if it is sparse',
    async kind => {
      const [first, second] = await train(kind, true);
      const [dense, moved] = await train(kind, false);
      expect(first).toEqual(dense);
      expect(first).toHaveLength(1 + {sgd: 0, momentum: 1, adagrad: 1, adam: 2, lion: 1}[name as 'adam']);
      for (const row of [0, 1, 3, 4, 5])
        expect(rowsOf(second, row), `row ${row}`).toEqual(rowsOf(first, row));
      expect(rowsOf(second, 2)[0]).not.toEqual(rowsOf(first, 2)[0]);
      expect(rowsOf(second, 2)).toEqual(rowsOf(moved, 2));
      // Moments move on: sgd and adagrad have none that do.
      const stays = name === 'sgd' || name === 'adagrad';
      expect(String(rowsOf(moved, 0)[0]) === String(rowsOf(dense, 0)[0])).toBe(stays);
    },
  );
});
