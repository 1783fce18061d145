// Where models and weights may be read from and written to, and what other files are said to be.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {pathToFileURL} from 'node:url';
import vm from 'node:vm';
import {gzipSync} from 'node:zlib';
import {afterAll, describe, expect, it} from 'vitest';
import {callbacks, Dataset, layers, load, sequential} from '../../lib/index.ts';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'chainrule sources '));
afterAll(() => fs.rmSync(folder, {recursive: true, force: true}));
const at = (name: string): string => path.join(folder, name);

const x = [
  [0, 0],
  [0, 1],
  [1, 0],
  [1, 1],
];
const y = [[0], [1], [1], [0]];

function build(units = 3) {
  const net = sequential([
    layers.dense({units, activation: 'tanh', inputShape: [2], name: 'body'}),
    layers.dense({units: 1, name: 'head'}),
  ]);
  net.compile({optimizer: 'adam', loss: 'mse', metrics: ['mae']});
  return net;
}

describe('bytes', () => {
  it('hold all that a file does: training goes on to the same bits', async () => {
    const net = build();
    await net.fit(x, y, {epochs: 2});
    const bytes = await net.toBytes();
    await net.save(at('same.chainrule'));
    expect(Buffer.from(bytes).equals(fs.readFileSync(at('same.chainrule')))).toBe(true);
    const again = await load(bytes);
    for (const each of [net, again]) await each.fit(x, y, {epochs: 2, initialEpoch: 0, seed: 4});
    expect(again.getWeights()).toEqual(net.getWeights());
    expect((await load(await net.toBytes({includeOptimizer: false}))).getWeights()).toEqual(net.getWeights());
  });

  it('as a Buffer, as part of a buffer, from another realm', async () => {
    const net = build();
    const bytes = await net.toBytes();
    const shifted = new Uint8Array(bytes.length + 3).fill(7);
    shifted.set(bytes, 3);
    const foreign = vm.runInNewContext('new Uint8Array(bytes)', {bytes: [...bytes]}) as Uint8Array;
    for (const given of [Buffer.from(bytes), shifted.subarray(3), foreign]) {
      expect((await load(given)).getWeights()).toEqual(net.getWeights());
    }
  });

  it('are verified as files are', async () => {
    const bytes = await build().toBytes();
    await expect(load(bytes.slice(0, -1))).rejects.toThrow(/^load: bytes: .*truncated/);
    bytes[bytes.length - 2] = (bytes[bytes.length - 2] as number) ^ 1;
    await expect(load(bytes)).rejects.toThrow(/checksum/);
    await expect(load(new Uint8Array(0))).rejects.toThrow(/0 bytes/);
    await expect(load(new Float32Array(4) as never)).rejects.toThrow(/expected a path or a file: URL/);
  });
});

describe('URLs', () => {
  it('and their text, wherever a path is', async () => {
    const net = build();
    const url = pathToFileURL(at('a model.chainrule'));
    for (const where of [url, url.href, at('a model.chainrule')]) {
      await net.save(where);
      expect((await load(where)).getWeights()).toEqual(net.getWeights());
      await net.saveWeights(where);
      await net.loadWeights(where);
      fs.rmSync(at('a model.chainrule'));
    }
    await net.plot({path: pathToFileURL(at('net.svg'))});
    expect(fs.existsSync(at('net.svg'))).toBe(true);
    await net.fit(x, y, {
      epochs: 2,
      callbacks: [
        callbacks.csvLogger({filename: pathToFileURL(at('log.csv'))}),
        callbacks.modelCheckpoint({filepath: `${pathToFileURL(folder).href}/kept-{epoch}.chainrule`}),
        callbacks.backupAndRestore({backupDir: pathToFileURL(at('backup')), deleteCheckpoint: false}),
      ],
    });
    expect(fs.readdirSync(folder)).toEqual(
      expect.arrayContaining(['log.csv', 'kept-1.chainrule', 'kept-2.chainrule', 'backup']),
    );
    const rows = Dataset.fromCsv(pathToFileURL(at('log.csv')).href);
    expect((await rows.toArray()).length).toBe(2);
  });

  it.each([
    ['https://example.org/net.chainrule', /no file of this machine; get its bytes first/],
    [new URL('https://example.org/net.chainrule'), /no file of this machine/],
    ['', /expected a path/],
    [undefined, /expected a path/],
    ['file://host:80/x', /names no file|is no file/],
  ])('%s is refused by all', async (where, message) => {
    const net = build();
    const given = where as string;
    const calls = [
      () => load(given),
      () => net.save(given),
      () => net.saveWeights(given),
      () => net.loadWeights(given),
      async () => callbacks.csvLogger({filename: given}),
      async () => Dataset.fromCsv(given),
    ];
    for (const call of calls) await expect(call()).rejects.toThrow(message);
  });
});

