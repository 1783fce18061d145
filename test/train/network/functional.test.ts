// Models of any graph: several inputs and outputs, shared layers, models within models.
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {afterAll, describe, expect, it} from 'vitest';
import {
  type DataInput,
  type Forward,
  input,
  Layer,
  layers,
  load,
  model,
  modelFromJSON,
  ops,
  optimizers,
  type SymbolicTensor,
  sequential,
  type Tensor,
} from '../../../lib/index.ts';
import type {ForwardAll} from '../../../lib/nn/layer.ts';
import {numbers} from '../../support/plain-networks.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'chainrule-functional-'));
afterAll(() => rmSync(folder, {recursive: true, force: true}));

const rows = 20;
const left = {data: numbers(rows * 3, 1), shape: [rows, 3]};
const right = {data: numbers(rows * 2, 2), shape: [rows, 2]};
const price = {data: numbers(rows, 3), shape: [rows, 1]};
const kind = Int32Array.from({length: rows}, (_, row) => row % 3);

/** Two inputs, a residual connection, two outputs. */
function twoByTwo() {
  const a = input({shape: [3], name: 'left'});
  const b = input({shape: [2], name: 'right'});
  const first = layers.dense({units: 4, activation: 'tanh', name: 'first'}).apply(a);
  const second = layers.dense({units: 4, name: 'second'}).apply(b);
  const joined = layers.add().apply([first, second]);
  const more = layers.dense({units: 4, activation: 'tanh', name: 'more'}).apply(joined);
  const residual = layers.add().apply([joined, more]);
  const outputs = {
    price: layers.dense({units: 1, name: 'head'}).apply(residual),
    kind: layers.dense({units: 3, activation: 'softmax', name: 'classes'}).apply(residual),
  };
  return model({inputs: [a, b], outputs, seed: 3});
}

const compileBoth = (net: ReturnType<typeof twoByTwo>): void =>
  net.compile({
    optimizer: optimizers.sgd({learningRate: 0.05}),
    loss: {price: 'meanSquaredError', kind: 'sparseCategoricalCrossentropy'},
    lossWeights: {kind: 0.5},
    metrics: {kind: ['accuracy'], price: 'meanAbsoluteError'},
  });

/** The price of one row, in float64. */
function priceOf(net: ReturnType<typeof twoByTwo>, row: number): number {
  const weights = new Map(net.getWeights().map(({name, data}) => [name, data]));
  const dense = (name: string, x: readonly number[], units: number): number[] =>
    Array.from({length: units}, (_, unit) =>
      x.reduce(
        (sum, value, at) => sum + value * (weights.get(`${name}/kernel`)?.[at * units + unit] as number),
        weights.get(`${name}/bias`)?.[unit] as number,
      ),
    );
  const [a, b] = [left.data.slice(row * 3, row * 3 + 3), right.data.slice(row * 2, row * 2 + 2)];
  const first = dense('first', [...a], 4).map(Math.tanh);
  const joined = dense('second', [...b], 4).map((value, at) => value + (first[at] as number));
  const more = dense('more', joined, 4).map(Math.tanh);
  const residual = joined.map((value, at) => value + (more[at] as number));
  return dense('head', residual, 1)[0] as number;
}

