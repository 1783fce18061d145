// Predictions of one row, asked for one after another or thousands at once.
import {expect, it} from 'vitest';
import {layers, type Sequential, sequential} from '../../../lib/index.ts';

const build = (): Sequential =>
  sequential([layers.dense({units: 8, activation: 'tanh', inputShape: [3]}), layers.dense({units: 2})], {
    seed: 3,
  });
const rowOf = (index: number): Float32Array =>
  Float32Array.from({length: 3}, (_, at) => Math.sin(index * 3 + at));
/** More than a turn of the event loop holds. */
const many = 10_000;

it('thousands at once have the bits of each alone, whatever becomes of what was given', async () => {
  const model = build();
  const row = new Float32Array(3);
  const promises = Array.from({length: many}, (_, index) => {
    row.set(rowOf(index));
    return model.predict(row);
  });
  const order: number[] = [];
  promises.forEach((promise, index) => void promise.then(() => order.push(index)));
  const results = await Promise.all(promises);
  for (let index = 0; index < many; index += 37) {
    expect(results[index]).toEqual(model.predictSync(rowOf(index)));
  }
  expect(order).toEqual([...order].sort((a, b) => a - b));
  expect(new Set(results.map(({data}) => data)).size).toBe(many);
});

it('what is not finite is refused, and no other prediction with it', async () => {
  const model = build();
  const promises = Array.from({length: many}, (_, index) => {
    const row = rowOf(index);
    if (index % 1000 === 999) row[1] = Number.NaN;
    return model.predict(row);
  });
  const outcomes = await Promise.allSettled(promises);
  const refused = outcomes.flatMap((outcome, index) => (outcome.status === 'rejected' ? [index] : []));
  expect(refused).toEqual(Array.from({length: many / 1000}, (_, index) => 999 + 1000 * index));
  const [first] = outcomes.filter(({status}) => status === 'rejected') as PromiseRejectedResult[];
  expect(first?.reason).toMatchObject({
    code: 'ERR_NOT_FINITE',
    message: expect.stringMatching(/^predict: .*row 0/),
  });
});

it('those that wait are answered, though the model is disposed of meanwhile', async () => {
  const model = build();
  const expected = model.predictSync(rowOf(7));
  const promises = Array.from({length: many}, () => model.predict(rowOf(7)));
  model.dispose();
  for (const result of await Promise.all(promises)) expect(result.data).toEqual(expected.data);
  expect(() => model.predict(rowOf(7))).toThrow('the model was disposed of');
});

it('the event loop has its turns meanwhile', async () => {
  const model = build();
  let turns = 0;
  const count = (): void => {
    turns++;
    next = setImmediate(count);
  };
  let next = setImmediate(count);
  await Promise.all(Array.from({length: 10 * many}, () => model.predict(rowOf(1))));
  clearImmediate(next);
  expect(turns).toBeGreaterThan(1);
});
