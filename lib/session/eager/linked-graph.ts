// A whole graph, compiled and linked: run at once on whatever arrays each call brings, as one op is.
import {compileInParts, inOneGo, type Parts} from '../../compile/index.ts';
import {fail} from '../../core/errors.ts';
import {match} from '../../core/operands.ts';
import {inputOp, type Tensor, type TensorSpec} from '../../core/tensor.ts';
import type {Plan} from '../../plan.ts';
import {LinkedPlan, type Memory, type PendingRun} from '../../runtime/linked.ts';

const resultName = (index: number): string => `result ${index}`;
const nameOf = (leaf: Tensor): string => match(leaf, inputOp)?.name ?? '';

/** What has memory, or undefined where it cannot have. */
export interface Leaf {
  readonly place: Memory | undefined;
}

/** What a linked graph computes: `leaves` are inputs, whose memory each run brings, or constants. */
export interface GraphOfLeaves {
  readonly outputs: readonly Tensor[];
  readonly leaves: readonly Tensor[];
}

/**
 * The plan of a graph, in parts. Results may be made in the memory of those leaves that `spent` has the
 * positions of: also by a run that a guard ends.
 */
export function* planInParts({outputs, leaves}: GraphOfLeaves, spent: readonly number[]): Parts<Plan> {
  const {plan} = yield* compileInParts({
    outputs: Object.fromEntries(outputs.map((tensor, index) => [resultName(index), tensor])),
    spent: spent.map(index => nameOf(leaves[index] as Tensor)),
    ...{stateBytes: 0, stateOffset: () => fail('ERR_GRAPH', 'a linked graph has no variables.')},
  });
  return plan;
}

export class LinkedGraph {
  readonly #plan: LinkedPlan;
  /** As the constructor got them, in shapes and types. */
  readonly outputs: readonly TensorSpec[];
  /** For each output the leaf in whose memory it is made, which is overwritten; -1 where it has its own. */
  readonly replaced: readonly number[];
  /** For each array of a call, which result it is, or which leaf: `~leaf`. */
  readonly #slots: readonly number[];

  /** See `planInParts`, which may have made the plan already. */
  constructor(
    outputs: readonly Tensor[],
    leaves: readonly Tensor[],
    spent: readonly number[] = [],
    plan: Plan = inOneGo(planInParts({outputs, leaves}, spent)),
  ) {
    const places = new Map(outputs.map((_, index) => [resultName(index), index]));
    for (const [index, leaf] of leaves.entries()) places.set(nameOf(leaf), ~index);
    const placeOf = (name: string): number => places.get(name) ?? fail('ERR_GRAPH', `${name} is no input.`);
    this.#slots = plan.io.map(({name}) => placeOf(name));
    const replaced = outputs.map(() => -1);
    for (const {name, becomes} of plan.io) {
      if (becomes !== undefined) replaced[placeOf(becomes)] = ~placeOf(name);
    }
    this.replaced = replaced;
    this.outputs = outputs.map(({shape, dtype}) => ({shape, dtype}));
    this.#plan = new LinkedPlan(plan.words, plan.signatures);
  }

  /**
   * Starts a run, whose results may be made meanwhile. Undefined where it has been made at once,
   * `failed` where a guard failed then; `missing` where a leaf has no memory. `take` gives memory for an
   * output, which may be that of a leaf: it is asked once the memory of all leaves is known. `rows` of a plan
   * over rows.
   */
  start(
    leaves: readonly Leaf[],
    take: (output: number) => Memory,
    rows?: number,
  ): PendingRun | 'failed' | 'missing' | undefined {
    const slots = this.#slots;
    const arrays = new Array<Memory>(slots.length);
    for (let at = 0; at < slots.length; at++) {
      const slot = slots[at] as number;
      if (slot >= 0) continue;
      const place = leaves[~slot]?.place;
      if (!place) return 'missing';
      arrays[at] = place;
    }
    const results = this.outputs.map((_, output) => take(output));
    for (let at = 0; at < slots.length; at++) {
      const slot = slots[at] as number;
      if (slot >= 0) arrays[at] = results[slot] as Memory;
    }
    return this.#plan.start(arrays, rows);
  }

  unlink(): void {
    this.#plan.unlink();
  }
}
