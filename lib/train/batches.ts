// The user's arrays, checked against the model before anything runs, and the table of rows that each step
// reads.
import type {TypedArray} from '../core/dtype.ts';
import {fail} from '../core/errors.ts';
import {type DataInput, type Rows, toRows} from '../data/arrays.ts';
import {keepSafe} from '../session/compile.ts';
import type {Engine} from './engine.ts';
import {targetShape} from './graphs.ts';
import {type Weighting, weightsOf} from './sample-weights.ts';

export interface Samples {
  readonly x: Rows;
  readonly y: Rows;
  /** How much each row counts in the loss; all alike where it is left out. */
  readonly weights?: Rows | undefined;
}

/** @throws ERR_SHAPE, ERR_DTYPE or ERR_DETACHED, e.g. `fit: x: expected the shape [rows,784]. …` */
export function bindInputs(engine: Engine, where: string, x: DataInput, allowSingle = false): Rows {
  return toRows(x, {what: `${where}: x`, rowShape: engine.network.inputShape, allowSingle});
}

/** Inputs and targets of the same number of rows. */
export function bindSamples(
  engine: Engine,
  where: string,
  x: DataInput,
  y: DataInput,
  weighting: Weighting = {},
): Samples {
  const {loss} = engine.training(where);
  const inputs = bindInputs(engine, where, x);
  const rowShape = targetShape(engine.network, loss);
  const targets = toRows(y, {what: `${where}: y`, rowShape, wholeNumbers: loss.targets === 'classes'});
  if (loss.targets === 'classes' && targets.scale !== 1) {
    fail('ERR_OPTION', `${where}: y: class numbers have no scale. Received ${targets.scale}.`);
  }
  if (inputs.count !== targets.count) {
    fail('ERR_SHAPE', `${where}: x has ${inputs.count} rows and y ${targets.count}.`);
  }
  const weights = weightsOf(where, targets, weighting, classesOf(engine));
  // Once for all native calls of a fit, for where memory cannot be held it is copied.
  return {
    x: {...inputs, data: keepSafe(inputs.data)},
    y: {...targets, data: keepSafe(targets.data)},
    ...(weights && {weights}),
  };
}

/** How many classes the model tells apart: two where it gives one number. */
export function classesOf({network}: Engine): number {
  return Math.max(2, network.outputShape.at(-1) as number);
}

/** What a plan depends on, as a key. */
export function keyOf(purpose: string, batch: number, ...data: readonly (Rows | undefined)[]): string {
  const specs = data.flatMap(rows => (rows ? [`${rows.dtype}[${rows.rowShape}]*${rows.scale}`] : []));
  return [purpose, batch, ...specs].join(' ');
}

/** The same for a program over all arrays of the samples. */
export function keyOfSamples(purpose: string, batch: number, {x, y, weights}: Samples): string {
  return keyOf(weights ? `${purpose} weighted` : purpose, batch, x, y, weights);
}

/** The arrays as the programs name them. */
export function arraysOf({x, y, weights}: Samples): Record<string, TypedArray> {
  return {x: x.data, y: y.data, ...(weights && {weights: weights.data})};
}

/** Batches of these sizes have plans; a row's bits do not depend on the batch that it is in. */
const buckets = [1, 8, 32, 128];

/** Rows in steps of one size that cover `count`; the last row is read again to fill the last step. */
export function inBuckets(first: number, count: number): {batch: number; steps: number; rows: Int32Array} {
  const batch = buckets.find(size => size >= count) ?? (buckets.at(-1) as number);
  const steps = Math.ceil(count / batch);
  const rows = new Int32Array(new SharedArrayBuffer(4 * steps * batch));
  for (let index = 0; index < rows.length; index++) rows[index] = first + Math.min(index, count - 1);
  return {batch, steps, rows};
}
