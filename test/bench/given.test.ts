// Peers are given the work of the bench, and one that does other work has no time. No peer runs here.
import {mkdtempSync, readFileSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {afterAll, expect, test, vi} from 'vitest';
import {batchesFor, build, imageWorkloads} from '../../bench/image-workloads.ts';
import {type Batches, compareWork, workOf, writeGiven} from '../../bench/peers/given.ts';
import type {PeerProcess} from '../../bench/peers/process.ts';
import {type Peer, timeInTurns} from '../../bench/peers/turns.ts';
import {sequenceWorkloads} from '../../bench/sequence-workloads.ts';
import {input, layers, model, sequential} from '../../lib/index.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'given-'));
afterAll(() => rmSync(folder, {recursive: true}));

const numbersIn = (file: string): number[] => [
  ...new Float32Array(Uint8Array.from(readFileSync(file)).buffer),
];

test('the work is compared by weights and by losses, each within a thousandth', () => {
  const own = {parameters: 10, losses: [2, 1, 0.5]};
  expect(compareWork(own, {parameters: 10, losses: [2, 1.0005, 0.5]})).toBeCloseTo(5e-4, 9);
  expect(compareWork(own, {parameters: 11, losses: own.losses})).toBe('11 weights, not 10');
  expect(compareWork(own, {parameters: 10, losses: [2, 1, 0.501]})).toBe(
    'the loss of step 3 is 0.501, not 0.5',
  );
  expect(compareWork(own, {parameters: 10, losses: [2, Number.NaN, 0.5]})).toMatch(/loss of step 2 is NaN/);
  expect(compareWork(own, {parameters: 10, losses: [2, 1]})).toMatch(/loss of step 3 is undefined/);
  expect(compareWork(own, {})).toMatch(/undefined weights/);
});

test('a file has the weights in their order, then the batches, then the labels', () => {
  const net = sequential([layers.dense({units: 2, inputShape: [3]}), layers.batchNormalization()]);
  const x = {data: Float32Array.from({length: 12}, (_, at) => at), shape: [4, 3]};
  const given = writeGiven(
    'one',
    net,
    {inputs: [x], y: {data: Int32Array.of(5, 6, 7, 8), shape: [4]}, batch: 2},
    folder,
  );
  const names = given.weights.map(([name]) => name.split('/').at(-1));
  expect(names).toEqual(['kernel', 'bias', 'gamma', 'beta', 'movingMean', 'movingVariance']);
  expect([given.x, given.y]).toEqual([
    [2, 2, 3],
    [2, 2],
  ]);
  const weights = net.getWeights().flatMap(({data}) => [...data]);
  expect(numbersIn(given.file)).toEqual([...weights, ...x.data, 5, 6, 7, 8]);
});

test('several inputs are an axis behind the batches', () => {
  const ids = [input({shape: [1]}), input({shape: [1]})];
  const net = model({inputs: ids, outputs: layers.dense({units: 1}).apply(layers.concatenate().apply(ids))});
  const inputs = [Int32Array.of(1, 2, 3, 4), Int32Array.of(5, 6, 7, 8)].map(data => ({data, shape: [4, 1]}));
  const y = {data: new Float32Array(4), shape: [4, 1]};
  const given = writeGiven('two', net, {inputs, y, batch: 2}, folder);
  expect([given.x, given.y]).toEqual([
    [2, 2, 2],
    [2, 2],
  ]);
  expect(numbersIn(given.file).slice(3, 11)).toEqual([1, 2, 5, 6, 3, 4, 7, 8]);
});

test('all workloads have batches of the shapes that their networks read', () => {
  for (const workload of imageWorkloads) {
    const net = build(workload);
    expect(batchesFor(workload, 1).inputs[0]?.shape.slice(1)).toEqual(net.inputShape);
    net.dispose();
  }
  for (const {name, batch, data, make} of sequenceWorkloads) {
    const [net, batches] = [make(), data(2)];
    expect(batches.inputs[0]?.shape.slice(1), name).toEqual(net.inputShape);
    expect([batches.batch, batches.y.shape[0]]).toEqual([batch, 2 * batch]);
    net.dispose();
  }
});

const loss = (rows: Batches) => {
  const net = sequential([layers.dense({units: 1, kernelInitializer: 'ones', inputShape: [1]})]);
  net.compile({optimizer: 'sgd', loss: 'meanSquaredError'});
  return workOf(net, rows);
};

test('losses are of the first steps, each on the next batch and before its update', async () => {
  const part = (...values: number[]) => ({data: Float32Array.from(values), shape: [values.length, 1]});
  const {parameters, losses} = await loss({inputs: [part(1, 2, 3)], y: part(0, 0, 0), batch: 1});
  expect(parameters).toBe(2);
  // w = 1, b = 0; each step takes 0.01 · 2 · error · x from w and 0.01 · 2 · error from b.
  let [w, b] = [1, 0];
  const wanted = [1, 2, 3].map(x => {
    const error = w * x + b;
    [w, b] = [w - 0.02 * error * x, b - 0.02 * error];
    return error ** 2;
  });
  for (const [step, value] of wanted.entries()) expect(losses[step]).toBeCloseTo(value, 5);
});

test('who does other work has no time, and it is said', async () => {
  const work = {parameters: 7, losses: [1, 0.5]};
  const asked: string[] = [];
  const peer = (name: string, answer: object): Peer => {
    const ask = async () => {
      asked.push(name);
      return {microseconds: 3, ...answer};
    };
    return {name, runtime: 'torch', process: {ask} as unknown as PeerProcess};
  };
  const said: string[] = [];
  const log = vi.spyOn(console, 'log').mockImplementation(text => said.push(String(text)));
  try {
    const times = await timeInTurns({
      name: 'net',
      own: {chainrule: async () => 2},
      peers: [peer('same', work), peer('other', {...work, losses: [1, 0.6]}), peer('silent', {})],
      request: {},
      workOf: () => work,
      rounds: 2,
    });
    expect(times).toEqual({chainrule: 2, same: 3});
  } finally {
    log.mockRestore();
  }
  expect(asked).toEqual(['same', 'other', 'silent', 'same']);
  expect(said).toEqual([
    'net: same does the same work: 7 weights, 2 losses within 0e+0',
    'net: other: other work: the loss of step 2 is 0.6, not 0.5',
    'net: silent: other work: undefined weights, not 7',
  ]);
});