describe('a model of two inputs and two outputs', () => {
  it('computes its formula, and gives results by the names of its outputs', async () => {
    const net = twoByTwo();
    const predicted = await net.predict([left, right]);
    expect(Object.keys(predicted)).toEqual(['price', 'kind']);
    expect(predicted.price.shape).toEqual([rows, 1]);
    expect(predicted.kind.shape).toEqual([rows, 3]);
    for (const row of [0, 7, 19]) expect(predicted.price.data[row]).toBeCloseTo(priceOf(net, row), 5);
    expect(net.predictSync({right, left})).toEqual(predicted);
    const one = net.predictSync([left.data.subarray(0, 3), right.data.subarray(0, 2)]);
    expect(one.kind.shape).toEqual([1, 3]);
    expect(one.price.data[0]).toBe(predicted.price.data[0]);
  });

  it('logs the losses of its outputs, whose weighted sum is the loss', async () => {
    const net = twoByTwo();
    compileBoth(net);
    const logs = await net.evaluate([left, right], {price, kind});
    expect(Object.keys(logs)).toEqual([
      'loss',
      'price_loss',
      'kind_loss',
      'price_meanAbsoluteError',
      'kind_accuracy',
    ]);
    expect(logs.loss).toBeCloseTo((logs.price_loss as number) + 0.5 * (logs.kind_loss as number), 6);
    const errors = Array.from({length: rows}, (_, row) => priceOf(net, row) - (price.data[row] as number));
    expect(logs.price_loss).toBeCloseTo(errors.reduce((sum, error) => sum + error ** 2, 0) / rows, 5);
    const {history} = await net.fit({left, right}, [price, kind], {
      epochs: 30,
      batchSize: 8,
      validationSplit: 0.2,
    });
    expect(Object.keys(history)).toContain('val_kind_accuracy');
    const losses = history.loss as number[];
    expect(losses.at(-1)).toBeLessThan(0.8 * (losses[0] as number));
  });

  it('takes arrays and arrays by name alike, to the bit', async () => {
    const train = async (x: Parameters<typeof net.fit>[0], y: Parameters<typeof net.fit>[1]) => {
      const own = twoByTwo();
      compileBoth(own);
      await own.fit(x, y, {epochs: 2, batchSize: 8});
      return own.getWeights();
    };
    const net = twoByTwo();
    expect(await train({right, left}, {kind, price})).toEqual(await train([left, right], [price, kind]));
  });

  it('trains one of its outputs alone', async () => {
    const net = twoByTwo();
    net.compile({optimizer: 'sgd', loss: {price: 'mse'}, metrics: {price: ['mse']}});
    const before = net.getWeights();
    const {history} = await net.fit([left, right], price, {epochs: 1});
    expect(Object.keys(history)).toEqual(['loss', 'price_mse']);
    const moved = net
      .getWeights()
      .filter(({data}, at) => data.some((value, i) => value !== before[at]?.data[i]));
    expect(moved.map(({name}) => name)).not.toContain('classes/kernel');
    expect(moved.map(({name}) => name)).toContain('first/kernel');
  });

  it('comes back from its file and trains on to the same bits', async () => {
    const net = twoByTwo();
    compileBoth(net);
    await net.fit([left, right], [price, kind], {epochs: 2, batchSize: 8});
    const file = path.join(folder, 'two.chainrule');
    await net.save(file);
    const again = await load<{price: never; kind: never}>(file);
    const [one, other] = [net, again].map(each => each.fit({left, right}, {price, kind}, {epochs: 2}));
    expect((await other)?.history).toEqual((await one)?.history);
    expect(again.getWeights()).toEqual(net.getWeights());
  });

  it('names the array and the row of bad data', async () => {
    const net = twoByTwo();
    compileBoth(net);
    const holes = {...right, data: Float32Array.from(right.data, (x, at) => (at === 5 ? Number.NaN : x))};
    await expect(net.fit([left, holes], [price, kind])).rejects.toThrow(
      /x\.right holds NaN in row 2, column 1/,
    );
    const labels = kind.map((label, row) => (row === 4 ? 3 : label));
    await expect(net.evaluate([left, right], [price, labels])).rejects.toThrow(
      /label 3 in row 4 of y\.kind is no class: the model has 3 classes/,
    );
  });
});

/** Both halves of a sample. */
class Halves extends Layer {
  readonly config = {};

  override buildAll([shape]: readonly (readonly number[])[]): ForwardAll {
    const half = (shape?.[0] as number) / 2;
    return ([x]) => [0, half].map(start => ops.slice(x as Tensor, 1, start, half));
  }
}

describe('a layer of two outputs', () => {
  it('gives both, which are joined the other way round, and comes back from JSON', async () => {
    const x = input({shape: [4]});
    const [first, second] = new Halves({name: 'halves'}).applyAll(x) as [SymbolicTensor, SymbolicTensor];
    const net = model({inputs: x, outputs: layers.concatenate().apply([second, first])});
    const {data} = await net.predict([[1, 2, 3, 4]]);
    expect([...data]).toEqual([3, 4, 1, 2]);
    const again = modelFromJSON(JSON.stringify(net), {customObjects: {Halves}});
    expect((await again.predict([[1, 2, 3, 4]])).data).toEqual(data);
    expect((await net.plot()).match(/marker-end/g)).toHaveLength(3);
  });

  it('is told where it forgets the axis of the batch', () => {
    class Wrong extends Layer {
      readonly config = {};
      override build(): Forward {
        return y => ops.sum(y);
      }
    }
    const expected = /Wrong: a layer must give a tensor \[batch, …\]. Received float32\[\] for a batch of 2/;
    expect(() => new Wrong().apply(input({shape: [4]}))).toThrow(expected);
    class Empty extends Layer {
      readonly config = {};
    }
    expect(() => new Empty().apply(input({shape: [4]}))).toThrow(/Empty: a layer needs build/);
  });
});

