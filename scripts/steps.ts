// A step of a test run: a process, timed, whose failure does not keep the next one from running. Steps that
// need nothing of each other run side by side.
import {spawn as spawnChild, spawnSync} from 'node:child_process';
import {root} from './bootstrap.mjs';
import {table} from './table.ts';

export interface Outcome {
  readonly passed: number;
  readonly failed: number;
  /** What was not tested and why, a sentence each. */
  readonly skipped?: readonly string[];
}

export interface Step {
  readonly name: string;
  /** Names of the steps that end before this one begins. */
  readonly after?: readonly string[];
  run(): Outcome | Promise<Outcome>;
}

export interface Spawned {
  readonly ok: boolean;
  readonly text: string;
}

export interface SpawnOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly capture?: boolean;
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

/** Runs a program in the root beside others. What it prints is shown when it ends, in one piece. */
export function spawnBeside(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Spawned> {
  const child = spawnChild(command, args, {
    cwd: root,
    env: {...process.env, ...env},
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (more: string) => {
      text += more;
    });
  }
  return new Promise(resolve => {
    child.on('error', error => {
      text += `${command}: ${error.message}\n`;
      resolve({ok: false, text});
    });
    child.on('close', (code, signal) => {
      if (signal) text += `${command}: ended by ${signal}\n`;
      process.stdout.write(text);
      resolve({ok: code === 0, text});
    });
  });
}

export function one(ok: boolean): Outcome {
  return ok ? {passed: 1, failed: 0} : {passed: 0, failed: 1};
}

/**
 * Counts from the last line `N passed, N failed` of a program; without one the program is one test. Lines
 * `skipped: WHAT` say what it did not test.
 */
export function counted({ok, text}: Spawned): Outcome {
  const skipped = [...text.matchAll(/^skipped: (.+)$/gm)].map(([, what]) => what as string);
  const line = [...text.matchAll(/^(\d+) passed, (\d+) failed/gm)].at(-1);
  if (!line) return {...one(ok), skipped};
  const [passed, failed] = [Number(line[1]), Number(line[2])];
  return {passed, failed: ok ? failed : Math.max(failed, 1), skipped};
}

export function sum(outcomes: readonly Outcome[]): Outcome {
  return {
    passed: outcomes.reduce((total, {passed}) => total + passed, 0),
    failed: outcomes.reduce((total, {failed}) => total + failed, 0),
    skipped: outcomes.flatMap(({skipped = []}) => skipped),
  };
}

/** Hands out so many places; whoever comes later waits in line. */
function places(count: number): {take(): Promise<void>; leave(): void} {
  let free = count;
  const line: (() => void)[] = [];
  return {
    async take() {
      if (free > 0) free--;
      else await new Promise<void>(resolve => line.push(resolve));
    },
    leave() {
      const next = line.shift();
      if (next) next();
      else free++;
    },
  };
}

/** What is said of the time of all steps. A warning, not a failure: what else runs here only adds to it. */
export function totalOf(seconds: number, limitMinutes?: number): string {
  const total = `${(seconds / 60).toFixed(1)} minutes in all`;
  if (limitMinutes === undefined || seconds <= 60 * limitMinutes) return total;
  return `${total}\nwarning: on an idle machine these are to be ${limitMinutes} minutes at most`;
}

export interface RunOptions {
  /** Steps at a time. */
  readonly sideBySide?: number;
  /** That a whole run is to take on an idle machine at most. */
  readonly limitMinutes?: number | undefined;
}

/**
 * Runs the steps, so many at a time, each as soon as those that it comes after have ended; sums them up
 * and sets the exit code. The last line is for machines.
 */
export async function runSteps(steps: readonly Step[], options: RunOptions = {}): Promise<void> {
  const {sideBySide = 1, limitMinutes} = options;
  const started = performance.now();
  const {take, leave} = places(sideBySide);
  const results = new Map<string, Promise<Result>>();
  for (const step of steps) {
    const before = (step.after ?? []).map(name => results.get(name));
    results.set(
      step.name,
      Promise.all(before).then(async () => {
        await take();
        const result = await timed(step);
        leave();
        return result;
      }),
    );
  }
  const all = await Promise.all(results.values());
  const {passed, failed, skipped = []} = sum(all.map(({outcome}) => outcome));
  const head = ['step', 'passed', 'failed', 'skipped', 'seconds', ''];
  console.log(`\n${table([head, ...all.map(({row}) => row)])}\n`);
  console.log(totalOf((performance.now() - started) / 1000, limitMinutes));
  for (const what of skipped) console.log(`skipped: ${what}`);
  console.log(`${passed} passed, ${failed} failed, ${skipped.length} skipped`);
  process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
}

interface Result {
  readonly outcome: Outcome;
  /** Of the table at the end. */
  readonly row: readonly string[];
}

async function timed({name, run}: Step): Promise<Result> {
  console.log(`\n== ${name}: begins`);
  const started = performance.now();
  const outcome = await attempt(run);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  const verdict = outcome.failed === 0 ? (outcome.passed === 0 ? 'skipped' : 'ok') : 'FAILED';
  console.log(`== ${name}: ${verdict}, ${seconds} s`);
  const counts = [outcome.passed, outcome.failed, outcome.skipped?.length ?? 0].map(String);
  return {outcome, row: [name, ...counts, seconds, verdict]};
}

async function attempt(run: Step['run']): Promise<Outcome> {
  try {
    return await run();
  } catch (error) {
    console.log(error instanceof Error ? error.message : error);
    return one(false);
  }
}
