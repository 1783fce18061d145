// Pass 2: fewer passes over memory. By rules, what follows a product is fused into it and small finite checks
// become one; then trees of elementwise calls become one map each. Each number is computed by the same
// operations in the same order, so no bit changes.
import {sameShape} from '../core/shape.ts';
import type {Call, Tensor} from '../core/tensor.ts';
import {callsOf, rebuild, rewrite, usersOf} from '../graph/walk.ts';
import {fuseProducts, makeMap, mergeFiniteChecks} from './fuse-rules.ts';
import {isIdentity, makeProgram} from './map-program.ts';
import {mapRoots, type Roots, tensorsOf} from './roots.ts';

/** Elementwise calls always become maps, which are their kernel; with `join` false, each becomes its own. */
export function fuse(roots: Roots, join = true): Roots {
  return groupElementwise(join ? mergeFiniteChecks(fuseProducts(roots)) : roots, join);
}

/** Calls that become one map. Only the result of `root` is read outside. */
interface Group {
  readonly root: Call;
  members: readonly Call[];
}

const isElementwise = (call: Call): boolean => call.op.elementwise && call.op.kind === 'primitive';

/**
 * Groups calls from the end of the graph. A call joins the group of its users when all of them are in the
 * same one, its result has the shape that the group computes or needs no step, and the group's program stays
 * within the limits.
 */
function findGroups(order: readonly Call[], kept: ReadonlySet<Tensor>, join: boolean): Map<Call, Group> {
  const users = usersOf(order);
  const groups = new Map<Call, Group>();
  for (const call of [...order].reverse()) {
    if (!isElementwise(call)) continue;
    const {result} = call;
    const groupsOfUsers = new Set((users.get(result) ?? []).map(user => groups.get(user)));
    const [group] = groupsOfUsers;
    groups.set(call, {root: call, members: [call]});
    if (!join || !group || groupsOfUsers.size !== 1 || kept.has(result)) continue;
    const isSameSize = sameShape(result.shape, group.root.result.shape);
    if (!isSameSize && !isIdentity(call)) continue;
    const members = [call, ...group.members];
    if (!makeProgram(members)) continue;
    group.members = members;
    groups.set(call, group);
  }
  return groups;
}

function groupElementwise(roots: Roots, join: boolean): Roots {
  const tensors = tensorsOf(roots);
  const groups = findGroups(callsOf(tensors), new Set(tensors), join);
  const replacement = rewrite(tensors, (call, inputs, replaced) => {
    const group = groups.get(call);
    if (!group) return rebuild(call, inputs);
    if (group.root !== call) return call.outputs;
    const {inputs: read, program} = makeProgram(group.members) as NonNullable<ReturnType<typeof makeProgram>>;
    return makeMap(call, read.map(replaced), program);
  });
  return mapRoots(roots, replacement);
}
