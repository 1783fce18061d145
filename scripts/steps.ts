// A step of a test run: a process, timed, whose failure does not keep the next one from running.
import {spawnSync} from 'node:child_process';
import {root} from './bootstrap.mjs';

export interface Outcome {
  readonly passed: number;
  readonly failed: number;
  /** Why nothing was done, where that is no failure. */
  readonly skipped?: string;
}

export interface Step {
  readonly name: string;
  run(): Outcome | Promise<Outcome>;
}

export interface Spawned {
  readonly ok: boolean;
  readonly text: string;
}

/** Runs a program in the root. Its output is shown; with `capture` it is returned as well. */
export function spawn(command: string, args: readonly string[], options: SpawnOptions = {}): Spawned {
  const result = spawnSync(command, args, {
    cwd: root,
    env: {...process.env, ...options.env},
    stdio: ['ignore', options.capture ? 'pipe' : 'inherit', 'inherit'],
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (options.capture) process.stdout.write(result.stdout ?? '');
  if (result.error) console.log(`${command}: ${result.error.message}`);
  if (result.signal) console.log(`${command}: ended by ${result.signal}`);
  return {ok: result.status === 0, text: result.stdout ?? ''};
}

export interface SpawnOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly capture?: boolean;
}

export function one(ok: boolean): Outcome {
  return ok ? {passed: 1, failed: 0} : {passed: 0, failed: 1};
}

/** Counts from the last line `N passed, N failed` of a program; without one the program is one test. */
export function counted({ok, text}: Spawned): Outcome {
  const line = [...text.matchAll(/^(\d+) passed, (\d+) failed$/gm)].at(-1);
  if (!line) return one(ok);
  const [passed, failed] = [Number(line[1]), Number(line[2])];
  return {passed, failed: ok ? failed : Math.max(failed, 1)};
}

/** Runs the steps in order, sums them up and sets the exit code. The last line is for machines. */
export async function runSteps(steps: readonly Step[]): Promise<void> {
  const rows: string[] = [];
  let [passed, failed] = [0, 0];
  for (const {name, run} of steps) {
    console.log(`\n== ${name}`);
    const started = performance.now();
    const outcome = await attempt(run);
    const time = `${((performance.now() - started) / 1000).toFixed(1)} s`;
    passed += outcome.passed;
    failed += outcome.failed;
    const verdict = outcome.skipped ? `skipped: ${outcome.skipped}` : outcome.failed === 0 ? 'ok' : 'FAILED';
    const counts = `${outcome.passed} passed, ${outcome.failed} failed`.padEnd(26);
    rows.push(`${name.padEnd(14)} ${counts} ${time.padStart(8)}  ${verdict}`);
    console.log(`== ${name}: ${verdict}, ${time}`);
  }
  console.log(`\n${rows.join('\n')}\n\n${passed} passed, ${failed} failed`);
  process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
}

async function attempt(run: Step['run']): Promise<Outcome> {
  try {
    return await run();
  } catch (error) {
    console.log(error instanceof Error ? error.message : error);
    return one(false);
  }
}
