// The graphs that a model runs. All read rows of the user's arrays by number; what changes between steps is
// an input, so that one plan serves all steps of one batch size.
import type {DType} from '../core/dtype.ts';
import {fail} from '../core/errors.ts';
import {formatShape, type Shape} from '../core/shape.ts';
import {input, Tensor, type Variable, withScope} from '../core/tensor.ts';
import {gradients} from '../graph/autodiff.ts';
import type {Loss} from '../nn/losses.ts';
import {finite} from '../ops/check.ts';
import {gatherLabels, gatherRows} from '../ops/gather.ts';
import {add, mul} from '../ops/map.ts';
import {reshape} from '../ops/move.ts';
import {mean, total} from '../ops/reduce.ts';
import type {Network} from './network.ts';
import type {Training} from './training.ts';

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
}

/** Names of the outputs; those of metrics are numbered. */
export const metricOutput = (index: number): string => `metric${index}`;
export const gradientOutput = (index: number): string => `gradient${index}`;

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

/** Rows of `x` as [batch, …]. */
function readInputs(source: Tensor, network: Network, {scale}: RowsSpec, rows: Tensor): Tensor {
  const batch = rows.shape[0] as number;
  return withScope('x', () => reshape(gatherRows(source, rows, {scale}), [batch, ...network.inputShape]));
}

/** Rows of `y` in the shape that the loss compares with the output. */
function readTargets(source: Tensor, network: Network, loss: Loss, {scale}: RowsSpec, rows: Tensor): Tensor {
  const batch = rows.shape[0] as number;
  const {outputShape} = network;
  return withScope('y', () =>
    loss.targets === 'classes'
      ? reshape(gatherLabels(source, rows), [batch, ...outputShape.slice(0, -1)])
      : reshape(gatherRows(source, rows, {scale}), [batch, ...outputShape]),
  );
}

/** What each row of a target holds. */
export function targetShape(network: Network, loss: Loss): Shape {
  return loss.targets === 'classes' ? network.outputShape.slice(0, -1) : network.outputShape;
}

/** How the arrays of samples lie in memory. */
interface SampleSpecs {
  readonly x: RowsSpec;
  readonly y: RowsSpec;
  /** A number for each row by which its loss is multiplied. */
  readonly weights?: RowsSpec | undefined;
}

interface Sources {
  readonly x: Tensor;
  readonly y: Tensor;
  readonly weights: Tensor | undefined;
  readonly random: {seed: Tensor; step: Tensor};
}

function sourcesOf({x, y, weights}: SampleSpecs): Sources {
  return {
    x: dataInput('x', x),
    y: dataInput('y', y),
    weights: weights && dataInput('weights', weights),
    random: randomInputs(),
  };
}

/** The losses, each times its sample's weight. */
function weigh(losses: Tensor, source: Tensor | undefined, specs: SampleSpecs, rows: Tensor): Tensor {
  if (!source) return losses;
  const scale = specs.weights?.scale ?? 1;
  return mul(
    losses,
    withScope('weights', () => reshape(gatherRows(source, rows, {scale}), losses.shape)),
  );
}

/** Loss and metrics of each sample of a batch, [batch] each. */
function perSample(
  network: Network,
  {loss, metrics}: Training,
  sources: Sources,
  specs: SampleSpecs,
  rows: Tensor,
  training: boolean,
  shard = 0,
): {losses: Tensor; metrics: Tensor[]} {
  const x = readInputs(sources.x, network, specs.x, rows);
  const output = network.apply(x, training, sources.random, shard);
  const target = readTargets(sources.y, network, loss, specs.y, rows);
  return {
    losses: withScope('loss', () =>
      weigh(checkPerSample('the loss', loss(target, output), output), sources.weights, specs, rows),
    ),
    metrics: metrics.map(({name, metric}) =>
      withScope(name, () => checkPerSample(`the metric ${name}`, metric(target, output, loss), output)),
    ),
  };
}

/** A function of the user's own may have forgotten the mean over a sample. */
function checkPerSample(what: string, value: Tensor, {shape: [batch]}: Tensor): Tensor {
  if (value instanceof Tensor && value.dtype === 'float32' && formatShape(value.shape) === `[${batch}]`) {
    return value;
  }
  return fail(
    'ERR_SHAPE',
    `${what} must be one number for each sample, float32[${batch}] here. Received ${String(value)}.`,
  );
}

function objectiveOf(losses: Tensor, penalty: Tensor | undefined): Tensor {
  return withScope('loss', () => (penalty ? add(mean(losses), penalty) : mean(losses)));
}

