// tf.node.summaryFileWriter: numbers and histograms over steps, in files that TensorBoard reads.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type {Scalar, Tensor} from '@tensorflow/tfjs';
import {checkNumber, fail} from '../../core/errors.ts';
import {show} from '../../core/kinds.ts';
import {histogramEvent, scalarEvent, versionEvent} from './event.ts';
import {bucketsOf} from './histogram.ts';
import {record} from './record.ts';

interface WriterOptions {
  readonly maxQueue: number;
  readonly flushMillis: number;
  readonly filenameSuffix: string;
}

const secondsNow = (): number => Date.now() / 1000;

function checkPlace(who: string, name: unknown, step: unknown): void {
  if (typeof name !== 'string') fail('ERR_OPTION', `${who}: name: expected text. Received ${show(name)}.`);
  checkNumber(`${who}: step`, step, {integer: true});
}

export class SummaryFileWriter {
  readonly #file: string;
  readonly #options: WriterOptions;
  #queue: Uint8Array[];
  #flushedAt = Date.now();

  /** @internal */
  constructor(folder: string, options: WriterOptions) {
    const now = secondsNow();
    const stamp = String(Math.floor(now)).padStart(10, '0');
    const name = `events.out.tfevents.${stamp}.${os.hostname()}${options.filenameSuffix}`;
    fs.mkdirSync(folder, {recursive: true});
    this.#file = path.join(folder, name);
    this.#options = options;
    this.#queue = [record(versionEvent(now))];
    this.flush();
  }

  /**
   * Writes a number.
   *
   * @param name what TensorBoard calls it.
   * @param step an integer that grows.
   * @throws ERR_OPTION
   */
  scalar(name: string, value: Scalar | number, step: number, description?: string): void {
    const who = 'summaryFileWriter: scalar';
    if (description !== undefined) fail('ERR_OPTION', `${who}: a description is not supported.`);
    checkPlace(who, name, step);
    const number = typeof value === 'number' ? value : (value.dataSync()[0] as number);
    this.#write(scalarEvent(secondsNow(), step, name, number));
  }

  /**
   * Writes how numbers are distributed. Those that are not finite are in no bucket.
   *
   * @param name what TensorBoard calls it.
   * @param data of any shape, of real numbers or bools.
   * @param step an integer that grows.
   * @param buckets how many ranges of one width, 30 by default; one where all numbers are the same.
   * @param description what TensorBoard says of it, in Markdown; nothing by default.
   * @throws ERR_OPTION; ERR_DTYPE
   */
  histogram(name: string, data: Tensor, step: number, buckets = 30, description?: string): void {
    const who = 'summaryFileWriter: histogram';
    checkPlace(who, name, step);
    checkNumber(`${who}: buckets`, buckets, {integer: true, min: 1});
    if (description !== undefined && typeof description !== 'string') {
      fail('ERR_OPTION', `${who}: description: expected text. Received ${show(description)}.`);
    }
    if (!['float32', 'int32', 'bool'].includes(data?.dtype)) {
      const received = show(data?.dtype ?? data);
      fail('ERR_DTYPE', `${who}: data: expected a tensor of real numbers or bools. Received ${received}.`);
    }
    const ranges = bucketsOf(data.dataSync(), buckets);
    this.#write(histogramEvent(secondsNow(), step, name, ranges, description));
  }

  #write(event: Uint8Array): void {
    this.#queue.push(record(event));
    const {maxQueue, flushMillis} = this.#options;
    if (this.#queue.length > maxQueue || Date.now() - this.#flushedAt >= flushMillis) this.flush();
  }

  /** Writes what is waiting to the file. */
  flush(): void {
    this.#flushedAt = Date.now();
    if (this.#queue.length === 0) return;
    fs.appendFileSync(this.#file, Buffer.concat(this.#queue));
    this.#queue = [];
  }
}

/** One for each folder: two in the same would be read as two runs that overwrite each other. */
const writers = new Map<string, SummaryFileWriter>();

/**
 * Writes numbers and histograms over steps for TensorBoard, into a file of a folder, which is made where
 * there is none. For each folder there is one writer, which the first call makes.
 *
 * @param maxQueue how many of them may wait to be written; 10 by default.
 * @param flushMillis how long they may; 120,000 by default.
 * @param filenameSuffix what the name of the file ends in.
 * @throws ERR_OPTION
 */
export function summaryFileWriter(
  logdir: string,
  maxQueue = 10,
  flushMillis = 120_000,
  filenameSuffix = '.v2',
): SummaryFileWriter {
  if (typeof logdir !== 'string' || logdir === '') {
    fail('ERR_OPTION', `tf.node.summaryFileWriter: logdir: expected a path. Received ${show(logdir)}.`);
  }
  checkNumber('tf.node.summaryFileWriter: maxQueue', maxQueue, {min: 0});
  checkNumber('tf.node.summaryFileWriter: flushMillis', flushMillis, {min: 0});
  const key = path.resolve(logdir);
  const known = writers.get(key);
  if (known) return known;
  const writer = new SummaryFileWriter(key, {maxQueue, flushMillis, filenameSuffix});
  if (writers.size === 0) process.on('exit', flushAll);
  writers.set(key, writer);
  return writer;
}

function flushAll(): void {
  for (const writer of writers.values()) writer.flush();
}
