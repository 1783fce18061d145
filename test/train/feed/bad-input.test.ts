// Bad input is a clear error, found before the run where shape, type or size tells and before the commit of
// the step that reads it where only the values do; and the model is usable afterwards.
import {describe, expect, it} from 'vitest';
import {
  type FitOptions,
  layers,
  losses,
  optimizers,
  type Sequential,
  sequential,
} from '../../../lib/index.ts';

const rows = 10;
const features = 4;
const classes = 3;
const values = Float32Array.from({length: rows * features}, (_, index) => ((index * 7) % 11) / 11);
const x = {data: values, shape: [rows, features]};
const y = Uint8Array.from({length: rows}, (_, index) => index % classes);

type CompileOptions = Parameters<Sequential['compile']>[0];

function build(options: Partial<CompileOptions> = {}): Sequential {
  const model = sequential(
    [
      layers.dense({units: 8, activation: 'relu', inputShape: [features]}),
      layers.dense({units: classes, activation: 'softmax'}),
    ],
    {seed: 4},
  );
  model.compile({optimizer: 'adam', loss: 'sparseCategoricalCrossentropy', ...options});
  return model;
}

const bytesOf = (model: Sequential) => model.getWeights().map(({data}) => [...data]);

/** The call fails as told, changes no weight, and the same model trains on good data afterwards. */
async function failsAndGoesOn(
  call: (model: Sequential) => unknown,
  code: string,
  text: RegExp | string,
): Promise<void> {
  const model = build();
  const before = bytesOf(model);
  const error = await Promise.resolve()
    .then(() => call(model))
    .then(
      () => undefined,
      (cause: Error & {code?: string}) => cause,
    );
  expect(error, 'an error was expected').toBeDefined();
  expect({code: error?.code, message: error?.message}).toMatchObject({code});
  expect(error?.message).toMatch(text);
  expect(bytesOf(model)).toEqual(before);
  const {history} = await model.fit(x, y, {epochs: 2, batchSize: 4, verbose: 0});
  expect(history.loss?.every(Number.isFinite)).toBe(true);
}

const quiet: FitOptions = {verbose: 0, batchSize: 4};
// biome-ignore lint/suspicious/noExplicitAny: what a program without types might pass.
const untyped = (value: unknown): any => value;

const withValue = (index: number, value: number) => {
  const spoiled = values.slice();
  spoiled[index] = value;
  return {data: spoiled, shape: [rows, features]};
};
const withLabel = (row: number, label: number) => {
  const spoiled = Int32Array.from(y);
  spoiled[row] = label;
  return spoiled;
};
const detached = values.slice();
structuredClone(detached.buffer, {transfer: [detached.buffer]});
const resizable = new Float32Array(
  new (ArrayBuffer as unknown as new (bytes: number, options: object) => ArrayBuffer)(160, {
    maxByteLength: 320,
  }),
);

describe('data', () => {
  const cases: readonly (readonly [string, unknown, unknown, string, RegExp])[] = [
    [
      'of another rank',
      {data: values, shape: [40]},
      y,
      'ERR_SHAPE',
      /x: expected the shape \[rows,4\].*\[40\]/,
    ],
    [
      'of another size',
      {data: values, shape: [8, 5]},
      y,
      'ERR_SHAPE',
      /expected the shape \[rows,4\].*\[8,5\]/,
    ],
    ['that does not fill its shape', {data: values, shape: [11, 4]}, y, 'ERR_SHAPE', /40 values.*\[11,4\]/],
    ['with fewer labels', x, y.slice(1), 'ERR_SHAPE', /x has 10 rows and y 9/],
    [
      'ragged',
      [
        [1, 2, 3, 4],
        [1, 2, 3],
      ],
      [0, 1],
      'ERR_SHAPE',
      /ragged: row 1 has 3 values where row 0 has 4/,
    ],
    ['with NaN', withValue(4 * 7 + 2, Number.NaN), y, 'ERR_NOT_FINITE', /NaN in row 7, column 2/],
    ['with infinity', withValue(4 * 3, Number.POSITIVE_INFINITY), y, 'ERR_NOT_FINITE', /row 3, column 0/],
    [
      'with a label beyond the classes',
      x,
      withLabel(6, 3),
      'ERR_OUT_OF_RANGE',
      /label 3 in row 6.*3 classes, 0 to 2/,
    ],
    ['with a negative label', x, withLabel(3, -1), 'ERR_OUT_OF_RANGE', /label -1 in row 3/],
    ['empty', {data: new Float32Array(0), shape: [0, 4]}, new Uint8Array(0), 'ERR_SHAPE', /x is empty/],
    ['transferred away', {data: detached, shape: [rows, features]}, y, 'ERR_DETACHED', /transferred/],
    ['resizable', {data: resizable, shape: [rows, features]}, y, 'ERR_DETACHED', /resizable/],
    [
      'of another type',
      {data: new DataView(new ArrayBuffer(40)), shape: [10, 4]},
      y,
      'ERR_DTYPE',
      /Received a DataView/,
    ],
  ];
  it.each(cases)('%s', async (_, badX, badY, code, text) => {
    await failsAndGoesOn(
      model => model.fit(untyped(badX), untyped(badY), {verbose: 0, batchSize: rows}),
      code,
      text,
    );
  });

  it('names the row of the user under any order and batch size', async () => {
    for (const [seed, batchSize] of [
      [1, 3],
      [2, 4],
      [3, 10],
      [4, 1],
    ] as const) {
      const fit = build().fit(withValue(4 * 5 + 1, Number.NaN), y, {verbose: 0, batchSize, seed});
      await expect(fit).rejects.toThrow(/row 5, column 1/);
    }
  });

  it('is refused by evaluate and predict as well', async () => {
    const bad = withValue(4 * 7 + 2, Number.NaN);
    await failsAndGoesOn(
      model => model.predict(bad),
      'ERR_NOT_FINITE',
      /predict: x holds NaN in row 7, column 2/,
    );
    await failsAndGoesOn(
      model => model.predictSync(bad),
      'ERR_NOT_FINITE',
      /predictSync: x holds NaN in row 7/,
    );
    await failsAndGoesOn(model => model.evaluate(bad, y), 'ERR_NOT_FINITE', /evaluate: x holds NaN in row 7/);
    await failsAndGoesOn(model => model.evaluate(x, withLabel(9, 5)), 'ERR_OUT_OF_RANGE', /label 5 in row 9/);
    await failsAndGoesOn(model => model.predictSync(new Float32Array(5)), 'ERR_SHAPE', /5 values.*rows of 4/);
  });
});

