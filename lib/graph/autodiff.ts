import {fail} from '../core/errors.ts';
import {show} from '../core/kinds.ts';
import {formatShape, sameShape} from '../core/shape.ts';
import {type Call, inScopeOf, type Tensor} from '../core/tensor.ts';
import {add, ones, zeros} from '../ops/map.ts';
import {sumTo} from '../ops/reduce.ts';
import {callsOf} from './walk.ts';

const gradientCalls = new WeakSet<Call>();

/** Whether a call was made by differentiation: listings show such calls separately. */
export function isGradient(call: Call): boolean {
  return gradientCalls.has(call);
}

/** The calls among `order` that depend on a target. */
function dependents(order: readonly Call[], targets: readonly Tensor[]): Set<Call> {
  const reached = new Set(targets);
  const calls = new Set<Call>();
  for (const call of order) {
    if (!call.inputs.some(input => reached.has(input))) continue;
    calls.add(call);
    for (const output of call.outputs) reached.add(output);
  }
  return calls;
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

/** Σ seed · ∂output/∂target over the outputs that have seeds, for each target. */
function pullBack(seeds: ReadonlyMap<Tensor, Tensor>, targets: readonly Tensor[]): Tensor[] {
  const order = callsOf([...seeds.keys()]);
  const forward = new Set(order);
  const through = dependents(order, targets);
  const gradient = new Map(seeds);
  for (const call of order.reverse()) {
    const arriving = call.outputs.map(output => gradient.get(output) ?? null);
    if (!through.has(call) || arriving.every(dy => dy === null)) continue;
    if (!call.op.grad)
      fail('ERR_GRAPH', `gradients: ${call.op.name} has no gradient in ${call.scope || 'the graph'}.`);
    const {grad} = call.op;
    inScopeOf(call, () => {
      grad(arriving, call).forEach((dx, position) => {
        const input = call.inputs[position];
        if (dx === null || input?.dtype !== 'float32') return;
        const part = sumTo(dx, input.shape);
        const before = gradient.get(input);
        gradient.set(input, before ? add(before, part) : part);
      });
    });
  }
  const results = targets.map(target => gradient.get(target) ?? zeros(target.shape));
  for (const call of callsOf(results)) if (!forward.has(call)) gradientCalls.add(call);
  return results;
}
