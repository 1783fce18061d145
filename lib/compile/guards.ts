// Which tests a plan makes before its commit, and what they are about.
import {fail} from '../core/errors.ts';
import {type Call, type GuardKind, type InputAttributes, inputOp, type Tensor} from '../core/tensor.ts';

export interface Guard {
  readonly tensor: Tensor;
  readonly kind: GuardKind;
  readonly scope: string;
  /** Where one guard answers for several tests: the scope of each, by position. */
  readonly scopes?: readonly string[] | undefined;
  readonly source: string | undefined;
}

const guardOutput = ({op, outputs}: Call): Tensor | undefined =>
  outputs[op.signature.outputs.findIndex(({name}) => name === 'guard')];

/**
 * The input that holds the data a guard is about: the first operand of a gather, the labels of a loss.
 * Between them and the input may stand another gather, and calls of one operand that change shape or type.
 */
function sourceOf(call: Call): string | undefined {
  const labels = call.op.signature.inputs.findIndex(({name}) => name === 'labels');
  let data = call.inputs[Math.max(labels, 0)] as Tensor;
  while (data.call.op.guard !== undefined || data.call.inputs.length === 1) {
    data = data.call.inputs[0] as Tensor;
  }
  return data.call.op.name === inputOp.name ? (data.call.attributes as InputAttributes).name : undefined;
}

/** The guards of the graph's own calls, in order, then those asked for. */
export function findGuards(order: readonly Call[], asked: readonly Tensor[]): Guard[] {
  for (const tensor of asked) {
    if (guardOutput(tensor.call) === tensor && tensor.call.op.guard) continue;
    fail('ERR_GRAPH', `compile: a guard must be the result of a test such as finite. Received ${tensor}.`);
  }
  const found = order.filter(call => call.op.guard && !asked.includes(guardOutput(call) as Tensor));
  return [...found.map(call => guardOutput(call) as Tensor), ...new Set(asked)].map(tensor => {
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
