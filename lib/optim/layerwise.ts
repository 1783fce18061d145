// Optimizers that size the step of a weight by the weight itself: for large batches, and with little memory.
import {checkBoolean, checkNumber, checkOptions} from '../core/errors.ts';
import type {Shape} from '../core/shape.ts';
import type {Tensor} from '../core/tensor.ts';
import {add, div, greater, maximum, mul, select, sqrt, square, sub} from '../ops/map.ts';
import {expandDims} from '../ops/move.ts';
import {mean, sum} from '../ops/reduce.ts';
import {type BetaOptions, checkBetas} from './adam.ts';
import {type FormulaStep, formulaUpdate} from './formula.ts';
import {makeOptimizer, type Optimizer, type Slot} from './optimizer.ts';
import {type CommonOptions, commonOptions} from './options.ts';

const normOf = (x: Tensor): Tensor => sqrt(sum(square(x)));

/**
 * hyper: [rate, beta1, 1 − beta1, beta2, 1 − beta2, 1 / (1 − beta1ᵗ), 1 / √(1 − beta2ᵗ), epsilon]. The step r
 * of Adam, times |p| / |r|.
 */
function lambFormula({parameter: p, gradient: g, slots, hyper}: FormulaStep): Tensor[] {
  const [rate, keep1, take1, keep2, take2, correct1, correct2, epsilon] = hyper as readonly [
    Tensor,
    Tensor,
    Tensor,
    Tensor,
    Tensor,
    Tensor,
    Tensor,
    Tensor,
  ];
  const m = add(mul(slots[0] as Tensor, keep1), mul(g, take1));
  const v = add(mul(slots[1] as Tensor, keep2), mul(square(g), take2));
  const step = div(mul(m, correct1), add(mul(sqrt(v), correct2), epsilon));
  const [size, length] = [normOf(p), normOf(step)];
  const known = greater(mul(size, length), 0);
  const trust = select(known, div(size, select(known, length, 1)), 1);
  return [sub(p, mul(step, mul(rate, trust))), m, v];
}

/**
 * LAMB (You et al. 2020, algorithm 2): the step r of Adam, for each weight as long as the weight itself,
 * times the rate: p ← p − rate · |p| / |r| · r. Where either is 0, the factor is 1. Decay is decoupled, as
 * in Keras.
 */
export function lamb(options: BetaOptions = {}): Optimizer {
  const {beta1, beta2, epsilon} = checkBetas('optimizers.lamb', options);
  return makeOptimizer(
    'lamb',
    options,
    {learningRate: 0.001},
    {
      op: formulaUpdate(8, lambFormula),
      slots: ['m', 'v'],
      hyper: (step, rate) => [
        rate,
        beta1,
        1 - beta1,
        beta2,
        1 - beta2,
        1 / (1 - beta1 ** (step + 1)),
        1 / Math.sqrt(1 - beta2 ** (step + 1)),
        epsilon,
      ],
    },
  );
}

/** `learningRate` is 0.001 by default. */
export interface AdafactorOptions extends CommonOptions {
  /** The mean of squares keeps 1 − t^beta2Decay of what it was at step t. −0.8 by default. */
  readonly beta2Decay?: number;
  /** Added to squares of gradients. 1e-30 by default. */
  readonly epsilon1?: number;
  /** The least size that a weight counts as. 0.001 by default. */
  readonly epsilon2?: number;
  /** The root mean square that a step may have before it is scaled down. 1 by default. */
  readonly clipThreshold?: number;
  /** Whether the rate is at most 1 / √t. True by default. */
  readonly relativeStep?: boolean;
}

const rms = (x: Tensor): Tensor => sqrt(mean(square(x)));

/** A row and a column of means for a matrix, or for each of several; otherwise all squares. */
function factoredSlots(shape: Shape): Slot[] {
  if (shape.length < 2) return [{name: 'square', shape}];
  return [
    {name: 'rowSquare', shape: shape.slice(0, -1)},
    {name: 'columnSquare', shape: [...shape.slice(0, -2), shape.at(-1) as number]},
  ];
}

/** The gradient over the root of the estimated mean of squares, and what is kept for the estimate. */
function scaledGradient(
  gradient: Tensor,
  squares: Tensor,
  slots: readonly Tensor[],
  kept: (before: Tensor, now: Tensor) => Tensor,
): {step: Tensor; next: Tensor[]} {
  const [first, second] = slots as readonly [Tensor, Tensor?];
  if (!second) {
    const all = kept(first, squares);
    return {step: div(gradient, sqrt(all)), next: [all]};
  }
  const [row, column] = [kept(first, mean(squares, -1)), kept(second, mean(squares, -2))];
  // Roots first, one after the other: of a row and a column without gradients, the product of both is zero.
  const share = div(sqrt(row), sqrt(mean(row, -1, true)));
  const byRow = div(gradient, expandDims(share, -1));
  return {step: div(byRow, sqrt(expandDims(column, -2))), next: [row, column]};
}

/**
 * Adafactor (Shazeer and Stern 2018, algorithms 4 and 5), as in Keras: squares of gradients are kept as means
 * of rows and of columns, so that it needs next to no memory. Steps are in proportion to the weight.
 */
export function adafactor(options: AdafactorOptions = {}): Optimizer {
  const where = 'optimizers.adafactor';
  const known = ['beta2Decay', 'epsilon1', 'epsilon2', 'clipThreshold', 'relativeStep'];
  checkOptions(where, options, [...known, ...commonOptions]);
  const {beta2Decay = -0.8, epsilon1 = 1e-30, epsilon2 = 1e-3} = options;
  const {clipThreshold = 1, relativeStep = true} = options;
  checkNumber(`${where}: beta2Decay`, beta2Decay, {max: 0});
  checkNumber(`${where}: epsilon1`, epsilon1, {min: 2 ** -126});
  checkNumber(`${where}: epsilon2`, epsilon2, {min: 0});
  checkNumber(`${where}: clipThreshold`, clipThreshold, {min: 2 ** -126});
  checkBoolean(`${where}: relativeStep`, relativeStep);
  const formula = ({parameter: p, gradient: g, slots, hyper}: FormulaStep): Tensor[] => {
    const [rate, keep, take] = hyper as readonly [Tensor, Tensor, Tensor];
    const squares = add(square(g), epsilon1);
    const kept = (before: Tensor, now: Tensor): Tensor => add(mul(before, keep), mul(now, take));
    const {step, next} = scaledGradient(g, squares, slots, kept);
    const shorter = div(step, maximum(div(rms(step), clipThreshold), 1));
    return [sub(p, mul(shorter, mul(rate, maximum(rms(p), epsilon2)))), ...next];
  };
  return makeOptimizer(
    'adafactor',
    options,
    {learningRate: 0.001},
    {
      op: formulaUpdate(3, formula),
      slots: ['square', 'rowSquare', 'columnSquare'],
      slotsFor: (_, shape) => factoredSlots(shape),
      hyper(step, rate) {
        const most = relativeStep ? Math.min(rate, 1 / Math.sqrt(step + 1)) : rate;
        const take = (step + 1) ** beta2Decay;
        return [most, 1 - take, take];
      },
    },
  );
}
