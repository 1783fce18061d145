// The namespace `losses`: every export is a member. Each gives the loss of each sample, [batch].
import {checkOptions, fail} from '../core/errors.ts';
import {type Named, named} from '../core/named.ts';
import {formatShape, sameShape} from '../core/shape.ts';
import {failIn, type Tensor} from '../core/tensor.ts';
import {pickClass} from '../ops/gather.ts';
import {add, div, log, maximum, minimum, mul, neg, softplus, square, sub} from '../ops/map.ts';
import {reshape} from '../ops/move.ts';
import {sum} from '../ops/reduce.ts';
import {logitsOfSigmoid, logitsOfSoftmax, logSoftmax, softmaxCrossentropy} from '../ops/softmax.ts';
import {meanPerSample} from './samples.ts';

/** What a loss compares the output with: numbers of the output's shape, or class numbers. */
export type TargetKind = 'values' | 'classes';

/** The loss of each sample: (target, output) → [batch]. */
export type Loss = ((target: Tensor, output: Tensor) => Tensor) & Named & {readonly targets: TargetKind};

export interface CrossentropyOptions {
  /** The model gives logits: sums before any softmax or sigmoid. False by default. */
  readonly fromLogits?: boolean;
}

/** Keras's epsilon, away from which probabilities are kept before a logarithm. */
const epsilon = 1e-7;

function define(
  kind: string,
  targets: TargetKind,
  options: CrossentropyOptions | undefined,
  known: readonly string[],
  formula: (target: Tensor, output: Tensor) => Tensor,
): Loss {
  checkOptions(`losses.${kind}`, options, known);
  const fromLogits = options?.fromLogits;
  if (fromLogits !== undefined && typeof fromLogits !== 'boolean') {
    fail('ERR_OPTION', `losses.${kind}: fromLogits: expected true or false. Received ${String(fromLogits)}.`);
  }
  return Object.assign(named(kind, {fromLogits}, formula), {targets});
}

function checkSame(kind: string, target: Tensor, output: Tensor): void {
  if (sameShape(target.shape, output.shape)) return;
  const received = `Received ${formatShape(target.shape)} and ${formatShape(output.shape)}`;
  failIn(kind, 'ERR_SHAPE', `the target must have the output's shape. ${received}`);
}

const clip = (p: Tensor): Tensor => minimum(maximum(p, epsilon), 1 - epsilon);

/** Mean of (output − target)² over each sample. */
export function meanSquaredError(options?: Readonly<Record<string, never>>): Loss {
  return define('meanSquaredError', 'values', options, [], (target, output) => {
    checkSame('meanSquaredError', target, output);
    return meanPerSample(square(sub(output, target)));
  });
}

/**
 * −t·log(p) − (1−t)·log(1−p), averaged over each sample. From logits x, or where p = sigmoid(x):
 * t·softplus(−x) + (1−t)·softplus(x), exact for large x of either sign.
 */
export function binaryCrossentropy(options: CrossentropyOptions = {}): Loss {
  return define('binaryCrossentropy', 'values', options, ['fromLogits'], (target, output) => {
    checkSame('binaryCrossentropy', target, output);
    const logits = options.fromLogits ? output : logitsOfSigmoid(output);
    if (logits) {
      return meanPerSample(add(mul(target, softplus(neg(logits))), mul(sub(1, target), softplus(logits))));
    }
    const p = clip(output);
    return meanPerSample(neg(add(mul(target, log(p)), mul(sub(1, target), log(sub(1, p))))));
  });
}

/** Probabilities that sum to 1 and stay away from 0 and 1, as Keras makes them. */
const normalized = (p: Tensor): Tensor => clip(div(p, sum(p, -1, true)));

/** −Σ t·log(p) over the last axis, averaged over each sample; t is one-hot or any distribution. */
export function categoricalCrossentropy(options: CrossentropyOptions = {}): Loss {
  return define('categoricalCrossentropy', 'values', options, ['fromLogits'], (target, output) => {
    checkSame('categoricalCrossentropy', target, output);
    const logits = options.fromLogits ? output : logitsOfSoftmax(output);
    const logs = logits ? logSoftmax(logits) : log(normalized(output));
    return meanPerSample(neg(sum(mul(target, logs), -1)));
  });
}

/**
 * −log(p[class]), averaged over each sample; the target holds class numbers and one axis less than the
 * output.
 */
export function sparseCategoricalCrossentropy(options: CrossentropyOptions = {}): Loss {
  const kind = 'sparseCategoricalCrossentropy';
  return define(kind, 'classes', options, ['fromLogits'], (target, output) => {
    if (!sameShape(target.shape, output.shape.slice(0, -1))) {
      const received = `Received ${formatShape(target.shape)} and ${formatShape(output.shape)}`;
      failIn(kind, 'ERR_SHAPE', `expected class numbers without the output's last axis. ${received}`);
    }
    const classes = output.shape.at(-1) as number;
    const labels = reshape(target, [target.size]);
    const rows = (x: Tensor): Tensor => reshape(x, [target.size, classes]);
    const logits = options.fromLogits ? output : logitsOfSoftmax(output);
    const loss = logits
      ? softmaxCrossentropy(rows(logits), labels).loss
      : neg(log(pickClass(normalized(rows(output)), labels)));
    return meanPerSample(reshape(loss, target.shape));
  });
}
