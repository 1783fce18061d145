// Ids of categories, by a vocabulary: of texts, of integers, and the way back.
import {checkBoolean, checkChoice, checkNumber, checkOptions, fail} from '../../core/errors.ts';
import {show} from '../../core/kinds.ts';
import {sizeOf} from '../../core/shape.ts';
import {type AnyRows, isTextRows, showShort} from '../../data/text.ts';
import {checkSampleType, type SampleType} from '../ahead.ts';
import {integersIn, onlyInput, placeIn, textOf} from '../ahead-layer.ts';
import {binOf, type Salt} from '../hashes.ts';
import {layerOptions} from '../layer.ts';
import type {Token, VocabularyRules} from '../vocabulary.ts';
import {type CategoryMode, encoded, encodedSample} from './category-modes.ts';
import {
  checkSalt,
  checkVocabularyOptions,
  VocabularyLayer,
  type VocabularyOptions,
  vocabularyOptions,
} from './learned-vocabulary.ts';

interface LookupOptions extends VocabularyOptions {
  /**
   * How many ids stand for tokens that are not in the vocabulary; which of several, a hash of the token
   * says. 1 by default; with 0 such tokens are errors.
   */
  readonly numOovIndices?: number;
  /** Whether to give tokens for ids instead. False by default. */
  readonly invert?: boolean;
  /** `int` by default. */
  readonly outputMode?: CategoryMode;
  /**
   * For a hash of its own, SipHash, by which several ids of unknown tokens are told apart. None by default.
   */
  readonly salt?: Salt | null;
}

export interface StringLookupOptions extends LookupOptions {
  /** Stands for what is missing: id 0 with `int`, left out of the other modes. None by default. */
  readonly maskToken?: string | null;
  /** What unknown tokens are called. `[UNK]` by default. */
  readonly oovToken?: string;
  /** Tokens in the order of their ids, if they are not to be learned by `adapt`. */
  readonly vocabulary?: readonly string[] | null;
}

export interface IntegerLookupOptions extends LookupOptions {
  /** Stands for what is missing: id 0 with `int`, left out of the other modes. None by default. */
  readonly maskToken?: number | null;
  /** What unknown integers are called. −1 by default. */
  readonly oovToken?: number;
  /** Integers in the order of their ids, if they are not to be learned by `adapt`. */
  readonly vocabulary?: readonly number[] | Int32Array | BigInt64Array | null;
  /** How unknown integers share several ids: by their remainder, or a hash. `floormod` by default. */
  readonly oovMethod?: 'floormod' | 'farmhash';
}

const lookupOptions = [
  ...layerOptions,
  ...vocabularyOptions,
  ...['numOovIndices', 'maskToken', 'oovToken', 'invert', 'salt'],
];
const modes: readonly CategoryMode[] = ['int', 'oneHot', 'multiHot', 'count', 'tfIdf'];

/** What makes the rules and the configuration of a lookup. */
interface Lookup<Kind extends Token> {
  readonly kind: 'stringLookup' | 'integerLookup';
  readonly type: 'string' | 'integer';
  readonly oovToken: Kind;
  readonly options: LookupOptions & {readonly vocabulary?: unknown; readonly maskToken?: unknown};
  bucketOf(token: Kind, count: number, salt: Salt | undefined): number;
}

function checkToken(where: string, token: unknown, type: 'string' | 'integer'): void {
  const isToken = type === 'string' ? typeof token === 'string' : Number.isSafeInteger(token);
  if (isToken) return;
  fail(
    'ERR_OPTION',
    `${where}: expected ${type === 'string' ? 'text' : 'an integer'}. Received ${show(token)}.`,
  );
}

function learningOf<Kind extends Token>({kind, type, oovToken, options, bucketOf}: Lookup<Kind>) {
  const where = `layers.${kind}`;
  const {numOovIndices = 1, invert = false, outputMode = 'int', maskToken = null} = options;
  const {maxTokens, isPadded} = checkVocabularyOptions(where, options, outputMode, modes);
  checkNumber(`${where}: numOovIndices`, numOovIndices, {integer: true, min: 0, max: 2 ** 24});
  checkBoolean(`${where}: invert`, invert);
  if (invert && outputMode !== 'int') {
    fail(
      'ERR_OPTION',
      `${where}: invert gives tokens for ids: outputMode must be 'int', not '${outputMode}'.`,
    );
  }
  if (maskToken !== null) checkToken(`${where}: maskToken`, maskToken, type);
  checkToken(`${where}: oovToken`, oovToken, type);
  const salt = checkSalt(where, options.salt);
  const rules: VocabularyRules<Kind> = {
    type,
    maxTokens,
    numOovIndices,
    maskToken: maskToken as Kind | null,
    oovToken,
    invert,
    hasMaskId: outputMode === 'int',
    hasFrequencies: outputMode === 'tfIdf',
    bucketOf: (token, count) => bucketOf(token, count, salt),
  };
  const {vocabulary, idfWeights} = options;
  const config = () => ({
    maxTokens: options.maxTokens ?? undefined,
    numOovIndices: options.numOovIndices,
    maskToken: (options.maskToken as Kind | null) ?? undefined,
    oovToken: (options as {oovToken?: Kind}).oovToken,
    invert: invert || undefined,
    outputMode: options.outputMode,
    padToMaxTokens: options.padToMaxTokens,
    salt: salt === undefined || typeof salt === 'number' ? salt : [...salt],
  });
  return {rules, config, mode: outputMode, isPadded, vocabulary, idfWeights, invert};
}

