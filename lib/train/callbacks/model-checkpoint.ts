import {mkdir, rm} from 'node:fs/promises';
import path from 'node:path';
import {checkNumber, fail, requireOptions} from '../../core/errors.ts';
import {toPath} from '../../core/path.ts';
import type {Logs} from '../run/logs.ts';
import type {Callback, CallbackContext} from './callback.ts';
import type {KnownLogs} from './known-logs.ts';
import {Monitor, type MonitorOptions, monitorOptions} from './monitor.ts';
import {checkSaveFreq, type SaveFreq, saving} from './saving.ts';

export interface ModelCheckpointOptions extends Omit<MonitorOptions, 'minDelta'> {
  /**
   * Path of the files, in which `{epoch}` (the first is 1), `{batch}` and names of the logs stand for their
   * values, in Python's notation: `models/{epoch:03d}-{val_loss:.4f}.chainrule`.
   */
  readonly filepath: string | URL;
  /** Save when `monitor` has become better than in all files before. False by default: always. */
  readonly saveBestOnly?: boolean;
  /** Keep the best so many files by `monitor` and remove the others. All by default. */
  readonly saveTopK?: number;
  /** What `monitor` must better for the first file of `saveBestOnly`. */
  readonly initialValueThreshold?: number;
  /** After each epoch (`epoch`, the default) or after every so many batches. */
  readonly saveFreq?: SaveFreq;
  /** Loss, metrics, optimizer and its moments go into the files too. True by default. */
  readonly includeOptimizer?: boolean;
}

const known = [
  'filepath',
  ...monitorOptions.filter(name => name !== 'minDelta'),
  'saveBestOnly',
  'saveTopK',
  'initialValueThreshold',
  'saveFreq',
  'includeOptimizer',
];

/** `{name}`, `{name:03d}`, `{name:.4f}` or `{name:.2e}`. */
const field = /\{([^{}:]+)(?::(0?)(\d*)(?:\.(\d+))?([dfe]))?\}/g;

/** The path of a file, its fields filled in. */
function fill(where: string, filepath: string, values: Logs): string {
  return filepath.replace(field, (_, name: string, zero, width, digits, type) => {
    const value = values[name];
    if (value === undefined) {
      const names = Object.keys(values).join(', ');
      return fail('ERR_OPTION', `${where}: filepath: there is no ${name} for {${name}}. There are ${names}.`);
    }
    const places = digits === undefined ? 6 : Number(digits);
    const text =
      type === 'f' ? value.toFixed(places) : type === 'e' ? value.toExponential(places) : String(value);
    return text.padStart(Number(width || 0), zero === '0' ? '0' : ' ');
  });
}

/** Refuses what would stand in a file's name as it is: `{loss:.2g}`. */
function checkTemplate(where: string, filepath: string): void {
  const rest = filepath.replace(field, '');
  const [wrong] = /\{[^}]*\}?|\}/.exec(rest) ?? [];
  if (wrong === undefined) return;
  const forms = '{epoch}, {epoch:03d}, {val_loss:.4f} or {val_loss:.2e}';
  fail('ERR_OPTION', `${where}: filepath: ${wrong} is no field; expected e.g. ${forms}.`);
}

/** Refuses names of numbers that a file's name cannot get. `watched`: files only where there is such a number. */
function checkFields(
  where: string,
  filepath: string,
  known: KnownLogs,
  {when, watched}: {when: 'epoch' | 'batch'; watched: string | undefined},
): void {
  const names = [...known[when], 'epoch', 'batch'];
  for (const [, name = ''] of filepath.matchAll(field)) {
    if (!names.includes(name) && !known.open) {
      const text = `there will be no ${name} for {${name}}. There are ${names.join(', ')}`;
      fail('ERR_OPTION', `${where}: filepath: ${text}.`);
    }
    const missesSome = when === 'epoch' && known.validated === 'some' && name.startsWith('val_');
    if (missesSome && !watched?.startsWith('val_')) {
      const text = `{${name}} is there after some epochs only, by validationFreq`;
      fail(
        'ERR_OPTION',
        `${where}: filepath: ${text}; watch a val_… with saveBestOnly, or validate each epoch.`,
      );
    }
  }
}

function checkFlag(what: string, value: unknown): void {
  if (typeof value !== 'boolean') {
    fail('ERR_OPTION', `${what}: expected true or false. Received ${String(value)}.`);
  }
}

interface Kept {
  readonly file: string;
  readonly value: number;
}

/** Writes model files, as `model.save` does, that `load` reads. */
export function modelCheckpoint(options: ModelCheckpointOptions): Callback {
  const where = 'callbacks.modelCheckpoint';
  requireOptions(where, options, known);
  const filepath = toPath(`${where}: filepath`, options.filepath);
  checkTemplate(where, filepath);
  const {saveBestOnly = false, saveTopK, initialValueThreshold, includeOptimizer = true} = options;
  const monitor = new Monitor(where, options);
  const saveFreq = checkSaveFreq(where, options.saveFreq ?? 'epoch');
  checkFlag(`${where}: saveBestOnly`, saveBestOnly);
  checkFlag(`${where}: includeOptimizer`, includeOptimizer);
  if (initialValueThreshold !== undefined)
    checkNumber(`${where}: initialValueThreshold`, initialValueThreshold, {});
  if (saveTopK !== undefined) {
    checkNumber(`${where}: saveTopK`, saveTopK, {integer: true, min: 1});
    if (saveTopK > 1 && filepath.search(field) < 0) {
      fail('ERR_OPTION', `${where}: filepath: ${saveTopK} files need names, e.g. by {epoch}.`);
    }
  }
  const watches = saveBestOnly || saveTopK !== undefined;
  let best = initialValueThreshold ?? monitor.worst;
  let files: Kept[] = [];

  /** The value that decides, or undefined where this one is not to be saved. */
  function worth(logs: Logs, context: CallbackContext): number | undefined {
    const value = monitor.valueIn(logs, context);
    if (value === undefined || (saveBestOnly && !monitor.improves(value, best))) return undefined;
    // Worse than all that are kept: it would be removed at once.
    const last = files.length === saveTopK ? files.at(-1) : undefined;
    return last && !(monitor.compare(value, last.value) < 0) ? undefined : value;
  }

  async function save(logs: Logs, context: CallbackContext): Promise<void> {
    const value = watches ? worth(logs, context) : 0;
    if (value === undefined) return;
    const {model, epoch} = context;
    const numbers = {...logs, epoch: epoch + 1, batch: (logs.batch ?? context.batches - 1) + 1};
    const file = fill(where, filepath, numbers);
    await mkdir(path.dirname(file), {recursive: true});
    await model.save(file, {includeOptimizer});
    if (saveBestOnly) best = value;
    if (saveTopK === undefined) return;
    files = [...files.filter(kept => kept.file !== file), {file, value}];
    files.sort((a, b) => monitor.compare(a.value, b.value));
    for (const {file: old} of files.splice(saveTopK)) await rm(old, {force: true});
  }

  const when = saveFreq === 'epoch' ? 'epoch' : 'batch';
  return {
    checkLogs(known) {
      if (watches) monitor.check(known, when);
      checkFields(where, filepath, known, {when, watched: watches ? monitor.name : undefined});
    },
    onTrainBegin() {
      best = initialValueThreshold ?? monitor.worst;
      files = [];
    },
    ...saving(saveFreq, save),
    getState: () => ({values: {best, files: files.map(kept => ({...kept}))}}),
    setState({values}) {
      const saved = values as unknown as {best: number; files: Kept[]};
      best = saved.best;
      files = [...saved.files];
    },
  };
}
