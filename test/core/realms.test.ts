// Values of another realm, of a clone, of a worker, and numbers of other kinds, wherever data are taken.
import vm from 'node:vm';
import {MessageChannel, receiveMessageOnPort} from 'node:worker_threads';
import {describe, expect, it} from 'vitest';
import {ChainruleError, compile, Dataset, data, layers, ops, sequential} from '../../lib/index.ts';

const context = vm.createContext({});
const there = (code: string): never => vm.runInContext(code, context) as never;
const sent = (value: unknown): never => {
  const {port1, port2} = new MessageChannel();
  port1.postMessage(value);
  const received = receiveMessageOnPort(port2)?.message;
  port1.close();
  return received as never;
};
const build = () => {
  const net = sequential([layers.dense({units: 1, inputShape: [2], name: 'body'})]);
  net.compile({optimizer: 'sgd', loss: 'mse'});
  return net;
};
const x = [
  [0, 1],
  [1, 0],
];
const y = [[1], [0]];

const tables: [string, unknown][] = [
  ['rows of typed arrays', x.map(row => Float32Array.from(row))],
  ['rows of several kinds', [Int8Array.of(0, 1), [true, false]]],
  ['Float64Array', Float64Array.from(x.flat())],
  ['Int16Array with its shape', {data: Int16Array.from(x.flat()), shape: [2, 2]}],
  ['Uint8ClampedArray', Uint8ClampedArray.from(x.flat())],
  ['BigInt64Array', BigInt64Array.from(x.flat(), BigInt)],
  ['a list of another realm', there('[[0, 1], [1, 0]]')],
  ['Uint32Array of another realm', there('Uint32Array.of(0, 1, 1, 0)')],
  ['a clone', structuredClone({data: Float32Array.from(x.flat()), shape: [2, 2]})],
  ['a message', sent(x.map(row => Float32Array.from(row)))],
];

describe.each(tables)('%s', (_, table) => {
  const given = table as never;

  it('is data for a model', async () => {
    const net = build();
    expect(await net.predict(given)).toEqual(await net.predict(x));
    expect(net.predictSync(given)).toEqual(net.predictSync(x));
    const other = build();
    expect(await other.fit(given, y)).toEqual(await net.fit(x, y));
    expect(other.getWeights()).toEqual(net.getWeights());
  });

  it('is an input of a function', async () => {
    const run = compile(ops.mul(ops.input({name: 'x', shape: [2, 2]}), 2));
    expect([...run.runSync({x: given}).data]).toEqual([0, 2, 2, 0]);
  });
});

it('weights are taken of any kind, and numbers that do not fit are named', async () => {
  const net = build();
  const bias = {name: 'body/bias', data: [0.5]};
  net.setWeights([{name: 'body/kernel', data: [[2], [3]]}, bias]);
  expect(await net.predict([[1, 1]])).toMatchObject({data: Float32Array.of(5.5)});
  net.setWeights(
    there('[{name: "body/kernel", data: Float64Array.of(1, 2)}, {name: "body/bias", data: [1]}]'),
  );
  expect(await net.predict([[1, 1]])).toMatchObject({data: Float32Array.of(4)});
  const wrong = {name: 'body/kernel', data: [[2, 3]]};
  expect(() => net.setWeights([wrong, bias])).toThrow(/body\/kernel has the shape \[2,1\]. Received \[1,2\]/);
  await expect(net.predict(Float64Array.of(1e300, 0))).rejects.toThrow(/1e\+300 at position 0/);
  await expect(net.predict(BigInt64Array.of(2n ** 60n, 0n))).rejects.toThrow(/does not fit/);
  await expect(net.predict(new DataView(new ArrayBuffer(8)) as never)).rejects.toThrow(/Received a DataView/);
});

it('labels and weights of samples may be truth values', async () => {
  const [net, other] = [build(), build()];
  await net.fit(x, [true, false], {sampleWeight: [true, false]});
  await other.fit(x, [1, 0], {sampleWeight: Float64Array.of(1, 0)});
  expect(net.getWeights()).toEqual(other.getWeights());
  expect([...data.oneHot(Uint16Array.of(1, 0)).data]).toEqual([0, 1, 1, 0]);
});

