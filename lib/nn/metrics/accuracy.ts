// Fractions of right answers, under Keras's names.
import {checkNumber, checkOptions} from '../../core/errors.ts';
import {formatShape} from '../../core/shape.ts';
import {failIn, type Tensor} from '../../core/tensor.ts';
import {pickClass} from '../../ops/gather.ts';
import {cast, equal, greater, less} from '../../ops/map.ts';
import {reshape} from '../../ops/move.ts';
import {argMax, sum} from '../../ops/reduce.ts';
import {logitsOfSoftmax} from '../../ops/softmax.ts';
import {checkValues, type NoOptions} from '../losses/loss.ts';
import {meanPerSample} from '../samples.ts';
import {type Metric, meanMetric} from './metric.ts';

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

function binaryHits(target: Tensor, output: Tensor, threshold: number): Tensor {
  checkValues('binaryAccuracy', target, output);
  return fractionOf(equal(target, cast(greater(output, threshold), 'float32')));
}

function categoricalHits(target: Tensor, output: Tensor): Tensor {
  checkValues('categoricalAccuracy', target, output);
  return fractionOf(equal(argMax(target), predictedClass(output)));
}

function sparseHits(target: Tensor, output: Tensor): Tensor {
  return fractionOf(equal(classLabels('sparseCategoricalAccuracy', target, output), predictedClass(output)));
}

/** Whether fewer than `k` outputs are larger than that of the label, as a fraction of each sample. */
function amongLargest(labels: Tensor, output: Tensor, k: number): Tensor {
  const rows = reshape(scoresOf(output), [labels.size, output.shape.at(-1) as number]);
  const own = reshape(pickClass(rows, reshape(labels, [labels.size])), [labels.size, 1]);
  const larger = sum(cast(greater(rows, own), 'float32'), -1);
  return fractionOf(reshape(less(larger, k), output.shape.slice(0, -1)));
}

/**
 * Fraction of right answers, in the form that fits, as in Keras: sparse if the loss takes class labels,
 * binary if the output is one number or the loss is binaryCrossentropy, else categorical.
 */
export function accuracy(options?: NoOptions): Metric {
  checkOptions('metrics.accuracy', options, []);
  return meanMetric('accuracy', {}, (target, output, loss) => {
    if (loss.targets === 'classes') return sparseHits(target, output);
    const binary = output.shape.at(-1) === 1 || loss.kind === 'binaryCrossentropy';
    return binary ? binaryHits(target, output, 0.5) : categoricalHits(target, output);
  });
}

/** Fraction of outputs on the target's side of `threshold`, 0.5 by default. */
export function binaryAccuracy(options: {threshold?: number} = {}): Metric {
  checkOptions('metrics.binaryAccuracy', options, ['threshold']);
  const {threshold = 0.5} = options;
  checkNumber('metrics.binaryAccuracy: threshold', threshold, {});
  return meanMetric('binaryAccuracy', {threshold: options.threshold}, (target, output) =>
    binaryHits(target, output, threshold),
  );
}

/** Fraction of samples whose largest output is at the position of the largest target. */
export function categoricalAccuracy(options?: NoOptions): Metric {
  checkOptions('metrics.categoricalAccuracy', options, []);
  return meanMetric('categoricalAccuracy', {}, categoricalHits);
}

/** Fraction of samples whose largest output is that of the target's class. */
export function sparseCategoricalAccuracy(options?: NoOptions): Metric {
  checkOptions('metrics.sparseCategoricalAccuracy', options, []);
  return meanMetric('sparseCategoricalAccuracy', {}, sparseHits);
}

function checkK(where: string, options: {k?: number}): number {
  checkOptions(where, options, ['k']);
  const {k = 5} = options;
  checkNumber(`${where}: k`, k, {integer: true, min: 1, max: 2 ** 24});
  return k;
}

/**
 * Fraction of samples for which the output at the position of the largest target is among the `k` largest, 5
 * by default.
 */
export function topKCategoricalAccuracy(options: {k?: number} = {}): Metric {
  const k = checkK('metrics.topKCategoricalAccuracy', options);
  return meanMetric('topKCategoricalAccuracy', {k: options.k}, (target, output) => {
    checkValues('topKCategoricalAccuracy', target, output);
    return amongLargest(argMax(target), output, k);
  });
}

/** Fraction of samples for which the output of the target's class is among the `k` largest, 5 by default. */
export function sparseTopKCategoricalAccuracy(options: {k?: number} = {}): Metric {
  const k = checkK('metrics.sparseTopKCategoricalAccuracy', options);
  return meanMetric('sparseTopKCategoricalAccuracy', {k: options.k}, (target, output) =>
    amongLargest(classLabels('sparseTopKCategoricalAccuracy', target, output), output, k),
  );
}
