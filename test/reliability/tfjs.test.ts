// The backend of TensorFlow.js trains for a long time in the same memory; threads that have it may end at any
// moment.
import {expect, test} from 'vitest';
import {tfjsBundleFile} from '../support/bundle.ts';
import {deep, freesAtOnce, repeats, runChild, typicalGrowth} from '../support/child.ts';

/** A training step by hand that reads nothing, and one that reads its loss; with so many hidden units. */
const stepsOf = (units: number): string => `
import {createRequire} from 'node:module';
const require = createRequire(${JSON.stringify(tfjsBundleFile)});
const tf = require('@tensorflow/tfjs-core');
// Registers the gradients.
require('@tensorflow/tfjs-layers');
require(${JSON.stringify(tfjsBundleFile)});
const x = tf.randomUniform([32, 8]);
const y = tf.sum(x, 1, true);
const hidden = tf.variable(tf.randomUniform([8, ${units}], -0.3, 0.3));
const out = tf.variable(tf.randomUniform([${units}, 1], -0.3, 0.3));
const optimizer = tf.train.adam(0.001);
const loss = () => tf.losses.meanSquaredError(y, tf.matMul(tf.relu(tf.matMul(x, hidden)), out));
async function step(index) {
  if (index % 2 === 0) optimizer.minimize(loss);
  else {
    const value = optimizer.minimize(loss, true);
    await value.data();
    value.dispose();
  }
}
`;

test('memory stays flat over many training steps', {timeout: 900_000}, async () => {
  const count = repeats(20_000, 2_000);
  const result = await runChild(
    `${stepsOf(16)}
${typicalGrowth}
const held = () => {
  const {numTensors, numBytes, numBytesNative} = tf.memory();
  return [numTensors, numBytes, numBytesNative];
};
for (let warm = 0; warm < 4000; warm++) await step(warm);
await residentMb();
const before = held();
const growthMb = await typicalGrowthMb(async () => {
  for (let index = 0; index < ${count}; index++) await step(index);
});
console.log(JSON.stringify({before, after: held(), growthMb}));
`,
    {nodeArguments: ['--expose-gc'], timeoutMs: 880_000, env: freesAtOnce},
  );
  expect(result.code, result.stderr).toBe(0);
  const {before, after, growthMb} = JSON.parse(result.stdout);
  expect(after).toEqual(before);
  expect(growthMb).toBeLessThan(deep ? 24 : 12);
});

test('a loop that reads and never waits holds none of its traces', {timeout: 120_000}, async () => {
  const result = await runChild(
    `${stepsOf(16)}
const read = times => {
  for (let time = 0; time < times; time++) tf.tidy(() => tf.add(y, y).dataSync());
};
read(2000);
await null;
gc();
const before = process.memoryUsage().heapUsed;
read(20000);
gc();
console.log((process.memoryUsage().heapUsed - before) / 20000);
`,
    {nodeArguments: ['--expose-gc']},
  );
  expect(result.code, result.stderr).toBe(0);
  // A trace has a kilobyte and more; what ends it at the end of the section, some hundred bytes.
  expect(Number(result.stdout)).toBeLessThan(600);
});

// Steps of the second are made on another thread while JavaScript goes on.
test.each([16, 2048])('workers that are ended in mid-training, %i units', {timeout: 600_000}, async units => {
  const result = await runChild(
    `${stepsOf(units).replace("import {createRequire} from 'node:module';", '')}
import {createRequire} from 'node:module';
import {fileURLToPath} from 'node:url';
import {Worker, isMainThread, parentPort} from 'node:worker_threads';
if (isMainThread) {
  for (let round = 0; round < ${repeats(100, 4)}; round++) {
    const workers = [0, 1].map(() => new Worker(fileURLToPath(import.meta.url)));
    await Promise.all(workers.map(worker => new Promise((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
    })));
    for (let index = 0; index < 5; index++) await step(index);
    await Promise.all(workers.map(worker => worker.terminate()));
  }
  for (let index = 0; index < 20; index++) await step(index);
  console.log(Number.isFinite(loss().dataSync()[0]));
} else {
  for (let index = 0; ; index++) {
    await step(index);
    if (index === 20) parentPort.postMessage('begun');
    if (index % 10 === 0) await new Promise(resolve => setImmediate(resolve));
  }
}
`,
    {timeoutMs: 580_000},
  );
  expect(result.code, result.stderr).toBe(0);
  expect(result.stdout.trim()).toBe('true');
});
