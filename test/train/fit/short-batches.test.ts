// A short last batch is a step of the same native call as the full ones, over many epochs, to the same bits
// as step by step; evaluate and predict make steps of just the rows that they are given.
import {afterEach, expect, it} from 'vitest';
import {
  type CompileOptions,
  type FitOptions,
  input,
  layers,
  metrics,
  model as network,
  optimizers,
  sequential,
} from '../../../lib/index.ts';
import {addon, type NativeAddon} from '../../../lib/runtime/addon.ts';

const width = 4;
const rows = 23;
const x = Float32Array.from({length: rows * width}, (_, at) => Math.sin(at));
const labels = Int32Array.from({length: rows}, (_, row) => (row * 5) % 3);
const binary = Float32Array.from(labels, label => Number(label > 0));
const sampleWeight = Float32Array.from(labels, label => 0.5 + label / 2);

const classes = (options: Partial<CompileOptions> = {}): CompileOptions => ({
  optimizer: 'adam',
  loss: 'sparseCategoricalCrossentropy',
  metrics: ['accuracy'],
  ...options,
});

const dense = (units = 3) => layers.dense({units, activation: units === 1 ? 'sigmoid' : 'softmax'});
const first = () => layers.dense({units: 6, activation: 'relu', inputShape: [width]});

function twoOutputs() {
  const given = input({shape: [width], name: 'given'});
  const hidden = layers.dense({units: 6, activation: 'tanh'}).apply(given);
  const kind = layers.dense({units: 3, activation: 'softmax', name: 'kind'}).apply(hidden);
  const share = layers.dense({units: 1, activation: 'sigmoid', name: 'share'}).apply(hidden);
  return network({inputs: given, outputs: {kind, share}});
}

type Fitted = ReturnType<typeof sequential>;

const cases: Record<string, {build: () => Fitted; compile: CompileOptions; y?: unknown; fit?: FitOptions}> = {
  plain: {build: () => sequential([first(), dense()]), compile: classes()},
  'weights of samples': {
    build: () => sequential([first(), dense()]),
    compile: classes({weightedMetrics: ['accuracy']}),
    fit: {sampleWeight},
  },
  dropout: {build: () => sequential([first(), layers.dropout({rate: 0.3}), dense()]), compile: classes()},
  'statistics of the batch and a penalty': {
    build: () =>
      sequential([
        layers.dense({units: 6, kernelRegularizer: 'l2', inputShape: [width]}),
        layers.batchNormalization(),
        dense(),
      ]),
    compile: classes(),
  },
  'gradients of several batches': {
    build: () => sequential([first(), dense()]),
    compile: classes({optimizer: optimizers.adam({gradientAccumulationSteps: 3})}),
  },
  'something of each sample': {
    build: () => sequential([first(), dense(1)]),
    compile: {
      optimizer: 'adam',
      loss: 'binaryCrossentropy',
      metrics: [metrics.auc(), 'rootMeanSquaredError'],
    },
    y: binary,
  },
  'several outputs': {
    build: () => twoOutputs() as unknown as Fitted,
    compile: {
      optimizer: 'adam',
      loss: {kind: 'sparseCategoricalCrossentropy', share: 'binaryCrossentropy'},
      metrics: {share: [metrics.auc()]},
    } as CompileOptions,
    y: {kind: labels, share: binary},
  },
  bfloat16: {build: () => sequential([first(), dense()]), compile: classes({precision: 'bfloat16'})},
};

async function trained({build, compile, y = labels, fit}: (typeof cases)[string], options: FitOptions) {
  const model = build();
  model.compile(compile);
  const history = await model.fit(x, y as Int32Array, {epochs: 30, ...fit, ...options});
  return {history, weights: model.getWeights(), iterations: model.iterations};
}

const native = addon() as {-readonly [Name in keyof NativeAddon]: NativeAddon[Name]};
const {run, runBound, load} = native;
afterEach(() => Object.assign(native, {run, runBound, load}));

/** Steps of each native call of a training, and how many programs were loaded. */
function watch() {
  const calls: number[] = [];
  const seen = {calls, loaded: 0};
  native.runBound = (bound, steps, ...more) => {
    calls.push(steps);
    return runBound(bound, steps, ...more);
  };
  native.run = (program, state, io, steps, options) => {
    calls.push(steps);
    return run(program, state, io, steps, options);
  };
  native.load = (...given) => {
    seen.loaded++;
    return load(...given);
  };
  return seen;
}

