// The namespace `losses`: every export is a member. Each computes the loss of each sample, [batch].
export type {CrossentropyOptions} from './losses/crossentropy.ts';
export {
  binaryCrossentropy,
  categoricalCrossentropy,
  kullbackLeiblerDivergence,
  sparseCategoricalCrossentropy,
} from './losses/crossentropy.ts';
export type {CtcOptions} from './losses/ctc.ts';
export {ctc} from './losses/ctc.ts';
export {binaryFocalCrossentropy, categoricalFocalCrossentropy} from './losses/focal.ts';
export type {Loss, TargetKind} from './losses/loss.ts';
export {categoricalHinge, hinge, squaredHinge} from './losses/margin.ts';
export {dice, tversky} from './losses/overlap.ts';
export type {InBatchNegativesOptions, MarginOptions, TripletOptions} from './losses/pairs.ts';
export {contrastive, inBatchNegatives, triplet} from './losses/pairs.ts';
export {
  cosineSimilarity,
  huber,
  logcosh,
  meanAbsoluteError,
  meanAbsolutePercentageError,
  meanSquaredError,
  meanSquaredLogarithmicError,
  poisson,
} from './losses/regression.ts';
