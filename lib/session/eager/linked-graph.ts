// A whole graph, compiled and linked: run at once on whatever arrays each call brings, as one op is.
import {compileToPlan} from '../../compile/index.ts';
import {fail} from '../../core/errors.ts';
import {match} from '../../core/operands.ts';
import {inputOp, type Tensor, type TensorSpec} from '../../core/tensor.ts';
import {LinkedPlan, type Memory} from '../../runtime/linked.ts';

const resultName = (index: number): string => `result ${index}`;

export class LinkedGraph {
  readonly #plan: LinkedPlan;
  readonly #outputs: readonly TensorSpec[];
  /** For each array of a call, which result it is, or which leaf: `~leaf`. */
  readonly #slots: readonly number[];

  /** `leaves` are inputs, whose memory each run brings. */
  constructor(outputs: readonly Tensor[], leaves: readonly Tensor[]) {
    const named = outputs.map((tensor, index) => [resultName(index), tensor] as const);
    const plan = compileToPlan({
      outputs: Object.fromEntries(named),
      ...{stateBytes: 0, stateOffset: () => fail('ERR_GRAPH', 'a linked graph has no variables.')},
    });
    const places = new Map(named.map(([name], index) => [name, index]));
    for (const [index, leaf] of leaves.entries()) places.set(match(leaf, inputOp)?.name ?? '', ~index);
    this.#slots = plan.io.map(({name}) => places.get(name) ?? fail('ERR_GRAPH', `${name} is no input.`));
    this.#outputs = outputs.map(({shape, dtype}) => ({shape, dtype}));
    this.#plan = new LinkedPlan(plan.words, plan.signatures);
  }

  /** The outputs, in memory that `fresh` gives; undefined where a guard failed. */
  run<Kind extends Memory>(leaves: readonly Memory[], fresh: (spec: TensorSpec) => Kind): Kind[] | undefined {
    const results = this.#outputs.map(fresh);
    const arrays: Memory[] = [];
    for (const slot of this.#slots) arrays.push((slot < 0 ? leaves[~slot] : results[slot]) as Memory);
    return this.#plan.call(arrays) ? undefined : results;
  }

  unlink(): void {
    this.#plan.unlink();
  }
}
