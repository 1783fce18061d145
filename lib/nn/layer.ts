// What a layer is: a function of ops, made in two steps. `build` makes its weights for the shape of an input
// and returns the forward pass, whose graph also gives the backward pass. Layers are applied to symbolic
// tensors and give others; a model is the graph between its inputs and outputs.
import {checkOptions, fail} from '../core/errors.ts';
import {isOwn, mark} from '../core/kinds.ts';
import {type Config, describe, type Named, remember} from '../core/named.ts';
import {formatShape, type Shape} from '../core/shape.ts';
import {type Tensor, withScope} from '../core/tensor.ts';
import {type AheadOfPlan, checkPlace, type Fed, notInPlan, type ValueType} from './ahead.ts';
import {checkFits, type InputShape, inputOptions} from './any-length.ts';
import {Applications} from './applications.ts';
import {commonBatchSize, openBatchSize, withBatchSize} from './batch-size.ts';
import type {Forward, ForwardAll, MakeWeight} from './call-context.ts';
import {type LayerMemory, MemoryToCome, writeStates} from './layer-memory.ts';
import {checkLayerOptions, type LayerOptions} from './layer-options.ts';
import type {Masks} from './masking.ts';
import {sampleOutputs, withActivityPenalty} from './output-shapes.ts';
import type {Regularizer} from './regularizers.ts';
import {toRegularizer} from './resolve.ts';
import {noteTrainableChange} from './trainable-changes.ts';
import {type WeightOf, WeightTable} from './weight-table.ts';
import type {SetWeightsOptions, WeightData, WeightsSet, WeightValue} from './weights.ts';

export type {CallContext, Forward, ForwardAll, MakeWeight, Observe, StepStream} from './call-context.ts';
export {type LayerOptions, layerOptions} from './layer-options.ts';
export type {Masks} from './masking.ts';

let nextId = 0;

type SymbolicOptions = Partial<
  Pick<SymbolicTensor, 'call' | 'givenName' | 'maskShape' | 'dtype' | 'batchSize' | 'pattern' | 'isAhead'>
>;

/** A value of a model that is being built, for one sample: the axis of the batch is left out. */
export class SymbolicTensor {
  static {
    mark(SymbolicTensor.prototype, 'symbolic tensor');
  }

  /** Larger than the ids of the symbolic tensors that it was made of. */
  readonly id = nextId++;
  readonly shape: Shape;
  /** Of an input, how its data may be stored; float32 by default. */
  readonly dtype: ValueType;
  /** The call that made it; missing for an input. */
  readonly call: LayerCall | undefined;
  /** @internal Of an input, if the user gave it a name. */
  readonly givenName: string | undefined;
  /** @internal Of a sample's mask, where it has one. */
  readonly maskShape: Shape | undefined;
  /** How many samples each batch has, where that is fixed. */
  readonly batchSize: number | undefined;
  /** @internal Of an input with sizes that may be any, which are null here and stand-ins in `shape`. */
  readonly pattern: InputShape | undefined;
  /** @internal Whether its rows are there before a plan runs: an input, or made of inputs ahead of it. */
  readonly isAhead: boolean;

  /** @internal */
  constructor(shape: Shape, options: SymbolicOptions = {}) {
    const {call, dtype = 'float32', pattern} = options;
    this.shape = shape;
    this.pattern = pattern;
    this.dtype = dtype;
    this.call = call;
    this.givenName = options.givenName;
    this.maskShape = options.maskShape;
    this.batchSize = options.batchSize;
    this.isAhead = options.isAhead ?? call === undefined;
    Object.freeze(this);
  }

  /** Of an input as it was given, else `input`; otherwise that of the layer. */
  get name(): string {
    return this.givenName ?? this.call?.layer.name ?? 'input';
  }

  toString(): string {
    const type = this.dtype === 'float32' ? '' : this.dtype;
    return `a symbolic tensor ${type}${formatShape(this.shape)}`;
  }
}

export const isSymbolicTensor = (value: unknown): value is SymbolicTensor => isOwn(value, 'symbolic tensor');

