// What layers with a vocabulary share: its options, and how they learn, give and set it.
import {checkBoolean, checkChoice, checkNumber, fail} from '../../core/errors.ts';
import type {Json} from '../../core/named.ts';
import type {AnyInput, AnyRows} from '../../data/text.ts';
import {AheadLayer, rowsOfAny} from '../ahead-layer.ts';
import type {Salt} from '../hashes.ts';
import type {LayerOptions} from '../layer.ts';
import type {TokenCounts} from '../token-counts.ts';
import {type Token, Vocabulary, type VocabularyRules} from '../vocabulary.ts';
import {type AdaptBatches, isBatches, tablesOf} from './adapt.ts';
import type {CategoryMode, Encoding} from './category-modes.ts';

/** Batches of texts or numbers, alone or as `xs` of `{xs, ys}`. */
export type CategoryBatches = AdaptBatches<AnyInput>;

export interface VocabularyOptions extends LayerOptions {
  /** The largest number of ids, special tokens included. No limit by default. */
  readonly maxTokens?: number | null;
  /** The inverse document frequency of each token of `vocabulary`; with `outputMode: 'tfIdf'` alone. */
  readonly idfWeights?: readonly number[] | Float32Array | Float64Array | null;
  /** Whether what it gives has maxTokens places however many tokens there are. False by default. */
  readonly padToMaxTokens?: boolean;
}

export const vocabularyOptions = ['maxTokens', 'vocabulary', 'idfWeights', 'outputMode', 'padToMaxTokens'];

/** Options that all of them have, checked. */
export function checkVocabularyOptions(
  where: string,
  {maxTokens, padToMaxTokens = false}: VocabularyOptions,
  mode: CategoryMode,
  modes: readonly CategoryMode[],
): {maxTokens: number | undefined; isPadded: boolean} {
  const most = maxTokens ?? undefined;
  if (most !== undefined) checkNumber(`${where}: maxTokens`, most, {integer: true, min: 2, max: 2 ** 31 - 1});
  checkBoolean(`${where}: padToMaxTokens`, padToMaxTokens);
  if (padToMaxTokens && most === undefined) {
    fail(
      'ERR_OPTION',
      `${where}: padToMaxTokens: it needs maxTokens, the size to which the output is padded.`,
    );
  }
  checkChoice(`${where}: outputMode`, mode, modes);
  return {maxTokens: most, isPadded: padToMaxTokens && mode !== 'int'};
}

/** A salt, or undefined where there is none. @throws ERR_OPTION */
export function checkSalt(where: string, salt: unknown): Salt | undefined {
  if (salt === undefined || salt === null) return undefined;
  const words = Array.isArray(salt) ? salt : [salt];
  if (words.length > 2 || (Array.isArray(salt) && words.length !== 2)) {
    fail('ERR_OPTION', `${where}: salt: expected a number, or two. Received ${words.length}.`);
  }
  for (const word of words) checkNumber(`${where}: salt`, word, {integer: true, min: 0});
  return Array.isArray(salt) ? [salt[0], salt[1]] : (salt as number);
}

interface Learning<Kind extends Token> {
  readonly config: () => Readonly<Record<string, Json | undefined>>;
  readonly rules: VocabularyRules<Kind>;
  readonly mode: CategoryMode;
  readonly isPadded: boolean;
  /** As they were given. */
  readonly vocabulary: unknown;
  readonly idfWeights: unknown;
}

/** A layer that makes ids of tokens. */
export abstract class VocabularyLayer<Kind extends Token> extends AheadLayer {
  /** @internal */
  protected readonly vocabulary: Vocabulary<Kind>;
  /** @internal */
  protected readonly mode: CategoryMode;
  readonly #isPadded: boolean;
  readonly #maxTokens: number;

