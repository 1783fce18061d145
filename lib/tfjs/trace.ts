// The lazy trace: kernels are recorded, not run. Where the trace ends it runs: one that was seen before as a
// compiled plan, in one native call; one that is new op by op, so that a program which never repeats itself
// pays no compiler. Both give the same bits.
import {pool} from '../runtime/pool.ts';
import type {LinkedGraph} from '../session/eager/linked-graph.ts';
import {goOnCompiling} from './compilation.ts';
import {Entry, type NumericType, type Source, takeFor} from './entry.ts';
import {findKnown, type Unknown} from './known-traces.ts';
import {Node, runOpByOp} from './op-by-op.ts';
import {type Ending, pendingRuns} from './pending-runs.ts';
import type {Planned} from './planned.ts';
import type {Recipe} from './recipe.ts';
import {sizesOf, type TraceSizes} from './row-form.ts';
import {traceCounts, ways} from './ways.ts';

/** What tells the words of the nodes from those of the results that are alive, and of inputs that are not. */
const endOfNodes = -(2 ** 31);
const endOfLive = endOfNodes + 1;
const endOfSpent = endOfNodes + 2;
const endOfNodesThatMayFail = endOfNodes + 3;

/** So many inputs tell by the sign of a position that it is one. */
const inputAt = (index: number): number => ~index;

/**
 * Results of the op that is added. Copies of it are made in the young generation: see `Node`. Never emptied,
 * so that its memory serves all ops.
 */
const made: Entry[] = [];

const impossible = (): Error => new Error('a guard failed of which no data were open.');

export class Trace implements Ending, Unknown {
  /** The bytes of all results. */
  bytes = 0;
  /** Whether an op may find that its data are not possible. */
  mayFail = false;
  #nodes: Node[] = [];
  readonly #inputs: Entry[] = [];
  /** Numbers that the program gave, as inputs of one element and as attributes. */
  readonly #numbers: number[] = [];
  /** Where each stands: the position of an input, or from 0 on the node whose attribute it is. */
  readonly #owners: number[] = [];
  #results: Entry[] = [];
  /** Results that something has when the trace ends. */
  #live: readonly Entry[] = [];
  /** What tells it from others: each node's recipe and the positions of its operands, then what is alive. */
  readonly #words: number[] = [];

  get nodes(): readonly Node[] {
    return this.#nodes;
  }

  get isEmpty(): boolean {
    return this.#nodes.length === 0;
  }

  get length(): number {
    return this.#nodes.length;
  }

  /** What it begins with. */
  get first(): Recipe | undefined {
    return this.#nodes[0]?.recipe;
  }

  /** The results, which have no memory until the trace ends. */
  add(recipe: Recipe, operands: readonly Entry[], source: Source, mayFail: boolean): Entry[] {
    this.mayFail ||= mayFail;
    const words = this.#words;
    words.push(recipe.id);
    for (let at = 0; at < recipe.numbers.length; at++) {
      this.#numbers.push(recipe.numbers[at] as number);
      this.#owners.push(this.#nodes.length);
    }
    let isTrained = false;
    for (let at = 0; at < operands.length; at++) {
      const entry = operands[at] as Entry;
      isTrained ||= entry.isTrained;
      if (!entry.isIn(this)) this.#addInput(entry);
      words.push(entry.position);
    }
    let count = 0;
    for (let at = 0; at < recipe.results.length; at++) {
      const {dtype, size, operand} = recipe.results[at] as Recipe['results'][number];
      if (operand !== undefined) continue;
      const entry = Entry.pending(dtype, size, source);
      entry.isTrained = isTrained;
      entry.enter(this, this.#results.push(entry) - 1);
      this.bytes += entry.bytes;
      made[count++] = entry;
    }
    if (made.length !== count) made.length = count;
    const results = made.slice();
    this.#nodes.push(new Node(recipe, operands, results));
    return results;
  }

  #addInput(entry: Entry): void {
    const index = this.#inputs.push(entry) - 1;
    entry.enter(this, inputAt(index));
    const {number} = entry;
    if (number === undefined) return;
    this.#numbers.push(number);
    this.#owners.push(inputAt(index));
  }