it('batches may be objects of a class, with accessors and methods', async () => {
  class Sample {
    get xs() {
      return x;
    }
    ys = y;
    describe() {}
  }
  const net = build();
  await net.fit(Dataset.fromGenerator(() => [new Sample()]) as never);
  expect(net.iterations).toBe(1);
  const misspelt = Dataset.fromGenerator(() => [Object.assign(new Sample(), {sampleWeights: [1, 1]})]);
  await expect(net.fit(misspelt as never)).rejects.toThrow(/Did you mean "sampleWeight"/);
  const map = Dataset.fromGenerator(() => [new Map(Object.entries({xs: x, ys: y}))]);
  await expect(net.fit(map as never)).rejects.toThrow(/Received a Map.*Object\.fromEntries/);
});

describe('options', () => {
  const odd: [string, unknown, RegExp][] = [
    ['a Map', new Map([['epochs', 2]]), /Received a Map.*Object\.fromEntries/],
    ['a Map of another realm', there('new Map([["epochs", 2]])'), /Received a Map/],
    ['a Date', new Date(0), /Received a Date/],
    ['a list', [2], /Received \[2\]/],
    ['an inherited unknown name', Object.create({epoch: 2}), /unknown option "epoch"/],
    ['an inherited name', Object.create({epochs: 2}), /"epochs" must be the object's own/],
    ['a number as text', {epochs: '2'}, /Received "2"/],
  ];
  it.each(odd)('%s is refused', async (_, options, message) => {
    const net = build();
    await expect(net.fit(x, y, options as never)).rejects.toThrow(message);
    expect(net.iterations).toBe(0);
  });

  it('of another realm are options, and a Map may weight classes', async () => {
    const [net, other] = [build(), build()];
    await net.fit(x, y, there('({epochs: 2, classWeight: new Map([[0, 1], [1, 3]])})'));
    await other.fit(x, y, {epochs: 2, classWeight: {0: 1, 1: 3}});
    expect(net.getWeights()).toEqual(other.getWeights());
    await expect(net.fit(x, y, {classWeight: new Map([[7, 1]])})).rejects.toThrow(/"7" is no class/);
  });
});

it('an error of another copy is a ChainruleError, and nothing else is', () => {
  const other = Object.assign(new Error('no'), {[Symbol.for('chainrule.error')]: {}});
  expect(other instanceof ChainruleError).toBe(true);
  expect(new Error('no') instanceof ChainruleError).toBe(false);
});

it.each([
  ['layer', 'a layer of another copy'],
  ['part', 'a part of another copy'],
])('a %s of another copy is refused by what it is', (kind, message) => {
  const other = {[Symbol.for(`chainrule.${kind}`)]: {}, kind: 'adam'};
  expect(() => sequential([other as never])).toThrow(message);
  expect(() => build().compile({optimizer: other as never, loss: 'mse'})).toThrow(/two copies/);
});

it('an op names the operand that is no tensor', () => {
  const a = ops.input({name: 'a', shape: [2, 2]});
  const nothing = undefined as never;
  expect(() => ops.add(a, nothing)).toThrow(/add: operand b must be a tensor. Received undefined/);
  expect(() => ops.matmul(nothing, a)).toThrow(/operand a must be a tensor/);
  expect(() => ops.reshape(nothing, [4])).toThrow(/reshape: operand x/);
  expect(() => ops.concatenate([a, nothing])).toThrow(/operand parts\[1\]/);
  expect(() => ops.select(a, '1' as never, 0)).toThrow(/Received "1"|must be bool/);
  expect(() => ops.input({name: 'a', shap: [1]} as never)).toThrow(/unknown option "shap"/);
});

it('a hook of a class is checked as one of an object', async () => {
  class Base {
    onEpochEnd() {}
  }
  class Snake extends Base {
    on_epoch_begin() {}
  }
  class Fine extends Base {
    once() {}
    onward = 3;
  }
  const net = build();
  const train = (callback: unknown) => net.fit(x, y, {callbacks: [callback as never]});
  await expect(train(new Snake())).rejects.toThrow(/unknown function "on_epoch_begin"/);
  await expect(train(Snake)).rejects.toThrow(/the class Snake\. new Snake/);
  await expect(train({onEpochEnd: 3})).rejects.toThrow(/onEpochEnd: expected a function. Received 3/);
  await train(new Fine());
});
