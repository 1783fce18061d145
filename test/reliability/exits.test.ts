// However a process ends while it trains, it ends with its own code and not by a crash.
import {expect, test} from 'vitest';
import {endlessTraining, repeats, runChild} from '../support/child.ts';

const afterAWhile = (action: string) => `${endlessTraining}
setTimeout(() => { ${action} }, 5 + Math.random() * 40);`;

/** What OpenMP may be told from outside: fewer threads than asked for, or as many as it likes. */
const environments: readonly Record<string, string>[] = [
  {},
  {OMP_THREAD_LIMIT: '1'},
  {OMP_THREAD_LIMIT: '2'},
  {OMP_DYNAMIC: 'true'},
];

/** Starts `count` children in each environment in turn, two at a time. */
async function endsWith(source: string, code: number, count: number): Promise<void> {
  for (let repeat = 0; repeat < count; repeat += 2) {
    const run = (index: number) => runChild(source, {env: environments[index % environments.length]});
    const results = await Promise.all([run(repeat), run(repeat + 1)]);
    for (const result of results) {
      expect(result.signal, result.stderr).toBeNull();
      expect(result.code, result.stderr).toBe(code);
    }
  }
}

const count = repeats(200, environments.length);
const timeoutMs = 20_000 + count * 4_000;

test('process.exit in mid-training', {timeout: timeoutMs}, async () => {
  await endsWith(afterAWhile('process.exit(7)'), 7, count);
});

test('an uncaught error in mid-training', {timeout: timeoutMs}, async () => {
  await endsWith(afterAWhile("throw new Error('on purpose')"), 1, count);
});

test('the natural end, after an abort', {timeout: timeoutMs}, async () => {
  const source = endlessTraining.replace('verbose: 0', 'verbose: 0, signal: AbortSignal.timeout(30)');
  await endsWith(
    `${source}\nawait training.catch(error => { if (error.code !== 'ERR_ABORTED') throw error; });`,
    0,
    count,
  );
});

test('SIGTERM that a handler turns into an exit code', {timeout: timeoutMs}, async () => {
  const source = `process.on('SIGTERM', () => process.exit(9));\n${endlessTraining}
setTimeout(() => process.kill(process.pid, 'SIGTERM'), 5 + Math.random() * 40);`;
  await endsWith(source, 9, count);
});

const inWorker = `
import {Worker, isMainThread} from 'node:worker_threads';
import {fileURLToPath} from 'node:url';
`;

test('workers ended in mid-training leave the process alive and its threads gone', {
  timeout: 300_000,
}, async () => {
  const workers = repeats(200, 8);
  const result = await runChild(
    `${inWorker}
if (isMainThread) {
  const {readdirSync} = await import('node:fs');
  const threads = () => readdirSync('/proc/self/task').length;
  let before = 0;
  for (let repeat = 0; repeat < ${workers}; repeat++) {
    const worker = new Worker(fileURLToPath(import.meta.url));
    await new Promise((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
    });
    await new Promise(resolve => setTimeout(resolve, Math.random() * 20));
    await worker.terminate();
    if (repeat === 2) before = threads();
  }
  console.log('threads', before, threads());
} else {
  const {parentPort} = await import('node:worker_threads');
  ${endlessTraining}
  parentPort.postMessage('training');
}`,
    {timeoutMs: 280_000},
  );
  expect(result.signal, result.stderr).toBeNull();
  expect(result.code, result.stderr).toBe(0);
  const [, before, after] = result.stdout.trim().split(' ').map(Number);
  expect(after as number).toBeLessThanOrEqual((before as number) + 1);
});

for (const env of environments) {
  test(`training goes on under ${JSON.stringify(env)}`, {timeout: 60_000}, async () => {
    const source = endlessTraining.replace('epochs: 1_000_000', 'epochs: 20');
    const result = await runChild(
      `chainrule.setThreads(4);\n${source}\nconsole.log((await training).epoch.length);`,
      {env},
    );
    expect(result.code, result.stderr).toBe(0);
    expect(result.stdout.trim()).toBe('20');
  });
}

test('the addon may be loaded in a worker first', {timeout: 60_000}, async () => {
  const result = await runChild(`${inWorker}
if (isMainThread) {
  const worker = new Worker(fileURLToPath(import.meta.url));
  const code = await new Promise(resolve => worker.once('exit', resolve));
  ${endlessTraining.replace('epochs: 1_000_000', 'epochs: 3')}
  await training;
  console.log('worker', code, 'main done');
} else {
  ${endlessTraining.replace('epochs: 1_000_000', 'epochs: 3').replaceAll('const ', 'var ')}
  await training;
}`);
  expect(result.code, result.stderr).toBe(0);
  expect(result.stdout.trim()).toBe('worker 0 main done');
});
