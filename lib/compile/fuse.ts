// Pass 2: fewer passes over memory. A product takes up what follows it (products.ts), small tests become
// one (tests.ts), trees of elementwise calls become one map. Each number is computed by the same operations
// in the same order, so no bit changes.
import {sameShape} from '../core/shape.ts';
import {Call, type Op, type Tensor} from '../core/tensor.ts';
import {callsOf, rebuild, rewrite, usersOf} from '../graph/walk.ts';
import {mapOp} from '../ops/program.ts';
import {isIdentity, makeProgram} from './map-program.ts';
import {growProducts} from './products.ts';
import {mapRoots, type Roots, tensorsOf} from './roots.ts';
import {mergeTests} from './tests.ts';

/** Elementwise calls always become maps, since that is their kernel; with `join` false each one by itself. */
export function fuse(roots: Roots, join = true): Roots {
  return groupElementwise(join ? mergeTests(growProducts(roots)) : roots, join);
}

/** Calls that end in `root`, which alone is visible outside. */
interface Group {
  readonly root: Call;
  members: readonly Call[];
}

const isElementwise = (call: Call): boolean => call.op.elementwise && call.op.kind === 'primitive';

/**
 * From the end of the graph: a call joins the group of its users when all of them are in one, its result has
 * the shape that the group computes or costs nothing, and the group's program stays within the limits.
 */
function findGroups(order: readonly Call[], kept: ReadonlySet<Tensor>, join: boolean): Map<Call, Group> {
  const users = usersOf(order);
  const groups = new Map<Call, Group>();
  for (const call of [...order].reverse()) {
    if (!isElementwise(call)) continue;
    const [result] = call.outputs as readonly [Tensor];
    const around = new Set((users.get(result) ?? []).map(user => groups.get(user)));
    const [group] = around;
    const alone = {root: call, members: [call]};
    groups.set(call, alone);
    if (!join || !group || around.size !== 1 || kept.has(result)) continue;
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
  const become = rewrite(tensors, (call, inputs, successor) => {
    const group = groups.get(call);
    if (!group) return rebuild(call, inputs);
    if (group.root !== call) return call.outputs;
    const made = makeProgram(group.members);
    const {shape, dtype} = call.outputs[0] as Tensor;
    const {inputs: read, program} = made as NonNullable<typeof made>;
    return new Call(mapOp as unknown as Op, read.map(successor), {program, shape, dtype}, call.scope).outputs;
  });
  return mapRoots(roots, become);
}
