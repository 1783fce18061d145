// Every option of optimizers and schedules says what is wrong with a value that it cannot take.
import {describe, expect, it} from 'vitest';
import {optimizers, schedules} from '../../lib/index.ts';

type Case = readonly [options: Record<string, unknown>, text: RegExp];

const common: readonly Case[] = [
  [{learningRate: -1}, /learningRate: expected a finite number >= 0/],
  [{weightDecay: -0.1}, /weightDecay: expected a finite number >= 0/],
  [{weightDecay: Number.POSITIVE_INFINITY}, /weightDecay: .*Received Infinity/],
  [{decoupledWeightDecay: 1}, /decoupledWeightDecay: expected true or false. Received 1/],
  [
    {excludeFromWeightDecay: 'bias'},
    /excludeFromWeightDecay: expected parts of names.*\['bias'\].*Received "bias"/,
  ],
  [{excludeFromWeightDecay: ['']}, /excludeFromWeightDecay: .*Received \[""\]/],
  [{excludeFromWeightDecay: [3]}, /excludeFromWeightDecay: .*Received \[3\]/],
  [{clipValue: 0}, /clipValue: expected a finite number >= 1\.17/],
  [{clipNorm: -1}, /clipNorm: expected a finite number/],
  [{globalClipNorm: '1'}, /globalClipNorm: expected a finite number .*Received "1"/],
  [{clipNorm: 1, clipValue: 1}, /only one way to clip is possible. Received clipValue and clipNorm/],
  [{useEma: 'yes'}, /useEma: expected true or false. Received "yes"/],
  [{emaMomentum: 1.5}, /emaMomentum: expected a finite number >= 0 and <= 1. Received 1.5/],
  [{emaOverwriteFrequency: 0}, /emaOverwriteFrequency: expected an integer >= 1/],
  [{gradientAccumulationSteps: 1.5}, /gradientAccumulationSteps: expected an integer >= 1/],
  [{weightDecai: 1}, /unknown option "weightDecai"\. Did you mean "weightDecay"\?/],
];

const betas: readonly Case[] = [
  [{beta1: 1}, /beta1: .* < 1/],
  [{beta2: -0.1}, /beta2: .* >= 0/],
];
const epsilon: Case = [{epsilon: 1e-50}, /epsilon: expected a finite number >= 1\.17.*Received 1e-50/];

const own: Record<Exclude<keyof typeof optimizers, 'grouped'>, readonly Case[]> = {
  sgd: [
    [{momentum: 1.1}, /momentum: .* <= 1/],
    [{nesterov: 'on'}, /nesterov: expected true or false/],
  ],
  rmsprop: [
    epsilon,
    [{rho: 1}, /rho: .* < 1/],
    [{momentum: -1}, /momentum: .* >= 0/],
    [{centered: 0}, /centered: expected true or false/],
  ],
  adagrad: [epsilon, [{initialAccumulatorValue: -1}, /initialAccumulatorValue: .* >= 0/]],
  adadelta: [epsilon, [{rho: Number.NaN}, /rho: .*Received NaN/]],
  adam: [epsilon, ...betas, [{amsgrad: null}, /amsgrad: expected true or false. Received null/]],
  adamw: [epsilon, ...betas, [{amsgrad: 2}, /amsgrad: expected true or false/]],
  adamax: [epsilon, ...betas],
  nadam: [
    epsilon,
    ...betas,
    [{beta1: 0.999999}, /beta1: .* <= 0.99999/],
    [{momentumDecay: -1}, /momentumDecay: .* >= 0/],
  ],
  lion: betas,
  lamb: [epsilon, ...betas],
  adafactor: [
    [{beta2Decay: 0.1}, /beta2Decay: .* <= 0/],
    [{epsilon1: 0}, /epsilon1: expected a finite number >= 1\.17/],
    [{epsilon2: -1}, /epsilon2: .* >= 0/],
    [{clipThreshold: 0}, /clipThreshold: expected a finite number/],
    [{relativeStep: 1}, /relativeStep: expected true or false/],
  ],
  ftrl: [
    [{learningRatePower: 0.5}, /learningRatePower: .* <= 0/],
    [{initialAccumulatorValue: 0}, /initialAccumulatorValue: expected a finite number/],
    [{l1RegularizationStrength: -1}, /l1RegularizationStrength: .* >= 0/],
    [{l2RegularizationStrength: -1}, /l2RegularizationStrength: .* >= 0/],
    [{l2ShrinkageRegularizationStrength: -1}, /l2ShrinkageRegularizationStrength: .* >= 0/],
    [{beta: -1}, /beta: .* >= 0/],
  ],
  muon: [
    epsilon,
    [{momentum: 1}, /momentum: .* < 1/],
    [{nesterov: 1}, /nesterov: expected true or false/],
    [{nsSteps: 0}, /nsSteps: expected an integer >= 1/],
    [{exclude: 'embedding'}, /exclude: expected parts of names\. Received "embedding"/],
    [{adamRateRatio: -1}, /adamRateRatio: .* >= 0/],
    [{adamBeta1: 1}, /adamBeta1: .* < 1/],
    [{adamBeta2: 1}, /adamBeta2: .* < 1/],
  ],
  radam: [epsilon, ...betas],
};

