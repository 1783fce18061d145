// What dropout ties together: elements along the axes where the noise shape is 1, whole channels.
import {describe, expect, it} from 'vitest';
import {input, layers, model, ops} from '../../../lib/index.ts';

/** What the layer makes of ones, in training. */
async function dropped(make: () => ReturnType<typeof layers.dropout>, shape: readonly number[]) {
  const x = input({shape: shape.slice(1)});
  const layer = make();
  const net = model({inputs: x, outputs: layer.apply(x)});
  net.compile({optimizer: 'sgd', loss: 'meanSquaredError'});
  const size = shape.reduce((a, b) => a * b);
  const {output} = await net.forward({data: new Float32Array(size).fill(1), shape}, {training: true});
  return [...(output.data as Float32Array)];
}

describe('dropout', () => {
  it('of features for all times keeps or drops a feature at every time, and scales what stays', async () => {
    const [rows, times, features] = [8, 5, 16];
    for (const make of [
      () => layers.dropout({rate: 0.5, noiseShape: [null, 1, null]}),
      () => layers.spatialDropout1d({rate: 0.5}),
    ]) {
      const y = await dropped(make, [rows, times, features]);
      const at = (row: number, time: number, feature: number) => y[(row * times + time) * features + feature];
      const first = Array.from({length: rows * features}, (_, i) =>
        at(Math.floor(i / features), 0, i % features),
      );
      expect(new Set(first)).toEqual(new Set([0, 2]));
      for (let time = 1; time < times; time++) {
        const now = Array.from({length: rows * features}, (_, i) =>
          at(Math.floor(i / features), time, i % features),
        );
        expect(now).toEqual(first);
      }
    }
  });

  it('for selu drops a feature at every time too', async () => {
    const [rows, times, features] = [6, 4, 16];
    const y = await dropped(
      () => layers.alphaDropout({rate: 0.5, noiseShape: [null, 1, null]}),
      [rows, times, features],
    );
    // a · x + b, in the words of Klambauer et al. 2017, of ones and of selu's limit.
    const limit = -1.7580993408473766;
    const a = (0.5 + limit ** 2 * 0.5 * 0.5) ** -0.5;
    const b = -a * 0.5 * limit;
    const [most, least] = [a + b, a * limit + b];
    for (const [index, value] of y.entries()) {
      const [row, feature] = [Math.floor(index / (times * features)), index % features];
      expect(value).toBe(y[row * times * features + feature]);
      expect(Math.min(Math.abs(value - most), Math.abs(value - least))).toBeLessThan(1e-6);
    }
    expect(new Set(y).size).toBe(2);
  });

  it('of channels drops whole images and volumes', async () => {
    for (const [make, shape] of [
      [() => layers.spatialDropout2d({rate: 0.5}), [6, 3, 4, 8]],
      [() => layers.spatialDropout3d({rate: 0.5}), [6, 2, 3, 2, 8]],
    ] as const) {
      const y = await dropped(make, shape);
      const perRow = y.length / 6;
      for (const [index, value] of y.entries()) {
        const [row, channel] = [Math.floor(index / perRow), index % 8];
        expect(value).toBe(y[row * perRow + channel]);
      }
      expect(new Set(y)).toEqual(new Set([0, 2]));
    }
  });

  it('with one draw for the whole batch drops the same of every row', async () => {
    const y = await dropped(() => layers.dropout({rate: 0.5, noiseShape: [1, null]}), [4, 32]);
    for (const [index, value] of y.entries()) expect(value).toBe(y[index % 32]);
  });

  it.each([
    [() => layers.dropout({rate: 0.5, noiseShape: [null, 2]}), [3], /noiseShape: .*Received \[-1,2\] for/],
    [() => layers.dropout({rate: 0.5, noiseShape: [null]}), [3], /noiseShape: expected null or 1/],
    [() => layers.dropout({rate: 0.5, noiseShape: [4, 3]}), [3], /expected null or 1 for the batch/],
    [() => layers.spatialDropout1d({rate: 0.5}), [3], /spatialDropout1d: expected 3 axes/],
  ] as const)('refuses what does not fit its input: %#', (make, shape, why) => {
    expect(() => make().apply(input({shape}))).toThrow(why);
  });

  it('as an op says which shape it wants', () => {
    const x = ops.input({name: 'x', shape: [4, 3]});
    expect(() => ops.dropout(x, 0.5, undefined as never, [4])).toThrow(/noiseShape must be 1 or the size/);
  });
});
