// What `fit` shows and writes: the progress bar, and files that TensorBoard reads.
import {execFileSync} from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {afterAll, beforeAll, beforeEach, describe, expect, test} from 'vitest';
import * as tf from '../../lib/tfjs-node/index.ts';
import {output, shortNumber} from '../../lib/tfjs-node/progress-bar.ts';
import {crc32c} from '../../lib/tfjs-node/summary/record.ts';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'chainrule-summary-'));
beforeAll(() => tf.setBackend('chainrule'));
afterAll(() => fs.rmSync(folder, {recursive: true}));

function compiled(): tf.Sequential {
  const model = tf.sequential();
  model.add(tf.layers.dense({units: 1, inputShape: [2]}));
  model.compile({optimizer: 'sgd', loss: 'meanSquaredError', metrics: ['MAE']});
  return model;
}

const rows = 20;
const data = () =>
  [tf.randomNormal([rows, 2], 0, 1, 'float32', 1), tf.randomNormal([rows, 1], 0, 1, 'float32', 2)] as const;

describe('the progress bar', () => {
  let [lines, drawn]: [string[], string] = [[], ''];
  const own = {...output};
  beforeEach(() => {
    [lines, drawn] = [[], ''];
    output.log = text => lines.push(text);
  });
  afterAll(() => Object.assign(output, own));
  const show = (isTTY: boolean): void => {
    output.stream = {isTTY, columns: 80, write: text => (drawn += text)};
  };

  test('has lines for each epoch, and a bar on a terminal', async () => {
    show(true);
    const [x, y] = data();
    await compiled().fit(x, y, {epochs: 2, batchSize: 5, validationSplit: 0.2});
    expect(lines).toHaveLength(4);
    expect([lines[0], lines[2]]).toEqual(['Epoch 1 / 2', 'Epoch 2 / 2']);
    expect(lines[1]).toMatch(
      /^\d+ms \d+us\/step - MAE=\d+\.\d+ loss=\d+\.\d+ val_MAE=\d+\.\d+ val_loss=\d+\.\d+$/,
    );
    expect(drawn).toMatch(/eta=\d+\.\d [=>-]{40} MAE=[\d.]+ loss=[\d.]+/);
    expect(drawn.endsWith('\r\x1b[K')).toBe(true);
  });

  test('has no bar in a file', async () => {
    show(false);
    const [x, y] = data();
    await compiled().fit(x, y, {epochs: 1});
    expect(lines).toHaveLength(2);
    expect(drawn).toBe('');
  });

  test('is silent where it is told so', async () => {
    show(true);
    const [x, y] = data();
    await compiled().fit(x, y, {epochs: 1, verbose: 0});
    expect([lines, drawn]).toEqual([[], '']);
  });

  test('counts steps of data sets of any length', async () => {
    show(true);
    const batches = tf.data.generator(function* () {
      for (let batch = 0; batch < 3; batch++) yield {xs: tf.ones([4, 2]), ys: tf.ones([4, 1])};
    } as never);
    await compiled().fitDataset(batches as never, {epochs: 1});
    expect(lines[1]).toMatch(/^\d+ms \d+us\/step - MAE=/);
    expect(drawn).toBe('');
    await compiled().fitDataset(batches as never, {epochs: 1, batchesPerEpoch: 3});
    expect(drawn).toContain('eta=');
  });

  test.each([
    [0, '0.00'],
    [1.23456, '1.23'],
    [-12.3456, '-12.35'],
    [0.123456, '0.123'],
    [0.0123456, '0.0123'],
    [0.00123456, '1.23e-3'],
    [Number.NaN, 'NaN'],
  ])('writes %f as %s', (value, text) => {
    expect(shortNumber(value)).toBe(text);
  });
});

test.each([
  // Of RFC 3720, appendix B.4.
  [new Uint8Array(32), 0x8a9136aa],
  [new Uint8Array(32).fill(0xff), 0x62a8ab43],
  [Uint8Array.from({length: 32}, (_, at) => at), 0x46dd794e],
])('checksums are those of the standard %#', (bytes, sum) => {
  expect(crc32c(bytes)).toBe(sum);
});

interface Scalar {
  readonly tag: string;
  readonly step: number;
  readonly value: number;
}

