// Layers that tell positions: learned, as sines, by rotation, by distance.
import {checkNumber, checkOptions, fail, requireOptions} from '../../core/errors.ts';
import {formatShape, type Shape} from '../../core/shape.ts';
import type {Tensor} from '../../core/tensor.ts';
import {add, broadcastTo} from '../../ops/map.ts';
import {slice} from '../../ops/pad.ts';
import {type Layer, type LayerOptions, layerOptions} from '../layer.ts';
import {makeLayer} from '../make-layer.ts';
import type {ConstraintLike, InitializerLike, RegularizerLike} from '../resolve.ts';
import {sampleAxis} from './axes.ts';
import {alibi, rotate, sines} from './position-formulas.ts';
import {chosenWeight, weightOptions} from './spatial-options.ts';
import {rowsAt} from './streams.ts';

export interface PositionEmbeddingOptions extends LayerOptions {
  /** Steps of the longest sequence. */
  readonly sequenceLength: number;
  /** `glorotUniform` by default. */
  readonly positionsInitializer?: InitializerLike;
  readonly positionsRegularizer?: RegularizerLike;
  readonly positionsConstraint?: ConstraintLike;
}

function checkSteps(name: string, sample: Shape): readonly [number, number] {
  if (sample.length === 2) return sample as readonly [number, number];
  return fail('ERR_SHAPE', `${name}: expected samples [steps, features]. Received ${formatShape(sample)}.`);
}

/**
 * A vector that is learned for each step: [batch, steps, features] to the vectors of these steps, which an
 * `add` layer adds to the input. Its weight is `positions`, [sequenceLength, features].
 *
 * @throws ERR_OPTION; ERR_SHAPE for a sequence that is longer.
 */
export function positionEmbedding(options: PositionEmbeddingOptions): Layer {
  const where = 'layers.positionEmbedding';
  requireOptions(where, options, [...layerOptions, 'sequenceLength', ...weightOptions('positions')]);
  const {sequenceLength} = options;
  checkNumber(`${where}: sequenceLength`, sequenceLength, {integer: true, min: 1, max: 2 ** 31 - 1});
  const positions = chosenWeight(options, 'positions', 'glorotUniform', where);
  return makeLayer(
    'positionEmbedding',
    options,
    () => ({sequenceLength, ...positions.config()}),
    (sample, weight, {name}) => {
      const [steps, features] = checkSteps(name, sample);
      if (steps > sequenceLength) {
        const received = `Received ${steps}`;
        fail('ERR_SHAPE', `${name}: expected at most sequenceLength ${sequenceLength} steps. ${received}.`);
      }
      const all = weight('positions', [sequenceLength, features], positions.options);
      return (x, {stream}) => {
        stream?.atMost(sequenceLength);
        return broadcastTo(stream ? rowsAt(all, steps, stream) : slice(all, 0, 0, steps), x.shape);
      };
    },
    true,
  );
}

export interface SinePositionOptions extends LayerOptions {
  /** Steps of the slowest wave, times 2π. 10,000 by default. */
  readonly maxWavelength?: number;
}

function checkWavelength(where: string, {maxWavelength}: SinePositionOptions): number {
  if (maxWavelength !== undefined) checkNumber(`${where}: maxWavelength`, maxWavelength, {above: 1});
  return maxWavelength ?? 10_000;
}

/**
 * Waves of many lengths (Vaswani et al. 2017): [batch, steps, features] to sin(step / w) in even and cos(step
 * / w) in odd columns, where w = maxWavelength^(2⌊column / 2⌋ / features). An `add` layer adds them to the
 * input.
 *
 * @throws ERR_OPTION; ERR_SHAPE
 */
