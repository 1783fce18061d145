// Walks over graphs.
import type {Call, Tensor} from './tensor.ts';

const nothing: ReadonlySet<Tensor> = new Set();

/**
 * Every call that `roots` depend on, each after the calls it reads, without what lies behind `ends`. Without
 * recursion, as graphs may be deep.
 */
export function callsOf(roots: readonly Tensor[], ends: ReadonlySet<Tensor> = nothing): Call[] {
  const order: Call[] = [];
  const state = new Map<Call, 'open' | 'done'>();
  const sourcesOf = (tensors: readonly Tensor[]): Call[] =>
    (ends.size === 0 ? tensors : tensors.filter(tensor => !ends.has(tensor))).map(({call}) => call).reverse();
  const stack = sourcesOf(roots);
  while (stack.length > 0) {
    const call = stack.at(-1) as Call;
    const seen = state.get(call);
    if (seen === undefined) {
      state.set(call, 'open');
      for (const source of sourcesOf(call.inputs)) if (!state.has(source)) stack.push(source);
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
