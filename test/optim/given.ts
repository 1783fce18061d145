// A model whose optimizer is driven by given gradients, and the same numbers in plain float64.
import {layers, type Optimizer, type Sequential, sequential} from '../../lib/index.ts';
import {numbers} from '../support/plain-networks.ts';

/** Kernel [2,3] and bias [3]. */
export function build(optimizer: Optimizer, loss: 'mse' = 'mse'): Sequential {
  const model = sequential([layers.dense({units: 3, inputShape: [2], biasInitializer: 'ones'})], {seed: 3});
  model.compile({optimizer, loss});
  return model;
}

export type Numbers = Record<string, number[]>;

/** Gradients of step `step`, by name. */
export const gradientsAt = (step: number): Numbers => ({
  'dense/kernel': [...numbers(6, step + 11)],
  'dense/bias': [...numbers(3, step + 77)],
});

export const weightsOf = (model: Sequential): Numbers =>
  Object.fromEntries(model.getWeights().map(({name, data}) => [name, [...data]]));

/** Weights after each of so many steps by given gradients. */
export async function steps(optimizer: Optimizer, count: number): Promise<Numbers[]> {
  const model = build(optimizer);
  const all = [weightsOf(model)];
  for (let step = 0; step < count; step++) {
    await model.applyGradients(gradientsAt(step));
    all.push(weightsOf(model));
  }
  return all;
}

export const map = (x: Numbers, rule: (values: number[], name: string) => number[]): Numbers =>
  Object.fromEntries(Object.entries(x).map(([name, values]) => [name, rule(values, name)]));

export const norm = (...lists: number[][]): number => Math.hypot(...lists.flat());

/** p − rate·g, element by element. */
export const descend = (p: Numbers, g: Numbers, rate: number): Numbers =>
  map(p, (values, name) => values.map((value, i) => value - rate * (g[name]?.[i] as number)));
