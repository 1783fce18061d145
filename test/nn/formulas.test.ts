// Penalties, limits, schedules, first values, optimizers and losses at their limits, computed by hand.
import {describe, expect, it} from 'vitest';
import {
  type Constraint,
  constraints,
  type Initializer,
  initializers,
  layers,
  losses,
  type Optimizer,
  ops,
  optimizers,
  type Regularizer,
  regularizers,
  type Sequential,
  schedules,
  sequential,
} from '../../lib/index.ts';
import {numbers} from '../support/plain-networks.ts';

type LossLike = Parameters<Sequential['compile']>[0]['loss'];

const kernel = [
  [0.5, -1.5, 3],
  [-2, 0.25, 4],
];
const flat = kernel.flat();
const column = (unit: number): number[] => kernel.map(row => row[unit] as number);
const norm = (unit: number): number => Math.hypot(...column(unit));

function dense(
  options: {kernelRegularizer?: Regularizer; kernelConstraint?: Constraint},
  optimizer: Optimizer,
) {
  const model = sequential([layers.dense({units: 3, useBias: false, inputShape: [2], ...options})]);
  model.compile({optimizer, loss: 'mse'});
  model.setWeights([{name: 'dense/kernel', data: flat}]);
  return model;
}

/** An input and a target without an error: only the penalty pulls. */
const nothing = {data: new Float32Array(2), shape: [1, 2]};
const noTarget = {data: new Float32Array(3), shape: [1, 3]};
const kernelOf = (model: ReturnType<typeof dense>): number[] => [...(model.getWeights()[0]?.data ?? [])];

function expectClose(values: readonly number[], wanted: readonly number[]): void {
  expect(values).toHaveLength(wanted.length);
  values.forEach((value, at) => {
    expect(value).toBeCloseTo(wanted[at] as number, 5);
  });
}

describe('a regularizer adds its penalty to the loss and its derivative to the gradient', () => {
  const sign = Math.sign;
  const cases: readonly (readonly [string, Regularizer, (w: number) => number, (w: number) => number])[] = [
    ['l1', regularizers.l1({l1: 0.1}), w => 0.1 * Math.abs(w), w => 0.1 * sign(w)],
    ['l1 by default', regularizers.l1(), w => 0.01 * Math.abs(w), w => 0.01 * sign(w)],
    ['l2', regularizers.l2({l2: 0.2}), w => 0.2 * w * w, w => 0.4 * w],
    [
      'l1l2',
      regularizers.l1l2({l1: 0.1, l2: 0.2}),
      w => 0.1 * Math.abs(w) + 0.2 * w * w,
      w => 0.1 * sign(w) + 0.4 * w,
    ],
  ];
  it.each(cases)('%s', async (_, kernelRegularizer, penalty, derivative) => {
    const model = dense({kernelRegularizer}, optimizers.sgd({learningRate: 0.5}));
    const wanted = flat.reduce((sum, w) => sum + penalty(w), 0);
    expect((await model.evaluate(nothing, noTarget)).loss).toBeCloseTo(wanted, 5);
    const {loss, gradients} = await model.gradients(nothing, noTarget);
    expect(loss).toBeCloseTo(wanted, 5);
    expectClose([...(gradients['dense/kernel']?.data ?? [])], flat.map(derivative));
    expect((await model.trainOnBatch(nothing, noTarget)).loss).toBeCloseTo(wanted, 5);
    expectClose(
      kernelOf(model),
      flat.map(w => w - 0.5 * derivative(w)),
    );
  });

  it('whose penalty counts once, whatever the batch', async () => {
    const model = dense({kernelRegularizer: regularizers.l2({l2: 1})}, optimizers.sgd({learningRate: 0}));
    const many = {data: new Float32Array(2 * 7), shape: [7, 2]};
    const {history} = await model.fit(many, new Float32Array(3 * 7), {batchSize: 3});
    expect(history.loss?.[0]).toBeCloseTo(
      flat.reduce((sum, w) => sum + w * w, 0),
      4,
    );
  });
});

