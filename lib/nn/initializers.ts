// The namespace `initializers`: every export is a member. Formulas and names are Keras's.
import {checkChoice, checkNumber, checkOptions} from '../core/errors.ts';
import {type Named, named} from '../core/named.ts';
import {formatShape, type Shape, sizeOf} from '../core/shape.ts';
import {failIn, type RandomSource, type Tensor} from '../core/tensor.ts';
import {broadcastTo, mul, ones as onesOp, zeros as zerosOp} from '../ops/map.ts';
import {reshape} from '../ops/move.ts';
import {
  randomNormal as randomNormalOp,
  randomTruncatedNormal,
  randomUniform as uniformOp,
} from '../ops/random.ts';
import {identityMatrix, nearestOrthogonal} from './matrices.ts';

/** Makes the graph of a weight's initial value. */
export type Initializer = ((shape: Shape, source: RandomSource) => Tensor) & Named;

type NoOptions = Readonly<Record<string, never>>;
/** About the range of float32. */
const finiteFloat = {min: -3e38, max: 3e38} as const;

type Fan = (fanIn: number, fanOut: number) => number;

/** The number of inputs and of outputs of each unit. */
function fansOf(shape: Shape): [number, number] {
  if (shape.length < 2) return [sizeOf(shape), sizeOf(shape)];
  const field = sizeOf(shape.slice(0, -2));
  return [(shape.at(-2) as number) * field, (shape.at(-1) as number) * field];
}

/** Standard deviation of the standard normal distribution truncated at two standard deviations. */
const truncatedDeviation = 0.87962566103423978;

const fanModes = {
  fanIn: (fanIn: number) => fanIn,
  fanOut: (_: number, fanOut: number) => fanOut,
  fanAvg: (fanIn: number, fanOut: number) => (fanIn + fanOut) / 2,
} satisfies Record<string, Fan>;

const distributions = ['truncatedNormal', 'untruncatedNormal', 'uniform'] as const;

type Distribution = (typeof distributions)[number];

/** Random numbers of mean 0 and variance scale / fan. */
function randomOfVariance(
  shape: Shape,
  source: RandomSource,
  {scale, fan, distribution}: {scale: number; fan: Fan; distribution: Distribution},
): Tensor {
  const variance = scale / Math.max(1, fan(...fansOf(shape)));
  const deviation = Math.sqrt(variance);
  if (distribution === 'truncatedNormal') {
    return randomTruncatedNormal(source, shape, 0, deviation / truncatedDeviation);
  }
  if (distribution === 'untruncatedNormal') return randomNormalOp(source, shape, 0, deviation);
  const limit = Math.sqrt(3 * variance);
  return uniformOp(source, shape, -limit, limit);
}

function scaled(kind: string, distribution: Distribution, scale: number, fan: Fan) {
  return (options?: NoOptions): Initializer => {
    checkOptions(`initializers.${kind}`, options, []);
    return named(kind, {}, (shape: Shape, source: RandomSource) =>
      randomOfVariance(shape, source, {scale, fan, distribution}),
    );
  };
}

/** Uniform within ±√(6 / (fanIn + fanOut)) (Glorot and Bengio 2010). */
export const glorotUniform = scaled('glorotUniform', 'uniform', 1, fanModes.fanAvg);
/** Truncated normal of variance 2 / (fanIn + fanOut). */
export const glorotNormal = scaled('glorotNormal', 'truncatedNormal', 1, fanModes.fanAvg);
/** Uniform within ±√(6 / fanIn) (He et al. 2015). */
export const heUniform = scaled('heUniform', 'uniform', 2, fanModes.fanIn);
/** Truncated normal of variance 2 / fanIn. */
export const heNormal = scaled('heNormal', 'truncatedNormal', 2, fanModes.fanIn);
/** Uniform within ±√(3 / fanIn) (LeCun et al. 1998). */
export const lecunUniform = scaled('lecunUniform', 'uniform', 1, fanModes.fanIn);
/** Truncated normal of variance 1 / fanIn. */
export const lecunNormal = scaled('lecunNormal', 'truncatedNormal', 1, fanModes.fanIn);

export interface VarianceScalingOptions {
  /** 1 by default. */
  readonly scale?: number;
  /** What the variance is divided by: `fanIn` by default. */
  readonly mode?: keyof typeof fanModes;
  /** `truncatedNormal` by default. */
  readonly distribution?: Distribution;
}

