// Data sets: what elements each method gives, pass after pass, the fast way over row indices and the slow one
// alike.
import {describe, expect, it} from 'vitest';
import type {ShapedArray} from '../../lib/data/arrays.ts';
import {Dataset, data} from '../../lib/index.ts';

const count = 10;
const numbers = Array.from({length: count}, (_, index) => index);
/** The same elements with and without a plan of row indices. */
const ways = [
  ['arrays', () => Dataset.fromArrays(numbers) as Dataset<number>],
  ['a generator', () => Dataset.fromGenerator(() => numbers)],
] as const;

async function walk<Element>(dataset: Dataset<Element>, pass = 0): Promise<Element[]> {
  const elements: Element[] = [];
  for await (const element of dataset.iterate(pass)) elements.push(element);
  return elements;
}

const batchesOf = async (dataset: Dataset<ShapedArray>, pass = 0): Promise<number[][]> =>
  (await walk(dataset, pass)).map(batch => {
    expect(batch.shape).toEqual([batch.data.length]);
    return [...batch.data];
  });

describe.each(ways)('a data set from %s', (_, make) => {
  it('takes, skips and repeats', async () => {
    expect(await walk(make().take(3))).toEqual([0, 1, 2]);
    expect(await walk(make().take(0))).toEqual([]);
    expect(await walk(make().take(99))).toEqual(numbers);
    expect(await walk(make().skip(8))).toEqual([8, 9]);
    expect(await walk(make().skip(99))).toEqual([]);
    expect(await walk(make().skip(7).repeat(2))).toEqual([7, 8, 9, 7, 8, 9]);
    expect(await walk(make().repeat(0))).toEqual([]);
    expect(await walk(make().repeat().take(23))).toEqual([...numbers, ...numbers, 0, 1, 2]);
    expect(await walk(make().take(0).repeat())).toEqual([]);
  });

  it('puts batches together', async () => {
    expect(await batchesOf(make().batch(4))).toEqual([
      [0, 1, 2, 3],
      [4, 5, 6, 7],
      [8, 9],
    ]);
    expect(await batchesOf(make().batch(4, false))).toEqual([
      [0, 1, 2, 3],
      [4, 5, 6, 7],
    ]);
    expect(await batchesOf(make().batch(6).repeat(2))).toEqual([
      [0, 1, 2, 3, 4, 5],
      [6, 7, 8, 9],
      [0, 1, 2, 3, 4, 5],
      [6, 7, 8, 9],
    ]);
    expect(await batchesOf(make().repeat(2).batch(8))).toEqual([
      [0, 1, 2, 3, 4, 5, 6, 7],
      [8, 9, 0, 1, 2, 3, 4, 5],
      [6, 7, 8, 9],
    ]);
    expect(await batchesOf(make().batch(20, false).repeat())).toEqual([]);
    expect(await batchesOf(make().batch(4).skip(1).take(1))).toEqual([[4, 5, 6, 7]]);
  });

  it('shuffles by seed and pass', async () => {
    const shuffled = make().shuffle(count, 3);
    const first = await walk(shuffled);
    expect(first).not.toEqual(numbers);
    expect([...first].sort((a, b) => a - b)).toEqual(numbers);
    expect(await walk(shuffled)).toEqual(first);
    expect(await walk(shuffled, 1)).not.toEqual(first);
    expect(await walk(make().shuffle(count, 4))).not.toEqual(first);
    expect(await walk(make().shuffle(count, 3, false), 1)).toEqual(first);
    // Each repetition is a pass of its own, and no two passes of the repeated whole share one.
    const twice = shuffled.repeat(2);
    expect(await walk(twice)).toEqual([...first, ...(await walk(shuffled, 1))]);
    expect(await walk(twice, 1)).toEqual([...(await walk(shuffled, 2)), ...(await walk(shuffled, 3))]);
  });

  it('shuffles within a buffer that is smaller than the whole', async () => {
    const near = await walk(make().shuffle(3, 1));
    expect([...near].sort((a, b) => a - b)).toEqual(numbers);
    expect(near).not.toEqual(numbers);
    // An element leaves no sooner than when the buffer has let it in.
    for (const [at, element] of near.entries()) expect(element).toBeLessThanOrEqual(at + 3);
    expect(await walk(make().shuffle(1))).toEqual(numbers);
  });

  it('maps, filters, and fetches ahead', async () => {
    const squares = make()
      .map(async value => value ** 2)
      .filter(value => value % 2 === 0);
    expect(await walk(squares.prefetch(3))).toEqual([0, 4, 16, 36, 64]);
    expect(await squares.toArray()).toEqual([0, 4, 16, 36, 64]);
    const seen: number[] = [];
    await squares.take(2).forEachAsync(value => seen.push(value));
    expect(seen).toEqual([0, 4]);
  });
});

