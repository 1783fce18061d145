// Gradients that are too large, made smaller. Plain functions of ops.
import type {Tensor} from '../core/tensor.ts';
import {finite} from '../ops/check.ts';
import {add, div, maximum, minimum, mul, sqrt, square} from '../ops/map.ts';
import {sum} from '../ops/reduce.ts';
import type {Clip} from './options.ts';

export interface Clipped {
  readonly gradients: readonly Tensor[];
  /** Tests of the norms: a finite gradient may be too large to be squared; nothing would be left of it. */
  readonly guards: readonly Tensor[];
}

const sumOfSquares = (x: Tensor): Tensor => sum(square(x));

/** limit / max(norm, limit): 1 where the gradient is short enough. */
function shrinking(squares: Tensor, limit: number): {scale: Tensor; guard: Tensor} {
  return {scale: div(limit, maximum(sqrt(squares), limit)), guard: finite(squares)};
}

export function clipGradients(gradients: readonly Tensor[], clip: Clip | undefined): Clipped {
  if (!clip || gradients.length === 0) return {gradients, guards: []};
  const {by, limit} = clip;
  if (by === 'clipValue') {
    return {gradients: gradients.map(g => maximum(minimum(g, limit), -limit)), guards: []};
  }
  if (by === 'clipNorm') {
    const shrunk = gradients.map(g => ({g, ...shrinking(sumOfSquares(g), limit)}));
    return {gradients: shrunk.map(({g, scale}) => mul(g, scale)), guards: shrunk.map(({guard}) => guard)};
  }
  const squares = gradients.map(sumOfSquares).reduce((all, part) => add(all, part));
  const {scale, guard} = shrinking(squares, limit);
  return {gradients: gradients.map(g => mul(g, scale)), guards: [guard]};
}