export function sinePositionEncoding(options: SinePositionOptions = {}): Layer {
  const where = 'layers.sinePositionEncoding';
  checkOptions(where, options, [...layerOptions, 'maxWavelength']);
  const maxWavelength = checkWavelength(where, options);
  return makeLayer(
    'sinePositionEncoding',
    options,
    () => ({maxWavelength: options.maxWavelength}),
    (sample, _, {name}) => {
      const [steps, features] = checkSteps(name, sample);
      return (x, {stream}) => {
        const waves = (count: number): Tensor => sines(count, features, maxWavelength);
        return broadcastTo(stream ? rowsAt(waves(stream.capacity), steps, stream) : waves(steps), x.shape);
      };
    },
    true,
  );
}

export interface RotaryEmbeddingOptions extends SinePositionOptions {
  /** Positions are divided by it. 1 by default. */
  readonly scalingFactor?: number;
  /** The axis of the steps; the batch is axis 0. 1 by default. */
  readonly sequenceAxis?: number;
}

/**
 * Turns columns i and i + features / 2 by the angle step / scalingFactor · maxWavelength^(−2i / features) (Su
 * et al. 2021): for queries and keys, whose products then know distances alone. `positions: 'rotary'` of
 * `multiHeadAttention` does so within the layer.
 *
 * @throws ERR_OPTION; ERR_SHAPE where the number of features is odd.
 */
export function rotaryEmbedding(options: RotaryEmbeddingOptions = {}): Layer {
  const where = 'layers.rotaryEmbedding';
  checkOptions(where, options, [...layerOptions, 'maxWavelength', 'scalingFactor', 'sequenceAxis']);
  const maxWavelength = checkWavelength(where, options);
  const {scalingFactor = 1, sequenceAxis = 1} = options;
  checkNumber(`${where}: scalingFactor`, scalingFactor, {above: 0});
  checkNumber(`${where}: sequenceAxis`, sequenceAxis, {integer: true});
  const config = () => ({
    maxWavelength: options.maxWavelength,
    scalingFactor: options.scalingFactor,
    sequenceAxis: options.sequenceAxis,
  });
  return makeLayer(
    'rotaryEmbedding',
    options,
    config,
    (sample, _, {name}) => {
      const axis = sampleAxis(name, sequenceAxis, sample);
      const features = sample.at(-1) as number;
      if (features % 2 > 0 || axis === sample.length) {
        const wanted = 'expected an even number of features, the last axis, and steps on another';
        fail('ERR_SHAPE', `${name}: ${wanted}. Received samples ${formatShape(sample)}.`);
      }
      return (x, {stream}) => rotate(x, axis, {maxWavelength, scale: scalingFactor, stream});
    },
    true,
  );
}

export interface AlibiBiasOptions extends LayerOptions {
  /** Slopes go from 2^(−alibiBiasMax / heads) down to 2^(−alibiBiasMax). 8 by default. */
  readonly alibiBiasMax?: number;
}

/**
 * Attention scores [batch, heads, queries, keys], each less by the distance of query and key times a slope of
 * its head (Press et al. 2022). `positions: 'alibi'` of `multiHeadAttention` does so within the layer.
 *
 * @throws ERR_OPTION; ERR_SHAPE
 */
export function alibiBias(options: AlibiBiasOptions = {}): Layer {
  const where = 'layers.alibiBias';
  checkOptions(where, options, [...layerOptions, 'alibiBiasMax']);
  const {alibiBiasMax = 8} = options;
  checkNumber(`${where}: alibiBiasMax`, alibiBiasMax, {above: 0, max: 64});
  return makeLayer(
    'alibiBias',
    options,
    () => ({alibiBiasMax: options.alibiBiasMax}),
    (sample, _, {name}) => {
      if (sample.length !== 3) {
        const received = `Received ${formatShape(sample)}`;
        return fail('ERR_SHAPE', `${name}: expected scores [heads, queries, keys] of a sample. ${received}.`);
      }
      const [heads, queries, keys] = sample as [number, number, number];
      return x => add(x, alibi(heads, queries, keys, alibiBiasMax));
    },
    true,
  );
}
