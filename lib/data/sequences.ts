// Sequences as tables: of one length by padding, and as windows over a series.
import {checkBoolean, checkChoice, checkNumber, checkOptions, fail, requireOptions} from '../core/errors.ts';
import {isList, show} from '../core/kinds.ts';
import {fitsType} from '../core/numbers.ts';
import {type DataInput, pickRows, type Rows, type ShapedArray, toRows} from './arrays.ts';
import {Dataset} from './dataset.ts';
import {shapeOfTable} from './table.ts';

export interface PadSequencesOptions {
  /** How long all become; by default as long as the longest. */
  readonly maxlen?: number;
  /** Whether padding stands before or behind. `pre` by default, as in Keras. */
  readonly padding?: 'pre' | 'post';
  /** Whether what is too much is left out at the beginning or at the end. `pre` by default, as in Keras. */
  readonly truncating?: 'pre' | 'post';
  /** What padding holds. 0 by default. */
  readonly value?: number;
  /** Of the numbers. `int32` by default. */
  readonly dtype?: 'int32' | 'float32';
}

/**
 * Sequences of numbers, each of any length, as one table [sequences, maxlen].
 *
 * ```ts
 * data.padSequences([[1, 2], [3]], {padding: 'post'}); // {data: Int32Array [1, 2, 3, 0], shape: [2, 2]}
 * ```
 *
 * @throws ERR_SHAPE where there is no sequence; ERR_DTYPE or ERR_VALUE for what is no number or does not
 * fit.
 */
export function padSequences(
  sequences: readonly ArrayLike<number>[],
  options: PadSequencesOptions = {},
): ShapedArray {
  const where = 'data.padSequences';
  checkOptions(where, options, ['maxlen', 'padding', 'truncating', 'value', 'dtype']);
  const {padding = 'pre', truncating = 'pre', value = 0, dtype = 'int32'} = options;
  checkChoice(`${where}: padding`, padding, ['pre', 'post']);
  checkChoice(`${where}: truncating`, truncating, ['pre', 'post']);
  checkChoice(`${where}: dtype`, dtype, ['int32', 'float32']);
  checkNumber(`${where}: value`, value, {min: -3e38, max: 3e38});
  if (!fitsType(value, dtype)) fail('ERR_VALUE', `${where}: value: ${value} does not fit ${dtype}.`);
  if (!Array.isArray(sequences) || sequences.length === 0) {
    fail('ERR_SHAPE', `${where}: expected an array of sequences. Received ${show(sequences)}.`);
  }
  const lists = sequences.map((sequence, at): ArrayLike<number> => {
    if (isList(sequence)) return sequence as ArrayLike<number>;
    return fail('ERR_DTYPE', `${where}: sequence ${at}: expected numbers. Received ${show(sequence)}.`);
  });
  const {maxlen = lists.reduce((most, {length}) => Math.max(most, length), 1)} = options;
  checkNumber(`${where}: maxlen`, maxlen, {integer: true, min: 1, max: 2 ** 31 - 1});
  const size = lists.length * maxlen;
  const data = (dtype === 'int32' ? new Int32Array(size) : new Float32Array(size)).fill(value);
  lists.forEach((list, row) => {
    const count = Math.min(list.length, maxlen);
    const from = truncating === 'pre' ? list.length - count : 0;
    const to = row * maxlen + (padding === 'pre' ? maxlen - count : 0);
    for (let at = 0; at < count; at++) {
      const number: unknown = list[from + at];
      if (typeof number !== 'number' || !Number.isFinite(number) || !fitsType(number, dtype)) {
        const place = `sequence ${row} holds ${show(number)} at ${from + at}`;
        fail('ERR_VALUE', `${where}: ${place}; expected numbers of ${dtype}.`);
      }
      data[to + at] = number as number;
    }
  });
  return {data, shape: [lists.length, maxlen]};
}

