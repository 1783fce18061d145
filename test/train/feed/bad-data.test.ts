// Bad data is a clear error: before the run where shape, type or size tells, before the commit of the step that
// reads it where only the values do; and the model is usable afterwards.
import {describe, expect, it} from 'vitest';
import {type Callback, layers, type Sequential, sequential} from '../../../lib/index.ts';
import {failsAndTrainsOn, untyped} from '../../support/refusals.ts';
import {build, quiet, rows, weightsOf, x, y} from '../../support/small-model.ts';

type Case = readonly [what: string, x: unknown, y: unknown, code: string, message: RegExp];

/** Of the small model: six features, four classes. */
const refuses = (call: (model: Sequential) => unknown, code: string, message: RegExp) =>
  failsAndTrainsOn(build(), call, [code, message], model => model.fit(x, y, quiet));

const withValue = (index: number, value: number) => ({...x, data: x.data.with(index, value)});
const withLabel = (row: number, label: number) => Int32Array.from(y).with(row, label);
const detached = x.data.slice();
structuredClone(detached.buffer, {transfer: [detached.buffer]});
const resizable = new Float32Array(
  new (ArrayBuffer as unknown as new (bytes: number, options: object) => ArrayBuffer)(1200, {
    maxByteLength: 2400,
  }),
);

describe('arrays', () => {
  const cases: readonly Case[] = [
    ['of another rank', {...x, shape: [300]}, y, 'ERR_SHAPE', /x: expected the shape \[rows,6\].*\[300\]/],
    ['of another size', {...x, shape: [60, 5]}, y, 'ERR_SHAPE', /expected the shape \[rows,6\].*\[60,5\]/],
    ['that do not fill their shape', {...x, shape: [51, 6]}, y, 'ERR_SHAPE', /300 values.*\[51,6\]/],
    ['whose shape is text', {...x, shape: '50,6'}, y, 'ERR_SHAPE', /array of sizes/],
    ['whose shape is negative', {...x, shape: [-50, -6]}, y, 'ERR_SHAPE', /array of sizes/],
    ['whose shape has a fraction', {...x, shape: [1.5, 200]}, y, 'ERR_SHAPE', /of sizes/],
    ['whose scale is NaN', {...x, scale: Number.NaN}, y, 'ERR_OPTION', /scale/],
    ['whose scale is beyond float32', {...x, scale: 1e39}, y, 'ERR_OPTION', /scale/],
    ['with fewer labels', x, y.slice(1), 'ERR_SHAPE', /x has 50 rows and y 49/],
    ['with NaN', withValue(6 * 7 + 2, Number.NaN), y, 'ERR_NOT_FINITE', /NaN in row 7, column 2/],
    ['with infinity', withValue(6 * 3, Number.POSITIVE_INFINITY), y, 'ERR_NOT_FINITE', /row 3, column 0/],
    ['that are empty', {data: new Float32Array(0), shape: [0, 6]}, [], 'ERR_SHAPE', /x is empty/],
    ['transferred away', {...x, data: detached}, y, 'ERR_DETACHED', /transferred/],
    ['that are resizable', {...x, data: resizable}, y, 'ERR_DETACHED', /resizable/],
    ['of bigints', {...x, data: new BigInt64Array(300)}, y, 'ERR_DTYPE', /Received BigInt64Array/],
    ['of doubles', new Float64Array(300), y, 'ERR_DTYPE', /Float32Array.from/],
    ['that are a list behind a shape', {data: [1, 2], shape: [1, 2]}, y, 'ERR_DTYPE', /a Float32Array/],
    ['that are text', 'abc', y, 'ERR_DTYPE', /fit: x: expected.*Received string/],
    ['that are null', null, y, 'ERR_DTYPE', /fit: x: expected .*Received null/],
  ];
  it.each(cases)('%s', async (_, badX, badY, code, message) => {
    await refuses(model => model.fit(untyped(badX), untyped(badY), {batchSize: rows}), code, message);
  });

  it('the row of the user is named under any order and batch size', async () => {
    for (const [seed, batchSize] of [
      [1, 3],
      [2, 4],
      [3, 50],
      [4, 1],
    ] as const) {
      const fit = build().fit(withValue(6 * 5 + 1, Number.NaN), y, {batchSize, seed});
      await expect(fit).rejects.toThrow(/row 5, column 1/);
    }
  });
});

