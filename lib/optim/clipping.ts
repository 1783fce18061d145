// Clipping of gradients that are too large.
import type {Tensor} from '../core/tensor.ts';
import {finite} from '../ops/check.ts';
import {add, div, maximum, minimum, mul, sqrt, square} from '../ops/map.ts';
import {sum} from '../ops/reduce.ts';

export interface Clip {
  readonly by: 'clipValue' | 'clipNorm' | 'globalClipNorm';
  readonly limit: number;
}

export interface Clipped {
  readonly gradients: readonly Tensor[];
  /** Finite checks of the squares: where they overflow, clipping would scale a finite gradient to 0. */
  readonly guards: readonly Tensor[];
}

const sumOfSquares = (x: Tensor): Tensor => sum(square(x));

/** limit / max(norm, limit): 1 if the gradient is short enough. */
function clippingScale(squares: Tensor, limit: number): {scale: Tensor; guard: Tensor} {
  return {scale: div(limit, maximum(sqrt(squares), limit)), guard: finite(squares)};
}

export function clipGradients(gradients: readonly Tensor[], clip: Clip | undefined): Clipped {
  if (!clip || gradients.length === 0) return {gradients, guards: []};
  const {by, limit} = clip;
  if (by === 'clipValue') {
    return {gradients: gradients.map(g => maximum(minimum(g, limit), -limit)), guards: []};
  }
  if (by === 'clipNorm') {
    const scaled = gradients.map(g => ({g, ...clippingScale(sumOfSquares(g), limit)}));
    return {gradients: scaled.map(({g, scale}) => mul(g, scale)), guards: scaled.map(({guard}) => guard)};
  }
  const squares = gradients.map(sumOfSquares).reduce((all, part) => add(all, part));
  const {scale, guard} = clippingScale(squares, limit);
  return {gradients: gradients.map(g => mul(g, scale)), guards: [guard]};
}
