// Attention without projections: by products, or by a small net over sums (Bahdanau et al. 2015).
import {checkBoolean, checkChoice, checkNumber, checkOptions, fail} from '../../core/errors.ts';
import type {Config} from '../../core/named.ts';
import {formatShape, type Shape} from '../../core/shape.ts';
import type {Tensor} from '../../core/tensor.ts';
import {dropout} from '../../ops/composite.ts';
import {matmul} from '../../ops/gemm.ts';
import {add, logicalAnd, mul, select, tanh} from '../../ops/map.ts';
import {causalMask, maskedSoftmax} from '../../ops/masked-softmax.ts';
import {reshape} from '../../ops/move.ts';
import {sum} from '../../ops/reduce.ts';
import type {CallContext, ForwardAll, MakeWeight} from '../call-context.ts';
import {type Layer, type LayerOptions, layerOptions} from '../layer.ts';
import {MadeLayer} from '../make-layer.ts';

export interface AttentionLayerOptions extends LayerOptions {
  /** Whether the scores are multiplied by a learned number. False by default. */
  readonly useScale?: boolean;
  /**
   * How near a query q and a key k are: q · k (`dot`, the default), or a learned number times Σ tanh(q + k)
   * (`concat`).
   */
  readonly scoreMode?: 'dot' | 'concat';
  /** Fraction of the weights that training drops. 0 by default. */
  readonly dropout?: number;
}

export interface AdditiveAttentionOptions extends LayerOptions {
  /** Whether each feature is multiplied by a learned number. True by default. */
  readonly useScale?: boolean;
  /** Fraction of the weights that training drops. 0 by default. */
  readonly dropout?: number;
}

type Scores = (query: Tensor, key: Tensor) => Tensor;

/** Σ tanh(q + k) · by, over the features: [batch, queries, keys]. */
function additiveScores(query: Tensor, key: Tensor, by: Tensor | undefined): Tensor {
  const [batch, queries, size] = query.shape as [number, number, number];
  const keys = key.shape[1] as number;
  const pairs = tanh(add(reshape(query, [batch, queries, 1, size]), reshape(key, [batch, 1, keys, size])));
  return sum(by ? mul(pairs, by) : pairs, -1);
}

/** Refuses what are no query, value and key of sizes that go together. */
function checkInputs(name: string, shapes: readonly Shape[]): void {
  const [query, value, key = value] = shapes;
  const isRight =
    (shapes.length === 2 || shapes.length === 3) &&
    shapes.every(({length}) => length === 2) &&
    query?.[1] === key?.[1] &&
    value?.[0] === key?.[0];
  if (isRight) return;
  const received = `Received ${shapes.map(formatShape).join(', ')}`;
  const wanted = 'expected [query, value] or [query, value, key]: samples [queries, d], [keys, e], [keys, d]';
  fail('ERR_SHAPE', `${name}: ${wanted}. ${received}.`);
}

export const callOptions = ['useCausalMask', 'returnAttentionScores'];

/** What `apply` was told. */
export function flagsOfCall(name: string, options: Config): {causal: boolean; scores: boolean} {
  for (const flag of callOptions)
    if (options[flag] !== undefined) checkBoolean(`${name}: apply: ${flag}`, options[flag]);
  return {causal: options.useCausalMask === true, scores: options.returnAttentionScores === true};
}

/** Attention whose scores are made by a function of query and key. */
abstract class ScoredAttention extends MadeLayer {
  override readonly callOptions = callOptions;
  readonly #dropout: number;

  constructor(kind: string, options: AttentionLayerOptions, more: readonly string[]) {
    const where = `layers.${kind}`;
    checkOptions(where, options, [...layerOptions, 'useScale', 'dropout', ...more]);
    const {useScale, dropout: rate = 0, scoreMode} = options;
    if (useScale !== undefined) checkBoolean(`${where}: useScale`, useScale);
    if (scoreMode !== undefined) checkChoice(`${where}: scoreMode`, scoreMode, ['dot', 'concat']);
    checkNumber(`${where}: dropout`, rate, {min: 0, below: 1});
    // The mask of the queries goes on.
    super(
      kind,
      options,
      () => ({useScale, scoreMode, dropout: options.dropout}),
      (_, masks) => [masks[0]],
    );
    this.#dropout = rate;
  }

