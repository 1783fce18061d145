// Values that a program without types, or a careless one, may hold: holes, nulls, numbers beyond float32.
import {expect, it} from 'vitest';
import {
  type Callback,
  layers,
  optimizers,
  type Sequential,
  schedules,
  sequential,
} from '../../../lib/index.ts';

// biome-ignore lint/suspicious/noExplicitAny: what a program without types might pass.
const untyped = (value: unknown): any => value;

function build(): Sequential {
  const model = sequential([layers.dense({units: 1, inputShape: [2]})], {seed: 3});
  model.compile({optimizer: 'sgd', loss: 'meanSquaredError'});
  return model;
}

function classifier(): Sequential {
  const model = sequential([layers.dense({units: 3, activation: 'softmax', inputShape: [2]})]);
  model.compile({optimizer: 'sgd', loss: 'sparseCategoricalCrossentropy'});
  return model;
}

const x = [
  [1, 2],
  [3, 4],
  [5, 6],
];
const y = [[1], [2], [3]];
const weightsOf = (model: Sequential) => model.getWeights().map(({data}) => [...data]);

/** The training fails as told and changes no weight; the model then trains on good labels. */
async function refuses(
  model: Sequential,
  given: readonly [unknown, unknown],
  code: string,
  message: RegExp,
  good: number[] | number[][],
): Promise<void> {
  const before = weightsOf(model);
  const failure = model.fit(untyped(given[0]), untyped(given[1]));
  await expect(failure).rejects.toMatchObject({code, message: expect.stringMatching(message)});
  expect(weightsOf(model)).toEqual(before);
  await model.fit(x, good);
  expect(model.iterations).toBe(1);
  expect(weightsOf(model)).not.toEqual(before);
}

const hole = [...x];
delete hole[1];

const arrays: readonly (readonly [string, unknown, unknown, string, RegExp])[] = [
  ['a hole between rows', hole, y, 'ERR_SHAPE', /fit: x is ragged: row 1 has undefined/],
  [
    'a hole in a row',
    [
      [1, 2],
      [3, undefined],
      [5, 6],
    ],
    y,
    'ERR_DTYPE',
    /fit: x: row 1 holds undefined/,
  ],
  [
    'a boolean',
    [
      [1, 2],
      [3, true],
      [5, 6],
    ],
    y,
    'ERR_DTYPE',
    /x: row 1 holds boolean/,
  ],
  [
    'null for a number',
    [
      [1, 2],
      [3, null],
      [5, 6],
    ],
    y,
    'ERR_DTYPE',
    /x: row 1 holds null/,
  ],
  ['null', null, y, 'ERR_DTYPE', /fit: x: expected .*Received null/],
  ['rows of nothing', [[], [], []], y, 'ERR_SHAPE', /expected the shape \[rows,2\]. Received \[3,0\]/],
  ['a list behind a shape', {data: [1, 2], shape: [1, 2]}, [[1]], 'ERR_DTYPE', /expected a Float32Array/],
  ['a shape with a fraction', {data: new Float32Array(6), shape: [1.5, 4]}, y, 'ERR_SHAPE', /of sizes/],
  [
    'a number beyond float32',
    [
      [1, 2],
      [1e39, 4],
      [5, 6],
    ],
    y,
    'ERR_NOT_FINITE',
    /Infinity in row 1, column 0/,
  ],
  ['NaN in y', x, [[1], [2], [Number.NaN]], 'ERR_NOT_FINITE', /fit: y holds NaN in row 2/],
  [
    'a scale beyond float32',
    {data: new Float32Array(6), shape: [3, 2], scale: 1e39},
    y,
    'ERR_OPTION',
    /scale/,
  ],
  [
    'targets of another width',
    x,
    [
      [1, 1],
      [2, 2],
      [3, 3],
    ],
    'ERR_SHAPE',
    /fit: y: expected the shape \[rows,1\]/,
  ],
];

it.each(arrays)('%s', async (_, badX, badY, code, message) => {
  await refuses(build(), [badX, badY], code, message, y);
});

