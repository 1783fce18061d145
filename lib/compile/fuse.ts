// Pass 2: fewer passes over memory. A product takes up the bias and activation behind it; trees of
// elementwise calls become one map. Each number is computed by the same operations in the same order, so no
// bit changes.
import {sameShape} from '../core/shape.ts';
import {Call, type Op, type Tensor} from '../core/tensor.ts';
import {callsOf, rebuild, rewrite, usersOf} from '../graph/walk.ts';
import {gemmOp} from '../ops/gemm.ts';
import {mapOp} from '../ops/program.ts';
import {isIdentity, makeProgram} from './map-program.ts';
import {mapRoots, type Roots, tensorsOf} from './roots.ts';

/** Elementwise calls always become maps, since that is their kernel; with `join` false each one by itself. */
export function fuse(roots: Roots, join = true): Roots {
  return groupElementwise(join ? growProducts(roots) : roots, join);
}

/** Whether nothing but one call reads a tensor. */
function singleUse(roots: readonly Tensor[]): (tensor: Tensor) => boolean {
  const users = usersOf(callsOf(roots));
  const kept = new Set(roots);
  return tensor => !kept.has(tensor) && users.get(tensor)?.length === 1;
}

type ProductAttributes = Parameters<typeof gemmOp.infer>[1];

function gemm(call: Call, inputs: readonly Tensor[], attributes: ProductAttributes): readonly Tensor[] {
  return new Call(gemmOp as unknown as Op, inputs, attributes, call.scope).outputs;
}

/** matmul → add a row vector → any op of one operand: one product. */
function growProducts(roots: Roots): Roots {
  const single = singleUse(tensorsOf(roots));

  const takeBias = (call: Call, inputs: readonly Tensor[]): readonly Tensor[] | undefined => {
    for (const side of [0, 1]) {
      const product = inputs[side] as Tensor;
      const bias = inputs[1 - side] as Tensor;
      if (product.call.op.name !== 'matmul' || !single(call.inputs[side] as Tensor)) continue;
      if (bias.rank !== 1 || bias.shape[0] !== product.shape[1]) continue;
      const {transposeA, transposeB} = product.call.attributes as ProductAttributes;
      return gemm(call, [...product.call.inputs, bias], {transposeA, transposeB, activation: null});
    }
    return undefined;
  };

  const takeActivation = (call: Call, inputs: readonly Tensor[]): readonly Tensor[] | undefined => {
    const product = inputs[0] as Tensor;
    const result = call.outputs[0] as Tensor;
    if (result.dtype !== 'float32' || !sameShape(result.shape, product.shape)) return undefined;
    const isProduct = product.call.op.name === 'matmul' || product.call.op === (gemmOp as unknown as Op);
    if (!isProduct || !single(call.inputs[0] as Tensor)) return undefined;
    const {transposeA, transposeB, activation = null} = product.call.attributes as ProductAttributes;
    if (activation !== null) return undefined;
    return gemm(call, product.call.inputs, {transposeA, transposeB, activation: call.op.signature.text});
  };

  const become = rewrite(tensorsOf(roots), (call, inputs) => {
    const {op} = call;
    const isMap = op.elementwise && op.kind === 'primitive';
    const grown =
      op.name === 'add'
        ? takeBias(call, inputs)
        : isMap && inputs.length === 1 && takeActivation(call, inputs);
    return grown || rebuild(call, inputs);
  });
  return mapRoots(roots, become);
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
