// What a loss asks of the numbers in its targets, and what to say where their shape tells that another loss
// is meant.
import {ChainruleError, fail, isChainruleError} from '../../core/errors.ts';
import {isList, isNumericArray, isShaped} from '../../core/kinds.ts';
import {nestedShape} from '../../core/nested.ts';
import {numberOf} from '../../core/numbers.ts';
import {sizeOf} from '../../core/shape.ts';
import type {DataInput, Rows} from '../../data/arrays.ts';
import type {Loss} from '../../nn/losses.ts';

/** Losses whose targets are probabilities: beyond 0…1 they have no least value. */
const ofProbabilities = [
  'binaryCrossentropy',
  'binaryFocalCrossentropy',
  'categoricalCrossentropy',
  'categoricalFocalCrossentropy',
  'kullbackLeiblerDivergence',
];
const ofOneHot = [...ofProbabilities.slice(2), 'categoricalHinge'];

/** What another model's softmax may be beyond 1 by rounding. */
const rounding = 1e-6;

/** @throws ERR_OUT_OF_RANGE naming the row of a target that is no probability. */
export function checkProbabilities(
  what: string,
  {kind}: Loss,
  {data, rowShape, scale}: Pick<Rows, 'data' | 'rowShape' | 'scale'>,
): void {
  if (!ofProbabilities.includes(kind)) return;
  let bad = 0;
  for (; bad < data.length; bad++) {
    const number = (data[bad] as number) * scale;
    if (number < -rounding || number > 1 + rounding) break;
  }
  // What is not finite is named when the step reads it.
  if (bad === data.length || !Number.isFinite(data[bad])) return;
  const value = (data[bad] as number) * scale;
  const row = Math.floor(bad / sizeOf(rowShape));
  const instead =
    value < 0 ? 'targets of −1 and 1 go with hinge' : 'class numbers go with sparseCategoricalCrossentropy';
  fail(
    'ERR_OUT_OF_RANGE',
    `${what} holds ${value} in row ${row}: ${kind} takes targets from 0 to 1; ${instead}.`,
  );
}

/** The numbers of a flat array or list, or of a column. */
function lengthOfColumn(value: DataInput): number | undefined {
  if (isNumericArray(value)) return value.length;
  if (isShaped(value)) {
    const {shape} = value as {shape: readonly number[]};
    return shape.length === 1 || (shape.length === 2 && shape[1] === 1) ? shape[0] : undefined;
  }
  if (!Array.isArray(value)) return undefined;
  const [first] = value as readonly unknown[];
  const isColumn = numberOf(first) !== undefined || (isList(first) && first.length === 1);
  return isColumn ? value.length : undefined;
}

/** Whether data for rows of these classes are a number for each row instead. */
export function areClassNumbers(value: DataInput, loss: Loss, rows: number): boolean {
  return ofOneHot.includes(loss.kind) && lengthOfColumn(value) === rows;
}

const isCount = (number: number | undefined): boolean => Number.isInteger(number) && (number as number) >= 0;

/** Whether a column of so many rows holds what may be class numbers, by as many as tell. */
function holdsWholeNumbers(value: DataInput): boolean {
  const numbers = (isShaped(value) ? value.data : value) as ArrayLike<unknown>;
  const looked = Math.min(numbers.length, 1024);
  for (let at = 0; at < looked; at++) {
    const element = isList(numbers[at]) ? (numbers[at] as readonly unknown[])[0] : numbers[at];
    if (!isCount(numberOf(element))) return false;
  }
  return looked > 0;
}

/** Of rows of labels, what makes room for as many as there are. */
function labelsHint(value: DataInput): string | undefined {
  const shape = isShaped(value) ? (value as {shape: readonly number[]}).shape : nestedShape(value, 2);
  const [, labels] = shape;
  return shape.length === 2 && labels
    ? `losses.ctc({maxLabels: ${labels}}) takes rows of ${labels} labels`
    : undefined;
}

/** What to do where targets are class numbers instead of rows, or the reverse. */
function targetHint(value: DataInput, loss: Loss, rows: number): string | undefined {
  const {kind} = loss;
  if (kind === 'ctc') return labelsHint(value);
  if (areClassNumbers(value, loss, rows)) {
    return `Class numbers go with sparseCategoricalCrossentropy; ${kind} takes rows as of data.oneHot`;
  }
  if (kind === 'sparseCategoricalCrossentropy') {
    return 'Rows of 0 and 1 go with categoricalCrossentropy; this takes one class number a row';
  }
  if (loss.targets === 'classes' || lengthOfColumn(value) !== rows || !holdsWholeNumbers(value))
    return undefined;
  const instead = 'this loss takes a number for each unit of the output, e.g. rows as of data.oneHot';
  return `Class numbers, one a row, go with sparseCategoricalCrossentropy; ${instead}`;
}

/** The error with that hint. */
export function explainTargets(error: unknown, value: DataInput, loss: Loss, rows: number): unknown {
  if (!isChainruleError(error) || error.code !== 'ERR_SHAPE') return error;
  const hint = targetHint(value, loss, rows);
  return hint === undefined
    ? error
    : new ChainruleError('ERR_SHAPE', `${error.message} ${hint}.`, {cause: error});
}
