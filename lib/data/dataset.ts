// Data sets like those of tf.data in TensorFlow.js: lazy sequences of elements, iterated in passes.

import {checkBoolean, checkNumber, fail} from '../core/errors.ts';
import {isMarked, isOwn, mark, show} from '../core/kinds.ts';
import {type BucketOptions, bucketedPass, bucketingOf} from './buckets.ts';
import {type Batched, collate} from './collate.ts';
import {type CsvOptions, type CsvRow, readCsv} from './csv.ts';
import {prefetched, zipped} from './iterate.ts';
import {cutMixOf, type Mix, type MixOptions, mixedPass, mixUpOf} from './mixing.ts';
import {
  type BatchPlan,
  batchPlan,
  elementOf,
  gather,
  innerPass,
  planOfArrays,
  type RowPlan,
  repeatBatches,
  repeatPlan,
  shufflePlan,
  skipPlan,
  takePlan,
  zipPlans,
} from './row-plan.ts';
import {ShuffleBuffer} from './shuffle.ts';
import type {RowOf, Tables} from './table-types.ts';
import {leavesOf, mapTree} from './tree.ts';

export type {RowOf, Tables};

export type ElementOf<Source> =
  Source extends Dataset<infer Element>
    ? Element
    : {readonly [Name in keyof Source]: ElementOf<Source[Name]>};

export type Datasets = Dataset<unknown> | {readonly [name: string]: Datasets};

/** Makes an iterator of one pass. */
type Pass<Element> = (pass: number) => AsyncIterable<Element>;
type Elements<Element> = Iterable<Element> | AsyncIterable<Element>;

interface Parts<Element> {
  readonly size: number | null;
  readonly iterate: Pass<Element>;
  readonly rows?: RowPlan | undefined;
  readonly batches?: BatchPlan | undefined;
}

const endless = Number.POSITIVE_INFINITY;
const rowsPerBlock = 1024;

function checkFunction(name: string, given: unknown): void {
  if (typeof given === 'function') return;
  fail('ERR_OPTION', `Dataset.${name}: expected a function. Received ${show(given)}.`);
}

/**
 * A sequence of elements, made when they are needed. Each method returns a new data set and leaves the old
 * one as it is. A data set can be iterated any number of times: `for await (… of dataset)` is pass 0,
 * `dataset.iterate(pass)` any pass, and `model.fit(dataset)` takes one pass per epoch. The elements of a pass
 * are always the same; only `shuffle` and generators make passes differ.
 *
 * Names and order of arguments are those of tf.data in TensorFlow.js.
 */
export class Dataset<Element> implements AsyncIterable<Element> {
  static {
    mark(Dataset.prototype, 'data set');
  }

  /** How many elements a pass has: infinite after `repeat()`, null if that is not known. */
  readonly size: number | null;
  /** @internal Batches of row indices, for data sets of arrays. */
  readonly batches: BatchPlan | undefined;
  /** @internal Row indices, for data sets of arrays that are not in batches yet. */
  readonly rows: RowPlan | undefined;
  readonly #iterate: Pass<Element>;

  private constructor({size, iterate, rows, batches}: Parts<Element>) {
    this.size = size;
    this.#iterate = iterate;
    this.rows = rows;
    this.batches = batches;
  }

  /**
   * The rows of one table, or of several by name, e.g. `{xs: images, ys: labels}`. Typed arrays are read in
   * place: if only `shuffle`, `take`, `skip`, `repeat`, `batch` and `prefetch` follow, `fit` trains as fast
   * as on the arrays themselves.
   *
   * @throws ERR_SHAPE, ERR_DTYPE or ERR_VALUE for what is no table, or tables of different numbers of rows.
   */
  static fromArrays<const Source extends Tables>(arrays: Source): Dataset<RowOf<Source>> {
    return Dataset.#ofRows(planOfArrays(arrays)) as Dataset<RowOf<Source>>;
  }

