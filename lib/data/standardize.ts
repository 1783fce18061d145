import {checkOptions, fail} from '../core/errors.ts';
import {sizeOf} from '../core/shape.ts';
import {type NestedArray, type ShapedArray, type ShapedInput, toRows} from './arrays.ts';
import {eachColumn, statisticsOf} from './statistics.ts';
import {shapeOfTable} from './table.ts';

export interface Standardization {
  /** Of each column, in float64. */
  readonly mean: readonly number[];
  readonly deviation: readonly number[];
}

/**
 * Shifts the columns of a table [N, …] to mean 0 and scales them to deviation 1; a constant column becomes 0.
 *
 * @param options.like mean and deviation from an earlier call, e.g. those of the training data for test data.
 * @throws ERR_NOT_FINITE naming row and column of a missing value, which would make the whole column NaN.
 */
export function standardize(
  table: ShapedInput | NestedArray,
  options: {like?: Standardization} = {},
): ShapedArray & Standardization & {readonly data: Float32Array} {
  checkOptions('data.standardize', options, ['like']);
  const shape = shapeOfTable('data.standardize', table);
  const {data: values, count, scale} = toRows(table, {what: 'data.standardize', rowShape: shape.slice(1)});
  const columns = sizeOf(shape.slice(1));
  const odd = values.findIndex((value: number) => !Number.isFinite(value));
  if (odd >= 0) {
    const place = `row ${Math.floor(odd / columns)}, column ${odd % columns}`;
    const advice = 'Replace missing values, or leave out their rows.';
    fail('ERR_NOT_FINITE', `data.standardize: ${place} holds ${values[odd]}. ${advice}`);
  }
  const {mean, deviation} = options.like ?? statisticsOf(values, eachColumn(columns), scale);
  if (mean.length !== columns || deviation.length !== columns) {
    fail('ERR_SHAPE', `data.standardize: like has ${mean.length} columns, the table ${columns}.`);
  }
  const data = new Float32Array(count * columns);
  for (let at = 0; at < data.length; at++) {
    const column = at % columns;
    const spread = deviation[column] as number;
    data[at] = spread === 0 ? 0 : ((values[at] as number) * scale - (mean[column] as number)) / spread;
  }
  return {data, shape, mean, deviation};
}
