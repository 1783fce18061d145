// The gradient of a loop is a loop that runs the other way. Its body comes from differentiating the body;
// what it needs of the iterations of the first loop, that loop stacks.
import {at} from '../core/lists.ts';
import {type Loop, loopCall, partsOf} from '../core/region.ts';
import {type Call, type Gradients, type Op, parameter, type Tensor} from '../core/tensor.ts';
import {add, zeros} from '../ops/map.ts';

/** Σ seed · ∂output/∂tensor, where there is such a gradient; what lies behind `ends` is not looked at. */
export type Flow = (
  seeds: readonly (readonly [output: Tensor, seed: Tensor])[],
  targets: readonly Tensor[],
  ends: readonly Tensor[],
) => ReadonlyMap<Tensor, Tensor>;

const isFloat = ({dtype}: Tensor): boolean => dtype === 'float32';

/** Parameters through which gradients flow to wanted operands, and carries that come to depend on them. */
function targetsOf({region, carries}: Loop, isWanted: (position: number) => boolean): Tensor[] {
  const {parameters, results} = region;
  const wanted = new Set(parameters.filter((tensor, position) => isFloat(tensor) && isWanted(position)));
  const calls = region.calls();
  for (let size = -1; size < wanted.size; ) {
    size = wanted.size;
    const reached = new Set(wanted);
    for (const {inputs, outputs} of calls) {
      if (inputs.some(input => reached.has(input))) for (const output of outputs) reached.add(output);
    }
    parameters.slice(0, carries).forEach((carry, index) => {
      if (isFloat(carry) && reached.has(at(results, index))) wanted.add(carry);
    });
  }
  return parameters.filter(tensor => wanted.has(tensor));
}

/** What iterations had and made, as sequences. Views and conversions are made again where they are needed. */
function residualsOf(call: Call, {region, carries, sequences}: Loop): (readonly [Tensor, Tensor])[] {
  const {parameters, results} = region;
  const slices = partsOf(parameters, {carries, sequences}).sequences;
  const stacks = results.flatMap((result, index) => {
    const {op} = result.call;
    const isMadeAgain = (op.view || op.converts) && !parameters.includes(result);
    return index < carries || isMadeAgain ? [] : [[at(call.outputs, index), result] as const];
  });
  const operands = new Map(stacks.map(([stack, result]) => [result, stack]));
  slices.forEach((slice, index) => {
    operands.set(slice, at(call.inputs, carries + index));
  });
  return [...operands].map(([result, stack]) => [stack, result] as const);
}

/** Gradients of the operands of a loop, as results of another. */
export function loopGradient(
  call: Call,
  loop: Loop,
  arriving: Gradients,
  isWanted: (position: number) => boolean,
  flow: Flow,
): Gradients {
  const {carries, count, reverse} = loop;
  const {parameters, results} = loop.region;
  const targets = targetsOf(loop, isWanted);
  const positionOf = (tensor: Tensor): number => parameters.indexOf(tensor);
  const gradientOf = (tensor: Tensor): Tensor => parameter(`gradient of ${tensor.id}`, tensor);
  const back = targets
    .filter(tensor => positionOf(tensor) < carries)
    .map(tensor => ({tensor, arriving: gradientOf(tensor), next: at(results, positionOf(tensor))}));
  const stacked = results.flatMap((result, index) => {
    const gradient = arriving[index];
    return gradient && index >= carries && isFloat(result)
      ? [{result, gradient, slice: gradientOf(result)}]
      : [];
  });
  const found = flow(
    [
      ...back.map(carry => [carry.next, carry.arriving] as const),
      ...stacked.map(({result, slice}) => [result, slice] as const),
    ],
    targets,
    parameters,
  );
  const gradientsOf = (tensors: readonly Tensor[]): {tensor: Tensor; gradient: Tensor}[] =>
    tensors.flatMap(tensor => {
      const gradient = found.get(tensor);
      return gradient && targets.includes(tensor) ? [{tensor, gradient}] : [];
    });
  const parts = partsOf(parameters, loop);
  const sums = gradientsOf(parts.outside).map(part => ({...part, sum: gradientOf(part.tensor)}));
  const slices = gradientsOf(parts.sequences);
  const made = loopCall(call.op as Op<Loop>, {
    carries: [
      ...back.map(carry => {
        const start = arriving[positionOf(carry.tensor)] ?? zeros(carry.tensor.shape);
        return [start, carry.arriving, found.get(carry.tensor) ?? zeros(carry.tensor.shape)] as const;
      }),
      ...sums.map(({tensor, gradient, sum}) => [zeros(tensor.shape), sum, add(sum, gradient)] as const),
    ],
    sequences: [
      ...stacked.map(({gradient, slice}) => [gradient, slice] as const),
      ...residualsOf(call, loop),
    ],
    outputs: slices.map(({gradient}) => gradient),
    count,
    reverse: !reverse,
  });
  const order = [...back, ...sums, ...slices].map(({tensor}) => tensor);
  return parameters.map(tensor => made[order.indexOf(tensor)] ?? null);
}
