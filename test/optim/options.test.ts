// What every optimizer can do besides its rule, against plain float64.
import {describe, expect, it} from 'vitest';
import {
  constraints,
  getThreads,
  layers,
  type Optimizer,
  ops,
  optimizers,
  schedules,
  sequential,
  setThreads,
} from '../../lib/index.ts';
import {numbers} from '../support/plain-networks.ts';
import {build, descend, gradientsAt, map, type Numbers, norm, steps, weightsOf} from './given.ts';

const rate = 0.1;
const count = 6;

function expectNear(actual: Numbers, expected: Numbers, what: string): void {
  expect(Object.keys(actual)).toEqual(Object.keys(expected));
  for (const [name, values] of Object.entries(expected)) {
    values.forEach((value, i) => {
      expect(Math.abs((actual[name]?.[i] as number) - value), `${what}: ${name}[${i}]`).toBeLessThan(2e-6);
    });
  }
}

/** Steps of plain descent where `change` says what becomes of weights and gradients first. */
async function follows(
  optimizer: Optimizer,
  change: (p: Numbers, g: Numbers) => {p: Numbers; g: Numbers},
): Promise<void> {
  const [first, ...found] = await steps(optimizer, count);
  let expected = first as Numbers;
  for (const [step, actual] of found.entries()) {
    const {p, g} = change(expected, gradientsAt(step));
    expected = descend(p, g, rate);
    expectNear(actual, expected, `step ${step}`);
  }
}

describe('weight decay', () => {
  const shrink = (p: Numbers, but: readonly string[] = []): Numbers =>
    map(p, (values, name) => (but.includes(name) ? values : values.map(x => x * (1 - rate * 0.3))));

  it('is decoupled', () =>
    follows(optimizers.sgd({learningRate: rate, weightDecay: 0.3}), (p, g) => ({p: shrink(p), g})));

  it('or part of the gradient', () =>
    follows(optimizers.sgd({learningRate: rate, weightDecay: 0.3, decoupledWeightDecay: false}), (p, g) => ({
      p,
      g: map(g, (values, name) => values.map((x, i) => x + 0.3 * (p[name]?.[i] as number))),
    })));

  it.each([
    ['by name', ['bias']],
    ['by a function of name and shape', (_: string, shape: readonly number[]) => shape.length === 1],
  ] as const)('spares weights %s', (_, excludeFromWeightDecay) =>
    follows(optimizers.sgd({learningRate: rate, weightDecay: 0.3, excludeFromWeightDecay}), (p, g) => ({
      p: shrink(p, ['dense/bias']),
      g,
    })),
  );

  it('follows a learning rate that is assigned', async () => {
    const fixed = await steps(optimizers.adamw({learningRate: 0.02, weightDecay: 0.5}), 3);
    const assigned = optimizers.adamw({learningRate: 0.5, weightDecay: 0.5});
    assigned.learningRate = 0.02;
    expect(await steps(assigned, 3)).toEqual(fixed);
  });
});

describe('clipping', () => {
  it('by value', () =>
    follows(optimizers.sgd({learningRate: rate, clipValue: 0.3}), (p, g) => ({
      p,
      g: map(g, values => values.map(x => Math.min(Math.max(x, -0.3), 0.3))),
    })));

  it('by the norm of each gradient', () =>
    follows(optimizers.sgd({learningRate: rate, clipNorm: 0.9}), (p, g) => ({
      p,
      g: map(g, values => values.map(x => (x * 0.9) / Math.max(norm(values), 0.9))),
    })));

  it('by the norm of all together', () =>
    follows(optimizers.sgd({learningRate: rate, globalClipNorm: 1.2}), (p, g) => ({
      p,
      g: map(g, values => values.map(x => (x * 1.2) / Math.max(norm(...Object.values(g)), 1.2))),
    })));

  it('leaves shorter gradients as they are', async () => {
    const plain = await steps(optimizers.rmsprop(), count);
    for (const way of [{clipValue: 2}, {clipNorm: 9}, {globalClipNorm: 9}]) {
      expect(await steps(optimizers.rmsprop(way), count)).toEqual(plain);
    }
  });
});

