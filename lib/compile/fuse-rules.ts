// The rules of `fuse`. What follows a product is computed while its result is in registers or the L1 cache: a
// bias, then an elementwise op, perhaps with another tensor of its shape, then a finite check. Views between
// the two do not count. Zeros that are scattered to are not made. The finite checks of small tensors become
// one. What is left of elementwise calls becomes maps.
import {match} from '../core/operands.ts';
import {rowOfCall} from '../core/registers.ts';
import {sameShape} from '../core/shape.ts';
import {apply, Call, type Op, type Tensor} from '../core/tensor.ts';
import {baseOf, callsOf, rebuild, rewrite, usersOf, withInputs} from '../graph/walk.ts';
import {finiteEachOp, finiteOp} from '../ops/check.ts';
import {convInputOp, convOp} from '../ops/conv.ts';
import {matmulOp} from '../ops/gemm.ts';
import {scatterAddOp, scatterSumOp} from '../ops/indexing.ts';
import {add, gelu, geluGrad, geluTanh, geluTanhGrad, mul} from '../ops/map.ts';
import {reshapeOp} from '../ops/move.ts';
import {type MapProgram, mapOp} from '../ops/program.ts';
import {mapRoots, type Roots, tensorsOf} from './roots.ts';
import {uniformValue} from './simplify-rules.ts';

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
    const product = isProduct(call)
      ? check && productOf(withInputs(call, inputs).result)
      : withFollowing(call, inputs, call.inputs.map(hasOneUser));
    if (!product) return rebuild(call, inputs);
    const {op, factors, epilogue, attributes} = product;
    const fused = {...attributes, guarded: check !== undefined};
    const scope = (check ?? call).scope;
    const [result, own] = new Call(op, [...factors, ...epilogue], fused, scope).outputs;
    if (check && own) guards.set(check, own);
    return result ? inShapeOf(call, result) : [];
  });
  return mapRoots(roots, replacement);
}

/** Products that take an epilogue: they have two factors, and attributes of it by the same names. */
const isProduct = ({op}: Call): boolean => op === matmulOp || op === convOp || op === convInputOp;

interface Product {
  readonly op: Op;
  readonly factors: readonly Tensor[];
  readonly epilogue: readonly Tensor[];
  readonly attributes: {readonly bias: boolean; readonly map: string | null};
}

/** The product that a tensor, or what it is a view of, results from, by operands and attributes. */
function productOf(tensor: Tensor): Product | undefined {
  const base = baseOf(tensor);
  const found = match(base, matmulOp) ?? match(base, convOp) ?? match(base, convInputOp);
  if (!found) return undefined;
  const {op, inputs, attributes} = base.call;
  const {bias, map, epilogue} = found;
  return {op, factors: inputs.slice(0, 2), epilogue, attributes: {...attributes, bias, map}};
}

/** A product that computes the call as well, which alone reads its result. */
function withFollowing(
  call: Call,
  inputs: readonly Tensor[],
  single: readonly boolean[],
): Product | undefined {
  const biased = withBias(call, inputs, single);
  if (biased) return biased;
  const first = single[0] ? withMap(call, inputs) : undefined;
  if (first || !single[1] || !isCommutative(call)) return first;
  return withMap(call, inputs.toReversed());
}

/** Ops of so many steps that to begin them anew for each tile takes longer than a pass of their own. */
const longOps: ReadonlySet<Op> = new Set([gelu.op, geluTanh.op, geluGrad.op, geluTanhGrad.op]);
/** Up to this many elements, a pass of their own is not worth its call. */
const maxLongElements = 4096;

/** Whether operands may change places without a change of bits. */
const isCommutative = ({op}: Call): boolean => op === add.op || op === mul.op;

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
function withBias(call: Call, inputs: readonly Tensor[], single: readonly boolean[]): Product | undefined {
  const [a, b] = inputs;
  if (call.op !== add.op || !a || !b) return undefined;
  const sides = [
    [a, b, single[0]],
    [b, a, single[1]],
  ] as const;
  for (const [sum, bias, isSingle] of sides) {
    const product = isSingle ? productOf(sum) : undefined;
    if (!product || product.attributes.bias || product.attributes.map !== null) continue;
    const columns = baseOf(sum).shape.at(-1);
    if (bias.size !== columns || bias.shape.at(-1) !== columns || bias.rank > sum.rank) continue;
    if (sum.shape.at(-1) !== columns) continue;
    const [row] = bias.rank === 1 ? [bias] : apply(reshapeOp, [bias], {shape: [columns]}, call.scope);
    return row && {...product, epilogue: [row], attributes: {...product.attributes, bias: true}};
  }
  return undefined;
}

/** A product and an elementwise op of it, and perhaps of another tensor of its shape as the other operand. */
function withMap(call: Call, [tensor, ...others]: readonly Tensor[]): Product | undefined {
  if (!isElementwise(call) || !tensor || others.length > 1) return undefined;
  if (longOps.has(call.op) && call.result.size > maxLongElements) return undefined;
  const fits = ({dtype, shape}: Tensor): boolean => dtype === 'float32' && sameShape(shape, tensor.shape);
  const base = baseOf(tensor);
  const product = productOf(base);
  if (!product || product.attributes.map !== null || ![call.result, ...others].every(fits)) return undefined;
  if (others.some(other => baseOf(other) === base)) return undefined;
  const seen = others.flatMap(other => inShapeOf(base.call, other));
  const attributes = {...product.attributes, map: rowOfCall(call)};
  return {...product, epilogue: [...product.epilogue, ...seen], attributes};
}

/** What is added to zeros is summed as it is written. */
export function fuseScatters(roots: Roots): Roots {
  const replacement = rewrite(tensorsOf(roots), (call, inputs) => {
    const given = call.op === scatterAddOp ? match(withInputs(call, inputs).result, scatterAddOp) : undefined;
    if (!given || !Object.is(uniformValue(given.x), 0)) return rebuild(call, inputs);
    const {indices, updates, axis, batchDims} = given;
    const attributes = {axis, batchDims, shape: call.result.shape};
    return apply(scatterSumOp, [indices, updates], attributes, call.scope);
  });
  return mapRoots(roots, replacement);
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
