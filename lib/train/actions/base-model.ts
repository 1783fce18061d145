// The model as users see it, but for training. Each method says what it does; how stands in the file of the
// same name.
import type {TypedArray} from '../../core/dtype.ts';
import {checkBoolean, checkOptions} from '../../core/errors.ts';
import type {Config} from '../../core/named.ts';
import type {Shape} from '../../core/shape.ts';
import type {Tensor, Variable} from '../../core/tensor.ts';
import type {Layer} from '../../nn/layer.ts';
import {callLayer, type SymbolicTensor} from '../../nn/symbolic.ts';
import type {SetWeightsOptions, WeightData, WeightsSet, WeightValue} from '../../nn/weights.ts';
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
import {matchWeights} from '../run/match-weights.ts';
import {assign, snapshot} from '../run/weights.ts';
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

/** What takes no options refuses those of other libraries, which would do nothing. */
type NoOptions = Readonly<Record<string, never>>;

/** A model with all its methods but those that train it or make another: what callbacks get. */
export class BaseModel<Outputs extends SymbolicTensors = SymbolicTensor> {
  readonly #engine: Engine;
  #stopTraining = false;
  #layer: ModelLayer | undefined;

  /** @internal */
  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** What it is called as a layer of another model. */
  get name(): string | undefined {
    return this.#engine.name;
  }

  /** Set by a callback, ends the training after the current batch. */
  get stopTraining(): boolean {
    return this.#stopTraining;
  }

  set stopTraining(value: boolean) {
    checkBoolean('stopTraining', value);
    this.#stopTraining = value;
  }

  /**
   * Its inputs as symbolic tensors, from which another model may begin:
   * `model({inputs: net.inputs, outputs: net.getLayer('code').output})` shares layers and weights with `net`.
   */
  get inputs(): readonly SymbolicTensor[] {
    return this.#engine.network.inputs.map(({tensor}) => tensor);
  }

  /** Its outputs as symbolic tensors, to which more layers may be applied. */
  get outputs(): readonly SymbolicTensor[] {
    return this.#engine.network.outputs.map(({tensor}) => tensor);
  }

  /** The first input, most often the only one. */
  get input(): SymbolicTensor {
    return this.inputs[0] as SymbolicTensor;
  }

  /** The first output, most often the only one. */
  get output(): SymbolicTensor {
    return this.outputs[0] as SymbolicTensor;
  }

  /** What `fit` and `predict` know the data of each input by. */
  get inputNames(): readonly string[] {
    return this.#engine.network.inputs.map(({name}) => name);
  }

  /** What `compile`, `fit` and logs know each output by. */
  get outputNames(): readonly string[] {
    return this.#engine.network.outputs.map(({name}) => name);
  }

  /** Shape of one sample; of the first input where there are several. */
  get inputShape(): Shape {
    return this.#engine.network.inputShape;
  }

  /** Shape of the output for one sample; of the first output where there are several. */
  get outputShape(): Shape {
    return this.#engine.network.outputShape;
  }

  /**
   * The layers, in the order in which they are computed: `for (const layer of net.layers)
   * layer.trainable = false` freezes all. A layer of several models may have another name in each; its own is
   * that of the first.
   */
  get layers(): readonly Layer[] {
    return this.#engine.network.layers.map(({layer}) => layer);
  }

  /** A layer by its name in this model, or by its place. @throws ERR_UNKNOWN_NAME or ERR_OUT_OF_RANGE */
  getLayer(name: string | number): Layer {
    return layerOf(this.#engine.network, name);
  }

  /**
   * Whether training changes any weights; set, it sets `trainable` of all layers.
   *
   * @throws ERR_MODEL_BUSY while a training runs, also in its callbacks.
   */
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

  /**
   * This model's copy of the optimizer given to `compile`; its learning rate may be assigned, for this model
   * alone.
   *
   * @throws ERR_NOT_COMPILED
   */
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
    if (isBatches(x)) {
      checkOptions('evaluate', y, []);
      return evaluateBatches(this.#engine, {where: 'evaluate', batches: x});
    }
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
  predict(x: PortData | Inputs, options?: NoOptions): Promise<Predicted<Outputs>> {
    const prediction = isBatches(x)
      ? predictBatches(this.#engine, x as Inputs, options)
      : predict(this.#engine, x as PortData, options);
    return prediction as Promise<Predicted<Outputs>>;
  }

  /** The same on the calling thread: for single samples, microseconds. */
  predictSync(x: PortData, options?: NoOptions): Predicted<Outputs> {
    checkOptions('predictSync', options, []);
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

  /**
   * Sets all weights: by their names, as `getWeights` gives them, or without names in their order. Those that
   * fit, and no others, with `partial` or `skipMismatch`.
   *
   * @returns what was set and what was not.
   * @throws ERR_WEIGHTS naming the first that does not fit, or where none does; ERR_MODEL_BUSY
   */
  setWeights(weights: readonly WeightValue[], options: SetWeightsOptions = {}): WeightsSet {
    const {values, report} = matchWeights('setWeights', this.#engine.variables, weights, options);
    this.#engine.writeSync('setWeights', () => assign(this.#engine, values));
    return report;
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
