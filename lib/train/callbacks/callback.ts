// What a callback is, and what it may know of the training that calls it.
import type {ChainruleError} from '../../core/errors.ts';
import type {Json} from '../../core/named.ts';
import type {FileTensor} from '../../io/safetensors.ts';
import type {BaseModel} from '../actions/base-model.ts';
import type {BatchRun} from '../feed/batch-source.ts';
import type {Engine} from '../run/engine.ts';
import type {Logs} from '../run/logs.ts';
import type {Criterion} from '../step/criterion.ts';
import type {KnownLogs} from './known-logs.ts';

/** What a callback may want to know of the training that calls it. */
export interface CallbackContext<Trained extends BaseModel = BaseModel> {
  readonly model: Trained;
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

/** A point of a training from which `fit` goes on to the same bits. */
export interface Checkpoint {
  /** Steps of the optimizer done. */
  readonly step: number;
  readonly state: Json;
  readonly tensors: readonly FileTensor[];
  /** Where it was read from, for errors. */
  readonly file?: string;
}

/** What a callback remembers, in a checkpoint. */
export interface CallbackState {
  readonly values: Json;
  readonly arrays?: Readonly<Record<string, Float32Array>>;
}

/** Looks at one step in `every`, whose native call then is of one step. */
export interface Probe {
  readonly every: number;
  before(engine: Engine, run: BatchRun, seed: number): Promise<void>;
  after(engine: Engine, epoch: number, step: number): void;
}

type Done = void | Promise<void>;

/**
 * Any of these functions, called in order and awaited. `logs` holds means over the epoch so far. Weights may
 * be read and written in it, the learning rate assigned, and `model.stopTraining` set.
 */
export interface Callback<Trained extends BaseModel = BaseModel> {
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
  /**
   * Names that its `onEpochEnd` adds to the logs. Where all callbacks say that, a name that nothing gives is
   * an error before the first step.
   */
  readonly adds?: readonly string[];
  /** Asked before the training which numbers it will find. @internal */
  checkLogs?(known: KnownLogs): void;
  /** Looks at steps from within. @internal */
  readonly probe?: Probe;
  /** What it remembers from one call to the next, for checkpoints: with `setState` it goes on from there. */
  getState?(): CallbackState;
  /** Called after `onTrainBegin` in a training that is continued. */
  setState?(state: CallbackState, context: CallbackContext<Trained>): Done;
  /** A checkpoint to continue from, asked for after `onTrainBegin`; the first that there is decides. */
  resume?(context: CallbackContext<Trained>): Promise<Checkpoint | undefined>;
  /**
   * Called when a loss, a gradient or data are not finite, before the training ends with that error; with
   * `true` the training ends in good order instead, as by `stopTraining`.
   */
  onNotFinite?(error: ChainruleError, context: CallbackContext<Trained>): boolean | Promise<boolean>;
  onTrainBegin?(logs: Logs, context: CallbackContext<Trained>): Done;
  /** Called however the training ends. */
  onTrainEnd?(logs: Logs, context: CallbackContext<Trained>): Done;
  onEpochBegin?(epoch: number, logs: Logs, context: CallbackContext<Trained>): Done;
  onEpochEnd?(epoch: number, logs: Logs, context: CallbackContext<Trained>): Done;
  onBatchBegin?(batch: number, logs: Logs, context: CallbackContext<Trained>): Done;
  onBatchEnd?(batch: number, logs: Logs, context: CallbackContext<Trained>): Done;
}

/** The name of one that needs no options. */
type CallbackName = 'progress' | 'earlyStopping' | 'reduceLROnPlateau' | 'terminateOnNaN';

export type CallbackLike<Trained extends BaseModel = BaseModel> = Callback<Trained> | CallbackName;

export const callbackHooks = [
  'onTrainBegin',
  'onTrainEnd',
  'onEpochBegin',
  'onEpochEnd',
  'onBatchBegin',
  'onBatchEnd',
  'onNotFinite',
] as const;
