// Options: every namespace refuses what it does not know, and says what was meant.
import {describe, expect, it} from 'vitest';
import {
  activations,
  callbacks,
  constraints,
  data,
  initializers,
  layers,
  losses,
  metrics,
  optimizers,
  regularizers,
  schedules,
  sequential,
} from '../../lib/index.ts';
import {failsWith, untyped} from '../support/refusals.ts';
import {build} from '../support/small-model.ts';

describe('an option that is not known is refused by every member of every namespace', () => {
  const spaces = {
    activations,
    callbacks,
    constraints,
    initializers,
    layers,
    losses,
    metrics,
    optimizers,
    regularizers,
    schedules,
  };
  const members = Object.entries(spaces).flatMap(([space, all]) =>
    Object.entries(all).map(
      ([name, make]) => [`${space}.${name}`, make as (options: object) => unknown] as const,
    ),
  );

  it.each(members)('%s', (name, make) => {
    expect(() => make({nonsense: 1})).toThrow(failsWith('ERR_OPTION', /unknown option "nonsense"/));
    // An alias may differ in case from the name that is told.
    expect(() => make({nonsense: 1})).toThrow(new RegExp(name.replace('.', '\\.'), 'i'));
    expect(() => make(untyped('text'))).toThrow(failsWith('ERR_OPTION', /expected an object of options/));
  });

  it('and by the functions of data', () => {
    expect(() => data.oneHot([1], untyped({nonsense: 1}))).toThrow(/data.oneHot: unknown option/);
    expect(() => data.standardize([[1]], untyped({nonsense: 1}))).toThrow(/data.standardize: unknown option/);
    expect(() => data.trainTestSplit([[1]], [1], untyped({nonsense: 1}))).toThrow(/unknown option/);
  });
});

describe('names', () => {
  const cases: readonly (readonly [string, () => unknown, RegExp])[] = [
    [
      'initializer',
      () => layers.dense({units: 1, kernelInitializer: untyped('glorotunifrm')}),
      /"glorotUniform"/,
    ],
    [
      'regularizer',
      () => layers.dense({units: 1, kernelRegularizer: untyped('l3')}),
      /unknown regularizer "l3"/,
    ],
    ['constraint', () => layers.dense({units: 1, kernelConstraint: untyped('maxnorm')}), /mean "maxNorm"/],
    ['schedule', () => optimizers.sgd({learningRate: untyped('cosinDecay')}), /mean "cosineDecay"/],
    ['what no object can name', () => layers.dense({units: 1, activation: untyped('__proto__')}), /unknown/],
    ['nor this', () => build({loss: untyped('constructor')}), /unknown loss "constructor"/],
    ['no name at all', () => build({loss: untyped({})}), /unknown loss/],
  ];
  it.each(cases)('%s', (_, call, text) => {
    expect(call).toThrow(failsWith('ERR_UNKNOWN_NAME', text));
  });
});

describe('numbers out of their range', () => {
  const cases: readonly (readonly [string, () => unknown, RegExp])[] = [
    ['units', () => layers.dense({units: 2.5}), /layers.dense: units: expected an integer >= 1/],
    ['rate of dropout', () => layers.dropout({rate: 1}), /rate: .* < 1. Received 1/],
    ['inputShape', () => layers.flatten({inputShape: [0]}), /inputShape/],
    ['momentum', () => optimizers.sgd({momentum: -0.1}), /momentum: .* >= 0/],
    ['beta', () => optimizers.adam({beta1: 1}), /beta1: .* < 1/],
    ['learning rate', () => optimizers.adam({learningRate: Number.NaN}), /learningRate: .*Received NaN/],
    ['a rate beyond float32', () => optimizers.sgd({learningRate: 1e39}), /learningRate.*Received 1e\+39/],
    ['seed', () => sequential([layers.flatten({inputShape: [1]})], {seed: 0.5}), /seed: expected an integer/],
    ['patience', () => callbacks.earlyStopping({patience: -1}), /patience/],
    ['decay', () => schedules.cosineDecay({initialLearningRate: 1, decaySteps: 0}), /decaySteps/],
    ['a value beyond float32', () => initializers.constant({value: 1e39}), /constant: value/],
  ];
  it.each(cases)('%s', (_, call, text) => {
    expect(call).toThrow(failsWith('ERR_OPTION', text));
  });
});

describe('options of layers, losses, optimizers and models', () => {
  const cases: readonly (readonly [string, () => unknown, string, RegExp])[] = [
    [
      'an unknown loss',
      () => build({loss: untyped('mean_squared_error')}),
      'ERR_UNKNOWN_NAME',
      /"meanSquaredError"/,
    ],
    ['an unknown optimizer', () => build({optimizer: untyped('adm')}), 'ERR_UNKNOWN_NAME', /mean "adam"/],
    [
      'an unknown metric',
      () => build({metrics: untyped(['acuracy'])}),
      'ERR_UNKNOWN_NAME',
      /mean "accuracy"/,
    ],
    [
      'an unknown activation',
      () => layers.dense({units: 3, activation: untyped('rleu')}),
      'ERR_UNKNOWN_NAME',
      /mean "relu"/,
    ],
    [
      'an unknown option of a layer',
      () => layers.dense(untyped({unit: 3})),
      'ERR_OPTION',
      /"unit".*mean "units"/,
    ],
    [
      'an unknown option of an optimizer',
      () => optimizers.adam(untyped({lr: 1})),
      'ERR_OPTION',
      /"lr".*learningRate/,
    ],
    ['an unknown option of a loss', () => losses.meanSquaredError(untyped({x: 1})), 'ERR_OPTION', /"x"/],
    ['no units', () => layers.dense({units: 0}), 'ERR_OPTION', /units: expected an integer/],
    ['no layers', () => sequential([]), 'ERR_OPTION', /at least one/],
    ['no input shape', () => sequential([layers.dense({units: 3})]), 'ERR_OPTION', /needs inputShape/],
  ];
  it.each(cases)('%s', (_, call, code, text) => {
    expect(call).toThrow(failsWith(code, text));
  });
});

it.each([
  ['layers.dense', layers.dense],
  ['layers.dropout', layers.dropout],
  ['layers.activation', layers.activation],
  ['schedules.constant', schedules.constant],
  ['schedules.cosineDecay', schedules.cosineDecay],
  ['schedules.piecewiseConstant', schedules.piecewiseConstant],
  ['compile', (options: never) => build().compile(options)],
])('%s needs options', (name, make) => {
  const message = `${name}: expected an object of options. Received undefined.`;
  expect(() => untyped(make)()).toThrow(expect.objectContaining({code: 'ERR_OPTION', message}));
});

it('a model beyond all memory says how much it would take', () => {
  const units = 2 ** 31 - 1;
  expect(() => sequential([layers.dense({units, inputShape: [units]})])).toThrow(
    expect.objectContaining({
      code: 'ERR_SHAPE',
      message: expect.stringMatching(/^sequential: there is no memory for \d+\.\d GiB of numbers/),
    }),
  );
});