describe('weights alone', () => {
  it('go to another model of the same names, in part to others', async () => {
    const [net, wide] = [build(), build(5)];
    await net.fit(x, y, {epochs: 2});
    await net.saveWeights(at('net.weights'));
    const fresh = net.clone({seed: 3});
    expect((await fresh.loadWeights(at('net.weights'))).set.length).toBe(4);
    expect(fresh.getWeights()).toEqual(net.getWeights());
    await expect(wide.loadWeights(at('net.weights'))).rejects.toThrow(/body\/kernel has the shape \[2,5\]/);
    expect(await wide.loadWeights(at('net.weights'), {skipMismatch: true})).toEqual({
      set: ['head/bias'],
      missing: [],
      unexpected: [],
      mismatched: ['body/kernel', 'body/bias', 'head/kernel'],
    });
    await net.save(at('net.chainrule'));
    fresh.setWeights(net.getWeights().map(({name, data}) => ({name, data: data.map(() => 1)})));
    await fresh.loadWeights(await net.toBytes());
    expect(fresh.getWeights()).toEqual(net.getWeights());
    await fresh.loadWeights(at('net.chainrule'));
    await expect(load(at('net.weights'))).rejects.toThrow(/weights alone.*model\.loadWeights/);
  });
});

describe('files of others are named', () => {
  it.each([
    ['model.json', '{"format":"layers-model","modelTopology":{}}', /TensorFlow\.js \(model\.json\)/],
    ['graph.json', '\n{ "modelTopology": {}, "weightsManifest": [] }', /TensorFlow\.js/],
    ['ours.json', JSON.stringify(build()), /modelFromJSON/],
    ['keras.json', '{"module": "keras", "class_name": "Sequential"}', /Keras/],
    ['other.json', '[1, 2, 3, 4, 5]', /JSON text/],
    ['read.me', 'This is a text, with ümläuts.', /a text file/],
    ['page.html', '<!DOCTYPE html><title>404</title>', /HTML/],
    ['pointer', 'version https://git-lfs.github.com/spec/v1\noid sha256:1\n', /git lfs pull/],
    ['net.h5', Buffer.from('\x89HDF\r\n\x1a\n12345678', 'latin1'), /HDF5/],
    ['net.keras', Buffer.from('PK\x03\x04\x14\0\0\0\0\0', 'latin1'), /\.keras/],
    ['net.gz', gzipSync('chainrule'), /gzip/],
    ['short', 'abc', /a text file/],
    ['noise', Buffer.from([1, 2, 3, 255, 254, 253, 0, 9, 9]), /no model file, or truncated/],
  ])('%s', async (name, content, message) => {
    fs.writeFileSync(at(name), content);
    await expect(load(at(name))).rejects.toMatchObject({code: 'ERR_FILE'});
    await expect(load(at(name))).rejects.toThrow(message);
    await expect(load(new Uint8Array(Buffer.from(content)))).rejects.toThrow(message);
    await expect(build().loadWeights(at(name))).rejects.toThrow(message);
  });

  it('folders and checkpoints', async () => {
    await expect(load(folder)).rejects.toThrow(/it is a folder; a model of chainrule is one file/);
    const backup = callbacks.backupAndRestore({backupDir: at('kept'), deleteCheckpoint: false});
    await build().fit(x, y, {callbacks: backup});
    const [file = ''] = fs.readdirSync(at('kept'));
    await expect(load(path.join(at('kept'), file))).rejects.toThrow(
      /checkpoint of callbacks\.backupAndRestore/,
    );
  });
});

describe('names that programs for Keras have', () => {
  it('give what ours give', async () => {
    const net = build();
    expect(net.countParams()).toBe(13);
    expect(net.metricsNames).toEqual(['loss', 'mae']);
    expect(Object.keys(await net.testOnBatch(x, y))).toEqual(net.metricsNames);
    expect(await net.predictOnBatch(x)).toEqual(await net.predict(x));
    net.resetStates();
    expect(() => sequential([layers.flatten({inputShape: [2]})]).metricsNames).toThrow(
      /no loss and no optimizer/,
    );
    const lines: string[] = [];
    expect(net.summary({print: line => lines.push(line)})).toBe(lines.join('\n'));
  });
});
