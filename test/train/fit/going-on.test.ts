// What goes on from one call of `fit` to the next, and what does not reach another model.
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {afterAll, describe, expect, it} from 'vitest';
import {
  type Callback,
  callbacks,
  Dataset,
  input,
  layers,
  load,
  metrics,
  model,
  optimizers,
  sequential,
} from '../../../lib/index.ts';

const root = mkdtempSync(path.join(tmpdir(), 'chainrule-going-on-'));
afterAll(() => rmSync(root, {recursive: true, force: true}));
const x = Array.from({length: 12}, (_, row) => [row / 12, (row % 5) / 5]);
const y = x.map(([a = 0, b = 0]) => [a - b]);
const settings = {batchSize: 4};

function build(optimizer: Parameters<typeof optimizers.adam>[0] = {}) {
  const net = sequential([
    layers.dense({units: 3, activation: 'tanh', inputShape: [2], name: 'body'}),
    layers.dropout({rate: 0.2}),
    layers.dense({units: 1, name: 'head'}),
  ]);
  net.compile({optimizer: optimizers.adam(optimizer), loss: 'mse'});
  return net;
}

const bits = (net: ReturnType<typeof build>): string =>
  net
    .getWeights()
    .map(({data}) => data.join())
    .join();

describe('the order of rows', () => {
  const batches = Dataset.fromArrays({xs: x, ys: y}).shuffle(12).batch(4);
  type Train = (net: ReturnType<typeof build>, epochs: number) => Promise<unknown>;
  const trainings: readonly (readonly [string, Train])[] = [
    ['rows', (net, epochs) => net.fit(x, y, {...settings, epochs})],
    ['parts of rows', (net, epochs) => net.fit(x, y, {...settings, epochs, stepsPerEpoch: 2})],
    ['a data set', (net, epochs) => net.fit(batches, {epochs})],
    ['parts of a data set', (net, epochs) => net.fit(batches, {epochs, stepsPerEpoch: 2})],
  ];
  it.each(trainings)('goes on in a loop, in a file too: %s', async (_, train) => {
    const [whole, looped] = [build(), build()];
    await train(whole, 4);
    for (let epoch = 0; epoch < 2; epoch++) await train(looped, 1);
    const file = path.join(root, 'loop.chainrule');
    await looped.save(file);
    const again = (await load(file)) as typeof looped;
    await train(again, 1);
    await train(again, 1);
    expect(bits(again)).toBe(bits(whole));
  });

  it('is that of `initialEpoch` where one is given, and begins anew with `compile`', async () => {
    const [whole, parts] = [build(), build()];
    await whole.fit(x, y, {...settings, epochs: 3});
    await parts.fit(x, y, {...settings, epochs: 2});
    await parts.fit(x, y, {...settings, initialEpoch: 2, epochs: 3});
    expect(bits(parts)).toBe(bits(whole));
    const [first, second] = [build(), build()];
    await first.fit(x, y, {...settings, epochs: 3});
    first.setWeights(second.getWeights());
    first.compile({optimizer: 'adam', loss: 'mse'});
    await first.fit(x, y, settings);
    await second.fit(x, y, settings);
    expect(bits(first)).toBe(bits(second));
  });
});

describe('the learning rate', () => {
  it('of a model is its own; that of the given optimizer is for all made with it', () => {
    const optimizer = optimizers.sgd({learningRate: 0.1});
    const [a, b] = [build(), build()];
    a.compile({optimizer, loss: 'mse'});
    a.optimizer.learningRate = 1e-6;
    b.compile({optimizer: a.optimizer, loss: 'mse'});
    expect([a.optimizer.learningRate, b.optimizer.learningRate, optimizer.learningRate]).toEqual([
      1e-6, 0.1, 0.1,
    ]);
    optimizer.learningRate = 0.2;
    expect([a.optimizer.learningRate, b.optimizer.learningRate]).toEqual([0.2, 0.2]);
  });
});

