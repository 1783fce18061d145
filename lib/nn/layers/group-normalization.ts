// Normalizations of a sample by itself: groups of channels, root mean squares, lengths.
import {checkNumber, checkOptions, fail} from '../../core/errors.ts';
import {formatShape, type Shape, sizeOf} from '../../core/shape.ts';
import type {Tensor} from '../../core/tensor.ts';
import {add, div, maximum, mul, sqrt, square} from '../../ops/map.ts';
import {reshape} from '../../ops/move.ts';
import {mean, sum} from '../../ops/reduce.ts';
import type {Forward, MakeWeight} from '../call-context.ts';
import {type Layer, type LayerOptions, layerOptions} from '../layer.ts';
import {makeLayer} from '../make-layer.ts';
import {describeOption, type InitializerLike, toInitializer} from '../resolve.ts';
import {sampleAxis} from './axes.ts';
import {learnedScale, momentsOf, normalized, type ScaleOptions, scaleOptions} from './normalization.ts';

export interface GroupNormalizationOptions extends ScaleOptions {
  /** How many groups the channels are in; −1: each channel is one (instance normalization). 32 by default. */
  readonly groups?: number;
  /** The axis of the channels; the batch is axis 0. −1, the last, by default. */
  readonly axis?: number;
}

/**
 * (x − mean) / √(variance + epsilon) · gamma + beta, with mean and variance of each sample over a group of
 * channels and all positions (Wu and He 2018). gamma and beta have a number for each channel.
 */
export function groupNormalization(options: GroupNormalizationOptions = {}): Layer {
  const where = 'layers.groupNormalization';
  checkOptions(where, options, [...scaleOptions, 'groups']);
  const {groups = 32, axis = -1} = options;
  checkNumber(`${where}: groups`, groups, {integer: true, min: -1});
  if (groups === 0) fail('ERR_OPTION', `${where}: groups: expected a number above 0, or -1. Received 0.`);
  checkNumber(`${where}: axis`, axis, {integer: true});
  const learned = learnedScale(where, options);
  const config = () => ({groups: options.groups, axis: options.axis, ...learned.config()});
  const build = (sample: Shape, weight: MakeWeight, layer: Layer): Forward => {
    const along = sampleAxis(layer.name, axis, sample);
    const channels = sample[along - 1] as number;
    const count = groups === -1 ? channels : groups;
    if (channels % count !== 0) {
      const what = `${count} groups do not divide ${channels} channels of samples ${formatShape(sample)}`;
      fail('ERR_SHAPE', `${layer.name}: ${what}. groups: 1 joins all channels.`);
    }
    const {gamma, beta} = learned.weights(weight, [channels]);
    return x => {
      // Positions before and after the channels; behind them there are none as a rule.
      const [before, after] = [sizeOf(x.shape.slice(1, along)), x.shape.slice(along + 1)];
      const inner = after.length > 0 ? [sizeOf(after)] : [];
      const parts = reshape(x, [x.shape[0] as number, before, count, channels / count, ...inner]);
      const spread = (values: Tensor | undefined): Tensor | undefined =>
        values && reshape(values, [1, 1, count, channels / count, ...inner.map(() => 1)]);
      const {centered, variance} = momentsOf(parts, [1, 3, ...inner.map(() => 4)]);
      const result = normalized({centered, variance}, learned.epsilon, spread(gamma), spread(beta));
      return reshape(result, x.shape);
    };
  };
  return makeLayer('groupNormalization', options, config, build, true);
}

/** Axes of a sample, each once, in ascending order. */
function axesOf(name: string, given: readonly number[], sample: Shape): number[] {
  const axes = given.map(axis => sampleAxis(name, axis, sample)).sort((a, b) => a - b);
  if (new Set(axes).size === axes.length) return axes;
  return fail('ERR_SHAPE', `${name}: an axis of ${formatShape(sample)} is given twice.`);
}

function checkAxes(where: string, axis: number | readonly number[]): number[] {
  const given = [axis].flat() as number[];
  if (given.length === 0) fail('ERR_OPTION', `${where}: expected at least one axis.`);
  for (const each of given) checkNumber(where, each, {integer: true});
  return given;
}

const plainAxis = (axis: number | readonly number[] | undefined): number | number[] | undefined =>
  axis === undefined || typeof axis === 'number' ? axis : [...axis];

export interface RmsNormalizationOptions extends LayerOptions {
  /** Axes over which a sample is normalized; the batch is axis 0. −1, the last, by default. */
  readonly axis?: number | readonly number[];
  /** Added to the mean of the squares. 1e-6 by default. */
  readonly epsilon?: number;
  /** Of the factor `scale`. `ones` by default. */
  readonly scaleInitializer?: InitializerLike;
}

/** x / √(mean of x² + epsilon) · scale over axes of each sample (Zhang and Sennrich 2019). */
export function rmsNormalization(options: RmsNormalizationOptions = {}): Layer {
  const where = 'layers.rmsNormalization';
  checkOptions(where, options, [...layerOptions, 'axis', 'epsilon', 'scaleInitializer']);
  const {axis = -1, epsilon = 1e-6} = options;
  const given = checkAxes(`${where}: axis`, axis);
  checkNumber(`${where}: epsilon`, epsilon, {above: 0});
  const initializer = toInitializer(options.scaleInitializer ?? 'ones', `${where}: scaleInitializer`);
  const config = () => ({
    axis: plainAxis(options.axis),
    epsilon: options.epsilon,
    scaleInitializer: describeOption('initializer', options.scaleInitializer && initializer),
  });
  return makeLayer(
    'rmsNormalization',
    options,
    config,
    (sample, weight, layer) => {
      const axes = axesOf(layer.name, given, sample);
      const sizes = axes.map(each => sample[each - 1] as number);
      const scale = weight('scale', sizes, {initializer});
      const shape = [1, ...sample.map((size, at) => (axes.includes(at + 1) ? size : 1))];
      return x => {
        const size = sqrt(add(mean(square(x), axes, true), epsilon));
        return mul(div(x, size), reshape(scale, shape));
      };
    },
    true,
  );
}

export interface UnitNormalizationOptions extends LayerOptions {
  /** Axes along which a sample gets length 1; the batch is axis 0. −1, the last, by default. */
  readonly axis?: number | readonly number[];
}

/** The least square of a length that is divided by, as in Keras: zeros stay zeros. */
const leastSquare = 1e-12;

/** x / √(sum of x²) over axes of each sample. */
export function unitNormalization(options: UnitNormalizationOptions = {}): Layer {
  const where = 'layers.unitNormalization';
  checkOptions(where, options, [...layerOptions, 'axis']);
  const given = checkAxes(`${where}: axis`, options.axis ?? -1);
  return makeLayer(
    'unitNormalization',
    options,
    () => ({axis: plainAxis(options.axis)}),
    (sample, _, layer) => {
      const axes = axesOf(layer.name, given, sample);
      return x => div(x, sqrt(maximum(sum(square(x), axes, true), leastSquare)));
    },
    true,
  );
}
