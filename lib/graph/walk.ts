import type {Call, Tensor} from '../core/tensor.ts';

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
