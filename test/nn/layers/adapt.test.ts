// What layers.normalization takes from data, against means and variances computed in float64.
import {describe, expect, it} from 'vitest';
import {type DataInput, Dataset, layers, load, modelFromJSON, sequential} from '../../../lib/index.ts';
import {numbers} from '../../support/plain-networks.ts';
import {untyped} from '../../support/refusals.ts';

type Axis = number | readonly number[] | null;

/** Rows of this shape, far from zero and of small spread, which differ from place to place. */
function table(rows: number, shape: readonly number[]) {
  const width = shape.reduce((a, b) => a * b, 1);
  const data = numbers(rows * width, 11).map(
    (value, at) => 1000 * ((at % width) + 1) + value * ((at % 5) + 0.01),
  );
  return {data: Float32Array.from(data), shape: [rows, ...shape]};
}

/** Of each place along the axes, by two passes over exactly the numbers that the model sees. */
function oracle({data, shape}: {data: Float32Array; shape: readonly number[]}, axis: Axis) {
  const rank = shape.length;
  const axes = (axis === null ? [] : [axis].flat()).map(each => (each < 0 ? each + rank : each)).sort();
  const groups = new Map<string, number[]>();
  const keys = Array.from(data, (value, at) => {
    const places = shape.map((_, each) => {
      const stride = shape.slice(each + 1).reduce((a, b) => a * b, 1);
      return Math.floor(at / stride) % (shape[each] as number);
    });
    const key = axes.map(each => places[each]).join();
    groups.set(key, [...(groups.get(key) ?? []), value]);
    return key;
  });
  const statistics = new Map(
    [...groups].map(([key, values]) => {
      const mean = values.reduce((a, b) => a + b, 0) / values.length;
      const variance = values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length;
      return [key, {mean, variance}] as const;
    }),
  );
  const of = (at: number) => statistics.get(keys[at] as string) as {mean: number; variance: number};
  return {
    statistics: [...statistics.values()],
    normalized: Array.from(data, (value, at) => (value - of(at).mean) / Math.sqrt(of(at).variance)),
    restored: Array.from(data, (value, at) => value * Math.sqrt(of(at).variance) + of(at).mean),
  };
}

function expectNear(given: ArrayLike<number>, wanted: readonly number[], digits: number): void {
  expect(given.length).toBe(wanted.length);
  wanted.forEach((value, at) => {
    const error = Math.abs((given[at] as number) - value) / Math.max(1, Math.abs(value));
    expect(error, `number ${at}`).toBeLessThan(10 ** -digits);
  });
}

const cases: [string, readonly number[], Axis | undefined][] = [
  ['features of a table', [4], undefined],
  ['the only feature', [1], -1],
  ['features at each step', [3, 4], undefined],
  ['steps, all features alike', [3, 4], 1],
  ['every place of two axes', [3, 4], [1, 2]],
  ['axes in any order, one of three', [2, 3, 4], [-1, 1]],
  ['the middle axis', [2, 3, 4], 2],
  ['all numbers alike', [3, 4], null],
];