describe('layers in several places', () => {
  it('share their weights, and get the sum of both gradients', async () => {
    const [a, b] = [input({shape: [3], name: 'a'}), input({shape: [3], name: 'b'})];
    const twin = layers.dense({units: 1, name: 'twin', useBias: false});
    const net = model({inputs: [a, b], outputs: layers.subtract().apply([twin.apply(a), twin.apply(b)])});
    expect(net.getWeights().map(({name}) => name)).toEqual(['twin/kernel']);
    net.compile({optimizer: 'sgd', loss: 'mse'});
    const other = {...left, data: numbers(rows * 3, 9)};
    const {gradients} = await net.gradients([left, other], price);
    const kernel = net.getWeights()[0]?.data as Float32Array;
    const expected = [0, 0, 0];
    for (let row = 0; row < rows; row++) {
      const difference = [0, 1, 2].map(
        k => (left.data[row * 3 + k] as number) - (other.data[row * 3 + k] as number),
      );
      const output = difference.reduce((sum, value, k) => sum + value * (kernel[k] as number), 0);
      for (const k of [0, 1, 2]) {
        (expected[k] as number) +=
          (2 / rows) * (output - (price.data[row] as number)) * (difference[k] as number);
      }
    }
    const received = gradients['twin/kernel']?.data as Float32Array;
    for (const k of [0, 1, 2]) expect(received[k]).toBeCloseTo(expected[k] as number, 5);
  });

  it('of two models train in both', async () => {
    const x = input({shape: [3]});
    const code = layers.dense({units: 2, activation: 'tanh', name: 'code'}).apply(x);
    const encoder = model({inputs: x, outputs: code});
    const whole = model({inputs: x, outputs: layers.dense({units: 3}).apply(code)});
    whole.compile({optimizer: 'adam', loss: 'mse'});
    const before = await encoder.predict(left);
    await whole.fit(left, left, {epochs: 2});
    const after = await encoder.predict(left);
    expect(after.data).not.toEqual(before.data);
    expect(whole.getWeights()[0]).toEqual(encoder.getWeights()[0]);
  });

  it('may be models, whose memory becomes one', async () => {
    const encoder = sequential([layers.dense({units: 2, activation: 'tanh', inputShape: [3]})], {
      name: 'encoder',
    });
    const decoder = sequential([layers.dense({units: 3, inputShape: [2]})], {name: 'decoder', seed: 4});
    const x = input({shape: [3]});
    const separate = await decoder.predict((await encoder.predict(left)) as DataInput);
    const whole = model({inputs: x, outputs: decoder.apply(encoder.apply(x)), name: 'autoencoder'});
    expect(whole.getWeights().map(({name}) => name)).toEqual([
      'encoder/dense/kernel',
      'encoder/dense/bias',
      'decoder/dense/kernel',
      'decoder/dense/bias',
    ]);
    expect(await whole.predict(left)).toEqual(separate);
    whole.compile({optimizer: 'adam', loss: 'mse'});
    await whole.fit(left, left, {epochs: 3});
    const composed = await decoder.predict((await encoder.predict(left)) as DataInput);
    expect(await whole.predict(left)).toEqual(composed);
    expect(composed.data).not.toEqual(separate.data);
    expect(decoder.predictSync(Float32Array.of(0.5, 1)).data).toEqual(
      (await decoder.predict([[0.5, 1]])).data,
    );
    const stacked = sequential([
      sequential([layers.dense({units: 2, inputShape: [3]})]),
      layers.dense({units: 1}),
    ]);
    expect(stacked.getWeights()[0]?.name).toBe('sequential/dense/kernel');
    const file = path.join(folder, 'nested.chainrule');
    await whole.save(file);
    const again = await load(file);
    expect(again.name).toBe('autoencoder');
    expect(await again.predict(left)).toEqual(await whole.predict(left));
    expect(again.getWeights()).toEqual(whole.getWeights());
  });

  it('cannot become part of a larger model while they are trained', async () => {
    const [one, two] = [1, 2].map(seed => sequential([layers.dense({units: 3, inputShape: [3]})], {seed}));
    one?.compile({optimizer: 'sgd', loss: 'mse'});
    const running = one?.fit(left, left, {epochs: 2});
    expect(() => sequential([one, two] as never)).toThrow(/in training by fit/);
    await running;
    const joined = sequential([one, two] as never);
    expect(joined.getWeights()).toHaveLength(4);
  });
});

