// The gradient of a part of a graph of which nothing is kept: it is made again when its gradient arrives.
import {at} from '../core/lists.ts';
import {type Checkpoint, replay} from '../core/replay.ts';
import type {Call, Gradients, Tensor} from '../core/tensor.ts';
import {barrier} from '../ops/gradient.ts';
import type {Flow} from './loop-gradient.ts';
import {callsOf, rebuild} from './walk.ts';

/** Rules that keep tensors, such as those of `customGradient`, have them of the first time. */
function withTensors(
  roots: readonly Tensor[],
  again: ReadonlyMap<Tensor, Tensor>,
  after: readonly Tensor[],
): (tensor: Tensor) => Tensor {
  const replaced = new Map(again);
  const replacement = (tensor: Tensor): Tensor => replaced.get(tensor) ?? tensor;
  for (const call of callsOf(roots, new Set([...again.keys(), ...again.values(), ...after]))) {
    const outputs = rebuild(call, call.inputs.map(replacement));
    for (const [index, output] of call.outputs.entries()) replaced.set(output, at(outputs, index));
  }
  return replacement;
}

/**
 * Gradients of the ends of a checkpoint. The barrier holds what is made again apart from the first time, and
 * behind the gradients that arrive: nothing of it is in memory before it is needed.
 */
export function checkpointGradient(
  call: Call,
  {results}: Checkpoint,
  arriving: Gradients,
  isWanted: (position: number) => boolean,
  flow: Flow,
): Gradients {
  const [values, ends] = [call.inputs.slice(0, results), call.inputs.slice(results)];
  const after = arriving.filter(gradient => gradient !== null);
  const again = new Map(ends.map(end => [end, barrier(end, after)]));
  const begin = [...again.values()];
  replay(values, again);
  const seeds = values.flatMap((value, index) => {
    const gradient = arriving[index];
    return gradient ? [[again.get(value) ?? value, gradient] as const] : [];
  });
  const targets = begin.filter(({dtype}, index) => dtype === 'float32' && isWanted(results + index));
  const found = flow(seeds, targets, begin);
  const gradients = begin.map(tensor => (targets.includes(tensor) ? (found.get(tensor) ?? null) : null));
  const replacement = withTensors(
    gradients.filter(gradient => gradient !== null),
    again,
    after,
  );
  return [...values.map(() => null), ...gradients.map(gradient => gradient && replacement(gradient))];
}
