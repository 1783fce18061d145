// What `compile` adds to a network: a loss, metrics, and an optimizer with its moments.
import {fail, requireOptions} from '../core/errors.ts';
import {type Variable, variable} from '../core/tensor.ts';
import type {Loss} from '../nn/losses.ts';
import type {Metric} from '../nn/metrics.ts';
import {type LossLike, type MetricLike, toLoss, toMetric} from '../nn/resolve.ts';
import type {Optimizer} from '../optim/optimizer.ts';
import {type OptimizerLike, toOptimizer} from '../optim/resolve.ts';
import type {Network} from './network.ts';

export interface CompileOptions {
  /** A name or a member of `optimizers`. */
  readonly optimizer: OptimizerLike;
  /** A name, a member of `losses`, or a function (target, output) → loss of each sample. */
  readonly loss: LossLike;
  /** Names, members of `metrics`, or functions (target, output) → number of each sample. */
  readonly metrics?: readonly MetricLike[];
}

export interface NamedMetric {
  /** As it stands in logs and in `history`. */
  readonly name: string;
  readonly metric: Metric;
}

export interface Training {
  readonly optimizer: Optimizer;
  readonly loss: Loss;
  readonly metrics: readonly NamedMetric[];
  /** For each trainable weight of the network, in order, its moments. */
  readonly slots: readonly (readonly Variable[])[];
}

const reserved = ['loss', 'batch', 'size', 'epoch'];

/** A metric is called what the user called it. */
function nameMetrics(given: readonly MetricLike[]): NamedMetric[] {
  const used = new Set(reserved);
  return given.map((value, index) => {
    const metric = toMetric(value);
    const name =
      typeof value === 'string'
        ? value
        : metric.kind === 'custom'
          ? nameOfFunction(value, index)
          : metric.kind;
    if (used.has(name)) fail('ERR_OPTION', `compile: metrics: ${JSON.stringify(name)} stands there already.`);
    used.add(name);
    return {name, metric};
  });
}

function nameOfFunction(value: MetricLike, index: number): string {
  return (typeof value === 'function' && value.name) || `metric_${index}`;
}

/** Moments by name, so that compiling again with the same optimizer finds their memory. */
function slotsOf(network: Network, {slots}: Optimizer, known: ReadonlyMap<string, Variable>): Variable[][] {
  return network.trainable.map(({variable: {name, shape}}) =>
    slots.map(slot => {
      const own = `optimizer/${name}/${slot}`;
      return known.get(own) ?? variable({name: own, shape, trainable: false});
    }),
  );
}

/** @throws ERR_UNKNOWN_NAME or ERR_OPTION saying which option is wrong. */
export function makeTraining(
  network: Network,
  options: CompileOptions,
  known: ReadonlyMap<string, Variable>,
): Training {
  requireOptions('compile', options, ['optimizer', 'loss', 'metrics']);
  const {optimizer, loss, metrics = []} = options;
  if (optimizer === undefined) fail('ERR_OPTION', "compile: optimizer is missing, e.g. 'adam'.");
  if (loss === undefined) fail('ERR_OPTION', "compile: loss is missing, e.g. 'meanSquaredError'.");
  if (!Array.isArray(metrics))
    fail('ERR_OPTION', "compile: metrics: expected an array such as ['accuracy'].");
  const chosen = toOptimizer(optimizer);
  return {
    optimizer: chosen,
    loss: toLoss(loss),
    metrics: nameMetrics(metrics),
    slots: slotsOf(network, chosen, known),
  };
}
