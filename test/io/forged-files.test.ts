// What a file says of layers, loss and optimizer is trusted no more than its table of tensors.
import {mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {afterAll, beforeAll, expect, it} from 'vitest';
import {layers, load, sequential} from '../../lib/index.ts';
import {forgeHeader, type Table} from './forge.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'chainrule-forged-'));
afterAll(() => rmSync(folder, {recursive: true, force: true}));

let whole: Buffer;
beforeAll(async () => {
  const model = sequential([layers.dense({units: 3, activation: 'softmax', inputShape: [4]})]);
  model.compile({optimizer: 'adam', loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy']});
  const file = path.join(folder, 'whole.chainrule');
  await model.save(file);
  whole = readFileSync(file);
});

type Metadata = Table['__metadata__'];
// biome-ignore lint/suspicious/noExplicitAny: any JSON.
type Change = (described: any) => void;

const edit = (change: (metadata: Metadata) => void) => (): Buffer =>
  forgeHeader(whole, ({__metadata__: metadata}) => {
    change(metadata);
    return undefined;
  });
const described = (key: string, change: Change) =>
  edit(metadata => {
    const value = JSON.parse(metadata[key] as string);
    change(value);
    metadata[key] = JSON.stringify(value);
  });
const training = (change: Change) => described('training', change);
const topology = (change: Change) => described('topology', change);
const first = (change: Change) => topology(value => change(value.layers[0]));
const text = (key: string, old: string, other: string) =>
  edit(metadata => {
    metadata[key] = (metadata[key] as string).replace(old, other);
  });

let deep: unknown = 'adam';
for (let level = 0; level < 40; level++) deep = {kind: 'adam', learningRate: deep};

const cases: readonly (readonly [string, () => Buffer, RegExp])[] = [
  [
    'optimizer constructor',
    training(t => {
      t.optimizer = 'constructor';
    }),
    /unknown optimizer "constructor"/,
  ],
  [
    'optimizer __proto__',
    training(t => {
      t.optimizer = '__proto__';
    }),
    /unknown optimizer "__proto__"/,
  ],
  [
    'optimizer toString',
    training(t => {
      t.optimizer = {kind: 'toString'};
    }),
    /unknown optimizer "toString"/,
  ],
  [
    'optimizer null',
    training(t => {
      t.optimizer = null;
    }),
    /unknown optimizer null/,
  ],
  [
    'no optimizer',
    training(t => {
      delete t.optimizer;
    }),
    /optimizer is missing/,
  ],
  [
    'another optimizer',
    training(t => {
      t.optimizer = 'sgd';
    }),
    /holds "optimizer\/dense\/kernel\/m"/,
  ],
  [
    'an option of it',
    training(t => {
      t.optimizer = {kind: 'adam', code: 1};
    }),
    /unknown option "code"/,
  ],
  [
    'a schedule that is none',
    training(t => {
      t.optimizer = {kind: 'adam', learningRate: {kind: 'valueOf'}};
    }),
    /unknown schedule "valueOf"/,
  ],
  [
    'a schedule of texts',
    training(t => {
      t.optimizer = {kind: 'adam', learningRate: {kind: 'piecewiseConstant', boundaries: '1', values: '12'}};
    }),
    /expected boundaries and values/,
  ],
  [
    'deep options',
    training(t => {
      t.optimizer = deep;
    }),
    /nested more than 32 deep/,
  ],
  [
    'loss __proto__',
    training(t => {
      t.loss = '__proto__';
    }),
    /unknown loss "__proto__"/,
  ],
  [
    'metrics 7',
    training(t => {
      t.metrics = 7;
    }),
    /metrics: expected an array/,
  ],
  [
    'vast metrics',
    training(t => {
      t.metrics = new Array(100_000).fill('mse');
    }),
    /stands there already/,
  ],
  [
    'code',
    training(t => {
      t.onLoad = 'process.exit()';
    }),
    /unknown option "onLoad"/,
  ],
  [
    'training of another kind',
    edit(m => {
      m.training = '"adam"';
    }),
    /training is no table of options/,
  ],
  [
    'training cut off',
    edit(m => {
      m.training = '{';
    }),
    /training is no JSON/,
  ],
  [
    'a vast nest',
    edit(m => {
      m.training = '['.repeat(1e5) + ']'.repeat(1e5);
    }),
    /more than 32 deep/,
  ],
  ['a key twice', text('training', '"loss":', '"loss":"mse","loss":'), /training holds a key twice/],
  ['units twice', text('topology', '"units":3', '"units":7,"units":3'), /topology holds a key twice/],
  ['a proto', text('topology', '"units"', '"__proto__":{"rate":9},"units"'), /unknown option "__proto__"/],
  [
    'no training',
    edit(m => {
      delete m.training;
    }),
    /moments but no optimizer/,
  ],
  [
    'no layers',
    edit(m => {
      delete m.topology;
    }),
    /describes no layers/,
  ],
  [
    'another kind of model',
    topology(t => {
      t.kind = 'functional';
    }),
    /unknown kind "functional"/,
  ],
  [
    'an unknown field',
    topology(t => {
      t.code = 'process.exit()';
    }),
    /unknown field "code"/,
  ],
  [
    'a seed of 0.5',
    topology(t => {
      t.seed = 0.5;
    }),
    /seed is no integer/,
  ],
  [
    'no layer at all',
    topology(t => {
      t.layers = [];
    }),
    /at least one/,
  ],
  [
    'a layer that is none',
    topology(t => {
      t.layers.push(null);
    }),
    /layer is no table of options/,
  ],
  [
    '20,000 layers',
    topology(t => {
      t.layers.push(...new Array(20_000).fill({kind: 'flatten'}));
    }),
    /layers are no array/,
  ],
  [
    'a name with a path',
    first(l => {
      l.name = '../kernel';
    }),
    /name: expected letters/,
  ],
  [
    'another name',
    first(l => {
      l.name = '__proto__';
    }),
    /holds "dense\/kernel", which its model/,
  ],
  [
    'a vast input',
    first(l => {
      l.inputShape = [2 ** 31 - 1, 2 ** 31 - 1];
    }),
    /has more than 2147483647 along an axis in dense/,
  ],
  [
    'an input of texts',
    first(l => {
      l.inputShape = ['4'];
    }),
    /inputShape: expected an integer/,
  ],
  [
    'units as text',
    first(l => {
      l.units = '3';
    }),
    /units: expected an integer/,
  ],
  [
    'an activation of its own',
    first(l => {
      l.activation = {kind: {kind: 1}};
    }),
    /unknown activation/,
  ],
  [
    'an infinite number',
    text('topology', '"units":3', '"units":3,"useBias":1e999'),
    /not as chainrule writes it/,
  ],
  [
    'another format',
    edit(m => {
      m.format = 'pt';
    }),
    /not written by chainrule/,
  ],
  [
    'another version',
    edit(m => {
      m.version = '2';
    }),
    /version 2; this chainrule reads version 1/,
  ],
  [
    'a step below 0',
    edit(m => {
      m.step = '-1';
    }),
    /count of steps is no number/,
  ],
  [
    'a step beyond int32',
    edit(m => {
      m.step = '2147483648';
    }),
    /count of steps is no number/,
  ],
];

it.each(cases)('%s', async (_, make, message) => {
  const file = path.join(folder, 'forged.chainrule');
  writeFileSync(file, make());
  await expect(load(file)).rejects.toMatchObject({
    code: 'ERR_FILE',
    message: expect.stringMatching(message),
  });
  expect(Object.keys(Object.prototype)).toEqual([]);
});

it('signed anew without a change it is read', async () => {
  const file = path.join(folder, 'same.chainrule');
  writeFileSync(file, edit(() => {})());
  expect((await load(file)).iterations).toBe(0);
});
