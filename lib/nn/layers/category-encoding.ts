// Ids whose number is known, as ones at their places or as counts.
import {checkChoice, checkNumber, fail, requireOptions} from '../../core/errors.ts';
import {formatShape, sameShape} from '../../core/shape.ts';
import type {AnyInput, AnyRows} from '../../data/text.ts';
import {checkSampleType, type SampleType} from '../ahead.ts';
import {
  AheadLayer,
  type CallResult,
  integersIn,
  numbersIn,
  placeIn,
  resultOf,
  rowsOfAny,
} from '../ahead-layer.ts';
import {type LayerOptions, layerOptions} from '../layer.ts';
import {type CategoryMode, encoded, encodedSample, failPlace} from './category-modes.ts';

export interface CategoryEncodingOptions extends LayerOptions {
  /** How many there are: ids are 0 to numTokens − 1. */
  readonly numTokens: number;
  /** `multiHot` by default. */
  readonly outputMode?: Exclude<CategoryMode, 'int' | 'tfIdf'>;
}

/** What `layers.categoryEncoding` gives. */
export class CategoryEncodingLayer extends AheadLayer {
  readonly firstInput = {dtype: 'int32'} as const;
  readonly #numTokens: number;
  readonly #mode: CategoryMode;

  /** @internal */
  constructor(options: CategoryEncodingOptions) {
    const where = 'layers.categoryEncoding';
    requireOptions(where, options, [...layerOptions, 'numTokens', 'outputMode']);
    const {numTokens, outputMode = 'multiHot'} = options;
    checkNumber(`${where}: numTokens`, numTokens, {integer: true, min: 1, max: 2 ** 31 - 1});
    checkChoice(`${where}: outputMode`, outputMode, ['oneHot', 'multiHot', 'count']);
    super('categoryEncoding', options, () => ({numTokens, outputMode: options.outputMode}));
    this.#numTokens = numTokens;
    this.#mode = outputMode;
    Object.freeze(this);
  }

  /** @internal */
  sampleOf(scope: string, inputs: readonly SampleType[]): SampleType {
    for (const given of inputs) checkSampleType(scope, given, 'numbers');
    const [ids] = inputs;
    this.#checkWeights(
      scope,
      inputs.map(({shape}) => shape),
    );
    return encodedSample(scope, this.#mode, (ids as SampleType).shape, this.#numTokens);
  }

  #checkWeights(scope: string, shapes: readonly (readonly number[])[]): void {
    const [ids, weights] = shapes;
    if (!ids || shapes.length > 2 || (weights && !sameShape(ids, weights))) {
      const received = shapes.map(formatShape).join(' and ') || 'nothing';
      fail('ERR_SHAPE', `${scope}: expected ids, or ids and a weight for each. Received ${received}.`);
    }
    if (weights && this.#mode !== 'count') {
      fail('ERR_OPTION', `${scope}: weights go with outputMode: 'count', not '${this.#mode}'.`);
    }
  }

  /** @internal */
  rowsOf(where: string, [rows, weights]: readonly AnyRows[]): AnyRows {
    const given = rows as AnyRows;
    const [depth, mode] = [this.#numTokens, this.#mode];
    const ids = Int32Array.from(Array.from(integersIn(where, given)), (id, at) =>
      id >= 0 && id < depth ? id : failPlace(where, placeIn(given, at), id, depth),
    );
    return encoded(where, given, ids, {mode, depth}, weights && numbersIn(where, weights));
  }

  /**
   * As of all layers ahead of the plan, with a weight for each id where they are counted; in a model
   * `apply([ids, weights])`.
   */
  override call(data: AnyInput | number | bigint, countWeights?: AnyInput): CallResult {
    const where = `${this.name}: call`;
    const given = countWeights === undefined ? [data] : [data, countWeights];
    const rows = given.map(each => rowsOfAny(where, each));
    this.#checkWeights(
      where,
      rows.map(({rowShape, count}) => [count, ...rowShape]),
    );
    return resultOf(this.rowsOf(where, rows));
  }
}

/**
 * Ids 0 to numTokens − 1 as ones at their places: `oneHot` of each, `multiHot` of each sample; or as counts
 * of them, weighted where `apply([ids, weights])` gives weights. It runs in JavaScript ahead of the plan,
 * directly behind an input or another such layer.
 *
 * @throws ERR_OPTION; ERR_OUT_OF_RANGE, in a run, for an id that has no place.
 */
export function categoryEncoding(options: CategoryEncodingOptions): CategoryEncodingLayer {
  return new CategoryEncodingLayer(options);
}
