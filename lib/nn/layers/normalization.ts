// Layers that normalize their input to mean 0 and variance 1, then apply a learned scale and offset.
import {checkNumber, checkOptions, fail} from '../../core/errors.ts';
import {formatShape, type Shape, sizeOf} from '../../core/shape.ts';
import type {Tensor} from '../../core/tensor.ts';
import {add, broadcastTo, div, maximum, mul, ones, sqrt, square, sub, zeros} from '../../ops/map.ts';
import {reshape} from '../../ops/move.ts';
import {layerNorm} from '../../ops/normalize.ts';
import {mean, sum} from '../../ops/reduce.ts';
import type {CallContext, MakeWeight} from '../call-context.ts';
import {type Layer, type LayerOptions, layerOptions} from '../layer.ts';
import {checkBoolean} from '../layer-options.ts';
import {makeLayer} from '../make-layer.ts';
import {maskWeights} from '../masking.ts';
import {
  type ConstraintLike,
  describeOption,
  type InitializerLike,
  type RegularizerLike,
  toConstraint,
  toInitializer,
  toRegularizer,
} from '../resolve.ts';
import {sampleAxis} from './axes.ts';
import {type ChannelMoments, channelMoments, normalizedByBatch} from './batch-statistics.ts';

export interface ScaleOptions extends LayerOptions {
  /** Whether to add a learned offset `beta`. True by default. */
  readonly center?: boolean;
  /** Whether to multiply by a learned factor `gamma`. True by default. */
  readonly scale?: boolean;
  /** Added to the variance. 0.001 by default. */
  readonly epsilon?: number;
  /** `zeros` by default. */
  readonly betaInitializer?: InitializerLike;
  /** `ones` by default. */
  readonly gammaInitializer?: InitializerLike;
  readonly betaRegularizer?: RegularizerLike;
  readonly gammaRegularizer?: RegularizerLike;
  readonly betaConstraint?: ConstraintLike;
  readonly gammaConstraint?: ConstraintLike;
}

export const scaleOptions = [
  ...layerOptions,
  'axis',
  'epsilon',
  'center',
  'scale',
  'betaInitializer',
  'gammaInitializer',
  'betaRegularizer',
  'gammaRegularizer',
  'betaConstraint',
  'gammaConstraint',
];

/** Checks the options of gamma and beta; gives them as JSON, and makes the weights. */
export function learnedScale(where: string, options: ScaleOptions) {
  const {center = true, scale = true, epsilon = 1e-3} = options;
  checkBoolean(`${where}: center`, options.center);
  checkBoolean(`${where}: scale`, options.scale);
  checkNumber(`${where}: epsilon`, epsilon, {above: 0});
  const weightOptions = (name: 'beta' | 'gamma', initial: 'zeros' | 'ones') => ({
    initializer: toInitializer(options[`${name}Initializer`] ?? initial, `${where}: ${name}Initializer`),
    regularizer: toRegularizer(options[`${name}Regularizer`], `${where}: ${name}Regularizer`),
    constraint: toConstraint(options[`${name}Constraint`], `${where}: ${name}Constraint`),
  });
  const [beta, gamma] = [weightOptions('beta', 'zeros'), weightOptions('gamma', 'ones')];
  const describeOptions = (name: 'beta' | 'gamma', {initializer, regularizer, constraint}: typeof beta) => ({
    [`${name}Initializer`]: describeOption('initializer', options[`${name}Initializer`] && initializer),
    [`${name}Regularizer`]: describeOption('regularizer', regularizer),
    [`${name}Constraint`]: describeOption('constraint', constraint),
  });
  return {
    epsilon,
    config: () => ({
      epsilon: options.epsilon,
      center: options.center,
      scale: options.scale,
      ...describeOptions('beta', beta),
      ...describeOptions('gamma', gamma),
    }),
    weights: (weight: MakeWeight, shape: Shape) => ({
      gamma: scale ? weight('gamma', shape, gamma) : undefined,
      beta: center ? weight('beta', shape, beta) : undefined,
    }),
  };
}

interface Moments {
  readonly mean: Tensor;
  readonly variance: Tensor;
  readonly centered: Tensor;
}

