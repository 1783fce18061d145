// Categories in bins by a hash, without a vocabulary.
import {checkChoice, checkNumber, fail, requireOptions} from '../../core/errors.ts';
import {show} from '../../core/kinds.ts';
import {type AnyRows, isTextRows} from '../../data/text.ts';
import type {SampleType} from '../ahead.ts';
import {AheadLayer, numbersIn, onlyInput, placeIn} from '../ahead-layer.ts';
import {binOf, type Salt} from '../hashes.ts';
import {type LayerOptions, layerOptions} from '../layer.ts';
import {type CategoryMode, encoded, encodedSample} from './category-modes.ts';
import {checkSalt} from './learned-vocabulary.ts';

export interface HashingOptions extends LayerOptions {
  /** How many bins there are, that of the mask value included. */
  readonly numBins: number;
  /** What has bin 0 for itself. Nothing by default. */
  readonly maskValue?: string | number | null;
  /**
   * A number, or two, that decide the hash: SipHash-2-4 by them, else FarmHash's Fingerprint64. None by
   * default.
   */
  readonly salt?: Salt | null;
  /** `int` by default. */
  readonly outputMode?: Exclude<CategoryMode, 'tfIdf'>;
}

class Hashing extends AheadLayer {
  readonly firstInput: {dtype: 'string' | 'int64'};
  readonly #numBins: number;
  readonly #maskValue: string | number | null;
  readonly #salt: Salt | undefined;
  readonly #mode: CategoryMode;

  constructor(options: HashingOptions) {
    const where = 'layers.hashing';
    requireOptions(where, options, [...layerOptions, 'numBins', 'maskValue', 'salt', 'outputMode']);
    const {numBins, maskValue = null, outputMode = 'int'} = options;
    checkNumber(`${where}: numBins`, numBins, {integer: true, min: 1, max: 2 ** 31 - 1});
    checkChoice(`${where}: outputMode`, outputMode, ['int', 'oneHot', 'multiHot', 'count']);
    if (maskValue !== null && typeof maskValue !== 'string' && !Number.isSafeInteger(maskValue)) {
      fail('ERR_OPTION', `${where}: maskValue: expected text or an integer. Received ${show(maskValue)}.`);
    }
    const salt = checkSalt(where, options.salt);
    super('hashing', options, () => ({
      numBins,
      maskValue: maskValue ?? undefined,
      salt: salt === undefined || typeof salt === 'number' ? salt : [...salt],
      outputMode: options.outputMode,
    }));
    this.firstInput = {dtype: typeof maskValue === 'number' ? 'int64' : 'string'};
    this.#numBins = numBins;
    this.#maskValue = maskValue;
    this.#salt = salt;
    this.#mode = outputMode;
    Object.freeze(this);
  }

  sampleOf(scope: string, inputs: readonly SampleType[]): SampleType {
    const {shape, dtype} = onlyInput(scope, inputs);
    this.#checkMask(scope, dtype === 'string');
    return encodedSample(scope, this.#mode, shape, this.#numBins);
  }

  #checkMask(scope: string, isText: boolean): void {
    const mask = this.#maskValue;
    if (mask === null || (typeof mask === 'string') === isText) return;
    fail('ERR_DTYPE', `${scope}: maskValue is ${show(mask)}, and the input ${isText ? 'text' : 'numbers'}.`);
  }

  rowsOf(where: string, [rows]: readonly AnyRows[]): AnyRows {
    const given = rows as AnyRows;
    const isText = isTextRows(given);
    this.#checkMask(where, isText);
    const elements = isText ? given.data : wholeNumbers(where, given);
    const known = new Map<string | number, number>();
    const ids = Int32Array.from(elements as ArrayLike<string | number>, value => {
      let bin = known.get(value);
      if (bin === undefined) {
        bin = this.#binOf(value);
        known.set(value, bin);
      }
      return bin;
    });
    return encoded(where, given, ids, {mode: this.#mode, depth: this.#numBins});
  }

  #binOf(value: string | number): number {
    const [mask, bins] = [this.#maskValue, this.#numBins];
    // The mask value has a bin of its own, where there is more than one.
    if (mask === null || bins === 1) return binOf(String(value), bins, this.#salt);
    return value === mask ? 0 : 1 + binOf(String(value), bins - 1, this.#salt);
  }
}

/** Numbers without what is behind the point, as Keras hashes them. @throws ERR_NOT_FINITE */
function wholeNumbers(where: string, rows: AnyRows): number[] {
  return Array.from(numbersIn(where, rows), (number, at) => {
    if (Number.isFinite(number)) return Math.trunc(number) + 0;
    return fail('ERR_NOT_FINITE', `${where}: ${placeIn(rows, at)} holds ${number}; expected integers.`);
  });
}

/**
 * Puts texts or integers into bins by a hash, so that no vocabulary is needed: different ones may share a
 * bin. The hash is Keras's, of the UTF-8 bytes of a text or of an integer's digits: FarmHash's
 * Fingerprint64, or with a salt SipHash-2-4. It runs in JavaScript ahead of the plan, directly behind an
 * input.
 *
 * @throws ERR_OPTION
 */
export function hashing(options: HashingOptions): AheadLayer {
  return new Hashing(options);
}
