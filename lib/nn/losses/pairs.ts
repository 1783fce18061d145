// Losses of vectors by how near they lie to each other: in pairs, in triplets, or to all others of a batch.
import {checkBoolean, checkChoice, checkNumber, checkOptions} from '../../core/errors.ts';
import {named} from '../../core/named.ts';
import {formatShape} from '../../core/shape.ts';
import {constant, failIn, type Tensor} from '../../core/tensor.ts';
import {matmul} from '../../ops/gemm.ts';
import {
  add,
  equal,
  greater,
  logicalAnd,
  logicalNot,
  maximum,
  mul,
  neg,
  relu,
  select,
  softplus,
  sqrt,
  square,
  sub,
} from '../../ops/map.ts';
import {reshape} from '../../ops/move.ts';
import {slice} from '../../ops/pad.ts';
import {max, min, sum} from '../../ops/reduce.ts';
import {logSoftmax} from '../../ops/softmax.ts';
import {meanPerSample} from '../samples.ts';
import {type Loss, valueLoss} from './loss.ts';

/** Farther than all. */
const far = 1e30;

export interface MarginOptions {
  /** How far apart is far enough. 1 by default. */
  readonly margin?: number;
}

function marginOf(where: string, {margin = 1}: MarginOptions): number {
  checkNumber(`${where}: margin`, margin, {min: 0, max: 3e38});
  return margin;
}

/**
 * y · d² + (1 − y) · max(margin − d, 0)² of distances d, with y 1 for pairs that belong together and 0 for
 * others (Hadsell, Chopra and LeCun 2006); the mean over each sample.
 */
export function contrastive(options: MarginOptions = {}): Loss {
  checkOptions('losses.contrastive', options, ['margin']);
  const margin = marginOf('losses.contrastive', options);
  return valueLoss('contrastive', {...options}, (target, distance) => {
    const near = mul(target, square(distance));
    const far = mul(sub(1, target), square(relu(sub(margin, distance))));
    return meanPerSample(add(near, far));
  });
}

/** Refuses what are no vectors with a label each. */
function checkVectors(kind: string, target: Tensor, output: Tensor): number {
  const [batch] = output.shape;
  if (output.rank === 2 && target.size === batch) return batch as number;
  const received = `Received ${formatShape(target.shape)} and ${formatShape(output.shape)}`;
  return failIn(kind, 'ERR_SHAPE', `expected a vector, [batch, size], and a label of each. ${received}`);
}

/** What a loss of vectors declares: there is no comparing some steps of sequences with others. */
function withoutMask(kind: string, formula: (target: Tensor, output: Tensor) => Tensor) {
  const ofMasked: Loss['ofMasked'] = (target, output, mask) =>
    mask
      ? failIn(
          kind,
          'ERR_SHAPE',
          `compares samples as a whole, not the steps that a mask leaves. Received ${mask}`,
        )
      : formula(target, output);
  return {targets: 'classes' as const, ofMasked};
}

/** bool [batch, batch]: whether two rows have the same label. */
function samePairs(labels: Tensor, batch: number): Tensor {
  return equal(reshape(labels, [batch, 1]), reshape(labels, [1, batch]));
}

/** bool [batch, batch], true on the diagonal. */
function ownPairs(batch: number): Tensor {
  const places = (shape: readonly number[]): Tensor =>
    constant(
      Int32Array.from({length: batch}, (_, at) => at),
      shape,
      'int32',
    );
  return equal(places([batch, 1]), places([1, batch]));
}

/** Distances of all rows, [batch, batch]; no gradient flows where they are the same. */
function distances(x: Tensor): Tensor {
  const batch = x.shape[0] as number;
  const lengths = sum(square(x), -1);
  const products = matmul(x, x, {transposeB: true});
  const squares = sub(add(reshape(lengths, [batch, 1]), reshape(lengths, [1, batch])), mul(products, 2));
  return sqrt(maximum(squares, 1e-12));
}

