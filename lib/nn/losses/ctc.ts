// Sequences of labels without places: the sum over all ways in which steps can spell them.
import {checkNumber, checkOptions} from '../../core/errors.ts';
import {named} from '../../core/named.ts';
import {formatShape, type Shape} from '../../core/shape.ts';
import {constant, failIn, type Tensor} from '../../core/tensor.ts';
import {takeAlongAxis} from '../../ops/indexing.ts';
import {concatenate, stack} from '../../ops/join.ts';
import {
  add,
  broadcastTo,
  cast,
  equal,
  exp,
  less,
  log,
  logicalAnd,
  logicalOr,
  maximum,
  neg,
  notEqual,
  select,
  sub,
  zeros,
} from '../../ops/map.ts';
import {reshape, transpose} from '../../ops/move.ts';
import {slice} from '../../ops/pad.ts';
import {sum} from '../../ops/reduce.ts';
import {scan} from '../../ops/scan.ts';
import {logitsOfSoftmax, logSoftmax} from '../../ops/softmax.ts';
import type {Loss} from './loss.ts';

export interface CtcOptions {
  /** How many labels each target has room for; as many as there are steps by default. */
  readonly maxLabels?: number;
}

/** The logarithm of nothing. */
const never = -1e30;

const logSum = (a: Tensor, b: Tensor): Tensor => {
  const most = maximum(a, b);
  return add(most, log(add(exp(sub(a, most)), exp(sub(b, most)))));
};

/** Moved to higher places along the last axis, with nothing where it comes from. */
function later(x: Tensor, by: number): Tensor {
  const [batch, places] = x.shape as [number, number];
  return concatenate([broadcastTo(never, [batch, by]), slice(x, [0, 0], [batch, places - by])], 1);
}

/** Labels between blanks: [batch, 2 · labels + 1]. */
function between(labels: Tensor): Tensor {
  const [batch, count] = labels.shape as [number, number];
  const blanks = broadcastTo(constant(0, [], 'int32'), [batch, count]);
  const pairs = reshape(stack([blanks, labels], 2), [batch, 2 * count]);
  return concatenate([pairs, slice(blanks, [0, 0], [batch, 1])], 1);
}

/** Counted [batch, steps] as a condition for each step, [steps, batch, 1]. */
function stepConditions(mask: Tensor): Tensor {
  const [batch, steps] = mask.shape as [number, number];
  return reshape(transpose(mask, [1, 0]), [steps, batch, 1]);
}

/**
 * −log of the probability that the steps that count spell the labels, [batch], from log p [batch, steps,
 * classes].
 */
function spelled(logs: Tensor, labels: Tensor, mask: Tensor | undefined): Tensor {
  const [batch, steps] = logs.shape as [number, number];
  const symbols = between(labels);
  const places = symbols.shape[1] as number;
  const lengths = sum(cast(notEqual(labels, 0), 'int32'), -1);
  const place = constant(
    Int32Array.from({length: places}, (_, at) => at),
    [1, places],
    'int32',
  );
  // A blank between two labels may be left out where they differ.
  const before = concatenate(
    [broadcastTo(constant(0, [], 'int32'), [batch, 2]), slice(symbols, [0, 0], [batch, places - 2])],
    1,
  );
  const maySkip = logicalAnd(notEqual(symbols, 0), notEqual(symbols, before));
  const each = broadcastTo(reshape(symbols, [batch, 1, places]), [batch, steps, places]);
  const logOf = transpose(takeAlongAxis(logs, each), [1, 0, 2]);
  const sizes = [batch, places];
  const placesBelow = (end: number): Tensor => less(place, constant(end, [], 'int32'));
  const begin = select(placesBelow(2), reshape(slice(logOf, 0, 0, 1), sizes), never);
  const counts = mask && stepConditions(mask);
  // Before the first step that counts, all are at the blank in front.
  const first = counts
    ? select(reshape(slice(counts, 0, 0, 1), [batch, 1]), begin, select(placesBelow(1), zeros(sizes), never))
    : begin;
  const behindFirst = (all: Tensor): Tensor => slice(all, 0, 1, steps - 1);
  const {
    carries: [last],
  } = scan(
    ([alpha], [own, counted]) => {
      const stays = logSum(alpha, later(alpha, 1));
      const all = logSum(stays, select(maySkip, later(alpha, 2), never));
      const next = maximum(add(all, own as Tensor), never);
      return {carries: [counted ? select(counted, next, alpha) : next]};
    },
    {carries: [first], sequences: (counts ? [logOf, counts] : [logOf]).map(behindFirst)},
  );
  const end = reshape(add(lengths, lengths), [batch, 1]);
  const isEnd = logicalOr(equal(place, end), equal(place, sub(end, 1)));
  const ends = select(isEnd, last, never);
  // The logarithm of a sum over places, two of which may be there.
  const most = reshape(takeAlongAxis(ends, end), [batch]);
  const other = sum(select(equal(place, sub(end, 1)), last, 0), -1);
  const isEmpty = equal(lengths, 0);
  return neg(logSum(most, select(isEmpty, never, other)));
}

/**
 * Connectionist temporal classification (Graves et al. 2006): −log of the probability that the steps of the
 * output, [batch, steps, classes], spell the target, when repeated classes become one and blanks vanish. The
 * target holds class labels, `maxLabels` or as many as there are steps: first those of the sequence, then
 * zeros. Class 0 is the blank. The output are logits, or the softmax of some; steps that its mask hides spell
 * nothing. A target that is too long for the steps has a loss of 1e30.
 */
export function ctc(options: CtcOptions = {}): Loss {
  checkOptions('losses.ctc', options, ['maxLabels']);
  const {maxLabels} = options;
  if (maxLabels !== undefined) {
    checkNumber('losses.ctc: maxLabels', maxLabels, {integer: true, min: 1, max: 2 ** 24});
  }
  const formula = (target: Tensor, output: Tensor, mask?: Tensor): Tensor => {
    const isRight = output.rank === 3 && target.rank === 2 && target.shape[0] === output.shape[0];
    if (!isRight) {
      const received = `Received ${formatShape(target.shape)} and ${formatShape(output.shape)}`;
      failIn('ctc', 'ERR_SHAPE', `expected labels [batch, labels] and [batch, steps, classes]. ${received}`);
    }
    return spelled(logSoftmax(logitsOfSoftmax(output) ?? output), target, mask);
  };
  const ofAll = (target: Tensor, output: Tensor): Tensor => formula(target, output);
  return Object.assign(named('ctc', {...options}, ofAll), {
    targets: 'classes' as const,
    targetShape: (output: Shape): Shape => (maxLabels === undefined ? output.slice(0, -1) : [maxLabels]),
    ofMasked: formula,
  });
}
