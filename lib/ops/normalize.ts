// Layer normalization along the last axis, each way one pass over memory (Ba, Kiros and Hinton 2016).
import {attributes, defineOp} from '../core/define.ts';
import {formatShape} from '../core/shape.ts';
import {apply, apply1, failIn, type Tensor} from '../core/tensor.ts';
import {customGradient} from './gradient.ts';
import {add, broadcastTo, div, mul, sqrt, square, sub} from './map.ts';
import {reshape} from './move.ts';
import {mean, sum} from './reduce.ts';

function checkColumns(op: string, x: Tensor, columns: readonly Tensor[]): void {
  const size = x.shape.at(-1);
  if (size !== undefined && columns.every(({shape}) => shape.length === 1 && shape[0] === size)) return;
  const received = [x, ...columns].map(({shape}) => formatShape(shape)).join(', ');
  failIn(op, 'ERR_SHAPE', `expected x and one number for each place of its last axis. Received ${received}`);
}

export const layerNormOp = defineOp({
  signature: 'layerNorm(x: f32, gamma: f32, beta: f32) -> y: f32 {epsilon: f32}',
  shape({x, gamma, beta}) {
    checkColumns('layerNorm', x, [gamma, beta]);
    return x.shape;
  },
  grad({dy}, {x, gamma}, {epsilon}) {
    const [dx, dGamma, dBeta] = gradientsOf(dy, x, gamma, epsilon);
    return {dx, dGamma, dBeta};
  },
});

/** Its gradients, of gamma and beta in parts that are still to be added up: rows go to them in order. */
export const layerNormGradientOp = defineOp({
  signature:
    'layerNormGradient(dy: f32, x: f32, gamma: f32) -> dx: f32, dGamma: f32, dBeta: f32 {epsilon: f32}',
  also: attributes<{readonly parts: number}>(),
  shape({x, gamma}, {parts}) {
    checkColumns('layerNormGradient', x, [gamma]);
    const each = [parts, gamma.shape[0] as number];
    return {dx: x.shape, dGamma: each, dBeta: each};
  },
});

/** By shape alone, and not by the size of the batch. */
const parts = 8;

/** What normalizes a row: x̂, and 1 / √(variance + epsilon). */
function normalOf(x: Tensor, epsilon: number): {normal: Tensor; scale: Tensor} {
  const away = sub(x, mean(x, -1, true));
  const scale = div(1, sqrt(add(mean(square(away), -1, true), epsilon)));
  return {normal: mul(away, scale), scale};
}

/** What of g changes neither the mean nor the length of a row of x̂: g − mean(g) − x̂ · mean(g · x̂). */
const projected = (g: Tensor, normal: Tensor): Tensor =>
  sub(sub(g, mean(g, -1, true)), mul(normal, mean(mul(g, normal), -1, true)));

function overRows(x: Tensor): Tensor {
  const columns = x.shape.at(-1) as number;
  return sum(reshape(x, [x.size / columns, columns]), 0);
}

/**
 * The gradients of x, gamma and beta. With g = dy · gamma, that of x is P(g) / √(variance + epsilon), where P
 * projects as above; it is its own transpose, from which the gradients of these gradients follow.
 */
function gradientsOf(
  dy: Tensor,
  x: Tensor,
  gamma: Tensor,
  epsilon: number,
): readonly [Tensor, Tensor, Tensor] {
  const [dx, dGamma, dBeta] = apply(layerNormGradientOp, [dy, x, gamma], {epsilon, parts});
  const inputs = [dy, x, gamma] as const;
  const ofInput = customGradient((d: Tensor, own: Tensor, factor: Tensor) => ({
    value: dx,
    gradient(u) {
      const {normal, scale} = normalOf(own, epsilon);
      const g = mul(d, factor);
      const [pu, pg] = [projected(u, normal), projected(g, normal)];
      const alongU = mean(mul(u, normal), -1, true);
      const alongG = mean(mul(g, normal), -1, true);
      const mixed = add(mul(u, alongG), mul(g, alongU));
      const ofScale = mul(normal, mean(mul(u, pg), -1, true));
      return [
        mul(mul(pu, scale), factor),
        mul(add(ofScale, projected(mixed, normal)), mul(square(scale), -1)),
        overRows(mul(mul(pu, scale), d)),
      ];
    },
  }));
  const ofGamma = customGradient((d: Tensor, own: Tensor) => ({
    value: sum(dGamma, 0),
    gradient(v) {
      const {normal, scale} = normalOf(own, epsilon);
      return [mul(normal, v), mul(projected(mul(d, v), normal), scale)];
    },
  }));
  const ofBeta = customGradient((d: Tensor) => ({
    value: sum(dBeta, 0),
    gradient: v => broadcastTo(v, d.shape),
  }));
  return [ofInput(...inputs), ofGamma(dy, x), ofBeta(dy)];
}

/**
 * (x − mean) / √(variance + epsilon) · gamma + beta, with mean and variance along the last axis; gamma and
 * beta are as long as it.
 *
 * @throws ERR_SHAPE if gamma or beta has another shape.
 */
export function layerNorm(x: Tensor, gamma: Tensor, beta: Tensor, epsilon: number): Tensor {
  return apply1(layerNormOp, [x, gamma, beta], {epsilon});
}
