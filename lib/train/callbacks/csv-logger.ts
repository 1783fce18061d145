import {mkdir, open, stat, truncate} from 'node:fs/promises';
import path from 'node:path';
import {fail, requireOptions} from '../../core/errors.ts';
import {toPath} from '../../core/path.ts';
import {fileError} from '../../io/model-file.ts';
import type {Logs} from '../run/logs.ts';
import type {Callback, CallbackContext} from './callback.ts';

export interface CsvLoggerOptions {
  readonly filename: string | URL;
  /** Between the fields of a line, a comma by default. */
  readonly separator?: string;
  /** Add lines to the file that is there, whose columns stay. False by default: it is replaced. */
  readonly append?: boolean;
}

async function append(file: string, text: string, fresh: boolean): Promise<number> {
  try {
    await mkdir(path.dirname(file), {recursive: true});
    const handle = await open(file, fresh ? 'w' : 'a');
    try {
      await handle.write(text);
      return (await handle.stat()).size;
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw fileError('callbacks.csvLogger', file, error);
  }
}

async function firstLine(file: string): Promise<string | undefined> {
  const handle = await open(file, 'r').catch(() => undefined);
  if (!handle) return undefined;
  try {
    for await (const line of handle.readLines({autoClose: false})) return line;
    return undefined;
  } finally {
    await handle.close();
  }
}

/** All that an epoch may log: with validation after some epochs only, those columns from the first on. */
function columnsOf(logs: Logs, {validates}: CallbackContext): string[] {
  const names = Object.keys(logs);
  if (!validates || names.some(name => name.startsWith('val_'))) return ['epoch', ...names];
  const own = names.filter(name => name !== 'learningRate');
  return ['epoch', ...names, ...own.map(name => `val_${name}`)];
}

/**
 * Writes a line with the logs of each epoch to a file, the names of the columns first. A number that an epoch
 * does not have is left empty. A training that is continued goes on where its checkpoint was.
 *
 * @throws ERR_FILE from `fit` where the file cannot be written.
 */
export function csvLogger(options: CsvLoggerOptions): Callback {
  const where = 'callbacks.csvLogger';
  requireOptions(where, options, ['filename', 'separator', 'append']);
  const file = toPath(`${where}: filename`, options.filename);
  const {separator = ',', append: keep = false} = options;
  if (typeof separator !== 'string' || separator === '') {
    fail('ERR_OPTION', `${where}: separator: expected text. Received ${String(separator)}.`);
  }
  if (typeof keep !== 'boolean') {
    fail('ERR_OPTION', `${where}: append: expected true or false. Received ${String(keep)}.`);
  }
  let columns: string[] | undefined;
  let bytes = 0;
  return {
    adds: [],
    async onTrainBegin() {
      columns = keep ? (await firstLine(file))?.split(separator) : undefined;
      bytes = columns ? (await stat(file)).size : 0;
    },
    async onEpochEnd(epoch, logs, context) {
      const fresh = columns === undefined;
      columns ??= columnsOf(logs, context);
      const all: Logs = {epoch, ...logs};
      const line = `${columns.map(name => all[name] ?? '').join(separator)}\n`;
      bytes = await append(file, fresh ? `${columns.join(separator)}\n${line}` : line, fresh);
    },
    getState: () => ({values: {columns: columns ?? null, bytes}}),
    async setState({values}) {
      const saved = values as {columns: string[] | null; bytes: number};
      columns = saved.columns ?? undefined;
      bytes = saved.bytes;
      const there = await stat(file).catch(() => undefined);
      if (there && there.size > bytes) await truncate(file, bytes);
      if (!there || there.size < bytes) columns = undefined;
    },
  };
}
