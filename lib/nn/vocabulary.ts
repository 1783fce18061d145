// A list of tokens, each with an id: what lookups are made of. Ids begin with that of the mask token, then
// those of tokens that are out of the vocabulary, then the tokens themselves, as in Keras.
import {fail} from '../core/errors.ts';
import {isList, show} from '../core/kinds.ts';
import {type Token, TokenCounts} from './token-counts.ts';

export type {Token} from './token-counts.ts';

export interface VocabularyRules<Kind extends Token> {
  /** Of its tokens. */
  readonly type: 'string' | 'integer';
  /** At most so many ids, special ones included. */
  readonly maxTokens: number | undefined;
  readonly numOovIndices: number;
  readonly maskToken: Kind | null;
  readonly oovToken: Kind;
  /** Whether ids are looked up, so that the out-of-vocabulary token must be none of the others. */
  readonly invert: boolean;
  /** Whether the mask token has the id 0; else it is left out. */
  readonly hasMaskId: boolean;
  /** Whether tokens have inverse document frequencies. */
  readonly hasFrequencies: boolean;
  /** Which of several ids a token has that is out of the vocabulary, from 0. */
  bucketOf(token: Kind, count: number): number;
}

const someOf = (tokens: readonly Token[]): string =>
  `${tokens.slice(0, 5).map(show).join(', ')}${tokens.length > 5 ? ', …' : ''}`;

export class Vocabulary<Kind extends Token> {
  readonly #rules: VocabularyRules<Kind>;
  #tokens: readonly Kind[] = [];
  #ids: ReadonlyMap<Kind, number> = new Map();
  /** Of all ids. */
  #frequencies: Float32Array | undefined;
  /** How many ids there must be from now on, as a model counts on it. */
  #fixedSize: number | undefined;

  constructor(rules: VocabularyRules<Kind>) {
    this.#rules = rules;
  }

  /** The id of the first token that is no special one. */
  get start(): number {
    const {maskToken, hasMaskId, numOovIndices} = this.#rules;
    return (maskToken !== null && hasMaskId ? 1 : 0) + numOovIndices;
  }

  get size(): number {
    return this.start + this.#tokens.length;
  }

  get isEmpty(): boolean {
    return this.#tokens.length === 0;
  }

  get frequencies(): Float32Array | undefined {
    return this.#frequencies;
  }

