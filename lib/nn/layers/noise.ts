// Layers that add noise in training, and otherwise give their input.
import {checkNumber, checkOptions, requireOptions} from '../../core/errors.ts';
import {add, mul, select} from '../../ops/map.ts';
import {randomBernoulli, randomNormal} from '../../ops/random.ts';
import {type Layer, type LayerOptions, layerOptions} from '../layer.ts';
import {makeLayer} from '../make-layer.ts';
import {l1l2} from '../regularizers.ts';
import {drawsFor, dropsOf} from './dropout.ts';

export interface RateOptions extends LayerOptions {
  /** The fraction of the elements that are dropped, in [0, 1). */
  readonly rate: number;
}

export interface AlphaDropoutOptions extends RateOptions {
  /** Which elements share a draw, as of `dropout`. By default every element has its own. */
  readonly noiseShape?: readonly (number | null)[];
}

/** The limit of selu for very negative inputs: −alpha · scale (Klambauer et al. 2017). */
const seluLimit = -1.6732632423543772 * 1.0507009873554805;

/**
 * In training, sets random elements to the limit of selu for very negative inputs, then scales and shifts so
 * that mean and variance stay those of the input (Klambauer et al. 2017): the dropout for selu.
 */
export function alphaDropout(options: AlphaDropoutOptions): Layer {
  const {rate, noiseShape} = dropsOf('layers.alphaDropout', options);
  return makeLayer(
    'alphaDropout',
    options,
    () => ({rate, noiseShape}),
    () => (x, context) => {
      const draws = noiseShape ? drawsFor(x, noiseShape) : x.shape;
      if (!context.training || rate === 0) return x;
      const scale = ((1 - rate) * (1 + rate * seluLimit ** 2)) ** -0.5;
      const kept = select(randomBernoulli(context.random(), draws, 1 - rate), x, seluLimit);
      return add(mul(kept, scale), -scale * seluLimit * rate);
    },
    true,
  );
}

/** In training, x times normal noise of mean 1 and variance rate / (1 − rate) (Srivastava et al. 2014). */
export function gaussianDropout(options: RateOptions): Layer {
  requireOptions('layers.gaussianDropout', options, [...layerOptions, 'rate']);
  const {rate} = options;
  checkNumber('layers.gaussianDropout: rate', rate, {min: 0, below: 1});
  return makeLayer(
    'gaussianDropout',
    options,
    () => ({rate}),
    () => (x, context) => {
      if (!context.training || rate === 0) return x;
      return mul(x, randomNormal(context.random(), x.shape, 1, Math.sqrt(rate / (1 - rate))));
    },
    true,
  );
}

export interface GaussianNoiseOptions extends LayerOptions {
  /** Standard deviation of the noise, at least 0. */
  readonly stddev: number;
}

/** In training, x plus normal noise of mean 0. */
export function gaussianNoise(options: GaussianNoiseOptions): Layer {
  requireOptions('layers.gaussianNoise', options, [...layerOptions, 'stddev']);
  const {stddev} = options;
  checkNumber('layers.gaussianNoise: stddev', stddev, {min: 0});
  return makeLayer(
    'gaussianNoise',
    options,
    () => ({stddev}),
    () => (x, context) => {
      if (!context.training || stddev === 0) return x;
      return add(x, randomNormal(context.random(), x.shape, 0, stddev));
    },
    true,
  );
}

export interface ActivityRegularizationOptions extends LayerOptions {
  /** 0 by default. */
  readonly l1?: number;
  /** 0 by default. */
  readonly l2?: number;
}

/** Gives x, and adds the mean over the samples of l1 · Σ|x| + l2 · Σx² to the loss. */
export function activityRegularization(options: ActivityRegularizationOptions = {}): Layer {
  const where = 'layers.activityRegularization';
  checkOptions(where, options, [...layerOptions, 'l1', 'l2']);
  const {l1 = 0, l2 = 0} = options;
  checkNumber(`${where}: l1`, l1, {min: 0});
  checkNumber(`${where}: l2`, l2, {min: 0});
  const {perSample} = l1l2({l1, l2});
  const config = () => ({l1: options.l1, l2: options.l2});
  return makeLayer(
    'activityRegularization',
    options,
    config,
    () => (x, context) => {
      if (perSample && (l1 > 0 || l2 > 0)) context.addLoss(perSample(x));
      return x;
    },
    true,
  );
}
