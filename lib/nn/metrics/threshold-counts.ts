// How many predictions of a classifier lie above each threshold, of positive and of negative targets.
import type {TypedArray} from '../../core/dtype.ts';
import type {Tensor} from '../../core/tensor.ts';
import {cast, select} from '../../ops/map.ts';
import {checkValues, type Loss} from '../losses/loss.ts';
import {classLabels} from './accuracy.ts';
import {countedLabels, ignoredClass, probabilitiesOf} from './decision.ts';
import type {Accumulation, MetricContext} from './metric.ts';

export const ratio = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole);

/** For each threshold, how many predictions are above it. */
export interface CountsAbove {
  readonly positives: readonly number[];
  readonly negatives: readonly number[];
}

/** From counts of predictions by how many thresholds they are above, to counts of predictions above each. */
export function cumulate(counts: Float64Array): number[] {
  const cumulated = new Array<number>(counts.length - 1).fill(0);
  let above = 0;
  for (let at = counts.length - 1; at > 0; at--) {
    above += counts[at] as number;
    cumulated[at - 1] = above;
  }
  return cumulated;
}

export interface Thresholds {
  readonly count: number;
  /** Whether each unit of the output has counts of its own. */
  readonly multiLabel: boolean;
  /** How many thresholds a prediction within 0…1 is above. */
  below(prediction: number): number;
}

const unitsOf = ({outputShape}: MetricContext): number => outputShape.at(-1) as number;
const groupsOf = (context: MetricContext, {multiLabel}: Thresholds): number =>
  multiLabel ? unitsOf(context) : 1;

/** Each group has two tables of counts: of predictions for positive targets, then for negative ones. */
function addPredictions(
  sums: Float64Array,
  [outputs, targets]: readonly TypedArray[],
  count: number,
  context: MetricContext,
  thresholds: Thresholds,
  weights: TypedArray | undefined,
): void {
  // Not by the shape of the output: of sequences of any length, that is known with the data alone.
  const size = (outputs?.length ?? 0) / count;
  const units = unitsOf(context);
  const sparse = context.loss.targets === 'classes';
  const ignores = ignoredClass(context.loss) !== undefined;
  for (let at = 0; at < count * size; at++) {
    const unit = at % units;
    const target = targets?.[sparse ? (at - unit) / units : at] as number;
    if (ignores && target < 0) continue;
    const positive = sparse ? target === unit : target > 0.5;
    const table = 2 * (thresholds.multiLabel ? unit : 0) + (positive ? 0 : 1);
    const position = table * (thresholds.count + 1) + thresholds.below(outputs?.[at] as number);
    const weight = weights ? (weights[(at - (at % size)) / size] as number) : 1;
    sums[position] = (sums[position] as number) + weight;
  }
}

/** Probabilities and targets of each sample; a label that does not count is −1. */
export const predictions =
  (kind: string, fromLogits: boolean | undefined) =>
  (target: Tensor, output: Tensor, loss: Loss): Tensor[] => {
    const probabilities = probabilitiesOf(output, loss, fromLogits);
    if (loss.targets === 'classes') {
      const labels = classLabels(kind, target, output);
      const counted = countedLabels(labels, loss);
      const known = counted ? cast(select(counted, cast(labels, 'float32'), -1), 'int32') : labels;
      return [probabilities, known];
    }
    checkValues(kind, target, output);
    return [probabilities, target];
  };

/** Counts of `predictions`; the result is computed from the tables of each group. */
export function thresholdCounts(
  thresholds: Thresholds,
  result: (groups: readonly {positives: Float64Array; negatives: Float64Array}[]) => number,
): Accumulation {
  const length = thresholds.count + 1;
  return {
    size: context => 2 * groupsOf(context, thresholds) * length,
    add: (sums, arrays, count, context, weights) =>
      addPredictions(sums, arrays, count, context, thresholds, weights),
    result(sums, context) {
      const table = (index: number): Float64Array => sums.subarray(index * length, (index + 1) * length);
      return result(
        Array.from({length: groupsOf(context, thresholds)}, (_, group) => ({
          positives: table(2 * group),
          negatives: table(2 * group + 1),
        })),
      );
    },
  };
}
