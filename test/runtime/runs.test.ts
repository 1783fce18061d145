// One run: what ends it, and what it then has done.
import {afterAll, describe, expect, it} from 'vitest';
import {getThreads, Program, setThreads} from '../../lib/runtime/program.ts';
import {State} from '../../lib/runtime/state.ts';
import {ops, PlanWords, shared, signatures} from './words.ts';

const width = 8;

/** Each step: y = a / x, then z = y + 1; two guards; the state counts the steps. */
function guarded(): PlanWords {
  const words = new PlanWords();
  const x = words.io('x', 'float32', [width], {perStep: true});
  const y = words.place('arena', 'float32', [width]);
  const z = words.place('arena', 'float32', [width]);
  const count = words.place('state', 'float32', [1]);
  const [first, second] = [0, 1].map(() => words.place('arena', 'int32', [1])) as [number, number];
  words.map(y, [x], [1], [[ops.div, 0, 1, 0]]);
  words.map(z, [y], [1], [[ops.add, 0, 0, 1]]);
  words.instruction(signatures.finite, [first], [z]).instruction(signatures.finite, [second], [y]);
  words.guard(first, 'notFinite').guard(second, 'notFinite');
  return words.commit().map(count, [count], [1], [[ops.add, 0, 0, 1]]);
}

const flag = (value = 0): Int32Array => new Int32Array(new SharedArrayBuffer(4)).fill(value);
const counter = (state: State): number => state.view('float32', 0, 1)[0] as number;

const threads = getThreads();
afterAll(() => setThreads(threads));

describe.each(['run', 'runSync'] as const)('%s', how => {
  const program = new Program(guarded().plan());

  it('commits every step where all is well', async () => {
    const state = new State(64);
    const x = new Float32Array(width * 5).fill(2);
    expect(await program[how](state, {x}, {steps: 5})).toEqual({steps: 5, end: 'done'});
    expect(counter(state)).toBe(5);
  });

  it('does nothing in no steps', async () => {
    const state = new State(64);
    expect(await program[how](state, {x: new Float32Array(0)}, {steps: 0})).toEqual({steps: 0, end: 'done'});
    expect(counter(state)).toBe(0);
  });

  it('stops before the commit of the step whose guard speaks, and says where it began', async () => {
    const state = new State(64);
    const x = new Float32Array(width * 5).fill(2);
    x[width * 3 + 1] = 0;
    const result = await program[how](state, {x}, {steps: 5});
    expect(result).toMatchObject({steps: 3, end: 'guard'});
    expect(result.guard).toEqual({
      ...{kind: 'notFinite', scope: 'guard0', source: undefined, position: 0, value: expect.any(Number)},
    });
    expect(result.anomaly).toEqual({instruction: 0, name: 'map', scope: 'at0'});
    expect(counter(state)).toBe(3);
    const again = await program[how](state, {x: new Float32Array(width).fill(2)});
    expect(again).toEqual({steps: 1, end: 'done'});
  });

  it('does not begin once it is cancelled', async () => {
    const state = new State(64);
    const options = {steps: 5, cancel: flag(1)};
    expect(await program[how](state, {x: new Float32Array(width * 5).fill(2)}, options)).toEqual({
      ...{steps: 0, end: 'cancelled'},
    });
    expect(counter(state)).toBe(0);
  });

  it('names the row that a gather cannot read', async () => {
    const words = new PlanWords();
    const source = words.io('data', 'float32', [-1, 4]);
    const rows = words.io('rows', 'int32', [3], {perStep: true});
    const y = words.io('y', 'float32', [3, 4], {output: true, perStep: true});
    const guard = words.place('arena', 'int32', [3]);
    const one = new Int32Array(new Float32Array([1]).buffer)[0] as number;
    words.instruction(signatures.gather, [y, guard], [source, rows], [one, 0]).guard(guard, 'inputNotFinite');
    const gather = new Program(words.plan());
    const data = Float32Array.from({length: 5 * 4}, (_, i) => i);
    const result = shared(24);
    const good = Int32Array.of(0, 4, 2, 1, 1, 3);
    expect(await gather[how](undefined, {data, rows: good, y: result}, {steps: 2})).toMatchObject({steps: 2});
    expect([...result.subarray(4, 8)]).toEqual([16, 17, 18, 19]);
    for (const [row, value] of [
      [5, 0x7fffffff],
      [-1, 0x7fffffff],
      [0x7fffffff, 0x7fffffff],
      [2, 3],
    ] as const) {
      data[2 * 4 + 3] = Number.NaN;
      const bad = Int32Array.of(0, 4, row, 0, 0, 0);
      const {end, guard: found} = await gather[how](undefined, {data, rows: bad, y: result}, {steps: 2});
      expect({end, position: found?.position, value: found?.value}).toEqual({
        end: 'guard',
        position: 2,
        value,
      });
    }
  });
});

describe('a run on the executor', () => {
  it.each([1, 2, 3])('can be cancelled while it runs, on %i threads', async count => {
    setThreads(count);
    const state = new State(64);
    const words = guarded();
    const cancel = flag();
    const running = new Program(words.plan()).run(
      state,
      {x: new Float32Array(width * 4_000_000).fill(2)},
      {steps: 4_000_000, cancel},
    );
    while (counter(state) === 0) await new Promise(resolve => setImmediate(resolve));
    cancel[0] = 1;
    const {steps, end} = await running;
    expect(end).toBe('cancelled');
    expect(steps).toBe(counter(state));
  });

  it('adds up the time of each instruction', async () => {
    const program = new Program(guarded().plan());
    const x = new Float32Array(width * 100).fill(2);
    await program.run(new State(64), {x}, {steps: 100});
    expect(Math.max(...program.profile())).toBe(0);
    await program.run(new State(64), {x}, {steps: 100, profile: true});
    expect(program.profile()).toHaveLength(5);
    expect(Math.min(...program.profile())).toBeGreaterThan(0);
  });
});
