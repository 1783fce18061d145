// The options of `fit`, checked before anything runs.
import {checkNumber, checkOptions, fail} from '../../core/errors.ts';
import type {DataInput} from '../../data/arrays.ts';
import {bindSamples, type Samples} from '../feed/samples.ts';
import type {CallbackLike} from '../callbacks/callback.ts';
import {type Batches, DatasetSource, isBatches} from '../feed/dataset-source.ts';
import type {Engine} from '../run/engine.ts';
import {evaluateBatches, evaluateRows} from '../actions/evaluate.ts';
import type {Logs} from '../run/logs.ts';
import type {PortData} from '../network/ports.ts';
import type {Weighting} from '../feed/sample-weights.ts';
import {ArraySource, type BatchSource} from '../feed/batch-source.ts';

export interface FitOptions extends Weighting {
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
  /**
   * Batches of each epoch. Where they are not the whole data, the next epoch goes on with the rows that
   * follow, and a new random order begins where all rows have been read. All rows by default.
   */
  readonly stepsPerEpoch?: number;
  /**
   * x and y, and if need be weights of samples, or a data set of batches; evaluated after epochs, as
   * `val_loss` and so on.
   */
  readonly validationData?: readonly [PortData, PortData, DataInput?] | Batches;
  /** Share of the rows, taken from the end, that is kept for validation. */
  readonly validationSplit?: number;
  /** Validate after every so many epochs, or after those named (the first is 1). 1 by default. */
  readonly validationFreq?: number | readonly number[];
  /** Batches to validate on, from the first row; all rows by default. */
  readonly validationSteps?: number;
  /** Rows of such a batch; `batchSize` by default. Without `validationSteps` it changes nothing. */
  readonly validationBatchSize?: number;
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
export type FitBatchesOptions = Omit<FitOptions, (typeof ofArrays)[number]>;

const ofArrays = ['batchSize', 'shuffle', 'validationSplit', 'validationBatchSize', 'sampleWeight'] as const;

/** x and y, or batches. */
export type FitData = readonly [x: PortData, y: PortData] | Batches;

export interface Validation {
  /** Whether it follows on an epoch. */
  after(epoch: number): boolean;
  evaluate(cancel: Int32Array): Promise<Logs>;
}

export interface FitRequest {
  readonly source: BatchSource;
  readonly epochs: number;
  readonly batchSize: number;
  readonly initialEpoch: number;
  readonly seed: number;
  readonly validation: Validation | undefined;
  readonly callbacks: FitOptions['callbacks'];
  readonly signal: AbortSignal | undefined;
  readonly verbose: 0 | 1 | 2;
}

interface Held {
  readonly samples: Samples;
  readonly first: number;
  readonly count: number;
}

/** The rows to validate on, all of them. */
function heldOut(
  engine: Engine,
  samples: Samples | undefined,
  {validationData, validationSplit}: FitOptions,
): Held | Batches | undefined {
  if (validationData !== undefined) {
    if (isBatches(validationData)) return validationData;
    if (!Array.isArray(validationData) || validationData.length < 2 || validationData.length > 3) {
      fail(
        'ERR_OPTION',
        'fit: validationData: expected [x, y], [x, y, sampleWeight] or a data set of batches.',
      );
    }
    const [x, y, sampleWeight] = validationData as readonly [PortData, PortData, DataInput?];
    const bound = bindSamples(engine, 'fit: validationData', x, y, {sampleWeight});
    return {samples: bound, first: 0, count: bound.count};
  }
  if (!samples || validationSplit === undefined || validationSplit === 0) return undefined;
  checkNumber('fit: validationSplit', validationSplit, {min: 0, below: 1});
  const all = samples.count;
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

function checkFreq(freq: FitOptions['validationFreq'] = 1): Validation['after'] {
  if (Array.isArray(freq)) {
    for (const epoch of freq) checkNumber('fit: validationFreq', epoch, {integer: true, min: 1});
    return epoch => freq.includes(epoch + 1);
  }
  checkNumber('fit: validationFreq', freq, {integer: true, min: 1});
  return epoch => (epoch + 1) % freq === 0;
}

function validationOf(
  engine: Engine,
  held: Held | Batches | undefined,
  options: FitOptions,
): Validation | undefined {
  const {batchSize, signal, validationSteps, validationBatchSize = batchSize ?? 32} = options;
  const after = checkFreq(options.validationFreq);
  checkNumber('fit: validationBatchSize', validationBatchSize, {integer: true, min: 1});
  if (validationSteps !== undefined)
    checkNumber('fit: validationSteps', validationSteps, {integer: true, min: 1});
  const given = ['validationFreq', 'validationSteps', 'validationBatchSize'] as const;
  const idle = given.find(name => options[name] !== undefined);
  if (!held) {
    if (idle) fail('ERR_OPTION', `fit: ${idle}: there is no validationData and no validationSplit.`);
    return undefined;
  }
  const request = {where: 'fit: validation', prefix: 'val_'};
  if (isBatches(held)) {
    return {
      after,
      evaluate: cancel =>
        evaluateBatches(engine, {...request, batches: held, cancel, signal, most: validationSteps}),
    };
  }
  const count = Math.min(held.count, (validationSteps ?? held.count) * validationBatchSize);
  return {after, evaluate: cancel => evaluateRows(engine, {...request, ...held, count, cancel})};
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

interface Read {
  readonly source: BatchSource;
  readonly batchSize: number;
  readonly held: Held | Batches | undefined;
}

function readArrays(engine: Engine, x: PortData, y: PortData, options: FitOptions): Read {
  const {batchSize = 32, seed = engine.seed, stepsPerEpoch, sampleWeight, classWeight} = options;
  const {shuffle = true} = options;
  const samples = bindSamples(engine, 'fit', x, y, {sampleWeight, classWeight});
  const held = heldOut(engine, samples, options);
  const count = held && !isBatches(held) && held.samples === samples ? held.first : samples.count;
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
  checkTrainable(engine, 'fit');
  return {
    source,
    epochs,
    batchSize,
    initialEpoch,
    seed,
    validation: validationOf(engine, held, options),
    callbacks: options.callbacks,
    signal: options.signal,
    verbose: options.verbose ?? 0,
  };
}
