// The guards of a plan: what can end a run before the commit of its step, and which data each is about.
import {fail} from '../core/errors.ts';
import {match} from '../core/operands.ts';
import {type Call, inputOp, type Tensor} from '../core/tensor.ts';
import type {PlanGuard} from '../plan.ts';

export interface Guard extends PlanGuard {
  readonly tensor: Tensor;
}

const guardOutput = ({op, outputs}: Call): Tensor | undefined => op.guard && outputs[op.guard.output];

/** The operand that a guard is about, or the only one, which a call gives another shape or type. */
function subjectOf({op, inputs}: Call): Tensor | undefined {
  const position = op.guard?.operand ?? (inputs.length === 1 ? 0 : undefined);
  return position === undefined ? undefined : inputs[position];
}

/**
 * The input that holds the data a guard is about: the data set of a gather, the labels of a loss. Between the
 * guard and that input there may be another gather, and calls of one operand.
 */
function sourceOf({call}: Tensor): string | undefined {
  let data = subjectOf(call);
  for (let next = data; next; next = subjectOf(next.call)) data = next;
  return data && match(data, inputOp)?.name;
}

/** The guards that calls of the graph have by themselves, in order, then those requested. */
export function findGuards(order: readonly Call[], requested: readonly Tensor[]): Guard[] {
  for (const tensor of requested) {
    if (guardOutput(tensor.call) === tensor) continue;
    fail('ERR_GRAPH', `compile: a guard must be the result of a check such as finite. Received ${tensor}.`);
  }
  const found = order.flatMap(call => guardOutput(call) ?? []).filter(tensor => !requested.includes(tensor));
  return [...found, ...new Set(requested)].flatMap(tensor => {
    const {call} = tensor;
    if (!call.op.guard) return [];
    const {kind} = call.op.guard;
    return {
      tensor,
      kind,
      scope: call.scope,
      scopes: (call.attributes as {scopes?: readonly string[]}).scopes,
      source: kind === 'notFinite' ? undefined : sourceOf(tensor),
      sizes: call.op.guard.sizes?.(call),
    };
  });
}
