// Pass 2: fewer passes over memory. What follows a product is fused into it (products.ts), small finite
// checks become one (guards.ts), and trees of elementwise calls become one map. Each number is computed by
// the same operations in the same order, so no bit changes.
import {sameShape} from '../core/shape.ts';
import {Call, type Op, type Tensor} from '../core/tensor.ts';
import {callsOf, rebuild, rewrite, usersOf} from '../graph/walk.ts';
import {mapOp} from '../ops/program.ts';
import {mergeFiniteChecks} from './guards.ts';
import {isIdentity, makeProgram} from './map-program.ts';
import {fuseProducts} from './products.ts';
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
    const [result] = call.outputs as readonly [Tensor];
    const groupsOfUsers = new Set((users.get(result) ?? []).map(user => groups.get(user)));
    const [group] = groupsOfUsers;
    groups.set(call, {root: call, members: [call]});
    if (!join || !group || groupsOfUsers.size !== 1 || kept.has(result)) continue;
    const isSameSize = sameShape(result.shape, (group.root.outputs[0] as Tensor).shape);
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
    const {shape, dtype} = call.outputs[0] as Tensor;
    return new Call(mapOp as unknown as Op, read.map(replaced), {program, shape, dtype}, call.scope).outputs;
  });
  return mapRoots(roots, replacement);
}
