// The graphs that a model runs. All read rows of the user's arrays by number; what changes between steps is
// an input, so that one plan serves all steps of one batch size.

import type {DType} from '../../core/dtype.ts';
import {fail} from '../../core/errors.ts';
import {at, zip} from '../../core/lists.ts';
import type {Precision} from '../../core/precision.ts';
import {registerOf} from '../../core/registers.ts';
import type {Shape} from '../../core/shape.ts';
import {input, type Tensor, type Variable, withScope} from '../../core/tensor.ts';
import {gradients} from '../../graph/autodiff.ts';
import {numericType} from '../../nn/ahead.ts';
import type {Loss} from '../../nn/losses.ts';
import {finite} from '../../ops/check.ts';
import {gatherLabels, gatherRows} from '../../ops/gather.ts';
import {add, cast, mul} from '../../ops/map.ts';
import {reshape} from '../../ops/move.ts';
import {total} from '../../ops/reduce.ts';
import type {Applied, ApplyOptions, Network, Port} from '../network/network.ts';
import {sourceName} from '../network/ports.ts';
import {commitOf, targetsOf} from './commit.ts';
import {type Compilation, targetPorts} from './compilation.ts';
import {type BoundCriterion, criteriaOf, stepValues} from './criterion.ts';
import {lossGuards, type Measures, measure, objectiveOf, resultsOf} from './measures.ts';
import {type Recorder, recordOutputs} from './recorder.ts';

/** How rows lie in the user's memory: what of the data a plan depends on. */
export interface RowsSpec {
  readonly dtype: DType;
  readonly rowShape: Shape;
  readonly scale: number;
}

export interface Graph {
  readonly outputs: Readonly<Record<string, Tensor>>;
  readonly updates?: readonly (readonly [Variable, Tensor])[];
  readonly guards?: readonly Tensor[];
  /** Of the operands of its products; float32 by default. */
  readonly precision?: Precision;
}

export const gradientOutput = (index: number): string => `gradient${index}`;
export const inputGradientOutput = (index: number): string => `inputGradient${index}`;

function randomInputs(): {seed: Tensor; step: Tensor} {
  return {
    seed: input({name: 'seed', shape: [2], dtype: 'int32'}),
    step: input({name: 'step', shape: [1], dtype: 'int32', perStep: true}),
  };
}

function rowsInput(batch: number, shard = ''): Tensor {
  return input({name: `rows${shard}`, shape: [batch], dtype: 'int32', perStep: true});
}

function dataInput(name: string, {rowShape, dtype}: RowsSpec): Tensor {
  return input({name, shape: [-1, ...rowShape], dtype});
}

/** Rows of an input as [batch, …]: float32, int32 or bool. */
function readInput(source: Tensor, {shape, tensor}: Port, {scale}: RowsSpec, rows: Tensor): Tensor {
  const batch = rows.shape[0] as number;
  const type = registerOf({dtype: numericType(tensor)});
  return withScope(nameOfInput(source), () => {
    const read = type === 'float32' ? gatherRows(source, rows, {scale}) : gatherLabels(source, rows);
    return reshape(cast(read, type), [batch, ...shape]);
  });
}

/** Rows of a target in the shape that the loss compares with the output. */
function readTarget(source: Tensor, port: Port, loss: Loss, {scale}: RowsSpec, rows: Tensor): Tensor {
  const shape = [rows.shape[0] as number, ...targetShape(port, loss)];
  return withScope(nameOfInput(source), () =>
    loss.targets === 'classes'
      ? reshape(gatherLabels(source, rows), shape)
      : reshape(gatherRows(source, rows, {scale}), shape),
  );
}

const nameOfInput = ({call}: Tensor): string => (call.attributes as {name: string}).name;

/** What each row of a target holds. */
export function targetShape({shape}: Port, loss: Loss): Shape {
  return loss.targetShape?.(shape) ?? (loss.targets === 'classes' ? shape.slice(0, -1) : shape);
}

/** How the arrays of samples lie in memory. */
interface SampleSpecs {
  readonly x: readonly RowsSpec[];
  /** Of each output that has a loss. */
  readonly y: readonly RowsSpec[];
  /** For each output that has a loss, a number for each row by which it is multiplied. */
  readonly weights?: readonly (RowsSpec | undefined)[] | undefined;
}

/** What a program calls the weights of each output: `weights` for all, or `weights.age` for its own. */
export function weightSources(ports: readonly Port[], weights: readonly unknown[]): string[] {
  const isCommon = weights.every(own => own === weights[0]);
  return ports.map(({name}) => (isCommon ? 'weights' : `weights.${name}`));
}

interface Sources {
  readonly x: readonly Tensor[];
  readonly y: readonly Tensor[];
  /** By name. */
  readonly weights: ReadonlyMap<string, Tensor>;
  readonly random: {seed: Tensor; step: Tensor};
}

function inputSources({feeds}: Network, specs: readonly RowsSpec[]): Tensor[] {
  return zip(feeds, specs).map(([port, spec]) => dataInput(sourceName('x', feeds, port), spec));
}

