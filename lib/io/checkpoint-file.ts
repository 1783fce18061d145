// Checkpoints of a training, each a file, and the folder that holds the last few of them.
import {mkdir, readdir, rm, rmdir} from 'node:fs/promises';
import path from 'node:path';
import {fail} from '../core/errors.ts';
import type {Json} from '../core/named.ts';
import {writeAtomically} from './atomic.ts';
import {fileError, parseText, readHeader, readTensor, stepOf} from './model-file.ts';
import {bytesOf, decodeHeader, encodeHeader, type FileTensor} from './safetensors.ts';
import {openFile} from './source.ts';

const format = 'chainrule-checkpoint';
const version = '1';

export interface CheckpointContents {
  readonly step: number;
  readonly state: Json;
  readonly tensors: readonly FileTensor[];
}

async function writeCheckpoint(file: string, {step, state, tensors}: CheckpointContents): Promise<void> {
  const metadata = {format, version, step: String(step), state: JSON.stringify(state)};
  const header = encodeHeader(tensors, metadata);
  await writeAtomically(file, [header, ...tensors.map(({data}) => bytesOf(data))]);
}

/** The whole file, every byte of it verified. */
async function readCheckpoint(file: string): Promise<CheckpointContents> {
  const handle = await openFile(file);
  try {
    const {header, fileBytes} = await readHeader(handle);
    const {metadata, entries} = decodeHeader(header, fileBytes);
    if (metadata.get('format') !== format) fail('ERR_FILE', 'it is no checkpoint of chainrule');
    if (metadata.get('version') !== version) {
      fail('ERR_FILE', `it has version ${metadata.get('version')}; this chainrule reads version ${version}`);
    }
    const tensors: FileTensor[] = [];
    for (const entry of entries) {
      const data = await readTensor(handle, entry, header.length);
      tensors.push({name: entry.name, shape: entry.shape, data});
    }
    const state = parseText(metadata, 'state');
    if (state === undefined) return fail('ERR_FILE', 'it says nothing of the training');
    return {step: stepOf(metadata), state, tensors};
  } finally {
    await handle.close();
  }
}

/** Checkpoints by their step, of which the last `keep` are kept. */
export class CheckpointFolder {
  readonly folder: string;
  readonly #keep: number;

  constructor(folder: string, keep: number) {
    this.folder = folder;
    this.#keep = keep;
  }

  /** Newest first. */
  async #files(): Promise<string[]> {
    const names = await readdir(this.folder).catch((): string[] => []);
    return names
      .filter(name => /^checkpoint-\d{10}\.chainrule$/.test(name))
      .sort()
      .reverse();
  }

  /** @throws ERR_FILE, without changing older checkpoints. */
  async write(contents: CheckpointContents): Promise<void> {
    const name = `checkpoint-${String(contents.step).padStart(10, '0')}.chainrule`;
    const file = path.join(this.folder, name);
    try {
      await mkdir(this.folder, {recursive: true});
      await writeCheckpoint(file, contents);
      for (const old of (await this.#files()).slice(this.#keep)) await rm(path.join(this.folder, old));
    } catch (error) {
      throw fileError('checkpoint', file, error);
    }
  }

  /**
   * The newest checkpoint that is not damaged, or undefined if there are none at all. Damaged files are
   * skipped with a process warning.
   *
   * @throws ERR_FILE if all are damaged.
   */
  async newest(): Promise<(CheckpointContents & {readonly file: string}) | undefined> {
    const files = (await this.#files()).map(name => path.join(this.folder, name));
    for (const file of files) {
      try {
        return {...(await readCheckpoint(file)), file};
      } catch (error) {
        const {message} = fileError('checkpoint', file, error);
        const then = file === files.at(-1) ? '' : ' Going on from the one before.';
        process.emitWarning(`${message}${then}`, {type: 'ChainruleWarning', code: 'CHAINRULE_CHECKPOINT'});
      }
    }
    if (files.length === 0) return undefined;
    const advice = 'none of its checkpoints can be read. Without the folder, training begins anew';
    throw fileError('checkpoint', this.folder, new Error(advice));
  }

  /** Removes incomplete files of a process that was killed. */
  async clean(): Promise<void> {
    const names = await readdir(this.folder).catch((): string[] => []);
    for (const name of names) {
      if (/^checkpoint-\d{10}\.chainrule\.tmp-/.test(name))
        await rm(path.join(this.folder, name), {force: true});
    }
  }

  /** Removes all checkpoints, and the folder if nothing else is in it. */
  async remove(): Promise<void> {
    for (const name of await this.#files()) await rm(path.join(this.folder, name), {force: true});
    await rmdir(this.folder).catch(() => undefined);
  }
}
