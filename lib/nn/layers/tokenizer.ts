// Texts as ids of pieces of words: by byte pairs, WordPiece, or whatever a tokenizer.json describes. The
// package @huggingface/tokenizers cuts them, which is no dependency: whoever uses these layers installs it.
import {checkBoolean, checkNumber, fail, requireOptions} from '../../core/errors.ts';
import {isError, isList, isPlainObject, show} from '../../core/kinds.ts';
import type {Config, Json} from '../../core/named.ts';
import {formatShape, sizeOf} from '../../core/shape.ts';
import type {DataInput} from '../../data/arrays.ts';
import {optionalPackage} from '../../data/optional-package.ts';
import type {AnyRows} from '../../data/text.ts';
import {checkSampleType, type SampleType} from '../ahead.ts';
import {AheadLayer, integersIn, onlyInput, placeIn, rowsOfAny, textOf} from '../ahead-layer.ts';
import {type LayerOptions, layerOptions} from '../layer.ts';

export interface TokenizerLayerOptions extends LayerOptions {
  /**
   * How many ids a text has: more are cut off, and `padId` stands for those that are missing. In a model it
   * must be said; `call` else gives as many as the longest text has.
   */
  readonly sequenceLength?: number | null;
}

export interface TokenizerOptions extends TokenizerLayerOptions {
  /** What a file tokenizer.json of the Hugging Face hub holds. */
  readonly tokenizer: object;
  /** What the file tokenizer_config.json beside it holds. Nothing by default. */
  readonly config?: object;
  /** Whether tokens such as [CLS] and [SEP] are added, as the description says. True by default. */
  readonly addSpecialTokens?: boolean;
  /** The id of padding. That of the pad token of `config`, or 0, by default. */
  readonly padId?: number;
}

export interface BytePairTokenizerOptions extends TokenizerLayerOptions {
  /** Ids by token, or tokens in the order of their ids. */
  readonly vocabulary: Readonly<Record<string, number>> | readonly string[];
  /** Pairs that are joined, the first one first: `t h`. */
  readonly merges: readonly string[];
  /** Whether a text begins with a space. False by default. */
  readonly addPrefixSpace?: boolean;
  /** Tokens that are not cut. None by default. */
  readonly unsplittableTokens?: readonly string[];
}

export interface WordPieceTokenizerOptions extends TokenizerLayerOptions {
  /** Tokens in the order of their ids. */
  readonly vocabulary: readonly string[];
  /** Whether texts become lower case. False by default. */
  readonly lowercase?: boolean;
  /** Whether accents are left out. False by default. */
  readonly stripAccents?: boolean;
  /** Whether each character of Chinese is a word. True by default. */
  readonly splitOnCjk?: boolean;
  /** What pieces behind the first of a word begin with. `##` by default. */
  readonly suffixIndicator?: string;
  /** For words that cannot be cut into pieces; one of the vocabulary. `[UNK]` by default. */
  readonly oovToken?: string;
  /** Tokens that are not cut, where they stand in a text. None by default. */
  readonly specialTokens?: readonly string[];
}

/** What is used of the package. */
interface Tokenizer {
  encode(
    text: string,
    options?: {add_special_tokens?: boolean},
  ): {readonly ids: readonly (number | undefined)[]};
  decode(ids: readonly number[], options?: {skip_special_tokens?: boolean}): string;
  get_vocab(): ReadonlyMap<string, number>;
}

type Package = {readonly Tokenizer: new (tokenizer: object, config: object) => Tokenizer};

interface Described {
  readonly tokenizer: Config;
  readonly config: Config;
  readonly addSpecialTokens: boolean;
  readonly padId: number;
}

const packageName = '@huggingface/tokenizers';

function tokenizerFrom(where: string, {tokenizer, config}: Described): Tokenizer {
  const own = optionalPackage(where, packageName, 'texts are cut into tokens') as Package;
  try {
    return new own.Tokenizer(tokenizer, config);
  } catch (cause) {
    const reason = isError(cause) ? cause.message : String(cause);
    return fail(
      'ERR_OPTION',
      `${where}: ${packageName} cannot read the description of the tokenizer: ${reason}.`,
    );
  }
}

/** What the three layers give. */
export class TokenizerLayer extends AheadLayer {
  readonly firstInput = {dtype: 'string', shape: []} as const;
  readonly #tokenizer: Tokenizer;
  readonly #described: Described;
  readonly #length: number | undefined;