  /** @internal */
  constructor(kind: string, options: LayerOptions, learning: Learning<Kind>) {
    const {rules, config, mode, isPadded, vocabulary, idfWeights} = learning;
    const own = new Vocabulary(rules);
    super(kind, options, () => ({
      ...config(),
      vocabulary: own.isEmpty ? undefined : own.all(),
      idfWeights: own.frequencies && Array.from(own.frequencies),
    }));
    this.vocabulary = own;
    this.mode = mode;
    this.#isPadded = isPadded;
    this.#maxTokens = rules.maxTokens ?? 0;
    const where = `layers.${kind}`;
    if ((vocabulary ?? null) !== null) own.set(`${where}: vocabulary`, vocabulary, idfWeights ?? undefined);
    else if ((idfWeights ?? null) !== null) {
      fail('ERR_OPTION', `${where}: idfWeights: they go with vocabulary, one for each of its tokens.`);
    }
  }

  /** @internal The tokens of each document of some rows. */
  protected abstract documentsOf(where: string, rows: AnyRows): Iterable<Iterable<Kind>>;

  /**
   * Learns the vocabulary from data: rows as `fit` takes them, of which each is a document; or a data set
   * of batches, `xs` alone or as `{xs, ys}`, of which it reads one pass. The tokens that occur most often
   * have the lowest ids. It replaces the vocabulary there was, and is saved with the model.
   *
   * @throws ERR_VALUE where there are no tokens; ERR_OPTION where a model counts on another number of ids;
   * ERR_DTYPE; ERR_MODEL_BUSY
   */
  adapt(batches: CategoryBatches): Promise<void>;
  adapt(rows: AnyInput): void;
  adapt(given: AnyInput | CategoryBatches): Promise<void> | void {
    const where = `${this.name}: adapt`;
    const counts = this.vocabulary.counts();
    if (isBatches<AnyInput>(given)) return this.#adaptTo(where, given, counts);
    this.#count(where, given, counts);
    this.#learn(where, counts);
  }

  async #adaptTo(where: string, batches: CategoryBatches, counts: TokenCounts<Kind>): Promise<void> {
    for await (const {what, xs} of tablesOf(where, batches)) this.#count(what, xs, counts);
    this.#learn(where, counts);
  }

  #count(where: string, given: AnyInput, counts: TokenCounts<Kind>): void {
    for (const document of this.documentsOf(where, rowsOfAny(where, given))) counts.add(document);
  }

  #learn(where: string, counts: TokenCounts<Kind>): void {
    this.checkNoTraining('adapt');
    this.vocabulary.learn(where, counts);
  }

  /** Its tokens in the order of their ids; special ones, of a mask and of what is unknown, come first. */
  getVocabulary(includeSpecialTokens = true): Kind[] {
    return this.vocabulary.all(includeSpecialTokens);
  }

  /** How many ids there are, special tokens included. */
  vocabularySize(): number {
    return this.vocabulary.size;
  }

  /**
   * Sets the vocabulary: tokens in the order of their ids, with all special ones before them or without. With
   * `outputMode: 'tfIdf'` the inverse document frequency of each.
   *
   * @throws ERR_OPTION saying what is wrong with it; ERR_MODEL_BUSY
   */
  setVocabulary(vocabulary: readonly Kind[], idfWeights?: readonly number[] | Float32Array): void {
    this.checkNoTraining('setVocabulary');
    this.vocabulary.set(`${this.name}: setVocabulary`, vocabulary, idfWeights);
  }

  /** @internal How many places an array of all ids has; in a model that number stays. */
  protected depthFor(scope: string): number | undefined {
    if (this.mode === 'int') return undefined;
    return this.#isPadded ? this.#maxTokens : this.vocabulary.fixSize(scope);
  }

  /** @internal */
  protected encoding(where: string): Encoding {
    this.vocabulary.checkKnown(where);
    const depth = this.#isPadded ? this.#maxTokens : this.vocabulary.size;
    return {mode: this.mode, depth, factors: this.vocabulary.frequencies};
  }
}