  #special(): Kind[] {
    const {maskToken, numOovIndices, oovToken} = this.#rules;
    const masks = this.start > numOovIndices ? [maskToken as Kind] : [];
    return [...masks, ...new Array<Kind>(numOovIndices).fill(oovToken)];
  }

  /** All tokens in the order of their ids. */
  all(includeSpecialTokens = true): Kind[] {
    return includeSpecialTokens ? [...this.#special(), ...this.#tokens] : [...this.#tokens];
  }

  /** @throws ERR_OPTION where there are no tokens yet. */
  checkKnown(where: string): void {
    if (!this.isEmpty) return;
    fail(
      'ERR_OPTION',
      `${where}: there is no vocabulary yet: adapt(data) learns one, setVocabulary takes one.`,
    );
  }

  /** The number of ids, which stays as it is from now on. @throws ERR_OPTION */
  fixSize(where: string): number {
    this.checkKnown(where);
    this.#fixedSize = this.size;
    return this.size;
  }

  /** The id of a token; undefined where it has none, −1 where it is left out. */
  idOf(token: Kind): number | undefined {
    const {maskToken, hasMaskId, numOovIndices, bucketOf} = this.#rules;
    if (token === maskToken) return hasMaskId ? 0 : -1;
    const id = this.#ids.get(token);
    if (id !== undefined) return id;
    if (numOovIndices === 0) return undefined;
    const bucket = numOovIndices === 1 ? 0 : bucketOf(token, numOovIndices);
    return this.start - numOovIndices + bucket;
  }

  tokenOf(id: number): Kind {
    const {maskToken, oovToken} = this.#rules;
    if (id === 0 && maskToken !== null) return maskToken;
    return this.#tokens[id - this.start] ?? oovToken;
  }

  /**
   * Takes tokens, with or without the special ones before them, and their inverse document frequencies.
   *
   * @throws ERR_OPTION saying what is wrong with them.
   */
  set(where: string, given: unknown, frequencies?: unknown): void {
    const list = this.#checked(where, given);
    const special = this.#special();
    const isWhole = special.every((token, at) => list[at] === token);
    const tokens = isWhole ? list.slice(special.length) : list;
    this.#checkTokens(where, tokens, special);
    const {hasFrequencies} = this.#rules;
    if (hasFrequencies !== (frequencies !== undefined)) {
      const what = hasFrequencies ? 'are missing, one for each token' : "go with outputMode: 'tfIdf' only";
      fail('ERR_OPTION', `${where}: idfWeights ${what}.`);
    }
    const own = hasFrequencies ? checkFrequencies(where, frequencies, list.length) : undefined;
    this.#take(where, tokens, own && (isWhole ? own : withMean(own, special.length)));
  }

  #checked(where: string, given: unknown): Kind[] {
    const {type} = this.#rules;
    if (!isList(given)) {
      const hint =
        typeof given === 'string' ? " Of a file: readFileSync(path, 'utf8').trimEnd().split('\\n')." : '';
      return fail('ERR_OPTION', `${where}: expected an array of tokens. Received ${show(given)}.${hint}`);
    }
    const list = Array.from(given, token => (typeof token === 'bigint' ? Number(token) : token));
    const isToken = (token: unknown): boolean =>
      type === 'string' ? typeof token === 'string' : Number.isSafeInteger(token);
    const odd = list.findIndex(token => !isToken(token));
    if (odd >= 0) {
      const wanted = type === 'string' ? 'expected text' : 'expected an integer';
      fail('ERR_OPTION', `${where}: token ${odd} is ${show(given[odd])}; ${wanted}.`);
    }
    return list as Kind[];
  }

  #checkTokens(where: string, tokens: readonly Kind[], special: readonly Kind[]): void {
    const {maskToken, oovToken, invert, maxTokens} = this.#rules;
    if (tokens.length === 0) fail('ERR_OPTION', `${where}: the vocabulary is empty.`);
    const seen = new Set<Kind>();
    const repeated = new Set(tokens.filter(token => seen.has(token) || !seen.add(token)));
    if (repeated.size > 0) {
      fail('ERR_OPTION', `${where}: tokens stand there more than once: ${someOf([...repeated])}.`);
    }
    for (const reserved of [maskToken, ...(invert ? [oovToken] : [])]) {
      if (reserved === null || !seen.has(reserved)) continue;
      const order = special.length > 0 ? `, or begin with all of them, ${special.map(show).join(', ')}` : '';
      fail('ERR_OPTION', `${where}: ${show(reserved)} is a special token. Leave such out${order}.`);
    }
    const size = special.length + tokens.length;
    if (maxTokens !== undefined && size > maxTokens) {
      fail(
        'ERR_OPTION',
        `${where}: ${size} ids, special ones included, are more than maxTokens ${maxTokens}.`,
      );
    }
  }

  #take(where: string, tokens: readonly Kind[], frequencies: Float32Array | undefined): void {
    const size = this.start + tokens.length;
    if (this.#fixedSize !== undefined && size !== this.#fixedSize) {
      const what = `a model counts on ${this.#fixedSize} ids, and there would be ${size}`;
      fail('ERR_OPTION', `${where}: ${what}. With padToMaxTokens and maxTokens their number may change.`);
    }
    this.#tokens = [...tokens];
    this.#ids = new Map(tokens.map((token, at) => [token, this.start + at]));
    this.#frequencies = frequencies;
  }

  /** What counts tokens for `adapt`. */
  counts(): TokenCounts<Kind> {
    return new TokenCounts(this.#rules.hasFrequencies);
  }

  /** Takes the tokens that occur most often. @throws ERR_VALUE where there is none. */
  learn(where: string, counts: TokenCounts<Kind>): void {
    const {maskToken, oovToken, maxTokens, hasFrequencies} = this.#rules;
    const most = maxTokens === undefined ? undefined : maxTokens - this.start;
    const tokens = counts.mostFrequent([maskToken, oovToken], most);
    if (tokens.length === 0) fail('ERR_VALUE', `${where}: the data hold no tokens.`);
    const frequencies = hasFrequencies ? withMean(counts.inverseFrequencies(tokens), this.start) : undefined;
    this.#take(where, tokens, frequencies);
  }
}

function checkFrequencies(where: string, given: unknown, count: number): Float32Array {
  if (!isList(given) || given.length !== count) {
    const received = isList(given) ? `${given.length} for ${count} tokens` : show(given);
    return fail(
      'ERR_OPTION',
      `${where}: idfWeights: expected a number for each token. Received ${received}.`,
    );
  }
  const odd = given.findIndex(value => typeof value !== 'number' || !Number.isFinite(Math.fround(value)));
  if (odd >= 0) fail('ERR_OPTION', `${where}: idfWeights: number ${odd} is ${show(given[odd])}.`);
  return Float32Array.from(given as readonly number[]);
}

/** Their mean stands for the special tokens before them, of which nothing is known. */
function withMean(frequencies: Float32Array, special: number): Float32Array {
  const mean = frequencies.reduce((sum, value) => sum + value, 0) / frequencies.length;
  return Float32Array.from([...new Array<number>(special).fill(mean), ...frequencies]);
}
