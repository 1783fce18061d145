// The blocks of transformers, as short composites of layers: attention and a small net, each beside what
// goes around it.
import {checkBoolean, checkChoice, checkNumber, fail, requireOptions} from '../../core/errors.ts';
import {at} from '../../core/lists.ts';
import type {Config} from '../../core/named.ts';
import {formatShape, type Shape} from '../../core/shape.ts';
import {type Tensor, withScope} from '../../core/tensor.ts';
import {add} from '../../ops/map.ts';
import type {CallContext, ForwardAll, MakeWeight} from '../call-context.ts';
import {type Layer, type LayerOptions, layerOptions} from '../layer.ts';
import {callWithMasks, type Masks} from '../masking.ts';
import {
  type ActivationLike,
  describeOption,
  type InitializerLike,
  toActivation,
  toInitializer,
} from '../resolve.ts';
import {dense} from './dense.ts';
import {dropout} from './dropout.ts';
import {multiHeadAttention} from './multi-head-attention.ts';
import {layerNormalization} from './normalization.ts';
import {Wrapper} from './wrapper.ts';

export interface TransformerOptions extends LayerOptions {
  /** Units of the hidden layer of the net behind the attention. */
  readonly intermediateDim: number;
  /** A divisor of the number of features. */
  readonly numHeads: number;
  /** Fraction that training drops of attention weights and of what each part adds. 0 by default. */
  readonly dropout?: number;
  /** Of the hidden layer: `relu` by default. */
  readonly activation?: ActivationLike;
  /** Of the layer normalizations. 1e-5 by default. */
  readonly layerNormEpsilon?: number;
  /** `glorotUniform` by default. */
  readonly kernelInitializer?: InitializerLike;
  /** `zeros` by default. */
  readonly biasInitializer?: InitializerLike;
  /** Whether each part begins with its normalization, instead of ending with it. False by default. */
  readonly normalizeFirst?: boolean;
  /** How attention knows positions, as of `multiHeadAttention`. Not at all by default. */
  readonly positions?: 'rotary' | 'alibi';
}

const known = [
  ...layerOptions,
  'intermediateDim',
  'numHeads',
  'dropout',
  'activation',
  'layerNormEpsilon',
  'kernelInitializer',
  'biasInitializer',
  'normalizeFirst',
  'positions',
];

/** A layer of a block, ready to be called. */
type Run = (inputs: readonly Tensor[], context: CallContext, masks?: Masks) => Tensor;

abstract class Block extends Wrapper {
  readonly #options: TransformerOptions;
  /** Made when the number of features is known, which decides their sizes. */
  readonly #made: Map<string, Layer>;

  constructor(kind: string, options: TransformerOptions) {
    const where = `layers.${kind}`;
    requireOptions(where, options, known);
    const {intermediateDim, numHeads, dropout: rate, layerNormEpsilon, normalizeFirst, positions} = options;
    for (const [name, size] of Object.entries({intermediateDim, numHeads}))
      checkNumber(`${where}: ${name}`, size, {integer: true, min: 1, max: 2 ** 24});
    if (rate !== undefined) checkNumber(`${where}: dropout`, rate, {min: 0, below: 1});
    if (layerNormEpsilon !== undefined)
      checkNumber(`${where}: layerNormEpsilon`, layerNormEpsilon, {above: 0});
    if (normalizeFirst !== undefined) checkBoolean(`${where}: normalizeFirst`, normalizeFirst);
    if (positions !== undefined) checkChoice(`${where}: positions`, positions, ['rotary', 'alibi']);
    const activation = options.activation && toActivation(options.activation, `${where}: activation`);
    const kernel =
      options.kernelInitializer && toInitializer(options.kernelInitializer, `${where}: kernelInitializer`);
    const bias =
      options.biasInitializer && toInitializer(options.biasInitializer, `${where}: biasInitializer`);
    const inner = new Map<string, Layer>();
    const config = () => ({
      intermediateDim,
      numHeads,
      dropout: rate,
      activation: describeOption('activation', activation),
      layerNormEpsilon,
      kernelInitializer: describeOption('initializer', kernel),
      biasInitializer: describeOption('initializer', bias),
      normalizeFirst,
      positions,
    });
    super(kind, options, inner, config, (_, masks) => [masks[0]]);
    this.#options = {...options};
    this.#made = inner;
  }

