// Counter-based random numbers (Philox4x32-10, Salmon et al. 2011): a number depends on the seed, the step,
// the stream and the element's position, and in the body of a loop on the iteration, never on the thread that
// computes it.
import {attributes, defineOp} from '../core/define.ts';
import {openBody} from '../core/open-body.ts';
import type {Shape} from '../core/shape.ts';
import {apply1, checkShape, type Op, type RandomSource, type Tensor} from '../core/tensor.ts';

interface RandomAttributes {
  readonly shape: Shape;
  readonly stream: number;
}

const random = {
  also: attributes<{readonly shape: Shape}>(),
  shape: (_: object, {shape}: {readonly shape: Shape}): Shape => shape,
  grad: 'none',
} as const;

const uniformOp = defineOp({
  signature:
    'randomUniform(seed: i32, step: i32, iteration?: i32) -> y: f32 {stream: i32, low: f32, high: f32}',
  ...random,
});
const normalOp = defineOp({
  signature:
    'randomNormal(seed: i32, step: i32, iteration?: i32) -> y: f32 {stream: i32, mean: f32, deviation: f32}',
  ...random,
});
const truncated = 'stream: i32, mean: f32, deviation: f32';
const truncatedNormalOp = defineOp({
  signature: `randomTruncatedNormal(seed: i32, step: i32, iteration?: i32) -> y: f32 {${truncated}}`,
  ...random,
});
export const bernoulliOp = defineOp({
  signature:
    'randomBernoulli(seed: i32, step: i32, iteration?: i32) -> y: bool {stream: i32, probability: f32}',
  ...random,
});

function draw<Attributes extends RandomAttributes>(
  op: Op<Attributes, `${string}(seed: i32, step: i32, iteration?: i32) -> ${string}`>,
  source: RandomSource,
  given: Omit<Attributes, 'stream'>,
): Tensor {
  checkShape(op.name, given.shape);
  const {seed, step, stream} = source ?? {};
  const iteration = openBody()?.iteration;
  return apply1(op, iteration ? [seed, step, iteration] : [seed, step], {...given, stream} as Attributes);
}

/** Uniform in [low, high); rounding can give `high` itself where both are large and close together. */
export function randomUniform(source: RandomSource, shape: Shape, low = 0, high = 1): Tensor {
  return draw(uniformOp, source, {shape, low, high});
}

/**
 * The same for a step that is itself a number of the graph, int32[1]: in a loop, numbers follow from it alone
 * and not from the iteration.
 */
export function randomUniformOf(
  {seed, stream}: Pick<RandomSource, 'seed' | 'stream'>,
  step: Tensor,
  shape: Shape,
  [low, high]: readonly [number, number] = [0, 1],
): Tensor {
  checkShape('randomUniform', shape);
  return apply1(uniformOp, [seed, step], {shape, stream, low, high});
}

/** Normal, by the inverse of its distribution function (Wichura 1988, AS 241, PPND7). */
export function randomNormal(source: RandomSource, shape: Shape, mean = 0, deviation = 1): Tensor {
  return draw(normalOp, source, {shape, mean, deviation});
}

/** Normal cut off at two deviations, as Keras's TruncatedNormal: `deviation` is that of the uncut normal. */
export function randomTruncatedNormal(source: RandomSource, shape: Shape, mean = 0, deviation = 1): Tensor {
  return draw(truncatedNormalOp, source, {shape, mean, deviation});
}

/** True with the given probability. */
export function randomBernoulli(source: RandomSource, shape: Shape, probability: number): Tensor {
  return draw(bernoulliOp, source, {shape, probability});
}
