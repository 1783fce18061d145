// A layer's whole contract in one call: shapes, values, gradients and their gradients against float64, both
// modes, every instruction set, threads, what it changes and adds, its file and its JSON.
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {expect} from 'vitest';
import {type Tensor, variableOf} from '../../../lib/core/tensor.ts';
import {load, modelFromJSON} from '../../../lib/index.ts';
import {evaluate, type Values} from '../../reference.ts';
import {checkNative, checkThreads} from './check-native.ts';
import {checkCurvatures} from './curvatures.ts';
import {
  type Built,
  batch,
  build,
  expectNear,
  type Graph,
  givenOf,
  graphOf,
  type LayerCase,
  sizeOf,
} from './layer-graph.ts';

export type {LayerCase};

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
    // What training does not change is the same graph.
    if (!training || given.disturbs || given.composed) {
      checkGradients(graph, values, given);
      if (!given.once) checkCurvatures(graph, values, given);
    }
    checkNative(graph, values, given);
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
  await checkThreads(given);
  await checkReturn(built, given);
}