/** One use of a layer. */
export interface LayerCall {
  readonly layer: Layer;
  readonly inputs: readonly SymbolicTensor[];
  readonly outputs: readonly SymbolicTensor[];
  /** What `apply` was told beside the inputs. */
  readonly options: Config;
  readonly forward: ForwardAll;
  /** @internal What the forward pass reads, of a model with layers ahead of the plan. */
  readonly fed: Fed<SymbolicTensor> | undefined;
}

/** A weight of a layer; `layer` is the one whose `trainable` applies to it. */
export interface LayerWeight extends WeightOf<Layer> {}

/**
 * A layer, made by a function of `layers` or as an instance of a class that extends this one. Its weights are
 * made when it is first applied; applied again, or as part of several models, it has the same weights.
 *
 * A class of one's own has `config`, the options that its constructor takes, and `build` or `buildAll`.
 */
export abstract class Layer implements Named {
  static {
    mark(Layer.prototype, 'layer');
  }

  /** Its kind in files: for a class of one's own, the name of the class. */
  readonly kind: string;
  /** Shape of one sample, null where any size will do. */
  readonly inputShape: InputShape | undefined;
  /** Samples of each batch, where `batchInputShape` says it. */
  readonly batchSize: number | undefined;
  /** @internal The name that it was given, if any; without one, a model names it by its kind. */
  readonly givenName: string | undefined;
  /** Its own options, as the constructor takes them. */
  abstract readonly config: Config;
  /** Whether its outputs have the masks of `computeMask`; else a mask ends here, with a warning. */
  readonly supportsMasking: boolean = false;
  /**
   * Whether steps, axis 1 of its inputs, may come in parts, as in generation: what it makes of a step follows
   * from this step alone, or from those before, by what `context.stream` keeps. A class of one's own says so:
   * `supportsStreaming = true`.
   */
  readonly supportsStreaming: boolean = false;
  /** Names of the options that `apply` takes beside the inputs. */
  readonly callOptions: readonly string[] = [];
  /** A penalty on the output of the layer, for each sample. */
  readonly activityRegularizer: Regularizer | undefined;
  #trainable: boolean;
  #nameInModel: string | undefined;
  readonly #memory = new MemoryToCome();
  readonly #calls = new Applications<LayerCall>();
  readonly #weights = new WeightTable<Layer>(this);
  readonly #forwards = new Map<string, ForwardAll>();

  /** @throws ERR_OPTION */
  constructor(options: LayerOptions = {}, kind?: string) {
    this.kind = kind ?? new.target.name;
    const where = kind === undefined ? this.kind : `layers.${kind}`;
    checkLayerOptions(where, options, !!this.aheadOfPlan());
    this.givenName = options.name;
    this.inputShape = options.batchInputShape?.slice(1) ?? (options.inputShape && [...options.inputShape]);
    this.batchSize = options.batchInputShape?.[0] ?? undefined;
    this.activityRegularizer = toRegularizer(options.activityRegularizer, `${where}: activityRegularizer`);
    this.#trainable = options.trainable ?? true;
    remember(this);
  }

  /** As given; else what the first model that has it calls it: `dense`, `dense_1`, … */
  get name(): string {
    return this.givenName ?? this.#nameInModel ?? this.kind;
  }

  /**
   * Whether training changes its weights. Assigned between two trainings, it counts from the next one on.
   *
   * @throws ERR_MODEL_BUSY while a training runs, also in its callbacks.
   */
  get trainable(): boolean {
    return this.#trainable;
  }

  set trainable(value: boolean) {
    if (typeof value !== 'boolean') fail('ERR_OPTION', `trainable: expected true or false, not ${value}.`);
    this.checkNoTraining('trainable');
    this.#trainable = value;
    noteTrainableChange();
  }

  /** @internal @throws ERR_MODEL_BUSY while a training runs. */
  checkNoTraining(what: string): void {
    this.#memory.checkNoTraining(`${this.name}: ${what}`);
  }

  /** @internal What it does in JavaScript, ahead of the plan; undefined for a layer of ops. */
  aheadOfPlan(): AheadOfPlan | undefined {
    return undefined;
  }

  /** @internal What the plan reads in place of these inputs, where layers within run ahead of it. */
  fedBy(_inputs: readonly SymbolicTensor[], _scope: string): Fed<SymbolicTensor> | undefined {
    return undefined;
  }

