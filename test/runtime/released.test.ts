// Memory that its owner has let go of: it goes when no run needs it, and a later run takes memory anew.
import {describe, expect, it} from 'vitest';
import {Program} from '../../lib/runtime/program.ts';
import {State} from '../../lib/runtime/state.ts';
import {ops, PlanWords, shared} from './words.ts';

const width = 2 ** 20;

/** Each step adds 1 to the state, by way of the arena, and gives the sum. */
function counting(): Program {
  const words = new PlanWords();
  const result = words.io('result', 'float32', [width], {output: true});
  const before = words.place('state', 'float32', [width]);
  const next = words.place('arena', 'float32', [width]);
  words.map(next, [before], [1], [[ops.add, 0, 0, 1]]);
  words.map(result, [next], [0], [[ops.add, 0, 0, 1]]);
  return new Program(
    words
      .commit()
      .map(before, [next], [0], [[ops.add, 0, 0, 1]])
      .plan(),
  );
}

const every = (array: ArrayLike<number>, value: number): boolean =>
  Array.prototype.every.call(array, each => each === value);

describe('what is released', () => {
  it('arenas: at once, or when runs end; later runs have them again', async () => {
    const [program, state] = [counting(), new State(4 * width)];
    const result = shared(width);
    const view = state.view('float32', 0, width);
    program.runSync(state, {result});
    program.release();
    program.release();
    const runs = [program.run(state, {result}, {steps: 20}), program.run(state, {result}, {steps: 20})];
    program.release();
    await Promise.all(runs);
    expect(every(view, 41)).toBe(true);
    program.runSync(state, {result});
    await program.run(state, {result});
    expect(every(result, 43)).toBe(true);
  });

  it('a state: when all runs have ended, the last of which have its numbers', async () => {
    const [program, state] = [counting(), new State(4 * width)];
    const view = state.view('float32', 0, width);
    view.fill(5);
    const results = [1, 2, 3].map(() => shared(width));
    const runs = results.map(result => program.run(state, {result}));
    state.release();
    await Promise.all(runs);
    results.forEach((result, at) => {
      expect(every(result, 6 + at)).toBe(true);
    });
    // Where the system has no way to take pages back, the numbers stay.
    expect(every(view, process.platform === 'linux' ? 0 : 8)).toBe(true);
    state.release();
    view.fill(1);
    expect(every(view, 1)).toBe(true);
  });
});
