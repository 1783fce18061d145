import {fail} from '../core/errors.ts';
import {show} from '../core/kinds.ts';
import {at} from '../core/lists.ts';
import {loopOf} from '../core/region.ts';
import {checkpointOf} from '../core/replay.ts';
import {formatShape, sameShape} from '../core/shape.ts';
import {type Call, type Gradients, inScopeOf, type Tensor} from '../core/tensor.ts';
import {add, ones, zeros} from '../ops/map.ts';
import {sumTo} from '../ops/reduce.ts';
import {checkpointGradient} from './checkpoint-gradient.ts';
import {loopGradient} from './loop-gradient.ts';
import {callsOf} from './walk.ts';

/** The calls among `order` that depend on a target, and the targets with all that depends on them. */
function dependents(
  order: readonly Call[],
  targets: readonly Tensor[],
): {calls: Set<Call>; reached: Set<Tensor>} {
  const reached = new Set(targets);
  const calls = new Set<Call>();
  for (const call of order) {
    if (!call.inputs.some(input => reached.has(input))) continue;
    calls.add(call);
    for (const output of call.outputs) reached.add(output);
  }
  return {calls, reached};
}

/**
 * Gradients of `loss` (a scalar) with respect to each of `targets`, as further nodes of the graph, which can
 * be differentiated again. Zero where the loss does not depend on a target. Broadcasting is undone here, once
 * for all ops.
 *
 * @throws ERR_GRAPH when the loss is no scalar or an op on the way has no gradient.
 */
export function gradients(loss: Tensor, targets: readonly Tensor[]): Tensor[] {
  if (loss.size !== 1 || loss.dtype !== 'float32') {
    const received = `${loss.dtype}${formatShape(loss.shape)}`;
    fail('ERR_GRAPH', `gradients: the loss must be a float32 scalar, e.g. a mean. Received ${received}.`);
  }
  return pullBack(new Map([[loss, ones(loss.shape)]]), targets);
}

/**
 * The product of the Hessian of `loss` with a vector, whose parts have the shapes of `targets`, without the
 * Hessian itself: the gradient of the gradients (Pearlmutter 1994). As nodes of the graph.
 *
 * @throws ERR_GRAPH as `gradients`, and where the vector's parts do not fit the targets.
 */
export function hessianVectorProduct(
  loss: Tensor,
  targets: readonly Tensor[],
  vector: readonly Tensor[],
): Tensor[] {
  targets.forEach((target, index) => {
    const part = vector[index];
    if (part?.dtype === 'float32' && sameShape(part.shape, target.shape)) return;
    const wanted = `part ${index} of the vector must be float32${formatShape(target.shape)}`;
    fail('ERR_GRAPH', `hessianVectorProduct: ${wanted}. Received ${show(part)}.`);
  });
  const seeds = new Map<Tensor, Tensor>();
  gradients(loss, targets).forEach((gradient, index) => {
    const before = seeds.get(gradient);
    const part = vector[index];
    if (part) seeds.set(gradient, before ? add(before, part) : part);
  });
  return pullBack(seeds, targets);
}

/** Gradients of the operands of a call. */
function gradientsThrough(call: Call, arriving: Gradients, reached: ReadonlySet<Tensor>): Gradients {
  const isWanted = (position: number): boolean => reached.has(at(call.inputs, position));
  const loop = loopOf(call);
  if (loop) return loopGradient(call, loop, arriving, isWanted, flow);
  const checkpoint = checkpointOf(call);
  if (checkpoint) return checkpointGradient(call, checkpoint, arriving, isWanted, flow);
  const {op, scope} = call;
  return op.grad
    ? op.grad(arriving, call)
    : fail('ERR_GRAPH', `gradients: ${op.name} has no gradient in ${scope || 'the graph'}.`);
}

/** Gradients of all tensors between the outputs that have seeds and the targets. */
function flow(
  seeds: readonly (readonly [output: Tensor, seed: Tensor])[],
  targets: readonly Tensor[],
  ends: readonly Tensor[],
): ReadonlyMap<Tensor, Tensor> {
  const gradient = new Map<Tensor, Tensor>();
  const arrive = (tensor: Tensor, part: Tensor): void => {
    const before = gradient.get(tensor);
    gradient.set(tensor, before ? add(before, part) : part);
  };
  for (const [output, seed] of seeds) arrive(output, seed);
  const order = callsOf([...gradient.keys()], new Set(ends));
  const {calls: through, reached} = dependents(order, targets);
  for (const call of order.reverse()) {
    const arriving = call.outputs.map(output => gradient.get(output) ?? null);
    if (!through.has(call) || arriving.every(dy => dy === null)) continue;
    inScopeOf(call, () => {
      gradientsThrough(call, arriving, reached).forEach((dx, position) => {
        const input = call.inputs[position];
        if (dx !== null && input?.dtype === 'float32') arrive(input, sumTo(dx, input.shape));
      });
    });
  }
  return gradient;
}

/** Σ seed · ∂output/∂target over the outputs that have seeds, for each target. */
function pullBack(seeds: ReadonlyMap<Tensor, Tensor>, targets: readonly Tensor[]): Tensor[] {
  const forward = new Set(callsOf([...seeds.keys()]));
  const gradient = flow([...seeds], targets, []);
  const results = targets.map(target => gradient.get(target) ?? zeros(target.shape));
  for (const call of callsOf(results)) if (!forward.has(call)) call.isGradient = true;
  return results;
}
