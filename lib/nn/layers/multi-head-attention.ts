// Attention with several heads, each with projections of its own; heads may share keys and values.
import {checkBoolean, checkChoice, checkNumber, fail, requireOptions} from '../../core/errors.ts';
import {at} from '../../core/lists.ts';
import type {Config} from '../../core/named.ts';
import {formatShape, type Shape, sameShape} from '../../core/shape.ts';
import type {Tensor} from '../../core/tensor.ts';
import {attention} from '../../ops/attention.ts';
import {matmul} from '../../ops/gemm.ts';
import {add, broadcastTo, cast, logicalAnd} from '../../ops/map.ts';
import {reshape} from '../../ops/move.ts';
import type {CallContext, ForwardAll, MakeWeight} from '../call-context.ts';
import {type Layer, type LayerOptions, layerOptions} from '../layer.ts';
import {MadeLayer} from '../make-layer.ts';
import {stepMask} from '../masking.ts';
import type {ConstraintLike, InitializerLike, RegularizerLike} from '../resolve.ts';
import {callOptions, flagsOfCall} from './attention.ts';
import {axesToAttend, foldingOf} from './attention-axes.ts';
import {alibi, alibiSlopes, rotate} from './position-formulas.ts';
import {scoredAttention} from './scored-attention.ts';
import {type ChosenWeight, chosenWeight, weightOptions} from './spatial-options.ts';
import {withPast} from './streams.ts';

export interface HeadOptions extends LayerOptions {
  /** Fraction of the attention weights that training drops. 0 by default. */
  readonly dropout?: number;
  /** True by default. */
  readonly useBias?: boolean;
  /**
   * `glorotUniform` by default, which takes a kernel [features, heads, size] as windows of so many features:
   * first values are smaller than those of Keras 3.15, by √((heads + size) / 2) for heads · size features.
   */
  readonly kernelInitializer?: InitializerLike;
  /** `zeros` by default. */
  readonly biasInitializer?: InitializerLike;
  readonly kernelRegularizer?: RegularizerLike;
  readonly biasRegularizer?: RegularizerLike;
  readonly kernelConstraint?: ConstraintLike;
  readonly biasConstraint?: ConstraintLike;
  /**
   * How scores know positions: queries and keys are turned by an angle that grows with their step (`rotary`,
   * Su et al. 2021; the size of a head must be even), or lose by the distance of their steps (`alibi`, Press
   * et al. 2022). Not at all by default.
   */
  readonly positions?: 'rotary' | 'alibi';
}

export interface MultiHeadAttentionOptions extends HeadOptions {
  readonly numHeads: number;
  /** Size of each head's queries and keys. */
  readonly keyDim: number;
  /** Size of each head's values; keyDim by default. */
  readonly valueDim?: number;
  /** Size of the output; that of the query by default. */
  readonly outputShape?: number;
  /**
   * Of images and other inputs [batch, …places, features]: the axes along which places attend to each other,
   * counted with the batch as axis 0. All between the batch and the features by default.
   */
  readonly attentionAxes?: number | readonly number[];
}

export interface GroupQueryAttentionOptions extends HeadOptions {
  /** Size of each head. */
  readonly headDim: number;
  readonly numQueryHeads: number;
  /** A divisor of numQueryHeads: so many heads of keys and values are shared out among those of queries. */
  readonly numKeyValueHeads: number;
}

const ofHeads = [
  ...layerOptions,
  'dropout',
  'useBias',
  ...['kernel', 'bias'].flatMap(weightOptions),
  'positions',
];

interface Heads {
  readonly queries: number;
  /** Of keys and values. */
  readonly keys: number;
  readonly keyDim: number;
  readonly valueDim: number;
  readonly output: number | undefined;
  readonly axes?: readonly number[] | undefined;
}

/** From [batch, steps, features] to [batch, steps, heads, size], or back. */
type Projection = (x: Tensor) => Tensor;

class HeadsAttention extends MadeLayer {
  override readonly callOptions = callOptions;
  readonly #options: HeadOptions;
  readonly #heads: Heads;
  readonly #kernel: ChosenWeight;
  readonly #bias: ChosenWeight;