/** The same over what has weight 1, or 0 where nothing has: sums are divided by that of the weights. */
function weightedMoments(x: Tensor, axes: readonly number[], weights: Tensor): Moments {
  const total = maximum(sum(weights, axes, true), 1);
  const center = div(sum(mul(x, weights), axes, true), total);
  const centered = sub(x, center);
  return {mean: center, variance: div(sum(mul(square(centered), weights), axes, true), total), centered};
}

/** Mean and variance over axes, which are kept with size 1; the variance is the biased one, divided by n. */
export function momentsOf(x: Tensor, axes: readonly number[]): Moments {
  const center = mean(x, axes, true);
  const centered = sub(x, center);
  return {mean: center, variance: mean(square(centered), axes, true), centered};
}

/** centered / √(variance + epsilon) · gamma + beta; the other operands broadcast to `centered`. */
export function normalized(
  {centered, variance}: Omit<Moments, 'mean'>,
  epsilon: number,
  gamma: Tensor | undefined,
  beta: Tensor | undefined,
): Tensor {
  const deviation = sqrt(add(variance, epsilon));
  const result = gamma ? mul(centered, div(gamma, deviation)) : div(centered, deviation);
  return beta ? add(result, beta) : result;
}

export interface BatchNormalizationOptions extends ScaleOptions {
  /**
   * The axis along which each position has its own statistics; the batch is axis 0. −1, the last, by default.
   */
  readonly axis?: number;
  /** The fraction of the moving statistics that is kept at each step. 0.99 by default. */
  readonly momentum?: number;
  /** `zeros` by default. */
  readonly movingMeanInitializer?: InitializerLike;
  /** `ones` by default. */
  readonly movingVarianceInitializer?: InitializerLike;
}

const movingOptions = ['movingMeanInitializer', 'movingVarianceInitializer'] as const;

/** Lets the moving statistics follow those of the batch, with the commit of the step. */
function follow(context: CallContext, moving: ChannelMoments, batch: ChannelMoments, momentum: number): void {
  for (const name of ['mean', 'variance'] as const) {
    const current = reshape(batch[name], moving[name].shape);
    context.update(moving[name], now => add(mul(now, momentum), mul(current, 1 - momentum)));
  }
}

/**
 * (x − mean) / √(variance + epsilon) · gamma + beta for each position of an axis (Ioffe and Szegedy 2015). In
 * training, mean and variance are those of the batch, and the moving ones become momentum · moving + (1 −
 * momentum) · batch with the commit of the step. Otherwise, and while the layer is not `trainable`, the
 * moving ones are used, as in Keras. What a mask leaves out does not count in the statistics.
 */
