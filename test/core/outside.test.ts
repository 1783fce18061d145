// Values of the platform: numbers of half precision, signals and URLs, whoever made them.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {pathToFileURL} from 'node:url';
import vm from 'node:vm';
import {afterAll, describe, expect, it, test} from 'vitest';
import {callbacks, Dataset, layers, load, sequential} from '../../lib/index.ts';
import {runChild} from '../support/child.ts';
import {findNodes} from '../support/nodes.ts';
import {untyped} from '../support/refusals.ts';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'chainrule outside '));
afterAll(() => fs.rmSync(folder, {recursive: true}));

const x = [
  [0, 1],
  [1, 0],
];
const y = [[1], [0]];

function build() {
  const net = sequential([layers.dense({units: 1, inputShape: [2], name: 'body'})]);
  net.compile({optimizer: 'sgd', loss: 'mse'});
  return net;
}

/** Values that are exact with 11 bits; in engines without them, what a package offers instead. */
const halves = `
const there = typeof Float16Array === 'function';
const half = values => there ? Float16Array.from(values) : new Proxy(Float32Array.from(values), {
  get(target, name) {
    const value = name === Symbol.toStringTag ? 'Float16Array' : Reflect.get(target, name, target);
    return typeof value === 'function' ? value.bind(target) : value;
  },
});
const {compile, Dataset, data, layers, ops, sequential} = chainrule;
const build = () => {
  const net = sequential([layers.dense({units: 1, inputShape: [2], name: 'body'})]);
  net.compile({optimizer: 'sgd', loss: 'mse'});
  return net;
};
const flat = [0.5, 1.25, -2, 0.0625], targets = [1, -0.5];
const uses = {
  predict: (net, list) => net.predict({data: list(flat), shape: [2, 2]}),
  predictSync: (net, list) => net.predictSync(list(flat)),
  fit: (net, list) => net.fit(list(flat), list(targets), {epochs: 2, sampleWeight: list([1, 0.5])}),
  fitRows: (net, list) => there ? net.fit([list([1, 2]), list([3, 4])], list(targets)) : uses.fit(net, list),
  dataset: (net, list) =>
    net.fit(Dataset.fromArrays({xs: {data: list(flat), shape: [2, 2]}, ys: list(targets)}).batch(2)),
  setWeights: (net, list) =>
    net.setWeights([{name: 'body/kernel', data: list([1, 2])}, {name: 'body/bias', data: list([3])}]),
  standardize: (net, list) => data.standardize({data: list(flat), shape: [2, 2]}),
  oneHot: (net, list) => data.oneHot(list([1, 0])),
  run: (net, list) => compile(ops.mul(ops.input({name: 'x', shape: [4]}), 2)).runSync({x: list(flat)}),
};
const results = {};
for (const [name, use] of Object.entries(uses)) {
  const tell = async list => {
    const net = build();
    try { return JSON.stringify([await use(net, list), net.getWeights()]); } catch (error) { return error; }
  };
  const seen = await tell(half);
  const wanted = await tell(values => Float32Array.from(values));
  results[name] = seen instanceof Error ? seen.message : seen === wanted ? 'same' : 'other numbers';
}
console.log(JSON.stringify({there, results}));
`;

describe.each(findNodes())('numbers of half precision in Node $version', ({version, file: node}) => {
  test('are taken where the engine has them, else refused with what to do', async () => {
    const {code, stdout, stderr} = await runChild(halves, {node});
    expect(code, stderr).toBe(0);
    const {there, results} = JSON.parse(stdout) as {there: boolean; results: Record<string, string>};
    expect(there).toBe(Number.parseInt(version, 10) >= 24);
    for (const [name, result] of Object.entries(results)) {
      // What is only looked at by index and length is read as it is.
      if (there || name === 'setWeights') expect(result, name).toBe('same');
      else expect(result, name).toMatch(/no Float16Array: Float32Array\.from/);
    }
  });
});

/** Classes as another realm, or a package that fills in for the platform, has them. */
const realm = vm.createContext({});
const foreign = vm.runInContext(
  `({
  Signal: class AbortSignal {
    aborted = false;
    #tasks = new Set();
    addEventListener(type, task) { if (type === 'abort') this.#tasks.add(task); }
    removeEventListener(type, task) { this.#tasks.delete(task); }
    get count() { return this.#tasks.size; }
    end(reason) {
      this.aborted = true;
      this.reason = reason;
      for (const task of this.#tasks) task({type: 'abort'});
    }
  },
  Url: class URL {
    constructor(href) { this.href = href; }
    get [Symbol.toStringTag]() { return 'URL'; }
  },
})`,
  realm,
) as {
  Signal: new () => AbortSignal & {readonly count: number; end(reason: unknown): void};
  Url: new (href: string) => URL;
};

describe('a signal of another realm', () => {
  it('ends a training, on arrays and on a data set, and is left alone afterwards', async () => {
    for (const batches of [
      undefined,
      Dataset.fromArrays({xs: x, ys: [1, 0]})
        .repeat()
        .batch(2),
    ]) {
      const [net, signal] = [build(), new foreign.Signal()];
      const onEpochEnd = (epoch: number): void => {
        if (epoch === 1) signal.end('enough');
      };
      const options = {epochs: 9, callbacks: {onEpochEnd}, signal};
      const training = batches
        ? net.fit(untyped(batches), {...options, stepsPerEpoch: 3})
        : net.fit(x, y, options);
      await expect(training).rejects.toMatchObject({code: 'ERR_ABORTED', cause: 'enough'});
      expect(net.iterations).toBe(batches ? 6 : 2);
      expect(signal.count).toBe(0);
    }
  });

  it('that has come already begins no step, and what is no signal is named', async () => {
    const [net, signal] = [build(), new foreign.Signal()];
    signal.end(undefined);
    await expect(net.fit(x, y, {signal})).rejects.toMatchObject({code: 'ERR_ABORTED'});
    const wrong = untyped(new AbortController());
    await expect(net.fit(x, y, {signal: wrong})).rejects.toThrow(
      /fit: signal: expected an AbortSignal\. Received an? .*AbortController\. It is the `signal`/,
    );
    await expect(net.fit(x, y, {signal: untyped('abort')})).rejects.toThrow(/Received "abort"/);
    expect(net.iterations).toBe(0);
  });
});

it('a URL of another realm is a path wherever one is taken', async () => {
  const url = (name: string): URL => new foreign.Url(pathToFileURL(path.join(folder, name)).href);
  const net = build();
  await net.save(url('net'));
  expect((await load(url('net'))).getWeights()).toEqual(net.getWeights());
  await net.saveWeights(url('weights'));
  expect((await net.loadWeights(url('weights'))).set.length).toBe(2);
  expect(await net.plot({path: url('net.svg')})).toBe(fs.readFileSync(path.join(folder, 'net.svg'), 'utf8'));
  fs.writeFileSync(path.join(folder, 'a.csv'), 'a\n1\n');
  expect(await Dataset.fromCsv(url('a.csv')).toArray()).toEqual([{a: 1}]);
  await net.fit(x, y, {
    callbacks: [
      callbacks.csvLogger({filename: url('log.csv')}),
      callbacks.modelCheckpoint({filepath: url('best')}),
      callbacks.backupAndRestore({backupDir: url('backup')}),
    ],
  });
  expect(fs.readdirSync(folder).sort()).toEqual(
    expect.arrayContaining(['a.csv', 'best', 'log.csv', 'net', 'net.svg', 'weights']),
  );
  await expect(load(new foreign.Url('https://example.com/model'))).rejects.toThrow(/no file of this machine/);
});