describe('averages of weights', () => {
  it('take their place each time as many steps are done', async () => {
    const options = {learningRate: rate, useEma: true, emaMomentum: 0.7, emaOverwriteFrequency: 3};
    const [first, ...found] = await steps(optimizers.sgd(options), 7);
    let p = first as Numbers;
    let average = p;
    for (const [step, actual] of found.entries()) {
      p = descend(p, gradientsAt(step), rate);
      const kept = step === 0 ? 0 : 0.7;
      average = map(average, (values, name) =>
        values.map((x, i) => kept * x + (1 - kept) * (p[name]?.[i] as number)),
      );
      if ((step + 1) % 3 === 0) p = average;
      expectNear(actual, p, `step ${step}`);
    }
  });

  it('start where a weight is that is trained from now on', async () => {
    const first = layers.dense({units: 3, inputShape: [2]});
    const model = sequential([first, layers.dense({units: 1})]);
    first.trainable = false;
    model.compile({optimizer: optimizers.sgd({learningRate: 0, useEma: true}), loss: 'mse'});
    const before = weightsOf(model);
    const train = () => model.fit([[1, 2]], [3], {epochs: 3, verbose: 0});
    await train();
    first.trainable = true;
    await train();
    expectNear(weightsOf(model), before, 'after');
  });

  it('and change nothing before', async () => {
    const averaged = await steps(optimizers.lion({useEma: true}), count);
    expect(averaged).toEqual(await steps(optimizers.lion(), count));
  });
});

describe('accumulation', () => {
  it('makes one update by the mean of some gradients, and nothing between', async () => {
    const found = await steps(optimizers.sgd({learningRate: rate, gradientAccumulationSteps: 3}), 7);
    let p = found[0] as Numbers;
    for (let step = 0; step < 7; step++) {
      if ((step + 1) % 3 === 0) {
        const three = [step - 2, step - 1, step].map(gradientsAt);
        const mean = map(gradientsAt(step), (values, name) =>
          values.map((_, i) => three.reduce((sum, g) => sum + (g[name]?.[i] as number) / 3, 0)),
        );
        p = descend(p, mean, rate);
        expectNear(found[step + 1] as Numbers, p, `step ${step}`);
      } else expect(found[step + 1]).toEqual(found[step]);
    }
  });

  it('schedules count updates', async () => {
    const seen: number[] = [];
    const learningRate = (step: number): number => {
      seen.push(step);
      return 0.1;
    };
    await steps(optimizers.sgd({learningRate, gradientAccumulationSteps: 2}), 6);
    expect(seen).toEqual([0, 0, 1, 1, 2, 2]);
  });

  /** Weights after `fit` of 64 rows, eight epochs in order. */
  async function fitted(optimizer: Optimizer, batchSize: number): Promise<number[]> {
    const model = sequential([
      layers.dense({units: 7, activation: 'tanh', kernelRegularizer: 'l2', inputShape: [4]}),
      layers.dense({units: 2}),
    ]);
    model.compile({optimizer, loss: 'mse'});
    const x = {data: numbers(64 * 4, 3), shape: [64, 4]};
    const y = {data: numbers(64 * 2, 4), shape: [64, 2]};
    await model.fit(x, y, {batchSize, epochs: 8, shuffle: false, verbose: 0});
    return Object.values(weightsOf(model)).flat();
  }

  const makers: readonly (readonly [string, (options: object) => Optimizer])[] = [
    ['sgd', options => optimizers.sgd({momentum: 0.9, weightDecay: 0.01, ...options})],
    ['adam', options => optimizers.adam({epsilon: 1e-4, globalClipNorm: 0.5, ...options})],
    [
      'rmsprop with a schedule and an average',
      options =>
        optimizers.rmsprop({
          learningRate: schedules.cosineDecay({initialLearningRate: 0.01, decaySteps: 16}),
          epsilon: 1e-4,
          useEma: true,
          emaMomentum: 0.5,
          ...options,
        }),
    ],
  ];
  it.each(makers)('over 4 batches is as good as one batch 4 times as large: %s', async (_, make) => {
    const small = await fitted(make({gradientAccumulationSteps: 4}), 8);
    const large = await fitted(make({}), 32);
    const most = Math.max(...large.map(Math.abs));
    small.forEach((x, i) => {
      expect(Math.abs(x - (large[i] as number)) / most).toBeLessThan(1e-6);
    });
  });
});

