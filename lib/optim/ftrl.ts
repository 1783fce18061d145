import {checkNumber, checkOptions} from '../core/errors.ts';
import type {Tensor} from '../core/tensor.ts';
import {add, div, maximum, minimum, mul, sqrt, square, sub} from '../ops/map.ts';
import {pow} from '../ops/math.ts';
import {type FormulaStep, formulaUpdate} from './formula.ts';
import {makeOptimizer, type Optimizer} from './optimizer.ts';
import {type CommonOptions, commonOptions} from './options.ts';

/** `learningRate` is 0.001 by default. */
export interface FtrlOptions extends CommonOptions {
  /** By which power of the sum of squares rates fall: −0.5 by default, 0 for a fixed one. */
  readonly learningRatePower?: number;
  /** The sum of squares before the first step, 0.1 by default. */
  readonly initialAccumulatorValue?: number;
  /** The penalty of magnitudes, which sets weights to 0. 0 by default. */
  readonly l1RegularizationStrength?: number;
  /** The penalty of squares. 0 by default. */
  readonly l2RegularizationStrength?: number;
  /** A penalty of squares that only large weights feel (McMahan et al. 2013). 0 by default. */
  readonly l2ShrinkageRegularizationStrength?: number;
  /** Makes rates smaller at first. 0 by default. */
  readonly beta?: number;
}

const known = [
  'learningRatePower',
  'initialAccumulatorValue',
  'l1RegularizationStrength',
  'l2RegularizationStrength',
  'l2ShrinkageRegularizationStrength',
  'beta',
];

/**
 * Follow the regularized leader (McMahan et al. 2013), as in Keras: n ← n + g²; z ← z + g + 2·shrinkage·p −
 * (√n − √n before) / rate · p; p ← (clip(z, −l1, l1) − z) / (√n / rate + 2·(l2 + beta / (2·rate))). The roots
 * are powers −learningRatePower.
 */
export function ftrl(options: FtrlOptions = {}): Optimizer {
  const where = 'optimizers.ftrl';
  checkOptions(where, options, [...known, ...commonOptions]);
  const {learningRatePower = -0.5, initialAccumulatorValue = 0.1, beta = 0} = options;
  const {l1RegularizationStrength: l1 = 0, l2RegularizationStrength: l2 = 0} = options;
  const {l2ShrinkageRegularizationStrength: shrinkage = 0} = options;
  checkNumber(`${where}: learningRatePower`, learningRatePower, {min: -1, max: 0});
  checkNumber(`${where}: initialAccumulatorValue`, initialAccumulatorValue, {min: 1e-30, max: 1e30});
  checkNumber(`${where}: l1RegularizationStrength`, l1, {min: 0, max: 1e30});
  checkNumber(`${where}: l2RegularizationStrength`, l2, {min: 0, max: 1e30});
  checkNumber(`${where}: l2ShrinkageRegularizationStrength`, shrinkage, {min: 0, max: 1e30});
  checkNumber(`${where}: beta`, beta, {min: 0, max: 1e30});
  const root = (squares: Tensor): Tensor => {
    const all = add(squares, initialAccumulatorValue);
    return learningRatePower === -0.5 ? sqrt(all) : pow(all, -learningRatePower);
  };
  const formula = ({parameter: p, gradient: g, slots, hyper: [rate]}: FormulaStep): Tensor[] => {
    const [before, linear] = slots as readonly [Tensor, Tensor];
    const squares = add(before, square(g));
    const pulled = shrinkage > 0 ? add(g, mul(p, 2 * shrinkage)) : g;
    const [now, then] = [root(squares), root(before)];
    const z = sub(add(linear, pulled), mul(div(sub(now, then), rate as Tensor), p));
    const kept = l1 > 0 ? sub(minimum(maximum(z, -l1), l1), z) : mul(z, -1);
    const scale = add(div(add(now, beta), rate as Tensor), 2 * l2);
    return [div(kept, scale), squares, z];
  };
  return makeOptimizer(
    'ftrl',
    options,
    {learningRate: 0.001},
    {
      op: formulaUpdate(1, formula),
      slots: ['sum', 'linear'],
      // A rate of 0 would divide by it.
      hyper: (_, rate) => [Math.max(rate, 1e-20)],
    },
  );
}