it('gives the same order by row indices as one by one', async () => {
  const [rows, ones] = ways.map(([, make]) => make());
  const chains: ((dataset: Dataset<number>) => Dataset<ShapedArray>)[] = [
    all => all.shuffle(count, 5).batch(3),
    all => all.shuffle(4, 5).batch(3).repeat(3),
    all => all.skip(1).shuffle(6, 2).repeat(2).shuffle(30, 9).take(17).batch(5),
    all => all.shuffle(99, 1, false).repeat().skip(4).take(31).batch(7, false),
  ];
  for (const chain of chains) {
    for (const pass of [0, 1]) {
      const expected = await batchesOf(chain(ones as Dataset<number>), pass);
      expect(await batchesOf(chain(rows as Dataset<number>), pass)).toEqual(expected);
      expect(expected.length).toBeGreaterThan(2);
    }
  }
});

describe('what elements hold', () => {
  it('is rows of tables by name, as they lie', async () => {
    const bytes = {data: Uint8Array.of(0, 51, 102, 255), shape: [2, 1, 2], scale: 1 / 255};
    const xs = Float32Array.of(1, 2);
    const dataset = Dataset.fromArrays({
      xs,
      deep: {
        bytes,
        pairs: [
          [1, 2],
          [3, 4],
        ],
      },
    });
    const [, last] = await dataset.toArray();
    expect(last?.xs satisfies number | undefined).toBe(2);
    expect(last?.deep.pairs satisfies Float32Array | undefined).toEqual(Float32Array.of(3, 4));
    expect(last?.deep.bytes).toEqual({data: Uint8Array.of(102, 255), shape: [1, 2], scale: 1 / 255});
    xs[1] = 7;
    expect((await dataset.toArray())[1]?.xs).toBe(7);
    const [batch] = await dataset.batch(2).toArray();
    expect(batch?.deep.bytes satisfies ShapedArray | undefined).toEqual(bytes);
    expect(batch?.deep.pairs.shape).toEqual([2, 2]);
  });

  it('becomes batches that keep type and scale where all agree', async () => {
    const batchOf = async (elements: unknown[]) =>
      (
        await Dataset.fromGenerator(() => elements)
          .batch(9)
          .toArray()
      )[0];
    expect(
      await batchOf([
        {a: true, b: [[1], [2]]},
        {a: false, b: [[3], [4]]},
      ]),
    ).toEqual({
      a: {data: Float32Array.of(1, 0), shape: [2]},
      b: {data: Float32Array.of(1, 2, 3, 4), shape: [2, 2, 1]},
    });
    expect(await batchOf([Int32Array.of(1), Int32Array.of(2)])).toEqual({
      data: Int32Array.of(1, 2),
      shape: [2, 1],
    });
    const half = {data: Buffer.from([2]), shape: [], scale: 0.5};
    const kept = (await batchOf([half, half])) as ShapedArray;
    expect(kept).toEqual({data: Uint8Array.of(2, 2), shape: [2], scale: 0.5});
    expect(kept.data.constructor).toBe(Uint8Array);
    expect(await batchOf([half, {...half, scale: 2}])).toEqual({data: Float32Array.of(1, 4), shape: [2]});
    expect(await batchOf([Int32Array.of(1), Float32Array.of(0.5)])).toEqual({
      data: Float32Array.of(1, 0.5),
      shape: [2, 1],
    });
  });

  it('may be text', async () => {
    const texts = Dataset.fromGenerator(() => ['a', 'b', 'c']).batch(2);
    expect(await texts.toArray()).toEqual([
      {data: ['a', 'b'], shape: [2]},
      {data: ['c'], shape: [1]},
    ]);
    const table = [
      ['a', 'b'],
      ['c', 'd'],
    ];
    const rows = Dataset.fromArrays({xs: table, ys: [0, 1]});
    expect(await rows.toArray()).toEqual([
      {xs: ['a', 'b'], ys: 0},
      {xs: ['c', 'd'], ys: 1},
    ]);
    const whole = {data: ['a', 'b', 'c', 'd'], shape: [2, 2]};
    const [batch] = await rows.batch(2).toArray();
    expect(batch?.xs).toEqual(whole);
    const shaped = Dataset.fromArrays(whole);
    expect(await shaped.toArray()).toEqual([
      {data: ['a', 'b'], shape: [2]},
      {data: ['c', 'd'], shape: [2]},
    ]);
    const made = await shaped
      .map(row => row)
      .batch(2)
      .toArray();
    expect(made).toEqual([whole]);
    expect(() => Dataset.fromArrays({xs: table, ys: [0]})).toThrow(/one array has 2 rows, another 1/);
    expect(() => Dataset.fromArrays({data: ['a'], shape: [2]})).toThrow(
      /1 texts do not fill the shape \[2\]/,
    );
  });

  it.each([
    [
      'text among numbers',
      [{a: 1}, {a: 'b'}],
      'ERR_DTYPE',
      /batch: a: element 1 is text, "b", and the first is/,
    ],
    ['numbers among text', [{a: 'b'}, {a: 1}], 'ERR_DTYPE', /batch: a: element 1 is no text as the first is/],
    [
      'texts of other shapes',
      [['a', 'b'], ['c']],
      'ERR_SHAPE',
      /element 1 has the shape \[1\] where the first/,
    ],
    ['nothing', [{age: 1}, {age: undefined}], 'ERR_VALUE', /batch: age: element 1 is missing: filter such/],
    [
      'another shape',
      [[1], [2, 3]],
      'ERR_SHAPE',
      /batch: element 1 has the shape \[2\] where the first has \[1\]/,
    ],
    ['another structure', [{a: 1}, {b: 1}], 'ERR_VALUE', /batch: element 1 has no "a"/],
    [
      'an odd value',
      [{at: new Date(0)}],
      'ERR_DTYPE',
      /batch: at: element 0: expected a typed array.*Received a Date/,
    ],
    ['a shape not filled', [{data: Float32Array.of(1), shape: [2]}], 'ERR_SHAPE', /1 values do not fill/],
  ])('is refused where a batch cannot hold %s', async (_, elements, code, message) => {
    const batches = Dataset.fromGenerator(() => elements as unknown[]).batch(2);
    await expect(batches.toArray()).rejects.toMatchObject({code, message: expect.stringMatching(message)});
  });
});

