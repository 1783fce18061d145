// Losses and metrics over the positions of an output that its mask leaves: each position is then a sample of
// its own, and what a sample gives is the sum over those that count.
import {fail} from '../../core/errors.ts';
import {show} from '../../core/kinds.ts';
import {formatShape, type Shape, sizeOf} from '../../core/shape.ts';
import {isTensor, type Tensor} from '../../core/tensor.ts';
import type {Loss} from '../../nn/losses.ts';
import {cast, select, sigmoid} from '../../ops/map.ts';
import {reshape} from '../../ops/move.ts';
import {sum} from '../../ops/reduce.ts';
import {logitsOfSigmoid, logitsOfSoftmax, softmax} from '../../ops/softmax.ts';

/** What a loss or a metric compares, and which positions of it count: bool, of its first axes. */
export interface Scores {
  readonly output: Tensor;
  readonly target: Tensor;
  readonly mask: Tensor | undefined;
}

type Formula = (target: Tensor, output: Tensor) => unknown;

/** A function of the user's own may have forgotten the mean over a sample. */
function checkPerSample(what: string, value: unknown, {shape: [batch]}: Tensor): Tensor {
  if (isTensor(value) && value.dtype === 'float32' && formatShape(value.shape) === `[${batch}]`) {
    return value;
  }
  return fail(
    'ERR_SHAPE',
    `${what} must be one number for each sample, float32[${batch}] here. Received ${show(value)}.`,
  );
}

/**
 * The positions of the first `rank` axes one after another, each with what it holds, of at least one axis.
 */
function positionsOf(x: Tensor, rank: number): Tensor {
  const rest = x.shape.slice(rank);
  return reshape(x, [sizeOf(x.shape.slice(0, rank)), ...(rest.length > 0 ? rest : [1])]);
}

/** The same of an output, whose logits stay in sight of losses. */
function outputPositions(output: Tensor, rank: number): Tensor {
  const logits = output.rank > rank ? logitsOfSoftmax(output) : undefined;
  if (logits) return softmax(positionsOf(logits, rank));
  const inner = logitsOfSigmoid(output);
  return inner ? sigmoid(positionsOf(inner, rank)) : positionsOf(output, rank);
}

/** Labels have no axis of their own behind the positions. */
function targetPositions({target, output}: Scores, rank: number): Tensor {
  if (target.rank === output.rank) return positionsOf(target, rank);
  return reshape(target, [sizeOf(target.shape.slice(0, rank)), ...target.shape.slice(rank)]);
}

/** Sums of what counts, [batch]. */
function sumOfCounted(values: Tensor, mask: Tensor): Tensor {
  const batch = mask.shape[0] as number;
  const counted = select(reshape(mask, [mask.size]), values, 0);
  return mask.size === batch ? counted : sum(reshape(counted, [batch, mask.size / batch]), 1);
}

/**
 * What a loss or a metric gives for each sample, [batch]: the sum over what counts, where there is a mask.
 */
export function perSampleOf(scores: Scores, what: string, formula: Formula): Tensor {
  const {output, target, mask} = scores;
  if (!mask) return checkPerSample(what, formula(target, output), output);
  const positions = outputPositions(output, mask.rank);
  const values = formula(targetPositions(scores, mask.rank), positions);
  return sumOfCounted(checkPerSample(what, values, positions), mask);
}

/**
 * What a metric keeps of each position of each sample, [batch, positions, …], and behind it which of them
 * count, float32 [batch, positions].
 */
export function ofPositions(
  scores: Scores & {readonly mask: Tensor},
  keptOf: (target: Tensor, output: Tensor) => readonly Tensor[],
): readonly Tensor[] {
  const {output, mask} = scores;
  const batch = mask.shape[0] as number;
  const ofSamples = (x: Tensor, rest: Shape): Tensor => reshape(x, [batch, mask.size / batch, ...rest]);
  const kept = keptOf(targetPositions(scores, mask.rank), outputPositions(output, mask.rank));
  return [...kept.map(each => ofSamples(each, each.shape.slice(1))), ofSamples(cast(mask, 'float32'), [])];
}

/** What a loss gives for each sample, [batch], that takes the mask itself. */
export function ofSequences({output, target, mask}: Scores, formula: NonNullable<Loss['ofMasked']>): Tensor {
  return checkPerSample('the loss', formula(target, output, mask), output);
}

/** What sums are divided by: of each sample, [batch], how many positions count; none where all always do. */
export function normalizerIn(
  scores: Scores,
  normalizer: ((target: Tensor) => Tensor) | undefined,
): Tensor | undefined {
  const {target, mask} = scores;
  if (!mask) return normalizer?.(target);
  const batch = mask.shape[0] as number;
  if (normalizer) return sumOfCounted(normalizer(targetPositions(scores, mask.rank)), mask);
  const counts = reshape(cast(mask, 'float32'), [batch, mask.size / batch]);
  return mask.size === batch ? reshape(counts, [batch]) : sum(counts, 1);
}
