import {Call, type Tensor} from '../core/tensor.ts';
import {callsOf} from '../core/walk.ts';

export {callsOf};

/** For each tensor, the calls that read it, in order; a call that reads it twice is listed once. */
export function usersOf(order: readonly Call[]): Map<Tensor, Call[]> {
  const users = new Map<Tensor, Call[]>();
  for (const call of order) {
    for (const input of new Set(call.inputs)) {
      const list = users.get(input);
      if (list) list.push(call);
      else users.set(input, [call]);
    }
  }
  return users;
}

/** The tensor whose elements a view shows under another shape; any other tensor itself. */
export function baseOf(tensor: Tensor): Tensor {
  let base = tensor;
  while (base.call.op.view) base = base.call.operand;
  return base;
}

/** A call like this one on other inputs; itself if the inputs are the same. */
export function withInputs(call: Call, inputs: readonly Tensor[]): Call {
  if (inputs.every((input, position) => input === call.inputs[position])) return call;
  return new Call(call.op, inputs, call.attributes, call.scope);
}

/** The results of such a call. */
export function rebuild(call: Call, inputs: readonly Tensor[]): readonly Tensor[] {
  return withInputs(call, inputs).outputs;
}

/**
 * Rebuilds the graph under `roots`, operands first. `rule` gets each call with the replacements of its
 * operands and returns the replacements of its results; it can ask for those of any other earlier tensor.
 * Returns the replacement of any tensor of the graph.
 */
export function rewrite(
  roots: readonly Tensor[],
  rule: (call: Call, inputs: readonly Tensor[], replacement: (tensor: Tensor) => Tensor) => readonly Tensor[],
): (tensor: Tensor) => Tensor {
  const replacements = new Map<Tensor, Tensor>();
  const replacement = (tensor: Tensor): Tensor => replacements.get(tensor) ?? tensor;
  for (const call of callsOf(roots)) {
    const results = rule(call, call.inputs.map(replacement), replacement);
    call.outputs.forEach((output, index) => {
      replacements.set(output, results[index] ?? output);
    });
  }
  return replacement;
}
