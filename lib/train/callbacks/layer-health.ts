// How a training step looks from within, layer by layer: by graphs beside that of the step.
import type {TypedArray} from '../../core/dtype.ts';
import {input, type Tensor, withScope} from '../../core/tensor.ts';
import type {WeightData} from '../../nn/weights.ts';
import {cast, greater, lessEqual, logicalOr, square, sub} from '../../ops/map.ts';
import {max, mean, sum} from '../../ops/reduce.ts';
import type {BatchRun} from '../feed/batch-source.ts';
import {keyOfSamples} from '../feed/plan-key.ts';
import type {Network} from '../network/network.ts';
import type {Engine} from '../run/engine.ts';
import {inputsOf} from '../run/inputs.ts';
import {randomOf, rowInputs} from '../run/row-run.ts';
import {snapshot} from '../run/weights.ts';
import {type Graph, gradientsGraph} from '../step/graphs.ts';
import {type Observed, Recorder} from '../step/recorder.ts';

/** What is known of a layer at one step. */
export interface LayerHealth {
  readonly name: string;
  /** Root of the sum of the squares of the gradients of its weights. */
  readonly gradientNorm: number;
  /** The same of the weights before the step. */
  readonly weightNorm: number;
  /** Norm of the step's change of the weights through that of the weights: some 1e-3 is usual. */
  readonly updateRatio: number;
  /** Share of its units that are 0 for every row of the batch, of a layer with relu. */
  readonly dead: number | undefined;
  /** Share of its outputs near a bound of its activation, of a layer with sigmoid, tanh and the like. */
  readonly saturated: number | undefined;
}

/** Activations that are 0 on one side: a unit that is there for all rows learns no more. */
const cutting = new Set(['relu', 'relu6']);
/** Activations with bounds, where they are flat. */
const bounds: Readonly<Record<string, readonly [number, number]>> = {
  sigmoid: [0, 1],
  hardSigmoid: [0, 1],
  tanh: [-1, 1],
  hardTanh: [-1, 1],
  softsign: [-1, 1],
};
/** This near to a bound, as a share of the distance of both, its derivative is at most 8 % of its maximum. */
const nearBound = 0.02;

/** Share of the units (of the last axis) of which no row of the batch is positive. */
function deadShare(activation: Tensor): Tensor {
  const axes = activation.shape.slice(0, -1).map((_, axis) => axis);
  return mean(cast(lessEqual(max(activation, axes), 0), 'float32'));
}

function saturatedShare(activation: Tensor, [low, high]: readonly [number, number]): Tensor {
  const near = nearBound * (high - low);
  const below = lessEqual(activation, low + near);
  return mean(cast(logicalOr(below, greater(activation, high - near)), 'float32'));
}

/** The shares that make sense for what a layer computed, as outputs. */
function sharesOf({activation, kind = ''}: Observed, index: number): [string, Tensor][] {
  const range = bounds[kind];
  return [
    ...(cutting.has(kind) ? [[`dead${index}`, deadShare(activation)] as [string, Tensor]] : []),
    ...(range ? [[`saturated${index}`, saturatedShare(activation, range)] as [string, Tensor]] : []),
  ];
}

const squares = (x: Tensor): Tensor => sum(square(x));

function healthGraph(engine: Engine, {samples, batch}: BatchRun, recorder: Recorder): Graph {
  const compilation = engine.compilation('gradientMonitor');
  const {network} = samples;
  const {outputs, precision} = gradientsGraph(network, compilation, {
    batch,
    ...samples,
    training: true,
    observe: recorder.observe,
  });
  const {loss: _, ...gradients} = outputs;
  const norms = Object.entries(gradients).map(([name, gradient]) => [name, squares(gradient)] as const);
  const weights = network.trainable.map(({variable}, index) => [`weight${index}`, squares(variable.tensor)]);
  return {
    outputs: {
      ...Object.fromEntries(norms),
      ...Object.fromEntries(weights),
      ...Object.fromEntries(recorder.layers.flatMap(sharesOf)),
    },
    ...(precision && {precision}),
  };
}

/** How far each weight is from what it was. */
function changeGraph({trainable}: Network): Graph {
  const entries = trainable.map(({variable: {name, shape, tensor}}, index) => {
    const before = input({name, shape});
    return [`change${index}`, withScope(name, () => squares(sub(tensor, before)))] as const;
  });
  return {outputs: Object.fromEntries(entries)};
}

const recorders = new WeakMap<object, Recorder>();

/** What was found before a step, to be completed after it. */
export interface Examination {
  readonly outputs: Readonly<Record<string, TypedArray>>;
  readonly recorder: Recorder;
  readonly before: readonly WeightData[];
}

/** Looks at the step that comes next, of the first batch of a run, with the same random numbers. */
export async function examine(engine: Engine, batchRun: BatchRun, seed: number): Promise<Examination> {
  const {samples, batch, rows} = batchRun;
  let made: Recorder | undefined;
  const program = engine.program(keyOfSamples('health', batch, samples), () => {
    made = new Recorder();
    return healthGraph(engine, batchRun, made);
  });
  if (made) recorders.set(program, made);
  const run = {
    ...samples,
    rows: rows.subarray(0, batch),
    random: randomOf(engine, seed),
  };
  // What is wrong with the data or the numbers is left to the step itself to say.
  const {outputs} = await program.run(rowInputs(program, run), {steps: 1});
  const variables = engine.network.trainable.map(({variable}) => variable);
  return {outputs, recorder: recorders.get(program) as Recorder, before: snapshot(engine, variables)};
}

/** The report of an examination once its step has been made. */
export function conclude(engine: Engine, {outputs, recorder, before}: Examination): LayerHealth[] {
  const {network} = engine;
  const program = engine.program('health change', () => changeGraph(network));
  const available = Object.fromEntries(before.map(({name, data}) => [name, data]));
  const {outputs: changes} = program.runSync(inputsOf(program, available), {steps: 1});
  const places = new Map(network.trainable.map(({variable}, index) => [variable.name, index]));
  const numberOf = (name: string): number | undefined =>
    (outputs[name] ?? changes[name])?.[0] as number | undefined;
  return network.layers.flatMap(({name, weights}): LayerHealth[] => {
    const own = weights.flatMap(({variable}) => places.get(variable.name) ?? []);
    const norm = (what: string): number =>
      Math.sqrt(own.reduce((total, index) => total + (numberOf(`${what}${index}`) as number), 0));
    const share = (what: string): number | undefined => {
      const values = recorder.layers.flatMap((layer, index) => {
        const inside = layer.name === name || layer.name.startsWith(`${name}/`);
        return inside ? (numberOf(`${what}${index}`) ?? []) : [];
      });
      return values.length === 0 ? undefined : values.reduce((a, b) => a + b) / values.length;
    };
    const [dead, saturated] = [share('dead'), share('saturated')];
    if (own.length === 0 && dead === undefined && saturated === undefined) return [];
    const weightNorm = norm('weight');
    const change = norm('change');
    const updateRatio = change === 0 ? 0 : change / weightNorm;
    return [{name, gradientNorm: norm('gradient'), weightNorm, updateRatio, dead, saturated}];
  });
}
