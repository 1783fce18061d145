// Numbers for any graph, without ceremony.
import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {gradients} from '../../lib/graph/autodiff.ts';
import {evaluate, evaluateSync, layers, type OutputTensors, ops, sequential} from '../../lib/index.ts';
import {addon} from '../../lib/runtime/addon.ts';
import {onCompile} from '../../lib/session/compile.ts';
import {compile} from '../../lib/session/function.ts';
import {build, recipes} from '../compile/random-graph.ts';
import {expectSameBits} from '../conformance/native.ts';
import {deep} from '../support/child.ts';

const {add, input, matmul, mul, sum} = ops;
const x = input({name: 'x', shape: [2, 2]});
const given = [
  [1, 2],
  [3, 4],
];

/** How many programs `run` compiles. */
function compiledBy(run: () => void): number {
  let count = 0;
  onCompile(() => count++);
  try {
    run();
  } finally {
    onCompile(undefined);
  }
  return count;
}

async function failure(run: () => unknown): Promise<unknown> {
  try {
    await run();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}

describe.each([
  ['evaluate', evaluate],
  ['evaluateSync', evaluateSync],
] as const)('%s', (_, run) => {
  const values = async (outputs: OutputTensors, inputs = {}) => await run(outputs, inputs);

  it('gives results in the structure of the tensors', async () => {
    const y = matmul(x, x);
    expect(await run(y, {x: given})).toEqual({data: Float32Array.of(7, 10, 15, 22), shape: [2, 2]});
    expect(await run([y, sum(x)], {x: given})).toEqual([
      {data: Float32Array.of(7, 10, 15, 22), shape: [2, 2]},
      {data: Float32Array.of(10), shape: []},
    ]);
    const {a, b} = await run({a: sum(x), b: x}, new Map([['x', given]]));
    expect([...a.data, ...b.data]).toEqual([10, 1, 2, 3, 4]);
    expect(await run([])).toEqual([]);
  });

  it('gives each result memory of its own', async () => {
    const data = Float32Array.of(1, 2, 3, 4);
    const flat = ops.reshape(x, [4]);
    const doubled = mul(x, 2);
    const results = await run([x, flat, doubled, ops.reshape(doubled, [4]), doubled], {x: data});
    expect(results.map(result => [...result.data])).toEqual([
      [1, 2, 3, 4],
      [1, 2, 3, 4],
      [2, 4, 6, 8],
      [2, 4, 6, 8],
      [2, 4, 6, 8],
    ]);
    for (const result of results) result.data.fill(0);
    expect([...data]).toEqual([1, 2, 3, 4]);
    expect(new Set(results.map(result => result.data.buffer)).size).toBe(results.length);
  });

  it('reads constants as what they are', async () => {
    const yes = ops.constant(Uint8Array.of(2, 0), [2], 'bool');
    const {data} = await run(ops.select(yes, 1, -1));
    expect([...data]).toEqual([1, -1]);
    expect((await run(yes)).data).toEqual(Uint8Array.of(1, 0));
    expect((await run(ops.constant(7))).data).toEqual(Float32Array.of(7));
  });

  it('computes gradients of gradients', async () => {
    const [dx] = gradients(sum(mul(x, ops.square(x))), [x]) as [typeof x];
    const [ddx] = gradients(sum(dx), [x]) as [typeof x];
    expect([...(await run(ddx, {x: given})).data]).toEqual([6, 12, 18, 24]);
  });

  it('promotes what is of different types: bool < int32 < float32', async () => {
    const [whole, real, flags, bytes] = [
      input({name: 'whole', shape: [1, 2], dtype: 'int32'}),
      input({name: 'real', shape: [2, 1]}),
      input({name: 'flags', shape: [1, 2], dtype: 'bool'}),
      input({name: 'bytes', shape: [2, 1], dtype: 'uint8'}),
    ];
    const inputs = {
      whole: Float64Array.of(3, -4),
      real: [[0.5], [2]],
      flags: [[true, false]],
      bytes: [[1], [7]],
    };
    const results = await run(
      {
        sum: add(whole, real),
        count: add(whole, flags),
        product: matmul(whole, bytes),
        mixed: matmul(flags, real),
        soft: ops.softmax(flags),
        joined: ops.concatenate([whole, flags, ops.transpose(real)], 1),
        counted: ops.concatenate([flags, whole], 0),
      },
      inputs,
    );
    expect(results.sum).toEqual({data: Float32Array.of(3.5, -3.5, 5, -2), shape: [2, 2]});
    expect(results.count).toEqual({data: Int32Array.of(4, -4), shape: [1, 2]});
    expect(results.product).toEqual({data: Float32Array.of(3 - 28), shape: [1, 1]});
    expect(results.mixed).toEqual({data: Float32Array.of(0.5), shape: [1, 1]});
    expect(results.soft.data[0]).toBeCloseTo(1 / (1 + Math.exp(-1)), 6);
    expect(results.joined.data).toEqual(Float32Array.of(3, -4, 1, 0, 0.5, 2));
    expect(results.counted.data).toEqual(Int32Array.of(1, 0, 3, -4));
    const [dReal, dWhole] = gradients(sum(matmul(whole, real)), [real, whole]) as [typeof x, typeof x];
    expect([...(await run(dReal, {whole: [[3, -4]]})).data]).toEqual([3, -4]);
    expect([...(await run(dWhole)).data]).toEqual([0, 0]);
    expect(
      await failure(() => values(matmul(input({name: 'x', shape: [2, 2], dtype: 'float64'}), x))),
    ).toMatchObject({
      code: 'ERR_DTYPE',
      message: expect.stringContaining('matmul: operand a must be float32. Received float64[2,2]'),
    });
    // Labels are never made of floats.
    const labels = input({name: 'labels', shape: [2]});
    expect(await failure(() => values(ops.softmaxCrossentropy(x, labels).loss))).toMatchObject({
      code: 'ERR_DTYPE',
      message: expect.stringContaining('operand labels must be int32. Received float32[2]'),
    });
  });

  it('reads rows of data sets of any length', async () => {
    const table = input({name: 'table', shape: [-1, 2]});
    const rows = input({name: 'rows', shape: [2], dtype: 'int32'});
    const picked = ops.gatherRows(table, rows);
    const data = Float32Array.of(1, 2, 3, 4, 5, 6);
    expect([...(await run(picked, {table: data, rows: [2, 0]})).data]).toEqual([5, 6, 1, 2]);
    expect(await failure(() => values(picked, {table: data, rows: [3, 0]}))).toMatchObject({
      code: 'ERR_NOT_FINITE',
      message: 'evaluate: row 0 read from table is not finite or not there.',
    });
    expect(await failure(() => values(table))).toMatchObject({
      message: 'evaluate: float32[-1,2] has an unknown number of rows.',
    });
  });

  it('reads variables where they are, or gives them their initial values', async () => {
    const model = sequential([layers.dense({units: 1, inputShape: [2], useBias: false})]);
    const y = model.call(x, {}) as typeof x;
    model.setWeights([[[2], [3]]]);
    expect([...(await run(y, {x: given})).data]).toEqual([8, 18]);
    model.setWeights([[[1], [1]]]);
    expect([...(await run(y, {x: given})).data]).toEqual([3, 7]);
    const fresh = ops.variable({name: 'fresh', shape: [1], initial: () => ops.ones([1])});
    expect([...(await run(add(fresh.tensor, 1))).data]).toEqual([2]);
    expect([...(await run(add(fresh.tensor, 1))).data]).toEqual([2]);
    model.dispose();
    expect(await failure(() => values(y, {x: given}))).toMatchObject({code: 'ERR_DISPOSED'});
  });

  it('gives guards as results too', async () => {
    const guard = ops.finite(ops.reshape(x, [4]));
    expect((await run(guard, {x: given})).data).toEqual(Int32Array.of(-1));
    const checked = [sum(x), guard];
    expect((await run(checked, {x: given}))[1]?.data).toEqual(Int32Array.of(-1));
  });

  it.each<[string, () => OutputTensors, object, string, string]>([
    ['no tensor', () => 3 as never, {}, 'ERR_GRAPH', 'evaluate: expected tensors, alone,'],
    ['no tensors', () => [3] as never, {}, 'ERR_GRAPH', 'evaluate: 0 must be a tensor. Received 3.'],
    ['a Map', () => new Map() as never, {}, 'ERR_GRAPH', 'Object.fromEntries(map) makes an object of it.'],
    ['a missing input', () => x, {}, 'ERR_UNKNOWN_NAME', 'evaluate: the input x is missing.'],
    ['an unknown input', () => x, {x: given, y: 1}, 'ERR_UNKNOWN_NAME', 'unknown input "y".'],
    ['another shape', () => x, {x: [[1, 2], [3]]}, 'ERR_SHAPE', 'evaluate: x[1]: expected 2 elements.'],
    ['another size', () => x, {x: new Float32Array(3)}, 'ERR_SHAPE', 'the input x takes [2,2]. Received 3'],
    [
      'another type',
      () => x,
      {
        x: [
          ['a', 2],
          [3, 4],
        ],
      },
      'ERR_DTYPE',
      'evaluate: x[0][0]: expected a number.',
    ],
    [
      'a size that is no integer',
      () => ops.reshape(sum(x), [2, 0.5]),
      {x: given},
      'ERR_SHAPE',
      'reshape: sizes must be integers. Received [2,0.5].',
    ],
    [
      'two inputs of one name',
      () => add(x, input({name: 'x', shape: [2]})),
      {},
      'ERR_GRAPH',
      'two different inputs are named "x": float32[2,2] and float32[2].',
    ],
    [
      'a label that is no class',
      () => ops.pickClass(x, input({name: 'labels', shape: [2], dtype: 'int32'})),
      {x: given, labels: [0, 5]},
      'ERR_OUT_OF_RANGE',
      'evaluate: element 1 of labels is out of range.',
    ],
    [
      'a value that is not finite',
      () => [sum(x), ops.finite(ops.log(x))],
      {
        x: [
          [1, 2],
          [3, -1],
        ],
      },
      'ERR_NOT_FINITE',
      'evaluate: a checked value is not finite, first in the graph (map)',
    ],
  ])('refuses %s', async (_case, outputs, inputs, code, message) => {
    const error = await failure(() => values(outputs(), inputs));
    expect(error).toMatchObject({code, message: expect.stringContaining(message)});
  });

  it('refuses memory that is gone', async () => {
    const data = new Float32Array(4);
    structuredClone(data.buffer, {transfer: [data.buffer]});
    expect(await failure(() => values(x, {x: data}))).toMatchObject({code: 'ERR_SHAPE'});
    const none = input({name: 'none', shape: [0]});
    expect(await failure(() => values(ops.neg(none), {none: data}))).toMatchObject({code: 'ERR_DETACHED'});
  });
});

describe('what is done when', () => {
  const chain = (length: number): typeof x => {
    let y: typeof x = x;
    for (let index = 0; index < length; index++) y = ops.tanh(add(y, matmul(y, y)));
    return y;
  };

  it('nothing is compiled for a graph that is evaluated once', () => {
    expect(compiledBy(() => evaluateSync(chain(5), {x: given}))).toBe(0);
  });

  it('a graph that is evaluated again and again is compiled, and gives the same bits', () => {
    const y = chain(5);
    const once = evaluateSync(y, {x: given});
    const count = compiledBy(() => {
      for (let repeat = 0; repeat < 100; repeat++) expect(evaluateSync(y, {x: given})).toEqual(once);
    });
    expect(count).toBe(1);
    const few = mul(x, 2);
    expect(
      compiledBy(() => {
        for (let repeat = 0; repeat < 100; repeat++) evaluateSync(few, {x: given});
      }),
    ).toBe(0);
  });

  it('large work is done off the event loop, unless it is to be waited for', async () => {
    const size = 400;
    const a = input({name: 'a', shape: [size, size]});
    const y = matmul(a, matmul(a, a));
    const data = Float32Array.from({length: size * size}, (_, index) => Math.sin(index));
    const waited = evaluateSync(y, {a: data}).data;
    const promise = evaluate(y, {a: data});
    expect(addon().counters().jobs).toBe(1);
    expectSameBits((await promise).data, waited, 'in both ways');
    const small = evaluate(sum(x), {x: given});
    expect(addon().counters().jobs).toBe(0);
    await small;
  });

  it('weights that a training writes to are those of a finished step', async () => {
    const model = sequential([layers.dense({units: 64, inputShape: [64]}), layers.dense({units: 64})]);
    model.compile({optimizer: 'sgd', loss: 'mse'});
    const {tensor} = model.trainableVariables[0] as {readonly tensor: typeof x};
    const rows = new Float32Array(640 * 64).fill(0.1);
    const training = model.fit({data: rows, shape: [640, 64]}, {data: rows, shape: [640, 64]}, {epochs: 20});
    const seen = evaluateSync(sum(mul(tensor, tensor)));
    expect((await evaluate(sum(tensor))).data[0]).toBeTypeOf('number');
    await training;
    expect(evaluateSync(sum(mul(tensor, tensor))).data[0]).not.toBe(seen.data[0]);
  });
});

it('large ops are done between two steps of a training, which goes on', async () => {
  const model = sequential([layers.dense({units: 256, inputShape: [256]}), layers.dense({units: 256})]);
  model.compile({optimizer: 'sgd', loss: 'mse'});
  const rows = {data: new Float32Array(1280 * 256).fill(0.1), shape: [1280, 256]};
  const size = 300;
  const a = input({name: 'a', shape: [size, size]});
  const data = Float32Array.from({length: size * size}, (_, index) => Math.cos(index));
  const exact = evaluateSync(matmul(a, a), {a: data}).data;
  const training = model.fit(rows, rows, {epochs: 5, batchSize: 128});
  for (let repeat = 0; repeat < 20; repeat++) {
    expectSameBits(evaluateSync(matmul(a, a), {a: data}).data, exact, 'meanwhile');
    await new Promise(setImmediate);
  }
  expect((await training).epoch).toHaveLength(5);
});

describe('random graphs', () => {
  it('have the bits of their plans', () => {
    const property = fc.property(recipes, recipe => {
      const {roots} = build(recipe);
      const outputs = Object.fromEntries(roots.outputs);
      const plan = compile(outputs);
      const slots = plan.plan.io.filter(({output}) => !output);
      const inputs = Object.fromEntries(
        slots.map(({name, shape}) => {
          const length = shape.reduce((size, axis) => size * axis, 1);
          return [name, Float32Array.from({length}, (_, at) => Math.sin(at + name.charCodeAt(0)))];
        }),
      );
      const planned = plan.runSync(inputs);
      const evaluated = evaluateSync(outputs, inputs);
      for (const [name, {data}] of Object.entries(evaluated)) {
        expectSameBits(data, planned[name]?.data as typeof data, name);
      }
    });
    const runs = {numRuns: deep ? 3000 : 150, seed: deep ? Date.now() & 0x7fffffff : 20_261_129};
    expect(() => fc.assert(property, runs)).not.toThrow();
  });
});
