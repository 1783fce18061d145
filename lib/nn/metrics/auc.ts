// Areas under the curves that a moving threshold draws. Thresholds and sums are Keras's.
import type {TypedArray} from '../../core/dtype.ts';
import {checkBoolean, checkChoice, checkNumber, checkOptions} from '../../core/errors.ts';
import {sizeOf} from '../../core/shape.ts';
import type {Tensor} from '../../core/tensor.ts';
import {sigmoid} from '../../ops/map.ts';
import type {Loss} from '../losses.ts';
import {classNumbers} from './accuracy.ts';
import {accumulated, checkValues, type Metric, type MetricContext} from './metric.ts';

const curves = ['ROC', 'PR'] as const;
const summations = ['interpolation', 'minoring', 'majoring'] as const;

type Summation = (typeof summations)[number];

export interface AucOptions {
  /** From just below 0 to just above 1, evenly; 200 by default. */
  readonly numThresholds?: number;
  /** Recall over the false positive rate (`ROC`, the default), or precision over recall (`PR`). */
  readonly curve?: (typeof curves)[number];
  /** Between thresholds: `interpolation` by default, the lower or the higher value. */
  readonly summationMethod?: Summation;
  /** The mean of each class's area instead of that of all numbers together. */
  readonly multiLabel?: boolean;
  /** Outputs are logits. */
  readonly fromLogits?: boolean;
}

/** Predictions above each threshold: those where the class was there, and those where it was not. */
interface Passed {
  readonly positives: readonly number[];
  readonly negatives: readonly number[];
}

const ratio = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole);

/** Counts by how many thresholds a number is above become counts of the numbers above each. */
function passedOf(counts: Float64Array): number[] {
  const passed = new Array<number>(counts.length - 1).fill(0);
  let above = 0;
  for (let at = counts.length - 1; at > 0; at--) {
    above += counts[at] as number;
    passed[at - 1] = above;
  }
  return passed;
}

function areaUnder(x: readonly number[], y: readonly number[], summation: Summation): number {
  let area = 0;
  for (let at = 0; at + 1 < x.length; at++) {
    const [first, second] = [y[at] as number, y[at + 1] as number];
    const height =
      summation === 'interpolation'
        ? (first + second) / 2
        : summation === 'minoring'
          ? Math.min(first, second)
          : Math.max(first, second);
    area += ((x[at] as number) - (x[at + 1] as number)) * height;
  }
  return area;
}

/** Between two thresholds true positives grow in proportion to all (Davis and Goadrich 2006). */
function interpolatedPr({positives, negatives}: Passed, total: number): number {
  let area = 0;
  for (let at = 0; at + 1 < positives.length; at++) {
    const [more, fewer] = [positives[at] as number, positives[at + 1] as number];
    const [moreAll, fewerAll] = [more + (negatives[at] as number), fewer + (negatives[at + 1] as number)];
    const slope = ratio(more - fewer, Math.max(moreAll - fewerAll, 0));
    const intercept = fewer - slope * fewerAll;
    const growth = moreAll > 0 && fewerAll > 0 ? moreAll / fewerAll : 1;
    area += ratio(slope * (more - fewer + intercept * Math.log(growth)), total);
  }
  return area;
}

/** `positives` and `negatives` count predictions by how many thresholds they are above. */
function areaOf(
  positives: Float64Array,
  negatives: Float64Array,
  curve: 'ROC' | 'PR',
  summation: Summation,
): number {
  const totalOf = (counts: Float64Array): number => counts.reduce((sum, count) => sum + count, 0);
  const [there, absent] = [totalOf(positives), totalOf(negatives)];
  const passed = {positives: passedOf(positives), negatives: passedOf(negatives)};
  const recalls = passed.positives.map(count => ratio(count, there));
  if (curve === 'ROC') {
    const rates = passed.negatives.map(count => ratio(count, absent));
    return areaUnder(rates, recalls, summation);
  }
  if (summation === 'interpolation') return interpolatedPr(passed, there);
  const precisions = passed.positives.map((count, at) =>
    ratio(count, count + (passed.negatives[at] as number)),
  );
  return areaUnder(recalls, precisions, summation);
}

/**
 * How many of the thresholds −1e-7, 1/(n−1), …, (n−2)/(n−1), 1 + 1e-7 a prediction within 0…1 is above. The
 * product of a float32 with a small number is exact.
 */
function thresholdsBelow(prediction: number, thresholds: number): number {
  const inner = Math.ceil(prediction * (thresholds - 1)) - 1;
  return 1 + Math.min(Math.max(inner, 0), thresholds - 2);
}

interface Layout {
  readonly thresholds: number;
  readonly multiLabel: boolean;
}

/** Table 2·group holds predictions where the class is there, the next those where it is not. */
function addPredictions(
  sums: Float64Array,
  [outputs, targets]: readonly TypedArray[],
  count: number,
  context: MetricContext,
  {thresholds, multiLabel, weights}: Layout & {readonly weights: TypedArray | undefined},
): void {
  const size = sizeOf(context.outputShape);
  const units = context.outputShape.at(-1) as number;
  const sparse = context.loss.targets === 'classes';
  for (let at = 0; at < count * size; at++) {
    const unit = at % units;
    const target = targets?.[sparse ? (at - unit) / units : at] as number;
    const there = sparse ? target === unit : target > 0.5;
    const table = 2 * (multiLabel ? unit : 0) + (there ? 0 : 1);
    const place = table * (thresholds + 1) + thresholdsBelow(outputs?.[at] as number, thresholds);
    const weight = weights ? (weights[(at - (at % size)) / size] as number) : 1;
    sums[place] = (sums[place] as number) + weight;
  }
}

/** Area under the curve of a classifier's decisions (Bradley 1997), by counts at fixed thresholds. */
export function auc(options: AucOptions = {}): Metric {
  const where = 'metrics.auc';
  const known = ['numThresholds', 'curve', 'summationMethod', 'multiLabel', 'fromLogits'];
  checkOptions(where, options, known);
  const {numThresholds: thresholds = 200, curve = 'ROC', summationMethod = 'interpolation'} = options;
  const {multiLabel = false, fromLogits = false} = options;
  checkNumber(`${where}: numThresholds`, thresholds, {integer: true, min: 2, max: 100_000});
  checkChoice(`${where}: curve`, curve, curves);
  checkChoice(`${where}: summationMethod`, summationMethod, summations);
  checkBoolean(`${where}: multiLabel`, multiLabel);
  checkBoolean(`${where}: fromLogits`, fromLogits);
  const groupsOf = ({outputShape}: MetricContext): number =>
    multiLabel ? (outputShape.at(-1) as number) : 1;
  const statistics = (target: Tensor, output: Tensor, loss: Loss): Tensor[] => {
    const probabilities = fromLogits ? sigmoid(output) : output;
    if (loss.targets === 'classes') return [probabilities, classNumbers('auc', target, output)];
    checkValues('auc', target, output);
    return [probabilities, target];
  };
  return accumulated('auc', {...options}, statistics, {
    size: context => 2 * groupsOf(context) * (thresholds + 1),
    add: (sums, arrays, count, context, weights) =>
      addPredictions(sums, arrays, count, context, {thresholds, multiLabel, weights}),
    result(sums, context) {
      const groups = groupsOf(context);
      const table = (index: number): Float64Array =>
        sums.subarray(index * (thresholds + 1), (index + 1) * (thresholds + 1));
      let total = 0;
      for (let group = 0; group < groups; group++) {
        total += areaOf(table(2 * group), table(2 * group + 1), curve, summationMethod);
      }
      return total / groups;
    },
  });
}
