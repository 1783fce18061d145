// The training loop: epochs of batches, validation, callbacks, stopping.
import {ChainruleError, checkOptions, fail} from '../../core/errors.ts';
import type {Json} from '../../core/named.ts';
import {ascendingRows} from '../../data/order.ts';
import {fileError} from '../../io/model-file.ts';
import {useAverages} from '../run/averages.ts';
import {bindSamples, keyOfSamples} from '../feed/samples.ts';
import {type CallbackContext, CallbackList} from '../callbacks/callback.ts';
import {progress} from '../callbacks/progress.ts';
import {type Checkpoint, openCheckpoint, type Plan, type Position, takeCheckpoint} from './checkpoint.ts';
import type {BoundCriterion} from '../step/criterion.ts';
import type {Engine} from '../run/engine.ts';
import {AbortedError} from '../run/failures.ts';
import {checkTrainable, type FitData, type FitOptions, type FitRequest, toFitRequest} from './options.ts';
import {addToHistory, type History, type Logs, RunningMeans} from '../run/logs.ts';
import type {Sequential} from '../model.ts';
import type {PortData} from '../network/ports.ts';
import type {Weighting} from '../feed/sample-weights.ts';
import type {Stretch} from '../feed/batch-source.ts';
import {StepRunner} from '../run/step-runner.ts';

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
  readonly #position: Position;
  #means: RunningMeans;
  /** Of the last epoch that ended. */
  #logs: Logs = {};
  readonly #criteria: readonly BoundCriterion[];
  readonly #runners = new Map<string, StepRunner>();

  constructor(engine: Engine, model: Sequential, request: FitRequest) {
    const {source, batchSize, epochs, initialEpoch, validation} = request;
    this.#engine = engine;
    this.#model = model;
    this.#request = request;
    const sizes = {epochs, initialEpoch, batchSize, batches: source.batches, samples: source.rows};
    this.#position = {epoch: initialEpoch, batch: 0, begun: false, means: undefined};
    this.#means = new RunningMeans(engine.training('fit'));
    this.#context = {
      model,
      ...sizes,
      epoch: initialEpoch,
      validates: validation !== undefined,
      stoppedBy: undefined,
      error: undefined,
      checkpoint: () => this.#checkpoint(),
    };
    this.#callbacks = new CallbackList(callbacksOf(request), this.#context, async call => {
      engine.inCallback = true;
      try {
        await call();
      } finally {
        engine.inCallback = false;
      }
    });
    this.#criteria = engine.bindCriteria(this.#callbacks.criteria);
  }

  /** Runs all epochs; only once. */
  async run(): Promise<History> {
    const {signal} = this.#request;
    const stop = (): void => {
      Atomics.store(this.#cancel, 0, 1);
    };
    signal?.addEventListener('abort', stop, {once: true});
    if (signal?.aborted) stop();
    this.#model.stopTraining = false;
    try {
      this.#checkSignal();
      await this.#callbacks.train('onTrainBegin', {});
      await this.#callbacks.resume(checkpoint => this.#restore(checkpoint));
      await this.#epochs();
      await useAverages(this.#engine);
    } catch (error) {
      this.#context.error = error;
      throw error;
    } finally {
      signal?.removeEventListener('abort', stop);
      this.#request.source.close?.();
      await this.#callbacks.train('onTrainEnd', this.#logs);
    }
    return this.#history;
  }

  #checkSignal(): void {
    if (Atomics.load(this.#cancel, 0) !== 0)
      throw new AbortedError(this.#history, this.#request.signal?.reason);
  }

  #checkpoint(): Checkpoint {
    if (!this.#callbacks.settled) {
      fail('ERR_OPTION', 'checkpoint: only a callback with `resume` may take one, in its own functions.');
    }
    return takeCheckpoint(this.#engine, {
      plan: planOf(this.#request),
      position: {...this.#position, means: this.#position.begun ? this.#means.save() : undefined},
      history: this.#history,
      logs: this.#logs,
      stopTraining: this.#model.stopTraining,
      callbacks: this.#callbacks.states(),
    });
  }

  async #restore(checkpoint: Checkpoint): Promise<void> {
    try {
      const plan = planOf(this.#request);
      const {state, apply} = openCheckpoint(this.#engine, checkpoint, plan);
      const {position, history, logs, stopTraining} = state;
      await this.#callbacks.restore(state.callbacks, () => {
        apply();
        Object.assign(this.#position, position);
        if (position.begun) this.#means.restore(position.means as Json);
        Object.assign(this.#history, history);
        this.#logs = logs;
        this.#context.epoch = position.epoch;
      });
      this.#model.stopTraining = stopTraining;
    } catch (error) {
      throw fileError('fit', checkpoint.file ?? 'the checkpoint', error);
    }
  }

  async #epochs(): Promise<void> {
    const at = this.#position;
    while (at.epoch < this.#request.epochs && (at.begun || !this.#model.stopTraining)) {
      if (!(await this.#begin(at))) return;
      await this.#batches(at);
      await this.#end(at);
    }
  }

  /** False where a callback stopped the training before the epoch's first batch. */
  async #begin(at: Position): Promise<boolean> {
    if (at.begun) return true;
    this.#context.epoch = at.epoch;
    await this.#callbacks.epochBegin(at.epoch);
    if (this.#model.stopTraining) return false;
    this.#means = new RunningMeans(this.#engine.training('fit'));
    at.begun = true;
    return true;
  }

  async #batches(at: Position): Promise<void> {
    while (!this.#model.stopTraining) {
      try {
        const more = await this.#call(at);
        this.#checkSignal();
        if (!more) return;
      } catch (error) {
        const bad = error instanceof ChainruleError && error.code === 'ERR_NOT_FINITE';
        if (!bad || !(await this.#callbacks.notFinite(error))) throw error;
        this.#model.stopTraining = true;
      }
    }
  }

  /** Validates, tells the callbacks, which may add to the logs, and goes on to the next epoch. */
  async #end(at: Position): Promise<void> {
    const {validation} = this.#request;
    const {epoch} = at;
    // It ended before its first step: there is no such epoch.
    if (this.#means.samples === 0) {
      at.begun = false;
      return;
    }
    const logs = this.#means.logs();
    if (validation?.after(epoch)) {
      try {
        Object.assign(logs, await validation.evaluate(this.#cancel));
      } catch (error) {
        if (error instanceof AbortedError) this.#checkSignal();
        throw error;
      }
    }
    this.#logs = logs;
    await this.#callbacks.epochEnd(epoch, logs, () => {
      addToHistory(this.#history, epoch, logs);
      Object.assign(at, {epoch: epoch + 1, batch: 0, begun: false});
    });
  }

  /** One native call and its callbacks; false at the epoch's end. */
  async #call(at: Position): Promise<boolean> {
    const {epoch, batch} = at;
    const watched = this.#callbacks.watchBatches;
    const {iterations} = this.#engine;
    const probes = this.#callbacks.probesAt(iterations);
    const left = probes.length > 0 ? 1 : this.#callbacks.batchesUntilProbe(iterations);
    const most = watched ? Math.min(left, this.#callbacks.batchesUntilCall(batch, iterations)) : left;
    const stretch = await this.#request.source.next(epoch, batch, most);
    if (!stretch) return false;
    if (watched) await this.#callbacks.batchBegin(batch);
    const means = this.#means;
    for (const probe of probes) await probe.before(this.#engine, stretch, this.#request.seed);
    try {
      const {guard} = await this.#runnerOf(stretch).run(stretch, {
        cancel: this.#cancel,
        means,
        where: 'fit',
        name: step => `epoch ${epoch}, batch ${batch + step}`,
      });
      if (guard) {
        this.#context.stoppedBy = guard.scope;
        this.#model.stopTraining = true;
      }
    } finally {
      at.batch += this.#engine.iterations - iterations;
    }
    if (at.batch > batch) for (const probe of probes) probe.after(this.#engine, epoch, iterations);
    this.#engine.betweenRuns();
    if (watched && at.batch > batch) {
      const last = at.batch - 1;
      const logs = {batch: last, size: stretch.batch, ...means.logs()};
      await this.#callbacks.batchEnd(last, logs);
    }
    return true;
  }

  #runnerOf({samples, batch}: Stretch): StepRunner {
    const key = keyOfSamples('', batch, samples);
    const known = this.#runners.get(key);
    if (known) return known;
    const {seed, source} = this.#request;
    const runner = new StepRunner(this.#engine, samples, {
      batch,
      seed,
      most: source.batches,
      criteria: this.#criteria,
    });
    this.#runners.set(key, runner);
    return runner;
  }
}

function planOf({seed, batchSize, source: {batches, rows}}: FitRequest): Plan {
  return {seed, batchSize, batches, rows};
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
  data: FitData,
  options: FitOptions = {},
): Promise<History> {
  engine.training('fit');
  return engine.write('fit', () => {
    const request = toFitRequest(engine, data, options);
    return new Fit(engine, model, request).run();
  });
}

/** See `Sequential.trainOnBatch`. */
export async function trainOnBatch(
  engine: Engine,
  x: PortData,
  y: PortData,
  options: Weighting = {},
): Promise<Logs> {
  const where = 'trainOnBatch';
  const training = engine.training(where);
  checkOptions(where, options, ['sampleWeight', 'classWeight']);
  return engine.write(where, async () => {
    const samples = bindSamples(engine, where, x, y, options);
    const batch = samples.count;
    checkTrainable(engine, where);
    const runner = new StepRunner(engine, samples, {batch, seed: engine.seed, most: 1});
    const means = new RunningMeans(training);
    const stretch = {samples, rows: ascendingRows(batch), batch, steps: 1};
    await runner.run(stretch, {means, where, name: () => 'this batch'});
    return means.logs();
  });
}