describe('errors of the functional API', () => {
  const [a, b] = [input({shape: [3], name: 'a'}), input({shape: [2]})];
  const dense = () => layers.dense({units: 1});
  const cases: [string, () => unknown, RegExp][] = [
    [
      'an input that is not named',
      () => model({inputs: a, outputs: dense().apply(b)}),
      /depend on the input \[2\]/,
    ],
    [
      'an input without use',
      () => model({inputs: [a, b], outputs: dense().apply(a)}),
      /no output depends on input 1/,
    ],
    ['an input twice', () => model({inputs: [a, a], outputs: dense().apply(a)}), /stands there twice/],
    ['no outputs', () => model({inputs: a, outputs: []}), /outputs: expected a symbolic tensor/],
    [
      'no tensor',
      () => dense().apply(3 as never),
      /apply: expected what input\(\) or apply\(\) gave. Received 3/,
    ],
    ['two inputs for one', () => dense().apply([a, b]), /expected one input. Received 2/],
    ['one input for two', () => layers.add().apply(a), /at least two inputs, as in apply/],
    ['three of a difference', () => layers.subtract().apply([a, a, a]), /expected 2 inputs/],
    [
      'shapes apart',
      () => layers.multiply().apply([a, b]),
      /do not broadcast together. Received \[3\] and \[2\]/,
    ],
    ['no shape', () => input({} as never), /input: shape is missing/],
    ['no options', () => input(undefined as never), /input: expected options/],
    ['a bad shape', () => input({shape: [2.5]}), /input: shape: expected an integer/],
    ['a bad name', () => input({shape: [1], name: 'a b'}), /input: name: expected letters/],
    ['an unknown option', () => model({inputs: a, output: a} as never), /Did you mean "outputs"/],
    [
      'a shared layer on another shape',
      () => {
        const shared = dense();
        shared.apply(a);
        shared.apply(b);
      },
      /dense is built already, and its kernel is \[3,1\]; this input needs \[2,1\]/,
    ],
    [
      'two layers of a name',
      () =>
        model({
          inputs: a,
          outputs: layers.dense({units: 1, name: 'x'}).apply(layers.dense({units: 1, name: 'x'}).apply(a)),
        }),
      /two layers have the name "x"/,
    ],
    [
      'a model on another shape',
      () => twoByTwo().apply([b, b]),
      /the model takes \[3\] and \[2\]. Received \[2\] and \[2\]/,
    ],
    ['a misspelled input', () => twoByTwo().apply({lefd: a, right: b}), /Did you mean "left"/],
    ['a missing input', () => twoByTwo().apply({left: a}), /tensor for the input right is missing/],
    ['a misspelled layer', () => twoByTwo().getLayer('fist'), /unknown layer "fist". Did you mean "first"/],
    ['a layer that is not there', () => twoByTwo().getLayer(99), /there is no layer 99/],
  ];
  it.each(cases)('%s', (_, call, text) => {
    expect(call).toThrow(text);
  });

  const compiled: [string, object, RegExp][] = [
    ['a loss too few', {loss: ['mse']}, /loss: expected one for each of 2 outputs. Received 1/],
    ['a misspelled output', {loss: {prize: 'mse'}}, /unknown output "prize". Did you mean "price"/],
    ['no loss at all', {loss: {price: undefined}}, /expected a loss for at least one output/],
    ['weights of the wrong kind', {loss: 'mse', lossWeights: 3}, /lossWeights: expected numbers/],
    [
      'a weight that is none',
      {loss: 'mse', lossWeights: {price: 'x'}},
      /lossWeights: price: expected a finite number/,
    ],
    [
      'metrics without loss',
      {loss: {price: 'mse'}, metrics: {kind: ['accuracy']}},
      /output kind has no loss/,
    ],
    ['a metric twice', {loss: 'mse', metrics: ['mse', 'mse']}, /"price_mse" stands there already/],
  ];
  it.each(compiled)('%s', (_, options, text) => {
    expect(() => twoByTwo().compile({optimizer: 'sgd', ...options} as never)).toThrow(text);
  });

  it.each([
    ['one array for two', left, /x: expected 2 arrays in the order left, right, or by these names/],
    [
      'a name that is none',
      {left, rigth: right},
      /unknown name in predictSync: x: "rigth". Did you mean "right"/,
    ],
    ['a name too few', {left}, /the array for right is missing/],
    ['rows apart', [left, right.data.slice(0, 8)], /left has 20 rows and right 4/],
  ])('%s', (_, x, text) => {
    expect(() => twoByTwo().predictSync(x as DataInput)).toThrow(text);
  });
});
