// Where an engine lets nobody hold an array's memory, it is copied: once for a run, once for a whole fit.
import {afterAll, beforeAll, beforeEach, expect, it} from 'vitest';
import {layers, sequential} from '../../lib/index.ts';
import {addon} from '../../lib/runtime/addon.ts';
import {Program} from '../../lib/runtime/program.ts';
import {ops, PlanWords, shared} from './words.ts';

const {pin} = addon();
const Plain = globalThis.ArrayBuffer;
let sizes: number[] = [];

beforeAll(() => {
  addon().pin = () => undefined;
  globalThis.ArrayBuffer = new Proxy(Plain, {
    construct(target, [bytes]) {
      sizes.push(bytes);
      return new target(bytes);
    },
  });
});

beforeEach(() => {
  sizes = [];
});

afterAll(() => {
  addon().pin = pin;
  globalThis.ArrayBuffer = Plain;
});

it('a run reads a copy: what becomes of the array changes nothing', async () => {
  const width = 1 << 16;
  const steps = 200;
  const words = new PlanWords();
  const x = words.io('x', 'float32', [width]);
  const y = words.io('y', 'float32', [width], {output: true});
  const sum = words.place('arena', 'float32', [width]);
  words.map(sum, [x], [1], [[ops.add, 0, 0, 1]]).map(y, [sum], [1], [[ops.add, 0, 0, 1]]);
  const program = new Program(words.plan());
  const array = new Float32Array(width).fill(1);
  const result = shared(width);
  sizes = [];
  const running = program.run(undefined, {x: array, y: result}, {steps});
  expect(sizes).toEqual([width * 4]);
  array.fill(7);
  structuredClone(array.buffer, {transfer: [array.buffer]});
  await running;
  expect(result.every(value => value === 3)).toBe(true);
  await expect(program.run(undefined, {x: array, y: result})).rejects.toMatchObject({code: 'ERR_DETACHED'});
});

it('a fit copies its data once, however many native calls it makes', async () => {
  const [rows, features] = [4096, 24];
  const x = {
    data: Float32Array.from({length: rows * features}, (_, i) => Math.sin(i)),
    shape: [rows, features],
  };
  const y = Uint8Array.from({length: rows}, (_, row) => row % 3);
  const model = sequential([layers.dense({units: 3, activation: 'softmax', inputShape: [features]})]);
  model.compile({optimizer: 'adam', loss: 'sparseCategoricalCrossentropy'});
  let batches = 0;
  const count = {onBatchEnd: () => void batches++};
  await model.fit(x, y, {epochs: 2, batchSize: 64, validationSplit: 0.25, verbose: 0, callbacks: [count]});
  expect(batches).toBe(96);
  expect(sizes.filter(size => size === x.data.byteLength)).toHaveLength(1);
});
