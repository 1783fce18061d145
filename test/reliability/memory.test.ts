// Models that come and go leave no memory behind.
import {expect, test} from 'vitest';
import {deep, freesAtOnce, repeats, runChild, typicalGrowth} from '../support/child.ts';

test('resident memory stays flat over many create-train-drop cycles', {timeout: 900_000}, async () => {
  const cycles = repeats(2_000, 400);
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
${typicalGrowth}
for (let warm = 0; warm < 500; warm++) await cycle();
console.log(await typicalGrowthMb(async () => {
  for (let repeat = 0; repeat < ${cycles}; repeat++) await cycle();
}));
`,
    {nodeArguments: ['--expose-gc'], timeoutMs: 880_000, env: freesAtOnce},
  );
  expect(result.code, result.stderr).toBe(0);
  // A cycle may not cost more than a few kilobytes of allocator noise.
  expect(Number(result.stdout)).toBeLessThan(deep ? 12 : 6);
});