  /** @internal */
  constructor(kind: string, options: TokenizerLayerOptions, described: Described, config: () => Config) {
    const where = `layers.${kind}`;
    const length = options.sequenceLength ?? undefined;
    if (length !== undefined) {
      checkNumber(`${where}: sequenceLength`, length, {integer: true, min: 1, max: 2 ** 24});
    }
    super(kind, options, () => ({...config(), sequenceLength: length}));
    this.#tokenizer = tokenizerFrom(where, described);
    this.#described = described;
    this.#length = length;
    Object.freeze(this);
  }

  /** How many tokens there are. */
  vocabularySize(): number {
    return this.getVocabulary().length;
  }

  /** The tokens in the order of their ids. */
  getVocabulary(): string[] {
    const tokens: string[] = [];
    for (const [token, id] of this.#tokenizer.get_vocab()) tokens[id] = token;
    return Array.from(tokens, token => token ?? '');
  }

  /** The texts of ids, padding and special tokens left out: one for each row. @throws ERR_DTYPE, ERR_VALUE */
  detokenize(ids: DataInput): string[] {
    const where = `${this.name}: detokenize`;
    const rows = rowsOfAny(where, ids);
    const all = Array.from(integersIn(where, rows));
    const isOne = rows.rowShape.length === 0;
    const width = isOne ? all.length : sizeOf(rows.rowShape);
    return Array.from({length: all.length / width}, (_, row) => {
      const own = all.slice(row * width, (row + 1) * width).filter(id => id !== this.#described.padId);
      return own.length === 0 ? '' : this.#tokenizer.decode(own, {skip_special_tokens: true});
    });
  }

  /** @internal */
  sampleOf(scope: string, inputs: readonly SampleType[]): SampleType {
    const given = onlyInput(scope, inputs);
    checkSampleType(scope, given, 'text');
    this.#checkShape(scope, given);
    if (this.#length !== undefined) return {shape: [this.#length], dtype: 'int32'};
    return fail('ERR_OPTION', `${scope}: sequenceLength is missing, the number of ids of a text in a model.`);
  }

  #checkShape(scope: string, {shape}: Pick<SampleType, 'shape'>): void {
    if (sizeOf(shape) === 1 && shape.length <= 1) return;
    const wanted = 'expected one text to a sample, [] or [1]';
    fail('ERR_SHAPE', `${scope}: ${wanted}. Received samples ${formatShape(shape)}.`);
  }

  /** @internal */
  rowsOf(where: string, [rows]: readonly AnyRows[]): AnyRows {
    const given = textOf(where, rows);
    const {count, single, rowShape} = given;
    this.#checkShape(where, {shape: rowShape});
    const lists = given.data.map((text, row) => {
      const ids = this.#idsOf(text);
      const odd = ids.findIndex(id => !Number.isInteger(id));
      if (odd < 0) return ids;
      return fail(
        'ERR_OUT_OF_RANGE',
        `${where}: ${placeIn(given, row)}: token ${odd} has no id in the vocabulary.`,
      );
    });
    const length = this.#length ?? lists.reduce((most, ids) => Math.max(most, ids.length), 1);
    const data = new Int32Array(count * length).fill(this.#described.padId);
    lists.forEach((ids, row) => {
      data.set(ids, row * length);
    });
    return {data, dtype: 'int32', rowShape: [length], count, scale: 1, single};
  }

  /** The ids of a text, of which those of special tokens are kept where it is too long. */
  #idsOf(text: string): readonly number[] {
    const add = this.#described.addSpecialTokens;
    const ids = this.#tokenizer.encode(text, {add_special_tokens: add}).ids as readonly number[];
    const most = this.#length;
    if (most === undefined || ids.length <= most) return ids;
    const plain = this.#tokenizer.encode(text, {add_special_tokens: false}).ids as readonly number[];
    const special = ids.length - plain.length;
    if (!add || special <= 0 || special > most) return ids.slice(0, most);
    let before = 0;
    while (before < special && plain.some((id, at) => ids[before + at] !== id)) before++;
    const after = ids.slice(before + plain.length);
    return [...ids.slice(0, before), ...plain.slice(0, most - special), ...after];
  }
}

function checkTokens(where: string, given: unknown): asserts given is readonly string[] {
  const isTokens = isList(given) && given.length > 0 && given.every(token => typeof token === 'string');
  if (!isTokens) fail('ERR_OPTION', `${where}: expected an array of texts. Received ${show(given)}.`);
  if (new Set(given).size < given.length)
    fail('ERR_OPTION', `${where}: a token stands there more than once.`);
}

/** Ids by token. @throws ERR_OPTION */
function idsByToken(where: string, given: unknown): {[token: string]: number} {
  if (!isPlainObject(given)) {
    checkTokens(where, given);
    return Object.fromEntries(given.map((token, id) => [token, id]));
  }
  const ids = Object.values(given);
  const odd = ids.findIndex(id => !Number.isInteger(id) || (id as number) < 0 || (id as number) >= 2 ** 31);
  if (odd >= 0)
    fail('ERR_OPTION', `${where}: ${show(Object.keys(given)[odd])} has the id ${show(ids[odd])}.`);
  if (new Set(ids).size < ids.length) fail('ERR_OPTION', `${where}: two tokens have the same id.`);
  if (ids.length === 0) fail('ERR_OPTION', `${where}: the vocabulary is empty.`);
  return given as {[token: string]: number};
}

/** Tokens that are not cut, as a tokenizer.json has them. */
function addedTokens(where: string, given: unknown, ids: {readonly [token: string]: number}): Json[] {
  if (given === undefined) return [];
  checkTokens(where, given);
  return given.map(content => {
    const id = Object.hasOwn(ids, content) ? ids[content] : undefined;
    if (id === undefined) return fail('ERR_OPTION', `${where}: ${show(content)} is not in the vocabulary.`);
    return {id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true};
  });
}

/**
 * Ids of texts by a tokenizer.json of the Hugging Face hub, whatever its model: byte pairs, WordPiece,
 * Unigram. It needs the package @huggingface/tokenizers, and runs ahead of the plan, directly behind an
 * input of text.
 *
 * @throws ERR_OPTION, also where the package is missing.
 */
export function tokenizer(options: TokenizerOptions): TokenizerLayer {
  const where = 'layers.tokenizer';
  const own = ['tokenizer', 'config', 'addSpecialTokens', 'padId', 'sequenceLength'];
  requireOptions(where, options, [...layerOptions, ...own]);
  const {tokenizer: description, config = {}, addSpecialTokens = true} = options;
  for (const [name, given] of Object.entries({tokenizer: description, config})) {
    if (!isPlainObject(given))
      fail('ERR_OPTION', `${where}: ${name}: expected an object. Received ${show(given)}.`);
  }
  checkBoolean(`${where}: addSpecialTokens`, addSpecialTokens);
  if (options.padId !== undefined) checkNumber(`${where}: padId`, options.padId, {integer: true, min: 0});
  const described: Described = {
    tokenizer: description as Config,
    config: config as Config,
    addSpecialTokens,
    padId: options.padId ?? padIdOf(description as Config, config as Config),
  };
  return new TokenizerLayer('tokenizer', options, described, () => ({
    tokenizer: described.tokenizer,
    ...(options.config !== undefined && {config: described.config}),
    ...(options.addSpecialTokens !== undefined && {addSpecialTokens}),
    ...(options.padId !== undefined && {padId: options.padId}),
  }));
}

/** The id of the token that a configuration says to be padding. */
function padIdOf({added_tokens: added}: Config, {pad_token: pad}: Config): number {
  const content = isPlainObject(pad) ? (pad as {content?: unknown}).content : pad;
  const known = Array.isArray(added) ? (added as readonly {content?: unknown; id?: unknown}[]) : [];
  const id = known.find(token => token.content === content)?.id;
  return typeof id === 'number' ? id : 0;
}

/** Of no vocabulary: what is unknown has no id then, where the package would leave it out without a word. */
const absent = '[no token]';

/**
 * Ids of texts by byte pairs, as GPT-2 and RoBERTa have them (Sennrich et al. 2016). It needs the package
 * @huggingface/tokenizers, and runs ahead of the plan, directly behind an input of text.
 *
 * @throws ERR_OPTION, also where the package is missing.
 */
export function bytePairTokenizer(options: BytePairTokenizerOptions): TokenizerLayer {
  const where = 'layers.bytePairTokenizer';
  const own = ['vocabulary', 'merges', 'addPrefixSpace', 'unsplittableTokens', 'sequenceLength'];
  requireOptions(where, options, [...layerOptions, ...own]);
  const {addPrefixSpace = false, merges, unsplittableTokens} = options;
  const vocab = idsByToken(`${where}: vocabulary`, options.vocabulary);
  checkTokens(`${where}: merges`, merges);
  const odd = merges.find(pair => !/^[^ ]+ [^ ]+$/.test(pair));
  if (odd !== undefined) fail('ERR_OPTION', `${where}: merges: ${show(odd)} is no pair such as "t h".`);
  checkBoolean(`${where}: addPrefixSpace`, addPrefixSpace);
  const described: Config = {
    added_tokens: addedTokens(`${where}: unsplittableTokens`, unsplittableTokens, vocab),
    normalizer: null,
    pre_tokenizer: {type: 'ByteLevel', add_prefix_space: addPrefixSpace, trim_offsets: true, use_regex: true},
    post_processor: null,
    decoder: {type: 'ByteLevel', add_prefix_space: addPrefixSpace, trim_offsets: true, use_regex: true},
    model: {type: 'BPE', vocab, merges: [...merges], unk_token: absent},
  };
  const rules = {tokenizer: described, config: {}, addSpecialTokens: false, padId: 0};
  return new TokenizerLayer('bytePairTokenizer', options, rules, () => ({
    vocabulary: vocab,
    merges: [...merges],
    ...(options.addPrefixSpace !== undefined && {addPrefixSpace}),
    ...(unsplittableTokens && {unsplittableTokens: [...unsplittableTokens]}),
  }));
}

/**
 * Ids of texts by WordPiece, as BERT has them (Schuster and Nakajima 2012): the longest pieces of the
 * vocabulary first. It needs the package @huggingface/tokenizers, and runs ahead of the plan, directly behind
 * an input of text.
 *
 * @throws ERR_OPTION, also where the package is missing.
 */
export function wordPieceTokenizer(options: WordPieceTokenizerOptions): TokenizerLayer {
  const where = 'layers.wordPieceTokenizer';
  const flags = ['lowercase', 'stripAccents', 'splitOnCjk'] as const;
  const own = ['vocabulary', ...flags, 'suffixIndicator', 'oovToken', 'specialTokens', 'sequenceLength'];
  requireOptions(where, options, [...layerOptions, ...own]);
  const {lowercase = false, stripAccents = false, splitOnCjk = true, specialTokens} = options;
  const {vocabulary, suffixIndicator = '##', oovToken = '[UNK]'} = options;
  for (const [name, value] of Object.entries({lowercase, stripAccents, splitOnCjk})) {
    checkBoolean(`${where}: ${name}`, value);
  }
  for (const [name, value] of Object.entries({suffixIndicator, oovToken})) {
    if (typeof value !== 'string')
      fail('ERR_OPTION', `${where}: ${name}: expected text. Received ${show(value)}.`);
  }
  checkTokens(`${where}: vocabulary`, vocabulary);
  const vocab = idsByToken(`${where}: vocabulary`, vocabulary);
  if (!Object.hasOwn(vocab, oovToken)) {
    fail('ERR_OPTION', `${where}: oovToken: ${show(oovToken)} is not in the vocabulary, and words need it.`);
  }
  const described: Config = {
    added_tokens: addedTokens(`${where}: specialTokens`, specialTokens, vocab),
    normalizer: {
      ...{type: 'BertNormalizer', clean_text: true, handle_chinese_chars: splitOnCjk},
      ...{strip_accents: stripAccents, lowercase},
    },
    pre_tokenizer: {type: 'BertPreTokenizer'},
    post_processor: null,
    decoder: {type: 'WordPiece', prefix: suffixIndicator, cleanup: true},
    model: {
      ...{type: 'WordPiece', unk_token: oovToken, continuing_subword_prefix: suffixIndicator},
      ...{max_input_chars_per_word: 100, vocab},
    },
  };
  const rules = {tokenizer: described, config: {}, addSpecialTokens: false, padId: 0};
  const plain = Object.fromEntries(
    [...flags, 'suffixIndicator' as const, 'oovToken' as const].flatMap(name => {
      const value = options[name];
      return value === undefined ? [] : [[name, value] as const];
    }),
  );
  return new TokenizerLayer('wordPieceTokenizer', options, rules, () => ({
    vocabulary: [...vocabulary],
    ...plain,
    ...(specialTokens && {specialTokens: [...specialTokens]}),
  }));
}
