// Metrics from a confusion matrix: which class was predicted for each.
import type {TypedArray} from '../../core/dtype.ts';
import {checkNumber, fail} from '../../core/errors.ts';
import type {Tensor} from '../../core/tensor.ts';
import type {Loss} from '../losses.ts';
import {checkDecision} from './accuracy.ts';
import {failThreshold} from './classification.ts';
import {binsOfPairs, classesOf, countBins, countsOfPairs, decidesEach, marginsOf} from './counts.ts';
import type {DecisionOptions} from './decision.ts';
import {type Accumulation, accumulated, checkMetricOptions, type Metric, type NameOption} from './metric.ts';
import {ratio} from './threshold-counts.ts';

/** Accumulates a confusion matrix. */
function matrixOf(result: Accumulation['result']): Accumulation {
  return {
    size: context => classesOf(context) ** 2,
    add(sums, [bins], count, _, weights) {
      countBins(sums, bins as TypedArray, {count, weights});
    },
    result,
  };
}

/** A metric computed from the confusion matrix, with more options of these names. */
function matrixMetric(kind: string, result: Accumulation['result'], more: readonly string[] = []) {
  return (options: DecisionOptions & NameOption = {}): Metric => {
    checkMetricOptions(`metrics.${kind}`, options, ['threshold', 'fromLogits', ...more]);
    checkDecision(`metrics.${kind}`, options);
    const binsOf = (target: Tensor, output: Tensor, loss: Loss): Tensor => {
      const largest = !decidesEach(output.shape.at(-1) as number, loss);
      if (largest && options.threshold !== undefined) failThreshold(`metrics.${kind}`, 'classes');
      return binsOfPairs(kind, target, output, loss, options);
    };
    return accumulated(kind, {...options}, binsOf, matrixOf(result));
  };
}

/**
 * How often each class was predicted for each true class: `confusionMatrix[1][0]` in the logs is how often 0
 * was predicted where 1 was true. A single output above `threshold`, 0.5 by default, predicts class 1; under
 * a binary crossentropy several do too, each by itself, and the matrix of 0 and 1 counts them all.
 */
export const confusionMatrix = matrixMetric('confusionMatrix', (sums, context) => {
  const classes = classesOf(context);
  const cells = [...sums].map((count, at) => [`[${Math.floor(at / classes)}][${at % classes}]`, count]);
  return Object.fromEntries(cells);
});

/**
 * Correlation of predictions with the targets, −1 to 1, 0 for chance (Matthews 1975; for several classes
 * Gorodkin 2004). A single output above `threshold`, 0.5 by default, predicts class 1; under a binary
 * crossentropy several do too, each by itself, and all count as cases of one question.
 */
export const matthews = matrixMetric('matthews', (sums, context) => {
  const classes = classesOf(context);
  const {rows, columns} = marginsOf(sums, classes);
  const covariance = countsOfPairs(sums, classes).reduce(
    (sum, {truePositives, trueNegatives, falsePositives, falseNegatives}) =>
      sum + truePositives * trueNegatives - falsePositives * falseNegatives,
    0,
  );
  return ratio(covariance, Math.sqrt(spreadOf(rows) * spreadOf(columns)));
});

/** total² − Σ counts², by products of different counts: 0 where there is one class, and never less. */
function spreadOf(counts: readonly number[]): number {
  let [sum, spread] = [0, 0];
  for (const count of counts) {
    spread += 2 * sum * count;
    sum += count;
  }
  return spread;
}

/** For each of these classes how much of what was it or was predicted as it was both; the mean of them. */
function overlap(sums: Float64Array, classes: number, chosen: readonly number[] | undefined): number {
  const counts = countsOfPairs(sums, classes).filter((_, own) => chosen?.includes(own) ?? true);
  // A class that was neither there nor predicted has no overlap, and does not count, as in Keras.
  const met = counts.filter(own => own.truePositives + own.falsePositives + own.falseNegatives > 0);
  const shares = met.map(({truePositives, falsePositives, falseNegatives}) =>
    ratio(truePositives, truePositives + falsePositives + falseNegatives),
  );
  return ratio(
    shares.reduce((sum, share) => sum + share, 0),
    shares.length,
  );
}

/**
 * Intersection over union, tp / (tp + fp + fn), averaged over the classes (Everingham et al. 2010): of class
 * labels and of one-hot targets alike, and of yes and no as two classes. Classes that were neither there nor
 * predicted do not count.
 */
export const meanIoU = matrixMetric('meanIoU', (sums, context) =>
  overlap(sums, classesOf(context), undefined),
);

export interface IoUOptions extends DecisionOptions, NameOption {
  /** The classes to look at; for a single yes or no, 1 is yes. All by default. */
  readonly targetClassIds?: readonly number[];
}

/** The same of some classes alone. */
export function iou(options: IoUOptions = {}): Metric {
  const {targetClassIds} = options ?? {};
  const where = 'metrics.iou: targetClassIds';
  if (targetClassIds !== undefined && (!Array.isArray(targetClassIds) || targetClassIds.length === 0)) {
    fail(
      'ERR_OPTION',
      `${where}: expected a list of classes, such as [1]. Received ${String(targetClassIds)}.`,
    );
  }
  for (const id of targetClassIds ?? []) checkNumber(where, id, {integer: true, min: 0});
  const result: Accumulation['result'] = (sums, context) => {
    const classes = classesOf(context);
    const beyond = targetClassIds?.find(id => id >= classes);
    if (beyond !== undefined) {
      fail('ERR_OPTION', `${where}: the output has ${classes} classes. Received ${beyond}.`);
    }
    return overlap(sums, classes, targetClassIds);
  };
  return matrixMetric('iou', result, ['targetClassIds'])(options);
}
