// Ops by the hundred thousand leave nothing behind; threads that compute them may end at any moment.
import {expect, test} from 'vitest';
import {deep, freesAtOnce, repeats, runChild, typicalGrowth} from '../support/child.ts';

test('resident memory stays flat over many evaluations', {timeout: 900_000}, async () => {
  const calls = repeats(20_000, 6_000);
  const result = await runChild(
    `
const {evaluateSync, ops} = chainrule;
const x = ops.input({name: 'x', shape: [64, 64]});
const data = new Float32Array(64 * 64).fill(0.5);
const known = ops.sum(ops.mul(x, 2));
function cycle(index) {
  evaluateSync(known, {x: data});
  // A graph, and shapes, that were never seen; results that nobody keeps.
  const rows = ops.input({name: 'rows', shape: [1 + (index % 3000), 16]});
  evaluateSync(ops.add(ops.neg(rows), 1), {rows: new Float32Array(rows.size)});
}
${typicalGrowth}
for (let warm = 0; warm < 6000; warm++) cycle(warm);
console.log(await typicalGrowthMb(() => {
  for (let repeat = 0; repeat < ${calls}; repeat++) cycle(repeat);
}));
`,
    {nodeArguments: ['--expose-gc'], timeoutMs: 880_000, env: freesAtOnce},
  );
  expect(result.code, result.stderr).toBe(0);
  expect(Number(result.stdout)).toBeLessThan(deep ? 24 : 12);
});

test('results that are dropped without a turn of the event loop are collected', {
  timeout: 120_000,
}, async () => {
  const result = await runChild(
    `
const {evaluateSync, ops} = chainrule;
const x = ops.input({name: 'x', shape: [512, 512]});
const data = new Float32Array(512 * 512);
const y = ops.neg(x);
let most = 0;
for (let call = 0; call < 1500; call++) {
  evaluateSync(y, {x: data});
  if (call % 50 === 0) most = Math.max(most, process.memoryUsage().rss / 1048576);
}
console.log(most);
`,
    {timeoutMs: 100_000, env: freesAtOnce},
  );
  expect(result.code, result.stderr).toBe(0);
  // All results together are 1.5 GB.
  expect(Number(result.stdout)).toBeLessThan(700);
});

test('workers that are ended while they compute op by op', {timeout: 300_000}, async () => {
  const workers = repeats(100, 6);
  const result = await runChild(
    `
import {Worker, isMainThread, parentPort} from 'node:worker_threads';
import {fileURLToPath} from 'node:url';
const {evaluateSync, ops} = chainrule;
const compute = size => {
  const x = ops.input({name: 'x', shape: [size, size]});
  const data = new Float32Array(size * size).fill(1 / size);
  return evaluateSync(ops.sum(ops.matmul(x, ops.add(x, 0))), {x: data}).data[0];
};
if (isMainThread) {
  let sum = 0;
  for (let repeat = 0; repeat < ${workers}; repeat++) {
    const worker = new Worker(fileURLToPath(import.meta.url));
    await new Promise((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
    });
    const until = performance.now() + Math.random() * 20;
    while (performance.now() < until) sum += compute(300);
    await worker.terminate();
  }
  console.log(sum > 0, Math.round(compute(20)));
} else {
  parentPort.postMessage('begins');
  for (let size = 1; ; size = 1 + (size * 7) % 300) compute(size);
}`,
    {timeoutMs: 280_000},
  );
  expect(result.signal, result.stderr).toBeNull();
  expect(result.code, result.stderr).toBe(0);
  expect(result.stdout.trim()).toBe('true 20');
});

// Counted in a process of its own: other threads may have links, too.
test('many graphs leave no more linked than there may be', {timeout: 120_000}, async () => {
  const result = await runChild(`
import {createRequire} from 'node:module';
const native = createRequire(import.meta.url)(process.env.CHAINRULE_BINARY);
const {evaluateSync, ops} = chainrule;
for (let index = 0; index < 1200; index++) {
  const x = ops.input({name: 'x', shape: [index + 1]});
  evaluateSync(ops.neg(x), {x: new Float32Array(index + 1)});
}
console.log(native.counters().linked);
`);
  expect(result.code, result.stderr).toBe(0);
  expect(Number(result.stdout)).toBe(1024);
});
