// The training loop: epochs of batches, validation, callbacks, stopping.
import type {TypedArray} from '../../core/dtype.ts';
import {fail, isChainruleError} from '../../core/errors.ts';
import {isPromise} from '../../core/kinds.ts';
import type {Json} from '../../core/named.ts';
import {rowsOfStep, type StepRows} from '../../core/step-rows.ts';
import {fileError} from '../../io/model-file.ts';
import type {BaseModel} from '../actions/base-model.ts';
import type {CallbackContext, Checkpoint, Probe} from '../callbacks/callback.ts';
import {CallbackList} from '../callbacks/list.ts';
import {progress} from '../callbacks/progress.ts';
import type {BatchRun} from '../feed/batch-source.ts';
import type {Engine} from '../run/engine.ts';
import {AbortedError, type RunOutcome} from '../run/failures.ts';
import {addToHistory, type History, type Logs, RunningMeans} from '../run/logs.ts';
import {type StepRequest, StepRunners} from '../run/step-runner.ts';
import {useAverages} from './averages.ts';
import {openCheckpoint, type Position, type TrainingSetup, takeCheckpoint} from './checkpoint.ts';
import {type FitData, type FitOptions, type FitRequest, toFitRequest} from './options.ts';

/** Epochs of a native call at most. */
const mostEpochs = 4096;

/** A training under way: all that is kept from epoch to epoch. */
class Fit {
  readonly #engine: Engine;
  readonly #model: BaseModel;
  readonly #request: FitRequest;
  readonly #callbacks: CallbackList;
  readonly #context: {-readonly [Key in keyof CallbackContext]: CallbackContext[Key]};
  /** Not 0 once the signal has asked for the end: native code looks at it before each commit. */
  readonly #cancel = new Int32Array(new SharedArrayBuffer(4));
  readonly #history: History = {epoch: [], history: {}};
  readonly #position: Position;
  readonly #means: RunningMeans;
  /** Of the last epoch that ended. */
  #logs: Logs = {};
  readonly #runners: StepRunners;
  /** Rows of the steps of the run under way, and of its last one. */
  #of: StepRows = {rows: 0};
  #lastRows = 0;
  readonly #steps: StepRequest;

  constructor(engine: Engine, model: BaseModel, request: FitRequest) {
    const {source, batchSize, epochs, initialEpoch, validation} = request;
    this.#engine = engine;
    this.#model = model;
    this.#request = request;
    const sizes = {epochs, initialEpoch, batchSize, batches: source.batches, samples: source.rows};
    this.#position = {before: request.before, epoch: initialEpoch, batch: 0, begun: false, means: undefined};
    this.#means = new RunningMeans(engine.compilation('fit'));
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
    this.#callbacks.checkLogs(engine.compilation('fit'), validatedEpochs(request));
    this.#runners = new StepRunners(engine, engine.bindCriteria(this.#callbacks.criteria));
    this.#steps = {
      where: 'fit',
      seed: request.seed,
      cancel: this.#cancel,
      add: (results, steps, done) => this.#add(results, steps, done),
      // Asked for once the steps before it have been added.
      nameOf: () => `epoch ${this.#position.epoch}, batch ${this.#position.batch}`,
    };
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
    if (!this.#callbacks.othersDone) {
      fail('ERR_OPTION', 'checkpoint: only a callback with `resume` may take one, in its own functions.');
    }
    return takeCheckpoint(this.#engine, {
      setup: setupOf(this.#request),
      position: {...this.#position, means: this.#position.begun ? this.#means.save() : undefined},
      history: this.#history,
      logs: this.#logs,
      stopTraining: this.#model.stopTraining,
      callbacks: this.#callbacks.states(),
    });
  }

