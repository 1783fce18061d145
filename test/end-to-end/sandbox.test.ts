// The library as a test runner such as Jest loads it: its CommonJS build as a script in a realm of its own,
// with the globals of Node but arrays, objects and errors that are not Node's.
import fs from 'node:fs';
import {createRequire} from 'node:module';
import os from 'node:os';
import path from 'node:path';
import vm from 'node:vm';
import {build} from 'tsdown';
import {beforeAll, describe, expect, it} from 'vitest';

const root = path.resolve(import.meta.dirname, '../..');
const outDir = path.join(root, 'build/test-sandbox');
const file = path.join(outDir, 'index.cjs');

/** As jest-environment-node makes it: bytes are of the outer realm, all other intrinsics of the inner one. */
function makeRealm(): vm.Context {
  const realm = vm.createContext({});
  const inner = vm.runInContext('globalThis', realm) as Record<string, unknown>;
  const own = new Set(Object.getOwnPropertyNames(inner));
  for (const name of Object.getOwnPropertyNames(globalThis)) {
    if (own.has(name)) continue;
    Object.defineProperty(inner, name, Object.getOwnPropertyDescriptor(globalThis, name) as object);
  }
  Object.assign(inner, {ArrayBuffer, Uint8Array, global: inner});
  return realm;
}

/** Runs the body of an async function in a realm that has loaded the library. */
async function inRealm<Result>(body: string): Promise<Result> {
  const realm = makeRealm();
  const load = (source: string, filename: string, names: string): ((...values: unknown[]) => unknown) =>
    new vm.Script(`(async function (${names}) {${source}\n})`, {filename}).runInContext(realm);
  const module = {exports: {}};
  const names = 'exports, require, module, __filename, __dirname';
  await load(fs.readFileSync(file, 'utf8'), file, names)(
    module.exports,
    createRequire(path.join(root, 'package.json')),
    module,
    file,
    outDir,
  );
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'chainrule-sandbox-'));
  try {
    const result = await load(body, 'test.js', 'chainrule, fs, folder')(module.exports, fs, folder);
    return JSON.parse(JSON.stringify(result)) as Result;
  } finally {
    fs.rmSync(folder, {recursive: true});
  }
}

const xor = `
const {layers, optimizers, sequential} = chainrule;
const x = [[0, 0], [0, 1], [1, 0], [1, 1]];
const net = sequential([
  layers.dense({units: 8, activation: 'tanh', inputShape: [2]}),
  layers.dense({units: 1, activation: 'sigmoid'}),
]);
net.compile({optimizer: optimizers.adam({learningRate: 0.1}), loss: 'binaryCrossentropy'});
`;

beforeAll(async () => {
  await build({
    config: false,
    cwd: root,
    entry: ['lib/index.ts'],
    outDir,
    format: 'cjs',
    platform: 'node',
    dts: false,
    fixedExtension: true,
    outputOptions: {dynamicImportInCjs: false},
    logLevel: 'error',
  });
});

describe('in a sandbox', () => {
  it('a model learns from lists, typed arrays and data sets, and its results are arrays there', async () => {
    const [losses, kinds, same] = await inRealm<[number[], boolean[], boolean]>(`${xor}
const flat = Float32Array.from(x.flat());
const losses = [];
for (const given of [x, flat, {data: flat, shape: [4, 2]}]) {
  const {history} = await net.fit(given, [[0], [1], [1], [0]], {epochs: 100, batchSize: 4});
  losses.push(history.loss.at(-1));
}
const rows = chainrule.Dataset.fromArrays({xs: flat.length && x, ys: Uint8Array.of(0, 1, 1, 0)});
await net.fit(rows.batch(4), {epochs: 2});
const {data} = await net.predict(flat);
const once = net.predictSync(x);
return [losses, [data instanceof Float32Array, net.getWeights()[0].data instanceof Float32Array],
  once.data.every((value, at) => value === data[at])];`);
    expect(losses[2]).toBeLessThan(0.1);
    expect(kinds).toEqual([true, true]);
    expect(same).toBe(true);
  });

  it('models are saved and loaded, by path, URL and bytes', async () => {
    const same = await inRealm<boolean[]>(`${xor}
const file = folder + '/net.safetensors';
await net.save(file);
const url = new URL('file://' + file);
const bytes = fs.readFileSync(file);
const sources = [file, url, url.href, await net.toBytes(), bytes, new Uint8Array(bytes)];
const wanted = (await net.predict(x)).data.join();
const predicted = async source => (await (await chainrule.load(source)).predict(x)).data.join();
return Promise.all(sources.map(async source => (await predicted(source)) === wanted));`);
    expect(same).toEqual(new Array(6).fill(true));
  });

  it('CSV files are read, and errors are errors there', async () => {
    const [rows, missing, wrong] = await inRealm<unknown[]>(`
fs.writeFileSync(folder + '/a.csv', 'a,b\\n1,2\\n3,x\\n');
const rows = await chainrule.Dataset.fromCsv(folder + '/a.csv').toArray();
const tell = async call => {
  try { await call(); } catch (error) { return [error instanceof chainrule.ChainruleError, error.code]; }
};
return [rows, await tell(() => chainrule.Dataset.fromCsv(folder + '/none.csv').toArray()),
  await tell(() => chainrule.layers.dense({units: 'x'}))];`);
    expect(rows).toEqual([
      {a: 1, b: 2},
      {a: 3, b: 'x'},
    ]);
    expect(missing).toEqual([true, 'ERR_FILE']);
    expect(wrong).toEqual([true, 'ERR_OPTION']);
  });

  it('callbacks, signals, maps and graphs of one’s own work', async () => {
    const result = await inRealm<Record<string, unknown>>(`${xor}
const epochs = [];
const controller = new AbortController();
class Watch {
  onEpochEnd(epoch, logs) { epochs.push(logs.loss); if (epoch === 2) controller.abort(); }
}
let code;
try {
  await net.fit(x, [[0], [1], [1], [0]], {
    epochs: 9, callbacks: [new Watch()], signal: controller.signal,
    classWeight: new Map([[0, 1], [1, 2]]),
  });
} catch (error) { code = error.code; }
const {ops, compile} = chainrule;
const double = compile({y: ops.mul(ops.input({name: 'x', shape: [2]}), 2)});
const {y} = double.runSync({x: Float64Array.of(1, 2)});
return {epochs: epochs.length, code, y: [...y.data]};`);
    expect(result).toEqual({epochs: 3, code: 'ERR_ABORTED', y: [2, 4]});
  });
});
