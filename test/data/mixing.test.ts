// Batches whose samples are mixed: each result is made of two samples, targets by the same shares.
import {describe, expect, it} from 'vitest';
import {Dataset, data, layers, sequential} from '../../lib/index.ts';
import {untyped} from '../support/refusals.ts';

const [rows, size] = [12, 4];
/** Image i holds numbers around 10·i, each of another place. */
const xs = {
  data: Uint8Array.from({length: rows * size * size}, (_, at) => 20 * Math.floor(at / 16) + (at % 16)),
  shape: [rows, size, size, 1],
};
const ys = data.oneHot(
  Int32Array.from({length: rows}, (_, row) => row),
  {classes: rows},
);
const batches = Dataset.fromArrays({xs, ys}).batch(6);

interface Batch {
  readonly xs: {readonly data: ArrayLike<number>; readonly shape: readonly number[]};
  readonly ys: {readonly data: ArrayLike<number>};
}

async function passOf(dataset: Dataset<unknown>, pass = 0): Promise<Batch[]> {
  const all: Batch[] = [];
  for await (const batch of dataset.iterate(pass)) all.push(batch as Batch);
  return all;
}

/** The two samples of a target, and the share of the first. */
function partsOf({ys: {data: targets}}: Batch, row: number): [number, number, number][] {
  const own = Array.from(targets).slice(row * rows, (row + 1) * rows);
  return own.flatMap((share, at) => (share > 0 ? [[at, share, row] as [number, number, number]] : []));
}
const imageOf = (index: number): number[] => [...xs.data.slice(16 * index, 16 * index + 16)];

describe('mixUp', () => {
  it('blends inputs and targets of two samples of a batch by the same shares', async () => {
    const all = await passOf(batches.mixUp({alpha: 1, seed: 3}));
    expect(all.map(({xs: {shape}}) => shape[0])).toEqual([6, 6]);
    const shares: number[] = [];
    all.forEach((batch, number) => {
      for (let row = 0; row < 6; row++) {
        const parts = partsOf(batch, row);
        expect(parts.length).toBeLessThanOrEqual(2);
        expect(parts.reduce((sum, [, share]) => sum + share, 0)).toBeCloseTo(1, 6);
        for (const [index] of parts) expect(Math.floor(index / 6)).toBe(number);
        const image = Array.from(batch.xs.data).slice(16 * row, 16 * row + 16);
        image.forEach((value, at) => {
          const exact = parts.reduce(
            (sum, [index, share]) => sum + share * (imageOf(index)[at] as number),
            0,
          );
          expect(value).toBeCloseTo(exact, 3);
        });
        if (parts.length === 2) shares.push(parts[0]?.[1] as number);
      }
    });
    expect(new Set(shares).size).toBeGreaterThan(4);
  });

  it('has shares near 0 or 1 for a small alpha, near a half for a large one', async () => {
    const spread = async (alpha: number): Promise<number> => {
      const many = Dataset.fromArrays({xs: new Float32Array(4000), ys: new Float32Array(4000)});
      const kinds = Dataset.fromArrays({
        xs: {data: Float32Array.from({length: 4000}, (_, at) => at % 2), shape: [4000, 1]},
        ys: {data: new Float32Array(4000), shape: [4000, 1]},
      });
      expect(many.size).toBe(4000);
      const [batch] = await passOf(kinds.batch(4000).mixUp({alpha}));
      const mixed = Array.from((batch as Batch).xs.data).filter(share => share > 0 && share < 1);
      return mixed.reduce((sum, share) => sum + (share - 0.5) ** 2, 0) / mixed.length;
    };
    // The variance of Beta(a, a) is 1 / (4·(2a + 1)).
    for (const alpha of [0.4, 1, 8]) {
      const exact = 1 / (4 * (2 * alpha + 1));
      expect(Math.abs((await spread(alpha)) / exact - 1), `alpha ${alpha}`).toBeLessThan(0.12);
    }
  });

  it('gives the same for the same seed and pass, something else for others', async () => {
    const first = await passOf(batches.mixUp({seed: 1}));
    expect(await passOf(batches.mixUp({seed: 1}))).toEqual(first);
    expect(await passOf(batches.mixUp({seed: 2}))).not.toEqual(first);
    expect(await passOf(batches.mixUp({seed: 1}), 1)).not.toEqual(first);
  });
});

describe('cutMix', () => {
  it('puts a box of another image into each, and keeps its type', async () => {
    const all = await passOf(batches.cutMix({seed: 5}));
    const areas: number[] = [];
    for (const batch of all) {
      expect(batch.xs.data).toBeInstanceOf(Uint8Array);
      for (let row = 0; row < 6; row++) {
        const parts = partsOf(batch, row);
        const image = Array.from(batch.xs.data).slice(16 * row, 16 * row + 16);
        const owners = image.map((value, at) => parts.find(([i]) => imageOf(i)[at] === value)?.[0]);
        expect(owners).not.toContain(undefined);
        for (const [index, share] of parts) {
          const places = owners.flatMap((own, at) => (own === index ? [at] : []));
          expect(places.length / 16).toBeCloseTo(share, 6);
          areas.push(places.length);
        }
        // One of the two is a box.
        const isBox = parts.some(([index]) => {
          const places = owners.flatMap((own, at) => (own === index ? [at] : []));
          const [ys, xs] = [places.map(at => Math.floor(at / 4)), places.map(at => at % 4)];
          return places.length === new Set(ys).size * new Set(xs).size;
        });
        expect(isBox).toBe(true);
      }
    }
    expect(new Set(areas).size).toBeGreaterThan(3);
  });
});

it('fit trains on mixed batches, and goes on exactly', async () => {
  const train = async (parts: readonly number[]) => {
    const net = sequential([
      layers.rescaling({scale: 1 / 255, inputShape: [size, size, 1]}),
      layers.flatten(),
      layers.dense({units: rows, activation: 'softmax'}),
    ]);
    net.compile({optimizer: 'adam', loss: 'categoricalCrossentropy'});
    const mixed = Dataset.fromArrays({xs, ys}).shuffle(rows, 2).batch(5).mixUp().cutMix().prefetch(2);
    for (const epochs of parts) await net.fit(mixed, {epochs, verbose: 0});
    return net.getWeights().map(({data: values}) => [...values]);
  };
  expect(await train([1, 2])).toEqual(await train([3]));
});

describe('what cannot be mixed', () => {
  const failing = (dataset: Dataset<unknown>): Promise<unknown> => passOf(dataset);
  it('is refused', async () => {
    const labels = Dataset.fromArrays({xs, ys: new Int32Array(rows)}).batch(4);
    await expect(failing(labels.mixUp())).rejects.toThrow(
      /^Dataset\.mixUp: ys: class labels \[4\] cannot be mixed; data\.oneHot\(labels\) makes rows/,
    );
    const single = Dataset.fromArrays({xs, ys: new Float32Array(rows)});
    await expect(failing(single.mixUp())).rejects.toThrow(
      /ys: expected a batch\. Received .*batch\(32\) before/,
    );
    const flat = Dataset.fromArrays({xs: {data: xs.data, shape: [rows, 16]}, ys}).batch(4);
    await expect(failing(flat.cutMix())).rejects.toThrow(
      /xs: expected images \[batch, height.*Received \[4,16\]/,
    );
    expect(() => batches.mixUp({alpha: 0})).toThrow(/^Dataset\.mixUp: alpha: expected a finite number > 0/);
    expect(() => batches.cutMix(untyped({alfa: 1}))).toThrow(/unknown option "alfa"/);
  });
});