  /** Makes the weights of the scores for features of this size. */
  abstract scores(size: number, weight: MakeWeight): Scores;

  override buildAll(shapes: readonly Shape[], weight: MakeWeight, options: Config): ForwardAll {
    const flags = flagsOfCall(this.name, options);
    checkInputs(this.name, shapes);
    const scores = this.scores(shapes[0]?.[1] as number, weight);
    return ([query, value, key = value], context) => {
      const mask = this.#mask(query as Tensor, value as Tensor, flags.causal, context);
      const weights = maskedSoftmax(scores(query as Tensor, key as Tensor), mask);
      const rate = this.#dropout;
      const taken = context.training && rate > 0 ? dropout(weights, rate, context.random()) : weights;
      const output = matmul(taken, value as Tensor);
      const counts = context.masks?.[0];
      const kept = counts ? select(reshape(counts, [...counts.shape, 1]), output, 0) : output;
      return flags.scores ? [kept, taken] : [kept];
    };
  }

  /** Which values each query may see: [batch or 1, queries or 1, values]. */
  #mask(query: Tensor, value: Tensor, causal: boolean, {masks}: CallContext): Tensor | undefined {
    const [batch, keys] = value.shape as [number, number];
    const counts = masks?.[1] && reshape(masks[1], [batch, 1, keys]);
    const before = causal ? causalMask(query.shape[1] as number, keys) : undefined;
    return counts && before ? logicalAnd(counts, before) : (counts ?? before);
  }
}

class Attention extends ScoredAttention {
  readonly #options: AttentionLayerOptions;

  constructor(options: AttentionLayerOptions) {
    super('attention', options, ['scoreMode']);
    this.#options = options;
    Object.freeze(this);
  }

  override scores(_: number, weight: MakeWeight): Scores {
    const {useScale = false, scoreMode = 'dot'} = this.#options;
    const scale = useScale ? weight('scale', [], {initializer: 'ones'}) : undefined;
    if (scoreMode === 'dot') {
      return (query, key) => {
        const products = matmul(query, key, {transposeB: true});
        return scale ? mul(products, scale) : products;
      };
    }
    const factor = weight('concatScoreWeight', [], {initializer: 'ones'});
    return (query, key) => {
      const [q, k] = scale ? [mul(query, scale), mul(key, scale)] : [query, key];
      return mul(additiveScores(q, k, undefined), factor);
    };
  }
}

/**
 * For each query the mean of the values, weighted by the softmax of its scores with their keys (Luong et al.
 * 2015): `apply([query, value])` or `apply([query, value, key])`, of [batch, steps, features] each. Weights
 * are `scale` and `concatScoreWeight`, one number each, where the options ask for them. Masked values have
 * no weight, masked queries give zeros, as does a query that may see nothing.
 *
 * Options of `apply`: `useCausalMask`, no query sees what is behind its own step; `returnAttentionScores`,
 * the weights [batch, queries, values] are a second output.
 *
 * @throws ERR_OPTION; ERR_SHAPE for inputs that do not go together.
 */
export function attention(options: AttentionLayerOptions = {}): Layer {
  return new Attention(options);
}

class AdditiveAttention extends ScoredAttention {
  readonly #useScale: boolean;

  constructor(options: AdditiveAttentionOptions) {
    super('additiveAttention', options, []);
    this.#useScale = options.useScale ?? true;
    Object.freeze(this);
  }

  override scores(size: number, weight: MakeWeight): Scores {
    const scale = this.#useScale ? weight('scale', [size], {initializer: 'glorotUniform'}) : undefined;
    return (query, key) => additiveScores(query, key, scale);
  }
}

/**
 * The same with the scores Σ scale · tanh(query + key) over the features (Bahdanau et al. 2015): its weight
 * is `scale`, [features]. Inputs, masks and options of `apply` as of `attention`.
 *
 * @throws ERR_OPTION; ERR_SHAPE for inputs that do not go together.
 */
export function additiveAttention(options: AdditiveAttentionOptions = {}): Layer {
  return new AdditiveAttention(options);
}
