import {checkOptions, fail} from '../core/errors.ts';
import {sizeOf} from '../core/shape.ts';
import {type NestedArray, type ShapedArray, toRows} from './arrays.ts';
import {shapeOfTable} from './table.ts';

export interface Standardization {
  /** Of each column, in float64. */
  readonly mean: readonly number[];
  readonly deviation: readonly number[];
}

/**
 * Columns of a table [N, …] moved to mean 0 and scaled to deviation 1; a constant column becomes 0.
 *
 * @throws ERR_NOT_FINITE naming the row and column of a missing value: one would make its column NaN.
 * @param options.like the numbers of an earlier call, e.g. those of the training data for the test data.
 */
export function standardize(
  table: ShapedArray | NestedArray,
  options: {like?: Standardization} = {},
): ShapedArray & Standardization & {readonly data: Float32Array} {
  checkOptions('data.standardize', options, ['like']);
  const shape = shapeOfTable('data.standardize', table);
  const {data: numbers, count, scale} = toRows(table, {what: 'data.standardize', rowShape: shape.slice(1)});
  const columns = sizeOf(shape.slice(1));
  const odd = numbers.findIndex((value: number) => !Number.isFinite(value));
  if (odd >= 0) {
    const place = `row ${Math.floor(odd / columns)}, column ${odd % columns}`;
    const advice = 'Replace missing values, or leave out their rows.';
    fail('ERR_NOT_FINITE', `data.standardize: ${place} holds ${numbers[odd]}. ${advice}`);
  }
  const {mean, deviation} = options.like ?? statistics(numbers, columns, scale);
  if (mean.length !== columns || deviation.length !== columns) {
    fail('ERR_SHAPE', `data.standardize: like has ${mean.length} columns, the table ${columns}.`);
  }
  const data = new Float32Array(count * columns);
  for (let at = 0; at < data.length; at++) {
    const column = at % columns;
    const spread = deviation[column] as number;
    data[at] = spread === 0 ? 0 : ((numbers[at] as number) * scale - (mean[column] as number)) / spread;
  }
  return {data, shape, mean, deviation};
}

/**
 * Two passes: squares of differences from the mean do not cancel. Counted from the first row, so that a
 * constant column has exactly its number as mean.
 */
function statistics(numbers: ArrayLike<number>, columns: number, scale: number): Standardization {
  const count = numbers.length / columns;
  const first = Array.from({length: columns}, (_, column) => (numbers[column] as number) * scale);
  const mean = [...first];
  const variance = new Array<number>(columns).fill(0);
  const each = (visit: (column: number, value: number) => void): void => {
    for (let at = 0; at < numbers.length; at++) visit(at % columns, (numbers[at] as number) * scale);
  };
  each((column, value) => {
    mean[column] = (mean[column] as number) + (value - (first[column] as number)) / count;
  });
  each((column, value) => {
    variance[column] = (variance[column] as number) + (value - (mean[column] as number)) ** 2 / count;
  });
  return {mean, deviation: variance.map(Math.sqrt)};
}
