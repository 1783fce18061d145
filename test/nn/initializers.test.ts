// First values: variance, limits, shape and seed of each initializer, measured on many numbers.
import {describe, expect, it} from 'vitest';
import {type Initializer, initializers, layers, load, sequential} from '../../lib/index.ts';
import {withFolder} from './support.ts';

function draw(kernelInitializer: Initializer, [inputs, units]: readonly [number, number], seed = 0) {
  const layer = layers.dense({units, useBias: false, kernelInitializer, inputShape: [inputs]});
  return sequential([layer], {seed}).getWeights()[0]?.data as Float32Array;
}

/** Vitest would compare 60,000 numbers for a second. */
const bytesOf = ({buffer, byteOffset, byteLength}: Float32Array) =>
  Buffer.from(buffer, byteOffset, byteLength);
const isSame = (a: Float32Array, b: Float32Array): boolean => bytesOf(a).equals(bytesOf(b));

const [inputs, units] = [200, 300];
const cut = 2 / 0.87962566;

/** Mean, variance, and the most that a number is away from the mean, in deviations. */
const cases: readonly (readonly [string, Initializer, number, number, number])[] = [
  ['glorotUniform', initializers.glorotUniform(), 0, 2 / (inputs + units), Math.sqrt(3)],
  ['glorotNormal', initializers.glorotNormal(), 0, 2 / (inputs + units), cut],
  ['heUniform', initializers.heUniform(), 0, 2 / inputs, Math.sqrt(3)],
  ['heNormal', initializers.heNormal(), 0, 2 / inputs, cut],
  ['lecunUniform', initializers.lecunUniform(), 0, 1 / inputs, Math.sqrt(3)],
  ['lecunNormal', initializers.lecunNormal(), 0, 1 / inputs, cut],
  ['randomUniform', initializers.randomUniform(), 0, 0.1 ** 2 / 12, Math.sqrt(3)],
  ['randomUniform aside', initializers.randomUniform({minval: 1, maxval: 3}), 2, 4 / 12, Math.sqrt(3)],
  ['randomNormal', initializers.randomNormal(), 0, 0.05 ** 2, 4.5],
  ['randomNormal aside', initializers.randomNormal({mean: -3, stddev: 2}), -3, 4, 4.5],
  ['truncatedNormal', initializers.truncatedNormal(), 0, (0.05 * 0.87962566) ** 2, cut],
  ['truncatedNormal aside', initializers.truncatedNormal({mean: 1, stddev: 1}), 1, 0.87962566 ** 2, cut],
  ['varianceScaling', initializers.varianceScaling(), 0, 1 / inputs, cut],
  ['of fanOut', initializers.varianceScaling({mode: 'fanOut', scale: 3}), 0, 3 / units, cut],
  [
    'of fanAvg, uniform',
    initializers.varianceScaling({mode: 'fanAvg', distribution: 'uniform'}),
    0,
    2 / (inputs + units),
    Math.sqrt(3),
  ],
  [
    'normal to its ends',
    initializers.varianceScaling({distribution: 'untruncatedNormal'}),
    0,
    1 / inputs,
    4.5,
  ],
];

