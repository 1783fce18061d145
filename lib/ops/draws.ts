// Random choices, orders and gamma numbers, from uniform and normal ones. Built of other ops.
import {checkNumber} from '../core/errors.ts';
import {type Shape, sizeOf} from '../core/shape.ts';
import {
  checkShape,
  checkTensor,
  failIn,
  type RandomSource,
  type Tensor,
  type TensorLike,
  toTensor,
} from '../core/tensor.ts';
import {stopGradient} from './gradient.ts';
import {
  add,
  broadcastTo,
  cast,
  div,
  exp,
  greater,
  less,
  log,
  logicalAnd,
  logicalNot,
  maximum,
  mul,
  neg,
  select,
  sqrt,
  sub,
  zeros,
} from './map.ts';
import {reshape} from './move.ts';
import {slice} from './pad.ts';
import {randomNormal, randomUniform} from './random.ts';
import {argMax} from './reduce.ts';
import {scan} from './scan.ts';
import {argsort} from './sort.ts';

/** Above 0, so that its logarithm is finite. */
const least = 2 ** -126;

/**
 * Class numbers drawn with the probabilities softmax(logits): logits [..., classes] to int32 [..., count], by
 * the largest of logits plus Gumbel numbers (Gumbel 1954). −1e9 and less is never drawn beside others.
 *
 * @throws ERR_SHAPE for logits without an axis; ERR_OPTION where the number of draws is no integer.
 */
export function randomCategorical(source: RandomSource, logits: Tensor, count = 1): Tensor {
  const name = 'randomCategorical';
  checkTensor(name, 'logits', logits);
  checkNumber(`ops.${name}: count`, count, {integer: true, min: 1, max: 2 ** 31 - 1});
  const classes = logits.shape.at(-1);
  if (classes === undefined) return failIn(name, 'ERR_SHAPE', 'expected an axis of classes');
  const outer = logits.shape.slice(0, -1);
  const noise = neg(log(neg(log(randomUniform(source, [...outer, count, classes], least, 1)))));
  return argMax(add(reshape(stopGradient(logits), [...outer, 1, classes]), noise), -1);
}

/** The numbers 0 to count − 1 in random order: int32[count]. @throws ERR_OPTION */
export function randomPermutation(source: RandomSource, count: number): Tensor {
  checkNumber('ops.randomPermutation: count', count, {integer: true, min: 1, max: 2 ** 31 - 1});
  return argsort(randomUniform(source, [count]));
}

/** One of 20 proposals is refused at most: after so many rounds, one of 10²⁰ numbers is not drawn yet. */
const rounds = 16;

/**
 * Gamma numbers of this shape, whose density is x^(alpha − 1) · exp(−x) / Γ(alpha): alpha above 0, a number
 * or what broadcasts to the shape; times a scale they have that scale. By the squeeze of Marsaglia and Tsang
 * (2000). No gradient flows to alpha.
 *
 * @throws ERR_OPTION for an alpha that is a number and not above 0.
 */
export function randomGamma(source: RandomSource, shape: Shape, alpha: TensorLike = 1): Tensor {
  checkShape('randomGamma', shape);
  if (typeof alpha === 'number') checkNumber('ops.randomGamma: alpha', alpha, {above: 0});
  const given = broadcastTo(stopGradient(toTensor(alpha)), shape);
  // Below 1, numbers for alpha + 1 are multiplied by u^(1/alpha).
  const isSmall = less(given, 1);
  const d = sub(select(isSmall, add(given, 1), given), 1 / 3);
  const c = div(1 / 3, sqrt(d));
  const {
    carries: [drawn],
  } = scan(
    ([value, done]) => {
      const x = randomNormal(source, shape);
      const u = uniformBehind(source, shape, 1);
      const root = add(mul(c, x), 1);
      const v = mul(root, mul(root, root));
      const logV = log(maximum(v, least));
      const bound = add(mul(mul(x, x), 0.5), mul(d, add(sub(1, v), logV)));
      const isTaken = logicalAnd(
        logicalAnd(greater(v, 0), less(log(u), bound)),
        logicalNot(cast(done, 'bool')),
      );
      return {
        carries: [select(isTaken, mul(d, v), value), select(isTaken, 1, done)],
      };
    },
    {carries: [zeros(shape), zeros(shape)], length: rounds},
  );
  const boost = exp(div(log(uniformBehind(source, shape, 2)), given));
  return select(isSmall, mul(drawn, boost), drawn);
}

/** Uniform numbers behind so many parts of the generator's numbers, of which others are made. */
function uniformBehind(source: RandomSource, shape: Shape, parts: number): Tensor {
  const size = sizeOf(shape);
  // Each block of the generator makes four.
  const first = parts * 4 * Math.ceil(size / 4);
  const all = randomUniform(source, [first + size], least, 1);
  return reshape(slice(all, 0, first, size), shape);
}