describe('class labels', () => {
  const between = Float32Array.from(y).with(17, 1.5);
  const hot = Array.from(y, label => [0, 1, 2, 3].map(own => Number(own === label)));
  const scaled = {data: Int32Array.from(y), shape: [rows], scale: 2};
  const cases: readonly (readonly [string, unknown, string, RegExp])[] = [
    ['beyond the classes', withLabel(6, 4), 'ERR_OUT_OF_RANGE', /label 4 in row 6.*4 classes, 0 to 3/],
    ['below 0', withLabel(3, -1), 'ERR_OUT_OF_RANGE', /label -1 in row 3/],
    ['beyond int32', Array.from(y).with(1, 2 ** 40), 'ERR_OUT_OF_RANGE', /in row 1/],
    ['between two classes', between, 'ERR_OUT_OF_RANGE', /y holds 1.5 in row 17; expected /],
    ['that are NaN', Array.from(y).with(2, Number.NaN), 'ERR_NOT_FINITE', /y holds NaN in row 2/],
    ['one-hot', hot, 'ERR_SHAPE', /expected the shape \[rows\]/],
    ['with a scale', scaled, 'ERR_OPTION', /no scale. Received 2/],
    ['that are missing', undefined, 'ERR_DTYPE', /fit: y: .*Received undefined/],
  ];
  it.each(cases)('%s', async (_, bad, code, message) => {
    await refuses(model => model.fit(x, untyped(bad), {batchSize: rows}), code, message);
  });
});

const points = [
  [1, 2],
  [3, 4],
  [5, 6],
];
const targets = [[1], [2], [3]];

function line(): Sequential {
  const model = sequential([layers.dense({units: 1, inputShape: [2]})], {seed: 3});
  model.compile({optimizer: 'sgd', loss: 'meanSquaredError'});
  return model;
}

describe('rows as arrays of arrays', () => {
  const hole = [...points];
  delete hole[1];
  const second = (...row: unknown[]) => [[1, 2], row, [5, 6]];
  const cases: readonly Case[] = [
    ['with a row missing', hole, targets, 'ERR_SHAPE', /fit: x is ragged: row 1 has undefined/],
    ['with a shorter row', second(3), targets, 'ERR_SHAPE', /ragged: row 1 has 1 value.* where row 0 has 2/],
    [
      'with an array for a number',
      second(3, [4]),
      targets,
      'ERR_SHAPE',
      /ragged: row 1 holds an array where row 0 holds a number/,
    ],
    ['with undefined', second(3, undefined), targets, 'ERR_DTYPE', /fit: x: row 1 holds undefined/],
    ['with a boolean', second(3, true), targets, 'ERR_DTYPE', /x: row 1 holds boolean/],
    ['with null', second(3, null), targets, 'ERR_DTYPE', /x: row 1 holds null/],
    ['with text', second(3, '4'), targets, 'ERR_DTYPE', /row 1 holds string/],
    [
      'with a number beyond float32',
      second(1e39, 4),
      targets,
      'ERR_NOT_FINITE',
      /Infinity in row 1, column 0/,
    ],
    ['of nothing', [[], [], []], targets, 'ERR_SHAPE', /expected the shape \[rows,2\]. Received \[3,0\]/],
    ['with NaN in y', points, [[1], [2], [Number.NaN]], 'ERR_NOT_FINITE', /fit: y holds NaN in row 2/],
    [
      'with targets of another width',
      points,
      [
        [1, 1],
        [2, 2],
        [3, 3],
      ],
      'ERR_SHAPE',
      /fit: y: expected the shape \[rows,1\]/,
    ],
  ];
  it.each(cases)('%s', async (_, badX, badY, code, message) => {
    const call = (model: Sequential) => model.fit(untyped(badX), untyped(badY));
    await failsAndTrainsOn(line(), call, [code, message], model => model.fit(points, targets));
  });
});

