// A part of fusion: a product takes up what follows it, while its result is in registers or the first-level
// cache. A bias, then an activation; a map with another tensor of its shape; a test for finite numbers.
import {sameShape} from '../core/shape.ts';
import {Call, type Op, type Tensor} from '../core/tensor.ts';
import {callsOf, rebuild, rewrite, usersOf} from '../graph/walk.ts';
import {finiteOp} from '../ops/check.ts';
import {gemmFiniteOp, gemmOp, gemmWithOp, mostGuardedColumns} from '../ops/gemm.ts';
import {mapRoots, type Roots, tensorsOf} from './roots.ts';

type ProductAttributes = Parameters<typeof gemmOp.infer>[1];
type Results = readonly Tensor[] | undefined;

const isProduct = ({call}: Tensor): boolean => call.op.name === 'matmul';
const isMap = ({op}: Call): boolean => op.elementwise && op.kind === 'primitive';

function make(op: unknown, scope: string, inputs: readonly Tensor[], attributes: object): readonly Tensor[] {
  return new Call(op as Op, inputs, attributes, scope).outputs;
}

export function growProducts(roots: Roots): Roots {
  const tensors = tensorsOf(roots);
  const users = usersOf(callsOf(tensors));
  const kept = new Set(tensors);
  /** Whether nothing but one call reads the tensor. */
  const single = (tensor: Tensor): boolean => !kept.has(tensor) && users.get(tensor)?.length === 1;
  const guards = new Map<Call, Tensor>();

  const become = rewrite(tensors, (call, inputs) => {
    const guard = guards.get(call);
    if (guard) return [guard];
    const given = call.inputs.map(single);
    return (
      takeGuard(call, inputs, users, guards) ??
      takeBias(call, inputs, given) ??
      takeActivation(call, inputs, given) ??
      takeOther(call, inputs, given) ??
      rebuild(call, inputs)
    );
  });
  return mapRoots(roots, become);
}

/** A product whose result is tested gives the guard with it; the test becomes that guard when it is met. */
function takeGuard(
  call: Call,
  inputs: readonly Tensor[],
  users: ReadonlyMap<Tensor, readonly Call[]>,
  guards: Map<Call, Tensor>,
): Results {
  const [product] = call.outputs as readonly [Tensor];
  if (!isProduct(product) || (product.shape[1] as number) > mostGuardedColumns) return undefined;
  const test = users.get(product)?.find(({op}) => op === (finiteOp as Op));
  if (!test) return undefined;
  const [result, guard] = make(gemmFiniteOp, test.scope, inputs, call.attributes);
  guards.set(test, guard as Tensor);
  return [result as Tensor];
}

/** A product and a row vector that is added to it. */
function takeBias(call: Call, inputs: readonly Tensor[], single: readonly boolean[]): Results {
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

/** A product, with its bias or without, and a map of it alone. */
function takeActivation(call: Call, inputs: readonly Tensor[], [single]: readonly boolean[]): Results {
  if (!isMap(call) || inputs.length !== 1 || !single) return undefined;
  const [product] = inputs as readonly [Tensor];
  const [result] = call.outputs as readonly [Tensor];
  if (result.dtype !== 'float32' || !sameShape(result.shape, product.shape)) return undefined;
  if (!isProduct(product) && product.call.op !== (gemmOp as unknown as Op)) return undefined;
  const {transposeA, transposeB, activation = null} = product.call.attributes as ProductAttributes;
  if (activation !== null) return undefined;
  const attributes = {transposeA, transposeB, activation: call.op.signature.text};
  return make(gemmOp, call.scope, product.call.inputs, attributes);
}

/** A product and a map of it with another tensor of its shape, the product being the first operand. */
function takeOther(call: Call, inputs: readonly Tensor[], [single]: readonly boolean[]): Results {
  if (!isMap(call) || inputs.length !== 2 || !single) return undefined;
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
