// Several runs at once: who is served when, and what each sees of the others.
import {afterAll, afterEach, describe, expect, it} from 'vitest';
import {addon} from '../../lib/runtime/addon.ts';
import {getThreads, type Program, setThreads} from '../../lib/runtime/program.ts';
import type {State} from '../../lib/runtime/state.ts';
import {threadIds} from './child.ts';
import {counted, newState, reader, trainer, width} from './programs.ts';
import {shared} from './words.ts';

const threads = getThreads();
afterAll(() => setThreads(threads));

const endless = 0x7fffffff;

/** Of the trainings under way. A test that fails leaves none behind, for which the next ones would wait. */
const cancels = new Set<Int32Array>();
afterEach(() => {
  for (const cancel of cancels) cancel[0] = 1;
  cancels.clear();
});

interface Running {
  readonly state: State;
  /** Ends the training; gives the steps that it committed. */
  stop(): Promise<number>;
}

async function training(program: Program, state = newState()): Promise<Running> {
  const cancel = new Int32Array(new SharedArrayBuffer(4));
  cancels.add(cancel);
  const first = state.view('float32', 0, 1);
  const before = first[0] as number;
  const run = program.run(state, {}, {steps: endless, cancel});
  while (first[0] === before) await new Promise(resolve => setImmediate(resolve));
  const stop = async (): Promise<number> => {
    cancel[0] = 1;
    const {steps, end} = await run;
    expect(end).toBe('cancelled');
    return steps;
  };
  return {state, stop};
}

async function predict(program: Program, state: State, highPriority = true): Promise<number> {
  const [a, b] = [shared(width), shared(width)];
  await program.run(state, {a, b}, {highPriority});
  return counted(a, b);
}

function predictHere(program: Program, state: State): number {
  const [a, b] = [new Float32Array(width), new Float32Array(width)];
  program.runSync(state, {a, b});
  return counted(a, b);
}

describe.each([1, 2, 3])('while a model trains on %i threads', count => {
  const small = reader(160);
  const large = reader(384, 2);

  it('a small prediction sees finished steps only', async () => {
    setThreads(count);
    const {state, stop} = await training(trainer(256, 4));
    const seen: number[] = [];
    for (let repeat = 0; repeat < 100; repeat++) seen.push(await predict(small, state));
    expect(seen).toEqual([...seen].sort((x, y) => x - y));
    expect(await stop()).toBeGreaterThanOrEqual(seen.at(-1) as number);
  });

  it('so does one that gets the whole team after a step', async () => {
    setThreads(count);
    const {state, stop} = await training(trainer());
    for (let repeat = 0; repeat < 20; repeat++) await predict(large, state);
    await stop();
  });

  it('so do many at once, large and small', async () => {
    setThreads(count);
    const {state, stop} = await training(trainer());
    const programs = [small, large, reader(160), reader(300, 1), small, large, reader()];
    for (let repeat = 0; repeat < 5; repeat++) {
      await Promise.all(programs.map(program => predict(program, state)));
    }
    await stop();
  });

  it('so does one on the calling thread', async () => {
    setThreads(count);
    const {state, stop} = await training(trainer());
    for (let repeat = 0; repeat < 300; repeat++) predictHere(small, state);
    const before = predictHere(small, state);
    // However busy the machine is, the training goes on.
    await expect.poll(() => predictHere(small, state), {timeout: 20_000}).toBeGreaterThan(before);
    await stop();
  });

  it('predictions of another model are served too', async () => {
    setThreads(count);
    const {stop} = await training(trainer());
    const other = newState();
    expect(await predict(small, other)).toBe(0);
    expect(await predict(large, other)).toBe(0);
    await stop();
  });
});

const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve));

describe('a prediction of a few microseconds', () => {
  const order = async (program: Program, state: State): Promise<string[]> => {
    const seen: string[] = [];
    await turn();
    const next = turn().then(() => seen.push('turn'));
    await predict(program, state).then(() => seen.push('prediction'));
    await next;
    return seen;
  };

  it('is made at once, a longer one is handed over', async () => {
    const state = newState();
    expect(await order(reader(), state)).toEqual(['prediction', 'turn']);
    expect(await order(reader(384, 2), state)).toEqual(['turn', 'prediction']);
  });

  it('sees finished steps only while a model trains', async () => {
    setThreads(2);
    const {state, stop} = await training(trainer());
    const program = reader();
    const seen: number[] = [];
    for (let repeat = 0; repeat < 200; repeat++) {
      seen.push(await predict(program, state));
      if (repeat % 8 === 0) await turn();
    }
    expect(seen).toEqual([...seen].sort((x, y) => x - y));
    await stop();
  });

  it('gives other events their turn, however many are awaited in a row', async () => {
    const [program, state] = [reader(), newState()];
    let yielded = false;
    setImmediate(() => {
      yielded = true;
    });
    for (let repeat = 0; repeat < 20_000 && !yielded; repeat++) await predict(program, state);
    expect(yielded).toBe(true);
  });
});

describe('the queue', () => {
  it('takes runs without high priority in their order', async () => {
    setThreads(2);
    const {state, stop} = await training(trainer());
    const order: string[] = [];
    const note = (name: string) => () => void order.push(name);
    const runs = [
      trainer().run(newState(), {}, {steps: 3}).then(note('first')),
      predict(reader(), state, false).then(note('second')),
      trainer().run(newState(), {}, {steps: 1}).then(note('third')),
      predict(reader(), state).then(note('prediction')),
    ];
    await runs[3];
    expect(order).toEqual(['prediction']);
    await stop();
    await Promise.all(runs);
    expect(order).toEqual(['prediction', 'first', 'second', 'third']);
    expect(addon().counters().jobs).toBe(0);
  });

  it('serves a prediction on a thread that waits for a writer on the calling thread', async () => {
    const state = newState();
    const writer = trainer();
    for (let repeat = 0; repeat < 30; repeat++) {
      const predictions = [reader(256, 4), reader(), reader(8)].map(program => predict(program, state));
      expect(writer.runSync(state, {}).steps).toBe(1);
      await Promise.all(predictions);
    }
    expect(predictHere(reader(), state)).toBe(30);
  });

  it('gives two trainings no more threads than were set', async () => {
    setThreads(2);
    const states = [newState(), newState()];
    await Promise.all(states.map(state => trainer(256, 2).run(state, {}, {steps: 3})));
    const before = threadIds().length;
    const runs = states.map(state => trainer(256, 2).run(state, {}, {steps: 50}));
    let most = 0;
    const watch = setInterval(() => {
      most = Math.max(most, threadIds().length);
    }, 1);
    await Promise.all(runs);
    clearInterval(watch);
    expect(most).toBeLessThanOrEqual(before);
  });

  it('changes the number of threads from run to run', async () => {
    const state = newState();
    for (const count of [1, 3, 2, 1, 4]) {
      setThreads(count);
      expect((await trainer(256, 1).run(state, {}, {steps: 2})).steps).toBe(2);
    }
    expect(predictHere(reader(), state)).toBe(10);
  });
});
