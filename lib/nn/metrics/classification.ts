// Metrics of right and wrong decisions, from integer counts.
import {checkChoice, checkNumber, checkOptions, fail} from '../../core/errors.ts';
import {sizeOf} from '../../core/shape.ts';
import type {Tensor} from '../../core/tensor.ts';
import type {Loss} from '../losses.ts';
import {
  binsOfEach,
  binsOfPairs,
  type ClassCounts,
  classesOf,
  countBins,
  countsOfEach,
  countsOfPairs,
  marginsOf,
} from './counts.ts';
import {type Accumulation, accumulated, type Metric, type MetricContext} from './metric.ts';

const averages = ['micro', 'macro', 'weighted'] as const;

export interface ClassificationOptions {
  /**
   * Outputs above it are predictions, 0.5 by default, each class on its own. Where targets are class
   * numbers, the largest output is the one prediction, and no threshold is taken.
   */
  readonly threshold?: number;
  /**
   * Over several classes: `micro` counts all alike, `macro` is the mean of the classes' numbers, `weighted`
   * by how often each is there. A class without cases counts 0, as in Keras.
   */
  readonly average?: (typeof averages)[number];
  /** Looks at one class and no other. */
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
  readonly byDefault: (typeof averages)[number];
  /** Without a threshold the largest of several outputs is the prediction, as in Keras's F1Score. */
  readonly largest: boolean;
  formula(counts: ClassCounts): number;
}

function decisions(kind: string, rules: Rules): (options?: ClassificationOptions) => Metric {
  const where = `metrics.${kind}`;
  return (options = {}) => {
    checkOptions(where, options, ['threshold', 'average', 'classId']);
    const {threshold, average = rules.byDefault, classId} = options;
    if (threshold !== undefined) checkNumber(`${where}: threshold`, threshold, {});
    checkChoice(`${where}: average`, average, averages);
    if (classId !== undefined) checkNumber(`${where}: classId`, classId, {integer: true, min: 0});
    const pairs = ({loss, outputShape}: MetricContext): boolean =>
      loss.targets === 'classes' || (rules.largest && threshold === undefined && outputShape.at(-1) !== 1);
    const bins = (target: Tensor, output: Tensor, loss: Loss): Tensor => {
      checkUse(where, options, loss, output.shape.at(-1) as number);
      return pairs({loss, outputShape: output.shape.slice(1)})
        ? binsOfPairs(kind, target, output, loss, 0.5)
        : binsOfEach(kind, target, output, threshold ?? 0.5);
    };
    return accumulated(kind, {...options}, bins, {
      size: context =>
        pairs(context) ? classesOf(context) ** 2 : 4 * (context.outputShape.at(-1) as number),
      add(sums, [numbers], count, context, weights) {
        const size = sizeOf(context.outputShape);
        const perSample = pairs(context) ? size / (context.outputShape.at(-1) as number) : size;
        countBins(sums, numbers, {count, perSample, weights});
      },
      result(sums, context) {
        const counts = pairs(context) ? countsOfPairs(sums, classesOf(context)) : countsOfEach(sums);
        const chosen = classId === undefined ? counts : counts.slice(classId, classId + 1);
        return averaged(chosen, average, rules.formula);
      },
    });
  };
}

function checkUse(
  where: string,
  {threshold, classId}: ClassificationOptions,
  loss: Loss,
  units: number,
): void {
  if (threshold !== undefined && loss.targets === 'classes') {
    const instead = 'the largest output is the prediction';
    fail('ERR_OPTION', `${where}: threshold: targets are class numbers here; ${instead}.`);
  }
  if (classId !== undefined && classId >= units) {
    fail('ERR_OPTION', `${where}: classId: the output has ${units} classes. Received ${classId}.`);
  }
}

/** Share of predictions that are right: tp / (tp + fp); `average` is `micro` by default, as in Keras. */
export const precision = decisions('precision', {
  byDefault: 'micro',
  largest: false,
  formula: ({truePositives, falsePositives}) => ratio(truePositives, truePositives + falsePositives),
});

/** Share of cases that are found: tp / (tp + fn); `average` is `micro` by default, as in Keras. */
export const recall = decisions('recall', {
  byDefault: 'micro',
  largest: false,
  formula: ({truePositives, falseNegatives}) => ratio(truePositives, truePositives + falseNegatives),
});

/** Share of what is no case and was predicted to be none: tn / (tn + fp); `average` is `micro` by default. */
export const specificity = decisions('specificity', {
  byDefault: 'micro',
  largest: false,
  formula: ({trueNegatives, falsePositives}) => ratio(trueNegatives, trueNegatives + falsePositives),
});

/**
 * Harmonic mean of precision and recall: 2·tp / (2·tp + fp + fn). Of several outputs the largest is the
 * prediction unless there is a threshold; `average` is `macro` by default.
 */
export const f1 = decisions('f1', {
  byDefault: 'macro',
  largest: true,
  formula: ({truePositives, falsePositives, falseNegatives}) =>
    ratio(2 * truePositives, 2 * truePositives + falsePositives + falseNegatives),
});

/** Counts of pairs of a true and a predicted class. */
function pairCounts(result: Accumulation['result']): Accumulation {
  return {
    size: context => classesOf(context) ** 2,
    add(sums, [bins], count, {outputShape}, weights) {
      const perSample = sizeOf(outputShape) / (outputShape.at(-1) as number);
      countBins(sums, bins, {count, perSample, weights});
    },
    result,
  };
}

function pairMetric(kind: string, result: Accumulation['result']) {
  return (options: {threshold?: number} = {}): Metric => {
    checkOptions(`metrics.${kind}`, options, ['threshold']);
    const {threshold = 0.5} = options;
    checkNumber(`metrics.${kind}: threshold`, threshold, {});
    const bins = (target: Tensor, output: Tensor, loss: Loss): Tensor =>
      binsOfPairs(kind, target, output, loss, threshold);
    return accumulated(kind, {threshold: options.threshold}, bins, pairCounts(result));
  };
}

/**
 * How often each class was taken for each: `confusionMatrix[1][0]` in the logs says how often 0 was
 * predicted where 1 was true. A single output above `threshold`, 0.5 by default, predicts the class 1.
 */
export const confusionMatrix = pairMetric('confusionMatrix', (sums, context) => {
  const classes = classesOf(context);
  const cells = [...sums].map((count, at) => [`[${Math.floor(at / classes)}][${at % classes}]`, count]);
  return Object.fromEntries(cells);
});

/**
 * Correlation of predictions with the truth, −1 to 1, 0 for chance (Matthews 1975; for several classes
 * Gorodkin 2004). A single output above `threshold`, 0.5 by default, predicts the class 1.
 */
export const matthews = pairMetric('matthews', (sums, context) => {
  const classes = classesOf(context);
  const {rows, columns, total} = marginsOf(sums, classes);
  const right = rows.reduce((sum, _, own) => sum + (sums[own * classes + own] as number), 0);
  const product = (a: readonly number[], b: readonly number[]): number =>
    a.reduce((sum, value, at) => sum + value * (b[at] as number), 0);
  const spread = (margin: readonly number[]): number => total * total - product(margin, margin);
  return ratio(right * total - product(rows, columns), Math.sqrt(spread(rows) * spread(columns)));
});
