// Regression metrics, and losses as metrics.
import {checkChoice, checkNumber, checkOptions} from '../../core/errors.ts';
import {sizeOf} from '../../core/shape.ts';
import type {Tensor} from '../../core/tensor.ts';
import {checkValues, type Loss, type NoOptions} from '../losses/loss.ts';
import {cosines} from '../losses/regression.ts';
import * as losses from '../losses.ts';
import {meanPerSample} from '../samples.ts';
import {type Accumulation, accumulated, type Metric, meanMetric} from './metric.ts';

/** The mean of a loss, which may be another than the model's. */
function meanOfLoss<Options extends object>(
  kind: string,
  make: (options?: Options) => Loss,
  known: readonly string[] = [],
) {
  return (options?: Options): Metric => {
    checkOptions(`metrics.${kind}`, options, known);
    const loss = make(options);
    return meanMetric(kind, {...options}, (target, output) => loss(target, output));
  };
}

const crossentropyOptions = ['fromLogits', 'labelSmoothing'];

/** Mean of (output − target)². */
export const meanSquaredError = meanOfLoss('meanSquaredError', losses.meanSquaredError);
/** Mean of |output − target|. */
export const meanAbsoluteError = meanOfLoss('meanAbsoluteError', losses.meanAbsoluteError);
/** 100 · mean of |output − target| / |target|. */
export const meanAbsolutePercentageError = meanOfLoss(
  'meanAbsolutePercentageError',
  losses.meanAbsolutePercentageError,
);
/** Mean of (log(1 + output) − log(1 + target))². */
export const meanSquaredLogarithmicError = meanOfLoss(
  'meanSquaredLogarithmicError',
  losses.meanSquaredLogarithmicError,
);
/** Mean of log(cosh(output − target)). */
export const logcosh = meanOfLoss('logcosh', losses.logcosh);
/** Mean of the loss `huber`. */
export const huber = meanOfLoss('huber', losses.huber, ['delta']);
/** Mean of output − target · log(output). */
export const poisson = meanOfLoss('poisson', losses.poisson);
/** Mean of Σ t·log(t / p). */
export const kullbackLeiblerDivergence = meanOfLoss(
  'kullbackLeiblerDivergence',
  losses.kullbackLeiblerDivergence,
);
/** Mean of max(1 − target · output, 0). */
export const hinge = meanOfLoss('hinge', losses.hinge);
/** Mean of max(1 − target · output, 0)². */
export const squaredHinge = meanOfLoss('squaredHinge', losses.squaredHinge);
/** Mean of the loss `categoricalHinge`. */
export const categoricalHinge = meanOfLoss('categoricalHinge', losses.categoricalHinge);
/** Mean of the loss `binaryCrossentropy`. */
export const binaryCrossentropy = meanOfLoss(
  'binaryCrossentropy',
  losses.binaryCrossentropy,
  crossentropyOptions,
);
/** Mean of the loss `categoricalCrossentropy`. */
export const categoricalCrossentropy = meanOfLoss(
  'categoricalCrossentropy',
  losses.categoricalCrossentropy,
  crossentropyOptions,
);
/** Mean of the loss `sparseCategoricalCrossentropy`. */
export const sparseCategoricalCrossentropy = meanOfLoss(
  'sparseCategoricalCrossentropy',
  losses.sparseCategoricalCrossentropy,
  crossentropyOptions,
);

/**
 * Mean cosine of the angle between target and output along `axis`, the last by default; the batch is axis 0.
 */
export function cosineSimilarity(options: {axis?: number} = {}): Metric {
  const where = 'metrics.cosineSimilarity';
  checkOptions(where, options, ['axis']);
  const {axis = -1} = options;
  checkNumber(`${where}: axis`, axis, {integer: true, min: -6, max: 5});
  return meanMetric('cosineSimilarity', {axis: options.axis}, (target, output) => {
    checkValues('cosineSimilarity', target, output);
    return meanPerSample(cosines('cosineSimilarity', target, output, axis));
  });
}