describe('a constraint holds after each step', () => {
  const scaled = (scale: (unit: number) => number): number[] =>
    kernel.flatMap(row => row.map((w, unit) => w * scale(unit)));
  const rowNorm = (row: number): number => Math.hypot(...(kernel[row] as number[]));
  const cases: readonly (readonly [string, Constraint, number[]])[] = [
    ['maxNorm', constraints.maxNorm({maxValue: 2}), scaled(unit => Math.min(norm(unit), 2) / norm(unit))],
    ['nonNeg', constraints.nonNeg(), flat.map(w => Math.max(w, 0))],
    ['unitNorm', constraints.unitNorm(), scaled(unit => 1 / norm(unit))],
    [
      'unitNorm along rows',
      constraints.unitNorm({axis: 1}),
      kernel.flatMap((row, at) => row.map(w => w / rowNorm(at))),
    ],
    [
      'minMaxNorm',
      constraints.minMaxNorm({minValue: 1.8, maxValue: 3, rate: 0.5}),
      scaled(unit => {
        const clipped = Math.min(Math.max(norm(unit), 1.8), 3);
        return (0.5 * clipped + 0.5 * norm(unit)) / norm(unit);
      }),
    ],
  ];
  it.each(cases)('%s', async (_, kernelConstraint, wanted) => {
    for (const optimizer of [optimizers.sgd(), optimizers.sgd({momentum: 0.9}), optimizers.adam()]) {
      const model = dense({kernelConstraint}, optimizer);
      await model.trainOnBatch(nothing, noTarget);
      expectClose(kernelOf(model), wanted);
    }
  });

  it('after an update that the gradient made', async () => {
    const model = dense({kernelConstraint: constraints.unitNorm()}, optimizers.sgd({learningRate: 0.1}));
    const x = {data: numbers(2 * 9), shape: [9, 2]};
    await model.fit(x, numbers(3 * 9, 2), {epochs: 5, batchSize: 4});
    const now = kernelOf(model);
    for (const unit of [0, 1, 2]) {
      expect(Math.hypot(now[unit] as number, now[3 + unit] as number)).toBeCloseTo(1, 5);
    }
    expectClose(kernelOf(dense({}, optimizers.sgd())), flat);
    expect(Math.abs((now[0] as number) - (kernel[0]?.[0] as number) / norm(0))).toBeGreaterThan(1e-3);
  });
});

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

describe('initializers', () => {
  const [inputs, units] = [200, 300];
  const draw = (kernelInitializer: Initializer, seed = 0): Float32Array => {
    const layer = layers.dense({units, useBias: false, kernelInitializer, inputShape: [inputs]});
    return sequential([layer], {seed}).getWeights()[0]?.data as Float32Array;
  };
  const cases: readonly (readonly [string, Initializer, number, number])[] = [
    ['glorotUniform', initializers.glorotUniform(), 2 / (inputs + units), Math.sqrt(3)],
    ['glorotNormal', initializers.glorotNormal(), 2 / (inputs + units), 2 / 0.87962566],
    ['heUniform', initializers.heUniform(), 2 / inputs, Math.sqrt(3)],
    ['heNormal', initializers.heNormal(), 2 / inputs, 2 / 0.87962566],
  ];
  it.each(cases)('%s has its variance and its limit', (_, initializer, variance, limit) => {
    const values = draw(initializer);
    const mean = values.reduce((a, b) => a + b, 0) / values.length;
    const square = values.reduce((a, b) => a + b * b, 0) / values.length;
    const deviation = Math.sqrt(variance);
    expect(Math.abs(mean) / deviation).toBeLessThan(0.02);
    expect(square / variance).toBeCloseTo(1, 1);
    const most = values.reduce((a, b) => Math.max(a, Math.abs(b)), 0) / deviation;
    expect(most).toBeLessThanOrEqual(limit * (1 + 1e-6));
    expect(most).toBeGreaterThan(limit * 0.99);
    expect(draw(initializer)).toEqual(values);
    expect(draw(initializer, 1)).not.toEqual(values);
  });

  it('zeros and constant', () => {
    expect(new Set(draw(initializers.zeros()))).toEqual(new Set([0]));
    expect(new Set(draw(initializers.constant({value: 0.25})))).toEqual(new Set([0.25]));
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

it('functions of the user stand for members: the same formula gives the same bits', async () => {
  const build = (options: Partial<Parameters<typeof layers.dense>[0]>, loss: LossLike) => {
    const model = sequential([layers.dense({units: 3, inputShape: [2], ...options})], {seed: 4});
    model.compile({optimizer: optimizers.adam({learningRate: 0.1}), loss});
    return model;
  };
  const named = build(
    {
      activation: 'tanh',
      kernelInitializer: initializers.constant({value: 0.5}),
      kernelRegularizer: regularizers.l2({l2: 0.1}),
      kernelConstraint: 'nonNeg',
    },
    'mse',
  );
  const own = build(
    {
      activation: x => ops.tanh(x),
      kernelInitializer: shape => ops.broadcastTo(0.5, shape),
      kernelRegularizer: weight => ops.mul(ops.sum(ops.square(weight)), 0.1),
      kernelConstraint: weight => ops.relu(weight),
    },
    (target, output) => ops.mean(ops.square(ops.sub(output, target)), 1),
  );
  const [x, y] = [numbers(2 * 20, 7), numbers(3 * 20, 8)];
  const options = {epochs: 3, batchSize: 8};
  expect(await own.fit(x, y, options)).toEqual(await named.fit(x, y, options));
  expect(own.getWeights()).toEqual(named.getWeights());
});
