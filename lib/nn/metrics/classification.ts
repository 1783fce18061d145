// Metrics of classification, from counts.
import type {TypedArray} from '../../core/dtype.ts';
import {checkChoice, checkNumber, fail} from '../../core/errors.ts';
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
} from './counts.ts';
import {type DecisionOptions, isBinary} from './decision.ts';
import {accumulated, checkMetricOptions, type Metric, type MetricContext, type NameOption} from './metric.ts';
import {ratio} from './threshold-counts.ts';

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

/** A metric of decisions, with options of these names. */
function decisions(
  kind: string,
  rules: Rules,
  known: readonly string[] = ['threshold', 'fromLogits', 'average', 'classId'],
): (options?: ClassificationOptions) => Metric {
  const where = `metrics.${kind}`;
  return (options = {}) => {
    checkMetricOptions(where, options, known);
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
      add(sums, [bins], count, _, weights) {
        countBins(sums, bins as TypedArray, {count, weights});
      },
      result(sums, context) {
        const counts = usesMatrix(context) ? countsOfPairs(sums, classesOf(context)) : countsOfEach(sums);
        const chosen = classId === undefined ? counts : counts.slice(classId, classId + 1);
        return averaged(chosen, average, rules.formula);
      },
    });
  };
}

export function failThreshold(where: string, targets: string): never {
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

export interface FBetaOptions extends ClassificationOptions {
  /** How much more recall counts than precision. 1 by default, which is `f1`. */
  readonly beta?: number;
}

/**
 * The weighted harmonic mean of precision and recall: (1 + b²)·tp / ((1 + b²)·tp + b²·fn + fp) (van
 * Rijsbergen 1979); otherwise as `f1`.
 */
export function fBeta(options: FBetaOptions = {}): Metric {
  const {beta = 1} = options ?? {};
  checkNumber('metrics.fBeta: beta', beta, {above: 0, max: 1e6});
  const [share, known] = [beta ** 2, ['beta', 'threshold', 'fromLogits', 'average', 'classId']];
  const rules: Rules = {
    defaultAverage: 'macro',
    predictsLargest: true,
    formula: ({truePositives, falsePositives, falseNegatives}) => {
      const found = (1 + share) * truePositives;
      return ratio(found, found + share * falseNegatives + falsePositives);
    },
  };
  return decisions('fBeta', rules, known)(options);
}

/** A class is predicted as for `precision`. */
export type CountOptions = Omit<ClassificationOptions, 'average'>;

/** How often something was the case, over all classes. */
const counter = (kind: keyof ClassCounts): ((options?: CountOptions) => Metric) =>
  decisions(kind, {defaultAverage: 'micro', predictsLargest: false, formula: counts => counts[kind]}, [
    'threshold',
    'fromLogits',
    'classId',
  ]);

/** How often a class was predicted and was there. */
export const truePositives = counter('truePositives');
/** How often a class was predicted and was not there. */
export const falsePositives = counter('falsePositives');
/** How often a class was neither predicted nor there. */
export const trueNegatives = counter('trueNegatives');
/** How often a class was there and was not predicted. */
export const falseNegatives = counter('falseNegatives');
