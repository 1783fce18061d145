// The exchange phase: once in each step, to its end, and not again where the first NaN is looked for.
import {afterAll, beforeEach, describe, expect, it} from 'vitest';
import {getThreads, Program, setThreads} from '../../lib/runtime/program.ts';
import {State} from '../../lib/runtime/state.ts';
import {ops, PlanWords, shared, signatures} from './words.ts';

const width = 4096;
const threads = getThreads();
afterAll(() => setThreads(threads));

/**
 * Each step: y = 1 / x; exchanged: `calls` counts, and y doubles in place; then the state adds y up. `calls`
 * is an array of the caller, so it shows every time that the phase runs.
 */
function exchanging(): Program {
  const words = new PlanWords();
  const x = words.io('x', 'float32', [width], {perStep: true});
  const calls = words.io('calls', 'float32', [1], {output: true});
  const y = words.place('arena', 'float32', [width]);
  const finite = words.place('arena', 'int32', [1]);
  const total = words.place('state', 'float32', [width]);
  words.map(y, [x], [1], [[ops.div, 0, 1, 0]]);
  words
    .exchange()
    .map(calls, [calls], [1], [[ops.add, 0, 0, 1]])
    .map(y, [y], [2], [[ops.mul, 0, 0, 1]])
    .instruction(signatures.finite, [finite], [y])
    .guard(finite, 'notFinite');
  words.commit().map(total, [total, y], [], [[ops.add, 0, 0, 1]]);
  return new Program(words.plan());
}

describe.each([1, 2, 3])('on %i threads', count => {
  beforeEach(() => setThreads(count));

  describe.each(['run', 'runSync'] as const)('%s', how => {
    const program = exchanging();
    const call = async (x: Float32Array, steps: number, cancel?: Int32Array) => {
      const state = new State(width * 4);
      const calls = shared(1);
      const result = await program[how](state, {x, calls}, cancel ? {steps, cancel} : {steps});
      return {result, calls: calls[0], total: state.view('float32', 0, width) as Float32Array};
    };

    it('exchanges once in each step, before the commit', async () => {
      const {result, calls, total} = await call(new Float32Array(3 * width).fill(4), 3);
      expect(result).toEqual({steps: 3, end: 'done'});
      expect(calls).toBe(3);
      expect(total).toEqual(new Float32Array(width).fill(1.5));
    });

    it('exchanges nothing again to find where a NaN began', async () => {
      const x = new Float32Array(3 * width).fill(4);
      x[2 * width + 5] = 0;
      const {result, calls, total} = await call(x, 3);
      expect(result).toMatchObject({steps: 2, end: 'guard', anomaly: {instruction: 0}});
      expect(calls).toBe(3);
      expect(total).toEqual(new Float32Array(width).fill(1));
    });

    it('exchanges nothing in a step that was cancelled before', async () => {
      const {result, calls} = await call(
        new Float32Array(3 * width).fill(4),
        3,
        new Int32Array(new SharedArrayBuffer(4)).fill(1),
      );
      expect(result).toEqual({steps: 0, end: 'cancelled'});
      expect(calls).toBe(0);
    });
  });
});

it('begins outside of loops', () => {
  const words = new PlanWords();
  const y = words.place('arena', 'float32', [4]);
  words.loop(2, [], [], () => {
    words.map(y, [], [1], [[ops.broadcastTo, 0, 0]]);
    words.exchange().map(y, [y], [], [[ops.tanh, 0, 0]]);
  });
  expect(() => new Program(words.plan())).toThrow(/phase begins inside a loop/);
});
