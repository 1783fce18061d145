// Regularizers and constraints, computed by hand where only they pull.
import {describe, expect, it} from 'vitest';
import {type Constraint, constraints, optimizers, type Regularizer, regularizers} from '../../lib/index.ts';
import {numbers} from '../support/plain-networks.ts';
import {dense, expectClose, flat, kernel, kernelOf, noTarget, nothing} from './one-kernel.ts';

const column = (unit: number): number[] => kernel.map(row => row[unit] as number);
const norm = (unit: number): number => Math.hypot(...column(unit));

describe('a regularizer adds its penalty to the loss and its derivative to the gradient', () => {
  const sign = Math.sign;
  const cases: readonly (readonly [string, Regularizer, (w: number) => number, (w: number) => number])[] = [
    ['l1', regularizers.l1({l1: 0.1}), w => 0.1 * Math.abs(w), w => 0.1 * sign(w)],
    ['l1 by default', regularizers.l1(), w => 0.01 * Math.abs(w), w => 0.01 * sign(w)],
    ['l2', regularizers.l2({l2: 0.2}), w => 0.2 * w * w, w => 0.4 * w],
    [
      'l1l2',
      regularizers.l1l2({l1: 0.1, l2: 0.2}),
      w => 0.1 * Math.abs(w) + 0.2 * w * w,
      w => 0.1 * sign(w) + 0.4 * w,
    ],
  ];
  it.each(cases)('%s', async (_, kernelRegularizer, penalty, derivative) => {
    const model = dense({kernelRegularizer}, optimizers.sgd({learningRate: 0.5}));
    const wanted = flat.reduce((sum, w) => sum + penalty(w), 0);
    expect((await model.evaluate(nothing, noTarget)).loss).toBeCloseTo(wanted, 5);
    const {loss, gradients} = await model.gradients(nothing, noTarget);
    expect(loss).toBeCloseTo(wanted, 5);
    expectClose([...(gradients['dense/kernel']?.data ?? [])], flat.map(derivative));
    expect((await model.trainOnBatch(nothing, noTarget)).loss).toBeCloseTo(wanted, 5);
    expectClose(
      kernelOf(model),
      flat.map(w => w - 0.5 * derivative(w)),
    );
  });

  it('whose penalty counts once, whatever the batch', async () => {
    const model = dense({kernelRegularizer: regularizers.l2({l2: 1})}, optimizers.sgd({learningRate: 0}));
    const many = {data: new Float32Array(2 * 7), shape: [7, 2]};
    const {history} = await model.fit(many, new Float32Array(3 * 7), {batchSize: 3});
    expect(history.loss?.[0]).toBeCloseTo(
      flat.reduce((sum, w) => sum + w * w, 0),
      4,
    );
  });
});

describe('a constraint holds after each step', () => {
  const scaled = (scale: (unit: number) => number): number[] =>
    kernel.flatMap(row => row.map((w, unit) => w * scale(unit)));
  const rowNorm = (row: number): number => Math.hypot(...(kernel[row] as number[]));
  const cases: readonly (readonly [string, Constraint, number[]])[] = [
    ['maxNorm', constraints.maxNorm({maxValue: 2}), scaled(unit => Math.min(norm(unit), 2) / norm(unit))],
    ['nonNeg', constraints.nonNeg(), flat.map(w => Math.max(w, 0))],
    ['unitNorm', constraints.unitNorm(), scaled(unit => 1 / norm(unit))],
    [
      'unitNorm along rows',
      constraints.unitNorm({axis: 1}),
      kernel.flatMap((row, at) => row.map(w => w / rowNorm(at))),
    ],
    [
      'unitNorm of the whole kernel',
      constraints.unitNorm({axis: [0, 1]}),
      flat.map(w => w / Math.hypot(...flat)),
    ],
    [
      'maxNorm of the whole kernel',
      constraints.maxNorm({maxValue: 3, axis: [-1, 0]}),
      flat.map(w => (3 * w) / Math.hypot(...flat)),
    ],
    [
      'minMaxNorm',
      constraints.minMaxNorm({minValue: 1.8, maxValue: 3, rate: 0.5}),
      scaled(unit => {
        const clipped = Math.min(Math.max(norm(unit), 1.8), 3);
        return (0.5 * clipped + 0.5 * norm(unit)) / norm(unit);
      }),
    ],
  ];
  it.each(cases)('%s', async (_, kernelConstraint, wanted) => {
    for (const optimizer of [optimizers.sgd(), optimizers.sgd({momentum: 0.9}), optimizers.adam()]) {
      const model = dense({kernelConstraint}, optimizer);
      await model.trainOnBatch(nothing, noTarget);
      expectClose(kernelOf(model), wanted);
    }
  });

  it('after an update that the gradient made', async () => {
    const model = dense({kernelConstraint: constraints.unitNorm()}, optimizers.sgd({learningRate: 0.1}));
    const x = {data: numbers(2 * 9), shape: [9, 2]};
    await model.fit(x, numbers(3 * 9, 2), {epochs: 5, batchSize: 4});
    const now = kernelOf(model);
    for (const unit of [0, 1, 2]) {
      expect(Math.hypot(now[unit] as number, now[3 + unit] as number)).toBeCloseTo(1, 5);
    }
    expectClose(kernelOf(dense({}, optimizers.sgd())), flat);
    expect(Math.abs((now[0] as number) - (kernel[0]?.[0] as number) / norm(0))).toBeGreaterThan(1e-3);
  });
});
