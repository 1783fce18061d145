import {checkNumber, checkOptions, fail} from '../core/errors.ts';
import {type NestedArray, type NumberArray, pickRows, type ShapedArray, toRows} from './arrays.ts';
import {ascendingRows, shuffleRows} from './order.ts';
import {shapeOfTable} from './table.ts';

export interface SplitOptions {
  /** Share of the rows that are kept for testing, 0.25 by default. */
  readonly testSize?: number;
  /** Decides the order of the rows; 0 by default. */
  readonly seed?: number;
  /** Take rows at random rather than the last ones; true by default. */
  readonly shuffle?: boolean;
}

type Table = NumberArray | ShapedArray | NestedArray;

/** Splits rows of `x` and `y` alike into those for training and those for testing, as copies. */
export function trainTestSplit(
  x: Table,
  y: Table,
  options: SplitOptions = {},
): {xTrain: ShapedArray; xTest: ShapedArray; yTrain: ShapedArray; yTest: ShapedArray} {
  const where = 'data.trainTestSplit';
  checkOptions(where, options, ['testSize', 'seed', 'shuffle']);
  const {testSize = 0.25, seed = 0, shuffle = true} = options;
  checkNumber(`${where}: testSize`, testSize, {above: 0, below: 1});
  checkNumber(`${where}: seed`, seed, {integer: true});
  const xRows = toRows(x, {what: `${where}: x`, rowShape: shapeOfTable(`${where}: x`, x).slice(1)});
  const yRows = toRows(y, {
    what: `${where}: y`,
    rowShape: shapeOfTable(`${where}: y`, y).slice(1),
    wholeNumbers: true,
  });
  if (xRows.count !== yRows.count) {
    fail('ERR_SHAPE', `${where}: x has ${xRows.count} rows and y ${yRows.count}.`);
  }
  const order = ascendingRows(xRows.count);
  if (shuffle) shuffleRows(order, seed, 0);
  const forTraining = xRows.count - Math.ceil(xRows.count * testSize);
  if (forTraining === 0) fail('ERR_VALUE', `${where}: ${xRows.count} rows leave none for training.`);
  const train = order.subarray(0, forTraining);
  const test = order.subarray(forTraining);
  return {
    xTrain: pickRows(xRows, train),
    xTest: pickRows(xRows, test),
    yTrain: pickRows(yRows, train),
    yTest: pickRows(yRows, test),
  };
}
