import {describe, expect, it} from 'vitest';
import {layers, optimizers, sequential} from '../../lib/index.ts';
import {build as buildClassifier, quiet, x, y} from '../support/small-model.ts';
import {build, gradientsAt, weightsOf} from './given.ts';

const untyped = (value: unknown) => value as never;

describe('applyGradients', () => {
  it('with gradients is a training step in two halves, to the bit', async () => {
    for (const make of [
      () => optimizers.adam(),
      () => optimizers.sgd({momentum: 0.9, globalClipNorm: 0.1}),
      () => optimizers.nadam({weightDecay: 0.1, useEma: true, gradientAccumulationSteps: 2}),
    ]) {
      const [whole, halves] = [buildClassifier({optimizer: make()}), buildClassifier({optimizer: make()})];
      for (let step = 0; step < 5; step++) {
        await whole.trainOnBatch(x, y);
        const {gradients} = await halves.gradients(x, y);
        await halves.applyGradients(gradients);
      }
      expect(weightsOf(halves)).toEqual(weightsOf(whole));
      expect(halves.iterations).toBe(5);
    }
  });

  it('takes typed arrays, plain ones and shaped ones', async () => {
    const [one, other] = [build(optimizers.sgd()), build(optimizers.sgd())];
    const {'dense/kernel': kernel, 'dense/bias': bias} = gradientsAt(0) as Record<string, number[]>;
    await one.applyGradients({'dense/kernel': kernel as number[], 'dense/bias': bias as number[]});
    await other.applyGradients({
      'dense/bias': Float32Array.from(bias as number[]),
      'dense/kernel': {data: kernel as number[], shape: [2, 3]},
    });
    expect(weightsOf(other)).toEqual(weightsOf(one));
  });

  const good = gradientsAt(0);
  it.each([
    ['nothing', undefined, /expected \{name: gradient, …\}/],
    ['an array', [], /expected \{name: gradient, …\}/],
    ['a name too few', {'dense/kernel': good['dense/kernel']}, /values are missing for dense\/bias/],
    [
      'a name that is none',
      {...good, 'dense/bia': [1]},
      /no weight "dense\/bia". Did you mean "dense\/bias"/,
    ],
    ['null for a gradient', {...good, 'dense/bias': null}, /dense\/bias: expected \{name, data\}/],
    ['a wrong size', {...good, 'dense/bias': [1, 2]}, /holds 3 values. Received 2/],
    ['a wrong shape', {...good, 'dense/bias': {data: [1, 2, 3], shape: [3, 1]}}, /Received \[3,1\]/],
    ['what is not finite', {...good, 'dense/bias': [1, Number.NaN, 3]}, /would hold NaN at position 1/],
  ])('refuses %s', async (_, gradients, text) => {
    const model = build(optimizers.sgd());
    const before = weightsOf(model);
    const failure = expect(model.applyGradients(untyped(gradients))).rejects;
    await failure.toMatchObject({code: 'ERR_WEIGHTS', message: expect.stringMatching(text)});
    expect(weightsOf(model)).toEqual(before);
    expect(model.iterations).toBe(0);
  });

  it('refuses gradients whose norm is beyond float32, where it is asked for', async () => {
    const huge = {...good, 'dense/bias': [1e30, 0, 0]};
    for (const options of [{clipNorm: 1}, {globalClipNorm: 1}]) {
      const model = build(optimizers.sgd(options));
      const before = weightsOf(model);
      const failure = expect(model.applyGradients(huge)).rejects;
      await failure.toMatchObject({
        code: 'ERR_NOT_FINITE',
        message: expect.stringMatching(/norm of the grad/),
      });
      expect(weightsOf(model)).toEqual(before);
    }
  });

  it('refuses a model that is not compiled, has nothing to train, or is in training', async () => {
    const bare = sequential([layers.dense({units: 3, inputShape: [2]})]);
    await expect(bare.applyGradients(good)).rejects.toMatchObject({code: 'ERR_NOT_COMPILED'});
    const empty = sequential([layers.flatten({inputShape: [2]})]);
    empty.compile({optimizer: 'sgd', loss: 'mse'});
    await expect(empty.applyGradients({})).rejects.toMatchObject({code: 'ERR_GRAPH'});
    const busy = buildClassifier();
    const training = busy.fit(x, y, quiet);
    await expect(busy.applyGradients({})).rejects.toMatchObject({code: 'ERR_MODEL_BUSY'});
    await training;
  });
});
