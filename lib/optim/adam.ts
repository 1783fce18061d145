// Adam and the variants that share its kernel: they differ only in the hyperparameters of a step.
import {checkBoolean, checkOptions} from '../core/errors.ts';
import {adamOp, amsgradOp} from '../ops/optimizer.ts';
import {makeOptimizer, type Optimizer, type Rule} from './optimizer.ts';
import {type CommonOptions, checkEpsilon, checkFraction, commonOptions} from './options.ts';

/** `learningRate` is 0.001 by default. */
export interface BetaOptions extends CommonOptions {
  /** The fraction of the mean gradient that is kept at each step, 0.9 by default. */
  readonly beta1?: number;
  /** The fraction of the mean square that is kept at each step, 0.999 by default. */
  readonly beta2?: number;
  /** 1e-7 by default, as in Keras. */
  readonly epsilon?: number;
}

export interface AdamOptions extends BetaOptions {
  /** Whether to divide by the largest second moment so far (Reddi et al. 2018). False by default. */
  readonly amsgrad?: boolean;
}

export interface Betas {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
}

/** Checks the options that Adam and its variants share. */
export function checkBetas(where: string, options: BetaOptions, more: readonly string[] = []): Betas {
  checkOptions(where, options, ['beta1', 'beta2', 'epsilon', ...more, ...commonOptions]);
  const {beta1 = 0.9, beta2 = 0.999, epsilon = 1e-7} = options;
  checkFraction(`${where}: beta1`, beta1);
  checkFraction(`${where}: beta2`, beta2);
  checkEpsilon(where, epsilon);
  return {beta1, beta2, epsilon};
}

function adamRule(where: string, options: AdamOptions): Rule {
  const {beta1, beta2, epsilon} = checkBetas(where, options, ['amsgrad']);
  const {amsgrad = false} = options;
  checkBoolean(`${where}: amsgrad`, amsgrad);
  const [last1, last2] = [lastCorrection(beta1), lastCorrection(beta2)];
  return {
    op: amsgrad ? amsgradOp : adamOp,
    slots: ['m', 'v', ...(amsgrad ? ['vMax'] : [])],
    hyper(step, rate) {
      const correction1 = correction(beta1, step, last1);
      const correction2 = correction(beta2, step, last2);
      return [rate / correction1, beta1, 1 - beta1, beta2, 1 - beta2, 1 / Math.sqrt(correction2), epsilon];
    },
  };
}

/** The last step in which 1 − beta^(step + 1) is not 1 in float64: a power takes longer than all else. */
const lastCorrection = (beta: number): number =>
  beta > 0 ? Math.ceil((54 * Math.LN2) / -Math.log(beta)) : 0;

const correction = (beta: number, step: number, last: number): number =>
  step > last ? 1 : 1 - beta ** (step + 1);

/**
 * Adam (Kingma and Ba 2015, algorithm 1), as in PyTorch and TensorFlow.js: epsilon is added to the root of
 * the corrected second moment. Keras adds it to the uncorrected one, which differs in the first steps.
 */
export function adam(options: AdamOptions = {}): Optimizer {
  return makeOptimizer('adam', options, {learningRate: 0.001}, adamRule('optimizers.adam', options));
}

/** Adam with a decoupled weight decay of 0.004 by default (Loshchilov and Hutter 2019), as in Keras. */
export function adamw(options: Omit<AdamOptions, 'decoupledWeightDecay'> = {}): Optimizer {
  const where = 'optimizers.adamw';
  const defaults = {learningRate: 0.001, weightDecay: 0.004};
  return makeOptimizer('adamw', options, defaults, adamRule(where, options));
}

/**
 * Rectified Adam (Liu et al. 2020, algorithm 2), as in PyTorch: without the second moment until the variance
 * of the adaptive rate is tractable, then scaled to rectify that variance.
 */
export function radam(options: BetaOptions = {}): Optimizer {
  const {beta1, beta2, epsilon} = checkBetas('optimizers.radam', options);
  const longest = 2 / (1 - beta2) - 1;
  return makeOptimizer(
    'radam',
    options,
    {learningRate: 0.001},
    {
      op: adamOp,
      slots: ['m', 'v'],
      hyper(step, rate) {
        const t = step + 1;
        const correction2 = 1 - beta2 ** t;
        const length = longest - (2 * t * beta2 ** t) / correction2;
        const first = rate / (1 - beta1 ** t);
        const moments = [beta1, 1 - beta1, beta2, 1 - beta2];
        // The kernel divides by √v·0 + 1, that is by 1.
        if (length <= 5) return [first, ...moments, 0, 1];
        const rectified = Math.sqrt(
          ((length - 4) * (length - 2) * longest) / ((longest - 4) * (longest - 2) * length),
        );
        return [first * rectified * Math.sqrt(correction2), ...moments, 1, epsilon];
      },
    },
  );
}
