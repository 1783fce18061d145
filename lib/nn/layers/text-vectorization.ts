// Texts as ids of their words, or as counts of them: standardized, split, joined to n-grams, looked up.
import {checkChoice, checkNumber, fail, requireOptions} from '../../core/errors.ts';
import {show} from '../../core/kinds.ts';
import {describe, type Json, type Named, ownFunction} from '../../core/named.ts';
import {resolve} from '../../core/resolve.ts';
import {formatShape, sizeOf} from '../../core/shape.ts';
import type {Rows} from '../../data/arrays.ts';
import type {AnyRows, TextRows} from '../../data/text.ts';
import {checkSampleType, type SampleType} from '../ahead.ts';
import {onlyInput, textOf} from '../ahead-layer.ts';
import {layerOptions} from '../layer.ts';
import type {VocabularyRules} from '../vocabulary.ts';
import {type CategoryMode, encodedSample, rowsOfTally, tally} from './category-modes.ts';
import {
  checkVocabularyOptions,
  VocabularyLayer,
  type VocabularyOptions,
  vocabularyOptions,
} from './learned-vocabulary.ts';

type Standardize = (text: string) => string;
type Split = (text: string) => readonly string[];

export interface TextVectorizationOptions extends VocabularyOptions {
  /**
   * What is done to a text first: lower case and no punctuation by default; one of both, nothing (null), or a
   * function of the text.
   */
  readonly standardize?:
    | 'lowerAndStripPunctuation'
    | 'lower'
    | 'stripPunctuation'
    | ((text: string) => string)
    | null;
  /** How it is cut into words: at `whitespace` by default, into characters, not at all, or by a function. */
  readonly split?: 'whitespace' | 'character' | ((text: string) => readonly string[]) | null;
  /**
   * Words that follow each other as one token: those of up to so many, or of these numbers. None by
   * default.
   */
  readonly ngrams?: number | readonly number[] | null;
  /** `int` by default: ids in order; else one number for each token of the vocabulary. */
  readonly outputMode?: Exclude<CategoryMode, 'oneHot'>;
  /**
   * How many ids a text has: more are cut off, and 0 stands for those that are missing. In a model it must be
   * said; `call` else gives as many as the longest text has.
   */
  readonly outputSequenceLength?: number | null;
  /** Tokens in the order of their ids, if they are not to be learned by `adapt`. */
  readonly vocabulary?: readonly string[] | null;
}

