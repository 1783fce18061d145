// The model as users see it, but for training. Each method says what it does; how stands in the file of the
// same name.

import type {TypedArray} from '../../core/dtype.ts';
import {checkBoolean, checkOptions, fail} from '../../core/errors.ts';
import {isRecord, mark} from '../../core/kinds.ts';
import type {Shape} from '../../core/shape.ts';
import type {Variable} from '../../core/tensor.ts';
import type {ModelSource} from '../../io/model-file.ts';
import type {SymbolicTensor} from '../../nn/symbolic.ts';
import type {SetWeightsOptions, WeightData, WeightsSet, WeightValue} from '../../nn/weights.ts';
import {type Batches, isBatches} from '../feed/batches.ts';
import {bindSamples} from '../feed/samples.ts';
import type {SymbolicTensors} from '../network/network.ts';
import type {PortData} from '../network/ports.ts';
import type {ShapedResult} from '../network/results.ts';
import type {Engine} from '../run/engine.ts';
import type {EngineSource} from '../run/layer-stack.ts';
import {type Logs, RunningMeans} from '../run/logs.ts';
import {matchWeights} from '../run/match-weights.ts';
import {assign, snapshot} from '../run/weights.ts';
import type {CompileOptions} from '../step/compile-options.ts';
import {applyGradients, type GradientValues} from './apply-gradients.ts';
import {type EvaluateOptions, evaluateBatches, evaluateRows} from './evaluate.ts';
import {type ForwardOptions, type ForwardResult, forward} from './forward.ts';
import {type GenerateOptions, type Generation, generate} from './generate.ts';
import {type GradientsOptions, type GradientsResult, gradientsOf} from './gradients.ts';
import {ModelGraph} from './model-graph.ts';
import {type ModelOptimizer, optimizerOf} from './model-optimizer.ts';
import {type PlotOptions, plot} from './plot.ts';
import {type Inputs, predict, predictBatches, predictSync} from './predict.ts';
import {loadWeights, type SaveOptions, save, saveWeights, toBytes} from './save.ts';
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
export class BaseModel<Outputs extends SymbolicTensors = SymbolicTensor> extends ModelGraph<Outputs> {
  static {
    mark(BaseModel.prototype, 'model');
  }

  readonly #source: EngineSource;
  #stopTraining = false;

  /** @internal */
  constructor(source: EngineSource) {
    super(source);
    this.#source = source;
  }