const optimizerCases = Object.entries(own).flatMap(([name, cases]) =>
  [...cases, ...common].map(([options, text]) => [name, options, text] as const),
);

describe('optimizers refuse', () => {
  it.each(optimizerCases)('%s %j', (name, options, text) => {
    const make = optimizers[name as 'sgd'];
    const message = expect.stringMatching(text);
    expect(() => make(options)).toThrow(expect.objectContaining({code: 'ERR_OPTION', message}));
    expect(() => make(options)).toThrow(`optimizers.${name}`);
  });

  it.each(Object.keys(optimizers))('%s of no object', name => {
    for (const value of [null, 3, [1]]) {
      expect(() => optimizers[name as 'sgd'](value as never)).toThrow(/expected an object of options/);
    }
  });
});

const decay = {initialLearningRate: 0.1, decaySteps: 10};
const decays: readonly Case[] = [
  [{...decay, decayRate: 0.5, initialLearningRate: -1}, /initialLearningRate: .* >= 0/],
  [{...decay, decayRate: 0.5, decaySteps: 0}, /decaySteps: .* > 0/],
  [{...decay, decayRate: -1}, /decayRate: expected/],
  [{...decay, decayrate: 1}, /Did you mean "decayRate"/],
];
const restarts = {initialLearningRate: 0.1, firstDecaySteps: 5};
const cycle = {maxLearningRate: 0.1, totalSteps: 10};

const scheduleCases: Record<keyof typeof schedules, readonly Case[]> = {
  constant: [[{learningRate: -1}, /learningRate: .* >= 0/]],
  exponentialDecay: [...decays, [{...decay, decayRate: 0.5, staircase: 1}, /staircase: expected true or/]],
  stepDecay: decays,
  inverseTimeDecay: [...decays, [{...decay, decayRate: 0.5, staircase: 1}, /staircase: expected true or/]],
  polynomialDecay: [
    [{...decay, power: 0}, /power: .* > 0/],
    [{...decay, endLearningRate: -1}, /endLearningRate: .* >= 0/],
    [{...decay, cycle: 'on'}, /cycle: expected true or false/],
  ],
  piecewiseConstant: [
    [{boundaries: [1], values: [1]}, /one more/],
    [{boundaries: [2, 1], values: [1, 1, 1]}, /boundaries/],
    [{boundaries: [1], values: [1, -1]}, /values/],
  ],
  cosineDecay: [
    [{...decay, alpha: 2}, /alpha: .* <= 1/],
    [{...decay, warmupSteps: -1, warmupTarget: 1}, /warmupSteps: .* >= 0/],
    [{...decay, warmupSteps: 3}, /warmupSteps: warmupTarget is missing/],
    [{...decay, warmupSteps: 3, warmupTarget: -1}, /warmupTarget: .* >= 0/],
  ],
  cosineDecayRestarts: [
    [{...restarts, firstDecaySteps: 0}, /firstDecaySteps: .* >= 1/],
    [{...restarts, tMul: 0.5}, /tMul: .* >= 1/],
    [{...restarts, mMul: -1}, /mMul: .* >= 0/],
    [{...restarts, alpha: -1}, /alpha: .* >= 0/],
  ],
  oneCycle: [
    [{...cycle, maxLearningRate: -1}, /maxLearningRate: .* >= 0/],
    [{...cycle, totalSteps: 1}, /totalSteps: expected an integer >= 2/],
    [{...cycle, warmupShare: 1.5}, /warmupShare: .* <= 1/],
    [{...cycle, divFactor: 0}, /divFactor: .* > 0/],
    [{...cycle, finalDivFactor: 0}, /finalDivFactor: .* > 0/],
    [{...cycle, annealStrategy: 'cosine'}, /annealStrategy: expected cos, linear. Received "cosine"/],
  ],
};

describe('schedules refuse', () => {
  const cases = Object.entries(scheduleCases).flatMap(([name, list]) =>
    [...list, [undefined, /expected an object of options. Received undefined/] as const].map(
      ([options, text]) => [name, options, text] as const,
    ),
  );
  it.each(cases)('%s %j', (name, options, text) => {
    const make = schedules[name as 'oneCycle'] as (options: unknown) => unknown;
    const message = expect.stringMatching(text);
    expect(() => make(options)).toThrow(expect.objectContaining({code: 'ERR_OPTION', message}));
    expect(() => make(options)).toThrow(`schedules.${name}`);
  });
});
