// What a plan must produce: the roots of the graph, kept together through the passes.
import type {Tensor, Variable} from '../core/tensor.ts';

export interface Roots {
  readonly outputs: readonly (readonly [name: string, value: Tensor])[];
  readonly updates: readonly (readonly [variable: Variable, value: Tensor])[];
  readonly guards: readonly Tensor[];
}

/** In the order in which a schedule should meet them: results, then tests, then what training changes. */
export function tensorsOf(roots: Roots): Tensor[] {
  return [
    ...roots.outputs.map(([, value]) => value),
    ...roots.guards,
    ...roots.updates.map(([, value]) => value),
  ];
}

export function mapRoots(roots: Roots, become: (tensor: Tensor) => Tensor): Roots {
  return {
    outputs: roots.outputs.map(([name, value]) => [name, become(value)]),
    updates: roots.updates.map(([variable, value]) => [variable, become(value)]),
    guards: roots.guards.map(become),
  };
}
