// Rows of a table by their numbers: one for each id, or the sum or mean of those of a bag of ids.
import {checkBoolean, checkChoice, checkNumber, fail, requireOptions} from '../../core/errors.ts';
import {isList} from '../../core/kinds.ts';
import type {Config} from '../../core/named.ts';
import {formatShape, type Shape, sizeOf} from '../../core/shape.ts';
import {constant, failIn, type Tensor, withScope} from '../../core/tensor.ts';
import {matmul} from '../../ops/gemm.ts';
import {barrier} from '../../ops/gradient.ts';
import {checkIndicesBelow, gatherRowsOf} from '../../ops/indexing.ts';
import {add, cast, div, logicalAnd, maximum, mul, notEqual} from '../../ops/map.ts';
import {reshape} from '../../ops/move.ts';
import {slice} from '../../ops/pad.ts';
import {sum} from '../../ops/reduce.ts';
import type {CallContext, ForwardAll, MakeWeight} from '../call-context.ts';
import {type Layer, type LayerOptions, layerOptions} from '../layer.ts';
import {MadeLayer} from '../make-layer.ts';
import type {ConstraintLike, InitializerLike, RegularizerLike} from '../resolve.ts';
import {type ChosenWeight, chosenWeight, weightOptions} from './spatial-options.ts';

interface TableOptions extends LayerOptions {
  /** Size of a row. */
  readonly outputDim: number;
  /** `randomUniform` from −0.05 to 0.05 by default. */
  readonly embeddingsInitializer?: InitializerLike;
  readonly embeddingsRegularizer?: RegularizerLike;
  readonly embeddingsConstraint?: ConstraintLike;
  /** Whether the id 0 is padding, which a mask leaves out of all that follows. False by default. */
  readonly maskZero?: boolean;
  /**
   * Whether a training step updates only the rows that its batch reads, and their moments: by `sgd`, with or
   * without momentum, `adagrad`, `adam` or `lion`, without weight decay, averages, accumulation or clipping,
   * and where nothing else reads the gradient of the table, as a regularizer or a tied output does. Else,
   * and by default, the update is that of all rows.
   */
  readonly sparse?: boolean;
}

export interface EmbeddingOptions extends TableOptions {
  /**
   * Number of rows of the table: ids are 0 to inputDim − 1. Several: samples have a column of ids for each,
   * the last axis, and each column has so many rows of its own in the one table, behind those of the columns
   * before.
   */
  readonly inputDim: number | readonly number[];
}

export interface EmbeddingBagOptions extends TableOptions {
  /** Number of rows of the table: ids are 0 to inputDim − 1. */
  readonly inputDim: number;
  /** What a bag gives of its rows. `mean` by default. */
  readonly combiner?: 'mean' | 'sum';
}

const known = [
  ...layerOptions,
  'inputDim',
  'outputDim',
  ...weightOptions('embeddings'),
  'maskZero',
  'sparse',
];
const sizes = {integer: true, min: 1, max: 2 ** 31 - 1};

function checkTable(where: string, options: EmbeddingOptions, more: readonly string[] = []): ChosenWeight {
  requireOptions(where, options, [...known, ...more]);
  checkRows(where, options.inputDim, more.length === 0);
  checkNumber(`${where}: outputDim`, options.outputDim, sizes);
  if (options.maskZero !== undefined) checkBoolean(`${where}: maskZero`, options.maskZero);
  if (options.sparse !== undefined) checkBoolean(`${where}: sparse`, options.sparse);
  return chosenWeight(options, 'embeddings', 'randomUniform', where);
}

/** The rows of a table, of one column or, where that is possible, of several. */
function checkRows(where: string, inputDim: unknown, several: boolean): void {
  if (!several || !isList(inputDim)) {
    checkNumber(`${where}: inputDim`, inputDim as number, sizes);
    return;
  }
  const columns = Array.from(inputDim as ArrayLike<number>);
  if (columns.length === 0) fail('ERR_OPTION', `${where}: inputDim: expected the rows of each column.`);
  for (const [column, rows] of columns.entries()) checkNumber(`${where}: inputDim: ${column}`, rows, sizes);
  checkNumber(`${where}: inputDim: all`, sum0(columns), sizes);
}

