import {describe, expect, test} from 'vitest';
import {optimizers} from '../../../lib/index.ts';
import {type Optimizer, rateAt} from '../../../lib/optim/optimizer.ts';
import {StepNumbers} from '../../../lib/train/step-numbers.ts';

/** One step after another, each asked for by itself. */
function oneByOne(optimizer: Optimizer, first: number, steps: number): number[] {
  return Array.from({length: steps}, (_, step) =>
    Array.from(optimizer.hyper(first + step, rateAt(optimizer, first + step)), Math.fround),
  ).flat();
}

describe('the numbers of the steps of a run', () => {
  const capacity = 8;
  const made: Record<string, () => Optimizer> = {
    adam: () => optimizers.adam({learningRate: 0.01}),
    'two groups and a mean': () =>
      optimizers.adamw({useEma: true, emaOverwriteFrequency: 3, excludeFromWeightDecay: ['bias']}),
    nadam: () => optimizers.nadam({gradientAccumulationSteps: 2}),
    'a schedule': () => optimizers.sgd({learningRate: step => 1 / (step + 1)}),
  };

  test.each(Object.entries(made))('%s: foreseen or not, they are those of the steps', (_, make) => {
    const optimizer = make();
    const numbers = new StepNumbers(capacity, optimizer.hyperCount);
    // Runs of every length after others of every length, some of them elsewhere than was foreseen.
    let first = 0;
    for (let repeat = 0; repeat < 60; repeat++) {
      const steps = (repeat * 5) % capacity;
      expect(Array.from(numbers.of(optimizer, first, steps)), `repeat ${repeat}`).toEqual(
        oneByOne(make(), first, steps),
      );
      first += repeat % 7 === 3 ? 0 : steps;
      if (repeat % 3 !== 2) numbers.foresee(optimizer, first, (repeat * 3) % (capacity + 2));
      if (repeat % 11 === 10) first += 4;
    }
  });

  test('what a run reads stays while the next is foreseen', () => {
    const optimizer = optimizers.adam();
    const numbers = new StepNumbers(capacity, optimizer.hyperCount);
    const read = numbers.of(optimizer, 0, 4);
    const before = Array.from(read);
    numbers.foresee(optimizer, 4, 4);
    expect(Array.from(read)).toEqual(before);
  });

  test('a rate that was assigned meanwhile, and another optimizer, hold at once', () => {
    const optimizer = optimizers.adam({learningRate: 0.5});
    const numbers = new StepNumbers(capacity, optimizer.hyperCount);
    numbers.foresee(optimizer, 0, 4);
    optimizer.learningRate = 0.25;
    expect(Array.from(numbers.of(optimizer, 0, 4))).toEqual(oneByOne(optimizer, 0, 4));
    const other = optimizers.adam({learningRate: 0.25, beta1: 0.5});
    numbers.foresee(optimizer, 0, 4);
    expect(Array.from(numbers.of(other, 0, 4))).toEqual(oneByOne(other, 0, 4));
  });

  test('a schedule is asked about the steps that are made, once', () => {
    const asked: number[] = [];
    const optimizer = optimizers.sgd({
      learningRate: step => {
        asked.push(step);
        return 0.1;
      },
    });
    const numbers = new StepNumbers(capacity, optimizer.hyperCount);
    numbers.of(optimizer, 0, 3);
    numbers.foresee(optimizer, 3, 3);
    numbers.of(optimizer, 3, 2);
    expect(asked).toEqual([0, 1, 2, 3, 4]);
  });
});