  constructor(kind: string, options: HeadOptions, own: readonly string[], heads: (where: string) => Heads) {
    const where = `layers.${kind}`;
    requireOptions(where, options, [...ofHeads, ...own]);
    const {dropout, useBias, positions} = options;
    if (dropout !== undefined) checkNumber(`${where}: dropout`, dropout, {min: 0, below: 1});
    if (useBias !== undefined) checkBoolean(`${where}: useBias`, useBias);
    if (positions !== undefined) checkChoice(`${where}: positions`, positions, ['rotary', 'alibi']);
    const made = heads(where);
    if (positions === 'rotary' && made.keyDim % 2 > 0) {
      fail('ERR_OPTION', `${where}: positions: rotary needs heads of an even size. Received ${made.keyDim}.`);
    }
    const [kernel, bias] = [
      chosenWeight(options, 'kernel', 'glorotUniform', where),
      chosenWeight(options, 'bias', 'zeros', where),
    ];
    const given = options as unknown as Config;
    super(
      kind,
      options,
      () => ({
        ...Object.fromEntries(own.map(name => [name, given[name]])),
        dropout,
        useBias,
        ...kernel.config(),
        ...bias.config(),
        positions,
      }),
      // The mask of the queries goes on.
      (_, masks) => [masks[0]],
    );
    this.#options = options;
    this.#heads = made;
    this.#kernel = kernel;
    this.#bias = bias;
    Object.freeze(this);
  }