  /** What a function returns for each pass: a generator, an array, a stream, or a promise of one. */
  static fromGenerator<Element>(
    generator: (pass: number) => Elements<Element> | Promise<Elements<Element>>,
  ): Dataset<Element> {
    if (typeof generator !== 'function') {
      fail('ERR_OPTION', `Dataset.fromGenerator: expected a function. Received ${show(generator)}.`);
    }
    return new Dataset<Element>({
      size: null,
      async *iterate(pass) {
        const made = await generator(pass);
        const iterable = typeof made === 'object' && made !== null;
        if (!iterable || !(Symbol.iterator in made || Symbol.asyncIterator in made)) {
          fail('ERR_VALUE', `Dataset.fromGenerator: the function gave ${show(made)}, which has no elements.`);
        }
        yield* made;
      },
    });
  }

  /**
   * The lines of a CSV file as records by column name; as `{xs, ys}` if `columnConfigs` mark labels. The file
   * is read as a stream for each pass, by the package csv-parse.
   *
   * @param file a path, a `file:` URL, or the text of one.
   * @throws ERR_FILE, in the first pass, naming line and column of what cannot be read.
   */
  static fromCsv<const Options extends CsvOptions = CsvOptions>(
    file: string | URL,
    options?: Options,
  ): Dataset<CsvRow<Options>> {
    const iterate = readCsv(file, options ?? {}) as Pass<CsvRow<Options>>;
    return new Dataset<CsvRow<Options>>({size: null, iterate});
  }

  /** Combines data sets, e.g. `{xs: images, ys: labels}`, element by element, until one of them ends. */
  static zip<const Sources extends Datasets>(sources: Sources): Dataset<ElementOf<Sources>> {
    mapTree(sources, (value, path) => {
      if (isDataset(value)) return value;
      return fail('ERR_OPTION', `Dataset.zip: ${path || 'expected'}: no data set. Received ${show(value)}.`);
    });
    return Dataset.#zipped(sources) as Dataset<ElementOf<Sources>>;
  }

  static #zipped(sources: unknown): Dataset<unknown> {
    const all = leavesOf(sources) as Dataset<unknown>[];
    const plan = zipPlans(sources, source => (source as Dataset<unknown>).rows);
    if (plan) return Dataset.#ofRows(plan);
    const sizes = all.map(({size}) => size);
    const known = sizes.filter(size => size !== null);
    return new Dataset<unknown>({
      size: known.length === sizes.length || known.includes(0) ? Math.min(...known) : null,
      iterate: pass => zipped(mapTree(sources, source => (source as Dataset<unknown>).#iterate(pass))),
    });
  }

  static #ofRows(rows: RowPlan): Dataset<unknown> {
    return new Dataset<unknown>({
      size: rows.size,
      rows,
      async *iterate(pass) {
        const cursor = rows.rows(pass);
        for (;;) {
          const block = cursor.next(rowsPerBlock);
          if (block.length === 0) return;
          for (const row of block) yield elementOf(rows.tables, row);
        }
      },
    });
  }