describe.each(cases)('%s', (_, shape, axis) => {
  const given = table(37, shape);
  const wanted = oracle(given, axis === undefined ? -1 : axis);
  const options = {inputShape: shape, ...(axis !== undefined && {axis})};

  it('normalize as the definition does, and back', async () => {
    const scale = layers.normalization(options);
    scale.adapt(given);
    const net = sequential([scale]);
    const [mean, variance] = scale.getWeights();
    expectNear(
      mean?.data ?? [],
      wanted.statistics.map(each => each.mean),
      6,
    );
    expectNear(
      variance?.data ?? [],
      wanted.statistics.map(each => each.variance),
      6,
    );
    expectNear((await net.predict(given)).data, wanted.normalized, 2);
    const back = layers.normalization({...options, invert: true});
    back.adapt(given);
    expectNear((await sequential([back]).predict(given)).data, wanted.restored, 5);
  });

  it('by a data set of any batches, in one pass, as by the rows at once', async () => {
    const scale = layers.normalization(options);
    for (const size of [1, 5, 37]) {
      let passes = 0;
      const batches = Dataset.fromGenerator(() => {
        passes++;
        return Array.from({length: Math.ceil(37 / size)}, (_, at) => part(given, at * size, size));
      });
      await scale.adapt(batches);
      expect(passes).toBe(1);
      const net = sequential([scale]);
      const [mean, variance] = scale.getWeights();
      expectNear(
        mean?.data ?? [],
        wanted.statistics.map(each => each.mean),
        6,
      );
      expectNear(
        variance?.data ?? [],
        wanted.statistics.map(each => each.variance),
        6,
      );
      expect((await net.predict(given)).shape).toEqual([37, ...shape]);
    }
    await scale.adapt(
      Dataset.fromArrays({xs: given, ys: new Uint8Array(37)})
        .shuffle(37)
        .batch(8),
    );
    expectNear(
      scale.getWeights()[0]?.data ?? [],
      wanted.statistics.map(each => each.mean),
      6,
    );
  });

  it('are in descriptions and files', async () => {
    const scale = layers.normalization({...options, invert: true});
    scale.adapt(given);
    const net = sequential([scale]);
    const {data: made} = await net.predict(given);
    const config = untyped(scale.getConfig());
    for (const copy of [
      await load(await net.toBytes()),
      modelFromJSON(JSON.stringify(net)),
      net.clone(),
      sequential([layers.normalization(config)]),
    ]) {
      expect((await copy.predict(given)).data).toEqual(made);
    }
  });
});

function part({data, shape}: ReturnType<typeof table>, first: number, count: number) {
  const [rows = 0, ...inner] = shape;
  const width = data.length / rows;
  const end = Math.min(rows, first + count);
  return {data: data.subarray(first * width, end * width), shape: [end - first, ...inner]};
}

