// Sequences of many lengths: how many models and plans of them stay, and that what was let go of is made anew
// to the same numbers.
import {afterEach, describe, expect, it, vi} from 'vitest';
import {layers, sequential} from '../../../lib/index.ts';
import {onCompile} from '../../../lib/session/compile.ts';
import {RowPrograms} from '../../../lib/session/row-programs.ts';
import {Network} from '../../../lib/train/network/network.ts';
import {numbers} from '../../support/plain-networks.ts';

const features = 2;
const lengths = Array.from({length: 70}, (_, at) => at + 1);
const parts = () => [
  layers.dense({units: 3, activation: 'tanh', inputShape: [null, features]}),
  layers.globalAveragePooling1d(),
  layers.dense({units: 1}),
];

const batch = 4;
const dataOf = (length: number) => ({
  data: numbers(batch * length * features, length),
  shape: [batch, length, features],
});

/** Plans that are compiled meanwhile. */
async function compiledIn(run: () => Promise<unknown>): Promise<number> {
  let count = 0;
  onCompile(() => count++);
  try {
    await run();
  } finally {
    onCompile(undefined);
  }
  return count;
}

describe('of 70 lengths', () => {
  afterEach(() => vi.restoreAllMocks());

  it('the models of the 64 used last are kept', () => {
    const network = new Network(parts());
    const at = (length: number) => network.at([[length, features]]);
    const made = new Map(lengths.map(length => [length, at(length)]));
    // Those of 7 to 70 are there; asked for in this order, each stays.
    for (const length of lengths.slice(6)) expect(at(length), `${length} steps`).toBe(made.get(length));
    for (const length of lengths.slice(0, 6))
      expect(at(length), `${length} steps`).not.toBe(made.get(length));
  });

  it('the plans of the 16 used last are kept, and the first length gives its numbers again', async () => {
    const model = sequential(parts(), {seed: 4});
    const released = vi.spyOn(RowPrograms.prototype, 'release');
    const first = await model.predict(dataOf(1));
    const all = () =>
      lengths
        .slice(1)
        .reduce(
          (before, length) => before.then(() => model.predict(dataOf(length))).then(() => {}),
          Promise.resolve(),
        );
    // One for each: what has the same shapes is compiled once.
    expect(await compiledIn(all)).toBe(69);
    expect(released).toHaveBeenCalledTimes(70 - 16);
    const last = async () => {
      for (const length of lengths.slice(-16)) await model.predict(dataOf(length));
    };
    expect(await compiledIn(last)).toBe(0);
    let again: typeof first | undefined;
    const once = async () => {
      again = await model.predict(dataOf(1));
    };
    expect(await compiledIn(once)).toBe(1);
    expect([...(again?.data ?? [])]).toEqual([...first.data]);
    expect(released).toHaveBeenCalledTimes(71 - 16);
  });

  it('training keeps as few plans, and goes on as if all were kept', async () => {
    const model = sequential(parts(), {seed: 4});
    model.compile({optimizer: 'adam', loss: 'meanSquaredError'});
    const ones = new Float32Array(batch).fill(1);
    const train = async (from: number, to: number) => {
      for (let length = from; length <= to; length++) await model.trainOnBatch(dataOf(length), ones);
    };
    expect(await compiledIn(() => train(1, 20))).toBeGreaterThanOrEqual(20);
    expect(await compiledIn(() => train(5, 20))).toBe(0);
    // The step of one that was let go of is that of a model which has seen no other length.
    const other = sequential(parts(), {seed: 9});
    other.compile({optimizer: 'adam', loss: 'meanSquaredError'});
    other.setWeights(model.getWeights().map(({data}) => data));
    const wanted = await other.evaluate(dataOf(1), ones);
    let logs: Record<string, number> = {};
    const step = async () => {
      logs = await model.trainOnBatch(dataOf(1), ones);
    };
    expect(await compiledIn(step)).toBeGreaterThan(0);
    expect(logs.loss).toBeCloseTo(wanted.loss as number, 6);
  });
});
