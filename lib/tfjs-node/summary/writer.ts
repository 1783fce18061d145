// tf.node.summaryFileWriter: numbers over steps, in files that TensorBoard reads.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type {Scalar} from '@tensorflow/tfjs';
import {checkNumber, fail} from '../../core/errors.ts';
import {show} from '../../core/kinds.ts';
import {scalarEvent, versionEvent} from './event.ts';
import {record} from './record.ts';

interface WriterOptions {
  readonly maxQueue: number;
  readonly flushMillis: number;
  readonly filenameSuffix: string;
}

const secondsNow = (): number => Date.now() / 1000;

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
    if (typeof name !== 'string') fail('ERR_OPTION', `${who}: name: expected text. Received ${show(name)}.`);
    checkNumber(`${who}: step`, step, {integer: true});
    const number = typeof value === 'number' ? value : (value.dataSync()[0] as number);
    this.#queue.push(record(scalarEvent(secondsNow(), step, name, number)));
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
 * Writes numbers over steps for TensorBoard, into a file of a folder, which is made where there is none. For
 * each folder there is one writer, which the first call makes.
 *
 * @param maxQueue how many numbers may wait to be written; 10 by default.
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
