// Parts of the user's own, as functions of ops or as small classes: they train, are saved by name, and come
// back with customObjects.
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {afterAll, describe, expect, it} from 'vitest';
import {
  type CompileOptions,
  type CustomObjects,
  initializers,
  layers,
  load,
  type Model,
  modelFromJSON,
  ops,
  optimizers,
  type RandomSource,
  regularizers,
  sequential,
  type Tensor,
  type UpdateStep,
} from '../../lib/index.ts';
import {numbers} from '../support/plain-networks.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'chainrule-own-'));
const file = path.join(folder, 'own.chainrule');
afterAll(() => rmSync(folder, {recursive: true, force: true}));

const x = {data: numbers(20 * 3, 1), shape: [20, 3]};
const y = {data: numbers(20, 2), shape: [20, 1]};

// Each as a plain function …
const cube = (a: Tensor): Tensor => ops.mul(a, ops.square(a));
const halves = (shape: readonly number[]): Tensor => ops.mul(ops.ones(shape), 0.5);
const quartic = (weight: Tensor): Tensor => ops.mul(ops.sum(ops.square(ops.square(weight))), 0.1);
const atMostOne = (weight: Tensor): Tensor => ops.minimum(weight, 1);
const fourth = (target: Tensor, output: Tensor): Tensor => {
  const error = ops.square(ops.sub(output, target));
  return ops.reshape(ops.square(error), [error.size]);
};
const bias = (target: Tensor, output: Tensor): Tensor => {
  const error = ops.sub(output, target);
  return ops.reshape(error, [error.size]);
};
const slowing = (step: number): number => 0.1 / (1 + step);

// … and as a class with options.
class Power {
  readonly config: {exponent: number};
  constructor({exponent}: {exponent: number}) {
    this.config = {exponent};
  }
  call(a: Tensor): Tensor {
    return this.config.exponent === 2 ? ops.square(a) : a;
  }
}
class Spread {
  readonly config: {width: number};
  constructor({width}: {width: number}) {
    this.config = {width};
  }
  call(shape: readonly number[], source: RandomSource): Tensor {
    const {width} = this.config;
    return ops.randomUniform(source, shape, -width, width);
  }
}
class Weighted {
  readonly config: {factor: number};
  constructor({factor}: {factor: number}) {
    this.config = {factor};
  }
  call(target: Tensor, output: Tensor): Tensor {
    return ops.mul(fourth(target, output), this.config.factor);
  }
}

const signed = ({parameter, gradient, learningRate}: UpdateStep): Tensor =>
  ops.sub(parameter, ops.mul(learningRate, ops.sign(gradient)));

/** Heavy ball (Polyak 1964). */
class HeavyBall {
  readonly slots = ['velocity'];
  readonly config: {kept: number};
  constructor({kept}: {kept: number}) {
    this.config = {kept};
  }
  call({parameter, gradient, slots: [velocity], learningRate}: UpdateStep): Tensor[] {
    const kept = ops.mul(velocity as Tensor, this.config.kept);
    const next = ops.sub(kept, ops.mul(gradient, learningRate));
    return [ops.add(parameter, next), next];
  }
}

class Halving {
  readonly config: {every: number};
  constructor({every}: {every: number}) {
    this.config = {every};
  }
  call(step: number): number {
    return 0.1 * 0.5 ** Math.floor(step / this.config.every);
  }
}

const untyped = (value: unknown): never => value as never;
const all: CustomObjects = {
  cube,
  halves,
  quartic,
  atMostOne,
  fourth,
  bias,
  slowing,
  Power,
  Spread,
  Weighted,
  signed,
  HeavyBall,
  Halving,
};

function build(dense: object, compile: Partial<CompileOptions>): Model {
  const model = sequential(
    [layers.dense({units: 4, inputShape: [3], ...dense}), layers.dense({units: 1, name: 'head'})],
    {seed: 3},
  );
  model.compile({optimizer: 'adam', loss: 'mse', ...compile});
  return model;
}

const cases: [string, object, Partial<CompileOptions>][] = [
  ['an activation', {activation: cube}, {}],
  ['an activation of a class', {activation: untyped(new Power({exponent: 2}))}, {}],
  ['an initializer', {kernelInitializer: halves}, {}],
  ['an initializer of a class', {kernelInitializer: untyped(new Spread({width: 0.3}))}, {}],
  ['a regularizer', {kernelRegularizer: quartic}, {}],
  ['a regularizer of activity', {activityRegularizer: quartic}, {}],
  ['a constraint', {kernelConstraint: atMostOne}, {}],
  ['a loss', {}, {loss: fourth}],
  ['a loss of a class', {}, {loss: untyped(new Weighted({factor: 2}))}],
  ['a metric', {}, {metrics: [bias]}],
  ['an optimizer', {}, {optimizer: signed}],
  ['an optimizer of a class', {}, {optimizer: new HeavyBall({kept: 0.5})}],
  [
    'a schedule of a class',
    {},
    {optimizer: optimizers.sgd({learningRate: untyped(new Halving({every: 2}))})},
  ],
  ['a schedule', {}, {optimizer: optimizers.sgd({learningRate: slowing})}],
];

