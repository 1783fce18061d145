// Optimizers and schedules by their formulas, computed by hand.
import {describe, expect, it} from 'vitest';
import {
  initializers,
  layers,
  type Optimizer,
  optimizers,
  regularizers,
  schedules,
  sequential,
} from '../../lib/index.ts';
import {dense, flat, kernelOf} from '../nn/one-kernel.ts';

describe('schedules', () => {
  const initialLearningRate = 0.4;
  const cases: readonly (readonly [string, (step: number) => number, Record<number, number>])[] = [
    ['constant', schedules.constant({learningRate: 0.4}), {0: 0.4, 9: 0.4}],
    [
      'exponentialDecay',
      schedules.exponentialDecay({initialLearningRate, decaySteps: 10, decayRate: 0.25}),
      {0: 0.4, 5: 0.2, 10: 0.1, 20: 0.025},
    ],
    [
      'its staircase',
      schedules.exponentialDecay({initialLearningRate, decaySteps: 10, decayRate: 0.25, staircase: true}),
      {0: 0.4, 9: 0.4, 10: 0.1, 19: 0.1},
    ],
    [
      'cosineDecay',
      schedules.cosineDecay({initialLearningRate, decaySteps: 10, alpha: 0.1}),
      {0: 0.4, 5: 0.22, 10: 0.04, 99: 0.04},
    ],
    [
      'piecewiseConstant',
      schedules.piecewiseConstant({boundaries: [2, 4], values: [3, 2, 1]}),
      {0: 3, 2: 3, 3: 2, 4: 2, 5: 1},
    ],
    [
      'polynomialDecay',
      schedules.polynomialDecay({initialLearningRate, decaySteps: 10, endLearningRate: 0, power: 2}),
      {0: 0.4, 5: 0.1, 10: 0, 11: 0},
    ],
  ];
  it.each(cases)('%s', (_, schedule, wanted) => {
    for (const [step, rate] of Object.entries(wanted)) expect(schedule(Number(step))).toBeCloseTo(rate, 12);
  });

  it.each(cases)('%s decides each step of a training, counted on over fits', async (_, schedule) => {
    const model = dense(
      {kernelRegularizer: regularizers.l1({l1: 1})},
      optimizers.sgd({learningRate: schedule}),
    );
    const four = {data: new Float32Array(8), shape: [4, 2]};
    let wanted = 100;
    model.setWeights([{name: 'dense/kernel', data: flat.map(() => 100)}]);
    for (let epoch = 0; epoch < 4; epoch++) {
      await model.fit(four, new Float32Array(12), {batchSize: 1});
      for (let step = 4 * epoch; step < 4 * epoch + 4; step++) wanted -= schedule(step);
      expect(kernelOf(model)[0]).toBeCloseTo(wanted, 3);
    }
  });
});

describe('optimizers follow their formulas', () => {
  /** One weight, f(w) = (w·1 − 0)² with the derivative 2w, in float64. */
  function byHand(rule: (gradient: number, step: number) => number, count: number): number {
    let w = 1;
    for (let step = 1; step <= count; step++) w -= rule(2 * w, step);
    return w;
  }
  const momentum = (rate: number, mu: number, nesterov: boolean) => {
    let velocity = 0;
    return (g: number) => {
      velocity = mu * velocity + g;
      return rate * (nesterov ? g + mu * velocity : velocity);
    };
  };
  const rmsprop = (rate: number, rho: number, epsilon: number) => {
    let v = 0;
    return (g: number) => {
      v = rho * v + (1 - rho) * g * g;
      return (rate * g) / (Math.sqrt(v) + epsilon);
    };
  };
  const adam = (rate: number, beta1: number, beta2: number, epsilon: number) => {
    let [m, v] = [0, 0];
    return (g: number, step: number) => {
      m = beta1 * m + (1 - beta1) * g;
      v = beta2 * v + (1 - beta2) * g * g;
      return (rate * (m / (1 - beta1 ** step))) / (Math.sqrt(v / (1 - beta2 ** step)) + epsilon);
    };
  };
  const cases: readonly (readonly [string, Optimizer, (g: number, step: number) => number])[] = [
    ['sgd', optimizers.sgd({learningRate: 0.1}), g => 0.1 * g],
    ['momentum', optimizers.sgd({learningRate: 0.1, momentum: 0.8}), momentum(0.1, 0.8, false)],
    [
      'nesterov',
      optimizers.sgd({learningRate: 0.1, momentum: 0.8, nesterov: true}),
      momentum(0.1, 0.8, true),
    ],
    ['rmsprop', optimizers.rmsprop({learningRate: 0.01}), rmsprop(0.01, 0.9, 1e-7)],
    [
      'rmsprop with a large epsilon',
      optimizers.rmsprop({learningRate: 0.1, rho: 0.99, epsilon: 0.3}),
      rmsprop(0.1, 0.99, 0.3),
    ],
    ['adam', optimizers.adam({learningRate: 0.1}), adam(0.1, 0.9, 0.999, 1e-7)],
    [
      'adam with a large epsilon',
      optimizers.adam({learningRate: 0.1, beta1: 0.5, beta2: 0.9, epsilon: 0.3}),
      adam(0.1, 0.5, 0.9, 0.3),
    ],
  ];
  it.each(cases)('%s', async (_, optimizer, rule) => {
    const one = initializers.constant({value: 1});
    const model = sequential([
      layers.dense({units: 1, useBias: false, kernelInitializer: one, inputShape: [1]}),
    ]);
    model.compile({optimizer, loss: 'mse'});
    for (let step = 0; step < 20; step++) await model.trainOnBatch([1], [0]);
    expect(kernelOf(model)[0]).toBeCloseTo(byHand(rule, 20), 5);
  });
});
