// The namespace `initializers`: every export is a member. Formulas and names are Keras's.
import {checkNumber, checkOptions} from '../core/errors.ts';
import {type Named, named} from '../core/named.ts';
import {type Shape, sizeOf} from '../core/shape.ts';
import type {RandomSource, Tensor} from '../core/tensor.ts';
import {broadcastTo, zeros as zerosOp} from '../ops/map.ts';
import {randomTruncatedNormal, randomUniform} from '../ops/random.ts';

/** The graph of a weight's first value. */
export type Initializer = ((shape: Shape, source: RandomSource) => Tensor) & Named;

type NoOptions = Readonly<Record<string, never>>;
type Fan = (fanIn: number, fanOut: number) => number;

/** Inputs and outputs of each unit. */
function fansOf(shape: Shape): [number, number] {
  if (shape.length < 2) return [sizeOf(shape), sizeOf(shape)];
  const field = sizeOf(shape.slice(0, -2));
  return [(shape.at(-2) as number) * field, (shape.at(-1) as number) * field];
}

/** Deviation of the standard normal distribution cut off at two deviations. */
const truncatedDeviation = 0.87962566103423978;

/** Variance scale / fan, from the uniform or the truncated normal distribution. */
function scaled(kind: string, shapeOf: 'uniform' | 'normal', scale: number, fan: Fan) {
  return (options?: NoOptions): Initializer => {
    checkOptions(`initializers.${kind}`, options, []);
    return named(kind, {}, (shape: Shape, source: RandomSource) => {
      const variance = scale / Math.max(1, fan(...fansOf(shape)));
      if (shapeOf === 'normal') {
        return randomTruncatedNormal(source, shape, 0, Math.sqrt(variance) / truncatedDeviation);
      }
      const limit = Math.sqrt(3 * variance);
      return randomUniform(source, shape, -limit, limit);
    });
  };
}

const average: Fan = (fanIn, fanOut) => (fanIn + fanOut) / 2;
const inward: Fan = fanIn => fanIn;

/** Uniform within ±√(6 / (fanIn + fanOut)) (Glorot and Bengio 2010). */
export const glorotUniform = scaled('glorotUniform', 'uniform', 1, average);
/** Truncated normal of variance 2 / (fanIn + fanOut). */
export const glorotNormal = scaled('glorotNormal', 'normal', 1, average);
/** Uniform within ±√(6 / fanIn) (He et al. 2015). */
export const heUniform = scaled('heUniform', 'uniform', 2, inward);
/** Truncated normal of variance 2 / fanIn. */
export const heNormal = scaled('heNormal', 'normal', 2, inward);

/** All zero. */
export function zeros(options?: NoOptions): Initializer {
  checkOptions('initializers.zeros', options, []);
  return named('zeros', {}, (shape: Shape) => zerosOp(shape));
}

/** All the same number, 0 by default. */
export function constant(options: {value?: number} = {}): Initializer {
  checkOptions('initializers.constant', options, ['value']);
  const {value = 0} = options;
  checkNumber('initializers.constant: value', value, {min: -3e38, max: 3e38});
  return named('constant', {value: options.value}, (shape: Shape) => broadcastTo(value, shape));
}
