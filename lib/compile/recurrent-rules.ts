// The product of a recurrent state and the cell that reads it become one call, as do the gradient of a cell
// and the product that reads that: a thread then has the same rows of both, which stay in its cache. Each
// number is computed by the same operations in the same order, so no bit changes.
import {match} from '../core/operands.ts';
import {sameShape} from '../core/shape.ts';
import {Call, type Op, type Tensor} from '../core/tensor.ts';
import {callsOf, rebuild, rewrite, usersOf} from '../graph/walk.ts';
import {matmulOp} from '../ops/gemm.ts';
import {add} from '../ops/map.ts';
import {
  gruCellGradOp,
  gruCellOp,
  gruStepGradOp,
  gruStepOp,
  lstmCellGradOp,
  lstmCellOp,
  lstmStepGradOp,
  lstmStepOp,
} from '../ops/recurrent.ts';
import {mapRoots, type Roots, tensorsOf} from './roots.ts';

/** Weights up to this many stay in each core's L2; of more, threads had better share them. */
const maxWeights = 2 ** 18;

interface Graph {
  usersOf(tensor: Tensor): readonly Call[];
  /** Whether a tensor is read once, and is no result. */
  isSingle(tensor: Tensor): boolean;
}

function graphOf(tensors: readonly Tensor[]): Graph {
  const users = usersOf(callsOf(tensors));
  const kept = new Set(tensors);
  const of = (tensor: Tensor): readonly Call[] => users.get(tensor) ?? [];
  return {usersOf: of, isSingle: tensor => !kept.has(tensor) && of(tensor).length === 1};
}

interface Factors {
  readonly a: Tensor;
  readonly b: Tensor;
}

/** A product of two matrices that lie as they are read. */
function plainProduct(tensor: Tensor): Factors | undefined {
  const given = match(tensor, matmulOp);
  if (!given || given.epilogue.length > 0 || given.map !== null || given.guarded) return undefined;
  const {a, b, transposeA, transposeB} = given;
  const isPlain = !transposeA && !transposeB && a.rank === 2 && b.rank === 2;
  return isPlain && b.size <= maxWeights ? {a, b} : undefined;
}

/** A product that only its sum with another tensor reads, and that tensor. */
function addedProduct(sum: Tensor, graph: Graph): (Factors & {readonly other: Tensor}) | undefined {
  const given = match(sum, add.op);
  if (!given || !graph.isSingle(sum)) return undefined;
  const sides = [
    [given.a, given.b],
    [given.b, given.a],
  ] as const;
  for (const [first, other] of sides) {
    const product = graph.isSingle(first) ? plainProduct(first) : undefined;
    if (product) return {...product, other};
  }
  return undefined;
}

interface Step {
  readonly op: Op;
  readonly inputs: readonly Tensor[];
}

/** The step that a cell becomes with the product whose sum it reads. */
function stepOf({result}: Call, graph: Graph): Step | undefined {
  const lstm = match(result, lstmCellOp);
  if (lstm) {
    const sum = addedProduct(lstm.z, graph);
    const fits = sum && sameShape(sum.other.shape, lstm.z.shape) && sameShape(sum.a.shape, lstm.c.shape);
    return fits ? {op: lstmStepOp, inputs: [sum.other, sum.a, lstm.c, sum.b]} : undefined;
  }
  const gru = match(result, gruCellOp);
  if (!gru) return undefined;
  const biased = addedProduct(gru.z, graph);
  const own = graph.isSingle(gru.z) ? plainProduct(gru.z) : undefined;
  if (own?.a === gru.h) return {op: gruStepOp, inputs: [gru.x, gru.h, own.b]};
  const fits = biased?.a === gru.h && biased.other.rank === 1 && biased.other.size === gru.z.shape[1];
  return fits ? {op: gruStepOp, inputs: [gru.x, gru.h, biased.b, biased.other]} : undefined;
}

/** A gradient of a cell with a product of it, and the call whose result that becomes. */
interface StepBack extends Step {
  readonly last: Call;
  /** For each result of the gradient, and then for that of the last call, the number of the step's result. */
  readonly results: readonly number[];
}

function stepBackOf(call: Call, graph: Graph): StepBack | undefined {
  const {result, outputs, inputs} = call;
  const isGru = match(result, gruCellGradOp) !== undefined;
  if (!isGru && !match(result, lstmCellGradOp)) return undefined;
  const sums = outputs[outputs.length - 1];
  if (!sums || result.rank !== 2) return undefined;
  for (const user of graph.usersOf(sums)) {
    const product = plainProduct(user.result);
    // What is computed after the gradient cannot be an operand of both.
    if (product?.a !== sums || product.b.call.op.kind !== 'leaf') continue;
    if (!sameShape(user.result.shape, result.shape)) continue;
    const read = [...inputs, product.b];
    if (!isGru) return {op: lstmStepGradOp, inputs: read, last: user, results: [0, 1, 2]};
    const [next] = graph.usersOf(user.result);
    const total = next && match(next.result, add.op);
    const isTotal = total && [total.a, total.b].includes(result) && graph.isSingle(result);
    if (!isTotal || !graph.isSingle(user.result)) continue;
    return {op: gruStepGradOp, inputs: read, last: next, results: [0, 1, 2, 0]};
  }
  return undefined;
}

/** The graph with steps in place of cells and products. */
export function fuseSteps(roots: Roots): Roots {
  const tensors = tensorsOf(roots);
  const graph = graphOf(tensors);
  const made = new Map<Call, Tensor>();
  const replacement = rewrite(tensors, (call, inputs, replaced) => {
    const known = made.get(call);
    if (known) return [known];
    const step = stepOf(call, graph);
    if (step) return new Call(step.op, step.inputs.map(replaced), {}, call.scope).outputs;
    const back = stepBackOf(call, graph);
    if (!back) return rebuild(call, inputs);
    const {outputs} = new Call(back.op, back.inputs.map(replaced), {}, call.scope);
    const results = back.results.map(index => outputs[index] ?? call.result);
    made.set(back.last, results[results.length - 1] ?? call.result);
    return results;
  });
  return mapRoots(roots, replacement);
}
