// Layers that keep their states from batch to batch: what is read in parts is what is read at once.
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {afterAll, describe, expect, it} from 'vitest';
import {
  type Callback,
  callbacks,
  input,
  type Layer,
  layers,
  load,
  type Model,
  model,
  modelFromJSON,
  type Sequential,
  sequential,
} from '../../../lib/index.ts';
import {numbers} from '../../support/plain-networks.ts';

const [batch, steps, features, units] = [3, 6, 5, 20];

type Options = Record<string, unknown>;

/** Each layer by the shape of a step of its samples, and how many states it has. */
const makers: Record<string, {step: number[]; make(options: Options): Layer; whole?: Options}> = {
  simpleRNN: {step: [features], make: options => layers.simpleRNN({units, ...options})},
  lstm: {step: [features], make: options => layers.lstm({units, ...options})},
  'lstm of other activations': {
    step: [features],
    make: options => layers.lstm({units, activation: 'relu', ...options}),
  },
  gru: {step: [features], make: options => layers.gru({units, ...options})},
  'gru with its reset before the product': {
    step: [features],
    make: options => layers.gru({units, resetAfter: false, ...options}),
  },
  'rnn over stacked cells': {
    step: [features],
    make: options => {
      const cells = [layers.lstmCell({units: 4}), layers.gruCell({units})];
      return layers.rnn({cell: layers.stackedRNNCells({cells}), ...options});
    },
  },
  convLstm2d: {
    step: [4, 3, 2],
    make: options => layers.convLstm2d({filters: 4, kernelSize: 3, padding: 'same', ...options}),
  },
};

const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** The steps from `first` on of samples [batch, steps, …step]. */
function part(data: Float32Array, step: readonly number[], first: number, count: number) {
  const size = sizeOf(step);
  const rows = data.length / (steps * size);
  const all = Array.from({length: rows}, (_, row) =>
    data.subarray((row * steps + first) * size, (row * steps + first + count) * size),
  );
  return {data: Float32Array.from(all.flatMap(own => [...own])), shape: [rows, count, ...step]};
}

function pair(name: string, count: number): {whole: Sequential; parts: Sequential; step: number[]} {
  const {step, make} = makers[name] as (typeof makers)[string];
  const whole = sequential([make({returnSequences: true, inputShape: [steps, ...step]})], {seed: 5});
  const options = {returnSequences: true, stateful: true, batchInputShape: [batch, count, ...step]};
  const parts = sequential([make(options)], {seed: 8});
  parts.setWeights(whole.getWeights().map(({data}) => data));
  return {whole, parts, step};
}

describe.each(Object.keys(makers))('a stateful %s', name => {
  it.each([1, 2, 3])('reads %i steps at a time to the bits of all at once', async count => {
    const {whole, parts, step} = pair(name, count);
    const x = numbers(batch * steps * sizeOf(step), 3);
    const all = await whole.predict({data: x, shape: [batch, steps, ...step]});
    for (let round = 0; round < 2; round++) {
      for (let first = 0; first < steps; first += count) {
        const {data, shape} = await parts.predict(part(x, step, first, count));
        const own = part(all.data as Float32Array, all.shape.slice(2), first, count);
        expect({data, shape}, `from step ${first}`).toEqual(own);
      }
      // Another sequence, from the beginning.
      if (round === 0) parts.resetStates();
    }
    // Not from the beginning: what was read before tells.
    const after = await parts.predict(part(x, step, 0, count));
    expect(after.data).not.toEqual(part(all.data as Float32Array, all.shape.slice(2), 0, count).data);
  });

  it('comes back from its description and from a file, where its states are', async () => {
    const {parts, step} = pair(name, 2);
    const x = numbers(batch * steps * sizeOf(step), 4);
    expect(JSON.stringify(modelFromJSON(parts.toJSON()))).toBe(JSON.stringify(parts));
    await parts.predict(part(x, step, 0, 2));
    // A model that is not trained is saved with them as well.
    const states = (net: Model) => net.layers.flatMap(layer => layer.getStates().map(({data}) => [...data]));
    expect(states(await load(await parts.toBytes()))).toEqual(states(parts));
    parts.compile({optimizer: 'sgd', loss: 'mse'});
    const again = await load(await parts.toBytes());
    const bare = await load(await parts.toBytes({includeOptimizer: false}));
    const [own, other, fresh] = await Promise.all(
      [parts, again, bare].map(net => net.predict(part(x, step, 2, 2))),
    );
    expect(other).toEqual(own);
    expect(fresh).not.toEqual(own);
    bare.resetStates();
    parts.resetStates();
    const [first, second] = [
      await bare.predict(part(x, step, 0, 2)),
      await parts.predict(part(x, step, 0, 2)),
    ];
    expect(first).toEqual(second);
  });
});

