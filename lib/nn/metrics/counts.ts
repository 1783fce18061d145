// Metrics from counts: each sample is given bins, in which it is counted. There are two kinds of tables: for
// each class on its own, whether it was true and whether it was predicted; or a confusion matrix, which for
// each true class counts the predicted ones.
import type {TypedArray} from '../../core/dtype.ts';
import {constant, failIn, type Tensor} from '../../core/tensor.ts';
import {add, cast, mul, select} from '../../ops/map.ts';
import {argMax} from '../../ops/reduce.ts';
import {checkValues, type Loss} from '../losses/loss.ts';
import {classLabels, predictedClass} from './accuracy.ts';
import {countedLabels, type DecisionOptions, decided, isBinary, isPositive} from './decision.ts';
import type {MetricContext} from './metric.ts';

/** How often a class was true or not, and predicted or not. */
export interface ClassCounts {
  readonly truePositives: number;
  readonly falsePositives: number;
  readonly falseNegatives: number;
  readonly trueNegatives: number;
}

/** Counts the bins of each of `count` samples; a number that is no bin is ignored. */
export function countBins(
  sums: Float64Array,
  bins: TypedArray,
  {count, weights}: {count: number; weights: TypedArray | undefined},
): void {
  // Not by the shape of the output: of sequences of any length, that is known with the data alone.
  const perSample = count === 0 ? 0 : bins.length / count;
  for (let sample = 0, at = 0; sample < count; sample++) {
    const weight = weights ? (weights[sample] as number) : 1;
    for (const end = at + perSample; at < end; at++) {
      const bin = bins[at] as number;
      if (bin >= 0 && bin < sums.length) sums[bin] = (sums[bin] as number) + weight;
    }
  }
}

const unitsOf = ({outputShape}: MetricContext): number => outputShape.at(-1) as number;
const asFloat = (x: Tensor): Tensor => cast(x, 'float32');

/** The bins of each sample; `kind` is the metric, for its errors. */
type Bins = (kind: string, target: Tensor, output: Tensor, loss: Loss, options: DecisionOptions) => Tensor;

/** Bins of a table for each class: 4·class + 2·(true) + (predicted), [batch, …, classes]. */
export const binsOfEach: Bins = (kind, target, output, loss, options) => {
  checkValues(kind, target, output);
  const units = output.shape.at(-1) as number;
  const first = constant(
    Float32Array.from({length: units}, (_, unit) => 4 * unit),
    [units],
  );
  const withinTable = add(mul(asFloat(isPositive(target)), 2), asFloat(decided(output, loss, options)));
  return cast(add(withinTable, first), 'int32');
};

/** Whether each number of an output is a yes or a no of its own: the only one, or under a binary loss. */
export function decidesEach(units: number, loss: Loss): boolean {
  return loss.targets !== 'classes' && (units === 1 || isBinary(loss));
}

const classCount = (units: number, loss: Loss): number => (decidesEach(units, loss) ? 2 : Math.max(2, units));

/** The number of classes of a confusion matrix: two where it is of yes and no. */
export function classesOf(context: MetricContext): number {
  return classCount(unitsOf(context), context.loss);
}

/** With more classes, float32 could not represent every bin exactly. */
const maxClasses = 4096;

/**
 * Bins of a confusion matrix: classes·(true class) + (predicted class), [batch, …]; of each number of the
 * output where it is a decision of its own.
 */
export const binsOfPairs: Bins = (kind, target, output, loss, options) => {
  const units = output.shape.at(-1) as number;
  const count = classCount(units, loss);
  if (count > maxClasses) {
    failIn(kind, 'ERR_SHAPE', `counts pairs of at most ${maxClasses} classes. Received ${output}`);
  }
  const pairs = (label: Tensor, prediction: Tensor): Tensor =>
    add(mul(asFloat(label), count), asFloat(prediction));
  const pair = (label: Tensor, prediction: Tensor): Tensor => cast(pairs(label, prediction), 'int32');
  if (loss.targets === 'classes') {
    const labels = classLabels(kind, target, output);
    const bins = pairs(labels, predictedClass(output));
    const counted = countedLabels(labels, loss);
    return cast(counted ? select(counted, bins, -1) : bins, 'int32');
  }
  checkValues(kind, target, output);
  if (decidesEach(units, loss)) return pair(isPositive(target), decided(output, loss, options));
  return pair(argMax(target), predictedClass(output));
};

/** The counts of each class from its own table. */
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
