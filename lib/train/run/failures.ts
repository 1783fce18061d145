// Why a run ended before its last step, in the user's terms: rows of their arrays, classes, layers.
import {numbersOf} from '../../core/dtype.ts';
import {ChainruleError, fail} from '../../core/errors.ts';
import {formatShape, sizeOf} from '../../core/shape.ts';
import {rowsOfSteps, type ShortSteps} from '../../core/step-rows.ts';
import type {Rows} from '../../data/arrays.ts';
import {rowOutOfRange} from '../../ops/gather.ts';
import {describeIndex, indexOf} from '../../ops/indexing.ts';
import type {CompiledProgram} from '../../session/compile.ts';

/** How a run ended, and what it gave. */
export type RunOutcome = Awaited<ReturnType<CompiledProgram['run']>>;

export interface RunSite {
  readonly where: string;
  /** The user's arrays by the names that the program has for them: `x`, `y`, `y.age`, `weights`. */
  readonly sources: Readonly<Record<string, Rows>>;
  /** Row indices of all steps, and how many each step reads. */
  readonly rows: Int32Array;
  readonly batch: number;
  /** Steps that read fewer. */
  readonly short?: ShortSteps | undefined;
  /** Where the arrays are blocks of a data set's batches: rows of each, by which the user knows them. */
  readonly batchRows?: number | undefined;
  /** How many there are in the output that an array of labels is about. */
  classesOf?(source: string): number;
  /** `epoch 0, batch 12`, for the step that failed. */
  nameOf?(step: number): string;
  /** What `compile` found not to go together. */
  readonly advice?: readonly string[];
  /** Of the step that failed. */
  learningRateAt?(step: number): number;
}

/**
 * Stopped by its signal. `history` holds the epochs finished before; the weights are those of the last step.
 */
export class AbortedError extends ChainruleError {
  readonly history: {
    readonly epoch: readonly number[];
    readonly history: Readonly<Record<string, readonly number[]>>;
  };

  constructor(history: AbortedError['history'], reason: unknown) {
    super('ERR_ABORTED', 'fit: stopped by its signal; the weights are those of the last finished step.', {
      cause: reason,
    });
    this.history = history;
  }
}

/** Throws what the guard that ended a run means. */
export function failByGuard(result: RunOutcome, site: RunSite): never {
  const {guard, steps} = result;
  if (!guard) return fail('ERR_PLAN', `${site.where}: the run ended for no known reason.`);
  const counts = {rows: site.batch, short: site.short};
  const first = rowsOfSteps(counts, steps);
  const rowAt = (position: number): number => site.rows[first + position] as number;
  switch (guard.kind) {
    case 'indexOutOfRange':
      return failByIndex(guard, site, site.rows.subarray(first, rowsOfSteps(counts, steps + 1)));
    case 'inputNotFinite':
      return failByData(guard, site, rowAt(guard.position));
    case 'labelOutOfRange':
      return failByLabel(guard, site, rowAt);
    default:
      return failByNumbers(result, site);
  }
}

type Guard = NonNullable<RunOutcome['guard']>;

function failByData({source, value: column}: Guard, site: RunSite, row: number): never {
  const name = source?.replace(/^weights/, 'sampleWeight') ?? 'x';
  const data = site.sources[source ?? 'x'] as Rows;
  if (column === rowOutOfRange) {
    fail('ERR_OUT_OF_RANGE', `${site.where}: row ${row} is outside the ${data.count} rows of ${name}.`);
  }
  const width = sizeOf(data.rowShape);
  const value = numbersOf(data.data.subarray(row * width + column, row * width + column + 1), data.dtype)[0];
  const place = width === 1 ? rowName(site, row) : `${rowName(site, row)}, ${placeOf(column, data)}`;
  const holds = `${site.where}: ${name} holds ${value} in ${place}`;
  if (data.dtype === 'int64') fail('ERR_OUT_OF_RANGE', `${holds}; expected numbers that fit int32.`);
  if (Number.isFinite(value)) fail('ERR_OUT_OF_RANGE', `${holds}; expected integers as labels.`);
  fail('ERR_NOT_FINITE', `${holds}; expected finite numbers.`);
}

