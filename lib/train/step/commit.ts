// From gradients to new weights: what a training step commits.
import {input, type Tensor, type Variable, withScope} from '../../core/tensor.ts';
import {finite} from '../../ops/check.ts';
import type {Network} from '../network/network.ts';
import type {Training} from './compilation.ts';

export interface Commit {
  readonly updates: readonly (readonly [Variable, Tensor])[];
  readonly guards: readonly Tensor[];
}

/** The optimizer's update by one gradient for each trainable weight, all of which are tested first. */
export function commitOf(
  network: Network,
  {optimizer, slots}: Training,
  gradients: readonly Tensor[],
): Commit {
  const hyper = input({name: 'hyper', shape: optimizer.hyperShape, perStep: true});
  const weights = network.trainable;
  const steps = weights.map(({variable: {name, tensor}}, index) => ({
    name,
    parameter: tensor,
    gradient: gradients[index] as Tensor,
    slots: (slots[index] ?? []).map(slot => slot.tensor),
  }));
  const {updated, guards} = withScope('optimizer', () => optimizer.update(hyper, steps));
  const tests = steps.map(({name, gradient}) => withScope(name, () => finite(gradient)));
  const updates = weights.flatMap(({variable, constraint}, index): (readonly [Variable, Tensor])[] => {
    const [parameter, ...moments] = updated[index] as readonly Tensor[];
    const value = parameter as Tensor;
    return [
      [variable, constraint ? withScope(variable.name, () => constraint(value)) : value],
      ...moments.map((moment, slot) => [slots[index]?.[slot] as Variable, moment] as const),
    ];
  });
  return {updates, guards: [...tests, ...guards]};
}

/** One update by gradients that are given, named as their weights are. */
export function applyGradientsGraph(
  network: Network,
  training: Training,
): Commit & {readonly outputs: Readonly<Record<string, Tensor>>} {
  const gradients = network.trainable.map(({variable: {name, shape}}) => input({name, shape}));
  return {outputs: {}, ...commitOf(network, training, gradients)};
}

/** The moving averages take the place of the weights. */
export function averagesGraph(
  network: Network,
  averages: readonly Variable[],
): Pick<Commit, 'updates'> & {readonly outputs: Readonly<Record<string, Tensor>>} {
  return {
    outputs: {},
    updates: network.trainable.map(({variable, constraint}, index) => {
      const {tensor} = averages[index] as Variable;
      return [variable, constraint ? withScope(variable.name, () => constraint(tensor)) : tensor] as const;
    }),
  };
}
