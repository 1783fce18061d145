// The model as users see it. Each method says what it does; how stands in the file of the same name.
import type {TypedArray} from '../core/dtype.ts';
import {checkNumber, checkOptions, fail} from '../core/errors.ts';
import type {Shape} from '../core/shape.ts';
import type {DataInput} from '../data/arrays.ts';
import type {Layer} from '../nn/layer.ts';
import type {Optimizer} from '../optim/optimizer.ts';
import {bindSamples} from './batches.ts';
import {Engine} from './engine.ts';
import {type EvaluateOptions, evaluateRows} from './evaluate.ts';
import {fitModel, trainOnBatch} from './fit.ts';
import type {FitOptions} from './fit-options.ts';
import {type GradientsOptions, type GradientsResult, gradientsOf} from './gradients.ts';
import type {History, Logs} from './logs.ts';
import {Network} from './network.ts';
import {predict, predictSync, type ShapedResult} from './predict.ts';
import type {Weighting} from './sample-weights.ts';
import {type SaveOptions, save} from './save.ts';
import {summaryOf} from './summary.ts';
import type {CompileOptions} from './training.ts';
import {assign, matchWeights, snapshot, type WeightData, type WeightValue} from './weights.ts';

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

/** A chain of layers, made by `sequential` or `load`. */
export class Sequential {
  /** Set by a callback, ends the training after the current batch. */
  stopTraining = false;
  readonly #engine: Engine;

  /** @internal */
  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** Shape of one sample. */
  get inputShape(): Shape {
    return this.#engine.network.inputShape;
  }

  /** Shape of the output for one sample. */
  get outputShape(): Shape {
    return this.#engine.network.outputShape;
  }

  /** The layers' names and shapes, in order. */
  get layers(): readonly {name: string; kind: string; outputShape: Shape}[] {
    return this.#engine.network.layers.map(({name, layer: {kind}, outputShape}) => ({
      name,
      kind,
      outputShape,
    }));
  }

  /** The optimizer that `compile` was given; its learning rate may be assigned. @throws ERR_NOT_COMPILED */
  get optimizer(): Optimizer {
    return this.#engine.training('optimizer').optimizer;
  }

  /** Steps of training done since `compile`, or since the training that a file was saved in. */
  get iterations(): number {
    return this.#engine.iterations;
  }

  /** Sets loss, metrics and optimizer, and starts the optimizer afresh. */
  compile(options: CompileOptions): void {
    this.#engine.compile(options);
  }

  /**
   * Trains on rows of `x` [rows, …inputShape] and `y`: class numbers for sparseCategoricalCrossentropy, else
   * numbers of the output's shape. Typed arrays are read where they lie and must not change meanwhile.
   *
   * @returns loss and metrics of each epoch.
   * @throws ERR_ABORTED when stopped by its signal, with the history so far as `error.history`;
   * ERR_NOT_FINITE when data, loss or a gradient is NaN or infinite; ERR_OUT_OF_RANGE for a label that is no
   * class; ERR_MODEL_BUSY while another training runs; ERR_SHAPE, ERR_DTYPE, ERR_DETACHED, ERR_OPTION before
   * it begins. In all cases the weights are those of the last finished step.
   */
  fit(x: DataInput, y: DataInput, options: FitOptions = {}): Promise<History> {
    return fitModel(this, this.#engine, x, y, options);
  }

  /** One training step on all rows given, as one batch. */
  trainOnBatch(x: DataInput, y: DataInput, options: Weighting = {}): Promise<Logs> {
    return trainOnBatch(this.#engine, x, y, options);
  }

  /** Loss and metrics over all rows. */
  async evaluate(x: DataInput, y: DataInput, options: EvaluateOptions = {}): Promise<Logs> {
    checkOptions('evaluate', options, ['sampleWeight']);
    const samples = bindSamples(this.#engine, 'evaluate', x, y, options);
    return evaluateRows(this.#engine, {where: 'evaluate', samples, first: 0, count: samples.x.count});
  }

  /**
   * Outputs for one sample or a batch, off the event loop and ahead of training; the shape returned says
   * which: a typed array of exactly one sample's size is one sample. A row's bits do not depend on its batch.
   */
  predict(x: DataInput): Promise<ShapedResult> {
    return predict(this.#engine, x);
  }

  /** The same on the calling thread: for single samples, microseconds. */
  predictSync(x: DataInput): ShapedResult {
    return predictSync(this.#engine, x);
  }

  /** The backward pass on its own: the loss of these rows, and its gradient for each trainable weight. */
  gradients(x: DataInput, y: DataInput, options: GradientsOptions = {}): Promise<GradientsResult> {
    return gradientsOf(this.#engine, x, y, options);
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

  /** Prints a table of the layers with shapes and numbers of parameters, and returns it. */
  summary(options: {print?: (text: string) => void} = {}): string {
    checkOptions('summary', options, ['print']);
    const text = summaryOf(this.#engine.network);
    (options.print ?? console.log)(text);
    return text;
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

export interface SequentialOptions {
  /** Decides initial weights, and is the default of `fit`'s seed. 0 by default. */
  readonly seed?: number;
}

/**
 * A model of layers, each of which gets the output of the one before. The first needs `inputShape`.
 *
 * @throws ERR_OPTION, or ERR_SHAPE where a layer cannot take its input.
 */
export function sequential(layers: readonly Layer[], options: SequentialOptions = {}): Sequential {
  checkOptions('sequential', options, ['seed']);
  const {seed = 0} = options;
  checkNumber('sequential: seed', seed, {integer: true});
  if (!Array.isArray(layers)) fail('ERR_OPTION', 'sequential: expected an array of layers.');
  const engine = new Engine(new Network(layers), seed);
  engine.store.initialize(seed, engine.variables);
  return new Sequential(engine);
}
