// A model that was disposed of lets go of its memory, and says so to whoever uses it later.
import {describe, expect, it} from 'vitest';
import {input, layers, model, sequential} from '../../lib/index.ts';

const x = [
  [0, 0],
  [0, 1],
  [1, 0],
  [1, 1],
];
const y = [[0], [1], [1], [0]];

function build() {
  const net = sequential([layers.dense({units: 3, inputShape: [2]}), layers.dense({units: 1})]);
  net.compile({optimizer: 'adam', loss: 'mse'});
  return net;
}

describe('dispose', () => {
  it('makes every later use a clear error, twice is as good as once', async () => {
    const net = build();
    const layer = net.getLayer(0);
    await net.fit(x, y);
    net.predictSync([0, 1]);
    net.dispose();
    net.dispose();
    const disposed = {code: 'ERR_DISPOSED'};
    const now = [
      () => net.predictSync([0, 1]),
      () => net.getWeights(),
      () => net.layers,
      () => net.compile({optimizer: 'sgd', loss: 'mse'}),
      () => net.add(layers.dense({units: 1})),
      () => net.clone(),
      () => net.summary({print: () => {}}),
      () => layer.getWeights(),
      () => sequential([layer]),
      () => sequential([net]),
      () => net.optimizer,
      () => net.fit(x, y),
    ];
    for (const use of now) expect(use).toThrow(expect.objectContaining(disposed));
    for (const use of [() => net.predict(x), () => net.evaluate(x, y), () => net.save('nowhere')]) {
      await expect((async () => use())()).rejects.toMatchObject(disposed);
    }
  });

  it('leaves what other models share, until they are disposed of too', async () => {
    const net = build();
    const part = model({inputs: net.inputs, outputs: net.getLayer(0).output});
    const outer = sequential([net, layers.dense({units: 2})]);
    const before = await part.predict(x);
    net.dispose();
    expect(await part.predict(x)).toEqual(before);
    expect((await outer.predict(x)).shape).toEqual([4, 2]);
    part.dispose();
    outer.dispose();
    expect(() => part.predictSync([0, 1])).toThrow(/model\.dispose/);
  });

  it('by Symbol.dispose, of a graph, of a model that grew', () => {
    const start = input({shape: [2]});
    const graph = model({inputs: start, outputs: layers.dense({units: 1}).apply(start)});
    graph[Symbol.dispose]();
    expect(() => graph.predictSync([0, 1])).toThrow(/disposed of/);
    const grown = sequential();
    grown.add(layers.dense({units: 1, inputShape: [2]}));
    const layer = grown.getLayer(0);
    grown.add(layers.dense({units: 1}));
    grown.getWeights();
    grown.dispose();
    expect(() => layer.getWeights()).toThrow(expect.objectContaining({code: 'ERR_DISPOSED'}));
  });

  it('of a model without layers, which is used no more', () => {
    const net = sequential();
    net.dispose();
    net.dispose();
    for (const use of [
      () => net.add(layers.dense({units: 1, inputShape: [2]})),
      () => net.pop(),
      () => net.layers,
    ]) {
      expect(use).toThrow(expect.objectContaining({code: 'ERR_DISPOSED'}));
    }
  });

  it('not while it trains; a prediction under way is finished', async () => {
    const net = build();
    const training = net.fit(x, y, {epochs: 50});
    expect(() => net.dispose()).toThrow(/dispose: the model is in training/);
    await training;
    const prediction = net.predict(new Float32Array(2 * 5000));
    net.dispose();
    expect((await prediction).shape).toEqual([5000, 1]);
  });
});

describe('the optimizer of a model', () => {
  it('gives and takes what it keeps: training goes on to the same bits', async () => {
    const [one, two] = [build(), build()];
    await one.fit(x, y, {epochs: 3});
    two.setWeights(one.getWeights());
    const kept = one.optimizer.getWeights();
    expect(kept[0]).toEqual({name: 'iterations', shape: [], data: Int32Array.of(3)});
    expect(kept.length).toBe(1 + 2 * 4);
    two.optimizer.setWeights(
      JSON.parse(JSON.stringify(kept)).map((each: object, at: number) => ({...each, data: kept[at]?.data})),
    );
    for (const net of [one, two]) {
      net.optimizer.learningRate = 0.02;
      await net.trainOnBatch(x, y);
    }
    expect(two.getWeights()).toEqual(one.getWeights());
    expect(() => one.optimizer.setWeights([])).toThrow(/iterations: expected an integer/);
    const old = one.optimizer;
    one.compile({optimizer: 'sgd', loss: 'mse'});
    expect(() => old.getWeights()).toThrow(/compiled with another since/);
    expect(one.optimizer.getWeights().length).toBe(1);
  });
});
