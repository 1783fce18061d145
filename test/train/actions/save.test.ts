// Whatever a model may be made of comes back from its file.
import {mkdtempSync, readFileSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {afterAll, describe, expect, it} from 'vitest';
import {
  constraints,
  initializers,
  type Layer,
  layers,
  load,
  losses,
  metrics,
  ops,
  optimizers,
  regularizers,
  type Sequential,
  schedules,
  sequential,
  type Tensor,
} from '../../../lib/index.ts';
import {numbers} from '../../support/plain-networks.ts';
import {build, type CompileOptions, quiet, weightsOf, x, y} from '../../support/small-model.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'chainrule-saved-'));
afterAll(() => rmSync(folder, {recursive: true, force: true}));
const file = path.join(folder, 'model.chainrule');

async function copyOf(model: Sequential): Promise<Sequential> {
  await model.save(file);
  return load(file);
}

const {stepDecay, inverseTimeDecay, cosineDecayRestarts, oneCycle} = schedules;
const falling = {initialLearningRate: 0.05, decaySteps: 5, decayRate: 0.5};

/** With all options of each that are no defaults. */
const everyOptimizer: Record<string, CompileOptions['optimizer']> = {
  'rmsprop by name': 'rmsprop',
  'adagrad by name': 'adagrad',
  'adadelta by name': 'adadelta',
  'adamw by name': 'adamw',
  'adamax by name': 'adamax',
  'nadam by name': 'nadam',
  'lion by name': 'lion',
  'radam by name': 'radam',
  rmsprop: optimizers.rmsprop({learningRate: 0.01, rho: 0.95, epsilon: 1e-6, momentum: 0.5, centered: true}),
  adagrad: optimizers.adagrad({learningRate: 0.1, initialAccumulatorValue: 0.2, epsilon: 1e-5}),
  adadelta: optimizers.adadelta({learningRate: 1, rho: 0.9, epsilon: 1e-5, clipValue: 0.01}),
  amsgrad: optimizers.adam({amsgrad: true, clipNorm: 0.1, learningRate: stepDecay(falling)}),
  adamw: optimizers.adamw({weightDecay: 0.1, excludeFromWeightDecay: ['bias'], globalClipNorm: 0.1}),
  adamax: optimizers.adamax({beta1: 0.8, learningRate: inverseTimeDecay({...falling, staircase: true})}),
  nadam: optimizers.nadam({momentumDecay: 0.1, useEma: true, emaMomentum: 0.9, emaOverwriteFrequency: 5}),
  lion: optimizers.lion({beta1: 0.8, beta2: 0.9, weightDecay: 0.1, decoupledWeightDecay: false}),
  radam: optimizers.radam({
    beta2: 0.9,
    gradientAccumulationSteps: 3,
    learningRate: cosineDecayRestarts({initialLearningRate: 0.1, firstDecaySteps: 2, tMul: 1.5, mMul: 0.9}),
  }),
  oneCycle: optimizers.sgd({
    learningRate: oneCycle({maxLearningRate: 0.1, totalSteps: 30, annealStrategy: 'linear', divFactor: 5}),
  }),
};

const topologyOf = (): string => {
  const bytes = readFileSync(file);
  const header = JSON.parse(bytes.toString('utf8', 8, 8 + Number(bytes.readBigUInt64LE())));
  return header.__metadata__.topology;
};

const targets = numbers(50 * 2, 6);

/** Trains, saves, loads, and trains both on: losses and weights must stay the same. */
async function goesOn(
  list: readonly Layer[],
  options: CompileOptions,
  labels: typeof y | Float32Array,
): Promise<void> {
  const model = sequential(list, {seed: 21});
  model.compile(options);
  await model.fit(x, labels, {...quiet, epochs: 2});
  const again = await copyOf(model);
  const described = topologyOf();
  expect(again.predictSync(x)).toEqual(model.predictSync(x));
  expect(await again.evaluate(x, labels)).toEqual(await model.evaluate(x, labels));
  expect(again.iterations).toBe(model.iterations);
  const more = {...quiet, epochs: 3, seed: 2};
  const [one, other] = [await model.fit(x, labels, more), await again.fit(x, labels, more)];
  expect(other).toEqual(one);
  expect(weightsOf(again)).toEqual(weightsOf(model));
  await again.save(file);
  expect(topologyOf()).toBe(described);
}

describe('a model goes on from its file as if it had never been away', () => {
  const last = layers.dense({units: 2, name: 'last'});

  const optimizersToTry: Record<string, CompileOptions['optimizer']> = {
    'sgd by name': 'sgd',
    momentum: optimizers.sgd({learningRate: 0.05, momentum: 0.9}),
    nesterov: optimizers.sgd({momentum: 0.8, nesterov: true}),
    'adam by name': 'adam',
    'adam with all options': optimizers.adam({learningRate: 0.01, beta1: 0.8, beta2: 0.99, epsilon: 1e-6}),
    ...everyOptimizer,
    constant: optimizers.sgd({learningRate: schedules.constant({learningRate: 0.03})}),
    exponentialDecay: optimizers.adam({
      learningRate: schedules.exponentialDecay({
        initialLearningRate: 0.1,
        decaySteps: 3,
        decayRate: 0.7,
        staircase: true,
      }),
    }),
    cosineDecay: optimizers.sgd({
      learningRate: schedules.cosineDecay({initialLearningRate: 0.1, decaySteps: 14, alpha: 0.1}),
    }),
    piecewiseConstant: optimizers.sgd({
      learningRate: schedules.piecewiseConstant({boundaries: [9, 11], values: [0.1, 0.05, 0.01]}),
    }),
    polynomialDecay: optimizers.sgd({
      learningRate: schedules.polynomialDecay({initialLearningRate: 0.1, decaySteps: 30, power: 2}),
    }),
  };
  it.each(Object.entries(optimizersToTry))('with %s', async (_, optimizer) => {
    const first = layers.dense({units: 5, activation: 'tanh', inputShape: [6]});
    await goesOn([first, last], {optimizer, loss: 'mse', metrics: ['mae']}, targets);
  });

  it('with every option of dense, and the other layers', async () => {
    const list = [
      layers.dense({
        name: 'with.all-options',
        units: 7,
        inputShape: [6],
        activation: 'sigmoid',
        kernelInitializer: 'heNormal',
        biasInitializer: initializers.constant({value: 0.1}),
        kernelRegularizer: regularizers.l1l2({l1: 0.001, l2: 0.02}),
        biasRegularizer: 'l2',
        kernelConstraint: constraints.minMaxNorm({minValue: 0.5, maxValue: 1.5, rate: 0.9}),
        biasConstraint: 'nonNeg',
      }),
      layers.dropout({rate: 0.3}),
      layers.activation({activation: 'tanh'}),
      layers.flatten(),
      layers.dense({units: 2, useBias: false, kernelRegularizer: regularizers.l1({l1: 0.01})}),
    ];
    await goesOn(list, {optimizer: 'adam', loss: 'mse'}, targets);
  });

  it('with each loss and metric', async () => {
    const softmax = [layers.dense({units: 4, activation: 'softmax', inputShape: [6]})];
    const sparse = losses.sparseCategoricalCrossentropy();
    await goesOn(
      softmax,
      {optimizer: 'adam', loss: sparse, metrics: ['acc', 'sparseCategoricalAccuracy']},
      y,
    );
    const logits = [layers.dense({units: 4, inputShape: [6]})];
    const fromLogits = losses.sparseCategoricalCrossentropy({fromLogits: true});
    await goesOn(logits, {optimizer: 'adam', loss: fromLogits, metrics: ['accuracy']}, y);
    const sides = [layers.dense({units: 2, activation: 'sigmoid', inputShape: [6]})];
    const bits = targets.map(value => Number(value > 0));
    const strict = metrics.binaryAccuracy({threshold: 0.6});
    await goesOn(sides, {optimizer: 'sgd', loss: 'bce', metrics: [strict, 'mse', 'mae']}, bits);
  });

  it('with names that the file uses itself', async () => {
    const list = ['optimizer', '__metadata__', 'constructor', '__proto__'].map(name =>
      layers.dense({name, units: 2, inputShape: name === 'optimizer' ? [6] : [2]}),
    );
    await goesOn(list, {optimizer: 'adam', loss: 'mse'}, targets);
  });

  it('with a rate that was assigned', async () => {
    const model = build();
    model.optimizer.learningRate = 0.123;
    const again = await copyOf(model);
    expect(again.optimizer.learningRate).toBe(0.123);
    again.optimizer.learningRate = schedules.constant({learningRate: 0.5});
    const third = await copyOf(again);
    expect((third.optimizer.learningRate as (step: number) => number)(7)).toBe(0.5);
  });
});

describe('what a file cannot hold is said', () => {
  /** A function that goes through another gets no name from where it stands. */
  const nameless = <Given>(given: Given): Given => given;

  it('functions of the user', async () => {
    const own = sequential([
      layers.dense({units: 2, inputShape: [6], activation: nameless(tensor => ops.square(tensor))}),
    ]);
    await expect(own.save(file)).rejects.toThrow(/the activation is a function without a name/);
    const loss = nameless((target: Tensor, output: Tensor) => ops.mean(ops.abs(ops.sub(output, target)), 1));
    const model = sequential([layers.dense({units: 2, inputShape: [6]})]);
    model.compile({optimizer: 'sgd', loss});
    await expect(model.save(file)).rejects.toThrow(/the loss is a function without a name/);
    await model.save(file, {includeOptimizer: false});
    expect((await load(file)).predictSync(x)).toEqual(model.predictSync(x));
  });

  it('weights that are not finite, which load would refuse', async () => {
    const model = build();
    const good = await copyOf(model);
    (model.parameters[0]?.data as Float32Array)[3] = Number.POSITIVE_INFINITY;
    await expect(model.save(file)).rejects.toMatchObject({
      code: 'ERR_NOT_FINITE',
      message: 'save: dense/kernel holds Infinity at position 3; nothing was written.',
    });
    expect(weightsOf(await load(file))).toEqual(weightsOf(good));
  });
});
