// A training step of one's own: what an optimizer makes of any loss, for `compile`.
import {checkNumber, fail} from '../../core/errors.ts';
import {type Tensor, type Variable, variable, withScope} from '../../core/tensor.ts';
import {gradients} from '../../graph/autodiff.ts';
import {finite} from '../../ops/check.ts';
import {type Optimizer, rateAt, writeHyper} from '../../optim/optimizer.ts';
import {type OptimizerLike, toOptimizer} from '../../optim/resolve.ts';
import {commitOf} from '../step/commit.ts';

/** What a step commits, as options of `compile`; and what it reads of the optimizer. */
export interface Minimization {
  readonly updates: readonly (readonly [variable: Variable, value: Tensor])[];
  /** The loss and every gradient are finite, or the step writes nothing. */
  readonly guards: readonly Tensor[];
  readonly optimizer: Optimizer;
  /** The gradient of each variable, in order. */
  readonly gradients: readonly Tensor[];
  /** The input `hyper`: the optimizer's hyperparameters of `steps` steps from `first` on, counted from 0. */
  hyper(first: number, steps?: number): Float32Array;
}

/**
 * A step that makes `loss`, a scalar, smaller by changing `variables`, which get the optimizer's moments
 * beside them. It reads one further input, `hyper`.
 *
 * @param optimizer a name or a member of `optimizers`.
 * @throws ERR_GRAPH where there are no variables, or the loss is no scalar.
 */
export function minimize(
  loss: Tensor,
  variables: readonly Variable[],
  optimizer: OptimizerLike,
): Minimization {
  if (!Array.isArray(variables) || variables.length === 0) {
    fail('ERR_GRAPH', 'minimize: expected variables to change, e.g. model.trainableVariables.');
  }
  const chosen = toOptimizer(optimizer).copy();
  const gradientsOfLoss = gradients(
    loss,
    variables.map(({tensor}) => tensor),
  );
  const targets = variables.map(target => ({
    variable: target,
    slots: chosen
      .slotsFor(target.name, target.shape)
      .map(({name, shape}) => variable({name: `optimizer/${target.name}/${name}`, shape, trainable: false})),
  }));
  const {updates, guards} = commitOf(chosen, targets, gradientsOfLoss);
  return {
    optimizer: chosen,
    gradients: gradientsOfLoss,
    guards: [withScope('loss', () => finite(loss)), ...guards],
    updates,
    hyper(first, count = 1) {
      checkNumber('minimize: hyper: first', first, {integer: true, min: 0});
      checkNumber('minimize: hyper: steps', count, {integer: true, min: 1});
      rateAt(chosen, first);
      const hyper = new Float32Array(new SharedArrayBuffer(4 * count * chosen.hyperCount));
      writeHyper(chosen, first, count, hyper);
      return hyper;
    },
  };
}
