// Means and variances of training data for a layer: of rows in memory, or of batches, read once.
import {fail} from '../../core/errors.ts';
import {fromMap, isList, isNumericArray, isRecord, show} from '../../core/kinds.ts';
import {formatShape, type Shape, sameShape, sizeOf} from '../../core/shape.ts';
import {type DataInput, toRows} from '../../data/arrays.ts';
import {isDataset} from '../../data/dataset.ts';
import {type Groups, MergedStatistics, type Statistics, statisticsOf} from '../../data/statistics.ts';
import {shapeOfTable} from '../../data/table.ts';

/** Batches of inputs, alone or as `{xs}` of `{xs, ys}`. */
export type AdaptBatches<Input = DataInput> = AsyncIterable<Input | {readonly xs: Input}>;

/** Which axes of a sample have statistics of their own, from 0, and how many places they have. */
export interface FeatureAxes {
  readonly axes: readonly number[];
  readonly shape: Shape;
}

/** What is known of the layer. */
export interface AdaptedAxes {
  /** The shape of a sample, where it is known. */
  readonly sample: Shape | undefined;
  /** @throws ERR_SHAPE */
  of(sample: Shape): FeatureAxes;
}

export const isBatches = <Input = DataInput>(value: unknown): value is AdaptBatches<Input> =>
  typeof value === 'object' && value !== null && Symbol.asyncIterator in value;

/** The only table of a record by name. */
function onlyTable<Input>(where: string, given: unknown): Input {
  const value = fromMap(given);
  if (!isRecord(value)) return value as Input;
  const names = Object.keys(value);
  if (names.length === 1) return value[names[0] as string] as Input;
  const advice = 'give the one that the layer takes, of a data set by dataset.map(({xs}) => xs.name)';
  return fail('ERR_OPTION', `${where}: expected one table. Received {${names.join(', ')}}: ${advice}.`);
}

const isFlat = (table: DataInput): boolean =>
  isNumericArray(table) || (Array.isArray(table) && !table.some(isList));

/** The shape of a sample: as the data say, or of the layer where they are numbers one after another. */
function sampleOf(where: string, table: DataInput, sample: Shape | undefined): Shape {
  if (isFlat(table)) return sample ?? [1];
  const [, ...inner] = shapeOfTable(where, table);
  return inner.length === 0 ? [1] : inner;
}

/** Which statistic each number of a sample belongs to. */
function groupsOf(sample: Shape, {axes, shape}: FeatureAxes): Groups {
  const of = new Int32Array(sizeOf(sample));
  for (let at = 0; at < of.length; at++) {
    let [rest, stride, group] = [at, sizeOf(shape), 0];
    const places = new Array<number>(sample.length);
    for (let axis = sample.length - 1; axis >= 0; axis--) {
      places[axis] = rest % (sample[axis] as number);
      rest = Math.floor(rest / (sample[axis] as number));
    }
    axes.forEach((axis, index) => {
      stride /= shape[index] as number;
      group += (places[axis] as number) * stride;
    });
    of[at] = group;
  }
  return {count: sizeOf(shape), of};
}

/** The statistics of one table, and of how many numbers each of them is. */
function measured(
  where: string,
  given: unknown,
  layer: AdaptedAxes,
): {count: number; shape: Shape; statistics: Statistics} {
  const table = onlyTable<DataInput>(where, given);
  const sample = sampleOf(where, table, layer.sample);
  const {data, scale} = toRows(table, {what: where, rowShape: sample});
  const axes = layer.of(sample);
  const wanted = layer.sample && layer.of(layer.sample).shape;
  if (wanted && !sameShape(axes.shape, wanted)) {
    const [own, taken] = [axes.shape, wanted].map(shape =>
      shape.length === 1 ? shape[0] : formatShape(shape),
    );
    fail('ERR_SHAPE', `${where}: the rows have ${own} features, the layer takes ${taken}.`);
  }
  const groups = groupsOf(sample, axes);
  const odd = data.findIndex((value: number) => !Number.isFinite(value));
  if (odd >= 0) {
    const width = groups.of.length;
    const place = `row ${Math.floor(odd / width)}, feature ${groups.of[odd % width]}`;
    fail('ERR_NOT_FINITE', `${where}: ${place} holds ${data[odd]}. Replace missing values.`);
  }
  const statistics = statisticsOf(data, groups, scale);
  return {count: data.length / groups.count, shape: axes.shape, statistics};
}

export function statisticsOfRows(where: string, rows: DataInput, layer: AdaptedAxes): MergedStatistics {
  const {count, statistics} = measured(where, rows, layer);
  const merged = new MergedStatistics();
  merged.add(count, statistics);
  return merged;
}

/** The tables of a data set's batches, one pass, and what errors call them. */
export async function* tablesOf<Input>(
  where: string,
  batches: AdaptBatches<Input>,
): AsyncGenerator<{what: string; xs: Input}> {
  if (isDataset(batches) && batches.rows) failUnbatched(where);
  if (isDataset(batches) && batches.size === Number.POSITIVE_INFINITY) {
    fail('ERR_VALUE', `${where}: the data set never ends; take(n) ends it.`);
  }
  let number = 0;
  for await (const element of batches) {
    const what = `${where}: batch ${number++}`;
    const xs: unknown = isRecord(element) && 'xs' in element ? element.xs : element;
    if (typeof xs === 'number' || typeof xs === 'string') failUnbatched(where);
    if (typeof xs !== 'object' || xs === null)
      fail('ERR_VALUE', `${what}: expected rows. Received ${show(xs)}.`);
    yield {what, xs: onlyTable<Input>(what, xs)};
  }
  if (number === 0) fail('ERR_VALUE', `${where}: the data set gave no batch.`);
}

/** One pass; no batch is kept. */
export async function statisticsOfBatches(
  where: string,
  batches: AdaptBatches,
  layer: AdaptedAxes,
): Promise<MergedStatistics> {
  const merged = new MergedStatistics();
  let shape: Shape | undefined;
  for await (const {what, xs} of tablesOf(where, batches)) {
    const next = measured(what, xs, layer);
    if (shape && !sameShape(shape, next.shape)) {
      const shapes = `${formatShape(next.shape)}, those of batch 0 ${formatShape(shape)}`;
      fail('ERR_SHAPE', `${what}: its features are ${shapes}.`);
    }
    shape = next.shape;
    merged.add(next.count, next.statistics);
  }
  return merged;
}

function failUnbatched(where: string): never {
  fail('ERR_VALUE', `${where}: the data set gives single samples: dataset.batch(32) makes batches of them.`);
}