describe('moments of frozen weights', () => {
  it.each([{}, {useEma: true}, {gradientAccumulationSteps: 2}])(
    'are in files, and forgotten by compile: %o',
    async options => {
      const live = build(options);
      await live.fit(x, y, {...settings, epochs: 2});
      live.getLayer('body').trainable = false;
      await live.fit(x, y, settings);
      const file = path.join(root, 'frozen.chainrule');
      await live.save(file);
      const again = (await load(file)) as typeof live;
      for (const net of [live, again]) {
        net.getLayer('body').trainable = true;
        await net.fit(x, y, settings);
      }
      expect(bits(again)).toBe(bits(live));
      const fresh = build(options);
      fresh.setWeights(live.getWeights());
      live.getLayer('body').trainable = false;
      live.compile({optimizer: optimizers.adam(options), loss: 'mse'});
      live.getLayer('body').trainable = true;
      await live.fit(x, y, settings);
      await fresh.fit(x, y, settings);
      expect(bits(live)).toBe(bits(fresh));
    },
  );
});

describe('what callbacks watch', () => {
  const {earlyStopping, modelCheckpoint} = callbacks;
  it.each([
    ['a typing mistake', () => earlyStopping({monitor: 'los'}), /logs have no los/],
    ['a field', () => modelCheckpoint({filepath: path.join(root, '{epoch}-{mae}.chainrule')}), /no mae for/],
    [
      'a number of epochs after batches',
      () => modelCheckpoint({filepath: 'm', monitor: 'val_loss', saveBestOnly: true, saveFreq: 2}),
      /logs have no val_loss/,
    ],
  ])('is looked for before the first step: %s', async (_, make, text) => {
    const net = build();
    await expect(net.fit(x, y, {callbacks: make()})).rejects.toThrow(text);
    expect(net.iterations).toBe(0);
  });

  it('may be added by a callback, and a named metric knows which way is better', async () => {
    const net = build();
    const own: Callback = {
      onEpochEnd(epoch, logs) {
        logs.own = epoch;
      },
    };
    await net.fit(x, y, {callbacks: [own, earlyStopping({monitor: 'own'})]});
    net.compile({
      optimizer: optimizers.sgd({learningRate: 0}),
      loss: 'mse',
      metrics: [metrics.r2({name: 'fit'})],
    });
    const rising: Callback = {
      adds: [],
      onEpochEnd(epoch, logs) {
        logs.fit = epoch;
      },
    };
    const {epoch} = await net.fit(x, y, {
      epochs: 4,
      callbacks: [rising, earlyStopping({monitor: 'fit', patience: 1})],
    });
    expect(epoch).toHaveLength(4);
    expect(() => modelCheckpoint({filepath: '{loss:.2g}'})).toThrow(/\{loss:\.2g\} is no field/);
  });
});

describe('several outputs', () => {
  const start = input({shape: [2], name: 'x'});
  const build2 = () => {
    const net = model({
      inputs: start,
      outputs: {
        a: layers.dense({units: 1, kernelInitializer: 'ones'}).apply(start),
        b: layers.dense({units: 1, kernelInitializer: 'zeros', activation: 'sigmoid'}).apply(start),
      },
    });
    net.compile({optimizer: 'sgd', loss: {a: 'mse', b: 'binaryCrossentropy'}});
    return net;
  };
  const ys = {a: y, b: y.map(([t = 0]) => [Number(t > 0)])};

  it('have weights of their own, by name and as a list, to the same bits', async () => {
    const w = x.map((_, row) => row % 3);
    const given = [{a: w}, [w, undefined], [Float32Array.from(w), w.map(() => 1)]] as const;
    const logs = await Promise.all(given.map(sampleWeight => build2().evaluate(x, ys, {sampleWeight})));
    expect(logs[1]).toEqual(logs[0]);
    expect(logs[2]).toEqual(logs[0]);
    const plain = await build2().evaluate(x, ys);
    expect(logs[0]?.b_loss).toBe(plain.b_loss);
    expect(logs[0]?.a_loss).not.toBe(plain.a_loss);
    const doubled = await build2().trainOnBatch(x, ys, {classWeight: {b: {0: 2, 1: 2}}});
    expect(doubled.b_loss).toBeCloseTo(2 * (plain.b_loss as number), 5);
    await expect(build2().fit(x, ys, {sampleWeight: {c: w}})).rejects.toThrow(/unknown output/);
    await expect(build2().fit(x, ys, {classWeight: {0: 1}})).rejects.toThrow(/classes of their own/);
  });
});