export interface TimeseriesOptions {
  /** Steps of a window. */
  readonly sequenceLength: number;
  /** Steps from the beginning of a window to that of the next. 1 by default. */
  readonly sequenceStride?: number;
  /** Steps of the series from one step of a window to the next. 1 by default. */
  readonly samplingRate?: number;
  /** Windows of a batch, 128 by default; null for single windows. */
  readonly batchSize?: number | null;
  /** Whether windows come in random order, another in each pass. False by default. */
  readonly shuffle?: boolean;
  /** Of that order. 0 by default. */
  readonly seed?: number;
  /** Where the part of the series begins that is read. 0 by default. */
  readonly startIndex?: number;
  /** Where it ends; behind the last step by default. */
  readonly endIndex?: number;
}

/** A batch of windows, and the targets of their first steps. */
export interface TimeseriesBatch {
  readonly xs: ShapedArray;
  readonly ys: ShapedArray;
}

/** Rows of a table of any kind; class labels in lists stay integers. */
function rowsOf(what: string, given: DataInput, integers: boolean): Rows {
  return toRows(given, {what, rowShape: shapeOfTable(what, given).slice(1), integers});
}

/**
 * Windows over a series, [steps, …], as a data set of batches: window i begins at step startIndex + i ·
 * sequenceStride, and target i, where there are targets, is that of this step. Windows are copies, so that a
 * series becomes sequenceLength / sequenceStride times as large.
 *
 * @throws ERR_OPTION; ERR_VALUE where no window fits.
 */
export function timeseriesDataset(
  series: DataInput,
  targets: null,
  options: TimeseriesOptions,
): Dataset<ShapedArray>;
export function timeseriesDataset(
  series: DataInput,
  targets: DataInput,
  options: TimeseriesOptions,
): Dataset<TimeseriesBatch>;
export function timeseriesDataset(
  series: DataInput,
  targets: DataInput | null,
  options: TimeseriesOptions,
): Dataset<ShapedArray> | Dataset<TimeseriesBatch> {
  const where = 'data.timeseriesDataset';
  const known = ['sequenceLength', 'sequenceStride', 'samplingRate', 'batchSize', 'shuffle', 'seed'];
  requireOptions(where, options, [...known, 'startIndex', 'endIndex']);
  const {sequenceLength, sequenceStride = 1, samplingRate = 1, batchSize = 128, shuffle = false} = options;
  for (const [name, size] of Object.entries({sequenceLength, sequenceStride, samplingRate}))
    checkNumber(`${where}: ${name}`, size, {integer: true, min: 1, max: 2 ** 31 - 1});
  checkBoolean(`${where}: shuffle`, shuffle);
  const x = rowsOf(`${where}: series`, series, false);
  const y = targets === null ? undefined : rowsOf(`${where}: targets`, targets, true);
  const {startIndex = 0, endIndex = x.count, seed = 0} = options;
  checkNumber(`${where}: startIndex`, startIndex, {integer: true, min: 0, max: x.count});
  checkNumber(`${where}: endIndex`, endIndex, {integer: true, min: startIndex, max: x.count});
  const room = endIndex - startIndex - (sequenceLength - 1) * samplingRate;
  const places = y ? Math.min(room, y.count - startIndex) : room;
  if (places < 1) {
    const steps = (sequenceLength - 1) * samplingRate + 1;
    const received = `Received ${endIndex - startIndex}${y ? ` and ${y.count} targets` : ''}`;
    fail('ERR_VALUE', `${where}: a window of ${steps} steps needs as many, and a target. ${received}.`);
  }
  const count = Math.ceil(places / sequenceStride);
  const startOf = (window: number): number => startIndex + window * sequenceStride;
  const steps = Int32Array.from({length: count * sequenceLength}, (_, at) => {
    return startOf(Math.floor(at / sequenceLength)) + (at % sequenceLength) * samplingRate;
  });
  const xs = {...pickRows(x, steps), shape: [count, sequenceLength, ...x.rowShape]};
  const ys =
    y &&
    pickRows(
      y,
      Int32Array.from({length: count}, (_, window) => startOf(window)),
    );
  const windows = (ys ? Dataset.fromArrays({xs, ys}) : Dataset.fromArrays(xs)) as Dataset<unknown>;
  const ordered = shuffle ? windows.shuffle(count, seed) : windows;
  return (batchSize === null ? ordered : ordered.batch(batchSize)) as Dataset<ShapedArray>;
}
