// CSV files as records by column name. The package csv-parse splits the text; the options are those of
// tf.data.csv in TensorFlow.js.
import {createReadStream} from 'node:fs';
import {pipeline} from 'node:stream';
import {ChainruleError, checkOptions, fail, unknownName} from '../core/errors.ts';
import {isError} from '../core/kinds.ts';
import {toPath} from '../core/path.ts';

export type CsvValue = number | string | undefined;

export interface ColumnConfig {
  /**
   * `string` leaves the text as it is; `bool` turns true into 1 and false into 0. By default, text that is a
   * number becomes one.
   */
  readonly dtype?: 'float32' | 'int32' | 'bool' | 'string';
  /** The value where the file has none; undefined by default. */
  readonly default?: number | string;
  /** True: a line without a value is an error. */
  readonly required?: boolean;
  /** The column belongs to `ys`. */
  readonly isLabel?: boolean;
}

export interface CsvOptions {
  /** The first line holds the names of columns. True by default. */
  readonly hasHeader?: boolean;
  /** Names of the columns, instead of those in the header. */
  readonly columnNames?: readonly string[];
  readonly columnConfigs?: Readonly<Record<string, ColumnConfig>>;
  /** Whether to leave out columns that `columnConfigs` does not name. */
  readonly configuredColumnsOnly?: boolean;
  /** What separates two values; a comma by default. */
  readonly delimiter?: string;
}

type ValueOf<Config> =
  | (Config extends {dtype: 'string'} ? string : Config extends {dtype: string} ? number : CsvValue)
  | (Config extends {required: true} | {default: number | string} ? never : undefined);

type Named<Configs, Labels extends boolean> = {
  [Name in keyof Configs as (Configs[Name] extends {isLabel: true} ? true : false) extends Labels
    ? Name
    : never]: ValueOf<Configs[Name]>;
} & {readonly [name: string]: CsvValue};

/** The record of a line, by the options that the file is read with. */
export type CsvRow<Options> = Options extends {columnConfigs: infer Configs}
  ? true extends {
      [Name in keyof Configs]: Configs[Name] extends {isLabel: true} ? true : never;
    }[keyof Configs]
    ? {readonly xs: Named<Configs, false>; readonly ys: Named<Configs, true>}
    : Named<Configs, false>
  : {readonly [name: string]: CsvValue};

const where = 'Dataset.fromCsv';
const dtypes = ['float32', 'int32', 'bool', 'string'];
const bools: Readonly<Record<string, number>> = {true: 1, '1': 1, false: 0, '0': 0};

function checkCsv(options: CsvOptions): void {
  checkOptions(where, options, [
    'hasHeader',
    'columnNames',
    'columnConfigs',
    'configuredColumnsOnly',
    'delimiter',
  ]);
  const {hasHeader = true, columnNames, columnConfigs = {}, delimiter = ','} = options;
  if (!hasHeader && columnNames === undefined) {
    fail('ERR_OPTION', `${where}: columnNames are needed where the file has no header.`);
  }
  const names = columnNames ?? [];
  if (!Array.isArray(names) || names.some(name => typeof name !== 'string')) {
    fail('ERR_OPTION', `${where}: columnNames: expected an array of names. Received ${String(columnNames)}.`);
  }
  if (typeof delimiter !== 'string' || delimiter === '') {
    fail('ERR_OPTION', `${where}: delimiter: expected text such as ",". Received ${String(delimiter)}.`);
  }
  checkOptions(`${where}: columnConfigs`, columnConfigs, Object.keys(columnConfigs));
  for (const [name, config] of Object.entries(columnConfigs)) {
    checkOptions(`${where}: columnConfigs: ${name}`, config, ['dtype', 'default', 'required', 'isLabel']);
    if (config?.dtype !== undefined && !dtypes.includes(config.dtype)) {
      unknownName(`dtype of the column ${name}`, config.dtype, dtypes);
    }
  }
}

/** The value that a text stands for. @throws ERR_FILE */
function parseValue(text: string, config: ColumnConfig, place: () => string): CsvValue {
  if (text === '') {
    if (config.default !== undefined) return config.default;
    if (config.required) fail('ERR_FILE', `${place()} is empty, but required.`);
    return undefined;
  }
  const {dtype} = config;
  if (dtype === 'string') return text;
  const refuse = (wanted: string): never =>
    fail('ERR_FILE', `${place()}: expected ${wanted}. Received ${JSON.stringify(text)}.`);
  if (dtype === 'bool') return bools[text.toLowerCase()] ?? refuse('true, false, 1 or 0');
  const number = Number(text);
  if (dtype === 'int32') return number === (number | 0) ? number : refuse('an integer');
  if (!Number.isNaN(number) && text.trim() !== '') return number;
  return dtype === 'float32' ? refuse('a number') : text;
}

interface Column {
  readonly name: string;
  readonly at: number;
  readonly config: ColumnConfig;
}

function columnsOf(names: readonly string[], options: CsvOptions): Column[] {
  const {columnConfigs = {}, configuredColumnsOnly = false} = options;
  const configured = Object.keys(columnConfigs);
  for (const name of configured) if (!names.includes(name)) unknownName('column of the file', name, names);
  return names
    .map((name, at) => ({name, at, config: columnConfigs[name] ?? {}}))
    .filter(({name}) => !configuredColumnsOnly || configured.includes(name));
}

function rowFrom(
  texts: readonly string[],
  columns: readonly Column[],
  place: (name: string) => string,
): unknown {
  const pick = (some: readonly Column[]): Record<string, CsvValue> =>
    Object.fromEntries(
      some.map(({name, at, config}) => [name, parseValue(texts[at] as string, config, () => place(name))]),
    );
  const labels = columns.filter(({config}) => config.isLabel);
  if (labels.length === 0) return pick(columns);
  return {xs: pick(columns.filter(({config}) => !config.isLabel)), ys: pick(labels)};
}

interface Line {
  readonly record: string[];
  readonly info: {readonly lines: number};
}

/** Checks the options. Each pass over the elements then opens the file. */
export function readCsv(given: string | URL, options: CsvOptions): () => AsyncGenerator<unknown> {
  const file = toPath(where, given);
  checkCsv(options);
  const {hasHeader = true, columnNames, delimiter = ','} = options;
  return async function* () {
    // The package is loaded only if a CSV file is read.
    const {parse} = await import('csv-parse');
    const parser = parse({delimiter, bom: true, info: true, skip_empty_lines: true});
    // The loop below throws the errors of the stream.
    const lines: AsyncIterable<Line> = pipeline(createReadStream(file), parser, () => {});
    let columns: readonly Column[] | undefined;
    let header = hasHeader;
    try {
      for await (const {record, info} of lines) {
        if (!columns) {
          const names = columnNames ?? record;
          if (names.length !== record.length) {
            const has = `the file has ${record.length} columns`;
            fail('ERR_FILE', `${where}: ${has}, columnNames ${names.length}.`);
          }
          columns = columnsOf(names, options);
        }
        if (header) header = false;
        else yield rowFrom(record, columns, name => `${where}: ${file}, line ${info.lines}, column ${name}`);
      }
    } catch (cause) {
      if (cause instanceof ChainruleError) throw cause;
      const what = isError(cause) ? cause.message : String(cause);
      throw new ChainruleError('ERR_FILE', `${where}: ${file}: ${what}`, {cause});
    }
  };
}
