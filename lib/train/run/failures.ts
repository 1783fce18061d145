// Why a run ended before its last step, in the user's terms: rows of their arrays, classes, layers.
import {ChainruleError, fail} from '../../core/errors.ts';
import {formatShape, sizeOf} from '../../core/shape.ts';
import {rowsOfSteps, type ShortSteps} from '../../core/step-rows.ts';
import type {Rows} from '../../data/arrays.ts';
import {rowOutOfRange} from '../../ops/gather.ts';
import {describeIndex} from '../../ops/indexing.ts';
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
  const first = rowsOfSteps({rows: site.batch, short: site.short}, steps);
  const rowAt = (position: number): number => site.rows[first + position] as number;
  switch (guard.kind) {
    case 'indexOutOfRange':
      return failByIndex(guard, site);
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
  const value = data.data[row * width + column];
  const place = width === 1 ? rowName(site, row) : `${rowName(site, row)}, ${placeOf(column, data)}`;
  const holds = `${site.where}: ${name} holds ${value} in ${place}`;
  if (Number.isFinite(value)) fail('ERR_OUT_OF_RANGE', `${holds}; expected integers as labels.`);
  fail('ERR_NOT_FINITE', `${holds}; expected finite numbers.`);
}

function failByIndex({value, sizes, position, scope, source}: Guard, site: RunSite): never {
  const of = source === undefined ? '' : `, read from ${source},`;
  const place = scope === '' ? '' : ` in ${scope}`;
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