/** Adds neighbours until one is left: the tree does not depend on who computes the parts. */
function addTree(parts: readonly Tensor[]): Tensor {
  if (parts.length === 1) return parts[0] as Tensor;
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
}

/** One training step: compute loss and gradients, test them, commit the optimizer's update. */
export function trainGraph(network: Network, training: Training, options: StepOptions): Graph {
  const {batch, microShards = 1} = options;
  if (batch % microShards !== 0) {
    fail('ERR_OPTION', `microShards: ${microShards} do not cut a batch of ${batch} into equal parts.`);
  }
  const sources = sourcesOf(options);
  const weights = network.trainable;
  const penalty = network.penalty();
  const shards = Array.from({length: microShards}, (_, shard) => {
    const rows = rowsInput(batch / microShards, microShards === 1 ? '' : `${shard}`);
    const sample = perSample(network, training, sources, options, rows, true, shard);
    const objective = objectiveOf(sample.losses, penalty);
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
    microShards === 1 ? (parts[0] as Tensor) : mul(addTree(parts), 1 / microShards);
  const objective = average(shards.map(shard => shard.objective));
  const gradient = weights.map((_, index) => average(shards.map(shard => shard.gradients[index] as Tensor)));
  const totalOf = (pick: (shard: (typeof shards)[number]) => Tensor, name: string): [string, Tensor][] =>
    shards.map((shard, index) => [index === 0 ? name : `${name}/${index}`, total(pick(shard))]);
  return {
    outputs: {
      ...Object.fromEntries(totalOf(shard => shard.losses, 'loss')),
      ...(penalty && {penalty: total(penalty)}),
      ...Object.fromEntries(
        training.metrics.flatMap((_, index) =>
          totalOf(shard => shard.metrics[index] as Tensor, metricOutput(index)),
        ),
      ),
    },
    guards: [
      withScope('loss', () => finite(objective)),
      ...weights.map(({variable: {name}}, index) => withScope(name, () => finite(gradient[index] as Tensor))),
    ],
    updates: updatesOf(network, training, gradient),
  };
}

function updatesOf(
  network: Network,
  {optimizer, slots}: Training,
  gradient: readonly Tensor[],
): (readonly [Variable, Tensor])[] {
  const hyper = input({name: 'hyper', shape: [1, optimizer.hyperCount], perStep: true});
  const weights = network.trainable;
  const segments = weights.map(({variable: {tensor}}, index) => [
    tensor,
    gradient[index] as Tensor,
    ...(slots[index] ?? []).map(slot => slot.tensor),
  ]);
  const updated = withScope('optimizer', () => optimizer.update(hyper, segments));
  return weights.flatMap(({variable, constraint}, index): (readonly [Variable, Tensor])[] => {
    const [parameter, ...moments] = updated[index] as readonly Tensor[];
    const value = parameter as Tensor;
    return [
      [variable, constraint ? withScope(variable.name, () => constraint(value)) : value],
      ...moments.map((moment, slot) => [slots[index]?.[slot] as Variable, moment] as const),
    ];
  });
}

/** Loss and metrics of each sample, without training. */
export function evaluateGraph(network: Network, training: Training, options: StepOptions): Graph {
  const sources = sourcesOf(options);
  const {losses, metrics} = perSample(network, training, sources, options, rowsInput(options.batch), false);
  const penalty = network.penalty();
  return {
    outputs: {
      loss: losses,
      ...(penalty && {penalty: total(penalty)}),
      ...Object.fromEntries(metrics.map((metric, index) => [metricOutput(index), metric])),
    },
  };
}

export function predictGraph(network: Network, options: {batch: number; x: RowsSpec}): Graph {
  const rows = rowsInput(options.batch);
  const x = readInputs(dataInput('x', options.x), network, options.x, rows);
  return {outputs: {output: network.apply(x, false, randomInputs())}};
}

/** The objective and its gradient for each trainable weight, without an update. */
export function gradientsGraph(
  network: Network,
  training: Training,
  options: StepOptions & {training: boolean},
): Graph {
  const sources = sourcesOf(options);
  const rows = rowsInput(options.batch);
  const {losses} = perSample(network, training, sources, options, rows, options.training);
  const objective = objectiveOf(losses, network.penalty());
  const targets = network.trainable.map(({variable: {tensor}}) => tensor);
  const entries = gradients(objective, targets).map(
    (value, index) => [gradientOutput(index), value] as const,
  );
  return {outputs: {loss: objective, ...Object.fromEntries(entries)}};
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