describe('every call refuses', () => {
  const nan = withValue(6 * 11 + 4, Number.NaN);
  const short = y.subarray(1);
  const place = 'x holds NaN in row 11, column 4';
  const cases: readonly (readonly [string, (model: Sequential) => unknown, string, RegExp])[] = [
    ['NaN in predict', m => m.predict(nan), 'ERR_NOT_FINITE', new RegExp(`predict: ${place}`)],
    ['NaN in predictSync', m => m.predictSync(nan), 'ERR_NOT_FINITE', new RegExp(`predictSync: ${place}`)],
    ['NaN in evaluate', m => m.evaluate(nan, y), 'ERR_NOT_FINITE', new RegExp(`evaluate: ${place}`)],
    [
      'NaN in trainOnBatch',
      m => m.trainOnBatch(nan, y),
      'ERR_NOT_FINITE',
      new RegExp(`trainOnBatch: ${place}`),
    ],
    ['NaN in gradients', m => m.gradients(nan, y), 'ERR_NOT_FINITE', new RegExp(`gradients: ${place}`)],
    ['a label in evaluate', m => m.evaluate(x, withLabel(9, 5)), 'ERR_OUT_OF_RANGE', /label 5 in row 9/],
    ['a part of a row', m => m.predictSync(new Float32Array(5)), 'ERR_SHAPE', /5 values.*rows of 6/],
    ['nothing to predict', m => m.predict([]), 'ERR_SHAPE', /predict: x is empty/],
    ['fewer labels', m => m.trainOnBatch(x, short), 'ERR_SHAPE', /trainOnBatch: x has 50 rows and y 49/],
    [
      'fewer labels in gradients',
      m => m.gradients(x, short),
      'ERR_SHAPE',
      /gradients: x has 50 rows and y 49/,
    ],
    [
      'fewer labels of the validation data',
      m => m.fit(x, y, {validationData: [x, short]}),
      'ERR_SHAPE',
      /validationData: x has 50/,
    ],
  ];
  it.each(cases)('%s', async (_, call, code, message) => {
    await refuses(call, code, message);
  });

  it.each([
    ['data', nan, {validationData: [nan, y]}, 'row 11, column 4'],
    ['split', withValue(6 * 38 + 1, Number.NaN), {validationSplit: 0.3}, 'row 38, column 1'],
  ] as const)('NaN in the validation %s, after the epoch', async (_, given, options, at) => {
    const model = build();
    const data = 'validationData' in options ? x : given;
    await expect(model.fit(data, y, {...quiet, ...options})).rejects.toMatchObject({
      code: 'ERR_NOT_FINITE',
      message: expect.stringContaining(`fit: validation: x holds NaN in ${at}`),
    });
    const {history} = await model.fit(x, y, quiet);
    expect(history.loss?.[0]).toBeGreaterThan(0);
  });
});

it.each([
  ['x', 2],
  ['y', 2],
  ['validation', 4],
])('%s that a callback transfers away ends the training with the weights so far', async (name, steps) => {
  const given = {
    x: Float32Array.from(points.flat()),
    y: Float32Array.of(1, 2, 3),
    validation: new Float32Array(6),
  };
  const callbacks: Callback = {
    onEpochEnd() {
      const {buffer} = given[name as 'x'];
      if (buffer.byteLength > 0) structuredClone(buffer, {transfer: [buffer]});
    },
  };
  const model = line();
  const options = {batchSize: 2, seed: 6};
  const validationData = [given.validation, targets] as const;
  const training = model.fit(given.x, given.y, {...options, epochs: 9, validationData, callbacks});
  await expect(training).rejects.toMatchObject({
    code: 'ERR_DETACHED',
    message: expect.stringMatching(/transferred away/),
  });
  expect(model.iterations).toBe(steps);
  const same = line();
  await same.fit(points, targets, {...options, epochs: steps / 2});
  expect(weightsOf(model)).toEqual(weightsOf(same));
  await model.fit(points, targets);
});
