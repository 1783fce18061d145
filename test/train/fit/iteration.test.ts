// Which rows are trained on, in which batches, and when it validates, against a line fitted in float64.
import {describe, expect, it} from 'vitest';
import type {FitOptions} from '../../../lib/index.ts';
import {build, dataOf, PlainLine, range, rows, x, y} from '../plain-line.ts';

const batchSize = 5;
const order = range(0, rows);
/** Four batches of five and one of two. */
const batches = [0, 5, 10, 15, 20].map(first => order.slice(first, first + batchSize));

async function fitBoth(options: FitOptions, plan: (line: PlainLine) => number[]) {
  const model = build();
  const line = new PlainLine(model);
  const {epoch, history} = await model.fit(x, y, {batchSize, shuffle: false, ...options});
  const losses = plan(line);
  dataOf(model).forEach((value, at) => {
    expect(value).toBeCloseTo(line.weights[at] as number, 5);
  });
  expect(history.loss).toHaveLength(losses.length);
  history.loss?.forEach((loss, at) => {
    expect(loss / (losses[at] as number), `epoch ${at}`).toBeCloseTo(1, 4);
  });
  return {epoch, history, line};
}

/** Trains on these batches and gives the mean loss over their rows. */
function epochOf(line: PlainLine, list: readonly number[][]): number {
  const sums = list.map(batch => line.step(batch) * batch.length);
  return sums.reduce((a, b) => a + b, 0) / list.flat().length;
}

describe('fit', () => {
  it('takes batches in order and a short last one', async () => {
    await fitBoth({epochs: 3}, line => range(0, 3).map(() => epochOf(line, batches)));
  });

  it('with stepsPerEpoch goes on with the rows that follow, from pass to pass', async () => {
    const all = [...batches, ...batches, ...batches];
    const {epoch} = await fitBoth({epochs: 3, stepsPerEpoch: 3}, line =>
      range(0, 3).map(number => epochOf(line, all.slice(3 * number, 3 * number + 3))),
    );
    expect(epoch).toEqual([0, 1, 2]);
    await fitBoth({epochs: 1, stepsPerEpoch: 12}, line => [epochOf(line, all.slice(0, 12))]);
  });

  it('with stepsPerEpoch and initialEpoch begins where the epoch before would have ended', async () => {
    const all = [...batches, ...batches];
    await fitBoth({initialEpoch: 1, epochs: 3, stepsPerEpoch: 3}, line =>
      [1, 2].map(number => epochOf(line, all.slice(3 * number, 3 * number + 3))),
    );
  });

  it('shuffles anew in each pass, by seed and number alone', async () => {
    const train = async (options: FitOptions) => {
      const model = build();
      await model.fit(x, y, {batchSize, seed: 9, ...options});
      return dataOf(model);
    };
    const whole = await train({epochs: 3});
    expect(await train({epochs: 5, stepsPerEpoch: 3})).toEqual(whole);
    expect(await train({epochs: 1, stepsPerEpoch: 15})).toEqual(whole);
    expect(await train({epochs: 3, seed: 10})).not.toEqual(whole);
  });
});

it('the length of native calls leaves no trace, not in the last bit of a sum', async () => {
  const run = async (every: number | 'call') => {
    const model = build();
    model.compile({
      optimizer: 'adam',
      loss: 'meanSquaredError',
      metrics: ['meanAbsoluteError', 'rootMeanSquaredError', 'r2'],
    });
    const history = await model.fit(x, y, {batchSize: 3, epochs: 30, callbacks: {every, onBatchEnd() {}}});
    return {history, weights: dataOf(model)};
  };
  const long = await run(1000);
  for (const every of [1, 3, 'call'] as const) expect(await run(every)).toEqual(long);
});

describe('validation', () => {
  const valid = (line: PlainLine, list: readonly number[]): number => line.loss(list);

  it('follows on the epochs asked for', async () => {
    const columns = async (validationFreq: number | number[]) => {
      const expected: number[] = [];
      const number = (epoch: number): boolean =>
        Array.isArray(validationFreq)
          ? validationFreq.includes(epoch + 1)
          : (epoch + 1) % validationFreq === 0;
      const {history} = await fitBoth({epochs: 5, validationFreq, validationData: [x, y]}, line =>
        range(0, 5).map(epoch => {
          const loss = epochOf(line, batches);
          if (number(epoch)) expected.push(valid(line, order));
          return loss;
        }),
      );
      expect(history.val_loss).toHaveLength(expected.length);
      history.val_loss?.forEach((loss, at) => {
        expect(loss / (expected[at] as number)).toBeCloseTo(1, 4);
      });
      return expected.length;
    };
    expect(await columns(1)).toBe(5);
    expect(await columns(2)).toBe(2);
    expect(await columns([1, 4, 9])).toBe(2);
  });

  it('takes so many batches from the first of its rows', async () => {
    const first = (count: number) =>
      fitBoth({validationData: [x, y], validationSteps: count}, line => [epochOf(line, batches)]);
    const two = await first(2);
    expect(two.history.val_loss?.[0]).toBeCloseTo(two.line.loss(order.slice(0, 10)), 5);
    const more = await first(100);
    expect(more.history.val_loss?.[0]).toBeCloseTo(more.line.loss(order), 5);
    const split = await fitBoth(
      {validationSplit: 0.5, validationSteps: 2, validationBatchSize: 3, batchSize: 11},
      line => [epochOf(line, [order.slice(0, 11)])],
    );
    expect(split.history.val_loss?.[0]).toBeCloseTo(split.line.loss(range(11, 17)), 5);
  });
});

it('options of the iteration are checked', async () => {
  const validationData = [x, y] as const;
  const wrong: [FitOptions, RegExp][] = [
    [{stepsPerEpoch: 0}, /^fit: stepsPerEpoch: expected an integer >= 1 and <= 2147483647. Received 0\.$/],
    [{validationFreq: 2}, /^fit: validationFreq: there is no validationData and no validationSplit\.$/],
    [{validationSteps: 2}, /^fit: validationSteps: there is no validationData/],
    [{validationData, validationFreq: 0}, /^fit: validationFreq: expected an integer >= 1\. Received 0/],
    [{validationData, validationFreq: [0]}, /^fit: validationFreq: expected an integer >= 1\. Received 0/],
    [{validationData, validationSteps: 1.5}, /^fit: validationSteps: expected an integer >= 1/],
    [{validationData, validationBatchSize: -1}, /^fit: validationBatchSize: expected an integer >= 1/],
    [
      {validationData: [x] as never},
      /^fit: validationData: expected \[x, y\], \[x, y, sampleWeight\] or a data set of batches\.$/,
    ],
    [{stepsPerEpoc: 2} as FitOptions, /Did you mean "stepsPerEpoch"/],
  ];
  for (const [options, text] of wrong)
    await expect(build().fit(x, y, options), String(text)).rejects.toThrow(text);
});