describe('zip', () => {
  it('puts elements side by side, as long as each has one', async () => {
    const xs = Dataset.fromArrays([[1], [2], [3]]);
    const ys = Dataset.fromGenerator(() => ['a', 'b']);
    const zipped = Dataset.zip({xs, deep: {ys}});
    expect(await zipped.toArray()).toEqual([
      {xs: Float32Array.of(1), deep: {ys: 'a'}},
      {xs: Float32Array.of(2), deep: {ys: 'b'}},
    ]);
    expect(zipped.size).toBe(null);
  });

  it('keeps the fast way for tables as they lie, and only for these', () => {
    const xs = Dataset.fromArrays([1, 2]);
    const ys = Dataset.fromArrays([3, 4]);
    expect(Dataset.zip({xs, ys}).batch(1).batches).toBeDefined();
    expect(Dataset.zip({xs, ys: ys.shuffle(2)}).batch(1).batches).toBeUndefined();
    expect(Dataset.zip({xs, ys: ys.take(1)}).batch(1)).toMatchObject({batches: undefined, size: 1});
  });

  it('closes all when one ends', async () => {
    let closed = 0;
    const forever = Dataset.fromGenerator(function* () {
      try {
        for (;;) yield 1;
      } finally {
        closed++;
      }
    });
    await Dataset.zip({a: forever, b: Dataset.fromArrays([1]), c: forever.prefetch(2)}).toArray();
    expect(closed).toBe(2);
  });
});

it('knows its size where that can be known', () => {
  const all = Dataset.fromArrays(numbers);
  const some = Dataset.fromGenerator(() => numbers);
  expect([all.size, all.batch(3).size, all.batch(3, false).size]).toEqual([10, 4, 3]);
  expect([all.repeat(3).size, all.repeat().size, all.batch(4).repeat().size]).toEqual([
    30,
    Infinity,
    Infinity,
  ]);
  expect([all.take(3).size, all.skip(3).size, all.skip(30).size, all.map(String).size]).toEqual([
    3, 7, 0, 10,
  ]);
  expect([all.filter(Boolean).size, all.repeat().filter(Boolean).size]).toEqual([null, Infinity]);
  expect([some.size, some.batch(2).size, some.repeat(2).size, some.repeat(0).size]).toEqual([
    null,
    null,
    null,
    0,
  ]);
  expect(data.Dataset).toBe(Dataset);
});

