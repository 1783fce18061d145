// How well text is told: perplexity, and edits between what was written and what should have been.
import type {TypedArray} from '../../core/dtype.ts';
import {checkBoolean, checkNumber} from '../../core/errors.ts';
import {formatShape} from '../../core/shape.ts';
import {constant, failIn, type Tensor} from '../../core/tensor.ts';
import {cast, logicalAnd, mul, notEqual, select} from '../../ops/map.ts';
import {reshape} from '../../ops/move.ts';
import type {Loss} from '../losses.ts';
import * as losses from '../losses.ts';
import {sumPerSample} from '../samples.ts';
import {classLabels, predictedClass} from './accuracy.ts';
import {areLogits, countedLabels} from './decision.ts';
import {type Accumulation, accumulated, checkMetricOptions, type Metric, type NameOption} from './metric.ts';

export interface PerplexityOptions extends NameOption {
  /** Whether outputs are logits; what the loss says by default. */
  readonly fromLogits?: boolean;
  /** Labels that do not count: padding. None by default, but those that the loss ignores. */
  readonly maskTokenId?: number;
}

/** No label. */
const none = -(2 ** 25);

/** exp(Σ losses / Σ labels), each sample by its weight. */
const exponential: Accumulation = {
  size: () => 2,
  add(sums, [values, counts], count, _, weights) {
    for (let sample = 0; sample < count; sample++) {
      const weight = weights ? (weights[sample] as number) : 1;
      sums[0] = (sums[0] as number) + weight * (values?.[sample] as number);
      sums[1] = (sums[1] as number) + weight * (counts?.[sample] as number);
    }
  },
  result: ([sum = 0, count = 0]) => (count === 0 ? 0 : Math.exp(sum / count)),
};

/**
 * exp of the mean crossentropy of labels, over all that count in an epoch (Jelinek et al. 1977): how many
 * classes, equally likely, would be as hard to tell. What a mask hides does not count.
 */
export function perplexity(options: PerplexityOptions = {}): Metric {
  const where = 'metrics.perplexity';
  checkMetricOptions(where, options, ['fromLogits', 'maskTokenId']);
  const {fromLogits, maskTokenId} = options;
  if (fromLogits !== undefined) checkBoolean(`${where}: fromLogits`, fromLogits);
  if (maskTokenId !== undefined) {
    checkNumber(`${where}: maskTokenId`, maskTokenId, {integer: true, min: -(2 ** 24), max: 2 ** 24});
  }
  const statistics = (target: Tensor, output: Tensor, loss: Loss): Tensor[] => {
    const labels = classLabels('perplexity', target, output);
    const [batch, classes] = [labels.shape[0] as number, output.shape.at(-1) as number];
    const notToken = notEqual(labels, maskTokenId ?? none);
    const byLoss = countedLabels(labels, loss);
    const counts = byLoss ? logicalAnd(byLoss, notToken) : notToken;
    const valid = reshape(select(counts, labels, 0), [labels.size]);
    const each = losses.sparseCategoricalCrossentropy({fromLogits: areLogits(loss, fromLogits)});
    const rows = each(valid, reshape(output, [labels.size, classes]));
    const counted = reshape(cast(counts, 'float32'), [batch, labels.size / batch]);
    return [sumPerSample(mul(reshape(rows, counted.shape), counted)), sumPerSample(counted)];
  };
  return accumulated('perplexity', {...options}, statistics, exponential);
}

export interface EditDistanceOptions extends NameOption {
  /** Whether edits are divided by the labels that should have been there. True by default. */
  readonly normalize?: boolean;
  /** A class that does not count on either side: padding, or the blank of `losses.ctc`. 0 by default. */
  readonly ignoreClass?: number;
  /** Whether repeated classes of the output become one first, as `losses.ctc` has it. False by default. */
  readonly mergeRepeated?: boolean;
}

/** How many insertions, deletions and replacements make one list of the other (Levenshtein 1966). */
function editsBetween(a: readonly number[], b: readonly number[]): number {
  let before = Array.from({length: b.length + 1}, (_, at) => at);
  a.forEach((left, row) => {
    const now = [row + 1];
    b.forEach((right, column) => {
      const replaced = (before[column] as number) + (left === right ? 0 : 1);
      now.push(Math.min(replaced, (before[column + 1] as number) + 1, (now[column] as number) + 1));
    });
    before = now;
  });
  return before[b.length] as number;
}

function editsOf({
  normalize,
  ignoreClass,
  mergeRepeated,
}: Required<Omit<EditDistanceOptions, 'name'>>): Accumulation {
  const labelsOf = (all: ArrayLike<number>, merge: boolean): number[] =>
    Array.from(all)
      .filter(label => label !== none)
      .filter((label, at, list) => label !== ignoreClass && !(merge && at > 0 && list[at - 1] === label));
  return {
    size: () => 2,
    add(sums, [targets, outputs], count, _, weights) {
      const rowOf = (all: TypedArray | undefined, sample: number) => {
        const size = (all?.length ?? 0) / count;
        return all?.subarray(sample * size, (sample + 1) * size) ?? [];
      };
      for (let sample = 0; sample < count; sample++) {
        const wanted = labelsOf(rowOf(targets, sample), false);
        const written = labelsOf(rowOf(outputs, sample), mergeRepeated);
        const weight = weights ? (weights[sample] as number) : 1;
        sums[0] = (sums[0] as number) + weight * editsBetween(written, wanted);
        sums[1] = (sums[1] as number) + weight * (normalize ? wanted.length : 1);
      }
    },
    result: ([edits = 0, count = 0]) => (count === 0 ? 0 : edits / count),
  };
}

/**
 * The fewest insertions, deletions and replacements that make the labels of the most likely classes of each
 * step, [batch, steps, classes], what the target says, [batch, steps] or as many as `losses.ctc` has room
 * for; divided by the number of labels, as the error rate of words or letters, or with `normalize: false` by
 * that of samples. Steps that a mask hides are left out, as are their labels.
 */
export function editDistance(options: EditDistanceOptions = {}): Metric {
  const where = 'metrics.editDistance';
  checkMetricOptions(where, options, ['normalize', 'ignoreClass', 'mergeRepeated']);
  const {normalize = true, ignoreClass = 0, mergeRepeated = false} = options;
  checkBoolean(`${where}: normalize`, normalize);
  checkBoolean(`${where}: mergeRepeated`, mergeRepeated);
  checkNumber(`${where}: ignoreClass`, ignoreClass, {integer: true, min: -(2 ** 24), max: 2 ** 24});
  const statistics = (target: Tensor, output: Tensor, loss: Loss): Tensor[] => {
    if (output.rank !== 3) {
      const received = `Received ${formatShape(output.shape)}`;
      failIn('editDistance', 'ERR_SHAPE', `expected an output [batch, steps, classes]. ${received}`);
    }
    const labels = loss.targetShape ? target : classLabels('editDistance', target, output);
    return [labels, predictedClass(output)];
  };
  const ofMasked = (target: Tensor, output: Tensor, loss: Loss, mask: Tensor): Tensor[] => {
    const [labels, written] = statistics(target, output, loss) as [Tensor, Tensor];
    const shown = (x: Tensor): Tensor => select(mask, x, constant(none, [], 'int32'));
    // Labels without places have no steps.
    return [loss.targetShape ? labels : shown(labels), shown(written)];
  };
  const accumulation = editsOf({normalize, ignoreClass, mergeRepeated});
  return Object.assign(accumulated('editDistance', {...options}, statistics, accumulation), {ofMasked});
}
