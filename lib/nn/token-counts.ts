// How often tokens occur, and in how many documents: what a vocabulary learns from.

export type Token = string | number;

/** UTF-16 units in the order of code points: what UTF-8 bytes are ordered by, too. */
const rankOf = (unit: number): number =>
  unit < 0xd800 ? unit : unit < 0xe000 ? unit + 0x2000 : unit - 0x800;

/** By code points, as Python and TensorFlow order text. */
function compareTexts(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at++) {
    const [left, right] = [a.charCodeAt(at), b.charCodeAt(at)];
    if (left !== right) return rankOf(left) - rankOf(right);
  }
  return a.length - b.length;
}

const compare = (a: Token, b: Token): number =>
  typeof a === 'string' ? compareTexts(a, b as string) : a - (b as number);

export class TokenCounts<Kind extends Token> {
  readonly #counts = new Map<Kind, number>();
  /** In how many documents each token occurs, where that is asked for. */
  readonly #documents: Map<Kind, number> | undefined;
  #total = 0;

  constructor(hasDocuments: boolean) {
    if (hasDocuments) this.#documents = new Map();
  }

  /** Counts the tokens of one document. */
  add(tokens: Iterable<Kind>): void {
    this.#total++;
    const own = this.#documents && new Set<Kind>();
    for (const token of tokens) {
      this.#counts.set(token, (this.#counts.get(token) ?? 0) + 1);
      own?.add(token);
    }
    for (const token of own ?? []) this.#documents?.set(token, (this.#documents.get(token) ?? 0) + 1);
  }

  /** Those that occur most often first; of equally many the one that is greater, as in Keras. */
  mostFrequent(without: readonly (Kind | null)[], most: number | undefined): Kind[] {
    const entries = [...this.#counts].filter(([token]) => !without.includes(token));
    entries.sort(([a, countOfA], [b, countOfB]) => countOfB - countOfA || compare(b, a));
    return entries.slice(0, most).map(([token]) => token);
  }

  /** log(1 + documents / (1 + documents with the token)) of each. */
  inverseFrequencies(tokens: readonly Kind[]): Float32Array {
    return Float32Array.from(tokens, token =>
      Math.log(1 + this.#total / (1 + (this.#documents?.get(token) ?? 0))),
    );
  }
}
