// Walks over graphs.
import type {Call, Tensor} from './tensor.ts';

const nothing: ReadonlySet<Tensor> = new Set();

/**
 * Every call that `roots` depend on, each after the calls it reads, without what lies behind `ends`. Without
 * recursion, as graphs may be deep.
 */
export function callsOf(roots: readonly Tensor[], ends: ReadonlySet<Tensor> = nothing): Call[] {
  const order: Call[] = [];
  const isDone = new Map<Call, boolean>();
  const stack: Call[] = [];
  // The last one first, which is then the last to be taken.
  const push = (tensors: readonly Tensor[]): void => {
    for (let at = tensors.length - 1; at >= 0; at--) {
      const tensor = tensors[at] as Tensor;
      if (!isDone.has(tensor.call) && !ends.has(tensor)) stack.push(tensor.call);
    }
  };
  push(roots);
  while (stack.length > 0) {
    const call = stack[stack.length - 1] as Call;
    const done = isDone.get(call);
    if (done === undefined) {
      isDone.set(call, false);
      push(call.inputs);
      continue;
    }
    stack.pop();
    if (done) continue;
    isDone.set(call, true);
    order.push(call);
  }
  return order;
}
