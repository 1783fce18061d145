// Fractions of right answers, under Keras's names.
import {checkBoolean, checkNumber} from '../../core/errors.ts';
import {formatShape} from '../../core/shape.ts';
import {failIn, type Tensor} from '../../core/tensor.ts';
import {pickClass} from '../../ops/gather.ts';
import {cast, equal, greater, less, logicalAnd, select} from '../../ops/map.ts';
import {reshape} from '../../ops/move.ts';
import {argMax, sum} from '../../ops/reduce.ts';
import {logitsOfSoftmax} from '../../ops/softmax.ts';
import {checkValues, type Loss} from '../losses/loss.ts';
import {meanPerSample} from '../samples.ts';
import {countedLabels, type DecisionOptions, decided, isBinary, isPositive} from './decision.ts';
import {checkMetricOptions, type Metric, meanMetric, type NameOption} from './metric.ts';

/** The logits of a softmax, which can round close ones to a tie; else the output. */
const scoresOf = (output: Tensor): Tensor => logitsOfSoftmax(output) ?? output;

/** The most likely class. */
export const predictedClass = (output: Tensor): Tensor => argMax(scoresOf(output));

/** The targets as class labels in the output's shape without its last axis, int32. */
export function classLabels(kind: string, target: Tensor, output: Tensor): Tensor {
  if (target.size !== output.size / (output.shape.at(-1) as number)) {
    const received = `Received ${formatShape(target.shape)} and ${formatShape(output.shape)}`;
    failIn(kind, 'ERR_SHAPE', `expected one class label per row of the output. ${received}`);
  }
  return cast(reshape(target, output.shape.slice(0, -1)), 'int32');
}

/** The fraction of each sample for which a mask holds. */
const fractionOf = (mask: Tensor): Tensor => meanPerSample(cast(mask, 'float32'));

const asFloat = (mask: Tensor): Tensor => cast(mask, 'float32');

function binaryHits(target: Tensor, output: Tensor, loss: Loss, options: DecisionOptions): Tensor {
  checkValues('binaryAccuracy', target, output);
  return fractionOf(equal(asFloat(isPositive(target)), asFloat(decided(output, loss, options))));
}

function categoricalHits(target: Tensor, output: Tensor): Tensor {
  checkValues('categoricalAccuracy', target, output);
  return fractionOf(equal(argMax(target), predictedClass(output)));
}

function sparseHits(target: Tensor, output: Tensor, loss: Loss): Tensor {
  const labels = classLabels('sparseCategoricalAccuracy', target, output);
  const right = equal(labels, predictedClass(output));
  const counted = countedLabels(labels, loss);
  return fractionOf(counted ? logicalAnd(right, counted) : right);
}

/**
 * Whether fewer than `k` outputs are larger than that of the label, where it counts: a fraction of each
 * sample.
 */
function amongLargest(given: Tensor, output: Tensor, k: number, counted?: Tensor): Tensor {
  const labels = counted ? cast(select(counted, cast(given, 'float32'), 0), 'int32') : given;
  const rows = reshape(scoresOf(output), [labels.size, output.shape.at(-1) as number]);
  const own = reshape(pickClass(rows, reshape(labels, [labels.size])), [labels.size, 1]);
  const larger = sum(cast(greater(rows, own), 'float32'), -1);
  const among = reshape(less(larger, k), output.shape.slice(0, -1));
  return fractionOf(counted ? logicalAnd(among, counted) : among);
}

/**
 * Fraction of right answers, in the form that fits, as in Keras: sparse if the loss takes class labels,
 * binary if the output is one number or the loss is a binary crossentropy, else categorical. Logits, and
 * labels that the loss ignores, are treated as such.
 */
export function accuracy(options: NameOption = {}): Metric {
  checkMetricOptions('metrics.accuracy', options, []);
  const hits = (target: Tensor, output: Tensor, loss: Loss): Tensor => {
    if (loss.targets === 'classes') return sparseHits(target, output, loss);
    const binary = output.shape.at(-1) === 1 || isBinary(loss);
    return binary ? binaryHits(target, output, loss, {}) : categoricalHits(target, output);
  };
  return meanMetric('accuracy', {...options}, hits, true);
}

/** Fraction of outputs on the target's side: a target is a yes above 0.5, an output above `threshold`. */
export function binaryAccuracy(options: DecisionOptions & NameOption = {}): Metric {
  const where = 'metrics.binaryAccuracy';
  checkMetricOptions(where, options, ['threshold', 'fromLogits']);
  checkDecision(where, options);
  return meanMetric('binaryAccuracy', {...options}, (target, output, loss) =>
    binaryHits(target, output, loss, options),
  );
}

/** @throws ERR_OPTION */
export function checkDecision(where: string, {threshold, fromLogits}: DecisionOptions): void {
  if (threshold !== undefined) checkNumber(`${where}: threshold`, threshold, {});
  if (fromLogits !== undefined) checkBoolean(`${where}: fromLogits`, fromLogits);
}

/** Fraction of samples whose largest output is at the position of the largest target. */
export function categoricalAccuracy(options: NameOption = {}): Metric {
  checkMetricOptions('metrics.categoricalAccuracy', options, []);
  return meanMetric('categoricalAccuracy', {...options}, categoricalHits);
}

/** Fraction of samples whose largest output is that of the target's class. */
export function sparseCategoricalAccuracy(options: NameOption = {}): Metric {
  checkMetricOptions('metrics.sparseCategoricalAccuracy', options, []);
  return meanMetric('sparseCategoricalAccuracy', {...options}, sparseHits, true);
}

export interface TopKOptions extends NameOption {
  /** 5 by default. */
  readonly k?: number;
}

function checkK(where: string, options: TopKOptions): number {
  checkMetricOptions(where, options, ['k']);
  const {k = 5} = options;
  checkNumber(`${where}: k`, k, {integer: true, min: 1, max: 2 ** 24});
  return k;
}

/**
 * Fraction of samples for which the output at the position of the largest target is among the `k` largest, 5
 * by default.
 */
export function topKCategoricalAccuracy(options: TopKOptions = {}): Metric {
  const k = checkK('metrics.topKCategoricalAccuracy', options);
  return meanMetric('topKCategoricalAccuracy', {...options}, (target, output) => {
    checkValues('topKCategoricalAccuracy', target, output);
    return amongLargest(argMax(target), output, k);
  });
}

/** Fraction of samples for which the output of the target's class is among the `k` largest, 5 by default. */
export function sparseTopKCategoricalAccuracy(options: TopKOptions = {}): Metric {
  const kind = 'sparseTopKCategoricalAccuracy';
  const k = checkK(`metrics.${kind}`, options);
  const hits = (target: Tensor, output: Tensor, loss: Loss): Tensor => {
    const labels = classLabels(kind, target, output);
    return amongLargest(labels, output, k, countedLabels(labels, loss));
  };
  return meanMetric(kind, {...options}, hits, true);
}
