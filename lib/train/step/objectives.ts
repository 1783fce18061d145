// Losses and metrics of a model's outputs, from what `compile` was given: one for all, a list, or by name.

import {checkNumber, fail, unknownName} from '../../core/errors.ts';
import {fromMap, isPlainObject} from '../../core/kinds.ts';
import {customKind} from '../../core/named.ts';
import type {Metric} from '../../nn/metrics.ts';
import {type LossLike, type MetricLike, toLoss, toMetric} from '../../nn/resolve.ts';
import type {Network} from '../network/network.ts';
import type {CompileOptions, NamedMetric, OutputLoss} from './compile-options.ts';
import {nameMetrics} from './metric-names.ts';

type Table = Readonly<Record<string, unknown>>;

/** A table by output's name; `{kind: 'huber'}` is a member as it stands in a file, unless that is a name. */
function isByOutput(value: unknown, {outputs}: Network): value is Table {
  if (!isPlainObject(value) || Object.keys(value).length === 0) return false;
  return !('kind' in value) || outputs.some(({name}) => name === 'kind');
}

/** For each output what an array or a table says of it. @throws ERR_OPTION or ERR_UNKNOWN_NAME */
function perOutput(what: string, {outputs}: Network, given: readonly unknown[] | Table): unknown[] {
  if (Array.isArray(given)) {
    if (given.length === outputs.length) return [...given];
    return fail(
      'ERR_OPTION',
      `compile: ${what}: expected one for each of ${outputs.length} outputs. Received ${given.length}.`,
    );
  }
  const names = outputs.map(({name}) => name);
  for (const name of Object.keys(given)) if (!names.includes(name)) unknownName('output', name, names);
  return names.map(name => (given as Table)[name]);
}

export function toLosses(
  network: Network,
  options: Pick<CompileOptions, 'loss' | 'lossWeights'>,
): OutputLoss[] {
  const {outputs} = network;
  const [loss, lossWeights] = [fromMap(options.loss), fromMap(options.lossWeights)];
  const several = Array.isArray(loss) || isByOutput(loss, network);
  const given = several
    ? perOutput('loss', network, loss as readonly unknown[] | Table)
    : outputs.map(() => loss);
  if (lossWeights !== undefined && !Array.isArray(lossWeights) && !isByOutput(lossWeights, network)) {
    fail('ERR_OPTION', 'compile: lossWeights: expected numbers in an array or by the names of outputs.');
  }
  const weights = lossWeights ? perOutput('lossWeights', network, lossWeights as Table) : [];
  const losses = outputs.flatMap(({name, shape, tensor}, output): OutputLoss[] => {
    const value = given[output];
    if (several && (value === undefined || value === null)) return [];
    const weight = weights[output] ?? 1;
    checkNumber(`compile: lossWeights: ${name}`, weight, {min: -3e38, max: 3e38});
    const {maskShape} = tensor;
    return [{name, output, shape, loss: toLoss(value as LossLike), weight, maskShape}];
  });
  if (losses.length === 0) fail('ERR_OPTION', 'compile: loss: expected a loss for at least one output.');
  return losses;
}

function ownName(value: MetricLike, index: number, {kind, config}: Metric): string {
  if (typeof value === 'string') return value;
  if (typeof config.name === 'string') return config.name;
  return kind === customKind ? `metric_${index}` : kind;
}

/** A metric is called what the user called it, after its output's name where there are several. */
export function toMetrics(
  network: Network,
  losses: readonly OutputLoss[],
  {metrics = [], weightedMetrics = []}: Pick<CompileOptions, 'metrics' | 'weightedMetrics'>,
): NamedMetric[] {
  const prefixed = network.outputs.length > 1;
  const asked = (what: string, given: NonNullable<CompileOptions['metrics']>) =>
    metricsOfOutputs(what, network, losses, fromMap(given)).map(({of, value, index}) => {
      const metric = toMetric(value);
      const own = ownName(value, index, metric);
      const isOwn = typeof value !== 'string' && typeof metric.config.name === 'string';
      const weighted = what === 'weightedMetrics';
      return {what, of, own, metric, weighted, isOwn, plain: prefixed ? `${of.name}_${own}` : own};
    });
  const all = [...asked('metrics', metrics), ...asked('weightedMetrics', weightedMetrics)];
  const names = nameMetrics(losses, all);
  return all.map(({of, own, metric, weighted}, at) => ({
    name: names[at] as string,
    own,
    metric,
    weighted,
    of,
  }));
}

/** What was given for each output that has a loss. */
function metricsOfOutputs(
  what: string,
  network: Network,
  losses: readonly OutputLoss[],
  given: unknown,
): {of: OutputLoss; value: MetricLike; index: number}[] {
  const flat = Array.isArray(given) && !given.some(Array.isArray);
  if (!Array.isArray(given) && !isByOutput(given, network)) {
    fail('ERR_OPTION', `compile: ${what}: expected an array such as ['accuracy'].`);
  }
  const lists = flat ? network.outputs.map(() => given) : perOutput(what, network, given);
  return lists.flatMap((list, output) => {
    const of = losses.find(loss => loss.output === output);
    const values = (list === undefined ? [] : Array.isArray(list) ? list : [list]) as MetricLike[];
    if (of) return values.map((value, index) => ({of, value, index}));
    if (values.length === 0 || flat) return [];
    const {name} = network.outputs[output] as {name: string};
    return fail('ERR_OPTION', `compile: ${what}: the output ${name} has no loss, hence no data in y.`);
  });
}