describe('parts of the user', () => {
  it.each(cases)('%s trains, and trains on after its file to the same bits', async (_, dense, compile) => {
    const model = build(dense, compile);
    await model.fit(x, y, {epochs: 2, batchSize: 8});
    await model.save(file);
    const again = await load(file, {customObjects: all});
    const [one, other] = [await model.fit(x, y, {epochs: 2}), await again.fit(x, y, {epochs: 2})];
    expect(other.history).toEqual(one.history);
    expect(again.getWeights()).toEqual(model.getWeights());
    const text = JSON.stringify(model);
    const fresh = modelFromJSON(text, {customObjects: all});
    expect(JSON.stringify(fresh)).toBe(text);
    expect(fresh.getWeights()).toEqual(build(dense, compile).getWeights());
  });

  it('do what they say', async () => {
    const first = (model: Model) => [...(model.getWeights()[0]?.data ?? [])];
    expect(first(build({kernelInitializer: halves}, {}))).toEqual(new Array(12).fill(0.5));
    const spread = first(build({kernelInitializer: new Spread({width: 0.01})}, {}));
    expect(Math.max(...spread.map(Math.abs))).toBeLessThan(0.0100001);
    const whole = await build({}, {loss: fourth}).evaluate(x, y);
    const twice = await build({}, {loss: untyped(new Weighted({factor: 2}))}).evaluate(x, y);
    expect(twice.loss).toBeCloseTo(2 * (whole.loss as number), 5);
    const named = await build({}, {metrics: [bias]}).evaluate(x, y);
    expect(Object.keys(named)).toEqual(['loss', 'bias']);
  });

  it('are asked for by name where they are not given, and by what they must be', async () => {
    await build({activation: cube}, {}).save(file);
    await expect(load(file)).rejects.toThrow(
      /the activation "cube" is one of your own.*customObjects: \{cube: …\}/,
    );
    await build({activation: untyped(new Power({exponent: 2}))}, {}).save(file);
    await expect(load(file)).rejects.toThrow(/unknown activation "Power"/);
    await expect(load(file, {customObject: all} as never)).rejects.toThrow(/Did you mean "customObjects"/);
    await expect(load(file, {customObjects: {Power: 3}})).rejects.toThrow(/unknown activation "Power"/);
    expect(() => layers.dense({units: 1, activation: untyped(Power)})).toThrow(
      /activation: expected an object of the class: new Power\(…\)/,
    );
  });

  it('are not looked for in what objects inherit', async () => {
    const description = JSON.parse(JSON.stringify(build({activation: cube}, {})));
    for (const name of ['constructor', 'toString', '__proto__']) {
      description.layers[0].activation = {kind: 'custom', name};
      expect(() => modelFromJSON(description, {customObjects: all})).toThrow(/is one of your own/);
      description.layers[0].activation = {kind: name, exponent: 2};
      expect(() => modelFromJSON(description, {customObjects: all})).toThrow(/unknown activation/);
    }
  });
});

it('functions of the user stand for members: the same formula gives the same bits', async () => {
  const build = (options: Partial<Parameters<typeof layers.dense>[0]>, loss: CompileOptions['loss']) => {
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
  const [inputs, targets] = [numbers(2 * 20, 7), numbers(3 * 20, 8)];
  const options = {epochs: 3, batchSize: 8};
  expect(await own.fit(inputs, targets, options)).toEqual(await named.fit(inputs, targets, options));
  expect(own.getWeights()).toEqual(named.getWeights());
});

it('a loss of class numbers says so', async () => {
  const build = (loss: CompileOptions['loss']) => {
    const model = sequential([layers.dense({units: 3, activation: 'softmax', inputShape: [2]})]);
    model.compile({optimizer: 'sgd', loss, metrics: ['accuracy']});
    return model;
  };
  const formula = (target: Tensor, output: Tensor): Tensor => ops.neg(ops.log(ops.pickClass(output, target)));
  const own = build(Object.assign(formula, {targets: 'classes' as const}));
  const named = build('sparseCategoricalCrossentropy');
  const [inputs, targets] = [numbers(2 * 12, 7), Array.from({length: 12}, (_, row) => row % 3)];
  const [mine, wanted] = [await own.fit(inputs, targets), await named.fit(inputs, targets)];
  expect(mine.history.accuracy).toEqual(wanted.history.accuracy);
  expect(mine.history.loss?.[0]).toBeCloseTo(wanted.history.loss?.[0] as number, 5);
});
