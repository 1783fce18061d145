// Files that TensorBoard reads: numbers, histograms, and what a callback of `fit` writes.
import {execFileSync} from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import * as tf from '../../lib/tfjs-node/index.ts';
import {crc32c} from '../../lib/tfjs-node/summary/record.ts';
import {skipFor} from '../support/skip.ts';
import {type Histogram, type Scalar, scalarsIn, summariesIn} from './event-files.ts';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'chainrule-summary-'));
beforeAll(() => tf.setBackend('chainrule'));
afterAll(() => fs.rmSync(folder, {recursive: true}));

test.each([
  // Of RFC 3720, appendix B.4.
  [new Uint8Array(32), 0x8a9136aa],
  [new Uint8Array(32).fill(0xff), 0x62a8ab43],
  [Uint8Array.from({length: 32}, (_, at) => at), 0x46dd794e],
])('checksums are those of the standard %#', (bytes, sum) => {
  expect(crc32c(bytes)).toBe(sum);
});

describe('summaryFileWriter', () => {
  test('writes numbers', () => {
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
    expect(scalarsIn(run)).toEqual([...wanted, {tag: 'tensor', step: big, value: 0.5}]);
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

  const data = [-1, -0.5, 0, 0.25, 0.5, 0.5, 1, 3];
  test.each<[string, () => tf.Tensor, number | undefined, string[]]>([
    // The largest number is in the last bucket; each other edge belongs to the bucket on its right.
    ['numbers', () => tf.tensor2d(data, [4, 2]), 4, ['-1 0 2', '0 1 4', '1 2 1', '2 3 1']],
    ['one bucket', () => tf.tensor1d(data), 1, ['-1 3 8']],
    ['integers', () => tf.tensor1d([1, 1, 5], 'int32'), 2, ['1 3 2', '3 5 1']],
    ['bools', () => tf.tensor1d([true, false, true], 'bool'), 2, ['0 0.5 1', '0.5 1 2']],
    ['the same number', () => tf.fill([3, 2], 4), undefined, ['3.5 4.5 6']],
    ['a scalar', () => tf.scalar(-2), 7, ['-2.5 -1.5 1']],
    ['nothing', () => tf.zeros([0, 3]), undefined, []],
    ['what is not finite', () => tf.tensor1d([Number.NaN, 1, -Infinity, 2, Infinity]), 1, ['1 2 2']],
  ])('writes histograms of %s', (what, make, buckets, wanted) => {
    const run = path.join(folder, `histogram of ${what}`);
    const writer = tf.node.summaryFileWriter(run);
    writer.histogram('weights/größe', make(), 7, buckets, 'of **all** layers');
    writer.histogram('plain', make(), 2 ** 40, buckets);
    writer.flush();
    const about = {plugin: 'histograms', buckets: wanted.map(row => row.split(' ').map(Number))};
    expect(summariesIn(run)).toEqual({
      scalars: [],
      histograms: [
        {...about, tag: 'weights/größe', step: 7, description: 'of **all** layers'},
        {...about, tag: 'plain', step: 2 ** 40, description: ''},
      ],
    });
  });

  test('histograms have thirty buckets', () => {
    const run = path.join(folder, 'thirty');
    const writer = tf.node.summaryFileWriter(run);
    writer.histogram('x', tf.range(0, 61), 1);
    writer.flush();
    const {buckets = []} = summariesIn(run).histograms[0] ?? {};
    expect(buckets.map(([left, right]) => [left, right])).toEqual(
      Array.from({length: 30}, (_, place) => [2 * place, 2 * place + 2]),
    );
    expect(buckets.map(([, , count]) => count)).toEqual([...new Array(29).fill(2), 3]);
  });

  const writer = () => tf.node.summaryFileWriter(path.join(folder, 'a'));
  const x = () => tf.ones([2]);
  test.each([
    [() => tf.node.summaryFileWriter(''), /logdir: expected a path/],
    [() => tf.node.summaryFileWriter(undefined as never), /logdir: expected a path/],
    [() => writer().scalar('x', 1, 0.5), /scalar: step: expected an integer/],
    [() => writer().scalar('x', 1, 1, 'why'), /description/],
    [() => writer().histogram('x', x(), 0.5), /histogram: step: expected an integer/],
    [() => writer().histogram(1 as never, x(), 1), /histogram: name: expected text/],
    [() => writer().histogram('x', x(), 1, 0), /buckets: expected an integer >= 1/],
    [() => writer().histogram('x', x(), 1, 2, 3 as never), /description: expected text/],
    [() => writer().histogram('x', [1, 2] as never, 1), /data: expected a tensor of real numbers/],
    [() => writer().histogram('x', tf.tensor1d(['a']), 1), /data: .*Received "string"/],
    [() => writer().histogram('x', tf.complex([1], [1]), 1), /data: .*Received "complex64"/],
  ])('refuses the rest %#', (use, message) => {
    expect(use).toThrow(message);
  });
});

const rows = 20;

function compiled(): tf.Sequential {
  const model = tf.sequential();
  model.add(tf.layers.dense({units: 3, inputShape: [2]}));
  model.add(tf.layers.dense({units: 1}));
  model.compile({optimizer: 'sgd', loss: 'meanSquaredError', metrics: ['MAE']});
  return model;
}

/** Trains a model, and gives its history. */
function trained(model: tf.Sequential, callbacks: tf.CustomCallback, epochs: number): Promise<tf.History> {
  const x = tf.randomNormal([rows, 2], 0, 1, 'float32', 1);
  const y = tf.randomNormal([rows, 1], 0, 1, 'float32', 2);
  return model.fit(x, y, {epochs, batchSize: 8, validationSplit: 0.2, verbose: 0, callbacks});
}

describe('tensorBoard', () => {
  test.each(['epoch', 'batch'] as const)('writes losses and metrics of each %s', async updateFreq => {
    const logs = path.join(folder, updateFreq);
    const callback = tf.node.tensorBoard(logs, updateFreq === 'batch' ? {updateFreq} : undefined);
    const {history} = await trained(compiled(), callback, 2);
    const epochs = (name: string, key: string) =>
      (history[key] as number[]).map((value, epoch) => ({
        tag: name,
        step: epoch + 1,
        value: Math.fround(value),
      }));
    const {scalars, histograms} = summariesIn(path.join(logs, 'train'));
    const byTag = (tag: string) => scalars.filter(scalar => scalar.tag === tag);
    expect(byTag('epoch_loss')).toEqual(epochs('epoch_loss', 'loss'));
    expect(byTag('epoch_MAE')).toEqual(epochs('epoch_MAE', 'MAE'));
    expect(byTag('batch_loss').map(({step}) => step)).toEqual(updateFreq === 'batch' ? [1, 2, 3, 4] : []);
    expect(histograms).toEqual([]);
    const validated = scalarsIn(path.join(logs, 'val'));
    expect(validated.filter(({tag}) => tag === 'epoch_loss')).toEqual(epochs('epoch_loss', 'val_loss'));
    expect(validated).toHaveLength(4);
  });

  test('writes histograms of weights at each so-many-th epoch', async () => {
    const logs = path.join(folder, 'weights');
    const model = compiled();
    await trained(model, tf.node.tensorBoard(logs, {histogramFreq: 2}), 5);
    const {histograms} = summariesIn(path.join(logs, 'train'));
    const {weights} = model;
    expect(weights).toHaveLength(4);
    expect(histograms.map(({tag, step}) => [step, tag])).toEqual(
      [0, 2, 4].flatMap(epoch => weights.map(({name}) => [epoch, name])),
    );
    // Those of the last epoch are of the weights as they are now.
    for (const [index, {buckets}] of histograms.slice(-4).entries()) {
      const values = weights[index]?.read().dataSync() as Float32Array;
      const [left, right] = [buckets[0]?.[0] as number, buckets.at(-1)?.[1] as number];
      const around = values.length === 1 ? 0.5 : 0;
      expect([left, right]).toEqual([Math.min(...values) - around, Math.max(...values) + around]);
      expect(buckets.reduce((sum, [, , count = 0]) => sum + count, 0)).toBe(values.length);
    }
    expect(fs.readdirSync(logs).sort()).toEqual(['train', 'val']);
    expect(summariesIn(path.join(logs, 'val')).histograms).toEqual([]);
  });

  test.each([
    [{updateFreq: 'hour' as 'batch'}, /updateFreq/],
    [{histogramFreq: 0.5}, /histogramFreq: expected an integer >= 0/],
    [{histogramFreq: -1}, /histogramFreq: expected an integer >= 0/],
    [{histogramFrequency: 1} as object, /histogramFreq/],
  ])('refuses the rest %#', (args, message) => {
    expect(() => tf.node.tensorBoard('x', args)).toThrow(message);
  });
});

const python = process.env.PYTHON ?? 'python3';
const reader = `
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.histogram.summary_v2 import histogram_pb
from tensorboard.util.tensor_util import make_ndarray
events = EventAccumulator(sys.argv[1]).Reload()
scalars = [{'tag': tag, 'step': event.step, 'value': event.value}
    for tag in events.Tags()['scalars'] for event in events.Scalars(tag)]
histograms = [{'tag': tag, 'step': event.step, 'buckets': make_ndarray(event.tensor_proto).tolist(),
    'plugin': events.SummaryMetadata(tag).plugin_data.plugin_name,
    'description': events.SummaryMetadata(tag).summary_description}
    for tag in events.PluginTagToContent('histograms') for event in events.Tensors(tag)]
own = make_ndarray(histogram_pb('own', json.loads(sys.argv[2])).value[0].tensor).tolist()
print(json.dumps({'scalars': scalars, 'histograms': histograms, 'own': own}))
`;

/** Why TensorBoard cannot be asked. */
function whyNot(): string | undefined {
  try {
    execFileSync(python, ['-c', 'import tensorboard'], {stdio: 'ignore'});
    return undefined;
  } catch {
    return `${path.basename(python)} has no tensorboard (pip install tensorboard; PYTHON names another)`;
  }
}

interface Read {
  readonly scalars: readonly Scalar[];
  readonly histograms: readonly Histogram[];
  /** The buckets that TensorBoard itself makes of the same numbers. */
  readonly own: readonly (readonly number[])[];
}

test('TensorBoard itself reads what is written, and makes the same buckets', context => {
  skipFor(whyNot(), context);
  const run = path.join(folder, 'read');
  const writer = tf.node.summaryFileWriter(run);
  const values = tf.randomNormal([40, 5], 1, 3, 'float32', 5);
  for (let step = 0; step < 3; step++) writer.scalar('sine of √2', Math.sin(step), step);
  writer.scalar('late', tf.scalar(0.5), 2 ** 40);
  writer.histogram('values', values, 3, undefined, 'of **all**');
  writer.histogram('values', values.mul(2), 4);
  writer.histogram('nothing', tf.zeros([0]), 1);
  writer.flush();
  const given = JSON.stringify([...values.dataSync()]);
  const read = JSON.parse(execFileSync(python, ['-c', reader, run, given], {encoding: 'utf8'})) as Read;
  const {scalars, histograms} = summariesIn(run);
  expect(read.scalars).toEqual(scalars);
  // A description is that of the tag, which the first of its histograms gave.
  expect(read.histograms).toEqual(
    histograms.map(each => (each.tag === 'values' ? {...each, description: 'of **all**'} : each)),
  );
  const [first] = read.histograms;
  expect(first?.buckets.map(([, , count]) => count)).toEqual(read.own.map(([, , count]) => count));
  for (const [place, wanted] of read.own.entries()) {
    for (const edge of [0, 1]) expect(first?.buckets[place]?.[edge]).toBeCloseTo(wanted[edge] as number, 12);
  }
});