  /** The layer of this name, for inputs of these shapes. */
  #use(name: string, make: () => Layer, shapes: readonly Shape[], options: Config = {}): Run {
    const layer = this.#made.get(name) ?? make();
    this.#made.set(name, layer);
    const scope = `${this.name}/${name}`;
    const forward = layer.forwardFor(shapes, scope, options);
    return (inputs, context, masks = []) =>
      withScope(name, () => at(callWithMasks(scope, layer, forward, inputs, masks, context).outputs, 0));
  }

  /** Refuses what are no samples [steps, features] whose features the heads share out. */
  protected checkSample(sample: Shape | undefined): asserts sample is readonly [number, number] {
    const {numHeads} = this.#options;
    if (sample?.length !== 2) {
      const received = sample ? formatShape(sample) : 'nothing';
      fail('ERR_SHAPE', `${this.name}: expected samples [steps, features]. Received ${received}.`);
    }
    const features = sample[1] as number;
    if (features % numHeads === 0) return;
    fail('ERR_SHAPE', `${this.name}: ${numHeads} heads do not divide ${features} features.`);
  }

  protected attention(name: string, shapes: readonly Shape[], options: Config = {}): Run {
    const {numHeads, dropout: rate, positions} = this.#options;
    const keyDim = (shapes[0]?.[1] as number) / numHeads;
    const make = () =>
      multiHeadAttention({
        ...{numHeads, keyDim},
        ...(rate !== undefined && {dropout: rate}),
        ...(positions !== undefined && {positions}),
        ...this.#initializers(),
      });
    return this.#use(name, make, shapes, options);
  }

  /** Two dense layers, one behind the other. */
  protected feedForward(sample: readonly [number, number]): Run {
    const {intermediateDim, activation = 'relu'} = this.#options;
    const [steps, features] = sample;
    const hidden = this.#use(
      'feedForward',
      () => dense({units: intermediateDim, activation, ...this.#initializers()}),
      [sample],
    );
    const output = this.#use('feedForwardOutput', () => dense({units: features, ...this.#initializers()}), [
      [steps, intermediateDim],
    ]);
    return (inputs, context) => output([hidden(inputs, context)], context);
  }

  #initializers() {
    const {kernelInitializer, biasInitializer} = this.#options;
    return {...(kernelInitializer && {kernelInitializer}), ...(biasInitializer && {biasInitializer})};
  }

  /** x + part(x), normalized before or behind. */
  protected residual(name: string, sample: Shape): (x: Tensor, context: CallContext, part: Part) => Tensor {
    const {normalizeFirst = false, layerNormEpsilon: epsilon = 1e-5, dropout: rate = 0} = this.#options;
    const normalize = this.#use(`${name}Norm`, () => layerNormalization({epsilon}), [sample]);
    const drop = this.#use(`${name}Dropout`, () => dropout({rate}), [sample]);
    return (x, context, part) => {
      const inner = part(normalizeFirst ? normalize([x], context) : x);
      const sum = add(x, drop([inner], context));
      return normalizeFirst ? sum : normalize([sum], context);
    };
  }
}

/** What is added to x, from x or what it is normalized to. */
type Part = (x: Tensor) => Tensor;

class TransformerEncoder extends Block {
  override readonly callOptions = ['useCausalMask'];

  constructor(options: TransformerOptions) {
    super('transformerEncoder', options);
    Object.freeze(this);
  }

  override buildAll(shapes: readonly Shape[], _: MakeWeight, options: Config): ForwardAll {
    const [sample, mask] = shapes;
    if (shapes.length > 2) {
      const received = `Received ${shapes.length} inputs`;
      fail('ERR_SHAPE', `${this.name}: expected a sequence, and at most an attention mask. ${received}.`);
    }
    this.checkSample(sample);
    const attention = this.attention(
      'selfAttention',
      mask ? [sample, sample, sample, mask] : [sample],
      options,
    );
    const around = [this.residual('selfAttention', sample), this.residual('feedForward', sample)];
    const feedForward = this.feedForward(sample);
    return ([x, seen], context) => {
      const own = context.masks?.[0];
      const attended = at(around, 0)(x as Tensor, context, y =>
        attention(seen ? [y, y, y, seen] : [y], context, [own, own, own]),
      );
      return [at(around, 1)(attended, context, y => feedForward([y], context))];
    };
  }
}

/**
 * A block that reads a sequence (Vaswani et al. 2017): attention of the steps to each other, then a dense net
 * of each step, each added to what goes in and normalized. [batch, steps, features] to the same. A second
 * input is an attention mask as of `multiHeadAttention`; the mask of the input hides padding and goes on.
 * `apply(x, {useCausalMask: true})` hides what is behind each step.
 *
 * Its layers are `selfAttention`, `selfAttentionNorm`, `feedForward`, `feedForwardOutput` and
 * `feedForwardNorm`.
 *
 * @throws ERR_OPTION; ERR_SHAPE, also where the heads do not divide the features.
 */
export function transformerEncoder(options: TransformerOptions): Layer {
  return new TransformerEncoder(options);
}

class TransformerDecoder extends Block {
  override readonly callOptions = ['useCausalMask'];

  constructor(options: TransformerOptions) {
    super('transformerDecoder', options);
    Object.freeze(this);
  }

  override buildAll(shapes: readonly Shape[], _: MakeWeight, options: Config): ForwardAll {
    const [sample, memory] = shapes;
    if (shapes.length > 2) {
      const received = `Received ${shapes.length} inputs`;
      fail(
        'ERR_SHAPE',
        `${this.name}: expected a sequence, and at most one that it attends to. ${received}.`,
      );
    }
    this.checkSample(sample);
    const self = this.attention('selfAttention', [sample], {useCausalMask: true, ...options});
    const cross = memory && this.attention('crossAttention', [sample, memory]);
    const aroundSelf = this.residual('selfAttention', sample);
    const aroundCross = cross && this.residual('crossAttention', sample);
    const aroundNet = this.residual('feedForward', sample);
    const feedForward = this.feedForward(sample);
    return ([x, read], context) => {
      const [own, other] = context.masks ?? [];
      let value = aroundSelf(x as Tensor, context, y => self([y], context, [own]));
      if (cross && aroundCross) {
        value = aroundCross(value, context, y => cross([y, read as Tensor], context, [own, other]));
      }
      return [aroundNet(value, context, y => feedForward([y], context))];
    };
  }
}

/**
 * A block that writes a sequence (Vaswani et al. 2017): `transformerEncoder` whose steps see nothing behind
 * them, unless `apply` is told `useCausalMask: false`. With a second input, `apply([x, memory])`, it attends
 * to what an encoder gave, too, behind the attention to itself; masks of both hide padding.
 *
 * Its layers are those of `transformerEncoder`, and `crossAttention` and `crossAttentionNorm`.
 *
 * @throws ERR_OPTION; ERR_SHAPE, also where the heads do not divide the features.
 */
export function transformerDecoder(options: TransformerOptions): Layer {
  return new TransformerDecoder(options);
}
