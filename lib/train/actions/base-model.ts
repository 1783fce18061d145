// The model as users see it, but for training. Each method says what it does; how stands in the file of the
// same name.
import type {TypedArray} from '../../core/dtype.ts';
import {checkOptions} from '../../core/errors.ts';
import type {Config} from '../../core/named.ts';
import type {Shape} from '../../core/shape.ts';
import type {Tensor, Variable} from '../../core/tensor.ts';
import type {Layer} from '../../nn/layer.ts';
import {callLayer, type SymbolicTensor} from '../../nn/symbolic.ts';
import type {Optimizer} from '../../optim/optimizer.ts';
import {type Batches, isBatches} from '../feed/dataset-source.ts';
import {bindSamples} from '../feed/samples.ts';
import {ModelLayer} from '../network/nested.ts';
import {layerOf, type SymbolicTensors} from '../network/network.ts';
import {inStructure, type PortData, symbolicInputs} from '../network/ports.ts';
import type {ShapedResult} from '../network/results.ts';
import {kindOf, topologyOf} from '../network/topology.ts';
import type {Engine} from '../run/engine.ts';
import type {Logs} from '../run/logs.ts';
import {assign, matchWeights, snapshot, type WeightData, type WeightValue} from '../run/weights.ts';
import type {CompileOptions} from '../step/compile-options.ts';
import {applyGradients, type GradientValues} from './apply-gradients.ts';
import {type CallOptions, callNetwork} from './call.ts';
import {type EvaluateOptions, evaluateBatches, evaluateRows} from './evaluate.ts';
import {type ForwardOptions, type ForwardResult, forward} from './forward.ts';
import {type GradientsOptions, type GradientsResult, gradientsOf} from './gradients.ts';
import {type PlotOptions, plot} from './plot.ts';
import {type Inputs, predict, predictBatches, predictSync} from './predict.ts';
import {type SaveOptions, save} from './save.ts';
import {type SummaryOptions, summaryOf} from './summary.ts';

/** A weight where it lies. */
export interface Parameter {
  readonly name: string;
  readonly shape: Shape;
  readonly trainable: boolean;
  /**
   * A live view: to be read between steps, and again after `compile`, which may move the memory. Use
   * `getWeights` for copies of one finished step.
   */
  readonly data: TypedArray;
}

type PredictedEach<Outputs> = {[Name in keyof Outputs]: ShapedResult};
/** What `predict` gives: one result for each output, in the structure in which the outputs were given. */
export type Predicted<Outputs extends SymbolicTensors> = Outputs extends SymbolicTensor
  ? ShapedResult
  : PredictedEach<Outputs>;

/** A model with all its methods but those that train it or make another: what callbacks get. */
export class BaseModel<Outputs extends SymbolicTensors = SymbolicTensor> {
  /** Set by a callback, ends the training after the current batch. */
  stopTraining = false;
  /** What it is called as a layer of another model. */
  readonly name: string | undefined;
  readonly #engine: Engine;
  #layer: ModelLayer | undefined;

  /** @internal */
  constructor(engine: Engine) {
    this.#engine = engine;
    this.name = engine.name;
  }

  /** Names of the inputs and their shapes for one sample. */
  get inputs(): readonly {name: string; shape: Shape}[] {
    return this.#engine.network.inputs.map(({name, shape}) => ({name, shape}));
  }

  /** Names of the outputs and their shapes for one sample. */
  get outputs(): readonly {name: string; shape: Shape}[] {
    return this.#engine.network.outputs.map(({name, shape}) => ({name, shape}));
  }

  /** Shape of one sample; of the first input where there are several. */
  get inputShape(): Shape {
    return this.#engine.network.inputShape;
  }

  /** Shape of the output for one sample; of the first output where there are several. */
  get outputShape(): Shape {
    return this.#engine.network.outputShape;
  }