for (const [name, one] of Object.entries(cases)) {
  it.each([5, 7, 11, 22])(`${name}: in batches of %i whatever the length of calls`, async batchSize => {
    const whole = await trained(one, {batchSize});
    expect(await trained(one, {batchSize, callbacks: {onEpochEnd() {}}})).toEqual(whole);
    expect(await trained(one, {batchSize, callbacks: {onBatchEnd() {}}})).toEqual(whole);
    expect(await trained(one, {batchSize, callbacks: {every: 3, onBatchEnd() {}}})).toEqual(whole);
  });

  it(`${name}: evaluate and predict are those of the rows in parts`, async () => {
    const model = one.build();
    model.compile(one.compile);
    const y = (one.y ?? labels) as Int32Array;
    const all = await model.predict(x);
    const parts = await Promise.all(
      [...x]
        .filter((_, at) => at % width === 0)
        .map((_, row) => {
          return model.predict(x.slice(row * width, (row + 1) * width));
        }),
    );
    const numbersOf = (result: unknown): number[] =>
      Object.values((result as {data?: unknown}).data ? {result} : (result as object)).flatMap(part => [
        ...(part as {data: Float32Array}).data,
      ]);
    expect(parts.flatMap(numbersOf).sort()).toEqual(numbersOf(all).sort());
    const before = await model.evaluate(x, y);
    // The same by the program for any number of rows, once another number has been seen.
    await model.evaluate(x.slice(0, 5 * width), head(y, 5) as Int32Array);
    expect(await model.evaluate(x, y)).toEqual(before);
  });
}

function head(y: unknown, count: number): unknown {
  if (y instanceof Int32Array || y instanceof Float32Array) return y.slice(0, count);
  return Object.fromEntries(Object.entries(y as object).map(([name, own]) => [name, head(own, count)]));
}

it('an epoch is part of a native call, or one call where it is looked at', async () => {
  const one = cases.plain as (typeof cases)[string];
  const model = one.build();
  model.compile(one.compile);
  await model.fit(x, labels, {batchSize: 5, epochs: 40});
  const unseen = watch();
  await model.fit(x, labels, {batchSize: 5, epochs: 40});
  const sum = (calls: readonly number[]): number => calls.reduce((all, steps) => all + steps, 0);
  expect(sum(unseen.calls)).toBe(200);
  expect(Math.max(...unseen.calls)).toBeGreaterThan(5);
  const seen = watch();
  await model.fit(x, labels, {batchSize: 5, epochs: 40, callbacks: {onEpochEnd() {}}});
  expect(sum(seen.calls)).toBe(200);
  expect(Math.max(...seen.calls)).toBe(5);
  expect(unseen.loaded + seen.loaded).toBe(0);
});

it('the length of calls is found once for all models of a structure', async () => {
  const one = cases.plain as (typeof cases)[string];
  const firstCall = async (): Promise<number> => {
    const model = one.build();
    model.compile(one.compile);
    const {calls} = watch();
    await model.fit(x, labels, {batchSize: 3, epochs: 40});
    return calls[0] as number;
  };
  expect([await firstCall(), (await firstCall()) > 8]).toEqual([1, true]);
});

it('nothing is loaded for a new number of rows, and no row is computed for nothing', async () => {
  const one = cases.plain as (typeof cases)[string];
  const model = one.build();
  model.compile(one.compile);
  const many = Float32Array.from({length: 300 * width}, (_, at) => Math.cos(at));
  const manyLabels = Int32Array.from({length: 300}, (_, row) => row % 3);
  await model.predict(many);
  await model.evaluate(many, manyLabels);
  await model.trainOnBatch(many, manyLabels);
  await model.trainOnBatch(many.slice(0, 50 * width), manyLabels.slice(0, 50));
  await model.gradients(many, manyLabels);
  await model.gradients(many.slice(0, 50 * width), manyLabels.slice(0, 50));
  const seen = watch();
  for (const count of [2, 17, 127, 129, 255, 299]) {
    const [part, own] = [many.slice(0, count * width), manyLabels.slice(0, count)];
    const all = (await model.predict(many)).data;
    const {data, shape} = await model.predict({data: part, shape: [count, width]});
    expect(shape).toEqual([count, 3]);
    expect(data).toEqual(all.slice(0, count * 3));
    await model.evaluate(part, own);
    await model.trainOnBatch(part, own);
    await model.gradients(part, own);
  }
  expect(seen.loaded).toBe(0);
});

it('errors name the row of a short batch', async () => {
  const one = cases.plain as (typeof cases)[string];
  const model = one.build();
  model.compile(one.compile);
  const spoiled = x.slice();
  spoiled[21 * width + 2] = Number.NaN;
  await expect(model.fit(spoiled, labels, {batchSize: 5, shuffle: false})).rejects.toThrow(
    /row 21, column 2/,
  );
  await expect(model.evaluate(spoiled, labels)).rejects.toThrow(/row 21, column 2/);
});
