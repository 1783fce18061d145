// The programs of one graph for any number of rows: few are compiled, the others follow from them.
import type {Stages} from '../compile/index.ts';
import {type PlanForRows, planForRows, type RowsForm, rowsForm} from '../compile/rows.ts';
import type {Plan} from '../plan.ts';
import {CompiledProgram, compiledOf, compileProgram, type ProgramRequest} from './compile.ts';
import type {VariableStore} from './store.ts';

/** The second number of rows that is compiled; with fewer, a plan may leave out sums and the like. */
const fewRows = 3;
/** Plans that follow from the same two and are kept for other models of the same structure. */
const maxDerived = 64;

type Graph = Omit<ProgramRequest, 'store' | 'isa'>;

/** By the plans for the most rows, which models of equal structure share. */
const derived = new WeakMap<Plan, {readonly smaller: Plan; readonly plans: Map<number, Plan>}>();

function derivedPlan(form: RowsForm, rows: number): Plan {
  const {largest, smaller} = form;
  let known = derived.get(largest.plan);
  if (known?.smaller !== smaller.plan) {
    known = {smaller: smaller.plan, plans: new Map()};
    derived.set(largest.plan, known);
  }
  const plan = known.plans.get(rows) ?? planForRows(form, rows);
  if (known.plans.size < maxDerived) known.plans.set(rows, plan);
  return plan;
}

export class RowPrograms {
  readonly #store: VariableStore;
  readonly #graph: (rows: number) => Graph;
  /** The store as it was: offsets in plans are its own. */
  readonly #layout: VariableStore;
  /** The largest that was compiled. */
  #largest: PlanForRows | undefined;
  #form: RowsForm | undefined;
  /** Something in the plan follows from the number of rows in no simple way. */
  #isRigid = false;

  constructor(store: VariableStore, graph: (rows: number) => Graph) {
    this.#store = store;
    this.#layout = store.current;
    this.#graph = graph;
  }

  /** False once the variables have moved into the memory of a larger model. */
  get inPlace(): boolean {
    return this.#store.current === this.#layout;
  }

  program(rows: number): CompiledProgram {
    if (rows <= fewRows || this.#isRigid) return compileProgram(this.#request(rows));
    if (!this.#largest) {
      const first = compileProgram(this.#request(rows));
      this.#largest = {plan: first.plan, rows};
      return first;
    }
    // Numbers that grow and grow are met with room to spare.
    if (rows > this.#largest.rows) this.#largest = this.#compile(2 ** Math.ceil(Math.log2(rows)));
    if (this.#form?.largest !== this.#largest) this.#form = this.#formUpTo(this.#largest);
    if (!this.#form) return compileProgram(this.#request(rows));
    const stages = (): Stages => compiledOf(this.#request(rows)).stages();
    return new CompiledProgram({plan: derivedPlan(this.#form, rows), stages}, this.#store, undefined);
  }

  #request(rows: number): ProgramRequest {
    return {...this.#graph(rows), store: this.#store};
  }

  #compile(rows: number): PlanForRows {
    return {plan: compiledOf(this.#request(rows)).plan, rows};
  }

  #formUpTo(largest: PlanForRows): RowsForm | undefined {
    const form = rowsForm(largest, this.#form?.smaller ?? this.#compile(fewRows));
    this.#isRigid = form === undefined;
    return form;
  }
}
