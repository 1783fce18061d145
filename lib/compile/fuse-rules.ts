// The rules of `fuse`. What follows a product is computed while its result is in registers or the L1 cache: a
// bias, then an activation; an elementwise op with another tensor of its shape; a finite check. Views between
// the two do not count. The finite checks of small tensors become one. What is left of elementwise calls
// becomes maps.
import {match} from '../core/operands.ts';
import {sameShape} from '../core/shape.ts';
import {apply, Call, type Tensor} from '../core/tensor.ts';
import {baseOf, callsOf, rebuild, rewrite, usersOf} from '../graph/walk.ts';
import {finiteEachOp, finiteOp} from '../ops/check.ts';
import {gemmFiniteOp, gemmOp, gemmWithOp, matmulOp, maxGuardedColumns} from '../ops/gemm.ts';
import {add} from '../ops/map.ts';
import {reshapeOp} from '../ops/move.ts';
import {type MapProgram, mapOp} from '../ops/program.ts';
import {mapRoots, type Roots, tensorsOf} from './roots.ts';

type Results = readonly Tensor[] | undefined;

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

/** A product whose result is checked gives the guard as well, which later replaces the call of the check. */
function fuseFiniteCheck(
  call: Call,
  inputs: readonly Tensor[],
  users: ReadonlyMap<Tensor, readonly Call[]>,
  guards: Map<Call, Tensor>,
): Results {
  const product = match(call.result, matmulOp);
  if (!product || (call.result.shape[1] as number) > maxGuardedColumns) return undefined;
  const check = checkOf(call.result, users);
  const [a, b] = inputs;
  if (!check || !a || !b) return undefined;
  const {transposeA, transposeB} = product;
  const [result, guard] = apply(gemmFiniteOp, [a, b], {transposeA, transposeB}, check.scope);
  guards.set(check, guard);
  return [result];
}

/** A product and a row vector that is added to it. */
function fuseBias(call: Call, inputs: readonly Tensor[], single: readonly boolean[]): Results {
  const [a, b] = inputs;
  if (call.op !== add.op || !a || !b) return undefined;
  const sides = [
    [a, b, single[0]],
    [b, a, single[1]],
  ] as const;
  for (const [sum, bias, isSingle] of sides) {
    const product = match(baseOf(sum), matmulOp);
    if (!product || !isSingle) continue;
    const columns = baseOf(sum).shape[1];
    if (bias.rank !== 1 || bias.shape[0] !== columns || sum.shape.at(-1) !== columns) continue;
    const {transposeA, transposeB} = product;
    const attributes = {transposeA, transposeB, activation: null};
    return inShapeOf(call, apply(gemmOp, [product.a, product.b, bias], attributes, call.scope)[0]);
  }
  return undefined;
}

/** A product, with or without a bias, and an elementwise op of it alone. */
function fuseActivation(call: Call, inputs: readonly Tensor[], [single]: readonly boolean[]): Results {
  const [tensor, ...others] = inputs;
  if (!isElementwise(call) || !tensor || others.length > 0 || !single) return undefined;
  if (call.result.dtype !== 'float32' || !sameShape(call.result.shape, tensor.shape)) return undefined;
  const base = baseOf(tensor);
  const biased = match(base, gemmOp);
  const product = match(base, matmulOp) ?? biased;
  if (!product || (biased && biased.activation !== null)) return undefined;
  const {a, b, transposeA, transposeB} = product;
  const attributes = {transposeA, transposeB, activation: call.op.signature.text};
  const operands = biased?.bias ? ([a, b, biased.bias] as const) : ([a, b] as const);
  return inShapeOf(call, apply(gemmOp, operands, attributes, call.scope)[0]);
}

/** A product and an elementwise op of it, as first operand, and another tensor of its shape. */
function fuseOther(call: Call, inputs: readonly Tensor[], [single]: readonly boolean[]): Results {
  const [tensor, other, ...others] = inputs;
  if (!isElementwise(call) || !tensor || !other || others.length > 0 || !single) return undefined;
  const fits = ({dtype, shape}: Tensor): boolean => dtype === 'float32' && sameShape(shape, tensor.shape);
  const base = baseOf(tensor);
  const product = match(base, matmulOp);
  if (!product || !fits(call.result) || !fits(other)) return undefined;
  const {a, b, transposeA, transposeB} = product;
  const attributes = {transposeA, transposeB, combine: call.op.signature.text};
  const [seen] = inShapeOf(base.call, other);
  return inShapeOf(call, apply(gemmWithOp, [a, b, seen as Tensor], attributes, call.scope)[0]);
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
