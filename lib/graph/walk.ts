import {Call, type Tensor} from '../core/tensor.ts';

/**
 * Every call that `roots` depend on, each after the calls it reads. Without recursion, as graphs may be deep.
 */
export function callsOf(roots: readonly Tensor[]): Call[] {
  const order: Call[] = [];
  const state = new Map<Call, 'open' | 'done'>();
  const stack: Call[] = [...roots].reverse().map(tensor => tensor.call);
  while (stack.length > 0) {
    const call = stack.at(-1) as Call;
    const seen = state.get(call);
    if (seen === undefined) {
      state.set(call, 'open');
      for (const {call: source} of [...call.inputs].reverse()) if (!state.has(source)) stack.push(source);
      continue;
    }
    stack.pop();
    if (seen === 'open') {
      state.set(call, 'done');
      order.push(call);
    }
  }
  return order;
}

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
