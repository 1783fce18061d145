// A part of fusion: what follows a product is computed while its result is in registers or the L1 cache. A
// bias, then an activation; an elementwise op with another tensor of its shape; a finite check.
import {sameShape} from '../core/shape.ts';
import {Call, type Op, type Tensor} from '../core/tensor.ts';
import {callsOf, rebuild, rewrite, usersOf} from '../graph/walk.ts';
import {finiteOp} from '../ops/check.ts';
import {gemmFiniteOp, gemmOp, gemmWithOp, maxGuardedColumns} from '../ops/gemm.ts';
import {mapRoots, type Roots, tensorsOf} from './roots.ts';

type ProductAttributes = Parameters<typeof gemmOp.infer>[1];
type Results = readonly Tensor[] | undefined;

const isProduct = ({call}: Tensor): boolean => call.op.name === 'matmul';
const isElementwise = ({op}: Call): boolean => op.elementwise && op.kind === 'primitive';

function make(op: unknown, scope: string, inputs: readonly Tensor[], attributes: object): readonly Tensor[] {
  return new Call(op as Op, inputs, attributes, scope).outputs;
}

export function fuseProducts(roots: Roots): Roots {
  const tensors = tensorsOf(roots);
  const users = usersOf(callsOf(tensors));
  const kept = new Set(tensors);
  /** Whether the tensor is read by one call alone. */
  const hasOneUser = (tensor: Tensor): boolean => !kept.has(tensor) && users.get(tensor)?.length === 1;
  /** For finite checks that have been fused, the guard of their product. */
  const guards = new Map<Call, Tensor>();

  const replacement = rewrite(tensors, (call, inputs) => {
    const guard = guards.get(call);
    if (guard) return [guard];
    const single = call.inputs.map(hasOneUser);
    return (
      fuseFiniteCheck(call, inputs, users, guards) ??
      fuseBias(call, inputs, single) ??
      fuseActivation(call, inputs, single) ??
      fuseOther(call, inputs, single) ??
      rebuild(call, inputs)
    );
  });
  return mapRoots(roots, replacement);
}

/** A product whose result is checked gives the guard as well, which later replaces the call of the check. */
function fuseFiniteCheck(
  call: Call,
  inputs: readonly Tensor[],
  users: ReadonlyMap<Tensor, readonly Call[]>,
  guards: Map<Call, Tensor>,
): Results {
  const [product] = call.outputs as readonly [Tensor];
  if (!isProduct(product) || (product.shape[1] as number) > maxGuardedColumns) return undefined;
  const check = users.get(product)?.find(({op}) => op === (finiteOp as Op));
  if (!check) return undefined;
  const [result, guard] = make(gemmFiniteOp, check.scope, inputs, call.attributes);
  guards.set(check, guard as Tensor);
  return [result as Tensor];
}

/** A product and a row vector that is added to it. */
function fuseBias(call: Call, inputs: readonly Tensor[], single: readonly boolean[]): Results {
  if (call.op.name !== 'add') return undefined;
  for (const side of [0, 1]) {
    const product = inputs[side] as Tensor;
    const bias = inputs[1 - side] as Tensor;
    if (!isProduct(product) || !single[side]) continue;
    if (bias.rank !== 1 || bias.shape[0] !== product.shape[1]) continue;
    const {transposeA, transposeB} = product.call.attributes as ProductAttributes;
    const attributes = {transposeA, transposeB, activation: null};
    return make(gemmOp, call.scope, [...product.call.inputs, bias], attributes);
  }
  return undefined;
}

/** A product, with or without a bias, and an elementwise op of it alone. */
function fuseActivation(call: Call, inputs: readonly Tensor[], [single]: readonly boolean[]): Results {
  if (!isElementwise(call) || inputs.length !== 1 || !single) return undefined;
  const [product] = inputs as readonly [Tensor];
  const [result] = call.outputs as readonly [Tensor];
  if (result.dtype !== 'float32' || !sameShape(result.shape, product.shape)) return undefined;
  if (!isProduct(product) && product.call.op !== (gemmOp as unknown as Op)) return undefined;
  const {transposeA, transposeB, activation = null} = product.call.attributes as ProductAttributes;
  if (activation !== null) return undefined;
  const attributes = {transposeA, transposeB, activation: call.op.signature.text};
  return make(gemmOp, call.scope, product.call.inputs, attributes);
}

/** A product and an elementwise op of it, as first operand, and another tensor of its shape. */
function fuseOther(call: Call, inputs: readonly Tensor[], [single]: readonly boolean[]): Results {
  if (!isElementwise(call) || inputs.length !== 2 || !single) return undefined;
  const [product, other] = inputs as readonly [Tensor, Tensor];
  const [result] = call.outputs as readonly [Tensor];
  const fits = [result, other].every(
    tensor => tensor.dtype === 'float32' && sameShape(tensor.shape, product.shape),
  );
  if (!fits || !isProduct(product)) return undefined;
  const {transposeA, transposeB} = product.call.attributes as ProductAttributes;
  const attributes = {transposeA, transposeB, combine: call.op.signature.text};
  return make(gemmWithOp, call.scope, [...product.call.inputs, other], attributes);
}