it('goes the same way where a constraint keeps the update from the memory of the weights', async () => {
  const run = async (constraint: object): Promise<Numbers> => {
    const model = sequential([layers.dense({units: 3, inputShape: [2], ...constraint})], {seed: 3});
    const optimizer = optimizers.adam({gradientAccumulationSteps: 2, weightDecay: 0.1, useEma: true});
    model.compile({optimizer, loss: 'mse'});
    for (let step = 0; step < 5; step++) await model.applyGradients(gradientsAt(step));
    return weightsOf(model);
  };
  const free = await run({});
  expect(await run({kernelConstraint: (w: ReturnType<typeof ops.ones>) => ops.maximum(w, -1e30)})).toEqual(
    free,
  );
  const held = await run({kernelConstraint: constraints.maxNorm({maxValue: 0.1})});
  const kernel = held['dense/kernel'] as number[];
  for (const column of [0, 1, 2]) {
    expect(norm([kernel[column] as number, kernel[column + 3] as number])).toBeLessThan(0.1001);
  }
});

it('says that a function of the user’s own for decay cannot be saved', async () => {
  const model = build(optimizers.adamw({excludeFromWeightDecay: () => true}));
  await expect(model.save('never-written.chainrule')).rejects.toMatchObject({
    code: 'ERR_OPTION',
    message: expect.stringMatching(/excludeFromWeightDecay is a function of your own.*a list of names can/),
  });
});

it('nadam goes on at once from any step', () => {
  const far = optimizers.nadam().hyper(9e15, 0.001);
  const near = optimizers.nadam({beta1: 0.5}).hyper(1e6, 0.001);
  expect([...far, ...near].every(Number.isFinite)).toBe(true);
  const [all, back] = [optimizers.nadam(), optimizers.nadam()];
  const forth = Array.from({length: 40}, (_, step) => all.hyper(step, 0.001));
  back.hyper(39, 0.001);
  expect(Array.from({length: 40}, (_, step) => back.hyper(step, 0.001))).toEqual(forth);
});

it('gives the same bits on any number of threads', async () => {
  const threads = getThreads();
  const everything = {
    weightDecay: 0.1,
    excludeFromWeightDecay: ['bias'],
    globalClipNorm: 0.1,
    useEma: true,
    gradientAccumulationSteps: 2,
  };
  const x = {data: numbers(64 * 100, 3), shape: [64, 100]};
  const y = {data: numbers(64 * 9, 4), shape: [64, 9]};
  const run = async (make: (options: object) => Optimizer): Promise<Numbers> => {
    const hidden = layers.dense({units: 170, activation: 'tanh', inputShape: [100]});
    const model = sequential([hidden, layers.dense({units: 9})], {seed: 8});
    model.compile({optimizer: make(everything), loss: 'mse'});
    await model.fit(x, y, {epochs: 2, batchSize: 16, verbose: 0});
    return weightsOf(model);
  };
  try {
    // What all weights share is no option of several optimizers.
    const {grouped, ...single} = optimizers;
    const several = (): Optimizer =>
      grouped({
        groups: [{weights: ['kernel'], optimizer: 'muon'}],
        otherwise: optimizers.adam({globalClipNorm: 0.1, weightDecay: 0.1}),
      });
    for (const make of [several, ...(Object.values(single) as ((options: object) => Optimizer)[])]) {
      setThreads(1);
      const alone = await run(make);
      setThreads(3);
      expect(await run(make)).toEqual(alone);
    }
  } finally {
    setThreads(threads);
  }
});