describe('a stateful model', () => {
  const rows = 4 * batch;
  const x = {data: numbers(rows * 2 * features, 6), shape: [rows, 2, features]};
  const y = {data: numbers(rows, 7), shape: [rows, 1]};
  const build = (options: Options = {stateful: true}): Sequential => {
    const net = sequential(
      [layers.lstm({units: 4, batchInputShape: [batch, 2, features], ...options}), layers.dense({units: 1})],
      {seed: 2},
    );
    net.compile({optimizer: 'adam', loss: 'mse'});
    return net;
  };
  const batchAt = (index: number) => ({
    x: {
      data: x.data.subarray(index * batch * 2 * features, (index + 1) * batch * 2 * features),
      shape: [batch, 2, features],
    },
    y: {data: y.data.subarray(index * batch, (index + 1) * batch), shape: [batch, 1]},
  });

  it('trains on from where the batch before ended, through which no gradient flows', async () => {
    const net = build();
    // The same with states that are given and taken by hand.
    const [sequence, h, c] = [input({shape: [2, features]}), input({shape: [4]}), input({shape: [4]})];
    const outputs = layers.lstm({units: 4, returnState: true}).applyAll([sequence, h, c] as never);
    const head = layers.dense({units: 1}).apply(outputs[0] as never);
    const trained = model({inputs: [sequence, h, c], outputs: head});
    const told = model({inputs: [sequence, h, c], outputs: [...outputs]});
    trained.setWeights(net.getWeights().map(({data}) => data));
    trained.compile({optimizer: 'adam', loss: 'mse'});
    const zero: {data: Float32Array; shape: number[]} = {
      data: new Float32Array(batch * 4),
      shape: [batch, 4],
    };
    let states = [zero, zero];
    for (let index = 0; index < 4; index++) {
      const own = batchAt(index);
      const ends = (await told.predict([own.x, ...states])) as unknown as {data: Float32Array}[];
      const expected = await trained.trainOnBatch([own.x, ...states] as never, own.y);
      expect(await net.trainOnBatch(own.x, own.y)).toEqual(expected);
      states = ends.slice(1).map(({data}) => ({data, shape: [batch, 4]}));
    }
    expect(net.getWeights().map(({data}) => data)).toEqual(trained.getWeights().map(({data}) => data));
  });

  it('fits batches in order, as trainOnBatch does', async () => {
    const [fitted, stepped] = [build(), build()];
    await fitted.fit(x, y, {epochs: 2, shuffle: false});
    for (let index = 0; index < 8; index++) {
      const own = batchAt(index % 4);
      await stepped.trainOnBatch(own.x, own.y);
    }
    expect(fitted.getWeights()).toEqual(stepped.getWeights());
    expect(await fitted.evaluate(x, y)).toEqual(await stepped.evaluate(x, y));
  });

  it('begins anew in callbacks that say so, and its layers alone', async () => {
    const [called, looped] = [build(), build()];
    const anew: Callback = {onEpochBegin: (_, __, {model: net}) => net.resetStates()};
    await called.fit(x, y, {epochs: 2, shuffle: false, callbacks: anew});
    for (let epoch = 0; epoch < 2; epoch++) {
      looped.getLayer(0).resetStates();
      await looped.fit(x, y, {shuffle: false});
    }
    expect(called.getWeights()).toEqual(looped.getWeights());
    const [layer, expected] = [called.getLayer(0), await looped.predict(batchAt(0).x)];
    expect(layer.states.map(({name, variable}) => [name, variable.shape])).toEqual([
      ['state_0', [batch, 4]],
      ['state_1', [batch, 4]],
    ]);
    expect(layer.getWeights().length).toBe(3);
    const ends = [1, 2].map(salt => numbers(batch * 4, salt));
    for (const net of [called, looped]) net.getLayer(0).resetStates(ends);
    const [one, two] = [await called.predict(batchAt(0).x), await looped.predict(batchAt(0).x)];
    expect(one).toEqual(two);
    expect(one).not.toEqual(expected);
  });

  it('evaluates in order, too, and validates with the states that training left', async () => {
    const net = build();
    const first = await net.evaluate(x, y);
    expect(await net.evaluate(x, y)).not.toEqual(first);
    net.resetStates();
    expect(await net.evaluate(x, y)).toEqual(first);
    net.resetStates();
    const {history} = await net.fit(x, y, {shuffle: false, validationData: [x, y]});
    const other = build();
    await other.fit(x, y, {shuffle: false});
    expect(history.val_loss).toEqual([(await other.evaluate(x, y)).loss]);
  });

  it('leaves its states alone where it only looks: forward and gradients', async () => {
    const [net, other] = [build(), build()];
    const own = batchAt(1);
    await net.predict(batchAt(0).x);
    await other.predict(batchAt(0).x);
    await net.forward(own.x);
    await net.gradients(own.x, own.y);
    const next = await other.predict(own.x);
    expect((await net.forward(own.x)).output).toEqual(next);
    expect(await net.predict(own.x)).toEqual(next);
  });

  it('keeps states of both ways', async () => {
    const twice = (options: Options, shape: Options): Sequential =>
      sequential([
        layers.bidirectional({
          layer: layers.gru({units: 3, returnSequences: true, ...options}),
          mergeMode: 'concat',
          ...shape,
        }),
      ]);
    const net = twice({stateful: true}, {batchInputShape: [batch, 2, features]});
    expect(net.getLayer(0).states.map(({name}) => name)).toEqual(['forward/state_0', 'backward/state_0']);
    const one = await net.predict(batchAt(0).x);
    const two = await net.predict(batchAt(1).x);
    // Each way by itself.
    const [w] = [net.getWeights().map(({data}) => data)];
    for (const [way, goBackwards] of [false, true].entries()) {
      const own = sequential([
        layers.gru({
          ...{units: 3, returnSequences: true, stateful: true, goBackwards},
          batchInputShape: [batch, 2, features],
        }),
      ]);
      own.setWeights(w.slice(3 * way, 3 * way + 3));
      for (const [index, both] of [one, two].entries()) {
        const found = await own.predict(batchAt(index).x);
        const lines = Array.from({length: batch * 2}, (_, line) => {
          const read = goBackwards ? line + (line % 2 === 0 ? 1 : -1) : line;
          return [...found.data.slice(3 * read, 3 * read + 3)];
        });
        const mine = Array.from({length: batch * 2}, (_, line) => [
          ...both.data.slice(6 * line + 3 * way, 6 * line + 3 * way + 3),
        ]);
        expect(mine).toEqual(lines);
      }
    }
  });

  it('is a layer of another model, with the states that it has', async () => {
    const inner = sequential([
      layers.lstm({units: 2, stateful: true, batchInputShape: [batch, 2, features]}),
    ]);
    const outer = model({
      inputs: inner.inputs[0] as never,
      outputs: layers.dense({units: 1}).apply(inner.apply(inner.inputs[0] as never)),
    });
    const first = await outer.predict(batchAt(0).x);
    expect(await outer.predict(batchAt(0).x)).not.toEqual(first);
    outer.resetStates();
    expect(await outer.predict(batchAt(0).x)).toEqual(first);
    inner.resetStates();
    expect(await outer.predict(batchAt(0).x)).toEqual(first);
  });

  it('stops its state where the mask says so, over many batches', async () => {
    const net = sequential([
      layers.masking({batchInputShape: [1, 1, 2]}),
      layers.gru({units: 3, stateful: true}),
    ]);
    const whole = sequential([layers.masking({inputShape: [3, 2]}), layers.gru({units: 3})]);
    whole.setWeights(net.getWeights().map(({data}) => data));
    const [a, b] = [Float32Array.of(0.5, -0.2), Float32Array.of(0.3, 0.9)];
    await net.predict({data: a, shape: [1, 1, 2]});
    // A step that does not count: no output, as in Keras, and the state stays.
    expect([...(await net.predict({data: new Float32Array(2), shape: [1, 1, 2]})).data]).toEqual([0, 0, 0]);
    const last = await net.predict({data: b, shape: [1, 1, 2]});
    const data = Float32Array.of(...a, 0, 0, ...b);
    expect(last).toEqual(await whole.predict({data, shape: [1, 3, 2]}));
  });
});