export interface TripletOptions extends MarginOptions {
  /**
   * Which other class each vector is told from: the nearest vector (`hard`), or the nearest that is farther
   * away than the farthest of its own, where there is one (`semiHard`, the default; Schroff et al. 2015).
   */
  readonly mining?: 'hard' | 'semiHard';
  /** log(1 + exp(x)) in place of max(x + margin, 0). False by default. */
  readonly soft?: boolean;
}

/**
 * max(distance to the farthest vector of the same label − distance to one of another label + margin, 0) for
 * each vector of a batch (Hermans, Beyer and Leibe 2017). The target is one class label for each vector. A
 * vector without a partner, or without others, has the loss 0.
 */
export function triplet(options: TripletOptions = {}): Loss {
  const where = 'losses.triplet';
  checkOptions(where, options, ['margin', 'mining', 'soft']);
  const margin = marginOf(where, options);
  const {mining = 'semiHard', soft = false} = options;
  checkChoice(`${where}: mining`, mining, ['hard', 'semiHard']);
  checkBoolean(`${where}: soft`, soft);
  const formula = (target: Tensor, output: Tensor): Tensor => {
    const batch = checkVectors('triplet', target, output);
    const all = distances(output);
    const same = samePairs(target, batch);
    const partners = logicalAnd(same, logicalNot(ownPairs(batch)));
    const farthest = max(select(partners, all, -1), -1, true);
    const nearest = (of: Tensor): Tensor => min(select(of, all, far), -1, true);
    const others = logicalNot(same);
    const hard = nearest(others);
    const beyond = nearest(logicalAnd(others, greater(all, farthest)));
    const chosen = mining === 'hard' ? hard : select(equal(beyond, far), hard, beyond);
    const counts = logicalAnd(logicalNot(equal(farthest, -1)), logicalNot(equal(hard, far)));
    const apart = sub(farthest, chosen);
    const losses = soft ? softplus(apart) : relu(add(apart, margin));
    return reshape(select(counts, losses, 0), [batch]);
  };
  return Object.assign(named('triplet', {...options}, formula), withoutMask('triplet', formula));
}

export interface InBatchNegativesOptions {
  /** What scores are divided by. 1 by default. */
  readonly temperature?: number;
  /** Whether other rows with the same label are left out: they are no wrong answers. True by default. */
  readonly removeAccidentalHits?: boolean;
}

/**
 * Crossentropy of finding the own partner among those of the whole batch (Yi et al. 2019): the output,
 * [batch, 2 · size], is a vector of a query and one of its answer, as `layers.concatenate` joins them; scores
 * are their products. The target is one label for each row: the number of the answer.
 */
export function inBatchNegatives(options: InBatchNegativesOptions = {}): Loss {
  const kind = 'inBatchNegatives';
  const where = `losses.${kind}`;
  checkOptions(where, options, ['temperature', 'removeAccidentalHits']);
  const {temperature = 1, removeAccidentalHits = true} = options;
  checkNumber(`${where}: temperature`, temperature, {above: 0, max: 3e38});
  checkBoolean(`${where}: removeAccidentalHits`, removeAccidentalHits);
  const formula = (target: Tensor, output: Tensor): Tensor => {
    const batch = checkVectors(kind, target, output);
    const width = output.shape[1] as number;
    if (width % 2 > 0) {
      failIn(kind, 'ERR_SHAPE', `expected two vectors of one size. Received ${width} numbers`);
    }
    const [query, answer] = [0, width / 2].map(from => slice(output, 1, from, width / 2)) as [Tensor, Tensor];
    const scores = mul(matmul(query, answer, {transposeB: true}), 1 / temperature);
    const own = ownPairs(batch);
    const hits = logicalAnd(samePairs(target, batch), logicalNot(own));
    const logs = logSoftmax(removeAccidentalHits ? select(hits, -far, scores) : scores);
    return neg(sum(select(own, logs, 0), -1));
  };
  return Object.assign(named(kind, {...options}, formula), withoutMask(kind, formula));
}
