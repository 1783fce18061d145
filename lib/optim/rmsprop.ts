import {checkBoolean, checkNumber, checkOptions} from '../core/errors.ts';
import {
  rmspropCenteredMomentumOp,
  rmspropCenteredOp,
  rmspropMomentumOp,
  rmspropOp,
} from '../ops/optimizer.ts';
import {makeOptimizer, type Optimizer} from './optimizer.ts';
import {type CommonOptions, checkEpsilon, checkFraction, commonOptions} from './options.ts';

/** `learningRate` is 0.001 by default. */
export interface RmspropOptions extends CommonOptions {
  /** The fraction of the mean square that is kept at each step, 0.9 by default. */
  readonly rho?: number;
  /** 0 by default: no velocity is kept. */
  readonly momentum?: number;
  /** 1e-7 by default, as in Keras. */
  readonly epsilon?: number;
  /**
   * Whether to divide by the standard deviation of the gradient, not its root mean square. False by default.
   */
  readonly centered?: boolean;
}

/**
 * RMSprop (Hinton 2012, lecture 6e), as in PyTorch: v ← rho·v + (1 − rho)·g²;
 * p ← p − rate·g / (√v + epsilon). Keras and TensorFlow.js add epsilon below the root. With momentum,
 * b ← momentum·b + g / (√v + epsilon) and p ← p − rate·b. If centered, the square of the mean gradient is
 * subtracted from v under the root (Graves 2013).
 */
export function rmsprop(options: RmspropOptions = {}): Optimizer {
  const where = 'optimizers.rmsprop';
  checkOptions(where, options, ['rho', 'momentum', 'epsilon', 'centered', ...commonOptions]);
  const {rho = 0.9, momentum = 0, epsilon = 1e-7, centered = false} = options;
  checkFraction(`${where}: rho`, rho);
  checkNumber(`${where}: momentum`, momentum, {min: 0, max: 1});
  checkEpsilon(where, epsilon);
  checkBoolean(`${where}: centered`, centered);
  const hasMomentum = momentum > 0;
  const plain = hasMomentum ? rmspropMomentumOp : rmspropOp;
  return makeOptimizer(
    'rmsprop',
    options,
    {learningRate: 0.001},
    {
      op: centered ? (hasMomentum ? rmspropCenteredMomentumOp : rmspropCenteredOp) : plain,
      slots: ['v', ...(centered ? ['mean'] : []), ...(hasMomentum ? ['velocity'] : [])],
      hyper: (_, rate) => [rate, rho, 1 - rho, epsilon, ...(hasMomentum ? [momentum] : [])],
    },
  );
}
