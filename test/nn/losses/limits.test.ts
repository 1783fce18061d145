// Losses where probabilities vanish, from logits and from what follows them.
import {describe, expect, it} from 'vitest';
import {initializers, layers, losses, sequential} from '../../../lib/index.ts';

describe('losses stay right where probabilities vanish', () => {
  const logitsOf = (units: number, activation: 'linear' | 'softmax' | 'sigmoid') =>
    sequential([
      layers.dense({
        units,
        activation,
        useBias: false,
        kernelInitializer: initializers.constant({value: 1}),
        inputShape: [1],
      }),
    ]);

  it('binary, from logits and from a sigmoid', async () => {
    for (const activation of ['linear', 'sigmoid'] as const) {
      const model = logitsOf(1, activation);
      const loss = losses.binaryCrossentropy({fromLogits: activation === 'linear'});
      model.compile({optimizer: 'sgd', loss});
      for (const [logit, target, wanted] of [
        [100, 0, 100],
        [100, 1, 0],
        [-80, 1, 80],
        [0, 1, Math.LN2],
        [-1e4, 0, 0],
      ] as const) {
        expect((await model.evaluate([logit], [target])).loss).toBeCloseTo(wanted, 4);
        const {gradients} = await model.gradients([logit], [target]);
        const derivative = (1 / (1 + Math.exp(-logit)) - target) * logit;
        expect(gradients['dense/kernel']?.data[0]).toBeCloseTo(derivative, 3);
      }
    }
  });

  it('of classes, sparse and one-hot', async () => {
    for (const activation of ['linear', 'softmax'] as const) {
      const options = {fromLogits: activation === 'linear'};
      const model = logitsOf(2, activation);
      model.setWeights([{name: 'dense/kernel', data: [1, -1]}]);
      for (const [logit, own, wanted] of [
        [60, 1, 120],
        [60, 0, 0],
        [0, 1, Math.LN2],
        [-500, 0, 1000],
      ] as const) {
        model.compile({optimizer: 'sgd', loss: losses.sparseCategoricalCrossentropy(options)});
        expect((await model.evaluate([logit], [own])).loss).toBeCloseTo(wanted, 3);
        model.compile({optimizer: 'sgd', loss: losses.categoricalCrossentropy(options)});
        const hot = [[1 - own, own]];
        expect((await model.evaluate([logit], hot)).loss).toBeCloseTo(wanted, 3);
      }
    }
  });
});