  #projection(name: string, features: number, heads: number, size: number, weight: MakeWeight): Projection {
    const {useBias = true} = this.#options;
    const kernel = weight(`${name}/kernel`, [features, heads, size], this.#kernel.options);
    const bias = useBias ? weight(`${name}/bias`, [heads, size], this.#bias.options) : undefined;
    const matrix = reshape(kernel, [features, heads * size]);
    const row = bias && reshape(bias, [heads * size]);
    return x => {
      const [batch, steps] = x.shape as [number, number];
      const product = matmul(reshape(x, [batch * steps, features]), matrix);
      const sums = row ? add(product, row) : product;
      return reshape(sums, [batch, steps, heads, size]);
    };
  }

  #output(features: number, weight: MakeWeight): Projection {
    const {useBias = true} = this.#options;
    const {queries: heads, valueDim} = this.#heads;
    const kernel = weight('output/kernel', [heads, valueDim, features], this.#kernel.options);
    const bias = useBias ? weight('output/bias', [features], this.#bias.options) : undefined;
    const matrix = reshape(kernel, [heads * valueDim, features]);
    return x => {
      const [batch, steps] = x.shape as [number, number];
      const product = matmul(reshape(x, [batch * steps, heads * valueDim]), matrix);
      return reshape(bias ? add(product, bias) : product, [batch, steps, features]);
    };
  }

  override buildAll(shapes: readonly Shape[], weight: MakeWeight, options: Config): ForwardAll {
    const {name} = this;
    const folding = foldingOf(name, this.#heads.axes, shapes);
    if (!folding) return this.#build(shapes, weight, options);
    if (folding.isJoined && (this.#options.positions || flagsOfCall(name, options).causal)) {
      const why = 'positions and useCausalMask go with one axis of steps';
      fail(
        'ERR_SHAPE',
        `${name}: ${why}: attentionAxes: [1]. Received ${shapes.map(formatShape).join(', ')}.`,
      );
    }
    const forward = this.#build(folding.shapes, weight, options);
    return (inputs, context) => {
      const {masks, stream} = context;
      if (masks?.some(mask => mask) || stream) {
        const what = stream ? 'steps that come in parts' : 'masks of steps';
        fail('ERR_GRAPH', `${name}: ${what} go with sequences [batch, steps, features].`);
      }
      return folding.unfold(forward(folding.fold(inputs), context));
    };
  }

  #build(shapes: readonly Shape[], weight: MakeWeight, options: Config): ForwardAll {
    const flags = flagsOfCall(this.name, options);
    const {queries: heads, keys: groups, keyDim, valueDim, output: outputDim} = this.#heads;
    const [queryShape, valueShape, keyShape] = this.#checkInputs(shapes);
    const features = queryShape[1] as number;
    const query = this.#projection('query', features, heads, keyDim, weight);
    const key = this.#projection('key', keyShape[1] as number, groups, keyDim, weight);
    const value = this.#projection('value', valueShape[1] as number, groups, valueDim, weight);
    const output = this.#output(outputDim ?? features, weight);
    const {dropout: rate = 0, positions} = this.#options;
    return (inputs, context) => {
      const x = at(inputs, 0);
      const values = inputs[1] ?? x;
      const {stream} = context;
      if (stream) this.#checkStream(inputs, flags);
      const turn = (y: Tensor): Tensor => (positions === 'rotary' ? rotate(y, 1, {stream}) : y);
      const whole = (y: Tensor): Tensor => (stream ? withPast(y, stream) : y);
      const [q, k, v] = [turn(query(x)), whole(turn(key(inputs[2] ?? values))), whole(value(values))];
      const [steps, keys] = [at(q.shape, 1), at(k.shape, 1)];
      const {causal} = flags;
      const mask = this.#mask(inputs, context);
      const noise = context.training && rate > 0 ? {rate, source: context.random()} : undefined;
      if (!flags.scores) {
        const given = {
          causal,
          ...(positions === 'alibi' && {slopes: alibiSlopes(heads)}),
          ...(stream && {offset: stream.position}),
          ...(mask && {mask: broadcastTo(mask, [...mask.shape.slice(0, 3), keys])}),
          ...(noise && {dropout: noise}),
        };
        return [output(attention(q, k, v, given))];
      }
      // Not of steps that come in parts: `#checkStream` refuses scores of those.
      const bias = positions === 'alibi' ? alibi(heads, steps, keys) : undefined;
      const scored = scoredAttention(q, k, v, {mask, bias, causal, dropout: noise});
      return [output(scored.output), scored.weights];
    };
  }

  #checkInputs(shapes: readonly Shape[]): readonly [Shape, Shape, Shape] {
    const [query, value = query, key = value, mask] = shapes;
    const isSequence = [query, value, key].every(shape => shape?.length === 2);
    if (!isSequence || shapes.length > 4 || value?.[0] !== key?.[0]) {
      const wanted = 'expected [query], [query, value] or [query, value, key], samples [steps, features]';
      const received = `Received ${shapes.map(formatShape).join(', ') || 'nothing'}`;
      return fail('ERR_SHAPE', `${this.name}: ${wanted}, as many steps of value and key. ${received}.`);
    }
    const pairs = [query?.[0] as number, value?.[0] as number];
    const {queries: heads} = this.#heads;
    if (mask && !sameShape(mask, pairs) && !sameShape(mask, [heads, ...pairs])) {
      const wanted = `expected an attention mask ${formatShape(pairs)} or ${formatShape([heads, ...pairs])}`;
      fail('ERR_SHAPE', `${this.name}: ${wanted} of a sample. Received ${formatShape(mask)}.`);
    }
    return [query as Shape, value as Shape, key as Shape];
  }

  /** Refuses, of steps that come in parts, what needs those behind them. */
  #checkStream(inputs: readonly Tensor[], {causal, scores}: {causal: boolean; scores: boolean}): void {
    const why = !causal
      ? 'attends to steps behind each one, too: apply it with useCausalMask'
      : inputs.some(input => input !== inputs[0])
        ? 'attends to another sequence, or has an attention mask'
        : scores
          ? 'gives its scores, which are of all steps at once'
          : undefined;
    if (why) fail('ERR_GRAPH', `${this.name} ${why}. So steps cannot come one behind the other.`);
  }

  /** What both the masks of the inputs and an attention mask leave: [batch, heads or 1, queries, keys]. */
  #mask(inputs: readonly Tensor[], {masks = [], stream}: CallContext): Tensor | undefined {
    const own = inputs.slice(0, 3).map((input, index) => stepMask(this.kind, masks[index], input));
    const [ofQuery, first, second] = inputs.length === 1 ? [own[0], own[0]] : own;
    const ofKeys = first === second ? [first] : [first, second];
    const given = inputs[3] && cast(inputs[3], 'bool');
    const parts = [
      ofQuery && reshape(ofQuery, [ofQuery.shape[0] as number, 1, ofQuery.shape[1] as number, 1]),
      ...ofKeys.map(own => {
        const mask = own && stream ? withPast(own, stream) : own;
        return mask && reshape(mask, [mask.shape[0] as number, 1, 1, mask.shape[1] as number]);
      }),
      given &&
        (given.rank === 4 ? given : reshape(given, [given.shape[0] as number, 1, ...given.shape.slice(1)])),
    ];
    const known = parts.filter(part => part !== undefined);
    return known.length === 0 ? undefined : known.reduce((a, b) => logicalAnd(a, b));
  }
}

