// From gradients to new weights: what a training step commits.
import {at, zip} from '../../core/lists.ts';
import {input, type Tensor, type Variable, withScope} from '../../core/tensor.ts';
import type {Constraint} from '../../nn/constraints.ts';
import {constrained} from '../../nn/own-results.ts';
import {finite} from '../../ops/check.ts';
import type {Optimizer} from '../../optim/optimizer.ts';
import type {Network} from '../network/network.ts';
import type {Compilation} from './compilation.ts';

export interface Commit {
  readonly updates: readonly (readonly [Variable, Tensor])[];
  readonly guards: readonly Tensor[];
}

/** A weight that a step changes, with its moments in the order of the optimizer's slots. */
export interface CommitTarget {
  readonly variable: Variable;
  readonly constraint?: Constraint | undefined;
  readonly slots: readonly Variable[];
}

/** The optimizer's update by one gradient for each target, all of which are guarded to be finite. */
export function commitOf(
  optimizer: Optimizer,
  targets: readonly CommitTarget[],
  gradients: readonly Tensor[],
): Commit {
  const hyper = input({name: 'hyper', shape: optimizer.hyperShape, perStep: true});
  const steps = zip(targets, gradients).map(
    ([
      {
        variable: {name, tensor},
        slots,
      },
      gradient,
    ]) => ({
      name,
      parameter: tensor,
      gradient,
      slots: slots.map(slot => slot.tensor),
    }),
  );
  const {updated, guards} = withScope('optimizer', () => optimizer.update(hyper, steps));
  const finiteGradients = steps.map(({name, gradient}) => withScope(name, () => finite(gradient)));
  const updates = zip(targets, updated).flatMap(([{variable, constraint, slots}, values]) => {
    const parameter = at(values, 0);
    const value = constraint ? withScope(variable.name, () => constrained(constraint, parameter)) : parameter;
    return zip([variable, ...slots], [value, ...values.slice(1)]);
  });
  return {updates, guards: [...finiteGradients, ...guards]};
}

/** What a step changes of a network. */
export function targetsOf({trainable}: Network, {slots}: Compilation): CommitTarget[] {
  return trainable.map((weight, index) => ({...weight, slots: slots[index] ?? []}));
}

/** One update by gradients that are given, named as their weights are. */
export function applyGradientsGraph(
  network: Network,
  compilation: Compilation,
): Commit & {readonly outputs: Readonly<Record<string, Tensor>>} {
  const gradients = network.trainable.map(({variable: {name, shape}}) => input({name, shape}));
  return {outputs: {}, ...commitOf(compilation.optimizer, targetsOf(network, compilation), gradients)};
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
      return [
        variable,
        constraint ? withScope(variable.name, () => constrained(constraint, tensor)) : tensor,
      ] as const;
    }),
  };
}
