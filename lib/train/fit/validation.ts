// What a training is validated on, after which epochs, and how.
import {checkNumber, fail} from '../../core/errors.ts';
import {evaluateBatches, rowsEvaluation} from '../actions/evaluate.ts';
import {type Batches, isBatches} from '../feed/batches.ts';
import type {Weighting} from '../feed/sample-weights.ts';
import {bindSamples, type Samples} from '../feed/samples.ts';
import type {PortData} from '../network/ports.ts';
import type {Engine} from '../run/engine.ts';
import type {Logs} from '../run/logs.ts';

export interface ValidationOptions {
  /**
   * x and y, and if need be weights of samples, or a data set of batches; evaluated after epochs, as
   * `val_loss` and so on.
   */
  readonly validationData?: readonly [PortData, PortData, Weighting['sampleWeight']?] | Batches;
  /** Share of the rows, taken from the end, that is kept for validation. */
  readonly validationSplit?: number;
  /** Validate after every so many epochs, or after those named (the first is 1). 1 by default. */
  readonly validationFreq?: number | readonly number[];
  /** Batches to validate on, from the first row; all rows by default. */
  readonly validationSteps?: number;
  /** Rows of such a batch; `batchSize` by default. Without `validationSteps` it changes nothing. */
  readonly validationBatchSize?: number;
}

export interface Validation {
  /** Whether it follows on an epoch. */
  after(epoch: number): boolean;
  evaluate(cancel: Int32Array): Promise<Logs>;
}

export interface Held {
  readonly samples: Samples;
  readonly first: number;
  readonly count: number;
}

/** The rows to validate on, all of them. */
export function heldOut(
  engine: Engine,
  samples: Samples | undefined,
  {validationData, validationSplit}: ValidationOptions,
): Held | Batches | undefined {
  if (validationData !== undefined) {
    if (isBatches(validationData)) return validationData;
    if (!Array.isArray(validationData) || validationData.length < 2 || validationData.length > 3) {
      fail(
        'ERR_OPTION',
        'fit: validationData: expected [x, y], [x, y, sampleWeight] or a data set of batches.',
      );
    }
    const [x, y, sampleWeight] = validationData as readonly [PortData, PortData, Weighting['sampleWeight']?];
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

function checkFreq(freq: ValidationOptions['validationFreq'] = 1): Validation['after'] {
  if (Array.isArray(freq)) {
    for (const epoch of freq) checkNumber('fit: validationFreq', epoch, {integer: true, min: 1});
    return epoch => freq.includes(epoch + 1);
  }
  checkNumber('fit: validationFreq', freq, {integer: true, min: 1});
  return epoch => (epoch + 1) % freq === 0;
}

export function validationOf(
  engine: Engine,
  held: Held | Batches | undefined,
  options: ValidationOptions & {readonly batchSize?: number; readonly signal?: AbortSignal},
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
  return {after, evaluate: rowsEvaluation(engine, {...request, ...held, count})};
}