describe('adapt', () => {
  const rows = [
    [1, 20],
    [3, 40],
    [8, 60],
  ];
  const weightsOf = (given: unknown) => {
    const scale = layers.normalization({inputShape: [2]});
    sequential([scale]);
    scale.adapt(untyped(given));
    return scale.getWeights();
  };
  const wanted = weightsOf(rows);

  it.each<[string, unknown]>([
    ['rows of typed arrays', rows.map(row => Float64Array.from(row))],
    ['numbers one after another', rows.flat()],
    ['a typed array of them', Float32Array.from(rows.flat())],
    ['integers', {data: Int16Array.from(rows.flat()), shape: [3, 2]}],
    ['bytes', Uint8Array.from(rows.flat())],
    ['the only table by name', {features: rows}],
    ['the same in a Map', new Map([['features', rows]])],
  ])('takes %s, as fit does', (_, given) => {
    expect(weightsOf(given)).toEqual(wanted);
  });

  it('counts a scale in, and a constant column exactly', async () => {
    const scaled = weightsOf({data: Uint8Array.from([10, 30, 10, 50]), shape: [2, 2], scale: 0.1});
    expect(scaled[0]?.data).toEqual(Float32Array.of(1, 4));
    const scale = layers.normalization({inputShape: [2]});
    const third = {data: new Float32Array(7).fill(0.1), shape: [7, 1]};
    const same = Dataset.fromGenerator(() => [third, third, third]);
    const one = layers.normalization({inputShape: [1]});
    await one.adapt(same);
    expect([...(await sequential([one]).predict([[0.1]])).data]).toEqual([0]);
    expect(scale.adapt([[5, 5]])).toBeUndefined();
    expect([...(await sequential([scale]).predict([[5, 5]])).data]).toEqual([0, 0]);
  });

  it('is stable: a mean a million times the deviation, in many batches', async () => {
    const values = Array.from({length: 3000}, (_, at) => 1e6 + (at % 7) / 8);
    const wantedMean = values.reduce((a, b) => a + (b - 1e6), 0) / 3000;
    const wantedVariance = values.reduce((a, b) => a + (b - 1e6 - wantedMean) ** 2, 0) / 3000;
    const scale = layers.normalization({inputShape: [1]});
    sequential([scale]);
    await scale.adapt(Dataset.fromGenerator(() => values.map(value => Float32Array.of(value))));
    const [mean, variance] = scale.getWeights();
    expect(mean?.data[0]).toBe(Math.fround(1e6 + wantedMean));
    expect(variance?.data[0]).toBeCloseTo(wantedVariance, 6);
  });

  it('means and variances may be given: one for all, lists, lists of lists', async () => {
    const net = (options: object) => sequential([layers.normalization({inputShape: [2, 2], ...options})]);
    const x = [
      [
        [1, 2],
        [3, 4],
      ],
    ];
    const predicted = async (options: object) => [...(await net(options).predict(x)).data];
    expect(await predicted({mean: 1, variance: 4})).toEqual([0, 0.5, 1, 1.5]);
    expect(await predicted({mean: [1, 2], variance: Float32Array.of(1, 4)})).toEqual([0, 0, 2, 1]);
    const each = [
      [1, 2],
      [3, 0],
    ];
    expect(await predicted({axis: [1, 2], mean: each})).toEqual([0, 0, 0, 4]);
    expect(await predicted({axis: [1, 2], mean: each.flat(), invert: true})).toEqual([2, 4, 6, 4]);
    expect(() => net({mean: [[1, 2]]})).toThrow(/mean has the shape \[1,2\] for 2 features/);
    expect(() => net({axis: [1, 2], mean: [1, 2]})).toThrow(/mean has 2 numbers for \[2,2\]/);
  });

  it('says what does not fit', async () => {
    const make = (options: object) => () => layers.normalization(untyped(options));
    expect(make({axis: 'last'})).toThrow(/normalization: axis: expected an integer/);
    expect(make({axis: 0.5})).toThrow(/axis: expected an integer/);
    expect(make({invert: 1})).toThrow(/invert: expected true or false/);
    expect(make({variance: [-1]})).toThrow(/variance: expected a finite number >= 0/);
    expect(make({mean: [[1], [1, 2]]})).toThrow(/mean: its lists have different lengths/);
    expect(make({axes: 1})).toThrow(/unknown option "axes".*"axis"/);
    expect(() => sequential([layers.normalization({inputShape: [2], axis: 0})])).toThrow(
      /axis 0 is none of 1/,
    );
    const scale = layers.normalization({inputShape: [2]});
    expect(() => scale.adapt(untyped({a: rows, b: rows}))).toThrow(/expected one table. Received \{a, b\}/);
    const adapted = (elements: unknown[]) => scale.adapt(untyped(Dataset.fromGenerator(() => elements)));
    await expect(adapted([])).rejects.toThrow(/gave no batch/);
    await expect(adapted([3])).rejects.toThrow(/single samples: dataset\.batch/);
    await expect(adapted([rows, [[1, Number.NaN]]])).rejects.toThrow(/batch 1: row 0, feature 1 holds NaN/);
    await expect(adapted([rows, [[1, 2, 3]]])).rejects.toThrow(/batch 1: the rows have 3 features/);
    await expect(scale.adapt(untyped(Dataset.fromArrays(rows)))).rejects.toThrow(/single samples/);
    await expect(scale.adapt(untyped(Dataset.fromArrays(rows).batch(1).repeat()))).rejects.toThrow(
      /never ends/,
    );
    const open = layers.normalization();
    const uneven = Dataset.fromGenerator(() => [[[1, 2]], [[1]]]) as unknown as Dataset<DataInput>;
    await expect(open.adapt(uneven)).rejects.toThrow(
      /batch 1: its features are \[1\], those of batch 0 \[2\]/,
    );
  });
});