it('makes elements ahead, but no more than it was told to', async () => {
  let made = 0;
  const source = Dataset.fromGenerator(async function* () {
    for (;;) yield made++;
  });
  const iterator = source.prefetch(4)[Symbol.asyncIterator]();
  expect(await iterator.next()).toEqual({done: false, value: 0});
  await new Promise(setImmediate);
  expect(made).toBe(5);
  await iterator.return?.();
});

it('passes errors on where they stand, with and without fetching ahead', async () => {
  const broken = Dataset.fromGenerator(function* () {
    yield 1;
    throw new Error('the disk is gone');
  });
  for (const dataset of [broken, broken.prefetch(5), broken.shuffle(9), broken.batch(2)]) {
    await expect(dataset.toArray()).rejects.toThrow('the disk is gone');
  }
  const iterator = broken.prefetch(5)[Symbol.asyncIterator]();
  expect(await iterator.next()).toEqual({done: false, value: 1});
});

it('gives its pass to a generator', async () => {
  const passes = Dataset.fromGenerator(async pass => [pass]);
  expect(await walk(passes.repeat(3), 2)).toEqual([6, 7, 8]);
});

// biome-ignore lint/suspicious/noExplicitAny: what types forbid
const wrong = (value: unknown): any => value;

it.each([
  ['batch', () => Dataset.fromArrays(numbers).batch(0), /Dataset.batch: batchSize: expected an integer >= 1/],
  ['take', () => Dataset.fromArrays(numbers).take(-1), /Dataset.take: count: expected an integer >= 0/],
  ['skip', () => Dataset.fromArrays(numbers).skip(0.5), /Dataset.skip: count: expected an integer >= 0/],
  ['repeat', () => Dataset.fromArrays(numbers).repeat(-1), /Dataset.repeat: count: expected an integer >= 0/],
  [
    'prefetch',
    () => Dataset.fromArrays(numbers).prefetch(0),
    /prefetch: bufferSize: expected an integer >= 1/,
  ],
  ['shuffle', () => Dataset.fromArrays(numbers).shuffle(0), /shuffle: bufferSize: expected an integer >= 1/],
  ['a seed', () => Dataset.fromArrays(numbers).shuffle(5, 0.5), /shuffle: seed: expected an integer/],
  ['a pass', () => Dataset.fromArrays(numbers).iterate(-1), /iterate: pass: expected an integer >= 0/],
  ['map', () => Dataset.fromArrays(numbers).map(wrong(3)), /Dataset.map: expected a function. Received 3/],
  ['filter', () => Dataset.fromArrays(numbers).filter(wrong('x')), /Dataset.filter: expected a function/],
  [
    'a generator',
    () => Dataset.fromGenerator(wrong([1])),
    /fromGenerator: expected a function. Received \[1\]/,
  ],
  ['zip', () => Dataset.zip(wrong({xs: [1]})), /Dataset.zip: xs: no data set. Received \[1\]/],
  ['no table', () => Dataset.fromArrays({}), /fromArrays: there is no array in it/],
  ['rows', () => Dataset.fromArrays({xs: [1, 2], ys: [1]}), /one array has 2 rows, another 1/],
  ['a table', () => Dataset.fromArrays({xs: wrong(7)}), /fromArrays: xs: expected {data, shape} or nested/],
  ['doubles', () => Dataset.fromArrays(Float64Array.of(1e300)), /1e\+300 at position 0 does not fit float32/],
])('refuses what it cannot use: %s', (_, call, message) => {
  expect(call).toThrow(expect.objectContaining({name: 'ChainruleError'}));
  expect(call).toThrow(message);
});

it('refuses in the walk what shows itself only there', async () => {
  await expect(Dataset.fromGenerator(wrong(() => 3)).toArray()).rejects.toThrow(
    /the function gave 3, which has no elements/,
  );
  await expect(Dataset.fromArrays(numbers).repeat().toArray()).rejects.toThrow(
    /never ends; take\(n\) ends it/,
  );
});
