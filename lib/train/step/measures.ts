// What a model's outputs are measured by: the loss that is minimized, and what logs hold besides.

import {fail} from '../../core/errors.ts';
import {show} from '../../core/kinds.ts';
import {at, zip} from '../../core/lists.ts';
import {isTensor, type Tensor, withScope} from '../../core/tensor.ts';
import type {Loss} from '../../nn/losses.ts';
import {ignoredClass} from '../../nn/metrics/decision.ts';
import type {Accumulation, Metric, MetricContext} from '../../nn/metrics.ts';
import {finite} from '../../ops/check.ts';
import {add, div, maximum, mul, ones} from '../../ops/map.ts';
import {mean, sum, total} from '../../ops/reduce.ts';
import type {Applied} from '../network/network.ts';
import {byMask, byWeight, positionShape, quotient} from './accumulations.ts';
import type {Compilation} from './compilation.ts';
import {isQuotient, type NamedMetric, type OutputLoss} from './compile-options.ts';
import {normalizerIn, ofPositions, ofSequences, perSampleOf, type Scores} from './masked.ts';

/** Names of a plan's results: a column's sum or numbers, or all that it keeps of each sample. */
export const columnResult = (index: number): string => `column${index}`;
export const statisticResult = (index: number, part: number): string => `column${index}.${part}`;
/** The sum of a loss, and the normalizer that it is divided by. */
export const ratioResults = (index: number) => [`ratio${index}`, `ratio${index}.normalizer`] as const;

/** What logs hold besides the loss, by name. */
export interface Column {
  readonly name: string;
  /** How it follows from what is kept of each sample; a mean by default. */
  readonly accumulation: Accumulation | undefined;
  readonly context: MetricContext;
}

/** What the mean of a metric is divided by, where labels that the loss ignores do not count in it. */
function normalizerOf({leavesOut}: Metric, loss: Loss): Loss['normalizer'] {
  return leavesOut && ignoredClass(loss) !== undefined ? loss.normalizer : undefined;
}

/** Over the positions that a mask leaves, unless the metric takes the mask itself. */
const isOfPositions = ({metric, of}: NamedMetric): boolean => of.maskShape !== undefined && !metric.ofMasked;

function accumulationOf(given: NamedMetric): Accumulation | undefined {
  const {metric, weighted, of} = given;
  const {accumulation} = metric;
  if (!accumulation && (isOfPositions(given) || normalizerOf(metric, of.loss))) return quotient;
  const own = accumulation && isOfPositions(given) ? byMask(accumulation) : accumulation;
  return weighted ? byWeight(own) : own;
}

function contextOf(given: NamedMetric): MetricContext {
  const {shape, maskShape, loss} = given.of;
  return {outputShape: maskShape && isOfPositions(given) ? positionShape(shape, maskShape) : shape, loss};
}

/** In order: each output's loss where there are several, and the metrics. */
export function columnsOf({losses, metrics}: Compilation): Column[] {
  const own = losses.map(output => ({
    name: `${output.name}_loss`,
    accumulation: isQuotient(output) ? quotient : undefined,
    context: {outputShape: output.shape, loss: output.loss},
  }));
  return [
    ...(losses.length > 1 ? own : []),
    ...metrics.map(metric => ({
      name: metric.name,
      accumulation: accumulationOf(metric),
      context: contextOf(metric),
    })),
  ];
}

/** Of the samples of a batch. */
export interface Measures {
  /** What is minimized by its mean, [batch]. */
  readonly losses: Tensor | undefined;
  /** And what by the quotient of two sums: [batch] both. */
  readonly ratios: readonly {readonly losses: Tensor; readonly normalizer: Tensor}[];
  /** [batch], or [batch, …] of each of a column's statistics. */
  readonly columns: readonly (readonly Tensor[])[];
}

/** The loss of one output, and what its metrics are computed from. */
interface ScoredOutput extends Scores {
  readonly loss: Loss;
  /** Of each sample, times the weight of the sample. */
  readonly value: Tensor;
  /** What the sum of the values is divided by, where that is not the number of samples. */
  readonly normalizer: Tensor | undefined;
  /** The value times the weight of the output: its part of what is minimized. */
  readonly part: Tensor;
}

function scoreOutput(
  {loss, weight}: OutputLoss,
  scope: string,
  scores: Scores,
  sampleWeights: Tensor | undefined,
): ScoredOutput {
  return withScope(scope, () => {
    const {ofMasked} = loss;
    const plain = ofMasked ? ofSequences(scores, ofMasked) : perSampleOf(scores, 'the loss', loss);
    const value = sampleWeights ? mul(plain, sampleWeights) : plain;
    const normalizer = ofMasked ? undefined : normalizerIn(scores, loss.normalizer);
    return {...scores, loss, value, normalizer, part: weight === 1 ? value : mul(value, weight)};
  });
}

/** What a metric keeps of each sample: of its positions, and which of them count, where there is a mask. */
function keptOf(name: string, metric: Metric, {loss, mask, ...scores}: ScoredOutput): readonly Tensor[] {
  const {target, output} = scores;
  const checked = (value: unknown, of: Tensor) => checkStatistics(name, value, of);
  if (!mask) return checked(metric(target, output, loss), output);
  if (metric.ofMasked) return checked(metric.ofMasked(target, output, loss, mask), output);
  return ofPositions({...scores, mask}, (wanted, given) => checked(metric(wanted, given, loss), given));
}

