// A model that can be trained, and the functions that make one.
import {checkNumber, checkOptions, fail, requireOptions} from '../core/errors.ts';
import type {Json} from '../core/named.ts';
import {type CustomObjects, withCustomObjects} from '../core/resolve.ts';
import {checkName} from '../nn/layer-options.ts';
import type {SymbolicTensor} from '../nn/symbolic.ts';
import {BaseModel} from './actions/base-model.ts';
import type * as callback from './callbacks/callback.ts';
import {type Batches, isBatches} from './feed/batches.ts';
import type {Weighting} from './feed/sample-weights.ts';
import {fitModel} from './fit/fit.ts';
import type * as fitOptions from './fit/options.ts';
import {trainOnBatch, trainOnBatchSync} from './fit/train-on-batch.ts';
import {Chain, type LayerLike} from './network/chain.ts';
import {Network, type SymbolicTensors} from './network/network.ts';
import type {PortData} from './network/ports.ts';
import {networkOf} from './network/topology.ts';
import {Engine} from './run/engine.ts';
import {type EngineSource, LayerStack} from './run/layer-stack.ts';
import type {History, Logs} from './run/logs.ts';

/** What lies between inputs and outputs, made by `model`, `sequential` or `load`. */
export class Model<Outputs extends SymbolicTensors = SymbolicTensor> extends BaseModel<Outputs> {
  readonly #source: EngineSource;

  /** @internal */
  constructor(source: EngineSource) {
    super(source);
    this.#source = source;
  }

