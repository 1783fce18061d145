// Metrics of classification, from counts.
import {checkChoice, checkNumber, fail} from '../../core/errors.ts';
import {sizeOf} from '../../core/shape.ts';
import type {Tensor} from '../../core/tensor.ts';
import type {Loss} from '../losses.ts';
import {checkDecision} from './accuracy.ts';
import {
  binsOfEach,
  binsOfPairs,
  type ClassCounts,
  classesOf,
  countBins,
  countsOfEach,
  countsOfPairs,
  decidesEach,
  marginsOf,
  pairsOf,
} from './counts.ts';
import {type DecisionOptions, isBinary} from './decision.ts';
import {
  type Accumulation,
  accumulated,
  checkMetricOptions,
  type Metric,
  type MetricContext,
  type NameOption,
} from './metric.ts';

const averages = ['micro', 'macro', 'weighted'] as const;

/**
 * A class is predicted if its output is above the threshold. If targets are class labels, the class of the
 * largest output is predicted, and no threshold may be given.
 */
export interface ClassificationOptions extends DecisionOptions, NameOption {
  /**
   * How classes are combined: `micro` sums their counts, `macro` is the mean of their values, `weighted`
   * weights these by how often each class is true. A class without cases has the value 0, as in Keras.
   */
  readonly average?: (typeof averages)[number];
  /** The only class to look at. */
  readonly classId?: number;
}

const ratio = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole);

function averaged(
  counts: readonly ClassCounts[],
  average: (typeof averages)[number],
  formula: (counts: ClassCounts) => number,
): number {
  const sumOf = (field: keyof ClassCounts): number => counts.reduce((sum, one) => sum + one[field], 0);
  if (average === 'micro') {
    return formula({
      truePositives: sumOf('truePositives'),
      falsePositives: sumOf('falsePositives'),
      falseNegatives: sumOf('falseNegatives'),
      trueNegatives: sumOf('trueNegatives'),
    });
  }
  const weightOf = ({truePositives, falseNegatives}: ClassCounts): number =>
    average === 'macro' ? 1 : truePositives + falseNegatives;
  const weights = counts.reduce((sum, one) => sum + weightOf(one), 0);
  return ratio(
    counts.reduce((sum, one) => sum + weightOf(one) * formula(one), 0),
    weights,
  );
}

interface Rules {
  readonly defaultAverage: (typeof averages)[number];
  /** Whether, without a threshold, the class of the largest output is predicted, as in Keras's F1Score. */
  readonly predictsLargest: boolean;
  formula(counts: ClassCounts): number;
}

function decisions(kind: string, rules: Rules): (options?: ClassificationOptions) => Metric {
  const where = `metrics.${kind}`;
  return (options = {}) => {
    checkMetricOptions(where, options, ['threshold', 'fromLogits', 'average', 'classId']);
    checkDecision(where, options);
    const {threshold, average = rules.defaultAverage, classId} = options;
    checkChoice(`${where}: average`, average, averages);
    if (classId !== undefined) checkNumber(`${where}: classId`, classId, {integer: true, min: 0});
    const usesMatrix = ({loss, outputShape}: MetricContext): boolean =>
      loss.targets === 'classes' ||
      (rules.predictsLargest && threshold === undefined && outputShape.at(-1) !== 1 && !isBinary(loss));
    const binsOf = (target: Tensor, output: Tensor, loss: Loss): Tensor => {
      checkUse(where, options, loss, output.shape.at(-1) as number);
      return usesMatrix({loss, outputShape: output.shape.slice(1)})
        ? binsOfPairs(kind, target, output, loss, options)
        : binsOfEach(kind, target, output, loss, options);
    };
    return accumulated(kind, {...options}, binsOf, {
      size: context =>
        usesMatrix(context) ? classesOf(context) ** 2 : 4 * (context.outputShape.at(-1) as number),
      add(sums, [bins], count, context, weights) {
        const perSample = usesMatrix(context) ? pairsOf(context) : sizeOf(context.outputShape);
        countBins(sums, bins, {count, perSample, weights});
      },
      result(sums, context) {
        const counts = usesMatrix(context) ? countsOfPairs(sums, classesOf(context)) : countsOfEach(sums);
        const chosen = classId === undefined ? counts : counts.slice(classId, classId + 1);
        return averaged(chosen, average, rules.formula);
      },
    });
  };
}

function failThreshold(where: string, targets: string): never {
  const instead = 'the largest output is the prediction';
  fail('ERR_OPTION', `${where}: threshold: targets are ${targets} here; ${instead}.`);
}

function checkUse(
  where: string,
  {threshold, classId}: ClassificationOptions,
  loss: Loss,
  units: number,
): void {
  if (threshold !== undefined && loss.targets === 'classes') {
    failThreshold(where, 'class labels');
  }
  if (classId !== undefined && classId >= units) {
    fail('ERR_OPTION', `${where}: classId: the output has ${units} classes. Received ${classId}.`);
  }
}

/** Fraction of predictions that are right: tp / (tp + fp); `average` is `micro` by default, as in Keras. */
export const precision = decisions('precision', {
  defaultAverage: 'micro',
  predictsLargest: false,
  formula: ({truePositives, falsePositives}) => ratio(truePositives, truePositives + falsePositives),
});

/** Fraction of cases that are found: tp / (tp + fn); `average` is `micro` by default, as in Keras. */
export const recall = decisions('recall', {
  defaultAverage: 'micro',
  predictsLargest: false,
  formula: ({truePositives, falseNegatives}) => ratio(truePositives, truePositives + falseNegatives),
});

/** Fraction of non-cases that are not predicted: tn / (tn + fp); `average` is `micro` by default. */
export const specificity = decisions('specificity', {
  defaultAverage: 'micro',
  predictsLargest: false,
  formula: ({trueNegatives, falsePositives}) => ratio(trueNegatives, trueNegatives + falsePositives),
});

/**
 * Harmonic mean of precision and recall: 2·tp / (2·tp + fp + fn). Without a threshold, the class of the
 * largest of several outputs is predicted, unless the loss is a binary crossentropy. `average` is `macro` by
 * default.
 */
export const f1 = decisions('f1', {
  defaultAverage: 'macro',
  predictsLargest: true,
  formula: ({truePositives, falsePositives, falseNegatives}) =>
    ratio(2 * truePositives, 2 * truePositives + falsePositives + falseNegatives),
});

/** Accumulates a confusion matrix. */
function matrixOf(result: Accumulation['result']): Accumulation {
  return {
    size: context => classesOf(context) ** 2,
    add(sums, [bins], count, context, weights) {
      countBins(sums, bins, {count, perSample: pairsOf(context), weights});
    },
    result,
  };
}

/** A metric computed from the confusion matrix. */
function matrixMetric(kind: string, result: Accumulation['result']) {
  return (options: DecisionOptions & NameOption = {}): Metric => {
    checkMetricOptions(`metrics.${kind}`, options, ['threshold', 'fromLogits']);
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
