// What a callback is, and the list of them that a training calls.
import {checkNumber, fail, nearest} from '../core/errors.ts';
import {resolve} from '../core/named.ts';
import * as callbacks from './callbacks.ts';
import type {Logs} from './logs.ts';
import type {Sequential} from './model.ts';

/** What a callback may want to know of the training that calls it. */
export interface CallbackContext {
  readonly model: Sequential;
  readonly epochs: number;
  readonly initialEpoch: number;
  readonly batchSize: number;
  /** Batches of an epoch, and rows that are trained on. */
  readonly batches: number;
  readonly samples: number;
  /** Whether there is something to validate on, if not after every epoch. */
  readonly validates: boolean;
  /** In `onTrainEnd`: what ended the training early, if something did. */
  readonly error: unknown;
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
  onTrainBegin?(logs: Logs, context: CallbackContext): Done;
  /** Called however the training ends. */
  onTrainEnd?(logs: Logs, context: CallbackContext): Done;
  onEpochBegin?(epoch: number, logs: Logs, context: CallbackContext): Done;
  onEpochEnd?(epoch: number, logs: Logs, context: CallbackContext): Done;
  onBatchBegin?(batch: number, logs: Logs, context: CallbackContext): Done;
  onBatchEnd?(batch: number, logs: Logs, context: CallbackContext): Done;
}

export type CallbackLike = Callback | 'progress' | 'earlyStopping';

export const callbackHooks = [
  'onTrainBegin',
  'onTrainEnd',
  'onEpochBegin',
  'onEpochEnd',
  'onBatchBegin',
  'onBatchEnd',
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
  /** Those that want to be told of batches. */
  readonly #ofBatches: readonly Callback[];

  /** `around` is told of each call, so that weights may be written in it. */
  constructor(
    given: Callback | string | readonly (Callback | string)[] | undefined,
    context: CallbackContext,
    around: (call: () => Promise<void>) => Promise<void>,
  ) {
    const list = given === undefined ? [] : Array.isArray(given) ? given : [given];
    this.#all = list.map(toCallback);
    this.#ofBatches = this.#all.filter(callback => callback.onBatchBegin || callback.onBatchEnd);
    this.#context = context;
    this.#around = around;
  }

  get watchBatches(): boolean {
    return this.#ofBatches.length > 0;
  }

  /** How many batches may run in one call from `batch` on. */
  batchesUntilCall(batch: number): number {
    return Math.min(...this.#ofBatches.map(stepOf).map(every => every - (batch % every || 0)));
  }

  async #each(list: readonly Callback[], call: (callback: Callback) => Done): Promise<void> {
    if (list.length === 0) return;
    await this.#around(async () => {
      for (const callback of list) await call(callback);
    });
  }

  train(hook: 'onTrainBegin' | 'onTrainEnd', logs: Logs): Promise<void> {
    return this.#each(this.#all, callback => callback[hook]?.(logs, this.#context));
  }

  epoch(hook: 'onEpochBegin' | 'onEpochEnd', epoch: number, logs: Logs): Promise<void> {
    return this.#each(this.#all, callback => callback[hook]?.(epoch, logs, this.#context));
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
