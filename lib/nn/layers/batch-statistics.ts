// Batch normalization of images and sequences in few passes over memory: statistics of each sample in one,
// joined afterwards, and the gradient as a formula of two sums.
import type {Tensor} from '../../core/tensor.ts';
import {customGradient} from '../../ops/gradient.ts';
import {add, div, mul, sqrt, square, sub} from '../../ops/map.ts';
import {reshape} from '../../ops/move.ts';
import {mean, sum} from '../../ops/reduce.ts';
import {centeredSums, moments} from '../../ops/statistics.ts';

export interface ChannelMoments {
  /** Of each channel. */
  readonly mean: Tensor;
  /** The biased one, divided by n. */
  readonly variance: Tensor;
}

export interface SampleMoments extends ChannelMoments {
  /** Of each channel of each sample. */
  readonly means: Tensor;
}

/** [batch, positions, channels]. */
function samplesOf(x: Tensor): Tensor {
  const [batch, channels] = [x.shape[0], x.shape.at(-1)] as [number, number];
  return reshape(x, [batch, x.size / (batch * channels), channels]);
}

/**
 * Of [batch, …positions, channels]. The variance of all is the mean of those of the samples and the variance
 * of their means (Chan, Golub and LeVeque 1979, for parts of one size).
 */
export function channelMoments(x: Tensor): SampleMoments {
  const each = moments(samplesOf(x), 1);
  const center = mean(each.mean, 0);
  const between = mean(square(sub(each.mean, center)), 0);
  return {mean: center, variance: add(mean(each.variance, 0), between), means: each.mean};
}

/**
 * (x − mean) / √(variance + epsilon) · gamma + beta, with the moments of x itself, [batch,
 * …positions, channels]. With x̂ for what is normalized, the gradient of x is
 * gamma / √(variance + epsilon) · (dy − (Σ dy + x̂ · Σ dy · x̂) / n) (Ioffe and Szegedy 2015). The sums are
 * made for each sample around its own mean, which threads share.
 */
export function normalizedByBatch(
  x: Tensor,
  {mean: center, variance, means}: SampleMoments,
  epsilon: number,
  gamma: Tensor | undefined,
  beta: Tensor | undefined,
): Tensor {
  const share = (x.shape.at(-1) as number) / x.size;
  const learned = [gamma, beta].filter(weight => weight !== undefined);
  const normalize = customGradient((own: Tensor, ..._learned: Tensor[]) => {
    const deviation = sqrt(add(variance, epsilon));
    const centered = sub(own, center);
    const factor = gamma ? div(gamma, deviation) : div(1, deviation);
    const scaled = mul(centered, factor);
    return {
      value: beta ? add(scaled, beta) : scaled,
      gradient(dy) {
        const each = centeredSums(samplesOf(dy), samplesOf(own), means, 1);
        const total = sum(each.total, 0);
        const around = sum(add(each.along, mul(each.total, sub(means, center))), 0);
        const along = div(around, deviation);
        const slope = mul(div(along, deviation), share);
        const common = add(mul(centered, slope), mul(total, share));
        const dx = mul(sub(dy, common), factor);
        return [dx, ...(gamma ? [along] : []), ...(beta ? [total] : [])];
      },
    };
  });
  return normalize(x, ...learned);
}
