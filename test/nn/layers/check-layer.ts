// A layer's whole contract in one call: shapes, values and gradients against float64, both modes, what it
// changes and adds, its file and its JSON.
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {expect} from 'vitest';
import {constant, input as inputTensor, type Tensor, variable, variableOf} from '../../../lib/core/tensor.ts';
import {gradients} from '../../../lib/graph/autodiff.ts';
import {input, type Layer, load, type Model, model, modelFromJSON} from '../../../lib/index.ts';
import {add, mul} from '../../../lib/ops/map.ts';
import {sum} from '../../../lib/ops/reduce.ts';
import {compileProgram} from '../../../lib/session/compile.ts';
import {VariableStore} from '../../../lib/session/store.ts';
import {Network} from '../../../lib/train/network/network.ts';
import {evaluate, type Values} from '../../reference.ts';
import {numbers} from '../../support/plain-networks.ts';

const batch = 6;

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
  /** Where a derivative has a kink, differences are taken this far away from it. */
  smooth?: (x: number) => number;
  /** Names, functions and the like that a description must be read with. */
  customObjects?: Record<string, unknown>;
}

interface Built {
  readonly net: Model;
  readonly network: Network;
  readonly x: Float32Array[];
}

const sizeOf = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);

function build(given: LayerCase): Built {
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
  const x = given.inputs.map((shape, at) => numbers(batch * sizeOf(shape), 7 + at).map(smooth));
  return {net, network: new Network({inputs: symbolic, outputs}), x};
}

/** The layer's graph in one mode, with a loss that reads every element of the output. */
function graphOf({network, x}: Built, training: boolean) {
  const sources = network.inputs.map(({shape}, at) => variable({name: `x${at}`, shape: [batch, ...shape]}));
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
  return {sources, random, output, updates, losses, loss, targets, derivatives: gradients(loss, targets), x};
}

type Graph = ReturnType<typeof graphOf>;

/** Values of all leaves. */
function givenOf(built: Built, graph: Graph): Map<Tensor, Float64Array> {
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
function expectNear(
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

/** The gradients, as the graph says in float64, against central differences of the loss. */
function checkGradients(graph: Graph, given: Map<Tensor, Float64Array>, {composed}: LayerCase): void {
  // Constants such as 1/3 are float32: where terms of the size of 1 cancel through several layers, some 3e-8
  // of them is left.
  const least = composed ? 0.1 : 1e-3;
  const derivatives = evaluate(graph.derivatives, given);
  const lossAt = (): number => evaluate([graph.loss], given)[0]?.[0] as number;
  graph.targets.forEach((target, index) => {
    const values = given.get(target) as Float64Array;
    const differences = values.map((value, at) => {
      const step = 1e-5;
      values[at] = value + step;
      const above = lossAt();
      values[at] = value - step;
      const below = lossAt();
      values[at] = value;
      return (above - below) / (2 * step);
    });
    expectNear(derivatives[index] as Values, differences, 1e-6, `gradient ${index}`, least);
  });
}

/** What kernels compute of the same graph, against float64. */
function checkNative(
  built: Built,
  graph: Graph,
  given: Map<Tensor, Float64Array>,
  {composed, cancels}: LayerCase,
): void {
  // Through several layers terms of the size of 1 may cancel: what is left is their rounding, some 1e-7.
  const [bound, least] = composed ? [1e-4, 1e-2] : [1e-5, cancels ? 0.1 : 1e-3];
  const results: [string, Tensor][] = [
    ['output', graph.output],
    ['loss', graph.loss],
    ...[...graph.updates].map(([, tensor], at): [string, Tensor] => [`update${at}`, tensor]),
    ...graph.derivatives.map((tensor, at): [string, Tensor] => [`gradient${at}`, tensor]),
  ];
  const exact = evaluate(
    results.map(([, tensor]) => tensor),
    given,
  );
  const store = new VariableStore();
  const variables = [...graph.sources, ...built.network.weights.map(({variable: own}) => own)];
  store.add(variables);
  // A layer's own weights lie in its model's memory: a copy for this program.
  for (const own of variables) store.write(own, given.get(own.tensor) as Float64Array);
  const program = compileProgram({outputs: Object.fromEntries(results), store});
  const wanted = program.plan.io.filter(({output}) => !output).map(({name}) => name);
  const random = {seed: Int32Array.of(5, 0), step: Int32Array.of(2)};
  const inputs = Object.fromEntries(Object.entries(random).filter(([name]) => wanted.includes(name)));
  const {outputs} = program.runSync(inputs, {steps: 1});
  results.forEach(([name], at) => {
    expectNear(outputs[name] as Float32Array, exact[at] as Values, bound, name, least);
  });
}

function checkFormula(built: Built, {formula, inputs}: LayerCase, output: ArrayLike<number>): void {
  if (!formula) return;
  const weights = Object.fromEntries(
    built.net.getWeights().map(({name, data}) => [name.replace(/^[^/]*\//, ''), [...data]]),
  );
  const expected = Array.from({length: batch}, (_, row) =>
    formula(
      inputs.map((shape, at) => {
        const width = sizeOf(shape);
        return [...(built.x[at] as Float32Array).subarray(row * width, (row + 1) * width)];
      }),
      weights,
    ),
  ).flat();
  expectNear(output, expected, 1e-5, 'formula');
}

async function checkReturn({net, x}: Built, given: LayerCase): Promise<void> {
  const data = Object.fromEntries(
    x.map((values, at) => [`x${at}`, {data: values, shape: [batch, ...(given.inputs[at] as number[])]}]),
  );
  const before = await net.predict(data);
  expect(before.shape).toEqual([batch, ...net.outputShape]);
  const options = {customObjects: given.customObjects ?? {}};
  const folder = mkdtempSync(path.join(tmpdir(), 'chainrule-layer-'));
  try {
    await net.save(path.join(folder, 'layer.chainrule'));
    const loaded = await load(path.join(folder, 'layer.chainrule'), options);
    expect((await loaded.predict(data)).data).toEqual(before.data);
    expect(loaded.getWeights()).toEqual(net.getWeights());
    expect(loaded.toJSON()).toEqual(net.toJSON());
  } finally {
    rmSync(folder, {recursive: true, force: true});
  }
  const again = modelFromJSON(JSON.stringify(net), options);
  expect(again.toJSON()).toEqual(net.toJSON());
  again.setWeights(net.getWeights());
  expect((await again.predict(data)).data).toEqual(before.data);
}

/** Checks all that a layer promises. */
export async function checkLayer(given: LayerCase): Promise<void> {
  const built = build(given);
  const outputs = [false, true].map(training => {
    const graph = graphOf(built, training);
    const values = givenOf(built, graph);
    const changed = [...graph.updates.keys()].map(tensor => variableOf(tensor)?.name.replace(/^.*\//, ''));
    if (!given.composed) {
      expect(changed, 'updates').toEqual(training ? (given.updates ?? []) : []);
      expect(graph.losses.length > 0, 'adds a loss').toBe(given.adds ?? false);
    }
    checkGradients(graph, values, given);
    checkNative(built, graph, values, given);
    const [output] = evaluate([graph.output], values) as [Values];
    if (!training) checkFormula(built, given, output);
    return output;
  });
  const [infers, trains] = outputs as [Values, Values];
  if (!given.composed) {
    const differs = infers.some((value, at) => value !== trains[at]);
    expect(differs, 'training does something else').toBe(given.disturbs ?? false);
  }
  const twin = build(given);
  expect(twin.net.toJSON()).toEqual(built.net.toJSON());
  await checkReturn(built, given);
}
