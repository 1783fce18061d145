// Counter-based random numbers (Philox4x32-10, Salmon et al. 2011): a number depends on the seed, the step,
// the stream and the element's position, never on the thread that computes it.
import type {DType} from '../core/dtype.ts';
import type {Shape} from '../core/shape.ts';
import {apply1, defineOp, type Gradients, type RandomSource, type Tensor} from '../core/tensor.ts';

interface RandomAttributes {
  readonly shape: Shape;
  readonly stream: number;
}

function defineRandom<Attributes extends RandomAttributes>(name: string, parameters: string, short: string) {
  const dtype: DType = short === 'bool' ? 'bool' : 'float32';
  return defineOp<Attributes>({
    signature: `${name}(seed: i32, step: i32) -> y: ${short} {stream: i32, ${parameters}}`,
    infer: (_, {shape}) => [{shape, dtype}],
    grad: (): Gradients => [null, null],
  });
}

const uniformOp = defineRandom<RandomAttributes & {low: number; high: number}>(
  'randomUniform',
  'low: f32, high: f32',
  'f32',
);
const normalOp = defineRandom<RandomAttributes & {mean: number; deviation: number}>(
  'randomNormal',
  'mean: f32, deviation: f32',
  'f32',
);
const truncatedNormalOp = defineRandom<RandomAttributes & {mean: number; deviation: number}>(
  'randomTruncatedNormal',
  'mean: f32, deviation: f32',
  'f32',
);
const bernoulliOp = defineRandom<RandomAttributes & {probability: number}>(
  'randomBernoulli',
  'probability: f32',
  'bool',
);

/** Uniform in [low, high); rounding can give `high` itself where both are large and close together. */
export function randomUniform(source: RandomSource, shape: Shape, low = 0, high = 1): Tensor {
  return apply1(uniformOp, [source.seed, source.step], {shape, stream: source.stream, low, high});
}

/** Normal, by the inverse of its distribution function (Wichura 1988, AS 241, PPND7). */
export function randomNormal(source: RandomSource, shape: Shape, mean = 0, deviation = 1): Tensor {
  return apply1(normalOp, [source.seed, source.step], {shape, stream: source.stream, mean, deviation});
}

/** Normal cut off at two deviations, as Keras's TruncatedNormal: `deviation` is that of the uncut normal. */
export function randomTruncatedNormal(source: RandomSource, shape: Shape, mean = 0, deviation = 1): Tensor {
  return apply1(truncatedNormalOp, [source.seed, source.step], {
    shape,
    stream: source.stream,
    mean,
    deviation,
  });
}

/** True with the given probability. */
export function randomBernoulli(source: RandomSource, shape: Shape, probability: number): Tensor {
  return apply1(bernoulliOp, [source.seed, source.step], {shape, stream: source.stream, probability});
}
