// The best of one measure of a classifier, over thresholds, where another is as good as asked. Keras's.
import {checkBoolean, checkNumber, fail, requireOptions} from '../../core/errors.ts';
import {accumulated, checkMetricOptions, type Metric, type NameOption} from './metric.ts';
import {cumulate, predictions, ratio, thresholdCounts} from './threshold-counts.ts';

export interface AtThresholdOptions extends NameOption {
  /** How many, evenly from 0 to 1; 200 by default. */
  readonly numThresholds?: number;
  /** The only class to look at. */
  readonly classId?: number;
  /** Whether outputs are logits; what the loss says by default. */
  readonly fromLogits?: boolean;
}

export interface PrecisionAtRecallOptions extends AtThresholdOptions {
  /** The recall that is asked for, from 0 to 1. */
  readonly recall: number;
}
export interface RecallAtPrecisionOptions extends AtThresholdOptions {
  /** The precision that is asked for, from 0 to 1. */
  readonly precision: number;
}
export interface SensitivityAtSpecificityOptions extends AtThresholdOptions {
  /** The specificity that is asked for, from 0 to 1. */
  readonly specificity: number;
}
export interface SpecificityAtSensitivityOptions extends AtThresholdOptions {
  /** The sensitivity that is asked for, from 0 to 1. */
  readonly sensitivity: number;
}

/** Counts at one threshold. */
interface Counts {
  readonly tp: number;
  readonly fp: number;
  readonly fn: number;
  readonly tn: number;
}

const measures = {
  precision: ({tp, fp}: Counts) => ratio(tp, tp + fp),
  recall: ({tp, fn}: Counts) => ratio(tp, tp + fn),
  sensitivity: ({tp, fn}: Counts) => ratio(tp, tp + fn),
  specificity: ({fp, tn}: Counts) => ratio(tn, tn + fp),
};
type Measure = keyof typeof measures;

function bestWhere(
  {positives, negatives}: {positives: Float64Array; negatives: Float64Array},
  best: Measure,
  held: Measure,
  least: number,
): number {
  const [found, wrong] = [cumulate(positives), cumulate(negatives)];
  const sum = (counts: Float64Array): number => counts.reduce((all, own) => all + own, 0);
  const [there, absent] = [sum(positives), sum(negatives)];
  const values = found.flatMap((tp, at) => {
    const fp = wrong[at] as number;
    const counts = {tp, fp, fn: there - tp, tn: absent - fp};
    return measures[held](counts) >= least ? [measures[best](counts)] : [];
  });
  return Math.max(0, ...values);
}

function atThreshold<Held extends Measure>(
  kind: string,
  best: Measure,
  held: Held,
): (options: AtThresholdOptions & {readonly [Name in Held]: number}) => Metric {
  const where = `metrics.${kind}`;
  return options => {
    requireOptions(where, options, [held, 'numThresholds', 'classId', 'fromLogits', 'name']);
    checkMetricOptions(where, options, [held, 'numThresholds', 'classId', 'fromLogits']);
    const {numThresholds: count = 200, classId, fromLogits} = options;
    const least = options[held];
    checkNumber(`${where}: ${held}`, least, {min: 0, max: 1});
    checkNumber(`${where}: numThresholds`, count, {integer: true, min: 2, max: 100_000});
    if (classId !== undefined) checkNumber(`${where}: classId`, classId, {integer: true, min: 0});
    if (fromLogits !== undefined) checkBoolean(`${where}: fromLogits`, fromLogits);
    const thresholds = {
      count,
      multiLabel: classId !== undefined,
      // Of 0, 1 / (n − 1), …, 1, those that are less. The product is exact in float64.
      below: (prediction: number): number =>
        Math.min(Math.max(Math.ceil(prediction * (count - 1)), 0), count),
    };
    const counted = thresholdCounts(thresholds, groups => {
      const own = groups[classId ?? 0];
      if (own) return bestWhere(own, best, held, least);
      return fail('ERR_OPTION', `${where}: classId: the output has ${groups.length} classes.`);
    });
    return accumulated(kind, {...options}, predictions(kind, fromLogits), counted);
  };
}

/** The best precision at a threshold where the recall is at least as asked; 0 where it is at none. */
export const precisionAtRecall = atThreshold('precisionAtRecall', 'precision', 'recall');
/** The best recall where the precision is at least as asked. */
export const recallAtPrecision = atThreshold('recallAtPrecision', 'recall', 'precision');
/** The best sensitivity, tp / (tp + fn), where the specificity, tn / (tn + fp), is at least as asked. */
export const sensitivityAtSpecificity = atThreshold('sensitivityAtSpecificity', 'sensitivity', 'specificity');
/** The best specificity where the sensitivity is at least as asked. */
export const specificityAtSensitivity = atThreshold('specificityAtSensitivity', 'specificity', 'sensitivity');
