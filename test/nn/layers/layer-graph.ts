// A layer of a case as a graph: what it computes, changes and adds, and its derivatives.
import {expect} from 'vitest';
import {constant, input as inputTensor, type Tensor, variable} from '../../../lib/core/tensor.ts';
import {gradients} from '../../../lib/graph/autodiff.ts';
import {input, type Layer, type Model, model} from '../../../lib/index.ts';
import {add, mul} from '../../../lib/ops/map.ts';
import {sum} from '../../../lib/ops/reduce.ts';
import {Network} from '../../../lib/train/network/network.ts';
import {numbers} from '../../support/plain-networks.ts';

/** Rows of a case. */
export const batch = 6;

export interface LayerCase {
  /** A new layer each time. */
  make(): Layer;
  /** Shapes of a sample of each input. */
  inputs: number[][];
  /** Shape of a sample of the output. */
  output?: number[];
  /** Made at random: only what holds for every layer is checked, and rounding may add up a little more. */
  composed?: boolean;
  /** Names and shapes of its weights. */
  weights?: Record<string, number[]>;
  /** What it gives for one sample outside of training, from its weights: the formula, computed apart. */
  formula?(inputs: number[][], weights: Record<string, number[]>): number[];
  /** Whether training does something else. */
  disturbs?: boolean;
  /** Names of the weights that training changes by `update`. */
  updates?: string[];
  /** Whether it adds a loss of its own. */
  adds?: boolean;
  /** Whether terms cancel in a gradient that is zero: of biases before a softmax. */
  cancels?: boolean;
  /** Whether something counts as a constant to gradients, so that theirs are no derivatives. */
  once?: boolean;
  /** Where a derivative has a kink, differences are taken this far away from it. */
  smooth?: (x: number) => number;
  /** Names, functions and the like that a description must be read with. */
  customObjects?: Record<string, unknown>;
}

export interface Built {
  readonly net: Model;
  readonly network: Network;
  readonly x: Float32Array[];
  readonly rows: number;
}

export const sizeOf = (shape: readonly number[]): number =>
  shape.reduce((product, size) => product * size, 1);

export function build(given: LayerCase, rows = batch): Built {
  const layer = given.make();
  const symbolic = given.inputs.map((shape, at) => input({shape, name: `x${at}`}));
  const outputs = layer.apply(symbolic.length === 1 ? (symbolic[0] as (typeof symbolic)[number]) : symbolic);
  if (!given.composed) expect(outputs.shape).toEqual(given.output);
  const net = model({inputs: symbolic, outputs, seed: 3});
  const own = net.getWeights().map(({name, shape}) => [name.replace(/^[^/]*\//, ''), [...shape]]);
  if (!given.composed) expect(Object.fromEntries(own)).toEqual(given.weights ?? {});
  // Weights of ones and zeros would hide mistakes; a variance must be positive.
  net.setWeights(
    net.getWeights().map(({name, shape}, at) => {
      const values = numbers(sizeOf(shape), 31 + at).map(x => (name.includes('ariance') ? 0.6 + 0.4 * x : x));
      return {name, data: values};
    }),
  );
  const smooth = given.smooth ?? ((x: number) => x);
  const x = given.inputs.map((shape, at) => numbers(rows * sizeOf(shape), 7 + at).map(smooth));
  return {net, network: new Network({inputs: symbolic, outputs}), x, rows};
}

/** The layer's graph in one mode, with a loss that reads every element of the output. */
export function graphOf({network, x, rows}: Built, training: boolean) {
  const sources = network.inputs.map(({shape}, at) => variable({name: `x${at}`, shape: [rows, ...shape]}));
  const random = {
    seed: inputTensor({name: 'seed', shape: [2], dtype: 'int32'}),
    step: inputTensor({name: 'step', shape: [1], dtype: 'int32', perStep: true}),
  };
  const {outputs, updates, losses} = network.apply(
    sources.map(({tensor}) => tensor),
    {training, random},
  );
  const output = outputs[0] as Tensor;
  const factors = constant(numbers(output.size, 77), output.shape);
  const loss = losses.reduce((total, each) => add(total, sum(each)), sum(mul(output, factors)));
  const targets = [
    ...sources.map(({tensor}) => tensor),
    ...network.trainable.map(({variable: {tensor}}) => tensor),
  ];
  const variables = [...sources, ...network.weights.map(({variable: own}) => own)];
  const derivatives = gradients(loss, targets);
  return {sources, variables, random, output, updates, losses, loss, targets, derivatives, x};
}

export type Graph = ReturnType<typeof graphOf>;

/** Σ of all gradients, each element by a factor of its own, and the gradients of that. */
export function curvaturesOf({derivatives, targets}: Graph): {slope: Tensor; curvatures: Tensor[]} {
  const slope = derivatives
    .map((derivative, at) =>
      sum(mul(derivative, constant(numbers(derivative.size, 91 + at), derivative.shape))),
    )
    .reduce((a, b) => add(a, b));
  return {slope, curvatures: gradients(slope, targets)};
}

/** Values of all leaves. */
export function givenOf(built: Built, graph: Graph): Map<Tensor, Float64Array> {
  const weights = new Map(built.net.getWeights().map(({name, data}) => [name, data]));
  return new Map([
    ...graph.sources.map(({tensor}, at) => [tensor, Float64Array.from(graph.x[at] as Float32Array)] as const),
    ...built.network.weights.map(
      ({variable: {name, tensor}}) => [tensor, Float64Array.from(weights.get(name) as Float32Array)] as const,
    ),
    [graph.random.seed, Float64Array.of(5, 0)],
    [graph.random.step, Float64Array.of(2)],
  ]);
}

/** `least` is the size from which an error counts as a share of the numbers. */
export function expectNear(
  received: ArrayLike<number>,
  exact: ArrayLike<number>,
  bound: number,
  what: string,
  least = 1e-3,
): void {
  expect(received.length, what).toBe(exact.length);
  const scale = Math.max(least, ...Array.from(exact, Math.abs));
  for (let at = 0; at < exact.length; at++) {
    const error = Math.abs((received[at] as number) - (exact[at] as number));
    expect(error / scale, `${what}, element ${at}: ${received[at]}, not ${exact[at]}`).toBeLessThan(bound);
  }
}