/** What `layers.stringLookup` and `layers.integerLookup` give. */
export class LookupLayer<Kind extends Token> extends VocabularyLayer<Kind> {
  readonly firstInput: {dtype: 'string' | 'int64'};
  readonly #type: 'string' | 'integer';
  readonly #invert: boolean;

  /** @internal */
  constructor(lookup: Lookup<Kind>, more: {readonly oovMethod?: string} = {}) {
    const {config, invert, ...learning} = learningOf(lookup);
    super(lookup.kind, lookup.options, {...learning, config: () => ({...config(), ...more})});
    this.#type = lookup.type;
    this.#invert = invert;
    this.firstInput = {dtype: lookup.type === 'string' && !invert ? 'string' : 'int64'};
    Object.freeze(this);
  }

  /** @internal */
  sampleOf(scope: string, inputs: readonly SampleType[]): SampleType {
    const given = onlyInput(scope, inputs);
    const isText = this.#type === 'string';
    checkSampleType(scope, given, isText && !this.#invert ? 'text' : 'numbers');
    if (this.#invert) return {shape: given.shape, dtype: isText ? 'string' : 'int32'};
    return encodedSample(scope, this.mode, given.shape, this.depthFor(scope));
  }

  /** @internal */
  rowsOf(where: string, [rows]: readonly AnyRows[]): AnyRows {
    const encoding = this.encoding(where);
    const given = rows as AnyRows;
    if (this.#invert) return this.#tokensOf(where, given);
    const tokens = this.#elements(where, given);
    const ids = Int32Array.from(tokens, (token, at) => this.#idOf(where, token, given, at));
    return encoded(where, given, ids, encoding);
  }

  #idOf(where: string, token: Kind, rows: AnyRows, at: number): number {
    const id = this.vocabulary.idOf(token);
    if (id !== undefined) return id;
    const holds = `${placeIn(rows, at)} holds ${showShort(token)}, which is not in the vocabulary`;
    return fail('ERR_OUT_OF_RANGE', `${where}: ${holds}; numOovIndices: 1 gives such tokens an id.`);
  }

  /** The tokens of ids. */
  #tokensOf(where: string, rows: AnyRows): AnyRows {
    const tokens = Array.from(integersIn(where, rows), id => this.vocabulary.tokenOf(id));
    const {rowShape, count, single} = rows;
    if (this.#type === 'string') {
      return {data: tokens as readonly string[], dtype: 'string', rowShape, count, single};
    }
    const odd = tokens.findIndex(token => token !== ((token as number) | 0));
    if (odd >= 0) fail('ERR_OUT_OF_RANGE', `${where}: the token ${tokens[odd]} does not fit int32.`);
    const data = Int32Array.from(tokens as readonly number[]);
    return {data, dtype: 'int32', rowShape, count, scale: 1, single};
  }

  #elements(where: string, rows: AnyRows): ArrayLike<Kind> & Iterable<Kind> {
    const all = this.#type === 'string' ? textOf(where, rows).data : Array.from(integersIn(where, rows));
    return all as unknown as readonly Kind[];
  }

  /** @internal */
  protected *documentsOf(where: string, rows: AnyRows): Iterable<Iterable<Kind>> {
    if (isTextRows(rows) !== (this.#type === 'string')) this.#elements(where, rows);
    const tokens = Array.from(this.#elements(where, rows));
    const width = sizeOf(rows.rowShape);
    for (let at = 0; at < tokens.length; at += width) yield tokens.slice(at, at + width);
  }
}

/**
 * Ids of texts by a vocabulary, which it is given or learns by `adapt`; with `outputMode` also ones at
 * their places, counts, or counts times inverse document frequencies. Ids 0 to numOovIndices − 1, behind
 * that of the mask token, are those of unknown texts. It runs in JavaScript ahead of the plan, directly
 * behind an input.
 *
 * @throws ERR_OPTION
 */
export function stringLookup(options: StringLookupOptions = {}): LookupLayer<string> {
  checkOptions('layers.stringLookup', options, lookupOptions);
  return new LookupLayer<string>({
    kind: 'stringLookup',
    type: 'string',
    oovToken: options.oovToken ?? '[UNK]',
    options,
    bucketOf: binOf,
  });
}

/** The same of integers, as long as they are exact: of an input of int64 up to 2⁵³. @throws ERR_OPTION */
export function integerLookup(options: IntegerLookupOptions = {}): LookupLayer<number> {
  const where = 'layers.integerLookup';
  checkOptions(where, options, [...lookupOptions, 'oovMethod']);
  const {oovMethod = 'floormod', salt} = options;
  checkChoice(`${where}: oovMethod`, oovMethod, ['floormod', 'farmhash']);
  const isHashed = oovMethod === 'farmhash';
  if (!isHashed && (salt ?? null) !== null) {
    fail('ERR_OPTION', `${where}: salt: it goes with oovMethod: 'farmhash'.`);
  }
  const lookup: Lookup<number> = {
    kind: 'integerLookup',
    type: 'integer',
    oovToken: options.oovToken ?? -1,
    options,
    bucketOf: (token, count, key) =>
      isHashed ? binOf(String(token), count, key) : ((token % count) + count) % count,
  };
  return new LookupLayer<number>(lookup, options.oovMethod ? {oovMethod} : {});
}