  /** Empty before the layer is first applied. */
  get weights(): readonly LayerWeight[] {
    return this.#weights.all;
  }

  /** What it keeps from batch to batch, where it is stateful: no weights. */
  get states(): readonly LayerWeight[] {
    return this.#weights.states;
  }

  /**
   * Sets its states to zeros, or to these numbers, in their order. Also in callbacks of a training.
   * @throws ERR_WEIGHTS for numbers that do not fit; ERR_MODEL_BUSY; ERR_GRAPH before a model is made of it.
   */
  resetStates(values?: readonly WeightValue[]): void {
    writeStates(this.#memory, `${this.name}: resetStates`, this.states, values);
  }

  /** Copies of its states, of one finished step. @throws ERR_GRAPH before a model is made of it. */
  getStates(): WeightData[] {
    return this.#memory.read(`${this.name}: getStates`, this.states);
  }

  /** Those that training changes. */
  get trainableWeights(): readonly LayerWeight[] {
    return this.weights.filter(({variable, layer}) => variable.trainable && layer.trainable);
  }

  /** Those that training leaves as they are, or changes otherwise. */
  get nonTrainableWeights(): readonly LayerWeight[] {
    return this.weights.filter(({variable, layer}) => !(variable.trainable && layer.trainable));
  }

  /** How many numbers its weights are. */
  countParams(): number {
    return this.weights.reduce((sum, {variable}) => sum + variable.tensor.size, 0);
  }

  /** Copies of its weights, all of one finished step. @throws ERR_GRAPH before a model is made of it. */
  getWeights(): WeightData[] {
    return this.#memory.read(`${this.name}: getWeights`, this.weights);
  }

  /**
   * Sets its weights: by their names, as `getWeights` gives them, or without names in their order.
   *
   * @throws ERR_WEIGHTS naming the first that does not fit; ERR_MODEL_BUSY; ERR_GRAPH before a model is made.
   */
  setWeights(weights: readonly WeightValue[], options: SetWeightsOptions = {}): WeightsSet {
    const where = `${this.name}: setWeights`;
    return this.#memory.for(where).write(where, this.weights, weights, options);
  }

  /** @internal Told by the model that is made of it. */
  attach(memory: LayerMemory): void {
    this.#memory.become(memory);
  }

  /** @internal */
  get isAttached(): boolean {
    return this.#memory.isKnown;
  }

  /** @internal */
  isNamed(name: string): void {
    this.#nameInModel ??= name;
  }

  /** @internal */
  isCalled(call: LayerCall): void {
    this.#calls.add(call);
  }

  /** @internal A call that no model has any more. */
  forget(call: LayerCall): void {
    this.#calls.forget(call);
  }

  /** The options that make another like it: `layers.dense(layer.getConfig())`. */
  getConfig(): Config {
    const {name, config, inputShape, trainable, activityRegularizer} = this;
    return {
      name,
      ...config,
      ...(inputShape && inputOptions(inputShape, this.batchSize)),
      ...(activityRegularizer && {activityRegularizer: describe('regularizer', activityRegularizer)}),
      trainable,
    };
  }

  /** The layers of a model that serves as a layer. */
  get layers(): readonly Layer[] {
    return [];
  }

  /**
   * What it was applied to the first time, where `model.getLayer(name)` stands in the model; the first of
   * several inputs.
   *
   * @throws ERR_GRAPH for a layer that has not been applied.
   */
  get input(): SymbolicTensor {
    return this.getInputAt(0)[0] as SymbolicTensor;
  }

  /**
   * What it gave then: `model({inputs: net.inputs, outputs: net.getLayer('code').output})` is the part of a
   * model up to there, with the same weights.
   */
  get output(): SymbolicTensor {
    return this.getOutputAt(0)[0] as SymbolicTensor;
  }

  /** Shape of one sample of its output. */
  get outputShape(): Shape {
    return this.output.shape;
  }

  /** Its inputs where it was applied for the first (0), second, … time. */
  getInputAt(application: number): readonly SymbolicTensor[] {
    return this.#calls.at(this.name, application).inputs;
  }

  /** Its outputs there. */
  getOutputAt(application: number): readonly SymbolicTensor[] {
    return this.#calls.at(this.name, application).outputs;
  }

  /** Makes the weights and returns the forward pass, for one input whose samples have this shape. */
  build(_inputShape: Shape, _weight: MakeWeight): Forward {
    return fail('ERR_GRAPH', `${this.kind}: a layer needs build(inputShape, weight) or buildAll.`);
  }

  /** The same for any number of inputs and outputs; `options` are those of `apply`. */
  buildAll(shapes: readonly Shape[], weight: MakeWeight, _options: Config): ForwardAll {
    const [shape] = shapes;
    if (shape === undefined || shapes.length !== 1) {
      return fail('ERR_SHAPE', `${this.kind}: expected one input. Received ${shapes.length}.`);
    }
    const forward = this.build(shape, weight);
    return (inputs, context) => inputs.map(x => forward(x, context));
  }

  /**
   * The masks of its outputs, bool [batch, …] each, of an output's first axes, true where a position counts;
   * only asked where the layer supports masking. That of the first input, for the first output, by default.
   */
  computeMask(_inputs: readonly Tensor[], masks: Masks): Tensor | undefined | Masks {
    return masks[0];
  }

  /**
   * The layer's output for these inputs, in a model that is being built; `options` are of `callOptions`.
   *
   * @throws ERR_SHAPE if the layer cannot take inputs of their shapes; ERR_OPTION for other options.
   */
  apply(inputs: SymbolicTensor | readonly SymbolicTensor[], options: Config = {}): SymbolicTensor {
    return this.applyAll(inputs, options)[0] as SymbolicTensor;
  }

  /** The same for a layer with several outputs. */
  applyAll(
    inputs: SymbolicTensor | readonly SymbolicTensor[],
    options: Config = {},
  ): readonly SymbolicTensor[] {
    const list = Array.isArray(inputs) ? inputs : [inputs];
    return callLayer(this, list, this.name, options).outputs;
  }

  /** @internal The forward pass for inputs of these shapes. */
  forwardFor(shapes: readonly Shape[], scope: string, options: Config = {}): ForwardAll {
    const key = `${openBatchSize() ?? ''}${shapes.map(formatShape).join()} ${JSON.stringify(options)}`;
    const known = this.#forwards.get(key);
    if (known) return known;
    const made = this.buildAll(shapes, this.#weights.make.bind(this.#weights, scope), options);
    const forward = withActivityPenalty(made, this.activityRegularizer);
    this.#forwards.set(key, forward);
    return forward;
  }
}

export const isLayer = (value: unknown): value is Layer => isOwn(value, 'layer');

/** Applies a layer, building it the first time; `scope` is its name in errors. */
export function callLayer(
  layer: Layer,
  inputs: readonly SymbolicTensor[],
  scope: string,
  options: Config = {},
): LayerCall {
  checkOptions(`${scope}: apply`, options, layer.callOptions);
  const {ahead, fed} = checkPlace(scope, layer, inputs);
  const shapes = inputs.map(each => each.shape);
  checkFits(scope, layer.inputShape, shapes[0]);
  const batchSize = commonBatchSize(scope, [...inputs, layer]);
  return withScope(scope, () =>
    withBatchSize(batchSize, () => {
      const samples = ahead && [{...ahead.sampleOf(scope, inputs), maskShape: undefined}];
      const made = ahead && !ahead.isInput ? notInPlan : fed?.forward;
      const forward = made ?? layer.forwardFor(shapes, scope, options);
      const outputs: SymbolicTensor[] = [];
      const call: LayerCall = {layer, inputs: [...inputs], outputs, options: {...options}, forward, fed};
      const results = samples ?? sampleOutputs(scope, layer, forward, fed?.feeds ?? inputs);
      for (const [index, {shape, maskShape, dtype}] of results.entries()) {
        const isAhead = ahead !== undefined || fed?.feedOf[index] !== undefined;
        outputs.push(new SymbolicTensor(shape, {call, maskShape, dtype, batchSize, isAhead}));
      }
      layer.isCalled(call);
      return call;
    }),
  );
}
