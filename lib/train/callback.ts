// What a callback is, and the list of them that a training calls.
import {type ChainruleError, checkNumber, fail, nearest} from '../core/errors.ts';
import type {Json} from '../core/named.ts';
import {resolve} from '../core/resolve.ts';
import * as callbacks from './callbacks.ts';
import type {Checkpoint} from './checkpoint.ts';
import type {Criterion} from './criterion.ts';
import type {Engine} from './engine.ts';
import type {Logs} from './logs.ts';
import type {Sequential} from './model.ts';
import type {Stretch} from './source.ts';

/** What a callback may want to know of the training that calls it. */
export interface CallbackContext {
  readonly model: Sequential;
  readonly epochs: number;
  readonly initialEpoch: number;
  /** The one under way, or the last. */
  readonly epoch: number;
  /** 0 where a data set does not tell. */
  readonly batchSize: number;
  /** Batches of an epoch, and rows that are trained on; infinite where a data set does not tell. */
  readonly batches: number;
  readonly samples: number;
  /** Whether there is something to validate on, if not after every epoch. */
  readonly validates: boolean;
  /** The name of the criterion that ended the training, once one has. */
  readonly stoppedBy: string | undefined;
  /** In `onTrainEnd`: what ended the training early, if something did. */
  readonly error: unknown;
  /**
   * Everything from which `fit` goes on to the same bits, as of now. For callbacks with `resume` alone: they
   * are called after all others, when what those remember is of the same batch.
   */
  checkpoint(): Checkpoint;
}

/** What a callback remembers, in a checkpoint. */
export interface CallbackState {
  readonly values: Json;
  readonly arrays?: Readonly<Record<string, Float32Array>>;
}

/** Looks at one step in `every`, whose native call then is of one step. */
export interface Probe {
  readonly every: number;
  before(engine: Engine, stretch: Stretch, seed: number): Promise<void>;
  after(engine: Engine, epoch: number, step: number): void;
}

type Done = void | Promise<void>;

/**
 * Any of these functions, called in order and awaited. `logs` holds means over the epoch so far. Weights may
 * be read and written in it, the learning rate assigned, and `model.stopTraining` set.
 */
export interface Callback {
  /**
   * How often the functions for batches are called: after every so many batches (1 by default), which ends a
   * native call there; or `call`, whenever a native call has ended, some 30 times a second.
   */
  readonly every?: number | 'call';
  /**
   * For `every: 'call'`: after how many batches at most a native call must end, when `iterations` steps have
   * been done since `compile`.
   */
  batchesUntilCall?(iterations: number): number;
  /** Ends the training before the commit of the step where it holds, exactly: part of the plan. */
  readonly criterion?: Criterion;
  /** Looks at steps from within. @internal */
  readonly probe?: Probe;
  /** What it remembers from one call to the next, for checkpoints: with `setState` it goes on from there. */
  getState?(): CallbackState;
  /** Called after `onTrainBegin` in a training that is continued. */
  setState?(state: CallbackState, context: CallbackContext): Done;
  /** A checkpoint to continue from, asked for after `onTrainBegin`; the first that there is decides. */
  resume?(context: CallbackContext): Promise<Checkpoint | undefined>;
  /**
   * Called when a loss, a gradient or data are not finite, before the training ends with that error; with
   * `true` the training ends in good order instead, as by `stopTraining`.
   */
  onNotFinite?(error: ChainruleError, context: CallbackContext): boolean | Promise<boolean>;
  onTrainBegin?(logs: Logs, context: CallbackContext): Done;
  /** Called however the training ends. */
  onTrainEnd?(logs: Logs, context: CallbackContext): Done;
  onEpochBegin?(epoch: number, logs: Logs, context: CallbackContext): Done;
  onEpochEnd?(epoch: number, logs: Logs, context: CallbackContext): Done;
  onBatchBegin?(batch: number, logs: Logs, context: CallbackContext): Done;
  onBatchEnd?(batch: number, logs: Logs, context: CallbackContext): Done;
}

/** The name of one that needs no options. */
type CallbackName = 'progress' | 'earlyStopping' | 'reduceLROnPlateau' | 'terminateOnNaN';

export type CallbackLike = Callback | CallbackName;

export const callbackHooks = [
  'onTrainBegin',
  'onTrainEnd',
  'onEpochBegin',
  'onEpochEnd',
  'onBatchBegin',
  'onBatchEnd',
  'onNotFinite',
] as const;

/** A misspelled function would never be called. What else a callback has is its own affair. */
function checkHooks(callback: object): void {
  for (const [key, value] of Object.entries(callback)) {
    const known = (callbackHooks as readonly string[]).includes(key);
    if (known || !/^on[A-Z]/.test(key) || typeof value !== 'function') continue;
    const near = nearest(key, callbackHooks);
    const hint = near === undefined ? '' : ` Did you mean ${JSON.stringify(near)}?`;
    const all = callbackHooks.join(', ');
    fail('ERR_OPTION', `fit: callbacks: unknown function ${JSON.stringify(key)}.${hint} Known: ${all}.`);
  }
}

function toCallback(value: unknown): Callback {
  if (typeof value === 'string') return resolve('callback', callbacks, value) as unknown as Callback;
  const known = typeof value === 'object' && value !== null;
  if (!known || !callbackHooks.some(hook => typeof (value as Callback)[hook] === 'function')) {
    fail(
      'ERR_OPTION',
      `fit: callbacks: expected objects with functions such as onEpochEnd. Received ${value}.`,
    );
  }
  checkHooks(value);
  const {every = 1} = value as Callback;
  if (every !== 'call') checkNumber('fit: callbacks: every', every, {integer: true, min: 1});
  return value as Callback;
}