function sourcesOf(network: Network, compilation: Compilation, {x, y, weights}: SampleSpecs): Sources {
  const targets = targetPorts(network, compilation);
  return {
    x: inputSources(network, x),
    y: zip(targets, y).map(([port, spec]) => dataInput(sourceName('y', targets, port), spec)),
    weights: weightInputs(targets, weights ?? []),
    random: randomInputs(),
  };
}

function weightInputs(
  targets: readonly Port[],
  weights: NonNullable<SampleSpecs['weights']>,
): Map<string, Tensor> {
  const names = weightSources(targets, weights);
  const inputs = new Map<string, Tensor>();
  weights.forEach((spec, index) => {
    const name = names[index] as string;
    if (spec && !inputs.has(name)) inputs.set(name, dataInput(name, spec));
  });
  return inputs;
}

/** The weight of each sample in the loss of each output, where it has some. */
function readWeights(
  {weights: sources}: Sources,
  {weights = []}: SampleSpecs,
  targets: readonly Port[],
  rows: Tensor,
): (Tensor | undefined)[] {
  const read = new Map<string, Tensor>();
  return weightSources(targets, weights).map((name, index) => {
    const [source, spec] = [sources.get(name), weights[index]];
    if (!source || !spec) return undefined;
    const known =
      read.get(name) ??
      withScope(name, () => reshape(gatherRows(source, rows, {scale: spec.scale}), rows.shape));
    read.set(name, known);
    return known;
  });
}

interface PerSample extends Measures, Pick<Applied, 'updates' | 'states'> {
  /** Rows of the inputs, as the model gets them. */
  readonly x: readonly Tensor[];
}

/** Loss and metrics of each sample of a batch, and new values of weights that are not trained. */
function perSample(
  network: Network,
  compilation: Compilation,
  sources: Sources,
  specs: SampleSpecs,
  rows: Tensor,
  mode: Pick<ApplyOptions, 'training' | 'shard' | 'observe'>,
): PerSample {
  const x = zip(network.feeds, sources.x, specs.x).map(([port, source, spec]) =>
    readInput(source, port, spec, rows),
  );
  const applied = network.apply(x, {...mode, random: sources.random});
  const ports = targetPorts(network, compilation);
  const weights = readWeights(sources, specs, ports, rows);
  const targets = zip(ports, compilation.losses, sources.y, specs.y).map(([port, {loss}, source, spec]) =>
    readTarget(source, port, loss, spec, rows),
  );
  const {updates, states} = applied;
  return {...measure(compilation, applied, targets, weights), updates, states, x};
}

/** Adds neighbours until one is left: the tree does not depend on who computes the parts. */
function addTree(parts: readonly Tensor[]): Tensor {
  if (parts.length === 1) return at(parts, 0);
  const half = Math.ceil(parts.length / 2);
  return add(addTree(parts.slice(0, half)), addTree(parts.slice(half)));
}

export interface StepOptions extends SampleSpecs {
  readonly batch: number;
  /**
   * Cuts each batch into this many equal parts whose gradients are combined in a fixed tree, so that the
   * result does not depend on how many machines share them. Rows then come as `rows0`, `rows1`, ….
   */
  readonly microShards?: number;
  /** Conditions that end the run before a step's commit. */
  readonly criteria?: readonly BoundCriterion[];
}

/** One training step: compute loss and gradients, guard them, commit the optimizer's update. */
export function trainGraph(network: Network, compilation: Compilation, options: StepOptions): Graph {
  const {batch, microShards = 1, criteria = []} = options;
  if (batch % microShards !== 0) {
    fail('ERR_OPTION', `microShards: ${microShards} do not cut a batch of ${batch} into equal parts.`);
  }
  if (microShards > 1 && network.isStateful) {
    fail('ERR_OPTION', 'microShards: a stateful model has states for whole batches.');
  }
  const sources = sourcesOf(network, compilation, options);
  const weights = network.trainable;
  const penalty = network.penalty();
  const shards = Array.from({length: microShards}, (_, shard) => {
    const rows = rowsInput(batch / microShards, microShards === 1 ? '' : `${shard}`);
    const sample = perSample(network, compilation, sources, options, rows, {training: true, shard});
    const objective = objectiveOf(sample, penalty);
    return {
      ...sample,
      objective,
      gradients: gradients(
        objective,
        weights.map(({variable: {tensor}}) => tensor),
      ),
    };
  });
  const average = (parts: readonly Tensor[]): Tensor =>
    microShards === 1 ? at(parts, 0) : mul(addTree(parts), 1 / microShards);
  const objective = average(shards.map(shard => shard.objective));
  const gradient = weights.map((_, index) => average(shards.map(shard => at(shard.gradients, index))));
  const statistics = statisticsOf(
    network,
    shards.map(({updates}) => updates),
    average,
  );
  const states = [...statistics, ...statesAfter(network, at(shards, 0))];
  const ends = criteriaOf(stepValues(objective, gradient), criteria);
  const {updates, guards} = commitOf(compilation.optimizer, targetsOf(network, compilation), gradient);
  return {
    outputs: {...resultsOf(compilation, shards, true), ...(penalty && {penalty: total(penalty)})},
    guards: [
      ...lossGuards(shards, objective, penalty),
      ...guards,
      ...states.map(([{name}, value]) => withScope(name, () => finite(value))),
      ...ends.guards,
    ],
    updates: [...updates, ...states, ...ends.updates],
    precision: compilation.precision,
  };
}

