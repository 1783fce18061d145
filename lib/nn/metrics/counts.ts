// Integer counts: of each sample the numbers of the bins that it falls into. Two tables are counted: for
// each class on its own, whether it was there and whether it was predicted; or for each class which one was
// predicted.
import type {TypedArray} from '../../core/dtype.ts';
import {constant, failIn, type Tensor} from '../../core/tensor.ts';
import {add, cast, greater, mul} from '../../ops/map.ts';
import {argMax} from '../../ops/reduce.ts';
import type {Loss} from '../losses.ts';
import {classNumbers, predictedClass} from './accuracy.ts';
import {checkValues, type MetricContext} from './metric.ts';

/** How often a class was there or not, and predicted or not. */
export interface ClassCounts {
  readonly truePositives: number;
  readonly falsePositives: number;
  readonly falseNegatives: number;
  readonly trueNegatives: number;
}

/** Counts the bins, so many of each of `count` samples; numbers that are none are left out. */
export function countBins(
  sums: Float64Array,
  bins: TypedArray | undefined,
  {count, perSample, weights}: {count: number; perSample: number; weights: TypedArray | undefined},
): void {
  for (let sample = 0, at = 0; sample < count; sample++) {
    const weight = weights ? (weights[sample] as number) : 1;
    for (const end = at + perSample; at < end; at++) {
      const bin = bins?.[at] as number;
      if (bin >= 0 && bin < sums.length) sums[bin] = (sums[bin] as number) + weight;
    }
  }
}

const unitsOf = ({outputShape}: MetricContext): number => outputShape.at(-1) as number;
const asNumber = (truth: Tensor): Tensor => cast(truth, 'float32');

/** For each class a table of its own: bin 4·class + 2·(there) + (predicted), [batch, …, classes]. */
export function binsOfEach(kind: string, target: Tensor, output: Tensor, threshold: number): Tensor {
  checkValues(kind, target, output);
  const units = output.shape.at(-1) as number;
  const first = constant(
    Float32Array.from({length: units}, (_, unit) => 4 * unit),
    [units],
  );
  const own = add(mul(asNumber(greater(target, 0.5)), 2), asNumber(greater(output, threshold)));
  return cast(add(own, first), 'int32');
}

/** Classes that a confusion matrix is of: two where one number says which. */
export function classesOf(context: MetricContext): number {
  return Math.max(2, unitsOf(context));
}

/** Beyond this the number of a bin would not fit a float32. */
const maxClasses = 4096;

/** The bin classes·(true class) + (predicted class), [batch, …]. */
export function binsOfPairs(
  kind: string,
  target: Tensor,
  output: Tensor,
  loss: Loss,
  threshold: number,
): Tensor {
  const units = output.shape.at(-1) as number;
  if (units > maxClasses) {
    failIn(kind, 'ERR_SHAPE', `counts pairs of at most ${maxClasses} classes. Received ${output}`);
  }
  const pair = (truth: Tensor, prediction: Tensor): Tensor =>
    cast(add(mul(asNumber(truth), Math.max(2, units)), asNumber(prediction)), 'int32');
  if (loss.targets === 'classes') return pair(classNumbers(kind, target, output), predictedClass(output));
  checkValues(kind, target, output);
  if (units === 1) return pair(greater(target, 0.5), greater(output, threshold));
  return pair(argMax(target), predictedClass(output));
}

/** The counts of each class from their own tables. */
export function countsOfEach(sums: Float64Array): ClassCounts[] {
  return Array.from({length: sums.length / 4}, (_, unit) => {
    const [trueNegatives = 0, falsePositives = 0, falseNegatives = 0, truePositives = 0] = sums.subarray(
      4 * unit,
    );
    return {truePositives, falsePositives, falseNegatives, trueNegatives};
  });
}

/** The counts of each class from a confusion matrix, whose rows are true classes. */
export function countsOfPairs(sums: Float64Array, classes: number): ClassCounts[] {
  const {rows, columns, total} = marginsOf(sums, classes);
  return rows.map((row, own) => {
    const truePositives = sums[own * classes + own] as number;
    const falseNegatives = row - truePositives;
    const falsePositives = (columns[own] as number) - truePositives;
    const trueNegatives = total - truePositives - falseNegatives - falsePositives;
    return {truePositives, falsePositives, falseNegatives, trueNegatives};
  });
}

/** Sums of rows (how often each class was there) and of columns (was predicted). */
export function marginsOf(matrix: Float64Array, classes: number) {
  const rows = new Array<number>(classes).fill(0);
  const columns = new Array<number>(classes).fill(0);
  let total = 0;
  matrix.forEach((count, at) => {
    const [row, column] = [Math.floor(at / classes), at % classes];
    rows[row] = (rows[row] as number) + count;
    columns[column] = (columns[column] as number) + count;
    total += count;
  });
  return {rows, columns, total};
}
