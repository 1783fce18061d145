// Rectifiers as layers, with the options that Keras and TensorFlow.js give them.
import {checkNumber, checkOptions} from '../../core/errors.ts';
import type {Tensor} from '../../core/tensor.ts';
import {greater, minimum, mul, relu, relu6, select, sub} from '../../ops/map.ts';
import {type Layer, type LayerOptions, layerOptions} from '../layer.ts';
import {makeLayer} from '../make-layer.ts';

export interface ReLUOptions extends LayerOptions {
  /** What the output does not exceed. No limit by default. */
  readonly maxValue?: number;
  /** Slope below the threshold. 0 by default. */
  readonly negativeSlope?: number;
  /** Below it the output is negativeSlope · (x − threshold). 0 by default. */
  readonly threshold?: number;
}

/** min(x, maxValue) where x > threshold, else negativeSlope · (x − threshold). */
export function reLU(options: ReLUOptions = {}): Layer {
  const where = 'layers.reLU';
  checkOptions(where, options, [...layerOptions, 'maxValue', 'negativeSlope', 'threshold']);
  const {maxValue, negativeSlope = 0, threshold = 0} = options;
  if (maxValue !== undefined) checkNumber(`${where}: maxValue`, maxValue, {min: 0});
  checkNumber(`${where}: negativeSlope`, negativeSlope, {min: 0});
  checkNumber(`${where}: threshold`, threshold, {min: 0});
  const formula = (x: Tensor): Tensor => {
    const isPlain = negativeSlope === 0 && threshold === 0;
    // One op, which products compute as they write their results.
    if (isPlain && maxValue === 6) return relu6(x);
    const limited = maxValue === undefined ? x : minimum(x, maxValue);
    if (isPlain) return relu(limited);
    return select(greater(x, threshold), limited, mul(sub(x, threshold), negativeSlope));
  };
  const config = () => ({maxValue, negativeSlope: options.negativeSlope, threshold: options.threshold});
  return makeLayer('reLU', options, config, () => x => formula(x), true);
}

export interface ThresholdedReLUOptions extends LayerOptions {
  /** 1 by default. */
  readonly theta?: number;
}

/** x where x > theta, else 0 (Konda, Memisevic and Krueger 2015). */
export function thresholdedReLU(options: ThresholdedReLUOptions = {}): Layer {
  const where = 'layers.thresholdedReLU';
  checkOptions(where, options, [...layerOptions, 'theta']);
  const {theta = 1} = options;
  checkNumber(`${where}: theta`, theta, {min: 0});
  const build = () => (x: Tensor) => select(greater(x, theta), x, 0);
  return makeLayer('thresholdedReLU', options, () => ({theta: options.theta}), build, true);
}
