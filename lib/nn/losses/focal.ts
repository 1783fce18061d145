// Cross-entropies that give less weight to what is already right: each term times (1 − p)^gamma, where p is
// the probability of the right answer (Lin et al. 2017). Names and defaults are Keras's.
import {checkBoolean, checkNumber, checkOptions} from '../../core/errors.ts';
import type {Tensor} from '../../core/tensor.ts';
import {add, exp, expm1, log, maximum, mul, neg, ones, sigmoid, sub} from '../../ops/map.ts';
import {sum} from '../../ops/reduce.ts';
import {logitsOfSigmoid} from '../../ops/softmax.ts';
import {meanPerSample} from '../samples.ts';
import {
  binaryLosses,
  type CrossentropyOptions,
  checkCrossentropy,
  logProbabilities,
  smoothed,
} from './crossentropy.ts';
import {clip, type Loss, valueLoss} from './loss.ts';

export interface FocalOptions extends CrossentropyOptions {
  /**
   * In the binary loss the weight of class 1, where class 0 has 1 − alpha; in the categorical loss that of
   * all classes. 0.25 by default.
   */
  readonly alpha?: number;
  /** 2 by default; 0 gives the plain cross-entropy. */
  readonly gamma?: number;
}

export interface BinaryFocalOptions extends FocalOptions {
  /** Whether alpha is applied; false by default. */
  readonly applyClassBalancing?: boolean;
}

const known = ['alpha', 'gamma', 'fromLogits', 'labelSmoothing'];

function checkFocal(where: string, options: FocalOptions): {alpha: number; gamma: number} {
  checkCrossentropy(where, options);
  const {alpha = 0.25, gamma = 2} = options;
  checkNumber(`${where}: alpha`, alpha, {min: 0, max: 1});
  checkNumber(`${where}: gamma`, gamma, {min: 0, max: 100});
  return {alpha, gamma};
}

/** x to a power, for x from 0 to 1: by products for small integers, else by logarithm. */
function power(x: Tensor, exponent: number): Tensor {
  if (!Number.isInteger(exponent) || exponent > 8) return exp(mul(log(maximum(x, 1e-30)), exponent));
  let result: Tensor | undefined;
  for (let count = 0; count < exponent; count++) result = result ? mul(result, x) : x;
  return result ?? ones(x.shape);
}

/**
 * (1 − p)^gamma times the binary cross-entropy, where p is the probability of the target, averaged over each
 * sample.
 */
export function binaryFocalCrossentropy(options: BinaryFocalOptions = {}): Loss {
  const where = 'losses.binaryFocalCrossentropy';
  checkOptions(where, options, [...known, 'applyClassBalancing']);
  const {alpha, gamma} = checkFocal(where, options);
  const {applyClassBalancing = false, fromLogits, labelSmoothing} = options;
  checkBoolean(`${where}: applyClassBalancing`, applyClassBalancing);
  return valueLoss('binaryFocalCrossentropy', {...options}, (given, output) => {
    const target = smoothed(given, labelSmoothing, 2);
    const logits = fromLogits ? output : logitsOfSigmoid(output);
    const p = logits ? sigmoid(logits) : clip(output);
    const notP = logits ? sigmoid(neg(logits)) : sub(1, p);
    const miss = add(mul(target, notP), mul(sub(1, target), p));
    const losses = mul(power(miss, gamma), binaryLosses(target, output, logits));
    if (!applyClassBalancing) return meanPerSample(losses);
    const balance = add(mul(target, alpha), mul(sub(1, target), 1 - alpha));
    return meanPerSample(mul(balance, losses));
  });
}

/** −Σ alpha · (1 − p)^gamma · t · log(p) over the last axis, averaged over each sample; t is one-hot. */
export function categoricalFocalCrossentropy(options: FocalOptions = {}): Loss {
  const where = 'losses.categoricalFocalCrossentropy';
  checkOptions(where, options, known);
  const {alpha, gamma} = checkFocal(where, options);
  return valueLoss('categoricalFocalCrossentropy', {...options}, (given, output) => {
    const target = smoothed(given, options.labelSmoothing, output.shape.at(-1) as number);
    const logs = logProbabilities(output, options.fromLogits);
    const miss = neg(expm1(logs));
    const losses = mul(mul(power(miss, gamma), target), logs);
    return meanPerSample(mul(sum(losses, -1), -alpha));
  });
}