const counts = {integer: true, min: 1, max: 2 ** 24};

/**
 * Attention with several heads (Vaswani et al. 2017): `apply([query, value])`, `apply([query, value, key])`,
 * or `apply(x)` where a sequence attends to itself; [batch, steps, features] each, or images and other places
 * [batch, …places, features], of which `attentionAxes` chooses. A fourth input is an
 * attention mask, [queries, keys] or [heads, queries, keys] of a sample, bool or numbers of which 0 hides a
 * key; masks of the inputs hide padding. A query that may see no key gets the bias of the output.
 *
 * Weights are `query/kernel` [features, heads, keyDim], `query/bias` [heads, keyDim], the same of `key` and
 * `value`, `output/kernel` [heads, valueDim, outputShape] and `output/bias`. Options of `apply`:
 * `useCausalMask`, no query sees what is behind its own step; `returnAttentionScores`, the weights [batch,
 * heads, queries, keys], before dropout, are a second output.
 *
 * @throws ERR_OPTION; ERR_SHAPE for inputs that do not go together.
 */
export function multiHeadAttention(options: MultiHeadAttentionOptions): Layer {
  return new HeadsAttention(
    'multiHeadAttention',
    options,
    ['numHeads', 'keyDim', 'valueDim', 'outputShape', 'attentionAxes'],
    where => {
      const {numHeads, keyDim, valueDim = keyDim, outputShape, attentionAxes} = options;
      const axes = axesToAttend(`${where}: attentionAxes`, attentionAxes);
      for (const [name, size] of Object.entries({numHeads, keyDim, valueDim}))
        checkNumber(`${where}: ${name}`, size, counts);
      if (outputShape !== undefined) checkNumber(`${where}: outputShape`, outputShape, counts);
      return {queries: numHeads, keys: numHeads, keyDim, valueDim, output: outputShape, axes};
    },
  );
}

/**
 * The same where several heads of queries share one of keys and values (Ainslie et al. 2023): head i of the
 * queries reads head ⌊i · numKeyValueHeads / numQueryHeads⌋. Inputs, masks, weights and options of `apply` as
 * of `multiHeadAttention`, with as many heads of `key` and `value` as numKeyValueHeads.
 *
 * @throws ERR_OPTION, also where the heads cannot be shared out; ERR_SHAPE.
 */
export function groupQueryAttention(options: GroupQueryAttentionOptions): Layer {
  return new HeadsAttention(
    'groupQueryAttention',
    options,
    ['headDim', 'numQueryHeads', 'numKeyValueHeads'],
    where => {
      const {headDim, numQueryHeads, numKeyValueHeads} = options;
      for (const [name, size] of Object.entries({headDim, numQueryHeads, numKeyValueHeads}))
        checkNumber(`${where}: ${name}`, size, counts);
      if (numQueryHeads % numKeyValueHeads > 0) {
        const wanted = `expected a divisor of numQueryHeads ${numQueryHeads}`;
        fail('ERR_OPTION', `${where}: numKeyValueHeads: ${wanted}. Received ${numKeyValueHeads}.`);
      }
      return {
        queries: numQueryHeads,
        keys: numKeyValueHeads,
        keyDim: headDim,
        valueDim: headDim,
        output: undefined,
      };
    },
  );
}
