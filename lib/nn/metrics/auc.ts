// Areas under the curves of a classifier over all thresholds. Thresholds and sums are Keras's.
import {checkBoolean, checkChoice, checkNumber} from '../../core/errors.ts';
import {accumulated, checkMetricOptions, type Metric, type NameOption} from './metric.ts';
import {type CountsAbove, cumulate, predictions, ratio, thresholdCounts} from './threshold-counts.ts';

const curves = ['ROC', 'PR'] as const;
const summations = ['interpolation', 'minoring', 'majoring'] as const;

type Summation = (typeof summations)[number];

export interface AucOptions extends NameOption {
  /** How many, evenly from just below 0 to just above 1; 200 by default. */
  readonly numThresholds?: number;
  /** Recall over the false positive rate (`ROC`, the default), or precision over recall (`PR`). */
  readonly curve?: (typeof curves)[number];
  /**
   * Between thresholds: `interpolation` (the default), the lower value (`minoring`), the higher (`majoring`).
   */
  readonly summationMethod?: Summation;
  /** Whether to compute each class's area, and the mean of those, instead of one area for all outputs. */
  readonly multiLabel?: boolean;
  /** Whether outputs are logits; what the loss says by default. */
  readonly fromLogits?: boolean;
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

/**
 * Between two thresholds, true positives increase in proportion to all positives (Davis and Goadrich 2006).
 */
function interpolatedPr({positives, negatives}: CountsAbove, total: number): number {
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

/** From counts of predictions by how many thresholds they are above: of positive and of negative targets. */
function areaOf(
  positives: Float64Array,
  negatives: Float64Array,
  curve: 'ROC' | 'PR',
  summation: Summation,
): number {
  const totalOf = (counts: Float64Array): number => counts.reduce((sum, count) => sum + count, 0);
  const [positive, negative] = [totalOf(positives), totalOf(negatives)];
  const above = {positives: cumulate(positives), negatives: cumulate(negatives)};
  const recalls = above.positives.map(count => ratio(count, positive));
  if (curve === 'ROC') {
    const rates = above.negatives.map(count => ratio(count, negative));
    return areaUnder(rates, recalls, summation);
  }
  if (summation === 'interpolation') return interpolatedPr(above, positive);
  const precisions = above.positives.map((count, at) =>
    ratio(count, count + (above.negatives[at] as number)),
  );
  return areaUnder(recalls, precisions, summation);
}

/**
 * How many of the thresholds −1e-7, 1/(n−1), …, (n−2)/(n−1), 1 + 1e-7 a prediction within 0…1 is above. The
 * product of a float32 and a small integer is exact in float64.
 */
function thresholdsBelow(prediction: number, thresholds: number): number {
  const inner = Math.ceil(prediction * (thresholds - 1)) - 1;
  return 1 + Math.min(Math.max(inner, 0), thresholds - 2);
}

/** Area under the curve of a classifier (Bradley 1997), from counts at fixed thresholds. */
export function auc(options: AucOptions = {}): Metric {
  const where = 'metrics.auc';
  const known = ['numThresholds', 'curve', 'summationMethod', 'multiLabel', 'fromLogits'];
  checkMetricOptions(where, options, known);
  const {numThresholds: thresholds = 200, curve = 'ROC', summationMethod = 'interpolation'} = options;
  const {multiLabel = false, fromLogits} = options;
  checkNumber(`${where}: numThresholds`, thresholds, {integer: true, min: 2, max: 100_000});
  checkChoice(`${where}: curve`, curve, curves);
  checkChoice(`${where}: summationMethod`, summationMethod, summations);
  checkBoolean(`${where}: multiLabel`, multiLabel);
  if (fromLogits !== undefined) checkBoolean(`${where}: fromLogits`, fromLogits);
  const counted = {
    count: thresholds,
    multiLabel,
    below: (prediction: number): number => thresholdsBelow(prediction, thresholds),
  };
  return accumulated(
    'auc',
    {...options},
    predictions('auc', fromLogits),
    thresholdCounts(counted, groups => {
      const areas = groups.map(({positives, negatives}) =>
        areaOf(positives, negatives, curve, summationMethod),
      );
      return areas.reduce((sum, area) => sum + area, 0) / groups.length;
    }),
  );
}
