// Losses of probabilities, or of logits. Formulas and defaults are Keras's. If the output is a softmax or
// sigmoid, the loss is computed from its logits, which loses nothing to rounding.
import {checkBoolean, checkNumber, checkOptions} from '../../core/errors.ts';
import {named} from '../../core/named.ts';
import {formatShape, sameShape} from '../../core/shape.ts';
import {failIn, type Tensor} from '../../core/tensor.ts';
import {pickClass} from '../../ops/gather.ts';
import {
  add,
  cast,
  div,
  log,
  maximum,
  minimum,
  mul,
  neg,
  notEqual,
  select,
  softplus,
  sub,
} from '../../ops/map.ts';
import {reshape} from '../../ops/move.ts';
import {mean, sum} from '../../ops/reduce.ts';
import {logitsOfSigmoid, logitsOfSoftmax, logSoftmax, softmaxCrossentropy} from '../../ops/softmax.ts';
import {meanPerSample} from '../samples.ts';
import {clip, epsilon, type Loss, type NoOptions, valueLoss} from './loss.ts';

export interface CrossentropyOptions {
  /** Whether the outputs are logits, without softmax or sigmoid. False by default. */
  readonly fromLogits?: boolean;
  /**
   * The fraction of the target that is spread evenly over all classes; 0 by default (Szegedy et al. 2016).
   */
  readonly labelSmoothing?: number;
}

export interface SparseCrossentropyOptions extends CrossentropyOptions {
  /** Targets with this label do not count, not in the mean either; it need not be a class. */
  readonly ignoreClass?: number;
}

export function checkCrossentropy(where: string, {fromLogits, labelSmoothing}: CrossentropyOptions): void {
  if (fromLogits !== undefined) checkBoolean(`${where}: fromLogits`, fromLogits);
  if (labelSmoothing !== undefined) checkNumber(`${where}: labelSmoothing`, labelSmoothing, {min: 0, max: 1});
}

/** The target, with the fraction `share` of it spread over `classes`. */
export function smoothed(target: Tensor, share: number | undefined, classes: number): Tensor {
  return share ? add(mul(target, 1 - share), share / classes) : target;
}

/** −t·log(p) − (1 − t)·log(1 − p), from the logits of p if there are any. */
export function binaryLosses(target: Tensor, output: Tensor, logits: Tensor | undefined): Tensor {
  if (logits) return add(mul(target, softplus(neg(logits))), mul(sub(1, target), softplus(logits)));
  const p = clip(output);
  return neg(add(mul(target, log(p)), mul(sub(1, target), log(sub(1, p)))));
}

/**
 * −t·log(p) − (1−t)·log(1−p), averaged over each sample. From logits x, or where p = sigmoid(x):
 * t·softplus(−x) + (1−t)·softplus(x), exact for large x of either sign.
 */
export function binaryCrossentropy(options: CrossentropyOptions = {}): Loss {
  checkOptions('losses.binaryCrossentropy', options, ['fromLogits', 'labelSmoothing']);
  checkCrossentropy('losses.binaryCrossentropy', options);
  return valueLoss('binaryCrossentropy', {...options}, (target, output) => {
    const logits = options.fromLogits ? output : logitsOfSigmoid(output);
    return meanPerSample(binaryLosses(smoothed(target, options.labelSmoothing, 2), output, logits));
  });
}

/** log p along the last axis. Probabilities that have no logits are scaled to sum to 1 and clipped first. */
export function logProbabilities(output: Tensor, fromLogits: boolean | undefined): Tensor {
  const logits = fromLogits ? output : logitsOfSoftmax(output);
  return logits ? logSoftmax(logits) : log(clip(div(output, sum(output, -1, true))));
}

