import {Call, type Tensor} from '../core/tensor.ts';

/** Every call that `roots` depend on, each after the calls it reads. Iterative: graphs may be deep. */
export function callsOf(roots: readonly Tensor[]): Call[] {
  const order: Call[] = [];
  const state = new Map<Call, 'open' | 'done'>();
  const stack: Call[] = [...roots].reverse().map(tensor => tensor.call);
  while (stack.length > 0) {
    const call = stack.at(-1) as Call;
    const seen = state.get(call);
    if (seen === undefined) {
      state.set(call, 'open');
      for (let index = call.inputs.length - 1; index >= 0; index--) {
        const source = (call.inputs[index] as Tensor).call;
        if (!state.has(source)) stack.push(source);
      }
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

/** For each tensor, the calls that read it, in order; a call that reads it twice stands there once. */
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

/** A call like this one on other inputs; its own results where the inputs are the same. */
export function rebuild(call: Call, inputs: readonly Tensor[]): readonly Tensor[] {
  if (inputs.every((input, position) => input === call.inputs[position])) return call.outputs;
  return new Call(call.op, inputs, call.attributes, call.scope).outputs;
}

/**
 * Rebuilds the graph under `roots`, operands first. `rule` gets each call with its operands as they have
 * become and gives what takes the place of the call's results; `become` tells it of any other earlier tensor.
 */
export function rewrite(
  roots: readonly Tensor[],
  rule: (call: Call, inputs: readonly Tensor[], become: (tensor: Tensor) => Tensor) => readonly Tensor[],
): (tensor: Tensor) => Tensor {
  const successors = new Map<Tensor, Tensor>();
  const become = (tensor: Tensor): Tensor => successors.get(tensor) ?? tensor;
  for (const call of callsOf(roots)) {
    const results = rule(call, call.inputs.map(become), become);
    call.outputs.forEach((output, index) => {
      successors.set(output, results[index] as Tensor);
    });
  }
  return become;
}
