// Sequences of any length in batches of few lengths: each is padded to the boundary of its bucket.
import {dtypes} from '../core/dtype.ts';
import {checkBoolean, checkChoice, checkNumber, fail, requireOptions} from '../core/errors.ts';
import {isList, show} from '../core/kinds.ts';
import {at} from '../core/lists.ts';
import {fitsType} from '../core/numbers.ts';
import {sizeOf} from '../core/shape.ts';
import type {NumberArray, ShapedArray} from './arrays.ts';
import {type Batched, collate, leafOf} from './collate.ts';
import {isRecord, leavesOf, mapTree} from './tree.ts';

export interface BucketOptions<Element = unknown> {
  /**
   * The lengths that sequences are padded to, ascending: one up to the first goes into the first bucket, and
   * so on; longer than the last is an error. A model compiles one plan for each, and no more.
   */
  readonly bucketBoundaries: readonly number[];
  /** Elements of a batch, of all buckets or of each. */
  readonly bucketBatchSizes: number | readonly number[];
  /** The length of an element; by default that of its first sequence. */
  readonly elementLength?: (element: Element) => number;
  /** Names of the parts that are sequences; `xs` by default, or the element itself where it has no parts. */
  readonly sequences?: readonly string[];
  /** Whether padding stands before or behind. `post` by default, as in tf.data. */
  readonly padding?: 'pre' | 'post';
  /** What padding holds. 0 by default. */
  readonly paddingValue?: number;
  /** Whether batches that are not full at the end are left out. False by default. */
  readonly dropRemainder?: boolean;
}

export interface Bucketing {
  readonly boundaries: readonly number[];
  readonly batchSizes: readonly number[];
  readonly dropRemainder: boolean;
  /** The number of the bucket of an element, and the element padded for it. */
  place(element: unknown, index: number): {readonly bucket: number; readonly padded: unknown};
}

const known = ['bucketBoundaries', 'bucketBatchSizes', 'elementLength', 'sequences', 'padding'];
const where = 'Dataset.bucketBySequenceLength';

/** A sequence of one length, [to, …], whose further numbers are padding. */
function padded(
  what: string,
  value: unknown,
  to: number,
  {padding, paddingValue}: {padding: 'pre' | 'post'; paddingValue: number},
): ShapedArray {
  const {data: given, dtype = 'float32', shape, scale} = leafOf(what, value);
  const [length = 0, ...rest] = shape;
  if (shape.length === 0) fail('ERR_VALUE', `${what} is a number, and no sequence.`);
  if (length > to) fail('ERR_VALUE', `${what} has ${length} steps where its element says at most ${to}.`);
  if (!fitsType(paddingValue, dtype)) {
    fail('ERR_VALUE', `${what}: paddingValue ${paddingValue} does not fit ${dtype}.`);
  }
  const {array} = dtypes[dtype];
  const width = sizeOf(rest);
  const data = new array(to * width) as NumberArray;
  data.fill(paddingValue as never);
  data.set(given as NumberArray, padding === 'post' ? 0 : (to - length) * width);
  return {data, shape: [to, ...rest], ...(scale !== 1 && {scale})};
}

function checkBoundaries(boundaries: unknown, sizes: unknown): {boundaries: number[]; batchSizes: number[]} {
  if (!isList(boundaries) || boundaries.length === 0) {
    fail('ERR_OPTION', `${where}: bucketBoundaries: expected lengths. Received ${show(boundaries)}.`);
  }
  const list = Array.from(boundaries as ArrayLike<number>);
  list.forEach((boundary, index) => {
    const min = index === 0 ? 1 : at(list, index - 1) + 1;
    checkNumber(`${where}: bucketBoundaries: ${index}`, boundary, {integer: true, min, max: 2 ** 24});
  });
  const batchSizes = isList(sizes) ? Array.from(sizes as ArrayLike<number>) : list.map(() => sizes as number);
  for (const size of batchSizes)
    checkNumber(`${where}: bucketBatchSizes`, size, {integer: true, min: 1, max: 2 ** 31 - 1});
  if (batchSizes.length !== list.length) {
    const counts = `${list.length} boundaries need as many sizes. Received ${batchSizes.length}`;
    fail('ERR_OPTION', `${where}: bucketBatchSizes: ${counts}.`);
  }
  return {boundaries: list, batchSizes};
}

/** @throws ERR_OPTION */
export function bucketingOf<Element>(options: BucketOptions<Element>): Bucketing {
  requireOptions(where, options, [...known, 'paddingValue', 'dropRemainder']);
  const {elementLength, sequences, padding = 'post', paddingValue = 0, dropRemainder = false} = options;
  const {boundaries, batchSizes} = checkBoundaries(options.bucketBoundaries, options.bucketBatchSizes);
  checkChoice(`${where}: padding`, padding, ['pre', 'post']);
  checkNumber(`${where}: paddingValue`, paddingValue, {min: -3e38, max: 3e38});
  checkBoolean(`${where}: dropRemainder`, dropRemainder);
  if (elementLength !== undefined && typeof elementLength !== 'function') {
    fail('ERR_OPTION', `${where}: elementLength: expected a function. Received ${show(elementLength)}.`);
  }
  const names = sequences ?? ['xs'];
  const lengthOf = (element: unknown, what: string): number => {
    if (elementLength) return elementLength(element as Element);
    const first = isRecord(element) ? element[names[0] ?? ''] : element;
    return leafOf(what, leavesOf(first)[0]).shape[0] ?? 1;
  };
  return {
    boundaries,
    batchSizes,
    dropRemainder,
    place(element, index) {
      const what = `${where}: element ${index}`;
      const length = lengthOf(element, what);
      const bucket = boundaries.findIndex(boundary => length <= boundary);
      if (bucket < 0 || !(length >= 0)) {
        const most = `the last bucket ends at ${boundaries.at(-1)}`;
        fail('ERR_VALUE', `${what} has ${show(length)} steps, and ${most}: cut or filter longer ones.`);
      }
      const pad = (part: unknown, path: string) =>
        mapTree(part, value =>
          padded(`${what}${path}`, value, at(boundaries, bucket), {padding, paddingValue}),
        );
      if (!isRecord(element)) return {bucket, padded: pad(element, '')};
      const missing = names.find(name => !(name in element));
      if (missing !== undefined) fail('ERR_VALUE', `${what} has no ${JSON.stringify(missing)}.`);
      const parts = names.map(name => [name, pad(element[name], `: ${name}`)] as const);
      return {bucket, padded: {...element, ...Object.fromEntries(parts)}};
    },
  };
}

/** Batches of one bucket each, in the order in which they become full; what is left comes last. */
export async function* bucketedPass<Element>(
  elements: AsyncIterable<Element>,
  {batchSizes, dropRemainder, place}: Bucketing,
): AsyncGenerator<Batched<Element>> {
  const waiting: unknown[][] = batchSizes.map(() => []);
  let index = 0;
  for await (const element of elements) {
    const {bucket, padded: own} = place(element, index++);
    const list = at(waiting, bucket);
    list.push(own);
    if (list.length < at(batchSizes, bucket)) continue;
    yield collate(list) as Batched<Element>;
    waiting[bucket] = [];
  }
  if (dropRemainder) return;
  for (const list of waiting) if (list.length > 0) yield collate(list) as Batched<Element>;
}