const sum0 = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

/**
 * The rows of ids [batch, …, columns] in the table of all columns. Each column is checked by itself, or an id
 * that is too large would be one of the next column.
 */
function rowsOfColumns(ids: Tensor, columns: readonly number[]): Tensor {
  const checked = columns.map((rows, column) =>
    withScope(`column ${column}`, () => checkIndicesBelow(slice(ids, ids.rank - 1, column, 1), rows)),
  );
  const offsets = columns.map((_, column) => sum0(columns.slice(0, column)));
  return add(barrier(ids, checked), constant(Int32Array.from(offsets), [columns.length], 'int32'));
}

/** Ids as integers: those of an input of float32 without what is behind the point, as in Keras. */
const idsOf = (x: Tensor): Tensor => cast(x, 'int32');

class Embedding extends MadeLayer {
  override readonly callOptions = ['reverse'];
  readonly #options: EmbeddingOptions;
  readonly #embeddings: ChosenWeight;

  constructor(options: EmbeddingOptions) {
    const embeddings = checkTable('layers.embedding', options);
    const {inputDim, outputDim, maskZero, sparse} = options;
    const rows = isList(inputDim) ? Array.from(inputDim as ArrayLike<number>) : inputDim;
    const config = () => ({inputDim: rows, outputDim, ...embeddings.config(), maskZero, sparse});
    super('embedding', options, config, maskZero === true);
    this.#options = options;
    this.#embeddings = embeddings;
    Object.freeze(this);
  }

  override buildAll(shapes: readonly Shape[], weight: MakeWeight, {reverse}: Config): ForwardAll {
    const {inputDim, outputDim, maskZero = false, sparse = false} = this.#options;
    const {name} = this;
    if (reverse !== undefined) checkBoolean(`${name}: apply: reverse`, reverse);
    const [shape] = shapes;
    if (!shape || shapes.length > 1) {
      return fail('ERR_SHAPE', `${name}: expected one input. Received ${shapes.length}.`);
    }
    const columns = isList(inputDim) ? Array.from(inputDim as ArrayLike<number>) : undefined;
    const count = columns ? sum0(columns) : (inputDim as number);
    if (columns && (reverse === true || shape.at(-1) !== columns.length)) {
      const received = reverse === true ? 'reverse' : `samples ${formatShape(shape)}`;
      fail('ERR_SHAPE', `${name}: expected samples of ${columns.length} columns. Received ${received}.`);
    }
    const table = weight('embeddings', [count, outputDim], this.#embeddings.options);
    if (reverse !== true) {
      return ([x], {passMasks}) => {
        const ids = idsOf(x as Tensor);
        passMasks?.([maskZero ? notEqual(ids, 0) : undefined]);
        return [gatherRowsOf(table, columns ? rowsOfColumns(ids, columns) : ids, sparse)];
      };
    }
    if (shape.at(-1) !== outputDim) {
      const received = `Received samples ${formatShape(shape)}`;
      fail('ERR_SHAPE', `${name}: with reverse, the last axis must have ${outputDim} numbers. ${received}.`);
    }
    return ([x], {mask, passMasks}) => {
      passMasks?.([mask]);
      const {shape: given} = x as Tensor;
      const rows = reshape(x as Tensor, [sizeOf(given) / outputDim, outputDim]);
      return [reshape(matmul(rows, table, {transposeB: true}), [...given.slice(0, -1), count])];
    };
  }
}

/**
 * Turns ids into rows of a table that is learnt: [batch, …] to [batch, …, outputDim]. Its weight is
 * `embeddings`, [inputDim, outputDim]. Ids may be numbers of any type.
 *
 * With `inputDim: [1000, 50, 7]`, samples have three columns of ids, [batch, …, 3], whose rows stand in one
 * table, [1057, outputDim]: one gather for all, and one update.
 *
 * `apply(x, {reverse: true})` is the way back, x · embeddingsᵀ: [batch, …, outputDim] to a number for each
 * id, [batch, …, inputDim], as the output of a language model that shares its weights with its input (Press
 * and Wolf 2017).
 *
 * @throws ERR_OPTION; ERR_OUT_OF_RANGE, in a run, for an id that has no row.
 */
export function embedding(options: EmbeddingOptions): Layer {
  return new Embedding(options);
}

/** Which ids of each bag count, by the mask of the input and by what padding is: bool [batch, …, ids]. */
function countedOf(ids: Tensor, maskZero: boolean, {mask}: CallContext): Tensor | undefined {
  const isId = maskZero ? notEqual(ids, 0) : undefined;
  if (!mask) return isId;
  if (mask.rank !== ids.rank) {
    failIn('embeddingBag', 'ERR_SHAPE', `expected a mask of the ids ${ids}. Received ${mask}`);
  }
  return isId ? logicalAnd(isId, mask) : mask;
}

class EmbeddingBag extends MadeLayer {
  readonly #options: EmbeddingBagOptions;
  readonly #embeddings: ChosenWeight;

