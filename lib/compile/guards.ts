// The guards of a plan: what can end a run before the commit of its step, and which data each is about.
import {fail} from '../core/errors.ts';
import {Call, type GuardKind, type InputAttributes, inputOp, type Op, type Tensor} from '../core/tensor.ts';
import {finiteEachOp, finiteOp} from '../ops/check.ts';
import type {PlanGuard} from '../plan.ts';
import type {Roots} from './roots.ts';

export interface Guard extends PlanGuard {
  readonly tensor: Tensor;
}

const guardOutput = ({op, outputs}: Call): Tensor | undefined =>
  outputs[op.signature.outputs.findIndex(({name}) => name === 'guard')];

/**
 * The input that holds the data a guard is about: the first operand of a gather, the labels of a loss.
 * Between the guard and that input there may be another gather, and calls of one operand that change shape or
 * type.
 */
function sourceOf(call: Call): string | undefined {
  const labels = call.op.signature.inputs.findIndex(({name}) => name === 'labels');
  let data = call.inputs[Math.max(labels, 0)] as Tensor;
  while (data.call.op.guard !== undefined || data.call.inputs.length === 1) {
    data = data.call.inputs[0] as Tensor;
  }
  return data.call.op.name === inputOp.name ? (data.call.attributes as InputAttributes).name : undefined;
}

/** The guards that calls of the graph have by themselves, in order, then those requested. */
export function findGuards(order: readonly Call[], requested: readonly Tensor[]): Guard[] {
  for (const tensor of requested) {
    if (guardOutput(tensor.call) === tensor && tensor.call.op.guard) continue;
    fail('ERR_GRAPH', `compile: a guard must be the result of a check such as finite. Received ${tensor}.`);
  }
  const found = order.filter(call => call.op.guard && !requested.includes(guardOutput(call) as Tensor));
  return [...found.map(call => guardOutput(call) as Tensor), ...new Set(requested)].map(tensor => {
    const {call} = tensor;
    const kind = call.op.guard as GuardKind;
    return {
      tensor,
      kind,
      scope: call.scope,
      scopes: (call.attributes as {scopes?: readonly string[]}).scopes,
      source: kind === 'notFinite' ? undefined : sourceOf(call),
    };
  });
}

/** Elements up to which tensors share a finite check: a larger one is worth several threads. */
const maxSharedElements = 4096;

const isSmallFiniteCheck = ({call}: Tensor): boolean =>
  call.op === (finiteOp as Op) && (call.inputs[0] as Tensor).size <= maxSharedElements;

/** Makes one call of the finite checks of small tensors: the overhead of each would exceed its arithmetic. */
export function mergeFiniteChecks(roots: Roots): Roots {
  const guards = [...new Set(roots.guards)];
  const small = guards.filter(isSmallFiniteCheck).map(({call}) => call);
  if (small.length < 2) return roots;
  const inputs = small.map(call => call.inputs[0] as Tensor);
  const scopes = small.map(({scope}) => scope);
  const [merged] = new Call(finiteEachOp as unknown as Op, inputs, {scopes}, '').outputs;
  return {...roots, guards: [...guards.filter(guard => !isSmallFiniteCheck(guard)), merged as Tensor]};
}
