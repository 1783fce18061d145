// The namespace `metrics`: every export is a member. Each gives a number per sample, [batch], whose mean over
// an epoch is the metric: sums are added up in float64, so that the metric is exact.
import {checkNumber, checkOptions} from '../core/errors.ts';
import {type Named, named} from '../core/named.ts';
import {formatShape, sameShape} from '../core/shape.ts';
import {failIn, type Tensor} from '../core/tensor.ts';
import {abs, cast, equal, greater, square, sub} from '../ops/map.ts';
import {reshape} from '../ops/move.ts';
import {argMax} from '../ops/reduce.ts';
import {logitsOfSoftmax} from '../ops/softmax.ts';
import type {Loss} from './losses.ts';
import {meanPerSample} from './samples.ts';

/** The metric of each sample: (target, output, the model's loss) → [batch]. */
export type Metric = ((target: Tensor, output: Tensor, loss: Loss) => Tensor) & Named;

type NoOptions = Readonly<Record<string, never>>;

function checkSame(kind: string, target: Tensor, output: Tensor): void {
  if (sameShape(target.shape, output.shape) && target.dtype === 'float32') return;
  failIn(
    kind,
    'ERR_SHAPE',
    `the target must be numbers of the output's shape. Received ${target} and ${output}`,
  );
}

/** The likeliest class; from logits where the output is their softmax, which rounds close ones to a tie. */
const predicted = (output: Tensor): Tensor => argMax(logitsOfSoftmax(output) ?? output);

const hits = (a: Tensor, b: Tensor): Tensor => meanPerSample(cast(equal(a, b), 'float32'));

function binaryHits(target: Tensor, output: Tensor, threshold: number): Tensor {
  checkSame('binaryAccuracy', target, output);
  const positive = cast(greater(output, threshold), 'float32');
  return hits(target, positive);
}

function categoricalHits(target: Tensor, output: Tensor): Tensor {
  checkSame('categoricalAccuracy', target, output);
  return hits(argMax(target), predicted(output));
}

function sparseHits(target: Tensor, output: Tensor): Tensor {
  const shape = output.shape.slice(0, -1);
  if (target.size !== output.size / (output.shape.at(-1) as number)) {
    const received = `Received ${formatShape(target.shape)} and ${formatShape(output.shape)}`;
    failIn(
      'sparseCategoricalAccuracy',
      'ERR_SHAPE',
      `expected one class number per row of the output. ${received}`,
    );
  }
  const labels = cast(reshape(target, shape), 'int32');
  return hits(labels, predicted(output));
}

/**
 * Share of right answers, in the form that fits, as in Keras: sparse where the loss takes class numbers,
 * binary where the output is one number or the loss is binaryCrossentropy, else categorical.
 */
export function accuracy(options?: NoOptions): Metric {
  checkOptions('metrics.accuracy', options, []);
  return named('accuracy', {}, (target: Tensor, output: Tensor, loss: Loss) => {
    if (loss.targets === 'classes') return sparseHits(target, output);
    const binary = output.shape.at(-1) === 1 || loss.kind === 'binaryCrossentropy';
    return binary ? binaryHits(target, output, 0.5) : categoricalHits(target, output);
  });
}

/** Share of outputs on the target's side of `threshold`, 0.5 by default. */
export function binaryAccuracy(options: {threshold?: number} = {}): Metric {
  checkOptions('metrics.binaryAccuracy', options, ['threshold']);
  const {threshold = 0.5} = options;
  checkNumber('metrics.binaryAccuracy: threshold', threshold, {});
  return named('binaryAccuracy', {threshold: options.threshold}, (target: Tensor, output: Tensor) =>
    binaryHits(target, output, threshold),
  );
}

/** Share of samples whose largest output is where the target's largest is. */
export function categoricalAccuracy(options?: NoOptions): Metric {
  checkOptions('metrics.categoricalAccuracy', options, []);
  return named('categoricalAccuracy', {}, categoricalHits);
}

/** Share of samples whose largest output is at the target's class number. */
export function sparseCategoricalAccuracy(options?: NoOptions): Metric {
  checkOptions('metrics.sparseCategoricalAccuracy', options, []);
  return named('sparseCategoricalAccuracy', {}, sparseHits);
}

/** Mean of (output − target)². */
export function meanSquaredError(options?: NoOptions): Metric {
  checkOptions('metrics.meanSquaredError', options, []);
  return named('meanSquaredError', {}, (target: Tensor, output: Tensor) => {
    checkSame('meanSquaredError', target, output);
    return meanPerSample(square(sub(output, target)));
  });
}

/** Mean of |output − target|. */
export function meanAbsoluteError(options?: NoOptions): Metric {
  checkOptions('metrics.meanAbsoluteError', options, []);
  return named('meanAbsoluteError', {}, (target: Tensor, output: Tensor) => {
    checkSame('meanAbsoluteError', target, output);
    return meanPerSample(abs(sub(output, target)));
  });
}
