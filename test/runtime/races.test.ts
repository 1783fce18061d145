// The executor, its team and the threads that call, under the thread sanitizer. Without it the same program
// is one of the native tests.
import {execFile} from 'node:child_process';
import {promisify} from 'node:util';
import {expect, it} from 'vitest';
import {deep} from '../support/child.ts';
import {buildSanitized, missingSanitizers} from '../support/sanitized.ts';
import {skipFor} from '../support/skip.ts';

const missing = deep ? missingSanitizers('sanitized-threads') : 'only npm run test:deep does this';

it('no two threads touch the same memory unordered', {timeout: 900_000}, async context => {
  skipFor(missing, context);
  const {race_test: program} = await buildSanitized(['race_test'], 'sanitized-threads');
  const env = {...process.env, LD_PRELOAD: '', TSAN_OPTIONS: 'halt_on_error=1'};
  const {stdout, stderr} = await promisify(execFile)(program, ['100'], {env});
  expect(stderr).toBe('');
  // Thirty of each round, and one: that callers were helped.
  expect(stdout).toBe('3001 passed, 0 failed\n');
});
