// The backend of TensorFlow.js trains for a long time in the same memory; threads that have it may end at any
// moment.
import {expect, test} from 'vitest';
import {tfjsBundleFile} from '../support/bundle.ts';
import {freesAtOnce, repeats, runChild, typicalGrowth} from '../support/child.ts';

/** A training step by hand that reads nothing, and one that reads its loss; with so many hidden units. */
const stepsOf = (units: number): string => `
import {createRequire} from 'node:module';
const require = createRequire(${JSON.stringify(tfjsBundleFile)});
const tf = require('@tensorflow/tfjs-core');
// Registers the gradients.
const tfl = require('@tensorflow/tfjs-layers');
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

const loops = {
  'by hand': {
    count: repeats(20_000, 2_000),
    source: `
const round = async count => {
  for (let index = 0; index < count; index++) await step(index);
};`,
  },
  'of fit': {
    count: repeats(20_000, 500),
    source: `
const model = tfl.sequential({
  layers: [
    tfl.layers.dense({units: 16, activation: 'relu', inputShape: [8]}),
    tfl.layers.dense({units: 1}),
  ],
});
model.compile({optimizer: tf.train.adam(0.001), loss: 'meanSquaredError'});
const rows = tf.randomUniform([800, 8]);
const sums = tf.sum(rows, 1, true);
// A hundred steps an epoch, of other rows each time.
const options = {batchSize: 8, verbose: 0, yieldEvery: 'never'};
const round = count => model.fit(rows, sums, {...options, epochs: count / 100});`,
  },
};

/** The young generation is small, so that resident memory is what stays. */
const smallHeap = ['--expose-gc', '--max-semi-space-size=1'];

/** See `growthsMb`. */
interface Growth {
  readonly typical: number;
  readonly whole: number;
  readonly held: number;
}

function expectFlat({typical, whole, held}: Growth): void {
  expect(held).toBeLessThan(1);
  expect(whole).toBeLessThan(16);
  expect(typical).toBeLessThan(4);
}

test.each(Object.entries(loops))(
  'memory stays flat over many training steps %s',
  {
    timeout: 900_000,
  },
  async (_, {count, source}) => {
    const result = await runChild(
      `${stepsOf(16)}
${source}
${typicalGrowth}
const tensors = () => {
  const {numTensors, numBytes, numBytesNative} = tf.memory();
  return [numTensors, numBytes, numBytesNative];
};
await round(${2 * count});
await residentMb();
const before = tensors();
const growth = await growthsMb(() => round(${count}));
console.log(JSON.stringify({before, after: tensors(), growth}));
`,
      {nodeArguments: smallHeap, timeoutMs: 880_000, env: freesAtOnce},
    );
    expect(result.code, result.stderr).toBe(0);
    const {before, after, growth} = JSON.parse(result.stdout);
    expect(after).toEqual(before);
    expectFlat(growth);
  },
);

/** Each cycle has a new engine, and two backends, one after the other. */
const renewal = `
const factory = tf.findBackendFactory('chainrule');
async function cycle() {
  const product = () => tf.tidy(() => tf.softmax(tf.matMul(x, x)));
  tf.engine().reset();
  await tf.setBackend('chainrule');
  x = tf.randomUniform([64, 64]);
  const {result} = await tf.profile(product);
  await tf.time(() => product().dispose());
  await result.data();
  tf.removeBackend('chainrule');
  tf.registerBackend('chainrule', factory, 10);
  await tf.setBackend('chainrule');
  await product().data();
}`;

test('memory stays flat where the backend is removed, and the engine reset', {timeout: 900_000}, async () => {
  const result = await runChild(
    `${stepsOf(16).replace('const x =', 'let x =')}
${renewal}
${typicalGrowth}
for (let warm = 0; warm < 100; warm++) await cycle();
const growth = await growthsMb(async () => {
  for (let index = 0; index < ${repeats(500, 40)}; index++) await cycle();
});
console.log(JSON.stringify({growth}));
`,
    {nodeArguments: smallHeap, timeoutMs: 880_000, env: freesAtOnce},
  );
  expect(result.code, result.stderr).toBe(0);
  expectFlat(JSON.parse(result.stdout).growth);
});

test('the collector counts what tensors have', async () => {
  const result = await runChild(
    `${stepsOf(16)}
${typicalGrowth}
const arraysMb = async () => {
  await residentMb();
  return process.memoryUsage().arrayBuffers / 1048576;
};
const counts = [await arraysMb()];
const given = [1, 2].map(() => tf.zeros([4096, 4096]));
counts.push(await arraysMb());
const computed = tf.add(given[0], 1);
await computed.data();
counts.push(await arraysMb());
tf.dispose([given, computed]);
counts.push(await arraysMb());
console.log(JSON.stringify(counts));
`,
    {nodeArguments: ['--expose-gc']},
  );
  expect(result.code, result.stderr).toBe(0);
  const [none, two, three, disposed] = JSON.parse(result.stdout);
  // 64 MB each, in blocks with a little room; one of those that were disposed of is kept to serve again.
  expect((two - none) / 2).toBeCloseTo(66, -1);
  expect(three - two).toBeCloseTo(66, -1);
  expect(disposed - none).toBeLessThan(70);
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
