// What the tests of the compiler share: passes on small graphs, as listings.
import {fuse} from '../../lib/compile/fuse.ts';
import {printRoots} from '../../lib/compile/listing.ts';
import type {Roots} from '../../lib/compile/roots.ts';
import type {StateLayout} from '../../lib/compile/schedule.ts';
import {simplify} from '../../lib/compile/simplify.ts';
import {type Tensor, type Variable, variableOf} from '../../lib/core/tensor.ts';
import {callsOf} from '../../lib/graph/walk.ts';
import {input} from '../../lib/ops/index.ts';

export const f32 = (name: string, ...shape: number[]): Tensor => input({name, shape});

export function rootsOf(y: Tensor | Record<string, Tensor>, more: Partial<Roots> = {}): Roots {
  const outputs = 'call' in y ? {y: y as Tensor} : y;
  return {outputs: Object.entries(outputs), updates: [], guards: [], ...more};
}

export const simplified = (y: Tensor): string => printRoots(simplify(rootsOf(y)));

export const fused = (y: Tensor | Record<string, Tensor>): string => printRoots(fuse(simplify(rootsOf(y))));

/** Variables one behind another, in the order in which the graph meets them. */
export function layoutOf({outputs, updates, guards}: Roots): StateLayout {
  const tensors = [...outputs.map(([, value]) => value), ...guards, ...updates.map(([, value]) => value)];
  const variables = new Set<Variable>(updates.map(([variable]) => variable));
  for (const call of callsOf(tensors)) {
    const variable = variableOf(call.outputs[0] as Tensor);
    if (variable) variables.add(variable);
  }
  const offsets = new Map<Variable, number>();
  let stateBytes = 0;
  for (const variable of variables) {
    offsets.set(variable, stateBytes);
    stateBytes += Math.ceil((variable.tensor.size * 4) / 64) * 64;
  }
  return {stateBytes, stateOffset: variable => offsets.get(variable) as number};
}
