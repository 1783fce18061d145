// fast-check trains networks of any layers: the same bits on any number of threads, in two calls, from a file
// in the middle and for a row alone.
import fc from 'fast-check';
import {afterEach, expect, it} from 'vitest';
import {getThreads, load, type Model, setThreads} from '../../lib/index.ts';
import {fingerprint} from '../conformance/training.ts';
import {deep} from '../support/child.ts';
import {build, classes, dataOf, type Recipe, recipes, samples} from './random-networks.ts';

const threads = getThreads();
afterEach(() => setThreads(threads));

/** Short where they differ: of thousands of numbers only which weights, and how they begin. */
const weightsOf = (net: Model): string[] =>
  net.getWeights().map(({name, data}) => `${name} ${fingerprint([data])}, begins ${data.slice(0, 3)}`);
const hasNumbers = (net: Model): boolean => net.getWeights().every(({data}) => data.every(Number.isFinite));
const options = {batchSize: 5, seed: 8, shuffle: false, verbose: 0} as const;

async function train(recipe: Recipe, count: number, parts: readonly number[]): Promise<Model> {
  setThreads(count);
  const net = build(recipe);
  const {x, y} = dataOf(recipe);
  for (const epochs of parts) {
    await net.fit(x, y, {...options, epochs, validationData: [x, y]});
  }
  setThreads(threads);
  return net;
}

/** Training goes on in the model that a file gives as in the one that was saved. */
async function expectSameFromFile(recipe: Recipe, net: Model): Promise<void> {
  const {x, y} = dataOf(recipe);
  const again = await load(await net.toBytes({includeOptimizer: true}));
  expect(weightsOf(again)).toEqual(weightsOf(net));
  for (const own of [net, again]) await own.fit(x, y, {...options, epochs: 1});
  expect(weightsOf(again)).toEqual(weightsOf(net));
}

async function expectSameRows(recipe: Recipe, net: Model): Promise<void> {
  const {x} = dataOf(recipe);
  const size = x.data.length / samples;
  const {data} = await net.predict(x);
  for (const row of [0, 7, samples - 1]) {
    const alone = {data: x.data.slice(row * size, (row + 1) * size), shape: [1, ...x.shape.slice(1)]};
    const expected = [...data.subarray(row * classes, (row + 1) * classes)];
    expect([...net.predictSync(alone).data]).toEqual(expected);
  }
}

it('networks composed at random train alike on any way', {timeout: 1_200_000}, async () => {
  await fc.assert(
    fc.asyncProperty(recipes, async recipe => {
      const whole = await train(recipe, 1, [2]);
      const weights = weightsOf(whole);
      expect(hasNumbers(whole)).toBe(true);
      expect(weightsOf(await train(recipe, 3, [2]))).toEqual(weights);
      expect(weightsOf(await train(recipe, 2, [1, 1]))).toEqual(weights);
      await expectSameRows(recipe, whole);
      await expectSameFromFile(recipe, whole);
    }),
    {numRuns: deep ? 600 : 20, seed: deep ? Date.now() & 0x7fffffff : 11},
  );
});