  /** Never throws: who reads a result that could not be computed hears why. */
  run(): void {
    this.#live = this.#results.filter(entry => entry.refCount > 0);
    try {
      if (this.#live.length > 0) {
        if (this.#startKnown()) return;
        this.#runOpByOp();
      }
      this.#leave();
    } catch (error) {
      this.fail(error);
    }
  }

  /** False where it is not known, or does not run as a plan. */
  #startKnown(): boolean {
    const spent = this.#endWords();
    const known = findKnown(this.#words, this);
    const {planned} = known;
    const numbers = this.#numbers;
    planned.note(numbers);
    if (known.see(planned) < ways.opByOpTimes && !planned.isReady) return false;
    const nodes = this.#nodes;
    const parts = {nodes, inputs: this.#inputs, live: this.#live, owners: this.#owners, numbers, spent};
    const graph = planned.graphFor(parts);
    if (graph) return this.#start(planned, graph);
    // Where its family turns out to have no plan for any number of rows, it has one of its own.
    const own = known.planned;
    if (own === planned) return false;
    own.note(numbers);
    const ownGraph = own.graphFor(parts);
    return ownGraph !== undefined && this.#start(own, ownGraph);
  }

  /** Its words, with what all recipes that differ in sizes alone have in common in place of each. */
  formWords(): number[] {
    const words = this.#words.slice();
    let at = 0;
    for (const {recipe, operands} of this.#nodes) {
      words[at] = recipe.form.id;
      at += 1 + operands.length;
    }
    return words;
  }

  sizes(): TraceSizes {
    return sizesOf(this.#nodes);
  }

  complete(isDone: boolean): void {
    if (isDone) for (const entry of this.#live) entry.complete();
    else if (this.mayFail) this.#runAgain();
    else for (const entry of this.#live) entry.fail(impossible());
    this.#leave();
  }

  /** Who reads a result hears of the error. */
  fail(error: unknown): void {
    for (const entry of this.#results) entry.fail(error);
    this.#leave();
  }

  /**
   * While a run is made only what it reads and what is alive stays: a collection meanwhile would copy all
   * that a step has made.
   */
  #leaveDead(): void {
    for (const entry of this.#results) if (entry.refCount === 0) entry.leave(this);
    this.#nodes = [];
    this.#results = this.#live.slice();
  }

  #leave(): void {
    for (const entry of this.#inputs) entry.leave(this);
    for (const entry of this.#results) entry.leave(this);
  }

  /** Adds what is alive, and which inputs are numbers. Which inputs nobody reads afterwards. */
  #endWords(): number[] {
    const words = this.#words;
    words.push(this.mayFail ? endOfNodesThatMayFail : endOfNodes);
    for (const {position} of this.#live) words.push(position);
    words.push(endOfLive);
    const spent: number[] = [];
    // Where it fails it runs again, op by op, and needs all that it read.
    const most = this.mayFail ? 0 : this.#inputs.length;
    for (let at = 0; at < most; at++) if (this.#inputs[at]?.isSpent) spent.push(at);
    for (const at of spent) words.push(at);
    words.push(endOfSpent);
    for (const owner of this.#owners) words.push(owner);
    return spent;
  }

  /** False where a guard failed: op by op, what failed is found. */
  #start(planned: Planned, graph: LinkedGraph): boolean {
    pendingRuns.makeRoom();
    const blocks: Uint8Array[] = [];
    const leaves = this.#leavesOf(planned);
    const run = graph.start(leaves, output => this.#addBlock(graph, output, blocks), planned.rows);
    if (run === 'failed' && !this.mayFail) throw impossible();
    if (run === 'failed' || run === 'missing') {
      for (const block of blocks) pool.give(block);
      return false;
    }
    traceCounts.asPlan++;
    goOnCompiling();
    if (run) {
      traceCounts.meanwhile++;
      const source = pendingRuns.add(run, this);
      for (let at = 0; at < blocks.length; at++) this.#live[at]?.start(blocks[at] as Uint8Array, source);
      if (!this.mayFail) this.#leaveDead();
      return true;
    }
    for (let at = 0; at < blocks.length; at++) this.#live[at]?.fill(blocks[at] as Uint8Array);
    this.#leave();
    return true;
  }

  /** Memory for what is alive: of its own, or that of an input. */
  #addBlock({replaced}: LinkedGraph, output: number, blocks: Uint8Array[]): Uint8Array {
    const donor = this.#inputs[replaced[output] as number];
    const {size, dtype} = this.#live[output] as Entry;
    const block = donor ? donor.donate() : takeFor(dtype as NumericType, size);
    if (donor) traceCounts.inPlace++;
    blocks.push(block);
    return block;
  }

  /** What a plan reads: the inputs, then those of its numbers that are attributes and have changed. */
  #leavesOf({numbers}: Planned): readonly Entry[] {
    const changed: Entry[] = [];
    for (let at = 0; numbers.hasInputs && at < this.#owners.length; at++) {
      const node = this.#nodes[this.#owners[at] as number];
      if (!node || !numbers.isInput(at)) continue;
      changed.push(Entry.ofNumber(node.recipe.typeOfNumbers, this.#numbers[at] as number));
    }
    return changed.length > 0 ? [...this.#inputs, ...changed] : this.#inputs;
  }

  #runOpByOp(): void {
    traceCounts.opByOp++;
    runOpByOp(this.#nodes);
  }

  /** After a guard has failed. What the run has written is nobody's. */
  #runAgain(): void {
    for (const entry of this.#live) entry.giveBack();
    this.#runOpByOp();
  }
}
