// What is looked at before a commit and between instructions, and in which order.
import {afterAll, afterEach, beforeEach, describe, expect, it} from 'vitest';
import {guardKinds} from '../../lib/plan.ts';
import {getThreads, Program, setThreads} from '../../lib/runtime/program.ts';
import {State} from '../../lib/runtime/state.ts';
import {newState, reader, width} from './programs.ts';
import {alone, ops, PlanWords, shared, signatures} from './words.ts';

const threads = getThreads();
afterAll(() => setThreads(threads));

const flag = (value = 0): Int32Array => new Int32Array(new SharedArrayBuffer(4)).fill(value);
const bytesOf = (state: State): string =>
  Buffer.from(state.view('uint8', 0, state.byteLength) as Uint8Array).toString('hex');

/** Each step: total += x; the guards, of every kind, look at x, total + x and total · x. */
function summing(): Program {
  const words = new PlanWords();
  const x = words.io('x', 'float32', [16], {perStep: true});
  const total = words.place('state', 'float32', [16]);
  const values = [ops.add, ops.mul].map(op => {
    const value = words.place('arena', 'float32', [16]);
    words.map(value, [total, x], [], [[op, 0, 0, 1]]);
    return value;
  });
  const watched = [x, ...values, x];
  watched.forEach((value, index) => {
    const guard = words.place('arena', 'int32', [1]);
    words.instruction(signatures.finite, [guard], [value]).guard(guard, guardKinds[index % 4] as 'notFinite');
  });
  words.commit().map(total, [total, x], [], [[ops.add, 0, 0, 1]]);
  return new Program(words.plan());
}

function steps(...values: number[]): Float32Array {
  return Float32Array.from(values.flatMap(value => new Array<number>(16).fill(value)));
}

describe.each(['run', 'runSync'] as const)('before the commit of %s', how => {
  const program = summing();

  it.each([
    ['what was given', 0, steps(1, 2, Number.NaN, 4)],
    ['a sum that overflows', 1, steps(3e38, -1, 3e38)],
    ['a product that overflows', 2, steps(3e38, -3e38, 3e38, 1.5)],
  ])(
    'the first guard that speaks ends the run, the state is that of the step before: %s',
    async (_, at, x) => {
      const state = new State(64);
      const count = x.length / 16;
      const result = await program[how](state, {x}, {steps: count});
      expect(result).toMatchObject({end: 'guard', guard: {kind: guardKinds[at], position: 0, value: 0}});
      expect(result.anomaly === undefined).toBe(guardKinds[at] !== 'notFinite');
      const before = new State(64);
      await program[how](before, {x}, {steps: result.steps});
      expect(bytesOf(state)).toBe(bytesOf(before));
      expect(result.steps).toBeLessThan(count);
    },
  );

  it('guards come before cancellation in the step that is done', async () => {
    const state = new State(64);
    const cancelled = await program[how](state, {x: steps(1)}, {cancel: flag(1)});
    expect(cancelled).toEqual({steps: 0, end: 'cancelled'});
    expect(bytesOf(state)).toBe(bytesOf(new State(64)));
  });
});

describe.each([1, 2, 3])('in a step without end on %i threads', count => {
  const iterations = 0x7fffffff;
  const programs = {
    'of shared instructions': endless(64),
    'of small instructions after a shared one': endless(8),
  };
  let state = newState();
  let cancel = flag();

  beforeEach(() => {
    setThreads(count);
    state = newState();
    cancel = flag();
  });
  afterEach(() => expect(bytesOf(state)).toBe(bytesOf(newState())));

  function endless(size: number): Program {
    const words = new PlanWords();
    const value = words.place('state', 'float32', [width]);
    words.place('state', 'float32', [width]);
    const matrices = (length: number) =>
      [0, 1, 2].map(() => words.place('arena', 'float32', [length, length]));
    const product = ([a, b, c]: number[]) =>
      words.instruction(signatures.matmul, [c as number], [a as number, b as number], alone);
    product(matrices(96));
    const inner = matrices(size);
    words.loop(iterations, [], [], () => product(inner));
    return new Program(
      words
        .commit()
        .map(value, [value], [1], [[ops.add, 0, 0, 1]])
        .plan(),
    );
  }

  it.each(Object.keys(programs) as (keyof typeof programs)[])('%s: a stop is heard', async name => {
    const running = programs[name].run(state, {}, {cancel});
    await new Promise(resolve => setTimeout(resolve, 5));
    cancel[0] = 1;
    expect(await running).toEqual({steps: 0, end: 'cancelled'});
  });

  it.each(Object.keys(programs) as (keyof typeof programs)[])('%s: a prediction is served', async name => {
    const running = programs[name].run(state, {}, {cancel});
    const [a, b] = [shared(width), shared(width)];
    const prediction = reader();
    for (let repeat = 0; repeat < 5; repeat++) await prediction.run(state, {a, b}, {highPriority: true});
    expect(a[0]).toBe(0);
    cancel[0] = 1;
    expect((await running).end).toBe('cancelled');
  });
});
