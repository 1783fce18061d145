// Attention: means of values, weighted by how near their keys are to a query. Built of other ops.
import {checkBoolean, checkNumber, checkOptions} from '../core/errors.ts';
import {formatShape} from '../core/shape.ts';
import {checkTensor, constant, failIn, type RandomSource, type Tensor} from '../core/tensor.ts';
import {dropout} from './composite.ts';
import {matmul} from './gemm.ts';
import {add, greaterEqual, logicalAnd, mul, select} from './map.ts';
import {softmax} from './softmax.ts';

/** Below all scores: its exponential is exactly 0 beside any of them. */
const absent = -1e9;

/**
 * softmax(x) over those positions of the last axis that count; the others are exactly 0, and so is a row of
 * which none counts.
 */
export function maskedSoftmax(x: Tensor, mask: Tensor | undefined): Tensor {
  return mask ? select(mask, softmax(select(mask, x, absent)), 0) : softmax(x);
}

/** Which keys a query may see that has nothing behind it: bool [queries, keys], true up to its own place. */
export function causalMask(queries: number, keys: number): Tensor {
  const places = (count: number, shape: readonly number[]): Tensor =>
    constant(
      Int32Array.from({length: count}, (_, at) => at),
      shape,
      'int32',
    );
  return greaterEqual(places(queries, [queries, 1]), places(keys, [1, keys]));
}

export interface AttentionOptions {
  /** Which keys each query may see: bool, broadcasts to [..., queries, keys]. */
  readonly mask?: Tensor | undefined;
  /** Added to the scores before the softmax: broadcasts to [..., queries, keys]. */
  readonly bias?: Tensor | undefined;
  /** What the products are multiplied by: 1 / √(size of a key) by default. */
  readonly scale?: number;
  /** Whether a query sees keys up to its own place only. False by default. */
  readonly isCausal?: boolean;
  /** Zeroes weights at random, as `ops.dropout`. */
  readonly dropout?: {readonly rate: number; readonly source: RandomSource} | undefined;
}

export interface Attended {
  /** [..., queries, size of a value]. */
  readonly output: Tensor;
  /** What each query takes of each value, before dropout: [..., queries, keys]. */
  readonly weights: Tensor;
}

const known = ['mask', 'bias', 'scale', 'isCausal', 'dropout'];

/** The mask of the caller and that of what comes later. */
function joinedMask(
  query: Tensor,
  key: Tensor,
  {mask, isCausal = false}: AttentionOptions,
): Tensor | undefined {
  if (!isCausal) return mask;
  const causal = causalMask(query.shape.at(-2) as number, key.shape.at(-2) as number);
  return mask ? logicalAnd(mask, causal) : causal;
}

/**
 * softmax(query · keyᵀ · scale + bias) · value over the keys that count (Vaswani et al. 2017), with its
 * weights. Query [..., queries, d], key [..., keys, d], value [..., keys, e]; axes before the last two
 * broadcast. A query that may see no key gives zeros.
 *
 * @throws ERR_SHAPE where sizes differ; ERR_DTYPE for a mask that is not bool.
 */
export function attend(query: Tensor, key: Tensor, value: Tensor, options: AttentionOptions = {}): Attended {
  const name = 'dotProductAttention';
  checkTensor(name, 'query', query);
  checkTensor(name, 'key', key);
  checkTensor(name, 'value', value);
  checkOptions(`ops.${name}`, options, known);
  const {bias, isCausal, dropout: noise} = options;
  if (isCausal !== undefined) checkBoolean(`ops.${name}: isCausal`, isCausal);
  const size = query.shape.at(-1) as number;
  const isSame = size === key.shape.at(-1) && key.shape.at(-2) === value.shape.at(-2);
  if (query.rank < 2 || key.rank < 2 || value.rank < 2 || !isSame) {
    const received = [query, key, value].map(({shape}) => formatShape(shape)).join(', ');
    const wanted = 'expected [..., queries, d], [..., keys, d] and [..., keys, e]';
    failIn(name, 'ERR_SHAPE', `${wanted}. Received ${received}`);
  }
  const {scale = 1 / Math.sqrt(size)} = options;
  checkNumber(`ops.${name}: scale`, scale, {});
  const mask = joinedMask(query, key, options);
  if (mask !== undefined && mask.dtype !== 'bool') {
    failIn(name, 'ERR_DTYPE', `the mask must be bool. Received ${mask}`);
  }
  const products = matmul(scale === 1 ? query : mul(query, scale), key, {transposeB: true});
  const weights = maskedSoftmax(bias ? add(products, bias) : products, mask);
  const taken = noise ? dropout(weights, noise.rate, noise.source) : weights;
  return {output: matmul(taken, value), weights};
}

/** What `attend` gives, without the weights: by its name in `keras.ops`, heads before steps. */
export function dotProductAttention(
  query: Tensor,
  key: Tensor,
  value: Tensor,
  options: AttentionOptions = {},
): Tensor {
  return attend(query, key, value, options).output;
}
