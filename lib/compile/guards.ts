// The guards of a plan: what can end a run before the commit of its step, and which data each is about.
import {fail} from '../core/errors.ts';
import {at, zip} from '../core/lists.ts';
import {match} from '../core/operands.ts';
import {loopOf} from '../core/region.ts';
import {type Call, inputOp, type Tensor} from '../core/tensor.ts';
import type {PlanGuard} from '../plan.ts';

export interface Guard extends PlanGuard {
  readonly tensor: Tensor;
}

/** The call that makes a guard, and in how many iterations of loops. */
interface Origin {
  readonly call: Call;
  readonly iterations: number;
}

/** Of a tensor that is a guard, or a stack of those of a loop. */
export function originOf({call, index}: Tensor): Origin | undefined {
  const loop = loopOf(call);
  if (!loop) return call.op.guard?.output === index ? {call, iterations: 1} : undefined;
  const origin = index < loop.carries ? undefined : originOf(at(loop.region.results, index));
  return origin && {call: origin.call, iterations: origin.iterations * loop.count};
}

/** The operand that a guard is about, or the only one, which a call gives another shape or type. */
function subjectOf({op, inputs}: Call): Tensor | undefined {
  const position = op.guard?.operand ?? (inputs.length === 1 ? 0 : undefined);
  return position === undefined ? undefined : inputs[position];
}

/** For what stands for an operand of a loop, that operand. */
type Operands = ReadonlyMap<Tensor, Tensor>;

function operandsOf(order: readonly Call[], found = new Map<Tensor, Tensor>()): Operands {
  for (const call of order) {
    const loop = loopOf(call);
    if (!loop) continue;
    for (const [parameter, operand] of zip(loop.region.parameters, call.inputs))
      found.set(parameter, operand);
    operandsOf(loop.region.calls(), found);
  }
  return found;
}

/**
 * The input that holds the data a guard is about: the data set of a gather, the labels of a loss. Between the
 * guard and that input there may be another gather, and calls of one operand.
 */
function sourceOf(guard: Call, operands: Operands): string | undefined {
  let data = subjectOf(guard);
  for (let next = data; next; next = operands.get(next) ?? subjectOf(next.call)) data = next;
  return data && match(data, inputOp)?.name;
}

/** The guards that calls of the graph have by themselves, in order, then those requested. */
export function findGuards(order: readonly Call[], requested: readonly Tensor[]): Guard[] {
  for (const tensor of requested) {
    if (originOf(tensor)) continue;
    fail('ERR_GRAPH', `compile: a guard must be the result of a check such as finite. Received ${tensor}.`);
  }
  const operands = operandsOf(order);
  const found = order
    .flatMap(({outputs}) => outputs.filter(originOf))
    .filter(tensor => !requested.includes(tensor));
  return [...found, ...new Set(requested)].flatMap(tensor => {
    const {call, iterations} = originOf(tensor) ?? {};
    if (!call?.op.guard || iterations === undefined) return [];
    const {kind} = call.op.guard;
    return {
      tensor,
      kind,
      scope: call.scope,
      scopes: call.op.guard.scopes?.(call),
      source: kind === 'notFinite' ? undefined : sourceOf(call, operands),
      iterations,
      sizes: call.op.guard.sizes?.(call),
    };
  });
}
