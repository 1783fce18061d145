// What a layer is: a function of ops, made in two steps. `build` makes its weights for an input's shape and
// gives the forward pass; what it computes is one graph, from which the backward pass follows.
import {fail} from '../core/errors.ts';
import {type Config, describe, type Json, type Named, remember} from '../core/named.ts';
import {formatShape, type Shape, sameShape} from '../core/shape.ts';
import {type RandomSource, type Tensor, type Variable, variable} from '../core/tensor.ts';
import {broadcastTo, mul} from '../ops/map.ts';
import type {Activation} from './activations.ts';
import type {Constraint} from './constraints.ts';
import {checkLayerOptions, type LayerOptions} from './layer-options.ts';
import type {Regularizer} from './regularizers.ts';
import {
  type ConstraintLike,
  type InitializerLike,
  type RegularizerLike,
  toConstraint,
  toInitializer,
  toRegularizer,
} from './resolve.ts';
import {callLayer, type SymbolicTensor} from './symbolic.ts';

export {type LayerOptions, layerOptions} from './layer-options.ts';

export interface WeightOptions {
  readonly initializer: InitializerLike;
  readonly regularizer?: RegularizerLike | undefined;
  readonly constraint?: ConstraintLike | undefined;
  /** False for state that training changes otherwise, if at all: see `CallContext.update`. */
  readonly trainable?: boolean;
}

/** Makes a weight of the layer that is being built. */
export type MakeWeight = (name: string, shape: Shape, options: WeightOptions) => Tensor;

/** Told of what a layer's activation, of this kind, is applied to, and of the layer's output. */
export type Observe = (what: 'preActivation' | 'activation', value: Tensor, kind?: string) => void;

/** What a layer is told about the graph that it is called for. */
export interface CallContext {
  readonly training: boolean;
  /** Random numbers of its own for each call, new ones each step. */
  random(): RandomSource;
  /** In training: a weight that is not trained gets `next` of what it holds, with the step's commit. */
  update(weight: Tensor, next: (now: Tensor) => Tensor): void;
  /** Adds a loss of each sample, [batch], to the model's. */
  addLoss(perSample: Tensor): void;
  /** There where values are recorded. */
  readonly observe?: Observe | undefined;
}

/** activation(x), the last step of a layer: `x` is its pre-activation, as records show it. */
export function activate(activation: Activation, x: Tensor, {observe}: CallContext): Tensor {
  observe?.('preActivation', x, activation.kind);
  return activation(x);
}

/** From [batch, …input] to [batch, …output]. */
export type Forward = (x: Tensor, context: CallContext) => Tensor;
/** The same for several inputs and outputs. */
export type ForwardAll = (inputs: readonly Tensor[], context: CallContext) => readonly Tensor[];

/** A weight and whose it is. */
export interface LayerWeight {
  readonly name: string;
  readonly variable: Variable;
  readonly regularizer: Regularizer | undefined;
  readonly constraint: Constraint | undefined;
  /** Whose `trainable` decides. */
  readonly layer: Layer;
}

let changes = 0;

/** Grows whenever `trainable` of any layer is set. */
export function trainableChanges(): number {
  return changes;
}

/**
 * A layer, made by a function of `layers` or of a class that extends this one. Its weights are made where it
 * is first applied; applied again, or part of several models, it has the same.
 *
 * A class of one's own has `config`, the options that its constructor takes, and `build` or `buildAll`.
 */
export abstract class Layer implements Named {
  /** By which a file knows it: for a class of one's own the name of the class. */
  readonly kind: string;
  /** Shape of one sample. */
  readonly inputShape: Shape | undefined;
  /** As given; else a model names it by its kind. */
  readonly name: string | undefined;
  /** Options of its own, as the constructor takes them. */
  abstract readonly config: Config;
  /** A penalty on what the layer gives, for each sample. */
  readonly activityRegularizer: Regularizer | undefined;
  #trainable: boolean;
  readonly #weights = new Map<string, LayerWeight>();
  readonly #forwards = new Map<string, ForwardAll>();

  /** @throws ERR_OPTION */
  constructor(options: LayerOptions = {}, kind?: string) {
    this.kind = kind ?? new.target.name;
    checkLayerOptions(kind === undefined ? this.kind : `layers.${kind}`, options);
    this.name = options.name;
    this.inputShape = options.inputShape && [...options.inputShape];
    this.activityRegularizer = toRegularizer(options.activityRegularizer);
    this.#trainable = options.trainable ?? true;
    remember(this);
  }

  /** Whether training changes its weights; to be assigned between fits. */
  get trainable(): boolean {
    return this.#trainable;
  }

  set trainable(value: boolean) {
    if (typeof value !== 'boolean') fail('ERR_OPTION', `trainable: expected true or false, not ${value}.`);
    this.#trainable = value;
    changes++;
  }

