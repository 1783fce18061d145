// In which order calls run: as the results demand them, depth first, but what ends a path runs at once.
import type {Call, Tensor} from '../core/tensor.ts';

/** Calls from which no longer way than this leads to an end run at once: dW right behind its dz. */
const eagerHeight = 3;

/** For each call, how many calls the longest way from it to an end has. Views cost nothing. */
function heightsOf(
  order: readonly Call[],
  usersOfCall: (call: Call) => readonly Call[],
): ReadonlyMap<Call, number> {
  const heights = new Map<Call, number>();
  for (const call of [...order].reverse()) {
    const above = usersOfCall(call).map(user => heights.get(user) ?? 0);
    heights.set(call, Math.max(0, ...above) + (call.op.view ? 0 : 1));
  }
  return heights;
}

/**
 * The calls of `order` (which has operands first) that compute something, without those of `late`. Gradients
 * of parameters are ends, so they follow their operands immediately, while those are in cache.
 */
export function orderCalls(
  order: readonly Call[],
  users: ReadonlyMap<Tensor, readonly Call[]>,
  late: ReadonlySet<Call>,
): Call[] {
  const usersOfCall = (call: Call): readonly Call[] =>
    call.outputs.flatMap(output => users.get(output) ?? []).filter(user => !late.has(user));
  const heights = heightsOf(order, usersOfCall);
  const done = new Set<Call>();
  const result: Call[] = [];
  const isReady = (call: Call): boolean =>
    call.inputs.every(input => input.call.op.kind === 'leaf' || done.has(input.call));

  const place = (call: Call): void => {
    if (done.has(call) || call.op.kind === 'leaf') return;
    done.add(call);
    result.push(call);
    for (const user of usersOfCall(call)) {
      if ((heights.get(user) as number) <= eagerHeight && isReady(user)) place(user);
    }
  };
  for (const call of order) if (!late.has(call)) place(call);
  return result;
}
