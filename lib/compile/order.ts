// In which order calls run: depth first from the results, except that calls near the end of a path run as
// soon as they can.
import type {Call, Tensor} from '../core/tensor.ts';

/** Calls with at most so many calls ahead of them run as soon as they can: dW directly after its dz. */
const eagerHeight = 3;

/**
 * So do those with one more whose results are so many times smaller than what they read: sums of a bias that
 * is stacked with another.
 */
const muchLess = 16;

function readsMuchMore({inputs, outputs}: Call): boolean {
  const written = outputs.reduce((sum, {size}) => sum + size, 0);
  return inputs.some(({size}) => size >= muchLess * written);
}

/** For each call, the length of the longest path from it to the end of the graph. Views do not count. */
function heightsOf(
  order: readonly Call[],
  usersOfCall: (call: Call) => readonly Call[],
): ReadonlyMap<Call, number> {
  const heights = new Map<Call, number>();
  for (const call of [...order].reverse()) {
    const ofUsers = usersOfCall(call).map(user => heights.get(user) ?? 0);
    heights.set(call, Math.max(0, ...ofUsers) + (call.op.view ? 0 : 1));
  }
  return heights;
}

/**
 * The calls of `order` (which has operands first) that compute something, without those of the commit phase.
 * Gradients of parameters end their paths, so they follow their operands while those are in cache.
 * `after` has calls that a call has to come after, though it reads nothing of them; so has `order`.
 */
export function orderCalls(
  order: readonly Call[],
  users: ReadonlyMap<Tensor, readonly Call[]>,
  commitCalls: ReadonlySet<Call>,
  after: ReadonlyMap<Call, readonly Call[]> = new Map(),
): Call[] {
  const usersOfCall = (call: Call): readonly Call[] =>
    call.outputs.flatMap(output => users.get(output) ?? []).filter(user => !commitCalls.has(user));
  const heights = heightsOf(order, usersOfCall);
  const done = new Set<Call>();
  const result: Call[] = [];
  const isReady = (call: Call): boolean =>
    call.inputs.every(input => input.call.op.kind === 'leaf' || done.has(input.call)) &&
    (after.get(call) ?? []).every(other => done.has(other));

  const isEager = (call: Call): boolean => {
    const height = heights.get(call) as number;
    return height <= eagerHeight || (height === eagerHeight + 1 && readsMuchMore(call));
  };

  const place = (call: Call): void => {
    if (done.has(call) || call.op.kind === 'leaf') return;
    done.add(call);
    result.push(call);
    for (const user of usersOfCall(call)) if (isEager(user) && isReady(user)) place(user);
  };
  for (const call of order) if (!commitCalls.has(call)) place(call);
  return result;
}
