// Batch normalizations as part of the layers before them: the same predictions, with fewer layers.
import {describe, expect, it} from 'vitest';
import {foldBatchNormalization, input, layers, load, type Model, model, sequential} from '../../lib/index.ts';
import {numbers} from '../support/plain-networks.ts';
import {untyped} from '../support/refusals.ts';

/** Weights as after a training: variances above 0. */
function shaken<Net extends Model>(net: Net): Net {
  net.setWeights(
    net.getWeights().map(({name, shape, data}, at) => {
      const values = numbers(data.length, at + 3);
      const scaled = name.includes('ariance') ? values.map(x => 0.6 + 0.4 * x) : values;
      return {name, shape, data: scaled};
    }),
  );
  return net;
}

async function expectSame(net: Model, folded: Model, shape: readonly number[]): Promise<void> {
  const x = {data: numbers(shape.reduce((a, b) => a * b) * 5, 2), shape: [5, ...shape]};
  const [before, after] = [await net.predict(x), await folded.predict(x)];
  const most = Math.max(...Array.from(before.data, Math.abs));
  before.data.forEach((value, at) => {
    expect(Math.abs(value - (after.data[at] as number)) / most).toBeLessThan(1e-5);
  });
}

const kinds = (net: Model): string[] => net.layers.map(({kind}) => kind);

describe('foldBatchNormalization', () => {
  it('of every layer that takes it up, in a chain', async () => {
    const net = shaken(
      sequential([
        layers.conv2d({filters: 4, kernelSize: 3, padding: 'same', useBias: false, inputShape: [8, 8, 3]}),
        layers.batchNormalization({epsilon: 0.01}),
        layers.reLU(),
        layers.depthwiseConv2d({kernelSize: 3, depthMultiplier: 2}),
        layers.batchNormalization({scale: false}),
        layers.separableConv2d({filters: 5, kernelSize: 2}),
        layers.batchNormalization({center: false}),
        layers.conv2dTranspose({filters: 3, kernelSize: 2, strides: 2}),
        layers.batchNormalization(),
        layers.flatten(),
        layers.dense({units: 4, name: 'code'}),
        layers.batchNormalization({name: 'last'}),
      ]),
    );
    const weights = net.getWeights();
    const folded = foldBatchNormalization(net);
    expect(kinds(folded)).toEqual([
      ...['conv2d', 'reLU', 'depthwiseConv2d', 'separableConv2d', 'conv2dTranspose', 'flatten', 'dense'],
    ]);
    await expectSame(net, folded, [8, 8, 3]);
    expect(net.getWeights()).toEqual(weights);
    const again = await load(await folded.toBytes());
    await expectSame(net, again, [8, 8, 3]);
  });

  it('of a graph, and leaves what something else reads', async () => {
    const x = input({shape: [6, 6, 2]});
    const first = layers.conv2d({filters: 4, kernelSize: 3, padding: 'same', name: 'read'}).apply(x);
    const normal = layers.batchNormalization({name: 'kept'}).apply(first);
    const inner = layers.conv2d({filters: 4, kernelSize: 1, name: 'inner'}).apply(normal);
    const folded1 = layers.batchNormalization({name: 'gone'}).apply(inner);
    const active = layers
      .conv2d({filters: 4, kernelSize: 1, activation: 'tanh', name: 'active'})
      .apply(folded1);
    const after = layers.batchNormalization({name: 'also-kept'}).apply(active);
    const sum = layers.add().apply([after, first, folded1]);
    const net = shaken(model({inputs: x, outputs: layers.globalAveragePooling2d().apply(sum)}));
    const folded = foldBatchNormalization(net);
    const names = folded.layers.map(({name}) => name);
    expect(names).not.toContain('gone');
    expect(names).toEqual(expect.arrayContaining(['kept', 'also-kept', 'inner', 'read', 'active']));
    await expectSame(net, folded, [6, 6, 2]);
  });

  it('of outputs by name, of shared layers not at all', async () => {
    const x = input({shape: [3]});
    const shared = layers.dense({units: 3, name: 'shared'});
    const twice = shared.apply(shared.apply(x));
    const net = shaken(
      model({
        inputs: x,
        outputs: {
          a: layers.batchNormalization({name: 'a'}).apply(twice),
          b: layers.batchNormalization({name: 'b'}).apply(layers.dense({units: 2, name: 'own'}).apply(x)),
        },
      }) as unknown as Model,
    );
    const folded = foldBatchNormalization(net);
    expect(folded.outputNames).toEqual(net.outputNames);
    expect(folded.layers.map(({name}) => name).sort()).toEqual(['a', 'own', 'shared']);
    const rows = {data: numbers(12, 1), shape: [4, 3]};
    const [before, after] = (await Promise.all([net.predict(rows), folded.predict(rows)])) as unknown as [
      Record<string, {data: Float32Array}>,
      Record<string, {data: Float32Array}>,
    ];
    for (const name of ['a', 'b']) {
      before[name]?.data.forEach((value, at) => {
        expect(after[name]?.data[at]).toBeCloseTo(value, 4);
      });
    }
  });

  it('of models that serve as layers, one within another', async () => {
    const deep = sequential(
      [layers.dense({units: 4, useBias: false, inputShape: [5]}), layers.batchNormalization()],
      {name: 'deep'},
    );
    const x = input({shape: [6, 6, 2]});
    const narrow = layers.batchNormalization().apply(layers.conv2d({filters: 5, kernelSize: 3}).apply(x));
    const base = model({
      inputs: x,
      outputs: deep.apply(layers.globalAveragePooling2d().apply(narrow)),
      name: 'base',
    });
    // A model that is used twice is the same in both places.
    const [a, b] = [input({shape: [6, 6, 2]}), input({shape: [6, 6, 2]})];
    const both = layers.concatenate().apply([base.apply(a), base.apply(b)]);
    const outputs = layers.batchNormalization().apply(layers.dense({units: 3}).apply(both));
    const net = shaken(model({inputs: [a, b], outputs}));
    const folded = foldBatchNormalization(net);
    const inner = folded.getLayer('base').layers;
    expect(inner.map(({kind}) => kind)).toEqual(['conv2d', 'globalAveragePooling2d', 'sequential']);
    expect(inner.at(-1)?.layers.map(({kind}) => kind)).toEqual(['dense']);
    const pictures = [3, 4].map(seed => ({data: numbers(4 * 72, seed), shape: [4, 6, 6, 2]}));
    const [before, after] = [await net.predict(pictures), await folded.predict(pictures)];
    before.data.forEach((value, at) => {
      expect(after.data[at]).toBeCloseTo(value, 5);
    });
  });

  it('refuses what is no model', () => {
    expect(() => foldBatchNormalization(untyped({}))).toThrow(/^foldBatchNormalization: expected a model/);
  });
});
