// The program of one graph for any number of rows: two plans are compiled, and one follows from them.
import type {Stages} from '../compile/index.ts';
import {type PlanForRows, planOverRows} from '../compile/rows.ts';
import type {Plan} from '../plan.ts';
import {announce, CompiledProgram, compiledOf, compileProgram, type ProgramRequest} from './compile.ts';
import type {VariableStore} from './store.ts';

/** The second number of rows that is compiled; with fewer, a plan may leave out sums and the like. */
const fewRows = 3;

type Graph = Omit<ProgramRequest, 'store' | 'isa'>;

/** By the plan for the most rows, which models of equal structure share. */
const overRows = new WeakMap<Plan, {readonly smaller: Plan; readonly plan: Plan | undefined}>();

function sharedOverRows(largest: PlanForRows, smaller: PlanForRows): Plan | undefined {
  let known = overRows.get(largest.plan);
  if (known?.smaller !== smaller.plan) {
    known = {smaller: smaller.plan, plan: planOverRows(largest, smaller)};
    overRows.set(largest.plan, known);
  }
  return known.plan;
}

export class RowPrograms {
  readonly #store: VariableStore;
  readonly #graph: (rows: number) => Graph;
  /** The fewest that the common program may have. */
  readonly #fewest: number;
  /** The store as it was: offsets in plans are its own. */
  readonly #layout: VariableStore;
  /** The first that was compiled, for one number alone. */
  #first: {readonly program: CompiledProgram; readonly rows: number} | undefined;
  #smaller: PlanForRows | undefined;
  #common: CompiledProgram | undefined;
  /** Something in the plan follows from the number of rows in no simple way. */
  #isRigid = false;

  constructor(store: VariableStore, graph: (rows: number) => Graph, fewest: number) {
    this.#store = store;
    this.#layout = store.current;
    this.#graph = graph;
    this.#fewest = fewest;
  }

  /** False once the variables have moved into the memory of a larger model. */
  get inPlace(): boolean {
    return this.#store.current === this.#layout;
  }

  /**
   * A program whose steps may have so many rows: at first one for this number alone, unless `others` will be
   * asked of it too; undefined where each number needs a plan of its own.
   */
  program(rows: number, others = false): CompiledProgram | undefined {
    if (this.#isRigid || rows < this.#fewest) return undefined;
    const most = this.#common?.plan.rows?.most ?? 0;
    if (rows <= most) return this.#common;
    if (most === 0 && !others) {
      if (this.#first?.rows === rows) return this.#first.program;
      if (rows <= fewRows) return undefined;
      if (!this.#first) {
        const program = compileProgram(this.#request(rows));
        this.#first = {program, rows};
        return program;
      }
    }
    const largest = this.#largest(rows);
    // Nobody asks for these any more.
    this.release();
    const isFirst = !this.#first && !this.#common;
    this.#common = this.#over(largest);
    if (isFirst && this.#common) announce(this.#common);
    this.#isRigid = this.#common === undefined;
    return this.#common;
  }

  /** Its owner lets go of it. */
  release(): void {
    this.#first?.program.release();
    this.#common?.release();
  }

  /** What is known already, or else the next power of two: numbers that grow are met with room to spare. */
  #largest(rows: number): PlanForRows {
    const first = this.#first;
    if (first && rows <= first.rows) return {plan: first.program.plan, rows: first.rows};
    const isFirst = !first && !this.#common && rows > fewRows;
    return this.#compile(isFirst ? rows : Math.max(fewRows + 1, 2 ** Math.ceil(Math.log2(rows))));
  }

  #over(largest: PlanForRows): CompiledProgram | undefined {
    this.#smaller ??= this.#compile(fewRows);
    const plan = sharedOverRows(largest, this.#smaller);
    const stages = (): Stages => compiledOf(this.#request(largest.rows)).stages();
    return plan && new CompiledProgram({plan, stages}, this.#store, undefined);
  }

  #request(rows: number): ProgramRequest {
    return {...this.#graph(rows), store: this.#store};
  }

  #compile(rows: number): PlanForRows {
    return {plan: compiledOf(this.#request(rows)).plan, rows};
  }
}
