// A test run counts what its programs say, begins each step when it may, and tells what was skipped.
import {afterEach, beforeEach, expect, test, vi} from 'vitest';
import {counted, one, runSteps, sum, totalOf} from '../../scripts/steps.ts';
import {table} from '../../scripts/table.ts';

let lines: string[] = [];
const {exitCode} = process;
beforeEach(() => {
  lines = [];
  vi.spyOn(console, 'log').mockImplementation(line => void lines.push(String(line)));
});
afterEach(() => {
  vi.restoreAllMocks();
  process.exitCode = exitCode;
});

test('counts are those of the last line; a program that ends badly has failed at least once', () => {
  const text = 'skipped: a, for there is no b\n1 passed, 0 failed\n7 passed, 2 failed\n';
  expect(counted({ok: false, text})).toEqual({passed: 7, failed: 2, skipped: ['a, for there is no b']});
  expect(counted({ok: false, text: '7 passed, 0 failed'})).toMatchObject({passed: 7, failed: 1});
  expect(counted({ok: true, text: 'nothing to say'})).toMatchObject({passed: 1, failed: 0});
  expect(sum([one(true), {passed: 2, failed: 1, skipped: ['a']}])).toEqual({
    passed: 3,
    failed: 1,
    skipped: ['a'],
  });
});

test('steps run two at a time, each after those that it needs, whatever became of these', async () => {
  const events: string[] = [];
  let running = 0;
  const step = (name: string, ticks: number, after?: string[]) => ({
    name,
    ...(after && {after}),
    async run() {
      expect(++running).toBeLessThanOrEqual(2);
      events.push(`${name} begins`);
      for (let tick = 0; tick < ticks; tick++) await new Promise(resolve => setImmediate(resolve));
      events.push(`${name} ends`);
      running--;
      if (name === 'build') throw new Error('cannot build');
      return {passed: 2, failed: 0, skipped: name === 'lint' ? ['half of it: it is late'] : []};
    },
  });
  await runSteps([step('build', 4), step('lint', 2), step('tests', 1, ['build', 'not there'])], {
    sideBySide: 2,
  });
  expect(events.slice(0, 2)).toEqual(['build begins', 'lint begins']);
  expect(events.indexOf('tests begins')).toBeGreaterThan(events.indexOf('build ends'));
  expect(lines.at(-3)).toMatch(/^0\.0 minutes in all$/);
  expect(lines.slice(-2)).toEqual(['skipped: half of it: it is late', '4 passed, 1 failed, 1 skipped']);
  expect(process.exitCode).toBe(1);
});

test('a run of nothing has failed', async () => {
  await runSteps([{name: 'neon', run: () => ({passed: 0, failed: 0, skipped: ['NEON: no qemu']})}]);
  expect(lines.at(-1)).toBe('0 passed, 0 failed, 1 skipped');
  expect(process.exitCode).toBe(1);
});

test('a run that takes longer than it is to says so', () => {
  expect(totalOf(510, 10)).toBe('8.5 minutes in all');
  expect(totalOf(600, 10)).toBe('10.0 minutes in all');
  expect(totalOf(5000)).toBe('83.3 minutes in all');
  const [total, warning] = totalOf(606, 10).split('\n');
  expect(total).toBe('10.1 minutes in all');
  expect(warning).toMatch(/^warning: .* 10 minutes at most$/);
});

test('numbers in tables stand flush right', () => {
  const rows = [
    ['', 'µs', 'note'],
    ['a', '7.0', 'fast'],
    ['long', '1,200', '–'],
  ];
  expect(table(rows)).toBe('         µs  note\na       7.0  fast\nlong  1,200  –');
});