/** New values of weights that are not trained, such as moving statistics: means over the parts of a batch. */
function statisticsOf(
  {weights}: Network,
  shards: readonly Applied['updates'][],
  average: (parts: readonly Tensor[]) => Tensor,
): (readonly [Variable, Tensor])[] {
  return weights.flatMap(({variable}) => {
    const parts = shards.flatMap(updates => updates.get(variable.tensor) ?? []);
    return parts.length === 0 ? [] : [[variable, withScope(variable.name, () => average(parts))] as const];
  });
}

/** What a step leaves of the states of layers. */
function statesAfter({states}: Network, applied: Pick<Applied, 'states'>): (readonly [Variable, Tensor])[] {
  return states.flatMap(variable => {
    const value = applied.states.get(variable.tensor);
    return value ? [[variable, value] as const] : [];
  });
}

/** Loss and metrics of each sample, without training. */
export function evaluateGraph(network: Network, compilation: Compilation, options: StepOptions): Graph {
  const sources = sourcesOf(network, compilation, options);
  const rows = rowsInput(options.batch);
  const sample = perSample(network, compilation, sources, options, rows, {training: false});
  const penalty = network.penalty();
  return {
    outputs: {...resultsOf(compilation, [sample], false), ...(penalty && {penalty: total(penalty)})},
    updates: statesAfter(network, sample),
  };
}

export interface ForwardGraphOptions {
  readonly batch: number;
  readonly x: readonly RowsSpec[];
  readonly training?: boolean;
  /** Makes outputs of what it records. */
  readonly recorder?: Recorder;
  /** Leaves the states of layers as the step leaves them, instead of as they were. */
  readonly keepsStates?: boolean;
}

/** The outputs, `output` or `output.name` each, and what was recorded on the way. */
export function predictGraph(network: Network, options: ForwardGraphOptions): Graph {
  const {training = false, recorder} = options;
  const rows = rowsInput(options.batch);
  const sources = inputSources(network, options.x);
  const x = zip(network.feeds, sources, options.x).map(([port, source, spec]) =>
    readInput(source, port, spec, rows),
  );
  const mode = {training, ...(recorder && {observe: recorder.observe})};
  const applied = network.apply(x, {...mode, random: randomInputs()});
  const named = zip(network.outputs, applied.outputs).map(
    ([port, output]) => [sourceName('output', network.outputs, port), output] as const,
  );
  const outputs = {...Object.fromEntries(named), ...(recorder && recordOutputs(recorder))};
  return {outputs, updates: options.keepsStates ? statesAfter(network, applied) : []};
}

export interface GradientsGraphOptions extends StepOptions {
  readonly training: boolean;
  /** Makes outputs of what it records, of the error signals there, and of the gradients of the inputs. */
  readonly recorder?: Recorder;
  /** Is told of what layers compute, of which nothing becomes an output. */
  readonly observe?: ApplyOptions['observe'];
}

/** The objective and its gradient for each trainable weight, without an update. */
export function gradientsGraph(
  network: Network,
  compilation: Compilation,
  options: GradientsGraphOptions,
): Graph {
  const {recorder, observe = recorder?.observe} = options;
  const sources = sourcesOf(network, compilation, options);
  const rows = rowsInput(options.batch);
  const mode = {training: options.training, observe};
  const sample = perSample(network, compilation, sources, options, rows, mode);
  const objective = objectiveOf(sample, network.penalty());
  const weights = network.trainable.map(({variable: {tensor}}) => tensor);
  const signals = recorder?.layers.map(({preActivation}) => preActivation) ?? [];
  const all = gradients(objective, [...weights, ...signals, ...(recorder ? sample.x : [])]);
  const entries = weights.map((_, index) => [gradientOutput(index), at(all, index)] as const);
  const outputs = {loss: objective, ...Object.fromEntries(entries)};
  const {precision} = compilation;
  if (!recorder) return {outputs, precision};
  const ofInputs = all.slice(weights.length + signals.length);
  const named = ofInputs.map((value, index) => [inputGradientOutput(index), value] as const);
  const recorded = recordOutputs(recorder, all.slice(weights.length, weights.length + signals.length));
  return {outputs: {...outputs, ...recorded, ...Object.fromEntries(named)}, precision};
}

/** Copies of variables, all of the same finished step. */
export function snapshotGraph(variables: readonly Variable[]): Graph {
  return {outputs: Object.fromEntries(variables.map(({name, tensor}) => [name, tensor]))};
}

/** New values for variables, all committed at once. */
export function assignGraph(variables: readonly Variable[]): Graph {
  return {
    outputs: {},
    updates: variables.map(variable => {
      const {name, shape, dtype} = variable;
      return [variable, input({name, shape, dtype})] as const;
    }),
  };
}