  get #engine(): Engine {
    return this.#source.engine;
  }

  /**
   * Trains on a data set of batches `{xs, ys}`, or anything else that gives such to `for await`; the next are
   * made while the last are trained on. An epoch is a pass, or `stepsPerEpoch` batches.
   */
  fit(batches: Batches, options?: FitBatchesOptions): Promise<History>;
  /**
   * Trains on rows of `x` [rows, …inputShape] and `y`: class labels for sparseCategoricalCrossentropy, else
   * numbers of the output's shape. Typed arrays are read where they lie and must not change meanwhile.
   *
   * @returns loss and metrics of each epoch.
   * @throws ERR_ABORTED when stopped by its signal, with the history so far as `error.history`;
   * ERR_NOT_FINITE when data, loss or a gradient is NaN or infinite; ERR_OUT_OF_RANGE for a label that is no
   * class; ERR_MODEL_BUSY while another training runs; ERR_SHAPE, ERR_DTYPE, ERR_DETACHED, ERR_OPTION before
   * it begins. In all cases the weights are those of the last finished step.
   */
  fit(x: PortData, y: PortData, options?: FitOptions): Promise<History>;
  fit(
    first: PortData | Batches,
    second?: PortData | FitBatchesOptions,
    third?: FitOptions,
  ): Promise<History> {
    const model = this as unknown as BaseModel;
    if (isBatches(first)) return fitBatches(model, this.#engine, [first, second as FitBatchesOptions, third]);
    return fitModel(model, this.#engine, [first, second as PortData], third);
  }

  /** One training step on all rows given, as one batch. */
  trainOnBatch(x: PortData, y: PortData, options?: Weighting): Promise<Logs> {
    return trainOnBatch(this.#engine, x, y, options);
  }

  /** The same on the calling thread, for models whose step takes microseconds: the event loop waits. */
  trainOnBatchSync(x: PortData, y: PortData, options?: Weighting): Logs {
    return trainOnBatchSync(this.#engine, x, y, options);
  }

  /**
   * Adds a layer behind those of a sequential model, whose weights stay as they are; the first needs
   * `inputShape`. The model must be compiled after it. Models with this one as a layer keep it as it was.
   *
   * @throws ERR_OPTION; ERR_SHAPE where the layer cannot take what the last one gives; ERR_MODEL_BUSY
   */
  add(layer: LayerLike): void {
    stackOf('add', this.#source).add(layer);
  }

  /** Removes the last layer of a sequential model; it must be compiled after it. @throws ERR_GRAPH */
  pop(): void {
    stackOf('pop', this.#source).pop();
  }

  /**
   * A model of the same layers, with weights of its own: equal ones, or new ones where a seed is given. It is
   * not compiled.
   */
  clone(options: {seed?: number} = {}): Model<Outputs> {
    checkOptions('clone', options, ['seed']);
    const {seed} = options;
    const copy = modelFromJSON<Outputs>(seed === undefined ? this.toJSON() : {...this.toJSON(), seed});
    if (seed === undefined) copy.setWeights(this.getWeights());
    return copy;
  }
}

/** A chain of layers: a model of one input and one output. */
export type Sequential = Model<SymbolicTensor>;

// What a callback and `fit` take, for a model as users have it.
export interface Callback extends callback.Callback<Sequential> {}
export interface CallbackContext extends callback.CallbackContext<Sequential> {}
export interface FitOptions extends fitOptions.FitOptions<Sequential> {}
export interface FitBatchesOptions extends fitOptions.FitBatchesOptions<Sequential> {}

/** Options follow a data set, which itself holds the targets. */
async function fitBatches(
  model: BaseModel,
  engine: Engine,
  [batches, options, third]: readonly [Batches, FitBatchesOptions | undefined, unknown],
): Promise<History> {
  if (third === undefined) return fitModel(model, engine, batches, options);
  return fail('ERR_OPTION', 'fit: a data set itself holds targets; options follow it: fit(dataset, {…}).');
}

function stackOf(where: string, source: EngineSource): LayerStack {
  if (LayerStack.is(source)) return source;
  const instead = 'apply the layer to model.output and make another: model({inputs, outputs})';
  return fail('ERR_GRAPH', `${where}: this is a graph of layers, not a sequential model; ${instead}.`);
}

/** The model of an engine, frozen: a misspelt property is an error. @internal */
export function modelOf<Outputs extends SymbolicTensors>(source: Engine | LayerStack): Model<Outputs> {
  const isChain = !LayerStack.is(source) && source.network.isChain;
  const made = new Model<Outputs>(isChain ? LayerStack.of(source) : source);
  Object.freeze(made);
  return made;
}

export interface ModelOptions {
  /** Decides initial weights, and is the default of `fit`'s seed. 0 by default. */
  readonly seed?: number;
  /** What it is called as a layer of another model; `model`, `sequential_1`, … by default. */
  readonly name?: string;
}

function make<Outputs extends SymbolicTensors>(
  where: string,
  {seed = 0, name}: ModelOptions,
  network: () => Network,
): Model<Outputs> {
  checkNumber(`${where}: seed`, seed, {integer: true});
  checkName(`${where}: name`, name);
  const engine = new Engine(network(), seed, name);
  engine.initialize();
  return modelOf<Outputs>(engine);
}

export interface SequentialOptions extends ModelOptions {
  readonly layers?: readonly LayerLike[];
}

/**
 * A model of layers, each of which gets the output of the one before. The first needs `inputShape`. Without
 * layers an empty one: `model.add(layer)` adds them.
 *
 * @throws ERR_OPTION, or ERR_SHAPE where a layer cannot take its input.
 */
export function sequential(
  layers?: readonly LayerLike[] | SequentialOptions,
  options: ModelOptions = {},
): Sequential {
  const isList = Array.isArray(layers);
  const given: SequentialOptions = isList ? {...options, layers} : {...options, ...(layers as object)};
  checkOptions('sequential', options, ['seed', 'name']);
  if (!isList) checkOptions('sequential', layers, ['layers', 'seed', 'name']);
  const {seed = 0, name} = given;
  if (given.layers) return make('sequential', given, () => new Network(given.layers as LayerLike[]));
  checkNumber('sequential: seed', seed, {integer: true});
  checkName('sequential: name', name);
  return modelOf(new LayerStack(new Chain(), seed, name));
}

/**
 * A model of all that lies between inputs and outputs: each one tensor, several as an array, or by name. Data
 * and results come in the same structure; layers that other models have too are shared with them.
 *
 * @throws ERR_OPTION, or ERR_GRAPH where an output depends on an input that is not named.
 */
export function model<const Outputs extends SymbolicTensors>(
  options: ModelOptions & {readonly inputs: SymbolicTensors; readonly outputs: Outputs},
): Model<Outputs> {
  requireOptions('model', options, ['inputs', 'outputs', 'seed', 'name']);
  const {inputs, outputs} = options;
  return make('model', options, () => new Network({inputs, outputs}));
}

/**
 * A model from its description, as `toJSON` gave it or as text, with new weights by its seed.
 *
 * @throws ERR_FILE or ERR_OPTION saying what is wrong with it.
 */
export function modelFromJSON<Outputs extends SymbolicTensors = SymbolicTensor>(
  description: Json,
  options: {readonly customObjects?: CustomObjects} = {},
): Model<Outputs> {
  checkOptions('modelFromJSON', options, ['customObjects']);
  const given = typeof description === 'string' ? parse(description) : description;
  const described = withCustomObjects(options.customObjects, () => networkOf(given));
  const {network, seed, name} = described;
  return make('modelFromJSON', {seed, ...(name !== undefined && {name})}, () => network);
}

function parse(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch (cause) {
    return fail('ERR_OPTION', `modelFromJSON: expected JSON (${String(cause)}).`);
  }
}
