// Plans for other numbers of rows are those that the compiler would have made, but for where values lie.
import {expect, it} from 'vitest';
import {layers, ops, optimizers, type Sequential, sequential, type Tensor} from '../../lib/index.ts';
import {type CompiledProgram, onCompile} from '../../lib/session/compile.ts';

const width = 5;
const x = (rows: number) => Float32Array.from({length: rows * width}, (_, at) => Math.sin(at * 0.7));
const labels = (rows: number) => Int32Array.from({length: rows}, (_, at) => (at * 7) % 3);

const models: Record<string, () => Sequential> = {
  'dense layers': () =>
    sequential([
      layers.dense({units: 16, activation: 'relu', inputShape: [width]}),
      layers.dense({units: 3, activation: 'softmax'}),
    ]),
  'dropout and penalties': () =>
    sequential([
      layers.dense({units: 9, activation: 'tanh', kernelRegularizer: 'l2', inputShape: [width]}),
      layers.dropout({rate: 0.3}),
      layers.layerNormalization(),
      layers.dense({units: 3, activation: 'softmax'}),
    ]),
  'rows of rank 3, products in batches': () =>
    sequential([
      layers.dense({units: 12, inputShape: [width]}),
      layers.reshape({targetShape: [3, 4]}),
      layers.dense({units: 8, activation: 'relu'}),
      layers.lambda({
        function: (h: Tensor) => ops.matmul(ops.softmax(ops.matmul(h, h, {transposeB: true})), h),
      }),
      layers.flatten(),
      layers.dense({units: 3, activation: 'softmax'}),
    ]),
  'statistics of the batch': () =>
    sequential([
      layers.dense({units: 8, inputShape: [width]}),
      layers.batchNormalization(),
      layers.activation({activation: 'relu'}),
      layers.dense({units: 3, activation: 'softmax'}),
    ]),
};

function build(make: () => Sequential): Sequential {
  const model = make();
  model.compile({
    optimizer: optimizers.adam({learningRate: 0.01, globalClipNorm: 1}),
    loss: 'sparseCategoricalCrossentropy',
    metrics: ['accuracy'],
  });
  return model;
}

async function compiledDuring(task: () => Promise<void>): Promise<CompiledProgram[]> {
  const compiled: CompiledProgram[] = [];
  onCompile(program => compiled.push(program));
  try {
    await task();
  } finally {
    onCompile(undefined);
  }
  return compiled;
}

const sizes = [32, 20, 4, 31, 100, 57, 3, 1, 64, 99, 5, 2];

it.each(Object.entries(models))('%s: gradients have the bits of plans of their own', async (_, make) => {
  const all = build(make);
  for (const rows of sizes) {
    await all.trainOnBatch(x(rows), labels(rows));
    // A model whose plan for this number is its first.
    const alone = build(make);
    alone.setWeights(all.getWeights());
    const gradients = await all.gradients(x(rows), labels(rows));
    expect(await alone.gradients(x(rows), labels(rows)), `${rows} rows`).toEqual(gradients);
  }
});

it.each(Object.entries(models))('%s: training over many sizes is training in pieces', async (_, make) => {
  const run = async (fresh: boolean) => {
    const model = build(make);
    const logs: unknown[] = [];
    for (const rows of sizes) {
      // What is frozen and freed gets new plans: each size one of its own.
      if (fresh) model.trainable = false;
      if (fresh) model.trainable = true;
      logs.push(await model.trainOnBatch(x(rows), labels(rows)));
    }
    return {logs, weights: model.getWeights()};
  };
  expect(await run(false)).toEqual(await run(true));
});

it.each(Object.entries(models))('%s: a row is predicted alone as among others', async (_, make) => {
  const model = build(make);
  const among = await model.predict(x(100));
  for (const rows of [1, 2, 31, 99]) {
    const alone = await model.predict(x(rows));
    expect(alone.data, `${rows} rows`).toEqual(among.data.slice(0, rows * 3));
  }
});

it('few are compiled for all sizes up to the largest', async () => {
  const model = build(models['dense layers'] as () => Sequential);
  const compiled = await compiledDuring(async () => {
    for (let rows = 1; rows <= 200; rows++) await model.trainOnBatch(x(rows), labels(rows));
  });
  expect(compiled.length).toBeLessThanOrEqual(4);
  const again = await compiledDuring(async () => {
    for (const rows of sizes) await model.trainOnBatch(x(rows), labels(rows));
  });
  expect(again).toHaveLength(0);
});

it('a validation set compiles one plan more, and of another size none', async () => {
  // Of widths of their own: models of equal structure share their plans.
  const of = (units: number) => () =>
    sequential([
      layers.dense({units, activation: 'relu', inputShape: [width]}),
      layers.dense({units: 3, activation: 'softmax'}),
    ]);
  const trained = (model: Sequential, rows: number, held?: number) =>
    compiledDuring(async () => {
      const validationData = held === undefined ? undefined : ([x(held), labels(held)] as const);
      await model.fit(x(rows), labels(rows), {
        epochs: 2,
        batchSize: 32,
        verbose: 0,
        ...(validationData && {validationData}),
      });
    });
  const plain = await trained(build(of(21)), 100);
  const model = build(of(22));
  const first = await trained(model, 100, 45);
  expect(plain.length).toBeGreaterThan(0);
  expect(first.length).toBeLessThanOrEqual(plain.length + 1);
  for (const [rows, held] of [
    [100, 45],
    [100, 37],
    [90, 20],
    [77, 1],
  ] as const) {
    expect(await trained(model, rows, held), `${rows} rows, ${held} held out`).toHaveLength(0);
  }
});