  static #ofBatches<Element>(batches: BatchPlan, size: number | null): Dataset<Element> {
    return new Dataset<Element>({
      size,
      batches,
      async *iterate(pass) {
        const cursor = batches.batches(pass);
        for (let next = cursor.next(1); next; next = cursor.next(1)) {
          yield gather(batches.tables, next.rows) as Element;
        }
      },
    });
  }

  /** Iterates the elements of one pass. */
  iterate(pass = 0): AsyncIterable<Element> {
    checkNumber('Dataset.iterate: pass', pass, {integer: true, min: 0});
    return this.#iterate(pass);
  }

  [Symbol.asyncIterator](): AsyncIterator<Element> {
    return this.#iterate(0)[Symbol.asyncIterator]();
  }

  /** Replaces each element by what the function returns for it; promises are awaited. */
  map<Result>(transform: (element: Element) => Result | Promise<Result>): Dataset<Result> {
    checkFunction('map', transform);
    const elements = this.#iterate;
    return new Dataset<Result>({
      size: this.size,
      async *iterate(pass) {
        for await (const element of elements(pass)) yield transform(element);
      },
    });
  }

  /** The elements for which the function returns true. */
  filter(predicate: (element: Element) => boolean): Dataset<Element> {
    checkFunction('filter', predicate);
    const elements = this.#iterate;
    return new Dataset<Element>({
      size: this.size === endless ? endless : this.size === 0 ? 0 : null,
      async *iterate(pass) {
        for await (const element of elements(pass)) if (predicate(element)) yield element;
      },
    });
  }

  /**
   * Combines every `batchSize` elements: numbers become [batch], rows [batch, …shape].
   *
   * @param smallLastBatch whether to keep a last batch that is smaller. True by default.
   */
  batch(batchSize: number, smallLastBatch = true): Dataset<Batched<Element>> {
    checkNumber('Dataset.batch: batchSize', batchSize, {integer: true, min: 1, max: 2 ** 31 - 1});
    checkBoolean('Dataset.batch: smallLastBatch', smallLastBatch);
    const elements = this.#iterate;
    const round = smallLastBatch ? Math.ceil : Math.floor;
    const size = this.size === null ? null : round(this.size / batchSize);
    const plan = this.rows && batchPlan(this.rows, batchSize, smallLastBatch);
    if (plan) return Dataset.#ofBatches<Batched<Element>>(plan, size);
    return new Dataset<Batched<Element>>({
      size,
      async *iterate(pass) {
        let batch: Element[] = [];
        for await (const element of elements(pass)) {
          batch.push(element);
          if (batch.length < batchSize) continue;
          yield collate(batch);
          batch = [];
        }
        if (batch.length > 0 && smallLastBatch) yield collate(batch);
      },
    });
  }

  /**
   * Batches of sequences that are padded to the boundary of their bucket: in as many lengths as there are
   * buckets. @throws ERR_OPTION; in a pass ERR_VALUE, naming an element longer than the last boundary.
   */
  bucketBySequenceLength(options: BucketOptions<Element>): Dataset<Batched<Element>> {
    const bucketing = bucketingOf(options);
    const iterate = (pass: number) => bucketedPass<Element>(this.#iterate(pass), bucketing);
    return new Dataset<Batched<Element>>({size: null, iterate});
  }

  /**
   * Elements in random order, different in each pass. Elements wait in a buffer, from which a random one is
   * taken each time. If the buffer holds all elements, the order is fully random, and for the same seed it is
   * that of `fit` on arrays.
   *
   * @param seed decides the order, together with the pass. 0 by default.
   * @param reshuffleEachIteration false: the same order in each pass. True by default.
   */
  shuffle(bufferSize: number, seed = 0, reshuffleEachIteration = true): Dataset<Element> {
    checkNumber('Dataset.shuffle: bufferSize', bufferSize, {integer: true, min: 1});
    checkNumber('Dataset.shuffle: seed', seed, {integer: true});
    checkBoolean('Dataset.shuffle: reshuffleEachIteration', reshuffleEachIteration);
    const options = {size: bufferSize, seed, reshuffle: reshuffleEachIteration};
    const plan = this.rows && shufflePlan(this.rows, options);
    if (plan) return Dataset.#ofRows(plan) as Dataset<Element>;
    const elements = this.#iterate;
    return new Dataset<Element>({
      size: this.size,
      async *iterate(pass) {
        const buffer = new ShuffleBuffer<Element>(bufferSize, seed, reshuffleEachIteration ? pass : 0);
        for await (const element of elements(pass)) {
          const out = buffer.push(element);
          if (out) yield out.element;
        }
        yield* buffer.rest();
      },
    });
  }

  /** The first `count` elements of each pass. */
  take(count: number): Dataset<Element> {
    checkNumber('Dataset.take: count', count, {integer: true, min: 0});
    if (this.rows) return Dataset.#ofRows(takePlan(this.rows, count)) as Dataset<Element>;
    const elements = this.#iterate;
    return new Dataset<Element>({
      size: this.size === null ? null : Math.min(count, this.size),
      async *iterate(pass) {
        let left = count;
        if (left === 0) return;
        for await (const element of elements(pass)) {
          yield element;
          if (--left === 0) return;
        }
      },
    });
  }

  /** All but the first `count` elements of each pass. */
  skip(count: number): Dataset<Element> {
    checkNumber('Dataset.skip: count', count, {integer: true, min: 0});
    if (this.rows) return Dataset.#ofRows(skipPlan(this.rows, count)) as Dataset<Element>;
    const elements = this.#iterate;
    return new Dataset<Element>({
      size: this.size === null ? null : Math.max(0, this.size - count),
      async *iterate(pass) {
        let left = count;
        for await (const element of elements(pass)) if (left-- <= 0) yield element;
      },
    });
  }

  /** All elements `count` times, or for ever: `count` passes become one. */
  repeat(count: number = endless): Dataset<Element> {
    if (count !== endless) checkNumber('Dataset.repeat: count', count, {integer: true, min: 0});
    if (this.rows) return Dataset.#ofRows(repeatPlan(this.rows, count)) as Dataset<Element>;
    const size = this.size === 0 || count === 0 ? 0 : this.size === null ? null : this.size * count;
    if (this.batches) return Dataset.#ofBatches<Element>(repeatBatches(this.batches, count), size);
    const elements = this.#iterate;
    return new Dataset<Element>({
      size: this.size === null && count === endless ? endless : size,
      async *iterate(pass) {
        for (let repetition = 0; repetition < count; repetition++) {
          let empty = true;
          for await (const element of elements(innerPass(pass, count, repetition))) {
            empty = false;
            yield element;
          }
          if (empty) return;
        }
      },
    });
  }

  /** The elements of this data set, then those of another. */
  concatenate<Other>(dataset: Dataset<Other>): Dataset<Element | Other> {
    if (typeof dataset?.iterate !== 'function') {
      fail('ERR_OPTION', `Dataset.concatenate: expected a data set. Received ${show(dataset)}.`);
    }
    const first = this.#iterate;
    return new Dataset<Element | Other>({
      size: this.size === null || dataset.size === null ? null : this.size + dataset.size,
      async *iterate(pass) {
        yield* first(pass);
        yield* dataset.iterate(pass);
      },
    });
  }

  /** Makes up to `bufferSize` elements in advance, while earlier ones are being used. */
  prefetch(bufferSize: number): Dataset<Element> {
    checkNumber('Dataset.prefetch: bufferSize', bufferSize, {integer: true, min: 1});
    const elements = this.#iterate;
    const plans = {rows: this.rows, batches: this.batches};
    return new Dataset<Element>({
      ...plans,
      size: this.size,
      iterate: pass => prefetched(elements(pass), bufferSize),
    });
  }

  /**
   * Mixes the samples of each batch with others of it, inputs and targets, by shares of Beta(alpha, alpha);
   * targets are numbers, as rows of `data.oneHot` (Zhang et al. 2018).
   */
  mixUp(options?: MixOptions): Dataset<Element> {
    return this.#mixed(mixUpOf(options));
  }

  /** Puts a box of another image of the batch into each, and mixes targets by areas (Yun et al. 2019). */
  cutMix(options?: MixOptions): Dataset<Element> {
    return this.#mixed(cutMixOf(options));
  }

  #mixed(mix: Mix): Dataset<Element> {
    const iterate = (pass: number) => mixedPass(this.#iterate(pass), pass, mix) as AsyncIterable<Element>;
    return new Dataset<Element>({size: this.size, iterate});
  }

  /** Calls a function with each element of a pass, one after another. */
  async forEachAsync(visit: (element: Element) => unknown): Promise<void> {
    checkFunction('forEachAsync', visit);
    for await (const element of this) await visit(element);
  }

  /** All elements of a pass. @throws ERR_VALUE if they never end. */
  async toArray(): Promise<Element[]> {
    if (this.size === endless)
      fail('ERR_VALUE', 'Dataset.toArray: the data set never ends; take(n) ends it.');
    const elements: Element[] = [];
    for await (const element of this) elements.push(element);
    return elements;
  }
}

/** @internal Whether a value is a data set, also of another copy of the package. */
export const isDataset = (value: unknown): value is Dataset<unknown> => isMarked(value, 'data set');

/** @internal Whether it also has the plans by which this copy reads arrays in place. */
export const isOwnDataset = (value: unknown): value is Dataset<unknown> => isOwn(value, 'data set');