/** Variance scale / fan, of which glorot, he and lecun are special cases. */
export function varianceScaling(options: VarianceScalingOptions = {}): Initializer {
  const where = 'initializers.varianceScaling';
  checkOptions(where, options, ['scale', 'mode', 'distribution']);
  const {scale = 1, mode = 'fanIn', distribution = 'truncatedNormal'} = options;
  checkNumber(`${where}: scale`, scale, {above: 0, max: 1e6});
  checkChoice(`${where}: mode`, mode, Object.keys(fanModes));
  checkChoice(`${where}: distribution`, distribution, distributions);
  return named('varianceScaling', {...options}, (shape: Shape, source: RandomSource) =>
    randomOfVariance(shape, source, {scale, fan: fanModes[mode], distribution}),
  );
}

/** One for all, by which it is known: memory is zero anyway. */
const theZeros = named('zeros', {}, (shape: Shape) => zerosOp(shape));

/** All zero. */
export function zeros(options?: NoOptions): Initializer {
  checkOptions('initializers.zeros', options, []);
  return theZeros;
}

/** All one. */
export function ones(options?: NoOptions): Initializer {
  checkOptions('initializers.ones', options, []);
  return named('ones', {}, (shape: Shape) => onesOp(shape));
}

/** All the same number, 0 by default. */
export function constant(options: {value?: number} = {}): Initializer {
  checkOptions('initializers.constant', options, ['value']);
  const {value = 0} = options;
  checkNumber('initializers.constant: value', value, finiteFloat);
  return named('constant', {value: options.value}, (shape: Shape) => broadcastTo(value, shape));
}

/** Uniform from minval up to maxval, −0.05 to 0.05 by default. */
export function randomUniform(options: {minval?: number; maxval?: number} = {}): Initializer {
  const where = 'initializers.randomUniform';
  checkOptions(where, options, ['minval', 'maxval']);
  const {minval = -0.05, maxval = 0.05} = options;
  checkNumber(`${where}: minval`, minval, finiteFloat);
  checkNumber(`${where}: maxval`, maxval, {...finiteFloat, min: minval});
  return named('randomUniform', {...options}, (shape: Shape, source: RandomSource) =>
    uniformOp(source, shape, minval, maxval),
  );
}

function normalLike(kind: string, draw: typeof randomNormalOp) {
  return (options: {mean?: number; stddev?: number} = {}): Initializer => {
    const where = `initializers.${kind}`;
    checkOptions(where, options, ['mean', 'stddev']);
    const {mean = 0, stddev = 0.05} = options;
    checkNumber(`${where}: mean`, mean, finiteFloat);
    checkNumber(`${where}: stddev`, stddev, {min: 0, max: 1e30});
    return named(kind, {...options}, (shape: Shape, source: RandomSource) =>
      draw(source, shape, mean, stddev),
    );
  };
}

/** Normal; mean 0 and stddev 0.05 by default. */
export const randomNormal = normalLike('randomNormal', randomNormalOp);
/** Normal, truncated at two standard deviations; `stddev` is that before truncation, as in Keras. */
export const truncatedNormal = normalLike('truncatedNormal', randomTruncatedNormal);

function checkMatrix(kind: string, shape: Shape): readonly [number, number] {
  if (shape.length === 2) return shape as readonly [number, number];
  return failIn(kind, 'ERR_SHAPE', `expected a matrix. Received ${formatShape(shape)}`);
}

/** `gain` on the diagonal of a matrix, 1 by default, and 0 elsewhere. */
export function identity(options: {gain?: number} = {}): Initializer {
  checkOptions('initializers.identity', options, ['gain']);
  const {gain = 1} = options;
  checkNumber('initializers.identity: gain', gain, finiteFloat);
  return named('identity', {gain: options.gain}, (shape: Shape) =>
    identityMatrix(...checkMatrix('identity', shape), gain),
  );
}

/**
 * `gain` times a random matrix whose rows or columns, whichever are fewer, are orthonormal (Saxe et al.
 * 2014). A kernel of more axes is treated as a matrix whose columns are the last axis.
 */
export function orthogonal(options: {gain?: number} = {}): Initializer {
  checkOptions('initializers.orthogonal', options, ['gain']);
  const {gain = 1} = options;
  checkNumber('initializers.orthogonal: gain', gain, finiteFloat);
  return named('orthogonal', {gain: options.gain}, (shape: Shape, source: RandomSource) => {
    if (shape.length < 2) {
      failIn('orthogonal', 'ERR_SHAPE', `expected two axes or more. Received ${formatShape(shape)}`);
    }
    const columns = shape.at(-1) as number;
    const normal = randomNormalOp(source, [sizeOf(shape) / columns, columns]);
    return reshape(mul(nearestOrthogonal(normal), gain), shape);
  });
}
