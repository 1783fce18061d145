// A bound program: the same arrays, run after run.
import {expect, it} from 'vitest';
import {input} from '../../lib/core/tensor.ts';
import {layers, ops, sequential} from '../../lib/index.ts';
import {compileProgram, keepSafe} from '../../lib/session/compile.ts';
import {VariableStore} from '../../lib/session/store.ts';

it('computes from what its arrays hold at each call', () => {
  const x = input({name: 'x', shape: [3]});
  const program = compileProgram({outputs: {y: ops.square(x)}, store: new VariableStore()});
  const data = new Float32Array(new SharedArrayBuffer(12));
  const {outputs, run} = program.bindSync({x: data});
  for (const value of [1, 2, 3]) {
    data.fill(value);
    expect(run()).toEqual({steps: 1, end: 'done'});
    expect([...(outputs.y as Float32Array)]).toEqual([value ** 2, value ** 2, value ** 2]);
  }
});

it('keeps memory that is taken away meanwhile', () => {
  const x = input({name: 'x', shape: [1000]});
  const program = compileProgram({outputs: {y: ops.square(x)}, store: new VariableStore()});
  const given = new Float32Array(1000).fill(3);
  const {outputs, run} = program.bindSync({x: keepSafe(given)});
  structuredClone(given.buffer, {transfer: [given.buffer]}).slice(0);
  expect(given).toHaveLength(0);
  expect(run().end).toBe('done');
  expect(new Set(outputs.y)).toEqual(new Set([9]));
});

it('commits as many steps as it was bound for, each time', () => {
  const store = new VariableStore();
  const weight = ops.variable({name: 'weight', shape: [3]});
  store.add([weight]);
  const program = compileProgram({outputs: {}, updates: [[weight, ops.add(weight.tensor, 1)]], store});
  const [one, four] = [program.bindSync({}), program.bindSync({}, 4)];
  expect([one.run(), four.run(), one.run()].map(({steps}) => steps)).toEqual([1, 4, 1]);
  expect([...store.read(weight)]).toEqual([6, 6, 6]);
  expect(program.stepsRun).toBe(6);
});

it('gives a row the bits of predict, also after training and after memory has grown', async () => {
  const model = sequential([
    layers.dense({units: 5, activation: 'tanh', inputShape: [4]}),
    layers.dense({units: 2, activation: 'softmax'}),
  ]);
  const row = Float32Array.from([0.1, -0.4, 0.3, 2]);
  const batch = {data: row, shape: [1, 4]};
  const agree = async () =>
    expect(model.predictSync(row).data).toEqual((await model.predict(batch)).data as Float32Array);
  await agree();
  const first = model.predictSync(row).data;
  model.compile({optimizer: 'adam', loss: 'sparseCategoricalCrossentropy'});
  await agree();
  await model.fit(batch, Uint8Array.of(1), {epochs: 3, verbose: 0});
  await agree();
  expect(model.predictSync(row).data).not.toEqual(first);
  expect(model.predictSync(row).shape).toEqual([1, 2]);
  expect(() => model.predictSync(Float32Array.from([0, Number.NaN, 0, 0]))).toThrow(/row 0/);
});
