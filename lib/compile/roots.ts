// The roots of a graph: what its plan must produce.
import type {Tensor, Variable} from '../core/tensor.ts';

export interface Roots {
  readonly outputs: readonly (readonly [name: string, value: Tensor])[];
  readonly updates: readonly (readonly [variable: Variable, value: Tensor])[];
  readonly guards: readonly Tensor[];
}

/** In the order in which they are scheduled: results, then guards, then what training changes. */
export function tensorsOf(roots: Roots): Tensor[] {
  return [
    ...roots.outputs.map(([, value]) => value),
    ...roots.guards,
    ...roots.updates.map(([, value]) => value),
  ];
}

export function mapRoots(roots: Roots, replacement: (tensor: Tensor) => Tensor): Roots {
  return {
    outputs: roots.outputs.map(([name, value]) => [name, replacement(value)]),
    updates: roots.updates.map(([variable, value]) => [variable, replacement(value)]),
    guards: roots.guards.map(replacement),
  };
}
