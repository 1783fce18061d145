// The callbacks of a training, in the order in which they are called.

import {type ChainruleError, checkNumber, fail, nearest} from '../../core/errors.ts';
import {isClass, isObject, memberNames, show} from '../../core/kinds.ts';
import {resolve} from '../../core/resolve.ts';
import type {Logs} from '../run/logs.ts';
import type {Compilation} from '../step/compilation.ts';
import type {Criterion} from '../step/criterion.ts';
import type {KnownLogs} from './callback.ts';
import {
  type Callback,
  type CallbackContext,
  type CallbackState,
  type Checkpoint,
  callbackHooks,
  type Probe,
} from './callback.ts';
import * as callbacks from './index.ts';
import {knownLogs} from './known-logs.ts';

type Done = void | Promise<void>;

const plain = (name: string): string => name.replaceAll('_', '').toLowerCase();

/** Whether a function was meant to be called here: `onEpochEnds`, `on_epoch_end`, `onepochend`. */
const isLikeHook = (name: string): boolean =>
  /^on[A-Z_]/.test(name) || callbackHooks.some(hook => plain(hook) === plain(name));

/** A misspelled function would never be called. What else a callback has is its own affair. */
function checkHooks(callback: object): void {
  const hooks: readonly string[] = callbackHooks;
  for (const key of memberNames(callback)) {
    const value =
      hooks.includes(key) || isLikeHook(key) ? (callback as Record<string, unknown>)[key] : undefined;
    if (value === undefined) continue;
    if (hooks.includes(key) && typeof value !== 'function') {
      fail('ERR_OPTION', `fit: callbacks: ${key}: expected a function. Received ${show(value)}.`);
    }
    if (hooks.includes(key) || typeof value !== 'function') continue;
    const near = nearest(key, callbackHooks);
    const hint = near === undefined ? '' : ` Did you mean ${JSON.stringify(near)}?`;
    const all = callbackHooks.join(', ');
    fail('ERR_OPTION', `fit: callbacks: unknown function ${JSON.stringify(key)}.${hint} Known: ${all}.`);
  }
}

function toCallback(value: unknown): Callback {
  if (typeof value === 'string') return resolve('callback', callbacks, value) as unknown as Callback;
  if (isObject(value)) checkHooks(value);
  if (!isObject(value) || !callbackHooks.some(hook => typeof (value as Callback)[hook] === 'function')) {
    const hint = isClass(value) ? ` new ${value.name}(…) makes one.` : '';
    fail(
      'ERR_OPTION',
      `fit: callbacks: expected objects with functions such as onEpochEnd. Received ${show(value)}.${hint}`,
    );
  }
  const {every = 1} = value as Callback;
  if (every !== 'call') checkNumber('fit: callbacks: every', every, {integer: true, min: 1});
  return value as Callback;
}

const stepOf = ({every = 1}: Callback): number => (every === 'call' ? Number.POSITIVE_INFINITY : every);

export class CallbackList {
  readonly #all: readonly Callback[];
  readonly #context: CallbackContext;
  readonly #around: (call: () => Promise<void>) => Promise<void>;
  #othersDone = false;
  /** Those that want to be told of batches. */
  readonly #ofBatches: readonly Callback[];
  readonly #ofEpochs: readonly Callback[];

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
    this.#ofEpochs = this.#all.filter(callback => callback.onEpochBegin || callback.onEpochEnd);
    this.#context = context;
    this.#around = around;
  }

  /** @throws ERR_OPTION where one of them watches a number that nothing gives. */
  checkLogs(compilation: Compilation, validated: KnownLogs['validated']): void {
    if (!this.#all.some(({checkLogs}) => checkLogs)) return;
    const known = knownLogs({compilation, callbacks: this.#all, validated});
    for (const callback of this.#all) callback.checkLogs?.(known, this.#context.model);
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

  /** Whether any of them looks at the beginnings or ends of epochs. */
  get watchEpochs(): boolean {
    return this.#ofEpochs.length > 0;
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
        this.#othersDone = callback.resume !== undefined;
        await call(callback);
      }
    }).finally(() => {
      this.#othersDone = false;
    });
  }

  /** Whether the callback under way is called after all that remember something. */
  get othersDone(): boolean {
    return this.#othersDone;
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
