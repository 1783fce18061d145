// Traces that were seen before, found by a hash of integers and an exact comparison. Those that differ in
// their sizes alone are a family, which may have one plan for any number of rows.
import {type Planned, PlannedTrace, RowsOfTraces} from './planned.ts';
import {type RowForm, rowFormOf, rowsIn, type TraceSizes} from './row-form.ts';
import {ways} from './ways.ts';

/** Fewer rows than these leave sums out of a plan. */
const fewestRows = 2;

/** Traces that are alike but for their sizes. */
class Family {
  readonly words: readonly number[];
  readonly hash: number;
  readonly members = new Set<Known>();
  /** How often one of them ran. */
  times = 0;
  /** The plan for any number of rows, where sizes follow from that. */
  readonly rows = new RowsOfTraces();
  #form: RowForm | undefined;

  constructor(words: readonly number[], hash: number) {
    this.words = words;
    this.hash = hash;
  }

  /** Two of its traces tell how sizes follow from rows: one of them is the given one. */
  compare(sizes: TraceSizes): void {
    const [other] = this.members;
    if (this.#form || !other) return;
    this.#form = rowFormOf(other.sizes, sizes);
    if (!this.#form) return;
    const {place} = this.#form;
    this.rows.expect(Math.max(other.sizes.sizes[place] as number, sizes.sizes[place] as number));
    // Those that differ from run to run are known as inputs from the first plan on.
    if (other.ownNumbers) this.rows.slot.note(other.ownNumbers);
  }

  get form(): RowForm | undefined {
    return this.rows.isRigid ? undefined : this.#form;
  }
}

/** What is known of traces of some words: how often they ran, and their plan. */
export class Known {
  readonly words: readonly number[];
  readonly hash: number;
  readonly sizes: TraceSizes;
  readonly family: Family;
  #times = 0;
  readonly #own = new PlannedTrace();
  #ofFamily: Planned | undefined;

  constructor(words: readonly number[], hash: number, sizes: TraceSizes, family: Family) {
    this.words = words;
    this.hash = hash;
    this.sizes = sizes;
    this.family = family;
    family.compare(sizes);
    family.members.add(this);
  }

  /** Notes that it runs. How often that was so before; for a plan over rows, with any number of them. */
  see({rows}: Planned): number {
    const {family} = this;
    const before = rows === undefined ? this.#times : family.times;
    this.#times++;
    family.times++;
    return before;
  }

  /** What has a plan for it: its own, where there is one already, or that for any number of rows. */
  get planned(): Planned {
    const {form, rows} = this.family;
    if (!form || this.#own.isBegun) return this.#own;
    this.#ofFamily ??= this.#over(form, rows);
    return this.#ofFamily;
  }

  #over(form: RowForm, all: RowsOfTraces): Planned {
    const rows = rowsIn(form, this.sizes.sizes) ?? 0;
    return rows < fewestRows ? this.#own : all.of(form, rows);
  }

  /** The numbers of its first run, where those of its family are not noted. */
  get ownNumbers(): readonly number[] | undefined {
    return this.#own.numbers.first;
  }

  forget(): void {
    this.#own.unlink();
    this.family.members.delete(this);
    if (this.family.members.size === 0) this.family.rows.unlink();
  }
}

/** Words and a hash of them, in lists by the hash. */
class ByWords<Value extends {readonly words: readonly number[]; readonly hash: number}> {
  readonly #lists = new Map<number, Value[]>();

  find(words: readonly number[], hash: number): Value | undefined {
    return this.#lists.get(hash)?.find(other => same(other.words, words));
  }

  add(value: Value): Value {
    this.#lists.set(value.hash, [...(this.#lists.get(value.hash) ?? []), value]);
    return value;
  }

  delete(value: Value): void {
    const others = this.#lists.get(value.hash)?.filter(other => other !== value) ?? [];
    if (others.length > 0) this.#lists.set(value.hash, others);
    else this.#lists.delete(value.hash);
  }
}

/** Traces that are remembered; the one used least recently goes first. */
const mostKnown = 128;
const known = new ByWords<Known>();
const families = new ByWords<Family>();
const order = new Set<Known>();

function hashOf(words: readonly number[]): number {
  let hash = 0x811c9dc5 | 0;
  for (let at = 0; at < words.length; at++) hash = Math.imul(hash ^ (words[at] as number), 0x01000193);
  return hash & ways.hashBits;
}

function same(a: readonly number[], b: readonly number[]): boolean {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return false;
  return true;
}

function forget(oldest: Known): void {
  order.delete(oldest);
  known.delete(oldest);
  oldest.forget();
  if (oldest.family.members.size === 0) families.delete(oldest.family);
}

/** What a trace has, for who has not seen it: words that say nothing of sizes, and the sizes. */
export interface Unknown {
  formWords(): readonly number[];
  sizes(): TraceSizes;
}

function familyOf(words: readonly number[]): Family {
  const hash = hashOf(words);
  return families.find(words, hash) ?? families.add(new Family(words, hash));
}

/** What is known of traces of these words, which nobody changes afterwards. */
export function findKnown(words: readonly number[], trace: Unknown): Known {
  const hash = hashOf(words);
  let found = known.find(words, hash);
  if (!found) {
    found = known.add(new Known(words, hash, trace.sizes(), familyOf(trace.formWords())));
    const [oldest] = order;
    if (oldest && order.size >= mostKnown) forget(oldest);
  }
  order.delete(found);
  order.add(found);
  return found;
}