describe('initializers', () => {
  it.each(cases)('%s: mean, variance, limit', (_, initializer, mean, variance, limit) => {
    const values = draw(initializer, [inputs, units]);
    const deviation = Math.sqrt(variance);
    const offset = values.reduce((sum, value) => sum + value - mean, 0) / values.length;
    const square = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
    expect(Math.abs(offset) / deviation).toBeLessThan(0.02);
    expect(Math.abs(square / variance - 1)).toBeLessThan(0.02);
    const most = values.reduce((a, value) => Math.max(a, Math.abs(value - mean)), 0) / deviation;
    expect(most).toBeGreaterThan(Math.min(limit, 3.8) * 0.99);
    if (limit < 4) expect(most).toBeLessThanOrEqual(limit * (1 + 1e-6));
    expect(isSame(draw(initializer, [inputs, units]), values)).toBe(true);
    expect(isSame(draw(initializer, [inputs, units], 1), values)).toBe(false);
  });

  it('glorot, he and lecun are cases of varianceScaling, to the bit', () => {
    const {varianceScaling} = initializers;
    const distributions = {Uniform: 'uniform', Normal: 'truncatedNormal'} as const;
    for (const [shape, distribution] of Object.entries(distributions)) {
      for (const [name, options] of [
        ['glorot', {scale: 1, mode: 'fanAvg'}],
        ['he', {scale: 2, mode: 'fanIn'}],
        ['lecun', {scale: 1, mode: 'fanIn'}],
      ] as const) {
        const own = initializers[`${name}${shape}` as 'heNormal']();
        expect(draw(varianceScaling({...options, distribution}), [30, 50])).toEqual(draw(own, [30, 50]));
      }
    }
  });

  it('zeros, constant, ones and identity', () => {
    expect(new Set(draw(initializers.zeros(), [20, 30]))).toEqual(new Set([0]));
    expect(new Set(draw(initializers.constant({value: 0.25}), [20, 30]))).toEqual(new Set([0.25]));
    expect([...draw(initializers.ones(), [2, 2])]).toEqual([1, 1, 1, 1]);
    expect([...draw(initializers.identity(), [2, 3])]).toEqual([1, 0, 0, 0, 1, 0]);
    expect([...draw(initializers.identity({gain: -2}), [3, 2])]).toEqual([-2, 0, 0, -2, 0, 0]);
  });

  it.each([
    [64, 64],
    [20, 50],
    [300, 40],
    [1, 7],
    [5, 1],
  ] as const)('orthogonal of [%i,%i]: rows or columns at right angles, of length gain', (rows, columns) => {
    const values = draw(initializers.orthogonal({gain: 1.5}), [rows, columns]);
    const at = (row: number, column: number): number => values[row * columns + column] as number;
    const [few, many, of] =
      rows < columns ? [rows, columns, at] : [columns, rows, (a: number, b: number): number => at(b, a)];
    for (let a = 0; a < few; a++) {
      for (let b = 0; b < few; b++) {
        let product = 0;
        for (let k = 0; k < many; k++) product += of(a, k) * of(b, k);
        expect(product / 1.5 ** 2).toBeCloseTo(a === b ? 1 : 0, 5);
      }
    }
    expect(draw(initializers.orthogonal({gain: 1.5}), [rows, columns], 3)).not.toEqual(values);
  });

  it('orthogonal matrices are uniform: no direction is preferred', () => {
    // The mean of an element is 0 and of its square 1/n, and signs are even.
    const n = 8;
    let [sum, square, positive] = [0, 0, 0];
    for (let seed = 0; seed < 60; seed++) {
      const values = draw(initializers.orthogonal(), [n, n], seed);
      for (let k = 0; k < n; k++) {
        const value = values[k * n + k] as number;
        sum += value;
        square += value ** 2;
        positive += Number(value > 0);
      }
    }
    expect(Math.abs(sum / 480)).toBeLessThan(0.06);
    expect(square / 480).toBeCloseTo(1 / n, 1);
    expect(Math.abs(positive / 480 - 0.5)).toBeLessThan(0.1);
  });

  it('come back from a file as they were', async () => {
    const kernelInitializer = initializers.varianceScaling({scale: 0.5, mode: 'fanOut'});
    const layer = layers.dense({units: 2, kernelInitializer, biasInitializer: 'ones', inputShape: [3]});
    expect(layer.config).toMatchObject({
      kernelInitializer: {kind: 'varianceScaling', scale: 0.5, mode: 'fanOut'},
      biasInitializer: 'ones',
    });
    await withFolder(async folder => {
      const file = `${folder}/model.safetensors`;
      const model = sequential([layer]);
      await model.save(file);
      expect((await load(file)).getWeights()).toEqual(model.getWeights());
    });
  });

  const refused: readonly (readonly [() => unknown, RegExp])[] = [
    [() => initializers.varianceScaling({scale: 0}), /varianceScaling: scale: expected a finite number > 0/],
    [
      () => initializers.varianceScaling({mode: 'fanin' as never}),
      /mode: expected fanIn, fanOut, fanAvg. Received "fanin". Did you mean "fanIn"\?/,
    ],
    [() => initializers.varianceScaling({distribution: 3 as never}), /distribution: .* Received 3/],
    [() => initializers.randomUniform({minval: 1, maxval: 0}), /maxval: expected a finite number >= 1/],
    [() => initializers.randomUniform({minval: Number.NaN}), /minval/],
    [() => initializers.randomNormal({stddev: -1}), /randomNormal: stddev: expected a finite number >= 0/],
    [() => initializers.truncatedNormal({mean: 1e39}), /truncatedNormal: mean/],
    [() => initializers.identity({gain: Number.NaN}), /identity: gain/],
    [() => initializers.orthogonal({gain: Number.POSITIVE_INFINITY}), /orthogonal: gain/],
    [
      () => layers.dense({units: 2, kernelInitializer: 'randomNormale' as never}),
      /unknown initializer "randomNormale". Did you mean "randomNormal"/,
    ],
    [
      () => sequential([layers.dense({units: 2, biasInitializer: 'orthogonal', inputShape: [2]})]),
      /orthogonal: expected two axes or more. Received \[2\]/,
    ],
    [
      () => sequential([layers.dense({units: 2, biasInitializer: 'identity', inputShape: [2]})]),
      /identity: expected a matrix. Received \[2\]/,
    ],
  ];
  it.each(refused)('refuse a wrong option: %#', (call, text) => {
    expect(call).toThrow(text);
  });
});