export function batchNormalization(options: BatchNormalizationOptions = {}): Layer {
  const where = 'layers.batchNormalization';
  checkOptions(where, options, [...scaleOptions, 'momentum', ...movingOptions]);
  const {axis = -1, momentum = 0.99} = options;
  checkNumber(`${where}: axis`, axis, {integer: true});
  checkNumber(`${where}: momentum`, momentum, {min: 0, max: 1});
  const learned = learnedScale(where, options);
  const [meanInitializer, varianceInitializer] = [
    toInitializer(options.movingMeanInitializer ?? 'zeros', `${where}: movingMeanInitializer`),
    toInitializer(options.movingVarianceInitializer ?? 'ones', `${where}: movingVarianceInitializer`),
  ];
  const config = () => ({
    axis: options.axis,
    momentum: options.momentum,
    ...learned.config(),
    movingMeanInitializer: describeOption('initializer', options.movingMeanInitializer && meanInitializer),
    movingVarianceInitializer: describeOption(
      'initializer',
      options.movingVarianceInitializer && varianceInitializer,
    ),
  });
  return makeLayer(
    'batchNormalization',
    options,
    config,
    (inputShape, weight, layer) => {
      const along = sampleAxis('batchNormalization', axis, inputShape);
      const size = inputShape[along - 1] as number;
      const {gamma, beta} = learned.weights(weight, [size]);
      const moving = {
        mean: weight('movingMean', [size], {initializer: meanInitializer, trainable: false}),
        variance: weight('movingVariance', [size], {initializer: varianceInitializer, trainable: false}),
      };
      return (x, context) => {
        // For the last axis, the others are flattened into one, so that the statistics take one reduction.
        const last = along === x.rank - 1;
        const rows = last ? reshape(x, [x.size / size, size]) : x;
        const axes = rows.shape.map((_, at) => at).filter(at => at !== (last ? 1 : along));
        const spread = (values: Tensor): Tensor =>
          reshape(
            values,
            rows.shape.map((_, at) => (axes.includes(at) ? 1 : size)),
          );
        const [factor, shift] = [gamma && spread(gamma), beta && spread(beta)];
        if (!context.training || !layer.trainable) {
          const centered = sub(rows, spread(moving.mean));
          const variance = spread(moving.variance);
          return reshape(normalized({centered, variance}, learned.epsilon, factor, shift), x.shape);
        }
        const {mask} = context;
        if (last && x.rank > 2 && !mask) {
          // In the shape of x, so that what follows is computed with it.
          const own = channelMoments(x);
          follow(context, moving, own, momentum);
          return normalizedByBatch(x, own, learned.epsilon, gamma, beta);
        }
        const weights = mask && reshape(broadcastTo(maskWeights(mask, x.rank), x.shape), rows.shape);
        const batch = weights ? weightedMoments(rows, axes, weights) : momentsOf(rows, axes);
        follow(context, moving, batch, momentum);
        return reshape(normalized(batch, learned.epsilon, factor, shift), x.shape);
      };
    },
    true,
  );
}

export interface LayerNormalizationOptions extends ScaleOptions {
  /** Axes over which a sample is normalized; the batch is axis 0. −1, the last, by default. */
  readonly axis?: number | readonly number[];
}

/**
 * (x − mean) / √(variance + epsilon) · gamma + beta, with mean and variance over axes of each sample (Ba,
 * Kiros and Hinton 2016). gamma and beta have the shape of these axes.
 */
export function layerNormalization(options: LayerNormalizationOptions = {}): Layer {
  const where = 'layers.layerNormalization';
  checkOptions(where, options, scaleOptions);
  const {axis = -1} = options;
  const given = Array.isArray(axis) ? [...axis] : [axis as number];
  if (given.length === 0) fail('ERR_OPTION', `${where}: axis: expected at least one axis.`);
  for (const each of given) checkNumber(`${where}: axis`, each, {integer: true});
  const learned = learnedScale(where, options);
  const config = () => ({
    axis: options.axis === undefined ? undefined : Array.isArray(axis) ? given : (axis as number),
    ...learned.config(),
  });
  return makeLayer(
    'layerNormalization',
    options,
    config,
    (inputShape, weight) => {
      const axes = given
        .map(each => sampleAxis('layerNormalization', each, inputShape))
        .sort((a, b) => a - b);
      if (new Set(axes).size < axes.length) {
        fail('ERR_SHAPE', `layerNormalization: an axis of ${formatShape(inputShape)} is given twice.`);
      }
      const {gamma, beta} = learned.weights(
        weight,
        axes.map(each => inputShape[each - 1] as number),
      );
      // Over the last axes, a sample is rows of them as one.
      if (axes[0] === inputShape.length - axes.length + 1) {
        const size = sizeOf(inputShape.slice(-axes.length));
        const factor = gamma ? reshape(gamma, [size]) : ones([size]);
        const offset = beta ? reshape(beta, [size]) : zeros([size]);
        return x => {
          const rows = reshape(x, [x.size / size, size]);
          return reshape(layerNorm(rows, factor, offset, learned.epsilon), x.shape);
        };
      }
      const shape = [1, ...inputShape.map((size, at) => (axes.includes(at + 1) ? size : 1))];
      const spread = (values: Tensor | undefined): Tensor | undefined => values && reshape(values, shape);
      return x => {
        const {centered, variance} = momentsOf(x, axes);
        return normalized({centered, variance}, learned.epsilon, spread(gamma), spread(beta));
      };
    },
    true,
  );
}
