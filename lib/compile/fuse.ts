// Pass 2: fewer passes over memory. By rules, what follows a product is fused into it and small finite checks
// become one; then trees of elementwise calls become one map each. Each number is computed by the same
// operations in the same order, so no bit changes.
import {sameShape} from '../core/shape.ts';
import type {Call, Tensor} from '../core/tensor.ts';
import {callsOf, rebuild, rewrite, usersOf} from '../graph/walk.ts';
import {fuseProducts, fuseScatters, makeMap, mergeFiniteChecks} from './fuse-rules.ts';
import {isIdentity, makeProgram} from './map-program.ts';
import {mapRoots, type Roots, tensorsOf} from './roots.ts';

/** Elementwise calls always become maps, which are their kernel; with `join` false, each becomes its own. */
export function fuse(roots: Roots, join = true): Roots {
  return groupElementwise(join ? mergeFiniteChecks(fuseScatters(fuseProducts(roots))) : roots, join);
}

/** Calls that become one map. Only the result of `root` is read outside. */
interface Group {
  readonly root: Call;
  members: readonly Call[];
}

const isElementwise = (call: Call): boolean => call.op.elementwise && call.op.kind === 'primitive';

/**
 * A call that costs little beside reading its operand, the only one of its result's size: each group that
 * reads it computes it anew, so that it need not be written and read.
 */
function isRepeatable({inputs, result}: Call): boolean {
  return inputs.length === 2 && inputs.filter(({shape}) => sameShape(shape, result.shape)).length === 1;
}

/**
 * Groups calls from the end of the graph. A call joins the groups of its users where all of them are in
 * groups, its result has the shape that these compute or needs no step, and their programs stay within the
 * limits: one group, or several that repeat it.
 */
function findGroups(
  order: readonly Call[],
  kept: ReadonlySet<Tensor>,
  join: boolean,
): Map<Call, readonly Group[]> {
  const users = usersOf(order);
  const groups = new Map<Call, readonly Group[]>();
  const joins = (call: Call, {root, members}: Group): boolean =>
    (sameShape(call.result.shape, root.result.shape) || isIdentity(call)) &&
    makeProgram([call, ...members]) !== undefined;
  for (const call of [...order].reverse()) {
    if (!isElementwise(call)) continue;
    const readers = users.get(call.result) ?? [];
    const all = new Set(readers.flatMap(user => groups.get(user) ?? []));
    groups.set(call, [{root: call, members: [call]}]);
    const isRead = readers.length > 0 && readers.every(user => groups.has(user)) && !kept.has(call.result);
    if (!join || !isRead || (all.size > 1 && !isRepeatable(call))) continue;
    if (![...all].every(group => joins(call, group))) continue;
    for (const group of all) group.members = [call, ...group.members];
    groups.set(call, [...all]);
  }
  return groups;
}

function groupElementwise(roots: Roots, join: boolean): Roots {
  const tensors = tensorsOf(roots);
  const groups = findGroups(callsOf(tensors), new Set(tensors), join);
  const replacement = rewrite(tensors, (call, inputs, replaced) => {
    const own = groups.get(call);
    if (!own) return rebuild(call, inputs);
    const group = own.find(({root}) => root === call);
    if (!group) return call.outputs;
    const {inputs: read, program} = makeProgram(group.members) as NonNullable<ReturnType<typeof makeProgram>>;
    return makeMap(call, read.map(replaced), program);
  });
  return mapRoots(roots, replacement);
}
