// Traces that were seen before, found by a hash of integers and an exact comparison.
import type {LinkedGraph} from '../session/eager/linked-graph.ts';

/** So often a plan is made anew because a number has changed; then all numbers may change. */
const mostChanges = 4;

/** What is known of traces of some words: how often they ran, and the plan of the second time on. */
export class Known {
  readonly words: readonly number[];
  readonly hash: number;
  times = 0;
  graph: LinkedGraph | 'refused' | undefined;
  /** The numbers that the program wrote, which are constants of the plan until they are seen to change. */
  #numbers: readonly number[] | undefined;
  #isInput: boolean[] = [];
  #changes = 0;

  constructor(words: readonly number[], hash: number) {
    this.words = words;
    this.hash = hash;
  }

  /** Takes note of the numbers of a run. A plan that has another constant is forgotten. */
  note(numbers: readonly number[]): void {
    const last = this.#numbers;
    if (!last) {
      this.#numbers = numbers;
      return;
    }
    let hasChanged = false;
    for (let at = 0; at < numbers.length; at++) {
      if (Object.is(numbers[at], last[at]) || this.#isInput[at]) continue;
      this.#isInput[at] = true;
      hasChanged = true;
    }
    if (!hasChanged) return;
    if (++this.#changes > mostChanges) this.#isInput = numbers.map(() => true);
    this.unlink();
  }

  /** Whether any of the numbers is an input of the plan. */
  get hasInputs(): boolean {
    return this.#changes > 0;
  }

  /** Whether one of the numbers is an input of the plan. */
  isInput(index: number): boolean {
    return this.#isInput[index] === true;
  }

  unlink(): void {
    if (typeof this.graph === 'object') this.graph.unlink();
    this.graph = undefined;
  }
}

/** Traces that are remembered; the one used least recently goes first. */
const mostKnown = 128;
const known = new Map<number, Known[]>();
const order = new Set<Known>();

function hashOf(words: readonly number[]): number {
  let hash = 0x811c9dc5 | 0;
  for (let at = 0; at < words.length; at++) hash = Math.imul(hash ^ (words[at] as number), 0x01000193);
  return hash;
}

function same(a: readonly number[], b: readonly number[]): boolean {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return false;
  return true;
}

function forget(oldest: Known): void {
  order.delete(oldest);
  oldest.unlink();
  const others = known.get(oldest.hash)?.filter(other => other !== oldest) ?? [];
  if (others.length > 0) known.set(oldest.hash, others);
  else known.delete(oldest.hash);
}

/** What is known of traces of these words, which nobody changes afterwards. */
export function findKnown(words: readonly number[]): Known {
  const hash = hashOf(words);
  const list = known.get(hash);
  let found = list?.find(other => same(other.words, words));
  if (!found) {
    found = new Known(words, hash);
    known.set(hash, [...(list ?? []), found]);
    const [oldest] = order;
    if (oldest && order.size >= mostKnown) forget(oldest);
  }
  order.delete(found);
  order.add(found);
  return found;
}
