// Attention of several heads whose weights are wanted: all scores at once.
import type {RandomSource, Tensor} from '../../core/tensor.ts';
import {dropout} from '../../ops/composite.ts';
import {matmul} from '../../ops/gemm.ts';
import {add, logicalAnd, mul} from '../../ops/map.ts';
import {causalMask, maskedSoftmax} from '../../ops/masked-softmax.ts';
import {reshape, transpose} from '../../ops/move.ts';

export interface ScoredOptions {
  /** Which keys each query may see: bool [batch or 1, heads or 1, queries or 1, keys]. */
  readonly mask: Tensor | undefined;
  /** Added to the scores: [heads, queries, keys]. */
  readonly bias: Tensor | undefined;
  /** Whether a query sees keys up to its own place only. */
  readonly causal: boolean;
  /** Of the weights. */
  readonly dropout: {readonly rate: number; readonly source: RandomSource} | undefined;
}

export interface Scored {
  /** [batch, queries, heads, size of a value]. */
  readonly output: Tensor;
  /** What each query takes of each value, before dropout: [batch, heads, queries, keys]. */
  readonly weights: Tensor;
}

/**
 * softmax(query · keyᵀ / √size + bias) · value of each head, over the keys that count (Vaswani et al. 2017).
 * Query, key and value are [batch, steps, heads, size]; neighbouring heads of queries share one of keys and
 * values, where there are fewer. A query that may see no key gives zeros.
 */
export function scoredAttention(query: Tensor, key: Tensor, value: Tensor, options: ScoredOptions): Scored {
  const {mask, bias, causal, dropout: noise} = options;
  const [batch, queries, heads, size] = query.shape as [number, number, number, number];
  const [, keys, groups] = key.shape as [number, number, number];
  /** [..., heads, a, b] with an axis for the groups in front of that of their heads. */
  const inGroups = (x: Tensor): Tensor => {
    const [count, ...rest] = x.shape.slice(-3) as [number, number, number];
    const split = count === heads ? [groups, heads / groups] : [count, 1];
    return groups === heads ? x : reshape(x, [...x.shape.slice(0, -3), ...split, ...rest]);
  };
  const byHead = (x: Tensor): Tensor => inGroups(transpose(x, [0, 2, 1, 3]));
  const products = matmul(byHead(mul(query, 1 / Math.sqrt(size))), byHead(key), {transposeB: true});
  const before = causal ? causalMask(queries, keys) : undefined;
  const given = mask && inGroups(mask);
  const counts = given && before ? logicalAnd(given, before) : (given ?? before);
  const weights = maskedSoftmax(bias ? add(products, inGroups(bias)) : products, counts);
  const taken = noise ? dropout(weights, noise.rate, noise.source) : weights;
  const mixed = reshape(matmul(taken, byHead(value)), [batch, heads, queries, value.shape[3] as number]);
  return {output: transpose(mixed, [0, 2, 1, 3]), weights: reshape(weights, [batch, heads, queries, keys])};
}
