// Batch normalization of images and sequences in few passes over memory: statistics of each sample in one,
// joined afterwards, and the gradient as a formula of two sums.
import type {Tensor} from '../../core/tensor.ts';
import {customGradient} from '../../ops/gradient.ts';
import {add, div, mul, sqrt, square, sub} from '../../ops/map.ts';
import {mean, sum} from '../../ops/reduce.ts';
import {moments} from '../../ops/statistics.ts';

export interface ChannelMoments {
  /** Of each channel. */
  readonly mean: Tensor;
  /** The biased one, divided by n. */
  readonly variance: Tensor;
}

/**
 * Of [batch, positions, channels]. The variance of all is the mean of those of the samples and the variance
 * of their means (Chan, Golub and LeVeque 1979, for parts of one size).
 */
export function channelMoments(x: Tensor): ChannelMoments {
  const each = moments(x, 1);
  const center = mean(each.mean, 0);
  const between = mean(square(sub(each.mean, center)), 0);
  return {mean: center, variance: add(mean(each.variance, 0), between)};
}

/** Over all but the channels: of each sample first, which threads share. */
const sumOfChannels = (x: Tensor): Tensor => sum(sum(x, 1), 0);

/**
 * (x − mean) / √(variance + epsilon) · gamma + beta, with the moments of x itself, [batch, positions,
 * channels]. With x̂ for what is normalized, the gradient of x is
 * gamma / √(variance + epsilon) · (dy − (Σ dy + x̂ · Σ dy · x̂) / n) (Ioffe and Szegedy 2015).
 */
export function normalizedByBatch(
  x: Tensor,
  {mean: center, variance}: ChannelMoments,
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
        const normal = div(centered, deviation);
        const total = sumOfChannels(dy);
        const along = sumOfChannels(mul(dy, normal));
        const common = mul(add(total, mul(normal, along)), share);
        const dx = mul(sub(dy, common), factor);
        return [dx, ...(gamma ? [along] : []), ...(beta ? [total] : [])];
      },
    };
  });
  return normalize(x, ...learned);
}
