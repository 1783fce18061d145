// Models that come and go leave no memory behind.
import {expect, test} from 'vitest';
import {deep, freesAtOnce, repeats, runChild} from '../support/child.ts';

test('resident memory stays flat over many create-train-drop cycles', {timeout: 900_000}, async () => {
  const cycles = repeats(10_000, 1_000);
  const result = await runChild(
    `
const {layers, sequential} = chainrule;
const x = {data: new Float32Array(64 * 8).fill(0.5), shape: [64, 8]};
const y = new Uint8Array(64);
async function cycle() {
  const model = sequential([
    layers.dense({units: 16, activation: 'relu', inputShape: [8]}),
    layers.dense({units: 2, activation: 'softmax'}),
  ]);
  model.compile({optimizer: 'adam', loss: 'sparseCategoricalCrossentropy'});
  await model.fit(x, y, {epochs: 1, batchSize: 16, verbose: 0});
}
const resident = async () => {
  for (let repeat = 0; repeat < 3; repeat++) { gc(); await new Promise(resolve => setTimeout(resolve, 20)); }
  return process.memoryUsage().rss / 1048576;
};
for (let warm = 0; warm < ${cycles / 2}; warm++) await cycle();
const before = await resident();
for (let repeat = 0; repeat < ${cycles / 2}; repeat++) await cycle();
console.log(before, await resident());
`,
    {nodeArguments: ['--expose-gc'], timeoutMs: 880_000, env: freesAtOnce},
  );
  expect(result.code, result.stderr).toBe(0);
  const [before, after] = result.stdout.trim().split(' ').map(Number) as [number, number];
  // Half the cycles may not cost more than a few kilobytes each of allocator noise.
  expect(after - before).toBeLessThan(deep ? 24 : 12);
});
