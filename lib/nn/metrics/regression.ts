// Regression metrics, and losses as metrics.
import {checkChoice, checkNumber, fail} from '../../core/errors.ts';
import {sizeOf} from '../../core/shape.ts';
import type {Tensor} from '../../core/tensor.ts';
import {checkValues, type Loss} from '../losses/loss.ts';
import {cosines} from '../losses/regression.ts';
import * as losses from '../losses.ts';
import {meanPerSample} from '../samples.ts';
import {areLogits, ignoredClass, probabilitiesOf} from './decision.ts';
import {
  type Accumulation,
  accumulated,
  checkMetricOptions,
  type Metric,
  meanMetric,
  type NameOption,
} from './metric.ts';

/** The mean of a loss, which may be another than the model's. */
function meanOfLoss<Options extends object>(
  kind: string,
  make: (options?: Options) => Loss,
  known: readonly string[] = [],
) {
  return (options?: Options & NameOption): Metric => {
    checkMetricOptions(`metrics.${kind}`, options, known);
    const loss = make(ownOptions(options));
    return meanMetric(kind, {...options}, (target, output) => loss(target, output));
  };
}

/** Without what only a metric has; undefined where there are none. */
function ownOptions<Options extends object>(
  options: (Options & NameOption) | undefined,
): Options | undefined {
  if (options === undefined) return undefined;
  const {name: _, ...rest} = options;
  return rest as Options;
}

/** The mean of a crossentropy, of logits and without ignored labels where the loss says so. */
function meanOfCrossentropy(kind: string, make: (options?: object) => Loss) {
  return (options: losses.CrossentropyOptions & NameOption = {}): Metric => {
    checkMetricOptions(`metrics.${kind}`, options, ['fromLogits', 'labelSmoothing']);
    const own = ownOptions(options);
    make(own);
    const formula = (target: Tensor, output: Tensor, loss: Loss): Tensor => {
      const ignoreClass = loss.kind === kind ? ignoredClass(loss) : undefined;
      const fromLogits = areLogits(loss, options.fromLogits);
      return make({...own, fromLogits, ...(ignoreClass !== undefined && {ignoreClass})})(target, output);
    };
    return meanMetric(kind, {...options}, formula, kind.startsWith('sparse'));
  };
}

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
export function kullbackLeiblerDivergence(options: NameOption = {}): Metric {
  const kind = 'kullbackLeiblerDivergence';
  checkMetricOptions(`metrics.${kind}`, options, []);
  const divergence = losses.kullbackLeiblerDivergence();
  return meanMetric(kind, {...options}, (target, output, loss) =>
    divergence(target, probabilitiesOf(output, loss)),
  );
}
/** Mean of max(1 − target · output, 0). */
export const hinge = meanOfLoss('hinge', losses.hinge);
/** Mean of max(1 − target · output, 0)². */
export const squaredHinge = meanOfLoss('squaredHinge', losses.squaredHinge);
/** Mean of the loss `categoricalHinge`. */
export const categoricalHinge = meanOfLoss('categoricalHinge', losses.categoricalHinge);
/** Mean of the loss `binaryCrossentropy`. */
export const binaryCrossentropy = meanOfCrossentropy('binaryCrossentropy', losses.binaryCrossentropy);
/** Mean of the loss `categoricalCrossentropy`. */
export const categoricalCrossentropy = meanOfCrossentropy(
  'categoricalCrossentropy',
  losses.categoricalCrossentropy,
);
/** Mean of the loss `sparseCategoricalCrossentropy`. */
export const sparseCategoricalCrossentropy = meanOfCrossentropy(
  'sparseCategoricalCrossentropy',
  losses.sparseCategoricalCrossentropy,
);

/**
 * Mean cosine of the angle between target and output along `axis`, the last by default; the batch is axis 0.
 */
export function cosineSimilarity(options: {readonly axis?: number} & NameOption = {}): Metric {
  const where = 'metrics.cosineSimilarity';
  checkMetricOptions(where, options, ['axis']);
  const {axis = -1} = options;
  checkNumber(`${where}: axis`, axis, {integer: true, min: -6, max: 5});
  return meanMetric('cosineSimilarity', {...options}, (target, output) => {
    checkValues('cosineSimilarity', target, output);
    return meanPerSample(cosines('cosineSimilarity', target, output, axis));
  });
}

/** Square root of the mean of (output − target)² over all samples. */
export function rootMeanSquaredError(options: NameOption = {}): Metric {
  checkMetricOptions('metrics.rootMeanSquaredError', options, []);
  const squares = losses.meanSquaredError();
  return accumulated('rootMeanSquaredError', {...options}, (target, output) => squares(target, output), {
    size: () => 2,
    add(sums, [values], count, _, weights) {
      for (let sample = 0; sample < count; sample++) {
        const weight = weights ? (weights[sample] as number) : 1;
        sums[0] = (sums[0] as number) + weight * (values?.[sample] as number);
        sums[1] = (sums[1] as number) + weight;
      }
    },
    result: ([sum = 0, count = 0]) => (count === 0 ? 0 : Math.sqrt(sum / count)),
  });
}

const aggregations = ['uniformAverage', 'varianceWeightedAverage'] as const;

/**
 * The samples' weights, then for each column the mean of t so far, Σ (t − mean)² and Σ (y − t)². Each sample
 * moves the mean (Welford 1962): sums of squares far from zero would cancel.
 */
function columnSums(weighted: boolean): Accumulation {
  return {
    size: ({outputShape}) => 1 + 3 * sizeOf(outputShape),
    add(sums, [targets, outputs], count, {outputShape}, weights) {
      const width = sizeOf(outputShape);
      if (targets?.length !== count * width) {
        const received = `Received ${(targets?.length ?? 0) / count} numbers a sample, beside ${width}`;
        fail('ERR_SHAPE', `metrics.r2: has a part for each number of an output, of one size. ${received}.`);
      }
      for (let sample = 0, at = 0; sample < count; sample++) {
        const weight = weights ? (weights[sample] as number) : 1;
        const total = (sums[0] as number) + weight;
        sums[0] = total;
        for (let own = 1; own <= 3 * width; own += 3, at++) {
          const target = targets?.[at] as number;
          const mean = sums[own] as number;
          const moved = total === 0 ? mean : mean + ((target - mean) * weight) / total;
          sums[own] = moved;
          sums[own + 1] = (sums[own + 1] as number) + weight * (target - mean) * (target - moved);
          sums[own + 2] = (sums[own + 2] as number) + weight * ((outputs?.[at] as number) - target) ** 2;
        }
      }
    },
    result(sums, {outputShape}) {
      let [total, weights] = [0, 0];
      for (let column = 0; column < sizeOf(outputShape); column++) {
        const [, variation = 0, errors = 0] = sums.subarray(1 + 3 * column);
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
export function r2(
  options: {readonly classAggregation?: (typeof aggregations)[number]} & NameOption = {},
): Metric {
  checkMetricOptions('metrics.r2', options, ['classAggregation']);
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
export function crossentropy(options: NameOption = {}): Metric {
  checkMetricOptions('metrics.crossentropy', options, []);
  return meanMetric('crossentropy', {...options}, (target, output, loss) => {
    if (/crossentropy$/i.test(loss.kind)) return loss(target, output);
    if (loss.targets === 'classes') return losses.sparseCategoricalCrossentropy()(target, output);
    const single = output.shape.at(-1) === 1;
    return (single ? losses.binaryCrossentropy() : losses.categoricalCrossentropy())(target, output);
  });
}