/** −Σ t·log(p) over the last axis, averaged over each sample; t is one-hot or any distribution. */
export function categoricalCrossentropy(options: CrossentropyOptions = {}): Loss {
  checkOptions('losses.categoricalCrossentropy', options, ['fromLogits', 'labelSmoothing']);
  checkCrossentropy('losses.categoricalCrossentropy', options);
  return valueLoss('categoricalCrossentropy', {...options}, (target, output) => {
    const wanted = smoothed(target, options.labelSmoothing, output.shape.at(-1) as number);
    return meanPerSample(neg(sum(mul(wanted, logProbabilities(output, options.fromLogits)), -1)));
  });
}

/** −log(p[label]) of each row, with label smoothing. */
function sparseLosses(output: Tensor, labels: Tensor, options: SparseCrossentropyOptions): Tensor {
  const {fromLogits, labelSmoothing = 0} = options;
  const rows = (x: Tensor): Tensor => reshape(x, [labels.size, output.shape.at(-1) as number]);
  const given = fromLogits ? output : logitsOfSoftmax(output);
  // Smoothing adds labelSmoothing · (x[label] − mean(x)) to the loss for logits x; log p are logits, too.
  const x = given ? rows(given) : logProbabilities(rows(output), false);
  if (given && labelSmoothing === 0) return softmaxCrossentropy(x, labels).loss;
  const picked = pickClass(x, labels);
  const loss = given ? softmaxCrossentropy(x, labels).loss : neg(picked);
  return labelSmoothing === 0 ? loss : add(loss, mul(sub(picked, mean(x, -1)), labelSmoothing));
}

/**
 * −log(p[label]), averaged over each sample. The target holds class labels, and has one axis less than the
 * output. No one-hot array is built.
 */
export function sparseCategoricalCrossentropy(options: SparseCrossentropyOptions = {}): Loss {
  const kind = 'sparseCategoricalCrossentropy';
  const where = `losses.${kind}`;
  checkOptions(where, options, ['fromLogits', 'labelSmoothing', 'ignoreClass']);
  checkCrossentropy(where, options);
  const {ignoreClass} = options;
  if (ignoreClass !== undefined) {
    checkNumber(`${where}: ignoreClass`, ignoreClass, {integer: true, min: -(2 ** 24), max: 2 ** 24});
  }
  const isCounted = (target: Tensor): Tensor => notEqual(cast(target, 'float32'), ignoreClass as number);
  const formula = (target: Tensor, output: Tensor): Tensor => {
    if (!sameShape(target.shape, output.shape.slice(0, -1))) {
      const received = `Received ${formatShape(target.shape)} and ${formatShape(output.shape)}`;
      failIn(kind, 'ERR_SHAPE', `expected class labels without the output's last axis. ${received}`);
    }
    const labels = reshape(target, [target.size]);
    if (ignoreClass === undefined) {
      return meanPerSample(reshape(sparseLosses(output, labels, options), target.shape));
    }
    const mask = isCounted(labels);
    const valid = cast(select(mask, cast(labels, 'float32'), 0), 'int32');
    const losses = select(mask, sparseLosses(output, valid, options), 0);
    return meanPerSample(reshape(losses, target.shape));
  };
  return Object.assign(named(kind, {...options}, formula), {
    targets: 'classes' as const,
    normalizer:
      ignoreClass === undefined
        ? undefined
        : (target: Tensor): Tensor => meanPerSample(cast(isCounted(target), 'float32')),
  });
}

/**
 * Σ t·log(t / p) over the last axis, averaged over each sample; both are clipped to 1e-7…1 (Kullback and
 * Leibler 1951).
 */
export function kullbackLeiblerDivergence(options?: NoOptions): Loss {
  const kind = 'kullbackLeiblerDivergence';
  checkOptions(`losses.${kind}`, options, []);
  const within = (p: Tensor): Tensor => minimum(maximum(p, epsilon), 1);
  return valueLoss(kind, {}, (target, output) => {
    const t = within(target);
    const logs = sub(log(t), log(within(output)));
    return meanPerSample(sum(mul(t, logs), -1));
  });
}
