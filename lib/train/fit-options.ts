// The options of `fit`, checked before anything runs.
import {checkNumber, checkOptions, fail} from '../core/errors.ts';
import type {DataInput} from '../data/arrays.ts';
import {bindSamples, type Samples} from './batches.ts';
import type {CallbackLike} from './callback.ts';
import type {Engine} from './engine.ts';

export interface FitOptions {
  /**
   * Number of the epoch to end before, counted from 0; with `initialEpoch` 0, how many to train. 1 by
   * default.
   */
  readonly epochs?: number;
  /** Rows of each step; the last step of an epoch takes the rest. 32 by default. */
  readonly batchSize?: number;
  /** Number of the first epoch, 0 by default: the order of rows depends on an epoch's number. */
  readonly initialEpoch?: number;
  /** Decides the order of rows and random layers; the model's seed by default. */
  readonly seed?: number;
  /** Read rows in a new random order each epoch. True by default. */
  readonly shuffle?: boolean;
  /** Evaluated after each epoch, as `val_loss` and so on. */
  readonly validationData?: readonly [DataInput, DataInput];
  /** Share of the rows, taken from the end, that is kept for validation. */
  readonly validationSplit?: number;
  readonly callbacks?: CallbackLike | readonly CallbackLike[];
  /** Stops the training after the current batch; the promise is then rejected with ERR_ABORTED. */
  readonly signal?: AbortSignal;
  /** 0, the default: silent. 1: a progress bar. 2: a line per epoch. */
  readonly verbose?: 0 | 1 | 2;
}

const known = [
  'epochs',
  'batchSize',
  'initialEpoch',
  'seed',
  'shuffle',
  'validationData',
  'validationSplit',
  'callbacks',
  'signal',
  'verbose',
];

export interface Validation {
  readonly samples: Samples;
  readonly first: number;
  readonly count: number;
}

export interface FitRequest {
  readonly samples: Samples;
  /** The first rows, which are trained on. */
  readonly count: number;
  readonly epochs: number;
  readonly batchSize: number;
  readonly initialEpoch: number;
  readonly seed: number;
  readonly shuffle: boolean;
  readonly validation: Validation | undefined;
  readonly callbacks: FitOptions['callbacks'];
  readonly signal: AbortSignal | undefined;
  readonly verbose: 0 | 1 | 2;
}

function validationOf(
  engine: Engine,
  samples: Samples,
  {validationData, validationSplit}: FitOptions,
): Validation | undefined {
  if (validationData !== undefined) {
    if (!Array.isArray(validationData) || validationData.length !== 2) {
      fail('ERR_OPTION', 'fit: validationData: expected [x, y].');
    }
    const [x, y] = validationData as readonly [DataInput, DataInput];
    const bound = bindSamples(engine, 'fit: validationData', x, y);
    return {samples: bound, first: 0, count: bound.x.count};
  }
  if (validationSplit === undefined || validationSplit === 0) return undefined;
  checkNumber('fit: validationSplit', validationSplit, {min: 0, below: 1});
  const all = samples.x.count;
  // 10 * (1 - 0.9) is a little less than 1.
  const first = Math.floor(all * (1 - validationSplit) + 1e-6);
  if (first === 0 || first === all) {
    fail(
      'ERR_OPTION',
      `fit: validationSplit: ${validationSplit} of ${all} rows leaves one of the parts empty.`,
    );
  }
  return {samples, first, count: all - first};
}

function checkRest({shuffle, signal, verbose}: FitOptions): void {
  if (shuffle !== undefined && typeof shuffle !== 'boolean') {
    fail('ERR_OPTION', `fit: shuffle: expected true or false. Received ${String(shuffle)}.`);
  }
  if (signal !== undefined && typeof signal?.addEventListener !== 'function') {
    fail('ERR_OPTION', 'fit: signal: expected an AbortSignal.');
  }
  if (verbose !== undefined && ![0, 1, 2].includes(verbose)) {
    fail('ERR_OPTION', `fit: verbose: expected 0, 1 or 2. Received ${String(verbose)}.`);
  }
}

export function checkTrainable({network}: Engine, where: string): void {
  if (network.trainable.length === 0) fail('ERR_GRAPH', `${where}: the model has no weights to train.`);
}

/** @throws ERR_OPTION, ERR_SHAPE, ERR_DTYPE or ERR_DETACHED */
export function toFitRequest(engine: Engine, x: DataInput, y: DataInput, options: FitOptions): FitRequest {
  checkOptions('fit', options, known);
  const {epochs = 1, batchSize = 32, initialEpoch = 0, seed = engine.seed} = options;
  checkNumber('fit: epochs', epochs, {integer: true, min: 0});
  checkNumber('fit: batchSize', batchSize, {integer: true, min: 1, max: 2 ** 31 - 1});
  checkNumber('fit: initialEpoch', initialEpoch, {integer: true, min: 0});
  checkNumber('fit: seed', seed, {integer: true});
  checkRest(options);
  const samples = bindSamples(engine, 'fit', x, y);
  checkTrainable(engine, 'fit');
  const validation = validationOf(engine, samples, options);
  return {
    samples,
    count: options.validationData === undefined ? (validation?.first ?? samples.x.count) : samples.x.count,
    epochs,
    batchSize,
    initialEpoch,
    seed,
    shuffle: options.shuffle ?? true,
    validation,
    callbacks: options.callbacks,
    signal: options.signal,
    verbose: options.verbose ?? 0,
  };
}