  /** Of a layer that has been applied. */
  get weights(): readonly LayerWeight[] {
    return [...this.#weights.values()];
  }

  /** The forward pass for one input, whose sample has this shape; makes the weights. */
  build(_inputShape: Shape, _weight: MakeWeight): Forward {
    return fail('ERR_GRAPH', `${this.kind}: a layer needs build(inputShape, weight) or buildAll.`);
  }

  /** The same for any number of inputs and outputs. */
  buildAll(shapes: readonly Shape[], weight: MakeWeight): ForwardAll {
    const [shape] = shapes;
    if (shape === undefined || shapes.length !== 1) {
      return fail('ERR_SHAPE', `${this.kind}: expected one input. Received ${shapes.length}.`);
    }
    const forward = this.build(shape, weight);
    return ([x], context) => [forward(x as Tensor, context)];
  }

  /**
   * The layer's output for these inputs, in a model that is being built.
   *
   * @throws ERR_SHAPE where it cannot take them.
   */
  apply(inputs: SymbolicTensor | readonly SymbolicTensor[]): SymbolicTensor {
    return this.applyAll(inputs)[0] as SymbolicTensor;
  }

  /** The same for a layer of several outputs. */
  applyAll(inputs: SymbolicTensor | readonly SymbolicTensor[]): readonly SymbolicTensor[] {
    const list = Array.isArray(inputs) ? inputs : [inputs];
    return callLayer(this, list, this.name ?? this.kind).outputs;
  }

  /** @internal The forward pass for inputs of these shapes. */
  forwardFor(shapes: readonly Shape[], scope: string): ForwardAll {
    const key = shapes.map(formatShape).join();
    let forward = this.#forwards.get(key);
    if (!forward) {
      const made = this.buildAll(shapes, (name, shape, options) => this.#weight(scope, name, shape, options));
      forward = (inputs, context) => {
        const given: unknown = made(inputs, context);
        const results = Array.isArray(given) ? (given as Tensor[]) : [given as Tensor];
        if (this.activityRegularizer) {
          for (const result of results) context.addLoss(activityPenalty(this.activityRegularizer, result));
        }
        return results;
      };
      this.#forwards.set(key, forward);
    }
    return forward;
  }

  #weight(scope: string, name: string, shape: Shape, options: WeightOptions): Tensor {
    const known = this.#weights.get(name);
    if (known) {
      if (sameShape(known.variable.shape, shape)) return known.variable.tensor;
      const shapes = `${formatShape(known.variable.shape)}; this input needs ${formatShape(shape)}`;
      return fail('ERR_SHAPE', `${scope} is built already, and its ${name} is ${shapes}.`);
    }
    const initializer = toInitializer(options.initializer);
    const made = variable({
      name: `${scope}/${name}`,
      shape,
      trainable: options.trainable ?? true,
      initial: source => initializer(shape, source),
    });
    this.#weights.set(name, {
      name,
      variable: made,
      regularizer: toRegularizer(options.regularizer),
      constraint: toConstraint(options.constraint),
      layer: this,
    });
    return made.tensor;
  }
}

/** The penalty of each sample, [batch]; where it cannot be told apart, an equal share of the batch's. */
function activityPenalty(regularizer: Regularizer, activity: Tensor): Tensor {
  if (regularizer.perSample) return regularizer.perSample(activity);
  const batch = activity.shape[0] as number;
  return broadcastTo(mul(regularizer(activity), 1 / batch), [batch]);
}

type SavedOptions = Readonly<Record<string, Json | undefined>>;

/** Options that were given, as they stand in a file. */
function givenOptions(options: SavedOptions): Config {
  return Object.fromEntries(
    Object.entries(options).filter((entry): entry is [string, Json] => entry[1] !== undefined),
  );
}

abstract class MadeLayer extends Layer {
  readonly #config: () => SavedOptions;

  constructor(kind: string, options: LayerOptions, config: () => SavedOptions) {
    super(options, kind);
    this.#config = config;
  }

  get config(): Config {
    return givenOptions(this.#config());
  }
}

/** A layer of a kind with one input; `config` says its own options as they stand in a file. */
export function makeLayer(
  kind: string,
  options: LayerOptions,
  config: () => SavedOptions,
  build: (inputShape: Shape, weight: MakeWeight, layer: Layer) => Forward,
): Layer {
  return new (class extends MadeLayer {
    override build(inputShape: Shape, weight: MakeWeight): Forward {
      return build(inputShape, weight, this);
    }
  })(kind, options, config);
}

/** A layer of a kind with several inputs and one output. */
export function makeMergeLayer(
  kind: string,
  options: LayerOptions,
  config: () => SavedOptions,
  build: (shapes: readonly Shape[]) => (inputs: readonly Tensor[]) => Tensor,
): Layer {
  return new (class extends MadeLayer {
    override buildAll(shapes: readonly Shape[]): ForwardAll {
      const forward = build(shapes);
      return inputs => [forward(inputs)];
    }
  })(kind, options, config);
}

/** As it stands in a model's description. */
export function describeLayer(layer: Layer, name: string): {[key: string]: Json} {
  const {kind, config, inputShape, trainable, activityRegularizer} = layer;
  const own = {kind, name};
  return {
    ...own,
    ...config,
    // A model within has a name of its own, which is not always its name here.
    ...own,
    ...(inputShape && {inputShape}),
    ...(activityRegularizer && {activityRegularizer: describe('regularizer', activityRegularizer)}),
    ...(!trainable && {trainable}),
  };
}
