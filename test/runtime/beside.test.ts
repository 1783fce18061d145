// Runs on the calling thread in which the executor's thread takes part.
import {afterAll, afterEach, describe, expect, it} from 'vitest';
import {input} from '../../lib/core/tensor.ts';
import {layers, sequential} from '../../lib/index.ts';
import * as ops from '../../lib/ops/index.ts';
import {addon} from '../../lib/runtime/addon.ts';
import {getThreads, inlineUpToNs, type Program, setThreads} from '../../lib/runtime/program.ts';
import type {State} from '../../lib/runtime/state.ts';
import {compile} from '../../lib/session/function.ts';
import {counted, newState, reader, trainer, width} from './programs.ts';

const threads = getThreads();
afterEach(() => setThreads(threads));
afterAll(() => setThreads(threads));

/** Long enough that the executor's thread is woken for it, on every machine. */
const size = 512;
const iterations = 3;
const runs = 5;

function predictHere(program: Program, state: State): number {
  const [a, b] = [new Float32Array(width), new Float32Array(width)];
  program.runSync(state, {a, b});
  return counted(a, b);
}

/** How many runs the executor's thread has taken part in meanwhile. */
function besideIn(work: () => void): number {
  const before = addon().counters().beside;
  work();
  return addon().counters().beside - before;
}

describe('the thread of the executor', () => {
  const long = reader(size, iterations);
  const repeat = (program: Program) => (): void => {
    for (let run = 0; run < runs; run++) expect(predictHere(program, newState())).toBe(0);
  };

  it.each([2, 3, 4])('takes part in long runs, of %i threads', count => {
    setThreads(count);
    // In the first ones it may not have been started yet.
    expect(besideIn(repeat(long))).toBeGreaterThan(0);
  });

  it('takes no part in short ones, in those of one thread, in those that write', () => {
    setThreads(2);
    expect(besideIn(repeat(reader()))).toBe(0);
    expect(besideIn(() => trainer(size, iterations).runSync(newState(), {}))).toBe(0);
    setThreads(1);
    expect(besideIn(repeat(long))).toBe(0);
  });

  it('is handed no run that is made sooner beside it', () => {
    const program = reader();
    const atOnce = (timesLimit: number, writesState: boolean): boolean =>
      program.runsInline((timesLimit * inlineUpToNs) / 1e6, writesState);
    setThreads(2);
    expect([0.9, 1.1, 1.9, 2.1].map(times => atOnce(times, false))).toEqual([true, true, true, false]);
    expect([0.9, 1.1].map(times => atOnce(times, true))).toEqual([true, false]);
    setThreads(1);
    expect([0.9, 1.1].map(times => atOnce(times, false))).toEqual([true, false]);
  });

  it('takes no part while it trains', async () => {
    setThreads(2);
    const state = newState();
    const cancel = new Int32Array(new SharedArrayBuffer(4));
    const training = trainer(size, iterations).run(state, {}, {steps: 1000, cancel});
    const seen: number[] = [];
    const count = besideIn(() => {
      for (let run = 0; run < runs; run++) seen.push(predictHere(long, state));
    });
    cancel[0] = 1;
    const {steps} = await training;
    expect(count).toBe(0);
    expect([...seen, steps]).toEqual([...seen, steps].sort((a, b) => a - b));
    expect(predictHere(long, state)).toBe(steps);
  });
});

it('a run has the bits of one thread', () => {
  const side = 257;
  const rows = Float32Array.from({length: side * side}, (_, at) => Math.sin(at));
  const x = input({name: 'x', shape: [side, side]});
  let y = x;
  for (let product = 0; product < 16; product++) y = ops.tanh(ops.matmul(y, x));
  const program = compile(y);
  const bits = (): Buffer => Buffer.from((program.runSync({x: rows}).data as Float32Array).buffer);
  setThreads(1);
  const alone = bits();
  for (const count of [2, 3, 4]) {
    setThreads(count);
    for (let run = 0; run < runs; run++) expect(bits().equals(alone)).toBe(true);
  }
});

it('a prediction on two threads tells of what is not finite', () => {
  setThreads(2);
  const model = sequential([
    layers.dense({units: 1000, activation: 'relu', inputShape: [1000]}),
    layers.dense({units: 1000}),
  ]);
  const x = {data: new Float32Array(1000 * 128).fill(0.5), shape: [128, 1000]};
  expect(besideIn(() => Array.from({length: runs}, () => model.predictSync(x)))).toBeGreaterThan(0);
  x.data[5000] = Number.NaN;
  expect(() => model.predictSync(x)).toThrow(/^predictSync: .*row 5/);
});