/** The statistics of a metric; those of a weighted one end with the weights of the samples. */
function metricColumn(
  {name, metric, weighted}: NamedMetric,
  scored: ScoredOutput,
  sampleWeights: Tensor | undefined,
): readonly Tensor[] {
  return withScope(name, () => {
    const {output, loss} = scored;
    const factors = weighted ? [sampleWeights ?? ones([output.shape[0] as number])] : [];
    if (metric.accumulation) return [...keptOf(name, metric, scored), ...factors];
    const formula = (wanted: Tensor, given: Tensor): unknown => metric(wanted, given, loss);
    const number = perSampleOf(scored, `the metric ${name}`, formula);
    const weigh = (x: Tensor): Tensor => factors.reduce((product, factor) => mul(product, factor), x);
    const normalizer = normalizerIn(scored, normalizerOf(metric, loss));
    return [weigh(number), ...(normalizer ? [weigh(normalizer)] : factors)];
  });
}

/**
 * @param applied what the network gave, and the losses of each sample that layers add.
 * @param targets of the outputs that have a loss.
 */
export function measure(
  {losses, metrics}: Compilation,
  applied: Applied,
  targets: readonly Tensor[],
  sampleWeights: readonly (Tensor | undefined)[],
): Measures {
  const scored = zip(losses, targets).map(([loss, target], index) => {
    const scope = losses.length === 1 ? 'loss' : `loss/${loss.name}`;
    const output = at(applied.outputs, loss.output);
    const mask = loss.maskShape ? applied.masks[loss.output] : undefined;
    return scoreOutput(loss, scope, {output, target, mask}, sampleWeights[index]);
  });
  const columns = metrics.map(metric => {
    const index = losses.indexOf(metric.of);
    return metricColumn(metric, at(scored, index), sampleWeights[index]);
  });
  const ownColumns = scored.map(({value, normalizer}) => (normalizer ? [value, normalizer] : [value]));
  const means = [...scored.flatMap(({part, normalizer}) => (normalizer ? [] : [part])), ...applied.losses];
  return {
    losses: withScope('loss', () =>
      means.length === 0 ? undefined : means.reduce((all, part) => add(all, part)),
    ),
    ratios: scored.flatMap(({part, normalizer}) => (normalizer ? [{losses: part, normalizer}] : [])),
    columns: [...(scored.length > 1 ? ownColumns : []), ...columns],
  };
}

/** What a metric keeps of each sample begins with the batch's axis. */
function checkStatistics(name: string, value: unknown, {shape: [batch]}: Tensor): readonly Tensor[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  return list.map(tensor => {
    if (isTensor(tensor) && tensor.rank > 0 && tensor.shape[0] === batch) return tensor;
    const received = `Received ${show(tensor)}`;
    return fail(
      'ERR_SHAPE',
      `the metric ${name} must keep something of each sample, [${batch},…] here. ${received}.`,
    );
  });
}

/** The scalar that is minimized. */
export function objectiveOf({losses, ratios}: Measures, penalty: Tensor | undefined): Tensor {
  return withScope('loss', () => {
    const parts = [
      ...(losses ? [mean(losses)] : []),
      ...ratios.map(({losses: values, normalizer}) => div(sum(values), maximum(sum(normalizer), 1e-7))),
      ...(penalty ? [penalty] : []),
    ];
    return parts.reduce((all, part) => add(all, part));
  });
}

/** Guards of the loss: of the samples' own where it is no more than their mean, else of the scalar. */
export function lossGuards(
  parts: readonly Measures[],
  objective: Tensor,
  penalty: Tensor | undefined,
): Tensor[] {
  const losses = parts.flatMap(part => (part.ratios.length === 0 && part.losses ? [part.losses] : []));
  const all = penalty === undefined && losses.length === parts.length ? losses : [objective];
  return withScope('loss', () => all.map(finite));
}

/**
 * Results of a plan, of each part of a batch: in training totals of the batch, else the numbers of each
 * sample; what accumulations keep of each sample in any case.
 */
export function resultsOf(
  compilation: Compilation,
  parts: readonly Measures[],
  totals: boolean,
): Record<string, Tensor> {
  const columns = columnsOf(compilation);
  const entries = parts.flatMap((measures, number) => {
    const named = (name: string, tensor: Tensor) =>
      [number === 0 ? name : `${name}/${number}`, tensor] as const;
    const summed = (name: string, tensor: Tensor) => named(name, totals ? total(tensor) : tensor);
    return [
      ...(measures.losses ? [summed('loss', measures.losses)] : []),
      ...measures.ratios.flatMap(({losses, normalizer}, index) => {
        const [value, count] = ratioResults(index);
        return [summed(value, losses), summed(count, normalizer)];
      }),
      ...measures.columns.flatMap((statistics, index) =>
        columns[index]?.accumulation
          ? statistics.map((statistic, part) => named(statisticResult(index, part), statistic))
          : [summed(columnResult(index), at(statistics, 0))],
      ),
    ];
  });
  return Object.fromEntries(entries);
}