  /** The layers' names and shapes, in the order in which they are computed. */
  get layers(): readonly {name: string; kind: string; outputShape: Shape}[] {
    return this.#engine.network.layers.map(({name, layer: {kind}, outputShape}) => ({
      name,
      kind,
      outputShape,
    }));
  }

  /** A layer by its name in this model, or by its place. @throws ERR_UNKNOWN_NAME or ERR_OUT_OF_RANGE */
  getLayer(name: string | number): Layer {
    return layerOf(this.#engine.network, name);
  }

  /** Whether training changes any weights; set, it sets `trainable` of all layers. */
  get trainable(): boolean {
    return this.#engine.network.layers.some(({layer}) => layer.trainable);
  }

  set trainable(value: boolean) {
    for (const {layer} of this.#engine.network.layers) layer.trainable = value;
  }

  /** This model as a layer of others, which share its weights. */
  toLayer(): Layer {
    const {network} = this.#engine;
    const kind = kindOf(network);
    this.#layer ??= new ModelLayer(network, () => topologyOf(this.#engine), {kind, name: this.name});
    return this.#layer;
  }

  /** Its outputs for these inputs, in a model that is being built. */
  apply(inputs: SymbolicTensors): Outputs {
    const {network} = this.#engine;
    const layer = this.toLayer();
    const list = symbolicInputs(`${this.name ?? layer.kind}: apply`, network.inputs, inputs);
    const {outputs} = callLayer(layer, list, this.name ?? layer.kind);
    return inStructure(network.outputStructure, network.outputs, outputs) as Outputs;
  }

  /**
   * Its outputs as ops of a graph of one's own, for tensors [batch, …]: with `compile` and `minimize` a
   * training step that shares the weights. In training, random layers read the inputs `seed` int32[2] and
   * `step` int32[1], one for each step; moving statistics stay as they are.
   */
  call(inputs: Tensor | readonly Tensor[], options: CallOptions = {}): Tensor | Tensor[] {
    return callNetwork(this.#engine.network, inputs, options);
  }

  /** The weights that training changes, as variables of graphs. */
  get trainableVariables(): readonly Variable[] {
    return this.#engine.network.trainable.map(({variable}) => variable);
  }

  /** This model's copy of the optimizer given to `compile`; its learning rate may be assigned. @throws ERR_NOT_COMPILED */
  get optimizer(): Optimizer {
    return this.#engine.compilation('optimizer').optimizer;
  }

  /** Steps of training done since `compile`, or since the training that a file was saved in. */
  get iterations(): number {
    return this.#engine.iterations;
  }

  /** Sets loss, metrics and optimizer, and starts the optimizer afresh. */
  compile(options: CompileOptions): void {
    this.#engine.compile(options);
  }

  /** Loss and metrics over all rows, or over all batches of a data set. */
  evaluate(batches: Batches): Promise<Logs>;
  evaluate(x: PortData, y: PortData, options?: EvaluateOptions): Promise<Logs>;
  async evaluate(x: PortData | Batches, y?: PortData, options: EvaluateOptions = {}): Promise<Logs> {
    if (isBatches(x)) return evaluateBatches(this.#engine, {where: 'evaluate', batches: x});
    checkOptions('evaluate', options, ['sampleWeight']);
    const samples = bindSamples(this.#engine, 'evaluate', x, y as PortData, options);
    return evaluateRows(this.#engine, {where: 'evaluate', samples, first: 0, count: samples.count});
  }

  /**
   * Outputs for one sample or a batch, off the event loop and ahead of training; what takes less than handing
   * it over, some 20 µs, is computed at once where no step is being committed. The shape returned says which:
   * a typed array of exactly one sample's size is one sample. A row's bits do not depend on its batch.
   * For a data set, of batches or of batches `{xs}`, the outputs for all its rows.
   */
  predict(x: PortData | Inputs): Promise<Predicted<Outputs>> {
    const prediction = isBatches(x)
      ? predictBatches(this.#engine, x as Inputs)
      : predict(this.#engine, x as PortData);
    return prediction as Promise<Predicted<Outputs>>;
  }

  /** The same on the calling thread: for single samples, microseconds. */
  predictSync(x: PortData): Predicted<Outputs> {
    return predictSync(this.#engine, x) as Predicted<Outputs>;
  }

  /**
   * The forward pass over all rows as one batch; with `record` the pre-activation and the activation of every
   * layer too.
   */
  forward(x: PortData, options: ForwardOptions = {}): Promise<ForwardResult<Predicted<Outputs>>> {
    return forward(this.#engine, x, options) as Promise<ForwardResult<Predicted<Outputs>>>;
  }

  /** The backward pass on its own: the loss of these rows, and its gradient for each trainable weight. */
  gradients(x: PortData, y: PortData, options: GradientsOptions = {}): Promise<GradientsResult> {
    return gradientsOf(this.#engine, x, y, options);
  }

  /**
   * One step of the optimizer by these gradients, one for each trainable weight, by name; with
   * `gradients(…)` a training step in two halves. Clipping, decay and accumulation apply as in `fit`.
   *
   * @throws ERR_WEIGHTS naming the first that does not fit; ERR_NOT_COMPILED; ERR_MODEL_BUSY;
   * ERR_NOT_FINITE where the squares of a gradient to be clipped by its norm are too large.
   */
  applyGradients(gradients: GradientValues): Promise<void> {
    return applyGradients(this.#engine, gradients);
  }

  /** Copies of all weights, of one finished step even while a training runs. */
  getWeights(): WeightData[] {
    return snapshot(this.#engine, this.#engine.variables);
  }

  /** Sets all weights, by name. @throws ERR_WEIGHTS naming the first that does not fit; ERR_MODEL_BUSY */
  setWeights(weights: readonly WeightValue[]): void {
    const values = matchWeights('setWeights', this.#engine.variables, weights);
    this.#engine.writeSync('setWeights', () => assign(this.#engine, values));
  }

  /** The weights where they lie. */
  get parameters(): readonly Parameter[] {
    const {store, variables} = this.#engine;
    return variables.map(variable => {
      const {name, shape, trainable} = variable;
      return {
        name,
        shape,
        trainable,
        get data() {
          return store.view(variable);
        },
      };
    });
  }

  /**
   * The layers and how they are joined, without weights, as `JSON.stringify` asks for it; `modelFromJSON`
   * makes a model of it.
   *
   * @throws ERR_OPTION where a part is a function of your own without a name.
   */
  toJSON(): Config {
    return topologyOf(this.#engine);
  }

  /**
   * Prints a table of the layers with shapes and numbers of parameters, and what a batch takes: memory as
   * planned and floating-point operations. Returns it.
   */
  summary(options: SummaryOptions = {}): string {
    const text = summaryOf(this.#engine, options);
    (options.print ?? console.log)(text);
    return text;
  }

  /**
   * A picture of the graph as SVG: inputs, layers with shapes and numbers of parameters, outputs. Written to
   * `path` where one is given.
   *
   * @throws ERR_FILE
   */
  plot(options: PlotOptions = {}): Promise<string> {
    return plot(this.#engine.network, options);
  }

  /**
   * Writes layers, weights, and the optimizer with its moments to one file. The old file stays whole until
   * the new one is. While a training runs, the file holds one finished step.
   *
   * @throws ERR_FILE
   */
  save(path: string, options: SaveOptions = {}): Promise<void> {
    return save(this.#engine, path, options);
  }
}