  async #restore(checkpoint: Checkpoint): Promise<void> {
    try {
      const {state, apply} = openCheckpoint(this.#engine, checkpoint, setupOf(this.#request));
      const {position, history, logs, stopTraining} = state;
      await this.#callbacks.restore(state.callbacks, () => {
        apply();
        Object.assign(this.#position, position);
        this.#engine.epochs = position.before + position.epoch + (position.begun ? 1 : 0);
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
      this.#checkSignal();
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
    this.#checkSignal();
    if (this.#model.stopTraining) return false;
    this.#means.reset();
    at.begun = true;
    return true;
  }

  async #batches(at: Position): Promise<void> {
    while (!this.#model.stopTraining) {
      try {
        const calling = this.#call(at);
        const more = typeof calling === 'boolean' ? calling : await calling;
        this.#checkSignal();
        if (!more) return;
      } catch (error) {
        const bad = isChainruleError(error) && error.code === 'ERR_NOT_FINITE';
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
        if (isChainruleError(error) && error.code === 'ERR_ABORTED') this.#checkSignal();
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
  #call(at: Position): boolean | Promise<boolean> {
    const {source} = this.#request;
    if (at.batch >= source.batches) return false;
    const {iterations} = this.#engine;
    const probes = this.#callbacks.probesAt(iterations);
    const most = this.#mostBatches(at.batch, probes);
    const run = source.next(at.epoch, at.batch, most, at.before, this.#epochsToGo(at));
    if (run === undefined) return false;
    if (isPromise(run) || this.#callbacks.watchBatches || probes.length > 0)
      return this.#watchedCall(at, run, probes);
    const training = this.#train(run);
    if (isPromise(training)) return training.then(outcome => this.#trained(outcome));
    return this.#trained(training);
  }

  async #watchedCall(
    at: Position,
    coming: BatchRun | Promise<BatchRun | undefined>,
    probes: readonly Probe[],
  ): Promise<boolean> {
    const run = await coming;
    if (!run) return false;
    const {epoch, batch} = at;
    const {iterations} = this.#engine;
    const watched = this.#callbacks.watchBatches;
    if (watched) await this.#callbacks.batchBegin(batch);
    for (const probe of probes) await probe.before(this.#engine, run, this.#request.seed);
    this.#trained(await this.#train(run));
    const trained = this.#engine.iterations > iterations;
    if (trained) for (const probe of probes) probe.after(this.#engine, epoch, iterations);
    if (watched && trained) await this.#batchEnd(at.batch - 1, this.#lastRows);
    return true;
  }

  #trained(outcome: RunOutcome): true {
    this.#noteCriterion(outcome);
    this.#engine.betweenRuns();
    return true;
  }

  /** How many batches the next native call may train on: probes and callbacks want to be asked between. */
  #mostBatches(batch: number, probes: readonly Probe[]): number {
    const {iterations} = this.#engine;
    const left = probes.length > 0 ? 1 : this.#callbacks.batchesUntilProbe(iterations);
    if (!this.#callbacks.watchBatches) return left;
    return Math.min(left, this.#callbacks.batchesUntilCall(batch, iterations));
  }

  /** Epochs, that under way included, up to the next whose end is of interest to somebody. */
  #epochsToGo({epoch}: Position): number {
    if (this.#callbacks.watchEpochs || this.#callbacks.watchBatches) return 1;
    // A schedule may be the user's own: it is asked about one epoch at a time.
    if (typeof this.#engine.compilation('fit').optimizer.learningRate !== 'number') return 1;
    const {epochs, validation} = this.#request;
    let count = 1;
    while (epoch + count < epochs && count < mostEpochs && !validation?.after(epoch + count - 1)) count++;
    return count;
  }

  #train(batches: BatchRun): RunOutcome | Promise<RunOutcome> {
    const {runner, run} = this.#runners.for(batches);
    this.#of = {rows: run.batch, short: run.short};
    return runner.run(run, this.#steps);
  }

  /** Adds the results of steps to the means of their epochs, and ends those that others follow. */
  #add(results: Readonly<Record<string, TypedArray>>, steps: number, done: number): void {
    const at = this.#position;
    const {batches} = this.#request.source;
    const of = this.#of;
    if (done > 0) this.#lastRows = rowsOfStep(of, done - 1);
    let first = 0;
    for (;;) {
      const end = Math.min(done, first + batches - at.batch);
      this.#means.addSteps(results, {steps, first, end, of});
      at.batch += end - first;
      if (end > first) this.#engine.epochs = at.before + at.epoch + 1;
      first = end;
      // The epoch in which the run has ended goes on, or is ended where all is known that happened in it.
      if (at.batch < batches || first === steps) return;
      this.#endUnseen(at);
    }
  }

  /** The end of an epoch that nobody looks at, between two steps of a native call. */
  #endUnseen(at: Position): void {
    this.#logs = this.#means.logs();
    addToHistory(this.#history, at.epoch, this.#logs);
    this.#means.reset();
    at.epoch++;
    at.batch = 0;
    this.#context.epoch = at.epoch;
  }

  #noteCriterion({guard}: RunOutcome): void {
    if (!guard) return;
    this.#context.stoppedBy = guard.scope;
    this.#model.stopTraining = true;
  }

  #batchEnd(batch: number, size: number): Promise<void> {
    return this.#callbacks.batchEnd(batch, {batch, size, ...this.#means.logs()});
  }
}

/** After which epochs of a training there is a validation. */
function validatedEpochs({validation, initialEpoch, epochs}: FitRequest): 'all' | 'some' | 'none' {
  if (!validation) return 'none';
  // As many as decide it: frequencies repeat, and lists are short.
  let [some, all] = [epochs <= initialEpoch, true];
  for (let epoch = initialEpoch; epoch < epochs && (!some || all); epoch++) {
    if (validation.after(epoch)) some = true;
    else all = false;
  }
  return some ? (all ? 'all' : 'some') : 'none';
}

function setupOf({seed, batchSize, source: {batches, rows}}: FitRequest): TrainingSetup {
  return {seed, batchSize, batches, rows};
}

function callbacksOf({callbacks, verbose}: FitRequest) {
  if (verbose === 0) return callbacks;
  const own = progress(verbose === 2 ? {bar: false} : {});
  return [own, ...(callbacks === undefined ? [] : Array.isArray(callbacks) ? callbacks : [callbacks])];
}

/** See `Model.fit`. */
export async function fitModel(
  model: BaseModel,
  engine: Engine,
  data: FitData,
  options: FitOptions = {},
): Promise<History> {
  engine.compilation('fit');
  return engine.write('fit', () => {
    const request = toFitRequest(engine, data, options);
    return new Fit(engine, model, request).run();
  });
}