  get #engine(): Engine {
    return this.#source.engine;
  }

  /** Set by a callback, ends the training after the current batch. */
  get stopTraining(): boolean {
    return this.#stopTraining;
  }

  set stopTraining(value: boolean) {
    checkBoolean('stopTraining', value);
    this.#stopTraining = value;
  }

  /** The weights that training changes, as variables of graphs. */
  get trainableVariables(): readonly Variable[] {
    return this.#engine.network.trainable.map(({variable}) => variable);
  }

  /**
   * This model's copy of the optimizer given to `compile`; its learning rate may be assigned.
   *
   * @throws ERR_NOT_COMPILED
   */
  get optimizer(): ModelOptimizer {
    return optimizerOf(this.#engine);
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
    const {isStateful} = this.#engine.network;
    const alone = (task: () => Promise<Logs>): Promise<Logs> =>
      isStateful ? this.#engine.write('evaluate', task) : task();
    if (isBatches(x)) {
      if ((y !== undefined && !isRecord(y)) || Object.keys(options).length > 0) {
        fail('ERR_OPTION', 'evaluate: a data set itself holds targets and weights; it takes no options.');
      }
      checkOptions('evaluate', y, []);
      return alone(() => evaluateBatches(this.#engine, {where: 'evaluate', batches: x}));
    }
    checkOptions('evaluate', options, ['sampleWeight']);
    const samples = bindSamples(this.#engine, 'evaluate', x, y as PortData, options);
    const rows = {where: 'evaluate', samples, first: 0, count: samples.count};
    return alone(() => evaluateRows(this.#engine, rows));
  }

  /**
   * Outputs for one sample or a batch, off the event loop and ahead of training; what takes less than
   * handing it over, up to some 0.15 ms, is computed at once while nothing else was handed over. A typed
   * array, or a flat list, holds rows: the result has an axis for them, also for one. An array of exactly
   * one sample's shape, `{data, shape}` or nested, has none, and the result neither. A row's bits do not
   * depend on its batch. For a data set, of batches or of batches `{xs}`, the outputs for all its rows. A
   * stateful model goes on where its last batch ended, takes whole batches only, and predicts when nothing
   * else writes to it.
   */
  predict(x: PortData | Inputs, options?: NoOptions): Promise<Predicted<Outputs>> {
    const prediction = isBatches(x)
      ? predictBatches(this.#engine, x as Inputs, options)
      : predict(this.#engine, x as PortData, options);
    return prediction as Promise<Predicted<Outputs>>;
  }

  /** `predict`: a name that Keras and TensorFlow.js have. */
  predictOnBatch(x: PortData, options?: NoOptions): Promise<Predicted<Outputs>> {
    return this.predict(x, options);
  }

  /** `evaluate` of rows: a name that Keras has. */
  testOnBatch(x: PortData, y: PortData, options?: EvaluateOptions): Promise<Logs> {
    return this.evaluate(x, y, options);
  }

  /** What logs hold, in their order. @throws ERR_NOT_COMPILED */
  get metricsNames(): readonly string[] {
    return Object.keys(new RunningMeans(this.#engine.compilation('metricsNames')).logs());
  }

  /**
   * What stateful layers keep from batch to batch becomes zeros, as at the beginning of another sequence;
   * also in callbacks of a training. Without such layers there is nothing to do.
   *
   * @throws ERR_MODEL_BUSY
   */
  resetStates(): void {
    const engine = this.#engine;
    if (engine.network.isStateful) engine.writeSync('resetStates', () => engine.zeroStates());
  }

  /**
   * The same on the calling thread: for single samples, microseconds. While nothing trains, a second thread
   * takes part where that is worth it. Not of a stateful model.
   */
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

  /**
   * Goes on with a text, token by token: `for await (const token of net.generate([12, 7], {topP: 0.9}))`. The
   * model makes of the ids of tokens, samples [steps], the logits of the next token behind each step, [steps,
   * classes], or their softmax; no step may depend on those behind it. Off the event loop, in calls of a few
   * milliseconds; tokens follow from seed and weights alone. With beam search a token comes as soon as all
   * beams agree on it.
   *
   * @param prompt ids of the tokens to go on from.
   * @throws ERR_OPTION; ERR_GRAPH saying why, for a model that cannot: while tokens are made, ERR_ABORTED,
   * ERR_OUT_OF_RANGE for an id that has no row in an embedding, ERR_NOT_FINITE for logits that are none.
   */
  generate(prompt: ArrayLike<number>, options: GenerateOptions = {}): Generation {
    return generate(this.#engine, prompt, options);
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
   * Prints a table of the layers with shapes and numbers of parameters, and what a batch takes: memory as
   * planned and floating-point operations; and which tables with `sparse: true` a step updates in every row
   * all the same, and why. Returns it.
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
   * @param path or a `file:` URL.
   * @throws ERR_FILE
   */
  save(path: string | URL, options: SaveOptions = {}): Promise<void> {
    return save(this.#engine, path, options);
  }

  /** What `save` would write, for databases and the like; `load` reads it. */
  toBytes(options: SaveOptions = {}): Promise<Uint8Array> {
    return toBytes(this.#engine, options);
  }

  /**
   * Gives its memory back at once, for loops that make many models; nothing needs it otherwise. Predictions
   * under way are finished first. What is asked of it, or of its layers, afterwards is refused with
   * ERR_DISPOSED, and views of `parameters` show zeros. Weights that other models share stay theirs, and so
   * does the memory around them. `using net = sequential([…])` disposes of it at the end of the block.
   *
   * @throws ERR_MODEL_BUSY while a training runs.
   */
  dispose(): void {
    this.#source.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** Writes the weights alone, by name, to a file that `loadWeights` reads. @throws ERR_FILE */
  saveWeights(path: string | URL): Promise<void> {
    return saveWeights(this.#engine, path);
  }

  /**
   * Sets the weights, by name, to those in a file of `saveWeights` or of `save`, or in its bytes. Where the
   * file is of another model, `partial` and `skipMismatch` take what fits.
   *
   * @returns what was set and what was not.
   * @throws ERR_FILE; ERR_WEIGHTS naming the first that does not fit, or where none does; ERR_MODEL_BUSY
   */
  loadWeights(source: ModelSource, options: SetWeightsOptions = {}): Promise<WeightsSet> {
    return loadWeights(this.#engine, source, options);
  }
}
