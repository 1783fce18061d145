// A line fitted by gradient descent in plain float64: what `fit` must do, written a second time.
import {layers, optimizers, type Sequential, sequential} from '../../lib/index.ts';
import {numbers} from '../support/plain-networks.ts';

export const features = 3;
export const rows = 22;
export const x = numbers(rows * features, 5);
export const y = numbers(rows, 6);
export const learningRate = 0.25;

export function build(): Sequential {
  const model = sequential([layers.dense({units: 1, inputShape: [features]})], {seed: 4});
  model.compile({optimizer: optimizers.sgd({learningRate}), loss: 'meanSquaredError'});
  return model;
}

export const dataOf = (model: Sequential): number[] => model.getWeights().flatMap(({data}) => [...data]);

/** Kernel and bias in float64, trained on batches of row indices. */
export class PlainLine {
  readonly weights: Float64Array;

  constructor(model: Sequential) {
    this.weights = Float64Array.from(dataOf(model));
  }

  errorOf(row: number): number {
    const inputs = [...x.subarray(row * features, (row + 1) * features), 1];
    return inputs.reduce((sum, value, at) => sum + value * (this.weights[at] as number), -(y[row] as number));
  }

  /** Loss of rows: the mean of their squared errors, each times its weight. */
  loss(batch: readonly number[], weightOf = (_: number) => 1): number {
    const sum = batch.reduce((all, row) => all + weightOf(row) * this.errorOf(row) ** 2, 0);
    return sum / batch.length;
  }

  gradient(batch: readonly number[], weightOf = (_: number) => 1): Float64Array {
    const derivatives = new Float64Array(features + 1);
    for (const row of batch) {
      const derivative = (2 * weightOf(row) * this.errorOf(row)) / batch.length;
      for (let at = 0; at <= features; at++) {
        const input = at < features ? (x[row * features + at] as number) : 1;
        derivatives[at] = (derivatives[at] as number) + derivative * input;
      }
    }
    return derivatives;
  }

  gradientNorm(batch: readonly number[]): number {
    return Math.hypot(...this.gradient(batch));
  }

  /** One step; returns the loss before it. */
  step(batch: readonly number[], weightOf = (_: number) => 1): number {
    const loss = this.loss(batch, weightOf);
    this.gradient(batch, weightOf).forEach((derivative, at) => {
      this.weights[at] = (this.weights[at] as number) - learningRate * derivative;
    });
    return loss;
  }
}

export const range = (first: number, end: number): number[] =>
  Array.from({length: end - first}, (_, at) => first + at);