/** Square root of the mean of (output − target)² over all samples. */
export function rootMeanSquaredError(options?: NoOptions): Metric {
  checkOptions('metrics.rootMeanSquaredError', options, []);
  const squares = losses.meanSquaredError();
  return accumulated('rootMeanSquaredError', {}, (target, output) => squares(target, output), {
    size: () => 2,
    add(sums, [values], count, _, weights) {
      for (let sample = 0; sample < count; sample++) {
        const weight = weights ? (weights[sample] as number) : 1;
        sums[0] = (sums[0] as number) + weight * (values?.[sample] as number);
        sums[1] = (sums[1] as number) + weight;
      }
    },
    result: ([sum = 0, count = 0]) => Math.sqrt(sum / count),
  });
}

const aggregations = ['uniformAverage', 'varianceWeightedAverage'] as const;

/** Sums: of the samples' weights, then for each column Σ t, Σ t² and Σ (y − t)². */
function columnSums(weighted: boolean): Accumulation {
  return {
    size: ({outputShape}) => 1 + 3 * sizeOf(outputShape),
    add(sums, [targets, outputs], count, {outputShape}, weights) {
      const width = sizeOf(outputShape);
      for (let column = 0; column < width; column++) {
        let [sum, squares, errors] = [0, 0, 0];
        for (let sample = 0, at = column; sample < count; sample++, at += width) {
          const weight = weights ? (weights[sample] as number) : 1;
          const target = targets?.[at] as number;
          sum += weight * target;
          squares += weight * target * target;
          errors += weight * ((outputs?.[at] as number) - target) ** 2;
        }
        const own = 1 + 3 * column;
        sums[own] = (sums[own] as number) + sum;
        sums[own + 1] = (sums[own + 1] as number) + squares;
        sums[own + 2] = (sums[own + 2] as number) + errors;
      }
      for (let sample = 0; sample < count; sample++) {
        sums[0] = (sums[0] as number) + (weights ? (weights[sample] as number) : 1);
      }
    },
    result(sums, {outputShape}) {
      const [count = 0] = sums;
      let [total, weights] = [0, 0];
      for (let column = 0; column < sizeOf(outputShape); column++) {
        const [sum = 0, squares = 0, errors = 0] = sums.subarray(1 + 3 * column);
        const variation = squares - (sum * sum) / count;
        const weight = weighted ? variation : 1;
        // A constant target has no variation to explain.
        total += variation > 0 ? weight * (1 - errors / variation) : 0;
        weights += weight;
      }
      return weights > 0 ? total / weights : 0;
    },
  };
}

/**
 * Coefficient of determination, 1 − Σ (y − t)² / Σ (t − mean of t)², of each column, averaged over the
 * columns equally or weighted by their variation.
 */
export function r2(options: {classAggregation?: (typeof aggregations)[number]} = {}): Metric {
  checkOptions('metrics.r2', options, ['classAggregation']);
  const {classAggregation = 'uniformAverage'} = options;
  checkChoice('metrics.r2: classAggregation', classAggregation, aggregations);
  const statistics = (target: Tensor, output: Tensor): Tensor[] => {
    checkValues('r2', target, output);
    return [target, output];
  };
  const accumulation = columnSums(classAggregation === 'varianceWeightedAverage');
  return accumulated('r2', {...options}, statistics, accumulation);
}

/**
 * The crossentropy that suits the output's loss: that loss itself where it is one, else sparse for class
 * labels, binary for one unit, categorical for several.
 */
export function crossentropy(options: NoOptions = {}): Metric {
  checkOptions('metrics.crossentropy', options, []);
  return meanMetric('crossentropy', {}, (target, output, loss) => {
    if (/crossentropy$/i.test(loss.kind)) return loss(target, output);
    if (loss.targets === 'classes') return losses.sparseCategoricalCrossentropy()(target, output);
    const single = output.shape.at(-1) === 1;
    return (single ? losses.binaryCrossentropy() : losses.categoricalCrossentropy())(target, output);
  });
}