  constructor(options: EmbeddingBagOptions) {
    const embeddings = checkTable('layers.embeddingBag', options, ['combiner']);
    const {inputDim, outputDim, maskZero, combiner, sparse} = options;
    if (combiner !== undefined) checkChoice('layers.embeddingBag: combiner', combiner, ['mean', 'sum']);
    const config = () => ({inputDim, outputDim, ...embeddings.config(), maskZero, combiner, sparse});
    // What counts is used up.
    super('embeddingBag', options, config, () => undefined);
    this.#options = options;
    this.#embeddings = embeddings;
    Object.freeze(this);
  }

  override buildAll(shapes: readonly Shape[], weight: MakeWeight): ForwardAll {
    const {inputDim, outputDim, maskZero = false, combiner = 'mean', sparse = false} = this.#options;
    const [ids, factors] = shapes;
    const isPair = ids !== undefined && (!factors || String(ids) === String(factors));
    if (!isPair || shapes.length > 2) {
      const received = `Received ${shapes.map(formatShape).join(' and ')}`;
      return fail('ERR_SHAPE', `${this.name}: expected ids, or ids and a weight for each. ${received}.`);
    }
    const table = weight('embeddings', [inputDim, outputDim], this.#embeddings.options);
    return ([x, factor], context) => {
      const own = idsOf(x as Tensor);
      const counted = countedOf(own, maskZero, context);
      const weights = [...(counted ? [cast(counted, 'float32')] : []), ...(factor ? [factor] : [])];
      const rows = gatherRowsOf(table, own, sparse);
      if (weights.length === 0) {
        const whole = sum(rows, -2);
        return [combiner === 'sum' ? whole : div(whole, own.shape.at(-1) as number)];
      }
      const each = weights.reduce((a, b) => mul(a, b));
      const whole = sum(mul(rows, reshape(each, [...each.shape, 1])), -2);
      if (combiner === 'sum') return [whole];
      // An empty bag is zero.
      const count = counted
        ? maximum(sum(cast(counted, 'float32'), -1, true), 1)
        : (own.shape.at(-1) as number);
      return [div(whole, count)];
    };
  }
}

/**
 * The mean or the sum of the rows of a bag of ids, the last axis: [batch, …, ids] to [batch, …, outputDim].
 * What a mask leaves out, or `maskZero` says to be padding, does not count; a bag of nothing else is zero.
 * `apply([ids, weights])` multiplies each row by a number of its own first.
 *
 * @throws ERR_OPTION; ERR_OUT_OF_RANGE, in a run, for an id that has no row.
 */
export function embeddingBag(options: EmbeddingBagOptions): Layer {
  return new EmbeddingBag(options);
}