const standardizations = ['lowerAndStripPunctuation', 'lower', 'stripPunctuation'];
const modes: readonly CategoryMode[] = ['int', 'multiHot', 'count', 'tfIdf'];
const punctuation = /[!-/:-@[-`{-~]/g;

/** A named way, a function of the user's own, or none. */
function wayOf<Way extends (text: string) => unknown>(
  where: string,
  given: unknown,
  names: readonly string[],
): string | (Way & Named) | undefined {
  if (given === null) return undefined;
  const isOwn = typeof given === 'function' || (typeof given === 'object' && given !== undefined);
  if (isOwn) return resolve<Way & Named>('function', {}, given, {custom: ownFunction});
  checkChoice(where, given, names);
  return given as string;
}

const describeWay = (way: string | Named | undefined): Json =>
  way === undefined ? null : typeof way === 'string' ? way : describe('function', way);

function standardizer(where: string, way: ReturnType<typeof wayOf<Standardize>>): Standardize {
  if (way === undefined) return text => text;
  if (way === 'lower') return text => text.toLowerCase();
  if (way === 'stripPunctuation') return text => text.replace(punctuation, '');
  if (typeof way === 'string') return text => text.toLowerCase().replace(punctuation, '');
  return text => {
    const made: unknown = way(text);
    if (typeof made === 'string') return made;
    return fail('ERR_VALUE', `${where}: standardize: the function must give text. Received ${show(made)}.`);
  };
}

function splitter(where: string, way: ReturnType<typeof wayOf<Split>>): Split | undefined {
  if (way === undefined) return undefined;
  if (way === 'whitespace') return text => text.split(/\s+/).filter(word => word !== '');
  if (typeof way === 'string') return text => [...text];
  return text => {
    const made: unknown = way(text);
    if (Array.isArray(made) && made.every(word => typeof word === 'string')) return made;
    return fail(
      'ERR_VALUE',
      `${where}: split: the function must give an array of texts. Received ${show(made)}.`,
    );
  };
}

function sizesOfNgrams(where: string, given: unknown): readonly number[] | undefined {
  if (given === null || given === undefined) return undefined;
  const sizes = Array.isArray(given) ? given : [given];
  for (const size of sizes) checkNumber(`${where}: ngrams`, size, {integer: true, min: 1, max: 100});
  if (sizes.length === 0) fail('ERR_OPTION', `${where}: ngrams: expected a number, or some. Received [].`);
  return Array.isArray(given) ? [...sizes] : Array.from({length: sizes[0]}, (_, at) => at + 1);
}

/** Words joined by spaces: all of one size, then all of the next. */
function joined(words: readonly string[], sizes: readonly number[]): string[] {
  return sizes.flatMap(size =>
    Array.from({length: Math.max(0, words.length - size + 1)}, (_, at) =>
      words.slice(at, at + size).join(' '),
    ),
  );
}

/** Options as they were given, checked, and how a text becomes tokens by them. */
function tokenizerOf(where: string, options: TextVectorizationOptions) {
  const {standardize = standardizations[0], split = 'whitespace'} = options;
  const standardized = wayOf<Standardize>(`${where}: standardize`, standardize, standardizations);
  const cut = wayOf<Split>(`${where}: split`, split, ['whitespace', 'character']);
  const ngrams = sizesOfNgrams(where, options.ngrams);
  const [prepare, wordsOf] = [standardizer(where, standardized), splitter(where, cut)];
  const tokensOf = (texts: readonly string[]): readonly string[] => {
    const whole = texts.map(prepare);
    const words = wordsOf ? whole.flatMap(text => wordsOf(text)) : whole;
    return ngrams ? joined(words, ngrams) : words;
  };
  const config = () => ({
    standardize: options.standardize === undefined ? undefined : describeWay(standardized),
    split: options.split === undefined ? undefined : describeWay(cut),
    ngrams: typeof options.ngrams === 'number' ? options.ngrams : ngrams,
  });
  return {tokensOf, config, splits: wordsOf !== undefined, keeps: !wordsOf && !ngrams};
}

/** Ids are those of padding, of unknown words, then of words. */
const rulesOf = (maxTokens: number | undefined, mode: CategoryMode): VocabularyRules<string> => ({
  type: 'string',
  maxTokens,
  numOovIndices: 1,
  maskToken: '',
  oovToken: '[UNK]',
  invert: false,
  hasMaskId: mode === 'int',
  hasFrequencies: mode === 'tfIdf',
  bucketOf: () => 0,
});

/** What `layers.textVectorization` gives. */
export class TextVectorizationLayer extends VocabularyLayer<string> {
  readonly firstInput: {dtype: 'string'; shape?: readonly []};
  readonly #tokensOf: (texts: readonly string[]) => readonly string[];
  readonly #splits: boolean;
  /** Whether each text is a token, and has an id where it stands. */
  readonly #keeps: boolean;
  readonly #length: number | undefined;

  /** @internal */
  constructor(options: TextVectorizationOptions) {
    const where = 'layers.textVectorization';
    const own = ['standardize', 'split', 'ngrams', 'outputSequenceLength'];
    requireOptions(where, options, [...layerOptions, ...vocabularyOptions, ...own]);
    const {outputMode = 'int', outputSequenceLength, vocabulary, idfWeights} = options;
    const {maxTokens, isPadded} = checkVocabularyOptions(where, options, outputMode, modes);
    const length = outputSequenceLength ?? undefined;
    if (length !== undefined) {
      checkNumber(`${where}: outputSequenceLength`, length, {integer: true, min: 1, max: 2 ** 24});
      if (outputMode !== 'int') {
        fail(
          'ERR_OPTION',
          `${where}: outputSequenceLength goes with outputMode: 'int', not '${outputMode}'.`,
        );
      }
    }
    const {tokensOf, config, splits, keeps} = tokenizerOf(where, options);
    super('textVectorization', options, {
      rules: rulesOf(maxTokens, outputMode),
      config: () => ({
        maxTokens,
        ...config(),
        outputMode: options.outputMode,
        outputSequenceLength: length,
        padToMaxTokens: options.padToMaxTokens,
      }),
      mode: outputMode,
      isPadded,
      vocabulary,
      idfWeights,
    });
    this.#tokensOf = tokensOf;
    this.#splits = splits;
    this.#keeps = keeps && length === undefined;
    this.#length = length;
    this.firstInput = splits ? {dtype: 'string', shape: []} : {dtype: 'string'};
    Object.freeze(this);
  }

  /** @internal */
  sampleOf(scope: string, inputs: readonly SampleType[]): SampleType {
    const given = onlyInput(scope, inputs);
    checkSampleType(scope, given, 'text');
    this.#checkShape(scope, given);
    if (this.mode !== 'int') return encodedSample(scope, this.mode, [1], this.depthFor(scope));
    if (this.#keeps) return {shape: given.shape, dtype: 'int32'};
    if (this.#length !== undefined) return {shape: [this.#length], dtype: 'int32'};
    return fail(
      'ERR_OPTION',
      `${scope}: outputSequenceLength is missing, the number of ids of a text in a model.`,
    );
  }

  #checkShape(scope: string, {shape}: Pick<SampleType, 'shape'>): void {
    if (this.#splits ? sizeOf(shape) === 1 && shape.length <= 1 : shape.length <= 1) return;
    const wanted = this.#splits ? 'one text to a sample, [] or [1]' : 'samples of one axis, tokens';
    fail('ERR_SHAPE', `${scope}: expected ${wanted}. Received samples ${formatShape(shape)}.`);
  }

  /** @internal */
  rowsOf(where: string, [rows]: readonly AnyRows[]): AnyRows {
    const encoding = this.encoding(where);
    const given = textOf(where, rows);
    this.#checkShape(where, {shape: given.rowShape});
    const {count, single} = given;
    // One id stands for all unknown tokens, so that none is without.
    const lists = this.#textsOf(given).map(texts =>
      this.#tokensOf(texts).map(token => this.vocabulary.idOf(token) as number),
    );
    if (this.mode !== 'int') {
      return rowsOfTally(tally(lists, encoding), {rowShape: [encoding.depth], count, single});
    }
    return this.#sequences(lists, given);
  }

  #sequences(lists: readonly (readonly number[])[], {count, single, rowShape}: TextRows): Rows {
    const length = this.#length ?? lists.reduce((most, ids) => Math.max(most, ids.length), 1);
    const data = new Int32Array(count * length);
    lists.forEach((ids, row) => {
      data.set(ids.length > length ? ids.slice(0, length) : ids, row * length);
    });
    const shape = this.#keeps ? rowShape : [length];
    return {data, dtype: 'int32', rowShape: shape, count, scale: 1, single};
  }

  /** The texts of each row. */
  #textsOf({data, rowShape, count}: TextRows): (readonly string[])[] {
    const width = sizeOf(rowShape);
    return Array.from({length: count}, (_, row) => data.slice(row * width, (row + 1) * width));
  }

  /** @internal */
  protected *documentsOf(where: string, rows: AnyRows): Iterable<Iterable<string>> {
    const given = textOf(where, rows);
    this.#checkShape(where, {shape: given.rowShape});
    for (const texts of this.#textsOf(given)) yield this.#tokensOf(texts);
  }
}

/**
 * Makes numbers of texts: `const text = layers.textVectorization({outputSequenceLength: 64});
 * text.adapt(texts)`. Ids are 0 for padding, 1 for words that are not in the vocabulary, then those of the
 * words. Lower case and white space are Unicode's, where TensorFlow knows those of ASCII alone. It runs in
 * JavaScript ahead of the plan, directly behind an input of text.
 *
 * @throws ERR_OPTION
 */
export function textVectorization(options: TextVectorizationOptions = {}): TextVectorizationLayer {
  return new TextVectorizationLayer(options);
}
