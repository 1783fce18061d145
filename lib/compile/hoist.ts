// What depends on no carry leaves a loop in front: x·W of all iterations is one product of many rows. Only
// products by what stays the same go, what they need, and what follows them elementwise, as a bias does, for
// that is fused into them: anything else would only make memory of what is in a register now.
import {at, zip} from '../core/lists.ts';
import {type Loop, loopOf, partsOf, Region} from '../core/region.ts';
import {Call, inScopeOf, parameter, type Tensor} from '../core/tensor.ts';
import {rebuild, rewrite} from '../graph/walk.ts';
import {batched, type Operand} from './batching-rules.ts';
import {mapRoots, type Roots, tensorsOf} from './roots.ts';

/** What is known of a tensor of the body before the loop begins. */
interface Known extends Operand {
  /** Whether it is computed in front. */
  readonly isMoved: boolean;
}

/** All that depends on no carry and can be computed for all iterations. */
function knownIn(loop: Loop, operands: readonly Tensor[]): Map<Tensor, Known> {
  const known = new Map<Tensor, Known>();
  const parameters = partsOf(loop.region.parameters, loop);
  const given = partsOf(operands, loop);
  for (const [own, tensor] of zip(parameters.sequences, given.sequences)) {
    known.set(own, {tensor, isStacked: true, isMoved: false});
  }
  for (const [own, tensor] of zip(parameters.outside, given.outside)) {
    known.set(own, {tensor, isStacked: false, isMoved: false});
  }
  for (const call of loop.region.calls()) {
    if (call.op.kind === 'leaf' && !loop.region.parameters.includes(call.result)) {
      known.set(call.result, {tensor: call.result, isStacked: false, isMoved: false});
    }
    const read = call.inputs.map(input => known.get(input));
    if (read.length === 0 || !read.every(operand => operand !== undefined)) continue;
    const stacked = read.filter(({isStacked}) => isStacked);
    const tensor = stacked.length > 0 && inScopeOf(call, () => batched(call, read, loop.count));
    if (!tensor) continue;
    const isLarger = call.op.contraction !== undefined && stacked.length < read.length;
    const follows = call.op.elementwise || call.op.view;
    const isMoved = isLarger || (follows && stacked.every(operand => operand.isMoved));
    known.set(call.result, {tensor, isStacked: true, isMoved});
  }
  return known;
}

function hoistFrom(call: Call, loop: Loop, operands: readonly Tensor[]): readonly Tensor[] {
  const {region, carries, count} = loop;
  const known = count > 1 ? knownIn(loop, operands) : new Map<Tensor, Known>();
  const isMoved = (tensor: Tensor): boolean => known.get(tensor)?.isMoved ?? false;
  if (![...known.keys()].some(isMoved)) return rebuild(call, operands);
  const slices = new Map<Tensor, Tensor>();
  const replacement = rewrite(region.results, (inner, inputs) => {
    const {result} = inner;
    if (!isMoved(result)) return rebuild(inner, inputs);
    const slice = parameter('slice', result);
    slices.set(result, slice);
    return [slice];
  });
  const own = partsOf(region.parameters, loop);
  const given = partsOf(operands, loop);
  const moved = [...slices].map(([tensor]) => (known.get(tensor) as Known).tensor);
  const body = new Region(
    [...own.carries, ...own.sequences, ...slices.values(), ...own.outside],
    region.results.map(replacement),
  );
  const inputs = [...given.carries, ...given.sequences, ...moved, ...given.outside];
  const sequences = loop.sequences + slices.size;
  const {outputs} = new Call(call.op, inputs, {...loop, region: body, sequences}, call.scope);
  return outputs.map((output, index) => {
    const whole = index < carries ? undefined : known.get(at(region.results, index));
    return whole?.isMoved ? whole.tensor : output;
  });
}

/** The graph whose loops do in their iterations only what must be done there. */
export function hoist(roots: Roots): Roots {
  const replacement = rewrite(tensorsOf(roots), (call, inputs) => {
    const loop = loopOf(call);
    return loop ? hoistFrom(call, loop, inputs) : rebuild(call, inputs);
  });
  return mapRoots(roots, replacement);
}
