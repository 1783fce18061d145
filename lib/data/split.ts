import {checkNumber, checkOptions, fail} from '../core/errors.ts';
import {show} from '../core/kinds.ts';
import {sizeOf} from '../core/shape.ts';
import {type DataInput, pickRows, type Rows, type ShapedArray, toRows} from './arrays.ts';
import {ascendingRows, shuffleRows} from './order.ts';
import {shapeOfTable} from './table.ts';
import {holdsText, pickAny, type ShapedText, type TextInput, toTextRows} from './text.ts';

export interface SplitOptions {
  /** Share of the rows that are kept for testing, 0.25 by default. */
  readonly testSize?: number;
  /** Decides the random order of the rows; 0 by default. */
  readonly seed?: number;
  /** Choose random rows for testing rather than the last ones; true by default. */
  readonly shuffle?: boolean;
  /** Give each class, that is each different row of `y`, the same share of both parts; false by default. */
  readonly stratify?: boolean;
}

/**
 * How many rows of each class are kept for testing, `total` in all: its share rounded down, plus one for the
 * classes that lost most by the rounding.
 */
function quotas(counts: ReadonlyMap<string, number>, total: number, rows: number): Map<string, number> {
  const shares = Array.from(counts, ([name, count]) => ({name, share: (count * total) / rows}));
  const taken = new Map(shares.map(({name, share}) => [name, Math.floor(share)]));
  let left = total - [...taken.values()].reduce((sum, count) => sum + count, 0);
  for (const {name} of shares.sort((a, b) => (b.share % 1) - (a.share % 1))) {
    if (left-- <= 0) break;
    taken.set(name, (taken.get(name) as number) + 1);
  }
  return taken;
}

/** Moves the last rows of each class, as many as its share of `total`, behind all others. */
function stratified(order: Int32Array, y: Rows, total: number): Int32Array {
  const width = sizeOf(y.rowShape);
  const classOf = (row: number): string => y.data.subarray(row * width, (row + 1) * width).join();
  const counts = new Map<string, number>();
  for (const row of order) counts.set(classOf(row), (counts.get(classOf(row)) ?? 0) + 1);
  const left = quotas(counts, total, order.length);
  const [train, test]: [number[], number[]] = [[], []];
  for (const row of [...order].reverse()) {
    const quota = left.get(classOf(row)) as number;
    left.set(classOf(row), quota - 1);
    (quota > 0 ? test : train).push(row);
  }
  return Int32Array.from([...test, ...train].reverse());
}

export interface TrainTestSplit<Inputs> {
  readonly xTrain: Inputs;
  readonly xTest: Inputs;
  readonly yTrain: ShapedArray;
  readonly yTest: ShapedArray;
}

/** Splits rows of `x`, numbers or texts, and `y` alike into those for training and for testing, as copies. */
export function trainTestSplit(
  x: DataInput,
  y: DataInput,
  options?: SplitOptions,
): TrainTestSplit<ShapedArray>;
export function trainTestSplit(
  x: TextInput,
  y: DataInput,
  options?: SplitOptions,
): TrainTestSplit<ShapedText>;
export function trainTestSplit(
  x: DataInput | TextInput,
  y: DataInput,
  options: SplitOptions = {},
): TrainTestSplit<ShapedArray | ShapedText> {
  const where = 'data.trainTestSplit';
  checkOptions(where, options, ['testSize', 'seed', 'shuffle', 'stratify']);
  const {testSize = 0.25, seed = 0, shuffle = true, stratify = false} = options;
  if (typeof stratify !== 'boolean') {
    fail('ERR_OPTION', `${where}: stratify: expected true or false. Received ${show(stratify)}.`);
  }
  checkNumber(`${where}: testSize`, testSize, {above: 0, below: 1});
  checkNumber(`${where}: seed`, seed, {integer: true});
  const ofX = {what: `${where}: x`, rowShape: shapeOfTable(`${where}: x`, x).slice(1)};
  const xRows = holdsText(x) ? toTextRows(x, ofX) : toRows(x, ofX);
  const yRows = toRows(y, {
    what: `${where}: y`,
    rowShape: shapeOfTable(`${where}: y`, y).slice(1),
    integers: true,
  });
  if (xRows.count !== yRows.count) {
    fail('ERR_SHAPE', `${where}: x has ${xRows.count} rows and y ${yRows.count}.`);
  }
  let order: Int32Array = ascendingRows(xRows.count);
  if (shuffle) shuffleRows(order, seed, 0);
  const forTraining = xRows.count - Math.ceil(xRows.count * testSize);
  if (forTraining === 0) fail('ERR_VALUE', `${where}: ${xRows.count} rows leave none for training.`);
  if (stratify) order = stratified(order, yRows, xRows.count - forTraining);
  const train = order.subarray(0, forTraining);
  const test = order.subarray(forTraining);
  return {
    xTrain: pickAny(xRows, train),
    xTest: pickAny(xRows, test),
    yTrain: pickRows(yRows, train),
    yTest: pickRows(yRows, test),
  };
}
