// Gradients of gradients of a layer in float64, against central differences of its gradients.
import type {Tensor} from '../../../lib/core/tensor.ts';
import {evaluate, type Values} from '../../reference.ts';
import {numbers} from '../../support/plain-networks.ts';
import {curvaturesOf, expectNear, type Graph, type LayerCase} from './layer-graph.ts';

/** Along one direction through each input and weight: what differs along any shows there. */
export function checkCurvatures(graph: Graph, given: Map<Tensor, Float64Array>, {composed}: LayerCase): void {
  const {slope, curvatures} = curvaturesOf(graph);
  const exact = evaluate(curvatures, given);
  const slopeAt = (): number => evaluate([slope], given)[0]?.[0] as number;
  const along: number[] = [];
  const differences = graph.targets.map((target, index) => {
    const values = given.get(target) as Float64Array;
    const before = Float64Array.from(values);
    const direction = numbers(values.length, 201 + index);
    const curvature = exact[index] as Values;
    along.push(curvature.reduce((sum, value, at) => sum + value * (direction[at] as number), 0));
    const difference = (step: number): number => {
      const moved = (by: number): number => {
        values.set(before.map((value, at) => value + by * (direction[at] as number)));
        return slopeAt();
      };
      return (moved(step) - moved(-step)) / (2 * step);
    };
    // Of order 4 in the step (Richardson).
    const step = 1e-4;
    const found = (4 * difference(step / 2) - difference(step)) / 3;
    values.set(before);
    return found;
  });
  expectNear(along, differences, 1e-6, 'gradient of the gradients along', composed ? 1 : 0.1);
}
