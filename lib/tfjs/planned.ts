// Plans of traces: of one trace, or of traces that differ in their number of rows alone.
import type {Parts} from '../compile/index.ts';
import {type PlanForRows, planOverRows} from '../compile/rows.ts';
import {isChainruleError} from '../core/errors.ts';
import {LinkedGraph, planInParts} from '../session/eager/linked-graph.ts';
import {Compilation} from './compilation.ts';
import {graphInParts, type TraceParts} from './graph-of.ts';
import {Numbers} from './numbers.ts';
import {type RowForm, sizesFor} from './row-form.ts';
import {traceCounts} from './ways.ts';

/** A trace that is to have a plan: what it computes, its numbers, which inputs nobody reads afterwards. */
export interface PlannedFrom extends TraceParts {
  readonly numbers: readonly number[];
  readonly spent: readonly number[];
}

/** A plan as a trace asks for it. */
export interface Planned {
  /** Takes note of the numbers of a run. A plan that has another constant is forgotten. */
  note(numbers: readonly number[]): void;
  /** Whether there is one. */
  readonly isReady: boolean;
  /** How many rows a run has, of a plan over rows. */
  readonly rows: number | undefined;
  readonly numbers: Numbers;
  /**
   * The plan; undefined where it cannot be compiled, or is not there yet: this goes on with making it.
   */
  graphFor(trace: PlannedFrom): LinkedGraph | undefined;
}

/** One plan: there, being made, or refused. */
class Slot {
  readonly numbers = new Numbers();
  graph: LinkedGraph | undefined;
  #making: Compilation<LinkedGraph | undefined> | undefined;
  #isRefused = false;

  note(numbers: readonly number[]): void {
    if (this.numbers.note(numbers)) this.unlink();
  }

  /** Goes on with making it. */
  make(parts: () => Parts<LinkedGraph | undefined>, calls: number): LinkedGraph | undefined {
    if (this.graph || this.#isRefused) return this.graph;
    this.#making ??= new Compilation(parts(), calls);
    try {
      this.graph = this.#making.result;
    } catch (error) {
      if (!isChainruleError(error)) throw error;
    }
    if (!this.#making.isDone) return undefined;
    this.#isRefused = this.graph === undefined;
    this.#making = undefined;
    return this.graph;
  }

  /** Whether it cannot be made. */
  get isRefused(): boolean {
    return this.#isRefused;
  }

  /** Whether it is there, or being made. */
  get isBegun(): boolean {
    return this.graph !== undefined || this.#making !== undefined;
  }

  unlink(): void {
    this.graph?.unlink();
    this.#making?.stop();
    this.graph = undefined;
    this.#making = undefined;
    this.#isRefused = false;
  }
}

const given = ({numbers}: PlannedFrom, record: Numbers) =>
  numbers.map((number, at) => ({number, isInput: record.isInput(at)}));

/** The plan of one trace. */
export class PlannedTrace implements Planned {
  readonly #slot = new Slot();
  readonly rows = undefined;

  get numbers(): Numbers {
    return this.#slot.numbers;
  }

  get isReady(): boolean {
    return this.#slot.graph !== undefined;
  }

  get isBegun(): boolean {
    return this.#slot.isBegun;
  }

  note(numbers: readonly number[]): void {
    this.#slot.note(numbers);
  }

  graphFor(trace: PlannedFrom): LinkedGraph | undefined {
    return this.#slot.make(() => this.#parts(trace), trace.nodes.length);
  }

  *#parts(trace: PlannedFrom): Parts<LinkedGraph> {
    const graph = yield* graphInParts(trace, given(trace, this.numbers));
    const plan = yield* planInParts(graph, trace.spent);
    yield;
    traceCounts.compiled++;
    return new LinkedGraph(graph.outputs, graph.leaves, trace.spent, plan);
  }

  unlink(): void {
    this.#slot.unlink();
  }
}

/** The second number of rows that is compiled; with fewer, a plan may leave out sums and the like. */
const fewRows = 3;

/** The plan of traces that differ in their number of rows alone: two numbers of them tell how it follows. */
export class RowsOfTraces {
  readonly #slot = new Slot();
  /** What it is made for, or is to be made for. */
  #most = 0;
  #expected = fewRows + 1;
  /** Something in the plan follows from the number of rows in no simple way. */
  isRigid = false;

  /** The first plan is for so many. */
  expect(rows: number): void {
    this.#expected = Math.max(this.#expected, rows);
  }

  of(form: RowForm, rows: number): Planned {
    return new PlannedRows(this, form, rows);
  }

  get slot(): Slot {
    return this.#slot;
  }

  /** Whether a run may have so many. */
  isReadyFor(rows: number): boolean {
    return this.#slot.graph !== undefined && rows <= this.#most;
  }

  graphFor(trace: PlannedFrom, form: RowForm, rows: number): LinkedGraph | undefined {
    if (rows > this.#most) {
      // Numbers that grow are met with room to spare.
      this.#most = this.#most === 0 ? Math.max(rows, this.#expected) : 2 ** Math.ceil(Math.log2(rows));
      this.#slot.unlink();
    }
    const most = this.#most;
    const graph = this.#slot.make(() => this.#parts(trace, form, most), trace.nodes.length);
    this.isRigid ||= this.#slot.isRefused;
    return graph;
  }

  *#parts(trace: PlannedFrom, form: RowForm, most: number): Parts<LinkedGraph | undefined> {
    const numbers = given(trace, this.#slot.numbers);
    const plans: PlanForRows[] = [];
    const graphs = [];
    for (const rows of [most, fewRows]) {
      const graph = yield* graphInParts(trace, numbers, sizesFor(form, rows));
      const plan = yield* planInParts(graph, trace.spent);
      yield;
      traceCounts.compiled++;
      graphs.push(graph);
      plans.push({plan, rows});
    }
    const [largest, smaller] = plans as [PlanForRows, PlanForRows];
    const plan = planOverRows(largest, smaller);
    const [graph] = graphs;
    return graph && plan && new LinkedGraph(graph.outputs, graph.leaves, trace.spent, plan);
  }

  unlink(): void {
    this.#slot.unlink();
    this.#most = 0;
  }
}

class PlannedRows implements Planned {
  readonly #all: RowsOfTraces;
  readonly #form: RowForm;
  readonly rows: number;

  constructor(all: RowsOfTraces, form: RowForm, rows: number) {
    this.#all = all;
    this.#form = form;
    this.rows = rows;
  }

  get numbers(): Numbers {
    return this.#all.slot.numbers;
  }

  get isReady(): boolean {
    return this.#all.isReadyFor(this.rows);
  }

  note(numbers: readonly number[]): void {
    this.#all.slot.note(numbers);
  }

  graphFor(trace: PlannedFrom): LinkedGraph | undefined {
    return this.#all.graphFor(trace, this.#form, this.rows);
  }
}
