// More of bad input: every namespace, every call; and numbers that leave the finite in the middle of a
// training.
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
  ops,
  optimizers,
  regularizers,
  type Sequential,
  schedules,
  sequential,
} from '../../lib/index.ts';
import {numbers} from '../support/plain-networks.ts';
import {build, type CompileOptions, quiet, rows, weightsOf, x, y} from '../support/small-model.ts';

// biome-ignore lint/suspicious/noExplicitAny: what a program without types might pass.
const untyped = (value: unknown): any => value;

function failsWith(code: string, message: RegExp): unknown {
  return expect.objectContaining({code, message: expect.stringMatching(message)});
}

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
    expect(() => make({nonsense: 1})).toThrow(name);
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

describe('fit and its kin', () => {
  const nan = {data: x.data.slice(), shape: x.shape};
  nan.data[6 * 11 + 4] = Number.NaN;
  const short = y.subarray(1);
  const cases: readonly (readonly [string, (model: Sequential) => Promise<unknown>, string, RegExp])[] = [
    ['text as data', m => m.fit(untyped('abc'), y), 'ERR_DTYPE', /fit: x: expected.*Received string/],
    ['nothing as labels', m => m.fit(x, untyped(undefined)), 'ERR_DTYPE', /fit: y: .*Received undefined/],
    ['text in a row', m => m.fit([[1, 2, 3, 4, 5, untyped('6')]], [0]), 'ERR_DTYPE', /row 0 holds string/],
    [
      'an array for a number',
      m =>
        m.fit(
          [
            [1, 2, 3, 4, 5, 6],
            [1, 2, 3, 4, 5, untyped([6])],
          ],
          [0, 1],
        ),
      'ERR_SHAPE',
      /ragged: row 1 holds an array where row 0 holds a number/,
    ],
    ['a double array', m => m.fit(untyped(new Float64Array(6)), y), 'ERR_DTYPE', /Float32Array.from/],
    [
      'a shape that is none',
      m => m.fit({data: x.data, shape: untyped('50,6')}, y),
      'ERR_SHAPE',
      /array of sizes/,
    ],
    ['a negative shape', m => m.fit({data: x.data, shape: [-50, -6]}, y), 'ERR_SHAPE', /array of sizes/],
    ['a scale that is none', m => m.fit({...x, scale: Number.NaN}, y), 'ERR_OPTION', /scale/],
    [
      'a label between classes',
      m =>
        m.fit(
          x,
          Float32Array.from(y, (label, row) => (row === 17 ? 1.5 : label)),
          quiet,
        ),
      'ERR_OUT_OF_RANGE',
      /y holds 1.5 in row 17; expected integers/,
    ],
    ['other rows in y', m => m.trainOnBatch(x, short), 'ERR_SHAPE', /trainOnBatch: x has 50 rows and y 49/],
    ['other rows in gradients', m => m.gradients(x, short), 'ERR_SHAPE', /gradients: x has 50 rows and y 49/],
    [
      'NaN in a batch',
      m => m.trainOnBatch(nan, y),
      'ERR_NOT_FINITE',
      /trainOnBatch: x holds NaN in row 11, column 4/,
    ],
    [
      'NaN in gradients',
      m => m.gradients(nan, y),
      'ERR_NOT_FINITE',
      /gradients: x holds NaN in row 11, column 4/,
    ],
    [
      'NaN in the validation',
      m => m.fit(x, y, {...quiet, validationData: [nan, y]}),
      'ERR_NOT_FINITE',
      /fit: validation: x holds NaN in row 11/,
    ],
    [
      'NaN in the rows that are split off',
      m => m.fit({...nan, data: nan.data.toReversed()}, y, {...quiet, validationSplit: 0.3}),
      'ERR_NOT_FINITE',
      /fit: validation: x holds NaN in row 38, column 1/,
    ],
    ['no pair', m => m.fit(x, y, {validationData: untyped([x])}), 'ERR_OPTION', /expected \[x, y\]/],
    [
      'rows of the pair',
      m => m.fit(x, y, {validationData: [x, short]}),
      'ERR_SHAPE',
      /validationData: x has 50/,
    ],
    ['all rows split off', m => m.fit(x, y, {validationSplit: 0.999}), 'ERR_OPTION', /leaves one .* empty/],
    ['half an epoch', m => m.fit(x, y, {epochs: 0.5}), 'ERR_OPTION', /epochs: expected an integer/],
    [
      'no boolean',
      m => m.fit(x, y, {shuffle: untyped('no')}),
      'ERR_OPTION',
      /shuffle: expected true or false/,
    ],
    ['no signal', m => m.fit(x, y, {signal: untyped({})}), 'ERR_OPTION', /expected an AbortSignal/],
    ['no path', m => m.save(untyped(undefined)), 'ERR_OPTION', /save: expected a path/],
    ['predictions of nothing', m => m.predict([]), 'ERR_SHAPE', /predict: x is empty/],
  ];

  it.each(cases)('%s', async (_, call, code, text) => {
    const model = build();
    await expect(call(model)).rejects.toThrow(failsWith(code, text));
    const {history} = await model.fit(x, y, quiet);
    expect(history.loss?.[0]).toBeGreaterThan(0);
  });

  it('weights: each way of not fitting is named, and nothing is changed', () => {
    const model = build();
    const before = model.getWeights();
    const first = before[0] as (typeof before)[number];
    const rest = before.slice(1);
    const cases: [unknown, RegExp][] = [
      [null, /expected an array as from getWeights/],
      [rest, /values are missing for dense\/kernel/],
      [[first, ...before], /dense\/kernel is given twice/],
      [[{...first, shape: [12, 6]}, ...rest], /dense\/kernel has the shape \[6,12\]. Received \[12,6\]/],
      [[{...first, data: first.data.slice(1)}, ...rest], /holds 72 values. Received 71/],
      [
        [{...first, name: 'dense/Kernel'}, ...rest],
        /no weight "dense\/Kernel". Did you mean "dense\/kernel"/,
      ],
      [[{...first, data: first.data.map(() => Number.NaN)}, ...rest], /would hold NaN at position 0/],
      [[{...first, data: Array.from(first.data, () => 1e39)}, ...rest], /would hold 1e\+39/],
      [[{name: first.name}, ...rest], /expected {name, data}/],
    ];
    for (const [given, text] of cases) {
      expect(() => model.setWeights(untyped(given))).toThrow(failsWith('ERR_WEIGHTS', text));
      expect(model.getWeights()).toEqual(before);
    }
  });
});