const labels: readonly (readonly [string, unknown, string, RegExp])[] = [
  ['NaN', [0, 1, Number.NaN], 'ERR_NOT_FINITE', /y holds NaN in row 2/],
  ['beyond int32', [0, 2 ** 40, 1], 'ERR_OUT_OF_RANGE', /in row 1/],
  [
    'one-hot',
    [
      [0, 1, 0],
      [1, 0, 0],
      [0, 0, 1],
    ],
    'ERR_SHAPE',
    /expected the shape \[rows\]/,
  ],
  [
    'with a scale',
    {data: Int32Array.of(0, 1, 1), shape: [3], scale: 2},
    'ERR_OPTION',
    /no scale. Received 2/,
  ],
];

it.each(labels)('class numbers: %s', async (_, bad, code, message) => {
  await refuses(classifier(), [x, bad], code, message, [0, 1, 2]);
});

it('nine rows of ten are kept for validation: 10 · (1 − 0.9) is less than 1', async () => {
  let samples = 0;
  const count: Callback = {
    onTrainBegin(_, context) {
      samples = context.samples;
    },
  };
  const all = {data: new Float32Array(20), shape: [10, 2]};
  await build().fit(all, new Float32Array(10), {validationSplit: 0.9, callbacks: count});
  expect(samples).toBe(1);
});

it('a schedule that gives no rate stops before that step', async () => {
  const model = build();
  const before = weightsOf(model);
  const learningRate = (step: number): number => (step < 2 ? 0 : Number.NaN);
  model.compile({optimizer: optimizers.sgd({learningRate}), loss: 'meanSquaredError'});
  await expect(model.fit(x, y, {epochs: 5})).rejects.toMatchObject({
    code: 'ERR_VALUE',
    message: expect.stringMatching(/learning rate NaN for step 2/),
  });
  expect(weightsOf(model)).toEqual(before);
  expect(model.iterations).toBe(2);
  model.optimizer.learningRate = schedules.constant({learningRate: 0.1});
  await model.fit(x, y);
  expect(weightsOf(model)).not.toEqual(before);
});

it('a gradient that overflows where the loss does not is named by its parameter', async () => {
  const options = {useBias: false, units: 1};
  const model = sequential([
    layers.dense({...options, inputShape: [1], name: 'first'}),
    layers.dense({...options, name: 'second'}),
  ]);
  model.compile({optimizer: 'sgd', loss: 'meanSquaredError'});
  model.setWeights([
    {name: 'first/kernel', data: [1e-2]},
    {name: 'second/kernel', data: [1]},
  ]);
  const before = weightsOf(model);
  await expect(model.fit([[1.5e20]], [[0]])).rejects.toMatchObject({
    code: 'ERR_NOT_FINITE',
    message: expect.stringMatching(/gradient of first\/kernel .*epoch 0, batch 0, first in first/),
  });
  expect(weightsOf(model)).toEqual(before);
});

it.each([
  ['onEpochend', /fit: callbacks: unknown function "onEpochend". Did you mean "onEpochEnd"/],
  ['onBatchBegins', /unknown function "onBatchBegins". Did you mean "onBatchBegin"/],
  ['onTrain', /unknown function "onTrain"/],
])('a callback with the function %s beside a known one', async (name, message) => {
  const model = build();
  const callback = untyped({onEpochEnd() {}, [name]() {}});
  await expect(model.fit(x, y, {callbacks: callback})).rejects.toMatchObject({
    code: 'ERR_OPTION',
    message: expect.stringMatching(message),
  });
  await model.fit(x, y, {callbacks: {onEpochEnd() {}}});
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

it.each([
  ['x', 2],
  ['y', 2],
  ['validation', 4],
])('%s that a callback transfers away ends the training with the weights so far', async (name, steps) => {
  const given = {
    x: Float32Array.from(x.flat()),
    y: Float32Array.of(1, 2, 3),
    validation: new Float32Array(6),
  };
  const callbacks: Callback = {
    onEpochEnd() {
      const {buffer} = given[name as 'x'];
      if (buffer.byteLength > 0) structuredClone(buffer, {transfer: [buffer]});
    },
  };
  const model = build();
  const options = {batchSize: 2, seed: 6};
  const validationData = [given.validation, y] as const;
  const training = model.fit(given.x, given.y, {...options, epochs: 9, validationData, callbacks});
  await expect(training).rejects.toMatchObject({
    code: 'ERR_DETACHED',
    message: expect.stringMatching(/transferred away/),
  });
  expect(model.iterations).toBe(steps);
  const same = build();
  await same.fit(x, y, {...options, epochs: steps / 2});
  expect(weightsOf(model)).toEqual(weightsOf(same));
  await model.fit(x, y);
});