describe('options', () => {
  for (const batchSize of [0, 2.5, -1, Number.NaN, '8']) {
    it(`batchSize ${batchSize}`, async () => {
      const text = new RegExp(
        `batchSize: expected an integer.*Received ${JSON.stringify(batchSize).replace('null', 'NaN')}`,
      );
      await failsAndGoesOn(
        model => model.fit(x, y, {...quiet, batchSize: untyped(batchSize)}),
        'ERR_OPTION',
        text,
      );
    });
  }

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
    expect(call).toThrow(expect.objectContaining({code, message: expect.stringMatching(text)}));
  });

  it('an unknown option of fit', async () => {
    await failsAndGoesOn(model => model.fit(x, y, untyped({batchsize: 3})), 'ERR_OPTION', /mean "batchSize"/);
  });

  it('weights that do not fit', async () => {
    const few = [{name: 'dense/kernel', data: new Float32Array(3)}];
    await failsAndGoesOn(
      model => model.setWeights(untyped(few)),
      'ERR_WEIGHTS',
      /dense\/kernel.*32 values.*3/,
    );
    const unknown = [{name: 'dense/kernl', data: new Float32Array(32)}];
    await failsAndGoesOn(model => model.setWeights(untyped(unknown)), 'ERR_WEIGHTS', /mean "dense\/kernel"/);
  });

  it('a model without a loss', async () => {
    const model = sequential([layers.dense({units: 3, inputShape: [features]})]);
    await expect(model.fit(x, y, quiet)).rejects.toMatchObject({code: 'ERR_NOT_COMPILED'});
  });
});

it('a loss that is no longer finite stops at that step, with the weights of the step before', async () => {
  const optimizer = () => optimizers.sgd({learningRate: 1e30});
  const options = {verbose: 0, batchSize: 5, shuffle: false} as const;
  const model = build({optimizer: optimizer()});
  const failed = model.fit(x, y, options);
  await expect(failed).rejects.toMatchObject({
    code: 'ERR_NOT_FINITE',
    message: expect.stringMatching(
      /no longer finite at epoch 0, batch 1, first in dense_1 .*learning rate \(now 1e\+30\)/,
    ),
  });
  const oneStep = build({optimizer: optimizer()});
  await oneStep.fit({data: values.subarray(0, 20), shape: [5, 4]}, y.subarray(0, 5), options);
  expect(bytesOf(model)).toEqual(bytesOf(oneStep));
});

it('a second writer is refused while a model is in training', async () => {
  const model = build();
  const training = model.fit(x, y, {epochs: 500, batchSize: 4, verbose: 0});
  await expect(model.fit(x, y, quiet)).rejects.toMatchObject({code: 'ERR_MODEL_BUSY'});
  await expect(model.trainOnBatch(x, y)).rejects.toMatchObject({code: 'ERR_MODEL_BUSY'});
  expect(() => model.compile({optimizer: 'sgd', loss: 'meanSquaredError'})).toThrow(/in training by fit/);
  await training;
  await model.fit(x, y, quiet);
});
