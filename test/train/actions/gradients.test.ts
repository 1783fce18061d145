// model.gradients against central differences of the same network written in plain float64.
import {describe, expect, it} from 'vitest';
import {type DataInput, layers, optimizers, type Sequential, sequential} from '../../../lib/index.ts';
import {
  forward,
  nested,
  numbers,
  type PlainWeights,
  plain,
  plainLosses,
} from '../../support/plain-networks.ts';

const rows = 13;
const features = 5;
const x = numbers(rows * features);

type LossName = keyof typeof plainLosses;

interface Case {
  readonly loss: LossName;
  /** Of a hidden layer of six units and of the last layer. */
  readonly activations: readonly [string, string];
  readonly units: number;
  readonly targets: number[][];
}

const classesOf = (units: number): number[][] => Array.from({length: rows}, (_, row) => [(row * 5) % units]);
const oneHot = (units: number): number[][] =>
  classesOf(units).map(([own]) => Array.from({length: units}, (_, unit) => Number(unit === own)));

const cases: readonly Case[] = [
  {
    loss: 'meanSquaredError',
    activations: ['tanh', 'linear'],
    units: 3,
    targets: nested(numbers(rows * 3, 2), 3),
  },
  {
    loss: 'meanSquaredError',
    activations: ['relu', 'softmax'],
    units: 3,
    targets: nested(numbers(rows * 3, 4), 3),
  },
  {loss: 'binaryCrossentropy', activations: ['tanh', 'sigmoid'], units: 1, targets: classesOf(2)},
  {loss: 'binaryCrossentropy', activations: ['sigmoid', 'softmax'], units: 2, targets: oneHot(2)},
  {loss: 'categoricalCrossentropy', activations: ['relu', 'softmax'], units: 4, targets: oneHot(4)},
  {loss: 'sparseCategoricalCrossentropy', activations: ['relu', 'softmax'], units: 4, targets: classesOf(4)},
];

function build({loss, activations: [first, last], units}: Case): Sequential {
  const model = sequential(
    [
      layers.dense({
        units: 6,
        activation: first as 'relu',
        inputShape: [features],
        biasInitializer: 'glorotUniform',
      }),
      layers.dense({units, activation: last as 'softmax'}),
    ],
    {seed: 3},
  );
  model.compile({optimizer: 'sgd', loss});
  return model;
}

/** Mean loss over all rows, in float64. */
function lossOf({loss, activations, targets}: Case, weights: PlainWeights): number {
  const each = nested(x, features).map((row, at) =>
    plainLosses[loss](targets[at] as number[], forward(weights, activations, row)),
  );
  return each.reduce((a, b) => a + b) / rows;
}

describe('gradients', () => {
  it.each(cases.map(one => [`${one.loss} of ${one.activations[1]}`, one] as const))(
    'of %s',
    async (_, one) => {
      const model = build(one);
      const y: DataInput = one.targets;
      const before = model.getWeights();
      const {loss, gradients} = await model.gradients(x, y);
      const weights = plain(before);
      const exactLoss = lossOf(one, weights);
      expect(Math.abs(loss / exactLoss - 1)).toBeLessThan(2e-6);
      expect((await model.evaluate(x, y)).loss).toBeCloseTo(exactLoss, 5);
      expect(Object.keys(gradients)).toEqual([
        'dense/kernel',
        'dense/bias',
        'dense_1/kernel',
        'dense_1/bias',
      ]);
      const step = 1e-5;
      for (const {name, shape} of before) {
        const own = weights.get(name)?.data as Float64Array;
        const derivatives = own.map((value, at) => {
          const [above, below] = [step, -step].map(change => {
            own[at] = value + change;
            return lossOf(one, weights);
          }) as [number, number];
          own[at] = value;
          return (above - below) / (2 * step);
        });
        const most = Math.max(...derivatives.map(Math.abs));
        expect(gradients[name]?.shape).toEqual(shape);
        gradients[name]?.data.forEach((value, at) => {
          const error = Math.abs(value - (derivatives[at] as number)) / most;
          expect(error, `${name}[${at}] ${value} ${derivatives[at]}`).toBeLessThan(1e-5);
        });
      }
      expect(model.getWeights()).toEqual(before);
      expect(model.iterations).toBe(0);
    },
  );

  it('are what a step of plain descent subtracts', async () => {
    const one = cases[5] as Case;
    const model = build(one);
    model.compile({optimizer: optimizers.sgd({learningRate: 0.5}), loss: one.loss});
    const before = model.getWeights();
    const {gradients, loss} = await model.gradients(x, one.targets);
    expect((await model.trainOnBatch(x, one.targets)).loss).toBeCloseTo(loss, 6);
    model.getWeights().forEach(({name, data}, index) => {
      const gradient = gradients[name]?.data as Float32Array;
      data.forEach((value, at) => {
        const wanted = (before[index]?.data[at] as number) - 0.5 * (gradient[at] as number);
        expect(value).toBeCloseTo(wanted, 6);
      });
    });
  });

  it('in training mode drop units, by the seed', async () => {
    const model = sequential([
      layers.dense({units: 8, activation: 'tanh', inputShape: [features]}),
      layers.dropout({rate: 0.5}),
      layers.dense({units: 1}),
    ]);
    model.compile({optimizer: 'sgd', loss: 'mse'});
    const y = numbers(rows, 6);
    const calm = await model.gradients(x, y);
    const one = await model.gradients(x, y, {training: true, seed: 1});
    expect(await model.gradients(x, y, {training: true, seed: 1})).toEqual(one);
    expect(await model.gradients(x, y)).toEqual(calm);
    const losses = new Set([calm.loss, one.loss]);
    losses.add((await model.gradients(x, y, {training: true, seed: 2})).loss);
    expect(losses.size).toBe(3);
  });
});
