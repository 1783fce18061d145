// The options of `fit`, checked before anything runs.

import {checkNumber, checkOptions, fail} from '../../core/errors.ts';
import {isAbortSignal, show} from '../../core/kinds.ts';
import type {BaseModel} from '../actions/base-model.ts';
import type {CallbackLike} from '../callbacks/callback.ts';
import {ArraySource, type BatchSource} from '../feed/batch-source.ts';
import {type Batches, isBatches} from '../feed/batches.ts';
import {DatasetSource} from '../feed/dataset-source.ts';
import type {Weighting} from '../feed/sample-weights.ts';
import {bindSamples} from '../feed/samples.ts';
import type {PortData} from '../network/ports.ts';
import {checkWhole} from '../run/buckets.ts';
import type {Engine} from '../run/engine.ts';
import {type Held, heldOut, type Validation, type ValidationOptions, validationOf} from './validation.ts';

export interface FitOptions<Trained extends BaseModel = BaseModel> extends Weighting, ValidationOptions {
  /**
   * Number of the epoch to end before, counted from 0; with `initialEpoch` 0, how many to train. 1 by
   * default.
   */
  readonly epochs?: number;
  /**
   * Rows of each step; the last step of an epoch takes the rest. 32 by default, or what the model's inputs
   * say.
   */
  readonly batchSize?: number;
  /**
   * Number of the first epoch, 0 by default. Given, it also says which order of rows comes first: that of
   * this epoch of one long training. Left out, the order goes on where the last call ended.
   */
  readonly initialEpoch?: number;
  /**
   * Decides the order of rows and random layers; the model's seed by default, which is fixed: the same
   * program trains to the same bits. Restarts that are to differ need a seed each, here and in the model.
   */
  readonly seed?: number;
  /**
   * Read rows in a new random order each epoch, by the seed and the number of epochs since `compile`: calls
   * of one epoch each, in a loop, read the rows as one call of all epochs does. True by default; a stateful
   * model needs false.
   */
  readonly shuffle?: boolean;
  /**
   * Batches of each epoch. Where they are not the whole data, the next epoch goes on with the rows that
   * follow, and a new random order begins where all rows have been read. All rows by default.
   */
  readonly stepsPerEpoch?: number;
  readonly callbacks?: CallbackLike<Trained> | readonly CallbackLike<Trained>[];
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
  'validationFreq',
  'validationSteps',
  'validationBatchSize',
  'stepsPerEpoch',
  'sampleWeight',
  'classWeight',
  'callbacks',
  'signal',
  'verbose',
];

/** `fit`'s options for a data set, which says itself how its batches are made. */
export type FitBatchesOptions<Trained extends BaseModel = BaseModel> = Omit<
  FitOptions<Trained>,
  (typeof ofArrays)[number]
>;

const ofArrays = ['batchSize', 'shuffle', 'validationSplit', 'validationBatchSize', 'sampleWeight'] as const;

/** x and y, or batches. */
export type FitData = readonly [x: PortData, y: PortData] | Batches;

export interface FitRequest {
  readonly source: BatchSource;
  readonly epochs: number;
  readonly batchSize: number;
  readonly initialEpoch: number;
  /** Epochs of earlier calls, after which the order of rows goes on; 0 where `initialEpoch` was given. */
  readonly before: number;
  readonly seed: number;
  readonly validation: Validation | undefined;
  readonly callbacks: FitOptions['callbacks'];
  readonly signal: AbortSignal | undefined;
  readonly verbose: 0 | 1 | 2;
}