describe('numbers that leave the finite', () => {
  const targets = numbers(rows, 4);
  const linear = (options: Partial<CompileOptions>): Sequential => {
    const model = sequential(
      [layers.dense({units: 5, inputShape: [6], name: 'first'}), layers.dense({units: 1, name: 'second'})],
      {seed: 1},
    );
    model.compile({optimizer: optimizers.sgd({learningRate: 3}), loss: 'mse', ...options});
    return model;
  };

  /** Trains until it fails; and another that stops one step earlier, which must have the same weights. */
  async function failing(
    make: () => Sequential,
    batchSize: number,
  ): Promise<{steps: number; message: string}> {
    const model = make();
    const options = {epochs: 1000, batchSize, seed: 8};
    const error = await model.fit(x, targets, options).then(
      () => undefined,
      (cause: Error & {code: string}) => cause,
    );
    expect(error).toMatchObject({code: 'ERR_NOT_FINITE'});
    const steps = model.iterations;
    const other = make();
    if (steps > 0) {
      await other.fit(x, targets, {
        ...options,
        callbacks: {
          onBatchEnd: () => {
            other.stopTraining = other.iterations === steps;
          },
        },
      });
    }
    expect(other.iterations).toBe(steps);
    expect(weightsOf(model)).toEqual(weightsOf(other));
    return {steps, message: error?.message as string};
  }

  it.each([7, 16, 50])('a loss, in batches of %i', async batchSize => {
    const {steps, message} = await failing(() => linear({}), batchSize);
    expect(steps).toBeGreaterThan(1);
    const batches = Math.ceil(rows / batchSize);
    const at = `epoch ${Math.floor(steps / batches)}, batch ${steps % batches}`;
    expect(message).toMatch(`no longer finite at ${at}, first in `);
    expect(message).toMatch(/first in (loss|first|second|first\/\w+|second\/\w+) \(\w+\)/);
    expect(message).toMatch(/The weights are those of the step before/);
    expect(message).toMatch(/learning rate \(now 3\)/);
  });

  it('a gradient alone, at the first step', async () => {
    // The derivative of a root at 0 is infinite: 0/0 where output and target are the same.
    const distance = (target: Parameters<typeof ops.sub>[0], output: Parameters<typeof ops.sub>[1]) =>
      ops.sum(ops.sqrt(ops.square(ops.mul(ops.sub(output, target), 0))), 1);
    const {steps, message} = await failing(() => linear({loss: distance}), 10);
    expect(steps).toBe(0);
    expect(message).toMatch(/the gradient of \S+ is no longer finite at epoch 0, batch 0/);
  });

  it('leave a model that trains on at a smaller rate', async () => {
    const model = linear({optimizer: optimizers.sgd({learningRate: 1e30})});
    const before = model.getWeights();
    await expect(model.fit(x, targets, {batchSize: 10})).rejects.toThrow(/now 1e\+30/);
    model.setWeights(before);
    model.optimizer.learningRate = 0.01;
    const {history} = await model.fit(x, targets, {epochs: 3});
    expect(history.loss?.[2]).toBeLessThan(history.loss?.[0] as number);
  });
});
