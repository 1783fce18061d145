// Model files: what is saved comes back, what is damaged or hostile is refused, and the old file stays whole.
import {execFileSync, spawnSync} from 'node:child_process';
import {mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {layers, load, optimizers, type Sequential, sequential} from '../../lib/index.ts';
import {repeats, runChild} from '../support/child.ts';
import {skipFor} from '../support/skip.ts';
import {forgeHeader, type Table} from './forge.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'chainrule-files-'));
const file = path.join(folder, 'model.chainrule');
afterAll(() => rmSync(folder, {recursive: true, force: true}));

const x = {data: Float32Array.from({length: 160}, (_, i) => ((i * 5) % 13) / 13), shape: [40, 4]};
const y = Uint8Array.from({length: 40}, (_, i) => i % 3);

function build(): Sequential {
  const model = sequential(
    [
      layers.dense({units: 8, activation: 'tanh', inputShape: [4]}),
      layers.dropout({rate: 0.2}),
      layers.dense({units: 3, activation: 'softmax'}),
    ],
    {seed: 11},
  );
  const optimizer = optimizers.adam({learningRate: 0.01});
  model.compile({optimizer, loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy']});
  return model;
}

let whole: Buffer;
beforeAll(async () => {
  const model = build();
  await model.fit(x, y, {epochs: 3, batchSize: 16, seed: 2, verbose: 0});
  await model.save(file);
  whole = readFileSync(file);
});

/** Loads these bytes; the error's message, or undefined where they were taken for a model. */
async function refusal(bytes: Uint8Array): Promise<string | undefined> {
  const damaged = path.join(folder, 'damaged.chainrule');
  writeFileSync(damaged, bytes);
  try {
    await load(damaged);
    return undefined;
  } catch (error) {
    expect((error as {code?: string}).code, String(error)).toBe('ERR_FILE');
    return (error as Error).message;
  }
}

describe('a saved model', () => {
  it('predicts the same, bit for bit, and is a safetensors file', async () => {
    const model = build();
    await model.fit(x, y, {epochs: 2, batchSize: 16, seed: 2, verbose: 0});
    const target = path.join(folder, 'same.chainrule');
    await model.save(target);
    const again = await load(target);
    expect((await again.predict(x)).data).toEqual((await model.predict(x)).data);
    const bytes = readFileSync(target);
    const header = JSON.parse(bytes.toString('utf8', 8, 8 + Number(bytes.readBigUInt64LE())));
    const {shape, dtype, data_offsets: offsets} = header['dense/kernel'];
    expect({shape, dtype}).toEqual({shape: [4, 8], dtype: 'F32'});
    expect(offsets[1] - offsets[0]).toBe(4 * 8 * 4);
  });

  it('trains on as if it had never been away', async () => {
    const more = {epochs: 2, batchSize: 16, seed: 5, verbose: 0} as const;
    const model = build();
    await model.fit(x, y, more);
    const target = path.join(folder, 'resumed.chainrule');
    await model.save(target);
    const again = await load(target);
    const [one, other] = [await model.fit(x, y, more), await again.fit(x, y, more)];
    expect(other.history).toEqual(one.history);
    expect(again.getWeights()).toEqual(model.getWeights());
    expect(again.iterations).toBe(model.iterations);
  });

  it('may leave its optimizer out', async () => {
    const target = path.join(folder, 'bare.chainrule');
    await build().save(target, {includeOptimizer: false});
    const again = await load(target);
    await expect(again.fit(x, y)).rejects.toMatchObject({code: 'ERR_NOT_COMPILED'});
  });
});

describe('a damaged file is refused', () => {
  it('truncated anywhere', async () => {
    const lengths = [0, 1, 7, 8, 9, 100, whole.length - 1, whole.length - 4];
    for (let length = 200; length < whole.length; length += 97) lengths.push(length);
    for (const length of lengths) {
      expect(await refusal(whole.subarray(0, length)), `${length} bytes`).toBeDefined();
    }
    expect(await refusal(Buffer.concat([whole, Buffer.alloc(4)]))).toMatch(/too long/);
  });

  it('with any single bit flipped', async () => {
    const bits = whole.length * 8;
    const count = repeats(4000, 400);
    for (let repeat = 0; repeat < count; repeat++) {
      const bit = Math.floor((repeat + (repeat % 7) / 7) * (bits / (count + 1)));
      const damaged = Buffer.from(whole);
      damaged[bit >> 3] = (damaged[bit >> 3] as number) ^ (1 << (bit & 7));
      expect(await refusal(damaged), `bit ${bit}`).toBeDefined();
    }
  });

  it('of another kind', async () => {
    expect(await refusal(Buffer.from('{"format": "layers-model"}'))).toBeDefined();
    expect(await refusal(Buffer.alloc(4096, 0xff))).toBeDefined();
    await expect(load(path.join(folder, 'missing'))).rejects.toMatchObject({code: 'ERR_FILE'});
    await expect(load(folder)).rejects.toMatchObject({code: 'ERR_FILE'});
  });
});

/** What only an attacker would write. */
const forge = (change: (table: Table, text: string) => string | undefined) => forgeHeader(whole, change);

type Entry = {shape: number[]; data_offsets: number[]; dtype: string};
const kernelOf = (table: Table) => table['dense/kernel'] as Entry;
const edit = (change: (table: Table) => void) => () =>
  forge(table => {
    change(table);
    return undefined;
  });

/** Changes what the metadata says of the model. */
const editTopology = (change: (topology: {layers: Record<string, unknown>[]}) => void) =>
  edit(({__metadata__: metadata}) => {
    const topology = JSON.parse(metadata.topology as string);
    change(topology);
    metadata.topology = JSON.stringify(topology);
  });

describe('a hostile file is refused', () => {
  const cases: readonly (readonly [string, () => Buffer])[] = [
    [
      'a header longer than the file',
      () => {
        const copy = Buffer.from(whole);
        copy.writeBigUInt64LE(2n ** 62n, 0);
        return copy;
      },
    ],
    ['offsets that overlap', edit(table => kernelOf(table).data_offsets.splice(0, 2, 4, 132))],
    [
      'offsets outside of the file',
      edit(table => kernelOf(table).data_offsets.splice(0, 2, 2 ** 40, 2 ** 40 + 128)),
    ],
    ['negative offsets', edit(table => kernelOf(table).data_offsets.splice(0, 2, -128, 0))],
    ['a shape whose size overflows', edit(table => kernelOf(table).shape.splice(0, 2, 4194305, 2 ** 42))],
    ['a shape bomb', edit(table => kernelOf(table).shape.splice(0, 2, 1e9, 1e9))],
    ['a fractional shape', edit(table => kernelOf(table).shape.splice(0, 2, 0.5, 64))],
    ['another dtype', edit(table => Object.assign(kernelOf(table), {dtype: 'F64'}))],
    ['a tensor that the model lacks', edit(table => Object.assign(table, {'dense/other': kernelOf(table)}))],
    [
      'an unknown layer',
      editTopology(({layers: [first]}) => Object.assign(first as object, {kind: 'lambda'})),
    ],
    [
      'a layer named constructor',
      editTopology(({layers: [first]}) => Object.assign(first as object, {kind: 'constructor'})),
    ],
    [
      'a layer with code',
      editTopology(({layers: [first]}) => Object.assign(first as object, {code: 'process.exit()'})),
    ],
    ['vast layers', editTopology(({layers: [first]}) => Object.assign(first as object, {units: 1e9}))],
    ['no layers', editTopology(topology => Object.assign(topology, {layers: 7}))],
    [
      'a key that stands twice',
      () => forge((_, text) => text.replace('"dense/bias":', '"dense/kernel":{},"dense/bias":')),
    ],
    ['the key __proto__', () => forge((_, text) => `${text.slice(0, -1)},"__proto__":{"polluted":1}}`)],
    [
      'deep nesting',
      () => forge((_, text) => `${text.slice(0, -1)},"deep":${'['.repeat(1e5)}${']'.repeat(1e5)}}`),
    ],
  ];
  it.each(cases)('%s', async (_, make) => {
    const memory = process.memoryUsage().rss;
    expect(await refusal(make())).toBeDefined();
    expect(process.memoryUsage().rss - memory).toBeLessThan(256 * 2 ** 20);
    expect(({} as {polluted?: number}).polluted).toBeUndefined();
  });

  it('and an honest forgery is read: the signing above is right', async () => {
    expect(await refusal(forge(() => undefined))).toBeUndefined();
  });
});

describe('the old file stays whole', () => {
  it('where the folder is missing or is a file', async () => {
    const nowhere = path.join(folder, 'nowhere', 'model.chainrule');
    await expect(build().save(nowhere)).rejects.toMatchObject({code: 'ERR_FILE'});
    await expect(build().save(path.join(file, 'below.chainrule'))).rejects.toMatchObject({code: 'ERR_FILE'});
    expect(readFileSync(file)).toEqual(whole);
  });

  const disk = path.join(folder, 'disk');
  mkdirSync(disk);
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', disk]).status === 0;
  if (mounted) afterAll(() => void execFileSync('umount', [disk]));

  it('on a full and on a read-only disk', async context => {
    skipFor(mounted ? undefined : 'a small disk cannot be mounted here (that takes root)', context);
    const target = path.join(disk, 'model.chainrule');
    writeFileSync(target, whole);
    writeFileSync(path.join(disk, 'filler'), Buffer.alloc(64 * 1024 - whole.length - 8192));
    const large = sequential([layers.dense({units: 64, inputShape: [256]})]);
    await expect(large.save(target)).rejects.toMatchObject({
      code: 'ERR_FILE',
      message: expect.stringMatching(/ENOSPC/),
    });
    expect(readFileSync(target)).toEqual(whole);
    expect(readdirSync(disk).sort()).toEqual(['filler', 'model.chainrule']);
    execFileSync('mount', ['-o', 'remount,ro', disk]);
    await expect(build().save(target)).rejects.toMatchObject({
      code: 'ERR_FILE',
      message: expect.stringMatching(/EROFS/),
    });
    expect(readFileSync(target)).toEqual(whole);
  });

  it('when the process is killed while it saves', {timeout: 300_000}, async () => {
    const target = path.join(folder, 'killed.chainrule');
    writeFileSync(target, whole);
    for (let repeat = 0; repeat < repeats(200, 6); repeat++) {
      const result = await runChild(
        `const model = await chainrule.load(${JSON.stringify(target)});
        console.log('saving');
        for (;;) await model.save(${JSON.stringify(target)});`,
        {onOutput: (_, kill) => setTimeout(() => kill('SIGKILL'), (repeat * 7) % 23)},
      );
      expect(result.signal, result.stderr).toBe('SIGKILL');
      await load(target);
    }
  });
});
