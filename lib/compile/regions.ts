// Passes handle a graph; a region is a graph, so they handle it by recursion. Before the first of them,
// regions are closed: what an iteration reads of the graph around it becomes an operand of the loop, with a
// leaf that stands for it; and what nobody asks for is left out.
import {at} from '../core/lists.ts';
import {type Loop, loopOf, Region} from '../core/region.ts';
import {Call, parameter, type Tensor} from '../core/tensor.ts';
import {callsOf, rebuild, rewrite} from '../graph/walk.ts';
import {originOf} from './guards.ts';
import {mapRoots, type Roots, tensorsOf} from './roots.ts';

/** A region as the graph of its results. */
export const rootsOfRegion = ({results}: Region): Roots => ({
  outputs: results.map((result, index) => [String(index), result]),
  updates: [],
  guards: [],
});

export const hasLoops = (roots: Roots): boolean => callsOf(tensorsOf(roots)).some(call => loopOf(call));

/** Applies a pass to all regions, the innermost first, and then to the graph. */
export function inRegions(pass: (roots: Roots) => Roots): (roots: Roots) => Roots {
  const everywhere = (roots: Roots): Roots => {
    if (!hasLoops(roots)) return pass(roots);
    const replacement = rewrite(tensorsOf(roots), (call, inputs) => {
      const loop = loopOf(call);
      if (!loop) return rebuild(call, inputs);
      const {outputs} = everywhere(rootsOfRegion(loop.region));
      const results = outputs.map(([, result]) => result);
      const region = new Region(loop.region.parameters, results);
      return new Call(call.op, inputs, {...loop, region}, call.scope).outputs;
    });
    return pass(mapRoots(roots, replacement));
  };
  return everywhere;
}

/** The results of a loop that somebody asks for, and the operands and carries that they need. */
interface Need {
  readonly results: ReadonlySet<number>;
  readonly operands: ReadonlySet<number>;
}

/** What the results at these places need in an iteration: parameters, and the same of loops within. */
function needOf(call: Call, {region, carries}: Loop, asked: ReadonlySet<Tensor>): Need {
  const results = new Set<number>();
  call.outputs.forEach((output, index) => {
    // Of all places where a guard stands, the one that is stacked.
    const isOwnGuard = index >= carries && originOf(at(region.results, index)) !== undefined;
    if (asked.has(output) || isOwnGuard) results.add(index);
  });
  const operands = new Set<number>();
  for (let size = -1; size < results.size; ) {
    size = results.size;
    const live = liveTensors(
      [...results].map(index => at(region.results, index)),
      region.parameters,
    );
    region.parameters.forEach((tensor, position) => {
      if (!live.has(tensor)) return;
      operands.add(position);
      if (position < carries) results.add(position);
    });
    // A carry that is asked for alone needs what it is at first.
    for (const index of results) if (index < carries) operands.add(index);
  }
  return {results, operands};
}

/** All tensors that somebody asks for, down to `ends`. */
function liveTensors(roots: readonly Tensor[], ends: readonly Tensor[]): Set<Tensor> {
  const live = new Set(roots);
  const stop = new Set(ends);
  for (const call of callsOf(roots, stop).reverse()) {
    if (!call.outputs.some(output => live.has(output))) continue;
    const loop = loopOf(call);
    const needed = loop && needOf(call, loop, live).operands;
    call.inputs.forEach((input, position) => {
      if (!needed || needed.has(position)) live.add(input);
    });
  }
  return live;
}

/** The part of a loop that is asked for, with a region that reads its own leaves alone. */
function closed(
  call: Call,
  loop: Loop,
  inputs: readonly Tensor[],
  live: ReadonlySet<Tensor>,
): readonly Tensor[] {
  const {region, carries, sequences} = loop;
  const need = needOf(call, loop, live);
  const positions = region.parameters.flatMap((_, position) =>
    need.operands.has(position) ? [position] : [],
  );
  const places = region.results.flatMap((_, index) => (need.results.has(index) ? [index] : []));
  const given = positions.map(position => at(region.parameters, position));
  const own = given.map((tensor, index) => parameter(nameOf(loop, at(positions, index)), tensor));
  const leaves = new Map(given.map((tensor, index) => [tensor, at(own, index)]));
  const replacement = closeGraph(
    places.map(index => at(region.results, index)),
    leaves,
  );
  const results = places.map(index => replacement(at(region.results, index)));
  const closedLoop: Loop = {
    ...loop,
    region: new Region(own, results),
    carries: positions.filter(position => position < carries).length,
    sequences: positions.filter(position => position >= carries && position < carries + sequences).length,
  };
  const operands = positions.map(position => at(inputs, position));
  const {outputs} = new Call(call.op, operands, closedLoop, call.scope);
  const made = new Map(places.map((place, index) => [place, at(outputs, index)]));
  return call.outputs.map((output, index) => made.get(index) ?? output);
}

function nameOf({carries, sequences}: Loop, position: number): string {
  return position < carries ? 'carry' : position < carries + sequences ? 'slice' : 'outside';
}

/** The graph under `roots` on the leaves that take the place of some tensors, with closed loops. */
function closeGraph(
  roots: readonly Tensor[],
  leaves: ReadonlyMap<Tensor, Tensor>,
): (tensor: Tensor) => Tensor {
  const ends = [...leaves.keys()];
  const live = liveTensors(roots, ends);
  const replacements = new Map(leaves);
  const replacement = (tensor: Tensor): Tensor => replacements.get(tensor) ?? tensor;
  for (const call of callsOf(roots, new Set(ends))) {
    if (!call.outputs.some(output => live.has(output))) continue;
    const loop = loopOf(call);
    const inputs = call.inputs.map(replacement);
    const results = loop ? closed(call, loop, inputs, live) : rebuild(call, inputs);
    call.outputs.forEach((output, index) => {
      if (!replacements.has(output)) replacements.set(output, at(results, index));
    });
  }
  return replacement;
}

/** The graph with closed loops; the same where there are none. */
export function closeLoops(roots: Roots): Roots {
  return hasLoops(roots) ? mapRoots(roots, closeGraph(tensorsOf(roots), new Map())) : roots;
}
