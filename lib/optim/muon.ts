import {checkBoolean, checkNumber, checkOptions, fail} from '../core/errors.ts';
import {show} from '../core/kinds.ts';
import {type Shape, sizeOf} from '../core/shape.ts';
import type {Tensor} from '../core/tensor.ts';
import {matmul} from '../ops/gemm.ts';
import {add, div, maximum, mul, sqrt, square, sub} from '../ops/map.ts';
import {reshape} from '../ops/move.ts';
import {sum} from '../ops/reduce.ts';
import {type FormulaStep, formulaUpdate} from './formula.ts';
import {makeOptimizer, type Optimizer} from './optimizer.ts';
import {type CommonOptions, checkEpsilon, checkFraction, commonOptions} from './options.ts';

/** `learningRate` is 0.001 and `weightDecay` 0.1 by default, as in PyTorch. */
export interface MuonOptions extends CommonOptions {
  /** The fraction of the mean gradient that is kept at each step, 0.95 by default. */
  readonly momentum?: number;
  /** Whether to look ahead by the momentum. True by default. */
  readonly nesterov?: boolean;
  /** Iterations of Newton and Schulz. 5 by default. */
  readonly nsSteps?: number;
  /** 1e-7 by default. */
  readonly epsilon?: number;
  /** Parts of names of matrices that Adam updates all the same, as `['embedding']`. */
  readonly exclude?: readonly string[];
  /** The rate of Adam, for all that is no matrix, as a multiple of `learningRate`. 1 by default. */
  readonly adamRateRatio?: number;
  /** 0.9 by default. */
  readonly adamBeta1?: number;
  /** 0.999 by default. */
  readonly adamBeta2?: number;
}

const known = [
  'momentum',
  'nesterov',
  'nsSteps',
  'epsilon',
  'exclude',
  'adamRateRatio',
  'adamBeta1',
  'adamBeta2',
];

/** By which singular values come near to 1 fastest (Jordan 2024). */
const [first, third, fifth] = [3.4445, -4.775, 2.0315];

/** A matrix with the singular vectors of `x` and singular values of some 0.7 to 1.2. */
function orthogonalized(x: Tensor, steps: number, epsilon: number): Tensor {
  const [rows, columns] = x.shape as readonly [number, number];
  const wide = rows <= columns;
  let y = div(x, maximum(sqrt(sum(square(x))), epsilon));
  for (let step = 0; step < steps; step++) {
    // Of the smaller side: y·yᵀ from the left, or yᵀ·y from the right.
    const gram = wide ? matmul(y, y, {transposeB: true}) : matmul(y, y, {transposeA: true});
    const factor = add(mul(gram, third), mul(matmul(gram, gram), fifth));
    y = add(mul(y, first), wide ? matmul(factor, y) : matmul(y, factor));
  }
  return y;
}

function checkExclude(where: string, exclude: unknown): void {
  const ok =
    exclude === undefined || (Array.isArray(exclude) && exclude.every(part => typeof part === 'string'));
  if (!ok) fail('ERR_OPTION', `${where}: exclude: expected parts of names. Received ${show(exclude)}.`);
}

/**
 * Muon (Jordan 2024): of each matrix the step is the mean gradient with its singular values brought near 1,
 * times √max(1, outputs / inputs), as in PyTorch. Kernels of convolutions are matrices of [taps · inputs,
 * outputs]. Vectors, and what `exclude` names, are updated by Adam.
 */
export function muon(options: MuonOptions = {}): Optimizer {
  const where = 'optimizers.muon';
  checkOptions(where, options, [...known, ...commonOptions]);
  const {momentum = 0.95, nesterov = true, nsSteps = 5, epsilon = 1e-7, exclude} = options;
  const {adamRateRatio = 1, adamBeta1: beta1 = 0.9, adamBeta2: beta2 = 0.999} = options;
  checkFraction(`${where}: momentum`, momentum);
  checkBoolean(`${where}: nesterov`, nesterov);
  checkNumber(`${where}: nsSteps`, nsSteps, {integer: true, min: 1, max: 99});
  checkEpsilon(where, epsilon);
  checkExclude(where, exclude);
  checkNumber(`${where}: adamRateRatio`, adamRateRatio, {min: 0, max: 1e6});
  checkFraction(`${where}: adamBeta1`, beta1);
  checkFraction(`${where}: adamBeta2`, beta2);
  const isMatrix = (name: string, shape: Shape): boolean =>
    shape.length >= 2 && !(exclude ?? []).some(part => name.includes(part));

  const matrixFormula = ({parameter: p, gradient: g, slots, hyper}: FormulaStep): Tensor[] => {
    const [rate] = hyper as readonly [Tensor];
    const mean = add(mul(slots[0] as Tensor, momentum), mul(g, 1 - momentum));
    const ahead = nesterov ? add(mul(mean, momentum), mul(g, 1 - momentum)) : mean;
    const outputs = p.shape.at(-1) as number;
    const inputs = sizeOf(p.shape) / outputs;
    const step = orthogonalized(reshape(ahead, [inputs, outputs]), nsSteps, epsilon);
    const scale = Math.sqrt(Math.max(1, outputs / inputs));
    return [sub(p, mul(reshape(step, p.shape), mul(rate, scale))), mean];
  };
  const vectorFormula = ({parameter: p, gradient: g, slots, hyper}: FormulaStep): Tensor[] => {
    const [, rate, correction] = hyper as readonly [Tensor, Tensor, Tensor];
    const m = add(mul(slots[0] as Tensor, beta1), mul(g, 1 - beta1));
    const v = add(mul(slots[1] as Tensor, beta2), mul(square(g), 1 - beta2));
    return [sub(p, mul(div(m, add(mul(sqrt(v), correction), epsilon)), rate)), m, v];
  };
  return makeOptimizer(
    'muon',
    options,
    {learningRate: 0.001, weightDecay: 0.1},
    {
      op: formulaUpdate(3, step =>
        isMatrix(step.name, step.parameter.shape) ? matrixFormula(step) : vectorFormula(step),
      ),
      slots: ['momentum', 'm', 'v'],
      slotsFor: (name, shape) =>
        (isMatrix(name, shape) ? ['momentum'] : ['m', 'v']).map(slot => ({name: slot, shape})),
      hyper: (step, rate) => [
        rate,
        (rate * adamRateRatio) / (1 - beta1 ** (step + 1)),
        1 / Math.sqrt(1 - beta2 ** (step + 1)),
      ],
    },
  );
}
