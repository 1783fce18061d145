// The training loop: epochs of batches, validation, callbacks, stopping.
import type {DataInput} from '../data/arrays.ts';
import {ascendingRows, shuffleRows} from '../data/order.ts';
import {bindSamples} from './batches.ts';
import {type CallbackContext, CallbackList} from './callback.ts';
import type {Engine} from './engine.ts';
import {evaluateRows} from './evaluate.ts';
import {AbortedError} from './failures.ts';
import {checkTrainable, type FitOptions, type FitRequest, toFitRequest} from './fit-options.ts';
import {addToHistory, type History, type Logs, RunningMeans} from './logs.ts';
import type {Sequential} from './model.ts';
import {progress} from './progress.ts';
import {StepRunner} from './steps.ts';

/** All that lives from epoch to epoch. */
class Fit {
  readonly #engine: Engine;
  readonly #model: Sequential;
  readonly #request: FitRequest;
  readonly #callbacks: CallbackList;
  readonly #context: {-readonly [Key in keyof CallbackContext]: CallbackContext[Key]};
  readonly #order: Int32Array;
  readonly #batches: number;
  /** Not 0 once the signal has asked for the end: native code looks at it before each commit. */
  readonly #cancel = new Int32Array(new SharedArrayBuffer(4));
  readonly #history: History = {epoch: [], history: {}};
  readonly #whole: StepRunner | undefined;
  readonly #rest: StepRunner | undefined;

  constructor(engine: Engine, model: Sequential, request: FitRequest) {
    const {samples, count, batchSize, seed, epochs, initialEpoch} = request;
    this.#engine = engine;
    this.#model = model;
    this.#request = request;
    this.#order = ascendingRows(count);
    const steps = Math.floor(count / batchSize);
    const rest = count % batchSize;
    this.#batches = steps + (rest > 0 ? 1 : 0);
    if (steps > 0) this.#whole = new StepRunner(engine, samples, {batch: batchSize, seed, most: steps});
    if (rest > 0) this.#rest = new StepRunner(engine, samples, {batch: rest, seed, most: 1});
    const sizes = {epochs, initialEpoch, batchSize, batches: this.#batches, samples: count};
    this.#context = {model, ...sizes, error: undefined};
    this.#callbacks = new CallbackList(callbacksOf(request), this.#context, async call => {
      engine.inCallback = true;
      try {
        await call();
      } finally {
        engine.inCallback = false;
      }
    });
  }

  async run(): Promise<History> {
    const {signal} = this.#request;
    const stop = (): void => {
      Atomics.store(this.#cancel, 0, 1);
    };
    signal?.addEventListener('abort', stop, {once: true});
    if (signal?.aborted) stop();
    this.#model.stopTraining = false;
    let logs: Logs = {};
    try {
      this.#checkSignal();
      await this.#callbacks.train('onTrainBegin', {});
      for (let epoch = this.#request.initialEpoch; epoch < this.#request.epochs; epoch++) {
        if (this.#model.stopTraining) break;
        logs = (await this.#epoch(epoch)) ?? logs;
      }
    } catch (error) {
      this.#context.error = error;
      throw error;
    } finally {
      signal?.removeEventListener('abort', stop);
      await this.#callbacks.train('onTrainEnd', logs);
    }
    return this.#history;
  }

  #checkSignal(): void {
    if (Atomics.load(this.#cancel, 0) !== 0)
      throw new AbortedError(this.#history, this.#request.signal?.reason);
  }

  /** Nothing where a callback stopped the training before the epoch's first batch. */
  async #epoch(epoch: number): Promise<Logs | undefined> {
    const {shuffle, seed, validation} = this.#request;
    await this.#callbacks.epoch('onEpochBegin', epoch, {});
    if (this.#model.stopTraining) return undefined;
    if (shuffle) shuffleRows(this.#order, seed, epoch);
    const means = new RunningMeans(this.#engine.training('fit'));
    let batch = 0;
    while (batch < this.#batches && !this.#model.stopTraining) {
      batch += await this.#call(epoch, batch, means);
      this.#checkSignal();
    }
    const logs = means.logs();
    if (validation) {
      const request = {where: 'fit: validation', prefix: 'val_', cancel: this.#cancel, ...validation};
      try {
        Object.assign(logs, await evaluateRows(this.#engine, request));
      } catch (error) {
        if (error instanceof AbortedError) this.#checkSignal();
        throw error;
      }
    }
    addToHistory(this.#history, epoch, logs);
    await this.#callbacks.epoch('onEpochEnd', epoch, logs);
    return logs;
  }

  /** One native call and its callbacks, from `batch` on; returns the number of batches done. */
  async #call(epoch: number, batch: number, means: RunningMeans): Promise<number> {
    const {batchSize, count} = this.#request;
    const runner = ((batch + 1) * batchSize <= count ? this.#whole : this.#rest) as StepRunner;
    if (this.#callbacks.watchBatches) await this.#callbacks.batchBegin(batch);
    const left = runner === this.#rest ? 1 : Math.floor(count / batchSize) - batch;
    const {steps} = await runner.run(this.#order.subarray(batch * batchSize), {
      most: this.#callbacks.watchBatches ? Math.min(left, this.#callbacks.batchesUntilCall(batch)) : left,
      cancel: this.#cancel,
      means,
      where: 'fit',
      name: step => `epoch ${epoch}, batch ${batch + step}`,
    });
    this.#engine.betweenRuns();
    if (this.#callbacks.watchBatches && steps > 0) {
      const last = batch + steps - 1;
      await this.#callbacks.batchEnd(last, {batch: last, size: runner.batch, ...means.logs()});
    }
    return steps;
  }
}

function callbacksOf({callbacks, verbose}: FitRequest) {
  if (verbose === 0) return callbacks;
  const own = progress(verbose === 2 ? {bar: false} : {});
  return [own, ...(callbacks === undefined ? [] : Array.isArray(callbacks) ? callbacks : [callbacks])];
}

/** See `Sequential.fit`. */
export async function fitModel(
  model: Sequential,
  engine: Engine,
  x: DataInput,
  y: DataInput,
  options: FitOptions = {},
): Promise<History> {
  engine.training('fit');
  return engine.write('fit', () => {
    const request = toFitRequest(engine, x, y, options);
    return new Fit(engine, model, request).run();
  });
}

/** See `Sequential.trainOnBatch`. */
export async function trainOnBatch(engine: Engine, x: DataInput, y: DataInput): Promise<Logs> {
  const where = 'trainOnBatch';
  const training = engine.training(where);
  return engine.write(where, async () => {
    const samples = bindSamples(engine, where, x, y);
    const {count} = samples.x;
    checkTrainable(engine, where);
    const runner = new StepRunner(engine, samples, {batch: count, seed: engine.seed, most: 1});
    const means = new RunningMeans(training);
    await runner.run(ascendingRows(count), {most: 1, means, where, name: () => 'this batch'});
    return means.logs();
  });
}