describe('a checkpoint of a stateful training', () => {
  const root = mkdtempSync(path.join(tmpdir(), 'chainrule-stateful-'));
  afterAll(() => rmSync(root, {recursive: true, force: true}));
  const [rows, epochs] = [12, 3];
  const x = {data: numbers(rows * 2 * features, 16), shape: [rows, 2, features]};
  const y = {data: numbers(rows, 17), shape: [rows, 1]};

  const train = async (more: readonly Callback[]): Promise<Model> => {
    const net = sequential(
      [
        layers.gru({units: 4, stateful: true, dropout: 0.2, batchInputShape: [batch, 2, features]}),
        layers.dense({units: 1}),
      ],
      {seed: 11},
    );
    net.compile({optimizer: 'adam', loss: 'mse'});
    await net.fit(x, y, {epochs, shuffle: false, callbacks: [...more]});
    return net;
  };

  it('goes on from every step to the same weights and states', async () => {
    const whole = await train([]);
    const probe = {data: x.data.subarray(0, batch * 2 * features), shape: [batch, 2, features]};
    const [weights, next] = [whole.getWeights(), await whole.predict(probe)];
    for (let stop = 2; stop < (rows / batch) * epochs; stop++) {
      const backupDir = path.join(root, String(stop));
      let count = 0;
      const breakdown: Callback = {
        onBatchEnd() {
          if (++count === stop) throw new Error('breakdown');
        },
      };
      await expect(train([breakdown, callbacks.backupAndRestore({backupDir, saveFreq: 1})])).rejects.toThrow(
        'breakdown',
      );
      const resumed = await train([callbacks.backupAndRestore({backupDir, saveFreq: 100})]);
      expect(resumed.getWeights(), `after step ${stop}`).toEqual(weights);
      expect(await resumed.predict(probe), `after step ${stop}`).toEqual(next);
    }
  });
});
