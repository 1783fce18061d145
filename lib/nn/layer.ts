// What a layer is: a function of ops, made in two steps. `build` makes its weights for the shape of an input
// and returns the forward pass, whose graph also gives the backward pass. Layers are applied to symbolic
// tensors and give others; a model is the graph between its inputs and outputs.
import {fail} from '../core/errors.ts';
import {type Config, describe, type Json, type Named, remember} from '../core/named.ts';
import {formatShape, type Shape, sameShape} from '../core/shape.ts';
import {input as inputTensor, Tensor, type Variable, variable, withScope} from '../core/tensor.ts';
import {broadcastTo, mul} from '../ops/map.ts';
import type {CallContext, Forward, ForwardAll, MakeWeight, WeightOptions} from './call-context.ts';
import type {Constraint} from './constraints.ts';
import {checkLayerOptions, type LayerOptions} from './layer-options.ts';
import type {Regularizer} from './regularizers.ts';
import {toConstraint, toInitializer, toRegularizer} from './resolve.ts';

export type {CallContext, Forward, ForwardAll, MakeWeight, Observe} from './call-context.ts';
export {type LayerOptions, layerOptions} from './layer-options.ts';

let nextId = 0;

/** A value of a model that is being built, for one sample: the axis of the batch is left out. */
export class SymbolicTensor {
  /** Larger than the ids of the symbolic tensors that it was made of. */
  readonly id = nextId++;
  readonly shape: Shape;
  /** The call that made it; missing for an input. */
  readonly call: LayerCall | undefined;
  /** Of an input, if the user gave it a name. */
  readonly name: string | undefined;

  /** @internal */
  constructor(shape: Shape, call?: LayerCall, name?: string) {
    this.shape = shape;
    this.call = call;
    this.name = name;
  }

  toString(): string {
    return `a symbolic tensor ${formatShape(this.shape)}`;
  }
}

/** One use of a layer. */
export interface LayerCall {
  readonly layer: Layer;
  readonly inputs: readonly SymbolicTensor[];
  readonly outputs: readonly SymbolicTensor[];
  readonly forward: ForwardAll;
}

/** A weight of a layer. */
export interface LayerWeight {
  readonly name: string;
  readonly variable: Variable;
  readonly regularizer: Regularizer | undefined;
  readonly constraint: Constraint | undefined;
  /** The layer whose `trainable` applies to it. */
  readonly layer: Layer;
}

let trainableCount = 0;

/** How often `trainable` of any layer has been set. */
export function trainableChanges(): number {
  return trainableCount;
}

/**
 * A layer, made by a function of `layers` or as an instance of a class that extends this one. Its weights are
 * made when it is first applied; applied again, or as part of several models, it has the same weights.
 *
 * A class of one's own has `config`, the options that its constructor takes, and `build` or `buildAll`.
 */
export abstract class Layer implements Named {
  /** Its kind in files: for a class of one's own, the name of the class. */
  readonly kind: string;
  /** Shape of one sample. */
  readonly inputShape: Shape | undefined;
  /** As given; without a name, a model names it by its kind. */
  readonly name: string | undefined;
  /** Its own options, as the constructor takes them. */
  abstract readonly config: Config;
  /** A penalty on the output of the layer, for each sample. */
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

  /** Whether training changes its weights; may be assigned between fits. */
  get trainable(): boolean {
    return this.#trainable;
  }

  set trainable(value: boolean) {
    if (typeof value !== 'boolean') fail('ERR_OPTION', `trainable: expected true or false, not ${value}.`);
    this.#trainable = value;
    trainableCount++;
  }

  /** Empty before the layer is first applied. */
  get weights(): readonly LayerWeight[] {
    return [...this.#weights.values()];
  }

  /** Makes the weights and returns the forward pass, for one input whose samples have this shape. */
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
   * @throws ERR_SHAPE if the layer cannot take inputs of their shapes.
   */
  apply(inputs: SymbolicTensor | readonly SymbolicTensor[]): SymbolicTensor {
    return this.applyAll(inputs)[0] as SymbolicTensor;
  }

  /** The same for a layer with several outputs. */
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

/** The penalty of each sample, [batch]; if there is only one of the batch, an equal share of it. */
function activityPenalty(regularizer: Regularizer, activity: Tensor): Tensor {
  if (regularizer.perSample) return regularizer.perSample(activity);
  const batch = activity.shape[0] as number;
  return broadcastTo(mul(regularizer(activity), 1 / batch), [batch]);
}

const notInTraining = (): never =>
  fail('ERR_GRAPH', 'a layer asked for random numbers, or changed its state, outside of training.');

/** The context of a call that only serves to get the shapes of the results. */
const shapesOnly: CallContext = {
  training: false,
  random: notInTraining,
  update: notInTraining,
  addLoss: () => {},
};

/** More than one, to detect layers that confuse batch and sample. */
const sampleBatch = 2;

/** Shapes of the results for one sample. */
function outputShapes(scope: string, forward: ForwardAll, shapes: readonly Shape[]): Shape[] {
  const samples = shapes.map(shape => inputTensor({name: 'sample', shape: [sampleBatch, ...shape]}));
  return forward(samples, shapesOnly).map(result => {
    if (result instanceof Tensor && result.shape[0] === sampleBatch && result.dtype === 'float32') {
      return result.shape.slice(1);
    }
    const received = result instanceof Tensor ? `${result} for a batch of ${sampleBatch}` : String(result);
    return fail('ERR_SHAPE', `${scope}: a layer must give float32 [batch, …]. Received ${received}.`);
  });
}

/** Applies a layer, building it the first time; `scope` is its name in errors. */
export function callLayer(layer: Layer, inputs: readonly SymbolicTensor[], scope: string): LayerCall {
  inputs.forEach(given => {
    if (given instanceof SymbolicTensor) return;
    fail('ERR_OPTION', `${scope}: apply: expected what input() or apply() gave. Received ${String(given)}.`);
  });
  const shapes = inputs.map(({shape}) => shape);
  const [first] = shapes;
  if (layer.inputShape && !(first && sameShape(layer.inputShape, first))) {
    const gets = first ? formatShape(first) : 'nothing';
    fail('ERR_SHAPE', `${scope} says inputShape ${formatShape(layer.inputShape)}, but gets ${gets}.`);
  }
  return withScope(scope, () => {
    const forward = layer.forwardFor(shapes, scope);
    const outputs: SymbolicTensor[] = [];
    const call: LayerCall = {layer, inputs: [...inputs], outputs, forward};
    for (const shape of outputShapes(scope, forward, shapes)) outputs.push(new SymbolicTensor(shape, call));
    return call;
  });
}

/** The layer as it is written in a model's description. */
export function describeLayer(layer: Layer, name: string): {[key: string]: Json} {
  const {kind, config, inputShape, trainable, activityRegularizer} = layer;
  const own = {kind, name};
  return {
    ...own,
    ...config,
    // A model as a layer has a name in its `config`, which may differ from its name here.
    ...own,
    ...(inputShape && {inputShape}),
    ...(activityRegularizer && {activityRegularizer: describe('regularizer', activityRegularizer)}),
    ...(!trainable && {trainable}),
  };
}
