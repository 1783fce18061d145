// Sequential models that grow: the same as those made at once, to the bit, and clear where they cannot.
import {describe, expect, it} from 'vitest';
import {input, layers, model, modelFromJSON, sequential} from '../../lib/index.ts';

const x = [
  [0, 0],
  [0, 1],
  [1, 0],
  [1, 1],
];
const y = [[0], [1], [1], [0]];
const adam = {optimizer: 'adam', loss: 'mse'} as const;

const parts = () => [
  layers.dense({units: 4, activation: 'relu', inputShape: [2]}),
  layers.dropout({rate: 0.2}),
  layers.dense({units: 3, name: 'own'}),
  layers.dense({units: 1}),
];

describe('add', () => {
  it('gives what sequential gives at once, weights and training, whenever they are looked at', async () => {
    const whole = sequential(parts(), {seed: 5});
    const lazy = sequential(undefined, {seed: 5});
    for (const layer of parts()) lazy.add(layer);
    const looked = sequential({seed: 5});
    for (const layer of parts()) {
      looked.add(layer);
      looked.summary({print: () => {}});
      expect(layer.getWeights().length).toBe(layer.weights.length);
    }
    for (const net of [whole, lazy, looked]) {
      net.compile(adam);
      await net.fit(x, y, {epochs: 3});
    }
    expect(lazy.getWeights()).toEqual(whole.getWeights());
    expect(looked.getWeights()).toEqual(whole.getWeights());
    expect(looked.toJSON()).toEqual(whole.toJSON());
    expect(sequential({layers: parts(), seed: 5}).toJSON()).toEqual(whole.toJSON());
  });

  it("the layer's weights have values at once, and its tensors are the model's", () => {
    const net = sequential();
    const layer = layers.dense({units: 2, inputShape: [3]});
    net.add(layer);
    expect(layer.getWeights()[0]?.data.some(value => value !== 0)).toBe(true);
    net.add(layers.dense({units: 1}));
    expect(net.getLayer(0).output).toBe(layer.output);
    expect(model({inputs: net.inputs, outputs: layer.output}).getWeights()).toEqual(
      net.getWeights().slice(0, 2),
    );
  });

  it('keeps what was trained: another head on a body, after clone and JSON too', async () => {
    const net = sequential(parts());
    net.compile(adam);
    await net.fit(x, y, {epochs: 2});
    const before = net.getWeights().slice(0, 4);
    for (const some of [net, net.clone()]) {
      some.pop();
      some.add(layers.dense({units: 5, activation: 'softmax', name: 'classes'}));
      expect(some.getWeights().slice(0, 4)).toEqual(before);
      expect(some.outputShape).toEqual([5]);
      expect(() => some.optimizer).toThrow(/no optimizer/);
      some.compile({optimizer: 'sgd', loss: 'sparseCategoricalCrossentropy'});
      await some.fit(x, [0, 1, 2, 3], {epochs: 1});
    }
    const again = modelFromJSON(net.toJSON());
    again.add(layers.dense({units: 2}));
    expect(again.layers.length).toBe(5);
  });

  it('pop and add again are the same model; all may be popped', () => {
    const net = sequential(parts());
    const last = net.getLayer(-1);
    const before = net.getWeights();
    net.pop();
    expect(() => last.output).toThrow(/applied 0 times/);
    net.add(last);
    expect(net.getWeights()).toEqual(before);
    for (let left = 4; left > 0; left--) net.pop();
    expect(() => net.pop()).toThrow(/pop: there is no layer left/);
    net.add(layers.dense({units: 1, inputShape: [7]}));
    expect(net.inputShape).toEqual([7]);
  });

  it('models as layers, and models that have this one', async () => {
    const inner = sequential();
    inner.add(layers.dense({units: 2, inputShape: [2]}));
    const outer = sequential();
    outer.add(inner);
    outer.add(layers.dense({units: 1}));
    inner.add(layers.dense({units: 9}));
    expect([outer.outputShape, inner.outputShape]).toEqual([[1], [9]]);
    expect((await outer.predict(x)).shape).toEqual([4, 1]);
    expect(sequential([inner]).outputShape).toEqual([9]);
  });
});

describe('errors say what is missing', () => {
  it.each([
    ['nothing yet', () => sequential().predictSync([1]), /no layers yet: model\.add\(/],
    [
      'no inputShape',
      () => sequential().add(layers.dense({units: 1})),
      /first layer needs inputShape.*layers\.dense\(/,
    ],
    ['no layer', () => sequential().add(1 as never), /element 0 is no layer/],
    [
      'no chain',
      () => graph().add(layers.dense({units: 1})),
      /add: this is a graph of layers.*model\.output/,
    ],
    ['no chain to pop', () => graph().pop(), /pop: this is a graph of layers/],
    ['an unknown option', () => sequential({sede: 1} as never), /unknown option "sede"/],
    ['no array', () => sequential('dense' as never), /expected an object of options/],
    ['an empty array', () => sequential([]), /at least one/],
    ['two of a name', () => twice(), /two layers have the name "a"/],
  ])('%s', (_, call, message) => {
    expect(call).toThrow(message);
  });

  it('a layer that does not fit leaves the model as it was', () => {
    const net = sequential([layers.flatten({inputShape: [2, 3]})]);
    expect(() => net.add(layers.permute({dims: [2, 1]}))).toThrow();
    net.add(layers.dense({units: 1}));
    expect(net.outputShape).toEqual([1]);
  });

  it('not while it trains', async () => {
    const net = sequential(parts());
    net.compile(adam);
    const training = net.fit(x, y, {epochs: 50});
    expect(() => net.add(layers.dense({units: 1}))).toThrow(/add: the model is in training by fit/);
    expect(() => net.pop()).toThrow(/pop: the model is in training by fit/);
    await training;
  });
});

function graph() {
  const start = input({shape: [2]});
  return model({inputs: start, outputs: layers.dense({units: 1}).apply(start)});
}

function twice() {
  const net = sequential();
  net.add(layers.dense({units: 1, inputShape: [1], name: 'a'}));
  net.add(layers.dense({units: 1, name: 'a'}));
}
