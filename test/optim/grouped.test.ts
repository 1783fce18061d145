// Several optimizers, each for a group of weights: the same numbers as each has on its own.
import {describe, expect, it} from 'vitest';
import {layers, load, type Optimizer, optimizers, schedules, sequential} from '../../lib/index.ts';
import {untyped} from '../support/refusals.ts';
import {build, descend, gradientsAt, type Numbers, steps, weightsOf} from './given.ts';

const sgd = (learningRate: number): Optimizer => optimizers.sgd({learningRate});
const pair = (): Optimizer =>
  optimizers.grouped({groups: [{weights: ['kernel'], optimizer: sgd(0.5)}], otherwise: sgd(0.1)});

const near = (actual: Numbers, exact: Numbers): void => {
  for (const [name, values] of Object.entries(exact)) {
    values.forEach((value, at) => {
      expect(actual[name]?.[at]).toBeCloseTo(value, 5);
    });
  }
};

describe('optimizers.grouped', () => {
  it('updates each weight by the first group that has it', async () => {
    const all = await steps(pair(), 3);
    for (let step = 0; step < 3; step++) {
      const [before, after, g] = [all[step], all[step + 1], gradientsAt(step)] as [Numbers, Numbers, Numbers];
      near(after, {
        'dense/kernel': descend(before, g, 0.5)['dense/kernel'] as number[],
        'dense/bias': descend(before, g, 0.1)['dense/bias'] as number[],
      });
    }
  });

  it('gives each group the bits that it has alone, and keeps its own moments alone', async () => {
    const alone = [optimizers.adam(), optimizers.rmsprop({momentum: 0.5})] as const;
    const [byAdam, byRmsprop] = [await steps(alone[0], 4), await steps(alone[1], 4)];
    const both = optimizers.grouped({
      groups: [{weights: (_, shape) => shape.length === 2, optimizer: 'adam'}],
      otherwise: optimizers.rmsprop({momentum: 0.5}),
    });
    const together = await steps(both, 4);
    expect(together.map(each => each['dense/kernel'])).toEqual(byAdam.map(each => each['dense/kernel']));
    expect(together.map(each => each['dense/bias'])).toEqual(byRmsprop.map(each => each['dense/bias']));
    const names = build(both)
      .optimizer.getWeights()
      .map(({name}) => name);
    expect(names.filter(name => name.includes('kernel'))).toEqual([
      'optimizer/dense/kernel/m',
      'optimizer/dense/kernel/v',
    ]);
    expect(names.filter(name => name.includes('bias')).length).toBe(2);
  });

  it('has a rate that is a factor of all, which may be a schedule', async () => {
    const model = build(pair());
    model.optimizer.learningRate = 0.5;
    const before = weightsOf(model);
    await model.applyGradients(gradientsAt(0));
    const g = gradientsAt(0);
    near(weightsOf(model), {
      'dense/kernel': descend(before, g, 0.25)['dense/kernel'] as number[],
      'dense/bias': descend(before, g, 0.05)['dense/bias'] as number[],
    });
    const falling = optimizers.grouped({
      groups: [{weights: ['kernel'], optimizer: sgd(0.5)}],
      otherwise: 'adam',
      learningRate: schedules.exponentialDecay({initialLearningRate: 1, decaySteps: 1, decayRate: 0.5}),
    });
    const all = await steps(falling, 2);
    const second = descend(all[1] as Numbers, gradientsAt(1), 0.25)['dense/kernel'] as number[];
    second.forEach((value, at) => {
      expect(all[2]?.['dense/kernel']?.[at]).toBeCloseTo(value, 5);
    });
  });

  it('goes on from a file to the same bits, whatever its members keep', async () => {
    const x = {data: Float32Array.from({length: 80}, (_, at) => Math.sin(at)), shape: [20, 4]};
    const y = {data: Float32Array.from({length: 20}, (_, at) => Math.cos(at)), shape: [20, 1]};
    const make = () => {
      const net = sequential([
        layers.dense({units: 6, activation: 'tanh', inputShape: [4]}),
        layers.dense({units: 1, name: 'head'}),
      ]);
      const groups = [
        {weights: ['head'], optimizer: optimizers.adafactor({learningRate: 0.05})},
        {weights: ['kernel'], optimizer: optimizers.muon({learningRate: 0.02})},
      ];
      net.compile({optimizer: optimizers.grouped({groups, otherwise: 'lamb'}), loss: 'mse'});
      return net;
    };
    const [once, twice] = [make(), make()];
    await once.fit(x, y, {epochs: 4, batchSize: 5, verbose: 0});
    await twice.fit(x, y, {epochs: 2, batchSize: 5, verbose: 0});
    const again = await load(await twice.toBytes());
    await again.fit(x, y, {epochs: 2, batchSize: 5, verbose: 0});
    expect(again.getWeights()).toEqual(once.getWeights());
    const shapes = once.optimizer.getWeights().map(({name, shape}) => [name, shape] as const);
    expect(Object.fromEntries(shapes)['optimizer/head/kernel/rowSquare']).toEqual([6]);
    expect(Object.fromEntries(shapes)['optimizer/head/kernel/columnSquare']).toEqual([1]);
    expect(Object.fromEntries(shapes)['optimizer/head/bias/square']).toEqual([1]);
  });

  it.each([
    ['nothing', undefined, /expected an object of options/],
    ['no groups', {groups: [], otherwise: 'adam'}, /groups: expected a list of \{weights, optimizer\}/],
    ['no optimizer for the rest', {groups: [{weights: ['a'], optimizer: 'adam'}]}, /optimizer/],
    [
      'weights that are no names',
      {groups: [{weights: 'kernel', optimizer: 'adam'}], otherwise: 'sgd'},
      /groups\[0\]: weights: expected parts of names, e\.g\. \['kernel'\].*Received "kernel"/,
    ],
    [
      'averages of a group',
      {groups: [{weights: ['a'], optimizer: optimizers.adam({useEma: true})}], otherwise: 'sgd'},
      /groups\[0\]: useEma is for all weights, not for a group of them/,
    ],
    [
      'gradients that add up in one',
      {
        groups: [{weights: ['a'], optimizer: 'sgd'}],
        otherwise: optimizers.adam({gradientAccumulationSteps: 2}),
      },
      /otherwise: gradientAccumulationSteps is for all weights/,
    ],
  ])('refuses %s', (_, options, text) => {
    expect(() => optimizers.grouped(untyped(options))).toThrow(text);
  });

  it('says in saving what has no name', async () => {
    const model = build(
      optimizers.grouped({groups: [{weights: () => true, optimizer: 'adam'}], otherwise: 'sgd'}),
    );
    await expect(model.toBytes()).rejects.toThrow(/chosen by a function of your own.*a list of names can/);
  });
});