const stepOf = ({every = 1}: Callback): number => (every === 'call' ? Number.POSITIVE_INFINITY : every);

export class CallbackList {
  readonly #all: readonly Callback[];
  readonly #context: CallbackContext;
  readonly #around: (call: () => Promise<void>) => Promise<void>;
  #settled = false;
  /** Those that want to be told of batches. */
  readonly #ofBatches: readonly Callback[];

  /** `around` is told of each call, so that weights may be written in it. */
  constructor(
    given: Callback | string | readonly (Callback | string)[] | undefined,
    context: CallbackContext,
    around: (call: () => Promise<void>) => Promise<void>,
  ) {
    const list = given === undefined ? [] : Array.isArray(given) ? given : [given];
    const all = list.map(toCallback);
    // A checkpoint holds what all others remember of the same batch.
    this.#all = [...all.filter(({resume}) => !resume), ...all.filter(({resume}) => resume)];
    this.#ofBatches = this.#all.filter(callback => callback.onBatchBegin || callback.onBatchEnd);
    this.#context = context;
    this.#around = around;
  }

  /** Those that look at the step that follows on `iterations` others. */
  probesAt(iterations: number): Probe[] {
    return this.#all.flatMap(({probe}) => (probe && iterations % probe.every === 0 ? probe : []));
  }

  /** After how many batches the next of them is due. */
  batchesUntilProbe(iterations: number): number {
    const left = this.#all.map(({probe}) =>
      probe ? probe.every - (iterations % probe.every) : Number.POSITIVE_INFINITY,
    );
    return Math.min(...left);
  }

  get criteria(): Criterion[] {
    return this.#all.flatMap(({criterion}) => criterion ?? []);
  }

  get watchBatches(): boolean {
    return this.#ofBatches.length > 0;
  }

  /** How many batches may run in one call from `batch` on, when `iterations` steps have been done. */
  batchesUntilCall(batch: number, iterations: number): number {
    const left = this.#ofBatches.map(callback => {
      const every = stepOf(callback);
      const own = every - (batch % every || 0);
      return Math.min(own, callback.batchesUntilCall?.(iterations) ?? own);
    });
    return Math.max(1, Math.min(...left));
  }

  async #each(list: readonly Callback[], call: (callback: Callback) => Done): Promise<void> {
    if (list.length === 0) return;
    await this.#around(async () => {
      for (const callback of list) {
        this.#settled = callback.resume !== undefined;
        await call(callback);
      }
    }).finally(() => {
      this.#settled = false;
    });
  }

  /** Whether the callback under way is called after all that remember something. */
  get settled(): boolean {
    return this.#settled;
  }

  train(hook: 'onTrainBegin' | 'onTrainEnd', logs: Logs): Promise<void> {
    return this.#each(this.#all, callback => callback[hook]?.(logs, this.#context));
  }

  epochBegin(epoch: number): Promise<void> {
    return this.#each(this.#all, callback => callback.onEpochBegin?.(epoch, {}, this.#context));
  }

  /** `finish` is called when all have had their say on the logs, and before those that take checkpoints. */
  async epochEnd(epoch: number, logs: Logs, finish: () => void): Promise<void> {
    const call = (callback: Callback): Done => callback.onEpochEnd?.(epoch, logs, this.#context);
    const takes = ({resume}: Callback): boolean => resume !== undefined;
    await this.#each(
      this.#all.filter(callback => !takes(callback)),
      call,
    );
    finish();
    await this.#each(this.#all.filter(takes), call);
  }

  /** Of those that remember something, in order. */
  states(): CallbackState[] {
    return this.#all.flatMap(callback => callback.getState?.() ?? []);
  }

  /** Gives those that remember something their states, after `apply`. @throws ERR_FILE before it. */
  async restore(states: readonly CallbackState[], apply: () => void): Promise<void> {
    const keepers = this.#all.filter(({getState}) => getState);
    if (states.length !== keepers.length) {
      const made = `it was made with ${states.length} callbacks that remember something`;
      fail('ERR_FILE', `${made}, and there are ${keepers.length} here`);
    }
    apply();
    for (const [index, callback] of keepers.entries()) {
      await callback.setState?.(states[index] as CallbackState, this.#context);
    }
  }

  /** Calls `use` with a checkpoint to continue from, if a callback has one. */
  async resume(use: (checkpoint: Checkpoint) => Promise<void>): Promise<void> {
    for (const callback of this.#all) {
      const checkpoint = await callback.resume?.(this.#context);
      if (checkpoint) return this.#around(() => use(checkpoint));
    }
  }

  /** Whether one of the callbacks lets the training end in good order. */
  async notFinite(error: ChainruleError): Promise<boolean> {
    for (const callback of this.#all) {
      if (await callback.onNotFinite?.(error, this.#context)) return true;
    }
    return false;
  }

  /** Before the native call that begins with `batch`. */
  batchBegin(batch: number): Promise<void> {
    const due = this.#ofBatches.filter(
      callback => callback.every === 'call' || batch % stepOf(callback) === 0,
    );
    return this.#each(due, callback => callback.onBatchBegin?.(batch, {batch}, this.#context));
  }

  /** After the native call that ended with `batch`. */
  batchEnd(batch: number, logs: Logs): Promise<void> {
    const last = batch + 1 === this.#context.batches;
    const due = this.#ofBatches.filter(
      callback => last || callback.every === 'call' || (batch + 1) % stepOf(callback) === 0,
    );
    return this.#each(due, callback => callback.onBatchEnd?.(batch, logs, this.#context));
  }
}