/** Fields of a message: numbers of 64 or 32 bits, varints, or bytes. */
function fieldsOf(bytes: Buffer): Map<number, number | Buffer> {
  const fields = new Map<number, number | Buffer>();
  let at = 0;
  const varint = (): number => {
    for (let [value, factor] = [0, 1]; ; factor *= 128) {
      const byte = bytes[at++] as number;
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const key = varint();
    const type = key & 7;
    const size = type === 1 ? 8 : type === 5 ? 4 : type === 2 ? varint() : 0;
    const own = bytes.subarray(at, at + size);
    const value =
      type === 0 ? varint() : type === 1 ? own.readDoubleLE() : type === 5 ? own.readFloatLE() : own;
    fields.set(key >> 3, value);
    at += size;
  }
  return fields;
}

/** As TensorFlow's readers do: lengths and data are checked by their sums. */
function eventsIn(file: string): Buffer[] {
  const all = fs.readFileSync(file);
  const events: Buffer[] = [];
  const unmasked = (place: number): number => {
    const sum = (all.readUInt32LE(place) - 0xa282ead8) >>> 0;
    return ((sum >>> 17) | (sum << 15)) >>> 0;
  };
  for (let at = 0; at < all.length; ) {
    const length = Number(all.readBigUInt64LE(at));
    expect(unmasked(at + 8)).toBe(crc32c(all.subarray(at, at + 8)));
    const event = all.subarray(at + 12, at + 12 + length);
    expect(unmasked(at + 12 + length)).toBe(crc32c(event));
    events.push(event);
    at += 16 + length;
  }
  return events;
}

function filesIn(run: string): string[] {
  return fs.readdirSync(run).map(name => path.join(run, name));
}

function scalarsIn(run: string): Scalar[] {
  const [file, ...others] = filesIn(run);
  expect(others).toEqual([]);
  expect(path.basename(file as string)).toMatch(/^events\.out\.tfevents\.\d{10}\..*\.v2$/);
  const [first, ...rest] = eventsIn(file as string).map(fieldsOf);
  expect(String(first?.get(3))).toBe('brain.Event:2');
  return rest.map(fields => {
    const value = fieldsOf(fieldsOf(fields.get(5) as Buffer).get(1) as Buffer);
    const seconds = fields.get(1) as number;
    expect(Math.abs(seconds - Date.now() / 1000)).toBeLessThan(600);
    return {tag: String(value.get(1)), step: fields.get(2) as number, value: value.get(2) as number};
  });
}

const reader = `
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
events = EventAccumulator(sys.argv[1]).Reload()
print(json.dumps([{'tag': tag, 'step': event.step, 'value': event.value}
    for tag in events.Tags()['scalars'] for event in events.Scalars(tag)]))
`;

/** What TensorBoard itself reads; undefined where Python has no tensorboard. */
function asTensorBoard(run: string): Scalar[] | undefined {
  const python = process.env.PYTHON ?? 'python3';
  try {
    execFileSync(python, ['-c', 'import tensorboard'], {stdio: 'ignore'});
  } catch {
    return undefined;
  }
  return JSON.parse(execFileSync(python, ['-c', reader, run], {encoding: 'utf8'})) as Scalar[];
}

/** By our reading of the format and, where it is installed, by TensorBoard's own. */
function readBack(run: string): Scalar[] {
  const own = scalarsIn(run);
  const byTag = [...own].sort((a, b) => a.tag.localeCompare(b.tag));
  const theirs = asTensorBoard(run)?.sort((a, b) => a.tag.localeCompare(b.tag));
  expect(byTag).toEqual(theirs ?? byTag);
  return own;
}

describe('summaryFileWriter', () => {
  test('writes numbers that TensorBoard reads', () => {
    const run = path.join(folder, 'deep/scalars');
    const writer = tf.node.summaryFileWriter(run);
    expect(tf.node.summaryFileWriter(`${run}/`)).toBe(writer);
    const big = 2 ** 40;
    for (let step = 0; step < 5; step++) writer.scalar('sine of √2', Math.sin(step), step);
    writer.scalar('tensor', tf.scalar(0.5), big);
    writer.flush();
    const wanted = [0, 1, 2, 3, 4].map(step => {
      return {tag: 'sine of √2', step, value: Math.fround(Math.sin(step))};
    });
    expect(readBack(run)).toEqual([...wanted, {tag: 'tensor', step: big, value: 0.5}]);
  });

  test('writes when enough is waiting, or when it has waited long', () => {
    const [few, old] = [path.join(folder, 'few'), path.join(folder, 'old')];
    const writer = tf.node.summaryFileWriter(few, 2, 120_000, '.v2');
    writer.scalar('x', 1, 1);
    writer.scalar('x', 2, 2);
    expect(scalarsIn(few)).toEqual([]);
    writer.scalar('x', 3, 3);
    expect(scalarsIn(few)).toHaveLength(3);
    tf.node.summaryFileWriter(old, 100, 0).scalar('x', 1, 1);
    expect(scalarsIn(old)).toHaveLength(1);
  });

  test.each([
    [() => tf.node.summaryFileWriter(''), /logdir: expected a path/],
    [() => tf.node.summaryFileWriter(undefined as never), /logdir: expected a path/],
    [
      () => tf.node.summaryFileWriter(path.join(folder, 'a')).scalar('x', 1, 0.5),
      /step: expected an integer/,
    ],
    [() => tf.node.summaryFileWriter(path.join(folder, 'a')).scalar('x', 1, 1, 'why'), /description/],
  ])('refuses the rest %#', (use, message) => {
    expect(use).toThrow(message);
  });
});

describe('tensorBoard', () => {
  test.each(['epoch', 'batch'] as const)('writes losses and metrics of each %s', async updateFreq => {
    const logs = path.join(folder, updateFreq);
    const [x, y] = data();
    const {history} = await compiled().fit(x, y, {
      ...{epochs: 2, batchSize: 8, validationSplit: 0.2, verbose: 0},
      callbacks: tf.node.tensorBoard(logs, updateFreq === 'batch' ? {updateFreq} : undefined),
    });
    const epochs = (name: string, key: string) =>
      (history[key] as number[]).map((value, epoch) => ({
        tag: name,
        step: epoch + 1,
        value: Math.fround(value),
      }));
    const trained = readBack(path.join(logs, 'train'));
    const byTag = (tag: string) => trained.filter(scalar => scalar.tag === tag);
    expect(byTag('epoch_loss')).toEqual(epochs('epoch_loss', 'loss'));
    expect(byTag('epoch_MAE')).toEqual(epochs('epoch_MAE', 'MAE'));
    expect(byTag('batch_loss').map(({step}) => step)).toEqual(updateFreq === 'batch' ? [1, 2, 3, 4] : []);
    const validated = readBack(path.join(logs, 'val'));
    expect(validated.filter(({tag}) => tag === 'epoch_loss')).toEqual(epochs('epoch_loss', 'val_loss'));
    expect(validated).toHaveLength(4);
  });

  test('refuses another frequency', () => {
    expect(() => tf.node.tensorBoard('x', {updateFreq: 'hour' as 'batch'})).toThrow(/updateFreq/);
  });
});
