// The rules of `fuse`. What follows a product is computed while its result is in registers or the L1 cache: a
// bias, then an elementwise op, perhaps with another tensor of its shape, then a finite check. Views between
// the two do not count. The finite checks of small tensors become one. What is left of elementwise calls
// becomes maps.
import {match} from '../core/operands.ts';
import {sameShape} from '../core/shape.ts';
import {apply, Call, type Tensor} from '../core/tensor.ts';
import {baseOf, callsOf, rebuild, rewrite, usersOf, withInputs} from '../graph/walk.ts';
import {finiteEachOp, finiteOp} from '../ops/check.ts';
import {matmulOp} from '../ops/gemm.ts';
import {add} from '../ops/map.ts';
import {reshapeOp} from '../ops/move.ts';
import {type MapProgram, mapOp} from '../ops/program.ts';
import {mapRoots, type Roots, tensorsOf} from './roots.ts';

const isElementwise = ({op}: Call): boolean => op.elementwise && op.kind === 'primitive';

export function fuseProducts(roots: Roots): Roots {
  const tensors = tensorsOf(roots);
  const users = usersOf(callsOf(tensors));
  const kept = new Set(tensors);
  /** Whether the tensor, and what it may be a view of, are read by one call alone. */
  const hasOneUser = (tensor: Tensor): boolean =>
    !kept.has(tensor) &&
    users.get(tensor)?.length === 1 &&
    (!tensor.call.op.view || hasOneUser(tensor.call.operand));
  /** For finite checks that have been fused, the guard of their product. */
  const guards = new Map<Call, Tensor>();

  const replacement = rewrite(tensors, (call, inputs) => {
    const guard = guards.get(call);
    if (guard) return [guard];
    const check = checkOf(call.result, users);
    const product =
      call.op === matmulOp
        ? check && match(withInputs(call, inputs).result, matmulOp)
        : withFollowing(call, inputs, call.inputs.map(hasOneUser));
    if (!product) return rebuild(call, inputs);
    const {a, b, epilogue, ...attributes} = {...product, guarded: check !== undefined};
    const [result, own] = apply(matmulOp, [a, b, ...epilogue], attributes, (check ?? call).scope);
    if (check && own) guards.set(check, own);
    return inShapeOf(call, result);
  });
  return mapRoots(roots, replacement);
}

/** The product that a tensor, or what it is a view of, results from, by operands and attributes. */
const productOf = (tensor: Tensor) => match(baseOf(tensor), matmulOp);
type Product = NonNullable<ReturnType<typeof productOf>>;

/** A product that computes the call as well, which alone reads its result. */
function withFollowing(
  call: Call,
  inputs: readonly Tensor[],
  single: readonly boolean[],
): Product | undefined {
  return withBias(call, inputs, single) ?? (single[0] ? withMap(call, inputs) : undefined);
}

/** A result as the call that it replaces had it: under that shape. */
function inShapeOf({result, scope}: Call, y: Tensor): readonly Tensor[] {
  const {shape} = result;
  return sameShape(y.shape, shape) ? [y] : apply(reshapeOp, [y], {shape}, scope);
}

/** The finite check of a tensor or of a view of it. */
function checkOf(tensor: Tensor, users: ReadonlyMap<Tensor, readonly Call[]>): Call | undefined {
  for (const user of users.get(tensor) ?? []) {
    const check = user.op.view ? checkOf(user.result, users) : user;
    if (check?.op === finiteOp) return check;
  }
  return undefined;
}

/** A product and a row vector that is added to it. */
function withBias({op}: Call, inputs: readonly Tensor[], single: readonly boolean[]): Product | undefined {
  const [a, b] = inputs;
  if (op !== add.op || !a || !b) return undefined;
  const sides = [
    [a, b, single[0]],
    [b, a, single[1]],
  ] as const;
  for (const [sum, bias, isSingle] of sides) {
    const product = isSingle ? productOf(sum) : undefined;
    if (!product || product.bias || product.map !== null) continue;
    const columns = baseOf(sum).shape.at(-1);
    if (bias.rank !== 1 || bias.shape[0] !== columns || sum.shape.at(-1) !== columns) continue;
    return {...product, epilogue: [bias], bias: true};
  }
  return undefined;
}

/** A product and an elementwise op of it, and perhaps of another tensor of its shape as second operand. */
function withMap(call: Call, [tensor, ...others]: readonly Tensor[]): Product | undefined {
  if (!isElementwise(call) || !tensor || others.length > 1) return undefined;
  const fits = ({dtype, shape}: Tensor): boolean => dtype === 'float32' && sameShape(shape, tensor.shape);
  const base = baseOf(tensor);
  const product = match(base, matmulOp);
  if (!product || product.map !== null || ![call.result, ...others].every(fits)) return undefined;
  if (others.some(other => baseOf(other) === base)) return undefined;
  const seen = others.flatMap(other => inShapeOf(base.call, other));
  return {...product, epilogue: [...product.epilogue, ...seen], map: call.op.signature.text};
}

/** Elements up to which tensors share a finite check: a larger one is worth several threads. */
const maxSharedElements = 4096;

/** What a small finite check checks. */
function smallChecked(guard: Tensor): Tensor | undefined {
  const x = match(guard, finiteOp)?.x;
  return x && x.size <= maxSharedElements ? x : undefined;
}

/** Makes one call of the finite checks of small tensors: the overhead of each would exceed its arithmetic. */
export function mergeFiniteChecks(roots: Roots): Roots {
  const guards = [...new Set(roots.guards)];
  const small = guards.filter(smallChecked);
  if (small.length < 2) return roots;
  const inputs = small.flatMap(guard => smallChecked(guard) ?? []);
  const scopes = small.map(({call}) => call.scope);
  const merged = apply(finiteEachOp, inputs, {scopes}, '');
  return {...roots, guards: [...guards.filter(guard => !small.includes(guard)), ...merged]};
}

/** The map that computes the result of a call by a program. */
export function makeMap(
  {result, scope}: Call,
  inputs: readonly Tensor[],
  program: MapProgram,
): readonly Tensor[] {
  return new Call(mapOp, inputs, {program, shape: result.shape, dtype: result.dtype}, scope).outputs;
}
