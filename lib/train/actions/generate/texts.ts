// The texts that are being made: one, or one for each beam, the best first, all of the same length.
import {at} from '../../../core/lists.ts';

export class Texts {
  /** Of each row. */
  #rows: number[][];
  readonly #stops: ReadonlySet<number>;
  readonly #promptLength: number;
  /** Tokens up to here have been handed out. */
  #taken: number;

  constructor(prompt: readonly number[], rows: number, stops: readonly number[]) {
    this.#rows = Array.from({length: rows}, () => [...prompt]);
    this.#stops = new Set(stops);
    this.#promptLength = prompt.length;
    this.#taken = prompt.length;
  }

  get length(): number {
    return at(this.#rows, 0).length;
  }

  /** Tokens from a place on, [rows, count]. */
  slice(from: number, count: number): Int32Array {
    return Int32Array.from(this.#rows.flatMap(row => row.slice(from, from + count)));
  }

  /** The same by step, [steps, rows]; −1 behind the first `known`. */
  forced(from: number, steps: number, known: number): Int32Array {
    const rows = this.#rows.length;
    return Int32Array.from({length: steps * rows}, (_, index) => {
      const step = Math.floor(index / rows);
      return step < known ? (this.#rows[index % rows]?.[from + step] as number) : -1;
    });
  }

  /** Tokens of steps, [steps, rows], from the first behind the `known` up to `end`. */
  add(tokens: Int32Array, parents: Int32Array | undefined, known: number, end: number): void {
    const count = this.#rows.length;
    for (let step = known; step < end; step++) {
      const of = (all: Int32Array): Int32Array => all.subarray(step * count, (step + 1) * count);
      if (parents) this.#follow(of(parents));
      for (const [row, token] of of(tokens).entries()) at(this.#rows, row).push(token);
    }
  }

  #follow(parents: Int32Array): void {
    if (parents.every((parent, row) => parent === row)) return;
    this.#rows = Array.from(parents, parent => [...at(this.#rows, parent)]);
  }

  /** Where the first token stands behind which a row ends; -1 for none. */
  #endOf(row: readonly number[]): number {
    if (this.#stops.size === 0) return -1;
    return row.findIndex((token, place) => place >= this.#promptLength && this.#stops.has(token));
  }

  /** Whether the first row, which is the best, has ended: of beams, none can overtake it any more. */
  get hasEnded(): boolean {
    return this.#endOf(at(this.#rows, 0)) >= 0;
  }

  /**
   * Tokens that have not been handed out, up to `end`: those in which all rows agree, or with `isFinal` all
   * of the best.
   */
  take(end: number, isFinal: boolean): readonly number[] {
    const best = at(this.#rows, 0);
    const stop = this.#endOf(best);
    const last = Math.min(end, best.length, stop < 0 ? Number.POSITIVE_INFINITY : stop + 1);
    let to = this.#taken;
    while (to < last && (isFinal || this.#rows.every(row => row[to] === best[to]))) to++;
    const tokens = best.slice(this.#taken, to);
    this.#taken = to;
    return tokens;
  }
}
