// Optimizers that adapt the rate of each weight to the size of its gradients so far.
import {checkNumber, checkOptions} from '../core/errors.ts';
import {adadeltaOp, adagradOp, adamaxOp, lionOp, nadamOp} from '../ops/optimizer.ts';
import {type BetaOptions, checkBetas} from './adam.ts';
import {makeOptimizer, type Optimizer} from './optimizer.ts';
import {type CommonOptions, checkEpsilon, checkFraction, commonOptions} from './options.ts';

/** `learningRate` is 0.001 by default. */
export interface AdagradOptions extends CommonOptions {
  /** The value under the root before the first step, 0.1 by default. */
  readonly initialAccumulatorValue?: number;
  /** 1e-7 by default, as in Keras. */
  readonly epsilon?: number;
}

/**
 * Adagrad (Duchi et al. 2011), as in PyTorch: s ← s + g²; p ← p − rate·g / (√(s + initial) + epsilon). Keras
 * adds epsilon below the root.
 */
export function adagrad(options: AdagradOptions = {}): Optimizer {
  const where = 'optimizers.adagrad';
  checkOptions(where, options, ['initialAccumulatorValue', 'epsilon', ...commonOptions]);
  const {initialAccumulatorValue = 0.1, epsilon = 1e-7} = options;
  checkNumber(`${where}: initialAccumulatorValue`, initialAccumulatorValue, {min: 0, max: 1e30});
  checkEpsilon(where, epsilon);
  return makeOptimizer(
    'adagrad',
    options,
    {learningRate: 0.001},
    {
      op: adagradOp,
      slots: ['sum'],
      hyper: (_, rate) => [rate, initialAccumulatorValue, epsilon],
    },
  );
}

/** `learningRate` is 0.001 by default, as in Keras; the paper has 1. */
export interface AdadeltaOptions extends CommonOptions {
  /** The fraction of the means that is kept at each step, 0.95 by default. */
  readonly rho?: number;
  /** 1e-7 by default, as in Keras. */
  readonly epsilon?: number;
}

/**
 * Adadelta (Zeiler 2012, algorithm 1): v ← rho·v + (1 − rho)·g²; s = g·√(d + epsilon) / √(v + epsilon);
 * p ← p − rate·s; d ← rho·d + (1 − rho)·s².
 */
export function adadelta(options: AdadeltaOptions = {}): Optimizer {
  const where = 'optimizers.adadelta';
  checkOptions(where, options, ['rho', 'epsilon', ...commonOptions]);
  const {rho = 0.95, epsilon = 1e-7} = options;
  checkFraction(`${where}: rho`, rho);
  checkEpsilon(where, epsilon);
  return makeOptimizer(
    'adadelta',
    options,
    {learningRate: 0.001},
    {
      op: adadeltaOp,
      slots: ['v', 'delta'],
      hyper: (_, rate) => [rate, rho, 1 - rho, epsilon],
    },
  );
}

/**
 * Adamax (Kingma and Ba 2015, algorithm 2), as in PyTorch: Adam with the decaying maximum of |g| + epsilon
 * in place of the root of the second moment.
 */
export function adamax(options: BetaOptions = {}): Optimizer {
  const {beta1, beta2, epsilon} = checkBetas('optimizers.adamax', options);
  return makeOptimizer(
    'adamax',
    options,
    {learningRate: 0.001},
    {
      op: adamaxOp,
      slots: ['m', 'u'],
      hyper: (step, rate) => [rate / (1 - beta1 ** (step + 1)), beta1, 1 - beta1, beta2, epsilon],
    },
  );
}

export interface NadamOptions extends BetaOptions {
  /** How fast the momentum increases to beta1: 0.004 by default, as in the paper. Keras has 1. */
  readonly momentumDecay?: number;
}

/**
 * Adam with Nesterov momentum, which increases over time (Dozat 2016), as in PyTorch. beta1 is at most
 * 0.99999.
 */
export function nadam(options: NadamOptions = {}): Optimizer {
  const where = 'optimizers.nadam';
  const {beta1, beta2, epsilon} = checkBetas(where, options, ['momentumDecay']);
  const {momentumDecay = 0.004} = options;
  checkNumber(`${where}: beta1`, beta1, {max: 0.99999});
  checkNumber(`${where}: momentumDecay`, momentumDecay, {min: 0, max: 1e3});
  const momentumAt = (t: number): number => beta1 * (1 - 0.5 * 0.96 ** (t * momentumDecay));
  // The product of the momenta up to a step. The last one is kept, because steps mostly come in order.
  let known = {step: 0, product: momentumAt(1)};
  const productTo = (step: number): number => {
    if (known.step > step) known = {step: 0, product: momentumAt(1)};
    let {product} = known;
    // A product below 2⁻⁸⁰ makes no difference when it is subtracted from 1.
    for (let next = known.step + 1; next <= step && product > 2 ** -80; next++)
      product *= momentumAt(next + 1);
    known = {step, product};
    return product;
  };
  return makeOptimizer(
    'nadam',
    options,
    {learningRate: 0.001},
    {
      op: nadamOp,
      slots: ['m', 'v'],
      hyper(step, rate) {
        const product = productTo(step);
        const next = momentumAt(step + 2);
        const ofGradient = (rate * (1 - momentumAt(step + 1))) / (1 - product);
        const ofMean = (rate * next) / (1 - product * next);
        const correction = 1 / Math.sqrt(1 - beta2 ** (step + 1));
        return [ofGradient, ofMean, beta1, 1 - beta1, beta2, 1 - beta2, correction, epsilon];
      },
    },
  );
}

/** `learningRate` is 0.001 by default; the paper advises a third to a tenth of Adam's. */
export interface LionOptions extends CommonOptions {
  /** The fraction of a step that is the mean gradient, 0.9 by default. */
  readonly beta1?: number;
  /** The fraction of the mean gradient that is kept at each step, 0.99 by default. */
  readonly beta2?: number;
}

/** Lion (Chen et al. 2023): p ← p − rate·sign(beta1·m + (1 − beta1)·g); m ← beta2·m + (1 − beta2)·g. */
export function lion(options: LionOptions = {}): Optimizer {
  const where = 'optimizers.lion';
  checkOptions(where, options, ['beta1', 'beta2', ...commonOptions]);
  const {beta1 = 0.9, beta2 = 0.99} = options;
  checkFraction(`${where}: beta1`, beta1);
  checkFraction(`${where}: beta2`, beta2);
  return makeOptimizer(
    'lion',
    options,
    {learningRate: 0.001},
    {
      op: lionOp,
      slots: ['m'],
      hyper: (_, rate) => [rate, beta1, 1 - beta1, beta2, 1 - beta2],
    },
  );
}
