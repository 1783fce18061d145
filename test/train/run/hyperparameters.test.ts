import {describe, expect, test} from 'vitest';
import {optimizers} from '../../../lib/index.ts';
import {type Optimizer, rateAt} from '../../../lib/optim/optimizer.ts';
import {Hyperparameters} from '../../../lib/train/run/hyperparameters.ts';

/** One step after another, each asked for by itself. */
function oneByOne(optimizer: Optimizer, first: number, steps: number): number[] {
  return Array.from({length: steps}, (_, step) =>
    Array.from(optimizer.hyper(first + step, rateAt(optimizer, first + step)), Math.fround),
  ).flat();
}

describe('the hyperparameters of the steps of a run', () => {
  const capacity = 8;
  const made: Record<string, () => Optimizer> = {
    adam: () => optimizers.adam({learningRate: 0.01}),
    'two groups and a mean': () =>
      optimizers.adamw({useEma: true, emaOverwriteFrequency: 3, excludeFromWeightDecay: ['bias']}),
    nadam: () => optimizers.nadam({gradientAccumulationSteps: 2}),
    'a schedule': () => optimizers.sgd({learningRate: step => 1 / (step + 1)}),
  };

  test.each(Object.entries(made))('%s: prepared or not, they are those of the steps', (_, make) => {
    const optimizer = make();
    const hyperparameters = new Hyperparameters(capacity, optimizer.hyperCount);
    // Runs of every length after others of every length, some of them elsewhere than was prepared.
    let first = 0;
    for (let call = 0; call < 60; call++) {
      const steps = (call * 5) % capacity;
      expect(Array.from(hyperparameters.of(optimizer, first, steps)), `call ${call}`).toEqual(
        oneByOne(make(), first, steps),
      );
      first += call % 7 === 3 ? 0 : steps;
      if (call % 3 !== 2) hyperparameters.prepare(optimizer, first, (call * 3) % (capacity + 2));
      if (call % 11 === 10) first += 4;
    }
  });

  test('what a run reads stays while the next is prepared', () => {
    const optimizer = optimizers.adam();
    const hyperparameters = new Hyperparameters(capacity, optimizer.hyperCount);
    const read = hyperparameters.of(optimizer, 0, 4);
    const before = Array.from(read);
    hyperparameters.prepare(optimizer, 4, 4);
    expect(Array.from(read)).toEqual(before);
  });

  test('a rate that was assigned meanwhile, and another optimizer, hold at once', () => {
    const optimizer = optimizers.adam({learningRate: 0.5});
    const hyperparameters = new Hyperparameters(capacity, optimizer.hyperCount);
    hyperparameters.prepare(optimizer, 0, 4);
    optimizer.learningRate = 0.25;
    expect(Array.from(hyperparameters.of(optimizer, 0, 4))).toEqual(oneByOne(optimizer, 0, 4));
    const other = optimizers.adam({learningRate: 0.25, beta1: 0.5});
    hyperparameters.prepare(optimizer, 0, 4);
    expect(Array.from(hyperparameters.of(other, 0, 4))).toEqual(oneByOne(other, 0, 4));
  });

  test('a schedule is asked about the steps that are made, once', () => {
    const asked: number[] = [];
    const optimizer = optimizers.sgd({
      learningRate: step => {
        asked.push(step);
        return 0.1;
      },
    });
    const hyperparameters = new Hyperparameters(capacity, optimizer.hyperCount);
    hyperparameters.of(optimizer, 0, 3);
    hyperparameters.prepare(optimizer, 3, 3);
    hyperparameters.of(optimizer, 3, 2);
    expect(asked).toEqual([0, 1, 2, 3, 4]);
  });
});