/** Where the rows of the step hold this number: `row 3, column 1`. */
function findNumber(
  wanted: number,
  source: string,
  site: RunSite,
  rows: Int32Array,
  only?: number,
): string | undefined {
  const data = site.sources[source];
  if (!data) return undefined;
  const width = sizeOf(data.rowShape);
  for (const row of rows) {
    const numbers = numbersOf(data.data.subarray(row * width, (row + 1) * width), data.dtype);
    const columns = data.rowShape.at(-1) ?? 1;
    const column = Array.from(numbers, number => toInteger(number * data.scale)).findIndex(
      (number, place) => number === wanted && (only === undefined || place % columns === only),
    );
    if (column < 0) continue;
    return width === 1 ? rowName(site, row) : `${rowName(site, row)}, ${placeOf(column, data)}`;
  }
  return undefined;
}

/** As a plan converts it: what is too large to the nearest. */
const toInteger = (number: number): number => Math.trunc(Math.max(-(2 ** 31), Math.min(2 ** 31 - 1, number)));

function failByIndex({value, sizes, position, scope, source}: Guard, site: RunSite, rows: Int32Array): never {
  // An embedding of several columns has a check for each.
  const [, own] = /(?:^|\/)column (\d+)$/.exec(scope) ?? [];
  const only = own === undefined ? undefined : Number(own);
  const found = source === undefined ? undefined : findNumber(indexOf(value), source, site, rows, only);
  const from = found === undefined ? `, read from ${source},` : `, in ${found} of ${source},`;
  const place = scope === '' ? '' : ` in ${scope}`;
  const of = source === undefined ? '' : from;
  fail('ERR_OUT_OF_RANGE', `${site.where}: ${describeIndex(value, sizes, position)}${of}${place}.`);
}

const rowName = ({batchRows}: RunSite, row: number): string =>
  batchRows === undefined ? `row ${row}` : `row ${row % batchRows} of the batch`;

/** `column 3` of a plain row, `position [1,2]` of one with more axes. */
function placeOf(column: number, {rowShape}: Rows): string {
  if (rowShape.length === 1) return `column ${column}`;
  const position: number[] = [];
  let rest = column;
  for (const size of [...rowShape].reverse()) {
    position.unshift(rest % size);
    rest = Math.floor(rest / size);
  }
  return `position ${formatShape(position)}`;
}

function failByLabel(
  {position, source = 'y'}: Guard,
  site: RunSite,
  rowAt: (position: number) => number,
): never {
  const {data, rowShape} = site.sources[source] as Rows;
  const width = sizeOf(rowShape);
  const row = rowAt(Math.floor(position / width));
  const label = data[row * width + (position % width)];
  const classes = site.classesOf?.(source) ?? 0;
  const range = `the model has ${classes} classes, 0 to ${classes - 1}`;
  fail(
    'ERR_OUT_OF_RANGE',
    `${site.where}: the label ${label} in ${rowName(site, row)} of ${source} is no class: ${range}.`,
  );
}

function failByNumbers({guard, anomaly, steps}: RunOutcome, site: RunSite): never {
  const scope = guard?.scope ?? '';
  const norm = scope === 'optimizer' ? 'the norm of the gradients' : `the gradient of ${scope}`;
  const what = scope === 'loss' ? 'the loss' : norm;
  const first = anomaly
    ? `first in ${anomaly.scope || 'the graph'} (${anomaly.name})`
    : `first seen in ${scope}`;
  const at = site.nameOf ? ` at ${site.nameOf(steps)}` : '';
  const rate = site.learningRateAt ? ` (now ${site.learningRateAt(steps)})` : '';
  const advice = site.advice ?? [];
  const hint =
    advice.length > 0
      ? `What \`compile\` was given does not go together: ${advice.join('; ')}.`
      : `A smaller learning rate${rate} or inputs scaled to about −1…1 may help.`;
  const happened = `${site.where}: ${what} is no longer finite${at}, ${first}`;
  fail('ERR_NOT_FINITE', `${happened}. The weights are those of the step before. ${hint}`);
}
