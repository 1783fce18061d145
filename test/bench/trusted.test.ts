// No figure of several threads is printed that tells more about waking them than about their work.
import {afterEach, expect, test, vi} from 'vitest';
import {Product} from '../../bench/product.ts';
import {timeProgram} from '../../bench/program-time.ts';
import {cell, leastTurnSeconds, trusted} from '../../bench/report.ts';
import {setThreads} from '../../lib/index.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

test('a turn is to be so much longer than waking a team that two hundredths are left to it', () => {
  expect(leastTurnSeconds).toBeCloseTo(50 * 1e-4, 12);
  expect(trusted(7, leastTurnSeconds, 2)).toBe(7);
  expect(trusted(7, 0.99 * leastTurnSeconds, 2)).toBeUndefined();
  expect(trusted(7, 0, 1)).toBe(7);
  expect([cell(undefined), cell(7)]).toEqual(['', '7.00']);
});

/** A program whose steps take so many milliseconds, by a clock of its own; and the steps of its turns. */
function clocked(milliseconds: number) {
  let now = 0;
  const turns: number[] = [];
  vi.spyOn(performance, 'now').mockImplementation(() => now);
  const run = async (_: object, {steps = 1}: {readonly steps?: number} = {}) => {
    turns.push(steps);
    now += milliseconds * steps;
    return {} as never;
  };
  return {program: {run}, turns};
}

test('a program makes as many steps in a turn as it takes', async () => {
  const half = clocked((1000 * leastTurnSeconds) / 40);
  expect(await timeProgram(half.program, {}, {threads: 2, repeats: 2})).toBeCloseTo(125, 9);
  expect(half.turns).toEqual([20, 60, 60]);
  const alone = clocked((1000 * leastTurnSeconds) / 40);
  expect(await timeProgram(alone.program, {}, {threads: 1, repeats: 2})).toBeCloseTo(125, 9);
  expect(alone.turns).toEqual([20, 20]);
});

test('what takes no time at all has no figure on two threads', async () => {
  const {program, turns} = clocked(0);
  expect(await timeProgram(program, {}, {threads: 2, repeats: 2})).toBeUndefined();
  expect(turns).toHaveLength(7);
});

test('a product on two threads has such turns, however short a one is asked for', async () => {
  setThreads(2);
  const product = new Product({form: 'nn', m: 8, k: 8, n: 8});
  const started = performance.now();
  expect(await product.time(2, 1e-6)).toBeGreaterThan(0);
  expect(performance.now() - started).toBeGreaterThan(1000 * leastTurnSeconds);
});
