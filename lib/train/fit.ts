// The training loop: epochs of batches, validation, callbacks, stopping.
import {checkOptions} from '../core/errors.ts';
import type {DataInput} from '../data/arrays.ts';
import {ascendingRows} from '../data/order.ts';
import {bindSamples, keyOfSamples} from './batches.ts';
import {type CallbackContext, CallbackList} from './callback.ts';
import {progress} from './callbacks/progress.ts';
import type {Engine} from './engine.ts';
import {evaluateRows} from './evaluate.ts';
import {AbortedError} from './failures.ts';
import {checkTrainable, type FitOptions, type FitRequest, toFitRequest} from './fit-options.ts';
import {addToHistory, type History, type Logs, RunningMeans} from './logs.ts';
import type {Sequential} from './model.ts';
import type {Weighting} from './sample-weights.ts';
import type {Stretch} from './source.ts';
import {StepRunner} from './steps.ts';

/** All that lives from epoch to epoch. */
class Fit {
  readonly #engine: Engine;
  readonly #model: Sequential;
  readonly #request: FitRequest;
  readonly #callbacks: CallbackList;
  readonly #context: {-readonly [Key in keyof CallbackContext]: CallbackContext[Key]};
  /** Not 0 once the signal has asked for the end: native code looks at it before each commit. */
  readonly #cancel = new Int32Array(new SharedArrayBuffer(4));
  readonly #history: History = {epoch: [], history: {}};
  readonly #runners = new Map<string, StepRunner>();

  constructor(engine: Engine, model: Sequential, request: FitRequest) {
    const {source, batchSize, epochs, initialEpoch, validation} = request;
    this.#engine = engine;
    this.#model = model;
    this.#request = request;
    const sizes = {epochs, initialEpoch, batchSize, batches: source.batches, samples: source.rows};
    this.#context = {model, ...sizes, validates: validation !== undefined, error: undefined};
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
    const {validation} = this.#request;
    await this.#callbacks.epoch('onEpochBegin', epoch, {});
    if (this.#model.stopTraining) return undefined;
    const means = new RunningMeans(this.#engine.training('fit'));
    for (let batch = 0; !this.#model.stopTraining; ) {
      const done = await this.#call(epoch, batch, means);
      this.#checkSignal();
      if (done === undefined) break;
      batch += done;
    }
    const logs = means.logs();
    if (validation?.after(epoch)) {
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

  /** One native call and its callbacks, from `batch` on: batches done, or undefined at the epoch's end. */
  async #call(epoch: number, batch: number, means: RunningMeans): Promise<number | undefined> {
    const {source} = this.#request;
    const watched = this.#callbacks.watchBatches;
    const most = watched ? this.#callbacks.batchesUntilCall(batch) : Number.POSITIVE_INFINITY;
    const stretch = await source.next(epoch, batch, most);
    if (!stretch) return undefined;
    if (watched) await this.#callbacks.batchBegin(batch);
    const {steps} = await this.#runnerOf(stretch).run(stretch, {
      cancel: this.#cancel,
      means,
      where: 'fit',
      name: step => `epoch ${epoch}, batch ${batch + step}`,
    });
    this.#engine.betweenRuns();
    if (watched && steps > 0) {
      const last = batch + steps - 1;
      await this.#callbacks.batchEnd(last, {batch: last, size: stretch.batch, ...means.logs()});
    }
    return steps;
  }

  #runnerOf({samples, batch}: Stretch): StepRunner {
    const key = keyOfSamples('', batch, samples);
    const known = this.#runners.get(key);
    if (known) return known;
    const {seed, source} = this.#request;
    const runner = new StepRunner(this.#engine, samples, {batch, seed, most: source.batches});
    this.#runners.set(key, runner);
    return runner;
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
export async function trainOnBatch(
  engine: Engine,
  x: DataInput,
  y: DataInput,
  options: Weighting = {},
): Promise<Logs> {
  const where = 'trainOnBatch';
  const training = engine.training(where);
  checkOptions(where, options, ['sampleWeight', 'classWeight']);
  return engine.write(where, async () => {
    const samples = bindSamples(engine, where, x, y, options);
    const batch = samples.x.count;
    checkTrainable(engine, where);
    const runner = new StepRunner(engine, samples, {batch, seed: engine.seed, most: 1});
    const means = new RunningMeans(training);
    const stretch = {samples, rows: ascendingRows(batch), batch, steps: 1};
    await runner.run(stretch, {means, where, name: () => 'this batch'});
    return means.logs();
  });
}
