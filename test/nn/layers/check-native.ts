// What kernels compute of a layer's graph: beside float64, on every instruction set, on one thread and more.
import type {Tensor} from '../../../lib/core/tensor.ts';
import {getThreads, setThreads} from '../../../lib/runtime/program.ts';
import {type CompiledProgram, compileProgram} from '../../../lib/session/compile.ts';
import {VariableStore} from '../../../lib/session/store.ts';
import {expectSameResults, isas} from '../../conformance/native.ts';
import {evaluate, type Values} from '../../reference.ts';
import {
  build,
  curvaturesOf,
  expectNear,
  type Graph,
  givenOf,
  graphOf,
  type LayerCase,
} from './layer-graph.ts';

type Results = Readonly<Record<string, Tensor>>;

const named = (name: string, tensors: readonly Tensor[]): Results =>
  Object.fromEntries(tensors.map((tensor, at) => [`${name}${at}`, tensor]));

/** All that a step of training reads of the layer. */
const resultsOf = ({output, loss, updates, derivatives}: Graph): Results => ({
  ...{output, loss},
  ...named('update', [...updates.values()]),
  ...named('gradient', derivatives),
});

/** A layer's own weights lie in its model's memory: a copy for this program. */
function compiled(
  graph: Graph,
  given: ReadonlyMap<Tensor, Float64Array>,
  outputs: Results,
  isa?: string,
): {program: CompiledProgram; inputs: Record<string, Int32Array>} {
  const store = new VariableStore();
  store.add(graph.variables);
  for (const own of graph.variables) store.write(own, given.get(own.tensor) as Float64Array);
  const program = compileProgram({outputs, store, ...(isa !== undefined && {isa})});
  const wanted = program.plan.io.filter(({output}) => !output).map(({name}) => name);
  const random = {seed: Int32Array.of(5, 0), step: Int32Array.of(2)};
  return {
    program,
    inputs: Object.fromEntries(Object.entries(random).filter(([name]) => wanted.includes(name))),
  };
}

/** Values, gradients and theirs near those in float64, and the same bits on every instruction set. */
export function checkNative(graph: Graph, given: Map<Tensor, Float64Array>, layer: LayerCase): void {
  const {composed, cancels} = layer;
  // Through several layers terms of the size of 1 may cancel: what is left is their rounding, some 1e-7.
  const [bound, least] = composed ? [1e-4, 1e-2] : [1e-5, cancels ? 0.1 : 1e-3];
  const results = {...resultsOf(graph), ...named('curvature', curvaturesOf(graph).curvatures)};
  const runs = isas.map(isa => {
    const {program, inputs} = compiled(graph, given, results, isa);
    return program.runSync(inputs, {steps: 1}).outputs;
  });
  const plain = runs[0] as (typeof runs)[number];
  const exact = evaluate(Object.values(results), given);
  Object.keys(results).forEach((name, at) => {
    // Second derivatives subtract products of first ones.
    const [within, from] = name.startsWith('curvature')
      ? [10 * bound, Math.max(least, 1e-2)]
      : [bound, least];
    expectNear(plain[name] as Float32Array, exact[at] as Values, within, name, from);
  });
  runs.forEach((run, at) => {
    expectSameResults(run, plain, `${isas[at]} and ${isas[0]}`);
  });
}

/** Odd, and enough for several threads to have a part of nearly every instruction. */
const manyRows = 1031;

/** A step of training has the same bits on one thread and on three. */
export async function checkThreads(layer: LayerCase): Promise<void> {
  const built = build(layer, manyRows);
  const graph = graphOf(built, true);
  const {program, inputs} = compiled(graph, givenOf(built, graph), resultsOf(graph));
  const before = getThreads();
  const on = async (threads: number) => {
    setThreads(threads);
    return (await program.run(inputs, {steps: 1})).outputs;
  };
  try {
    expectSameResults(await on(3), await on(1), 'three threads and one');
  } finally {
    setThreads(before);
    program.release();
  }
}
