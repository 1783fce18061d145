// Groups of channels along any axis, against their formula in float64.
import {describe, it} from 'vitest';
import {layers} from '../../../lib/index.ts';
import {checkLayer, type LayerCase} from './check-layer.ts';
import {meanOf} from './image-formulas.ts';

const channels = 4;

/** Of `after` places behind each channel, groups of so many channels over all positions. */
function normalizedBy(x: readonly number[], size: number, epsilon: number, after = 1): number[] {
  const groupOf = (at: number): number => Math.floor((Math.floor(at / after) % channels) / size);
  return x.map((value, at) => {
    const own = x.filter((_, other) => groupOf(other) === groupOf(at));
    const mean = meanOf(own);
    return (value - mean) / Math.sqrt(meanOf(own.map(each => (each - mean) ** 2)) + epsilon);
  });
}

/** The same in two groups, with a factor and an offset for each channel. */
const inHalves =
  (after: number): LayerCase['formula'] =>
  ([x], {gamma, beta}) =>
    normalizedBy(x as number[], 2, 1e-3, after).map((value, at) => {
      const channel = Math.floor(at / after) % channels;
      return value * (gamma?.[channel] as number) + (beta?.[channel] as number);
    });

const weights = {gamma: [channels], beta: [channels]};

const cases: Record<string, LayerCase> = {
  'each channel by itself, instance normalization': {
    make: () => layers.groupNormalization({groups: -1, center: false, epsilon: 0.01}),
    inputs: [[3, 2, 4]],
    output: [3, 2, 4],
    weights: {gamma: [4]},
    formula: ([x], {gamma}) =>
      normalizedBy(x as number[], 1, 0.01).map((value, at) => value * (gamma?.[at % 4] as number)),
  },
  'all channels as one group': {
    make: () => layers.groupNormalization({groups: 1, scale: false}),
    inputs: [[3, 4]],
    output: [3, 4],
    weights: {beta: [4]},
    formula: ([x], {beta}) =>
      normalizedBy(x as number[], 4, 1e-3).map((value, at) => value + (beta?.[at % 4] as number)),
  },
  'channels along the first axis': {
    make: () => layers.groupNormalization({groups: 2, axis: 1}),
    inputs: [[4, 3, 2]],
    output: [4, 3, 2],
    weights,
    formula: inHalves(6),
  },
  'channels along an inner axis': {
    make: () => layers.groupNormalization({groups: 2, axis: -2}),
    inputs: [[3, 4, 2]],
    output: [3, 4, 2],
    weights,
    formula: inHalves(2),
  },
};

describe('groupNormalization of', () => {
  it.each(Object.entries(cases))('%s', (_, given) => checkLayer(given));
});