function checkRest({shuffle, signal, verbose}: FitOptions): void {
  if (shuffle !== undefined && typeof shuffle !== 'boolean') {
    fail('ERR_OPTION', `fit: shuffle: expected true or false. Received ${show(shuffle)}.`);
  }
  if (signal !== undefined && !isAbortSignal(signal)) {
    const own = (signal as {signal?: unknown} | null)?.signal;
    const hint = isAbortSignal(own) ? ' It is the `signal` of an AbortController.' : '';
    fail('ERR_OPTION', `fit: signal: expected an AbortSignal. Received ${show(signal)}.${hint}`);
  }
  if (verbose !== undefined && ![0, 1, 2].includes(verbose)) {
    fail('ERR_OPTION', `fit: verbose: expected 0, 1 or 2. Received ${show(verbose)}.`);
  }
}

interface Read {
  readonly source: BatchSource;
  readonly batchSize: number;
  readonly held: Held | Batches | undefined;
}

function readArrays(engine: Engine, x: PortData, y: PortData, options: FitOptions): Read {
  const {seed = engine.seed, stepsPerEpoch, sampleWeight, classWeight} = options;
  const {network} = engine;
  const {batchSize = network.batchSize ?? 32, shuffle = true} = options;
  if (network.batchSize !== undefined && batchSize !== network.batchSize) {
    const own = `the inputs of the model say batches of ${network.batchSize}`;
    fail('ERR_OPTION', `fit: batchSize: ${own}. Received ${batchSize}.`);
  }
  if (network.isStateful && shuffle) {
    const why = 'row i of a batch goes on where row i of the batch before ended';
    fail('ERR_OPTION', `fit: shuffle: a stateful model reads its rows in order, for ${why}: shuffle: false.`);
  }
  const samples = bindSamples(engine, 'fit', x, y, {sampleWeight, classWeight});
  const held = heldOut(engine, samples, options);
  const count = held && !isBatches(held) && held.samples === samples ? held.first : samples.count;
  checkWhole('fit', network.batchSize, count);
  if (held && !isBatches(held)) checkWhole('fit: validation', network.batchSize, held.count);
  const source = new ArraySource(samples, {count, batchSize, seed, shuffle, stepsPerEpoch});
  return {source, batchSize, held};
}

function readBatches(engine: Engine, batches: Batches, options: FitOptions): Read {
  const strange = ofArrays.find(name => options[name] !== undefined);
  if (strange) {
    fail('ERR_OPTION', `fit: ${strange}: is for arrays; a data set says that itself: dataset.batch(32).`);
  }
  const {stepsPerEpoch, classWeight, signal} = options;
  const source = new DatasetSource(engine, batches, {where: 'fit', stepsPerEpoch, classWeight, signal});
  return {source, batchSize: source.batchSize, held: heldOut(engine, undefined, options)};
}

/** @throws ERR_OPTION, ERR_SHAPE, ERR_DTYPE or ERR_DETACHED */
export function toFitRequest(engine: Engine, data: FitData, options: FitOptions): FitRequest {
  checkOptions('fit', options, known);
  const {epochs = 1, initialEpoch = 0, seed = engine.seed, stepsPerEpoch} = options;
  checkNumber('fit: epochs', epochs, {integer: true, min: 0});
  checkNumber('fit: batchSize', options.batchSize ?? 32, {integer: true, min: 1, max: 2 ** 31 - 1});
  checkNumber('fit: initialEpoch', initialEpoch, {integer: true, min: 0});
  checkNumber('fit: seed', seed, {integer: true});
  if (stepsPerEpoch !== undefined)
    checkNumber('fit: stepsPerEpoch', stepsPerEpoch, {integer: true, min: 1, max: 2 ** 31 - 1});
  checkRest(options);
  const {source, batchSize, held} = isBatches(data)
    ? readBatches(engine, data, options)
    : readArrays(engine, data[0], data[1], options);
  engine.checkTrainable('fit');
  return {
    source,
    epochs,
    batchSize,
    initialEpoch,
    before: options.initialEpoch === undefined ? engine.epochs : 0,
    seed,
    validation: validationOf(engine, held, options),
    callbacks: options.callbacks,
    signal: options.signal,
    verbose: options.verbose ?? 0,
  };
}
