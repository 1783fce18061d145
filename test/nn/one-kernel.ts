// A model of one kernel and data without an error, so that nothing but penalty and schedule decide.
import {expect} from 'vitest';
import {type Constraint, layers, type Optimizer, type Regularizer, sequential} from '../../lib/index.ts';

export const kernel = [
  [0.5, -1.5, 3],
  [-2, 0.25, 4],
];
export const flat = kernel.flat();

export function dense(
  options: {kernelRegularizer?: Regularizer; kernelConstraint?: Constraint},
  optimizer: Optimizer,
) {
  const model = sequential([layers.dense({units: 3, useBias: false, inputShape: [2], ...options})]);
  model.compile({optimizer, loss: 'mse'});
  model.setWeights([{name: 'dense/kernel', data: flat}]);
  return model;
}

/** An input and a target without an error: only the penalty pulls. */
export const nothing = {data: new Float32Array(2), shape: [1, 2]};
export const noTarget = {data: new Float32Array(3), shape: [1, 3]};
export const kernelOf = (model: ReturnType<typeof dense>): number[] => [
  ...(model.getWeights()[0]?.data ?? []),
];

export function expectClose(values: readonly number[], wanted: readonly number[]): void {
  expect(values).toHaveLength(wanted.length);
  values.forEach((value, at) => {
    expect(value).toBeCloseTo(wanted[at] as number, 5);
  });
}
