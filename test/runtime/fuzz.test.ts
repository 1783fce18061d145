// The native half under the address and undefined-behaviour sanitizers: malformed plans are errors and never
// crashes, and a kernel that leaves its operand by one element is caught in every space.
import {execFile} from 'node:child_process';
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {promisify} from 'node:util';
import {beforeAll, describe, expect, it} from 'vitest';
import {deep, repeats} from '../support/child.ts';
import {buildSanitized, missingSanitizers, sanitizedIsa} from '../support/sanitized.ts';
import {skipFor} from '../support/skip.ts';
import {writeDumps} from './dumps.ts';

const missing = missingSanitizers();
const names = ['plan_fuzz', 'overrun_test'] as const;
const run = promisify(execFile);
const env = {
  ...process.env,
  LD_PRELOAD: '',
  // Plans run on all instruction sets that were compiled.
  ...(!deep && {CHAINRULE_ISA: sanitizedIsa}),
  ASAN_OPTIONS: 'allocator_may_return_null=1',
  UBSAN_OPTIONS: 'print_stacktrace=1',
};

describe('with sanitizers', () => {
  let programs: Record<(typeof names)[number], string>;
  beforeAll(async () => {
    if (!missing) programs = await buildSanitized(names);
  }, 600_000);

  it.for<[string, string, Record<string, string>]>([
    ['on teams of threads', '1', {}],
    ['with red zones', '1000000', {CHAINRULE_RED_ZONES: '1'}],
  ])(
    'malformed plans are refused or run, and never crash: %s',
    {timeout: 1_200_000},
    async ([, seed, more], context) => {
      skipFor(missing, context);
      const folder = mkdtempSync(path.join(tmpdir(), 'chainrule-fuzz-'));
      const dumps = await writeDumps(folder);
      const count = repeats(100_000, 1000);
      const args = ['--count', String(count), '--seed', seed, ...dumps];
      const {stdout} = await run(programs.plan_fuzz, args, {env: {...env, ...more}});
      rmSync(folder, {recursive: true, force: true});
      expect(stdout).toContain(`${dumps.length + 4} passed, 0 failed`);
      const [, spoiled, , steps] = (stdout.match(/\d+/g) ?? []).map(Number);
      expect(spoiled).toBeGreaterThan(count / 20); // most are refused, but some must get further
      expect(steps).toBeGreaterThan(count / 40);
    },
  );

  it('an overrun of one element is caught in state, arena and io', {timeout: 120_000}, async context => {
    skipFor(missing, context);
    const {stdout} = await run(programs.overrun_test, [], {env});
    expect(stdout).toContain('36 passed, 0 failed');
  });
});
