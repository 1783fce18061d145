// The lazy trace: kernels are recorded, not run. Where the trace ends it runs: one that was seen before as a
// compiled plan, in one native call; one that is new op by op, so that a program which never repeats itself
// pays no compiler. Both give the same bits.
import {isChainruleError} from '../core/errors.ts';
import {sizeOf} from '../core/shape.ts';
import {input, type Tensor, type TensorSpec} from '../core/tensor.ts';
import * as ops from '../ops/index.ts';
import type {Memory} from '../runtime/linked.ts';
import {LinkedGraph} from '../session/eager/linked-graph.ts';
import {Entry, type NumericType, takeFor} from './entry.ts';
import type {Recipe} from './recipe.ts';

export interface Node {
  readonly recipe: Recipe;
  readonly operands: readonly Entry[];
  readonly results: readonly Entry[];
}

/** What is known of traces of some words: how often they ran, and the plan of the second time on. */
interface Known {
  readonly words: readonly number[];
  times: number;
  graph: LinkedGraph | 'refused' | undefined;
}

/** Traces that are remembered; the one used least recently goes first. */
const mostKnown = 128;
const known = new Map<number, Known[]>();
const order = new Set<Known>();

function hashOf(words: readonly number[]): number {
  let hash = 0x811c9dc5 | 0;
  for (const word of words) hash = Math.imul(hash ^ word, 0x01000193);
  return hash;
}

function same(a: readonly number[], b: readonly number[]): boolean {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return false;
  return true;
}

function forget(oldest: Known): void {
  order.delete(oldest);
  if (typeof oldest.graph === 'object') oldest.graph.unlink();
  const hash = hashOf(oldest.words);
  const others = known.get(hash)?.filter(other => other !== oldest) ?? [];
  if (others.length > 0) known.set(hash, others);
  else known.delete(hash);
}

function find(words: readonly number[]): Known {
  const hash = hashOf(words);
  const list = known.get(hash) ?? [];
  let found = list.find(other => same(other.words, words));
  if (!found) {
    found = {words, times: 0, graph: undefined};
    known.set(hash, [...list, found]);
    const [oldest] = order;
    if (oldest && order.size >= mostKnown) forget(oldest);
  }
  order.delete(found);
  order.add(found);
  return found;
}

/** How traces run: for tests, which compare the ways. */
export const ways = {
  /** Records nothing. */
  atOnce: false,
  /** So many times a trace runs op by op before it is compiled. */
  opByOpTimes: 1,
};

/** Traces compiled, and calls of plans since the process began. */
export const traceCounts = {compiled: 0, asPlan: 0, opByOp: 0};

/** What tells the words of the nodes from those of the results that are alive. */
const endOfNodes = -(2 ** 31);

const take = ({shape, dtype}: TensorSpec): Uint8Array => takeFor(dtype as NumericType, sizeOf(shape));

export class Trace {
  readonly nodes: Node[] = [];
  /** The bytes of all results. */
  bytes = 0;
  readonly #inputs: Entry[] = [];
  readonly #results: Entry[] = [];
  /** What tells it from others: each node's recipe and the positions of its operands, then what is alive. */
  readonly #words: number[] = [];

  get isEmpty(): boolean {
    return this.nodes.length === 0;
  }

  get length(): number {
    return this.nodes.length;
  }

  /** What it begins with. */
  get first(): Recipe | undefined {
    return this.nodes[0]?.recipe;
  }

  /** The results, which have no memory until the trace ends. */
  add(recipe: Recipe, operands: readonly Entry[], flush: () => void): Entry[] {
    this.#words.push(recipe.id);
    for (const entry of operands) {
      if (!entry.isIn(this)) entry.enter(this, ~(this.#inputs.push(entry) - 1));
      this.#words.push(entry.position);
    }
    const results: Entry[] = [];
    for (const {dtype, size, operand} of recipe.results) {
      if (operand !== undefined) continue;
      const entry = Entry.pending(dtype, size, flush);
      entry.enter(this, this.#results.push(entry) - 1);
      this.bytes += entry.bytes;
      results.push(entry);
    }
    this.nodes.push({recipe, operands, results});
    return results;
  }

  run(): void {
    const live = this.#results.filter(entry => entry.refCount > 0);
    if (live.length > 0) {
      this.#words.push(endOfNodes);
      for (const {position} of live) this.#words.push(position);
      const row = find(this.#words);
      const isKnown = row.times++ >= ways.opByOpTimes;
      if (!isKnown || !this.#runAsPlan(row, live)) this.#runOpByOp();
    }
    for (const entry of this.#inputs) entry.leave();
    for (const entry of this.#results) entry.leave();
  }

  /** False where it cannot be compiled, or where a guard failed: op by op, what failed is found. */
  #runAsPlan(row: Known, live: readonly Entry[]): boolean {
    row.graph ??= this.#compiled(live);
    if (row.graph === 'refused') return false;
    const results = row.graph.run(
      this.#inputs.map(({memory}) => memory as Memory),
      take,
    );
    if (!results) return false;
    for (let at = 0; at < live.length; at++) (live[at] as Entry).fill(results[at] as Uint8Array);
    traceCounts.asPlan++;
    return true;
  }

  #compiled(live: readonly Entry[]): LinkedGraph | 'refused' {
    const tensors = new Map<Entry, Tensor>();
    const leaves = this.#inputs.map((entry, index) => {
      const leaf = input({name: `input ${index}`, shape: [entry.size], dtype: entry.dtype as NumericType});
      tensors.set(entry, leaf);
      return leaf;
    });
    try {
      for (const {recipe, operands, results} of this.nodes) {
        const given = operands.map((entry, index) =>
          ops.reshape(tensors.get(entry) as Tensor, (recipe.specs[index] as TensorSpec).shape),
        );
        for (const [index, tensor] of recipe.graph(given).entries()) {
          tensors.set(results[index] as Entry, tensor);
        }
      }
      const outputs = live.map(entry => tensors.get(entry) as Tensor);
      const graph = new LinkedGraph(outputs, leaves);
      traceCounts.compiled++;
      return graph;
    } catch (error) {
      if (isChainruleError(error)) return 'refused';
      throw error;
    }
  }

  /** Only what is alive, or what that is computed from; memory is given back after the last reader. */
  #runOpByOp(): void {
    traceCounts.opByOp++;
    const needed = new Set<Entry>();
    const lastReads = new Map<Node, Entry[]>();
    const isNeeded = ({results}: Node): boolean =>
      results.some(entry => entry.refCount > 0 || needed.has(entry));
    const steps = [...this.nodes].reverse().filter(node => {
      if (!isNeeded(node)) return false;
      lastReads.set(
        node,
        [...node.operands, ...node.results].filter(entry => !needed.has(entry) && entry.position >= 0),
      );
      for (const entry of [...node.operands, ...node.results]) needed.add(entry);
      return true;
    });
    for (const node of steps.reverse()) {
      runNode(node);
      for (const entry of lastReads.get(node) ?? []) if (entry.refCount <= 0) entry.drop();
    }
  }
}

function runNode({recipe, operands, results}: Node): void {
  try {
    const computed = recipe.run(operands.map(({memory}) => memory as Memory));
    for (let at = 0; at < results.length; at++) (results[at] as Entry).fill(computed[at] as Uint8Array);
  } catch (error) {
    for (const entry of results) entry.fail(error);
  }
}
