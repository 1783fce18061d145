// The namespace `metrics`: every export is a member. All are exact over an epoch, from integer counts and
// float64 sums over its samples, never from means over batches.
export {
  accuracy,
  binaryAccuracy,
  categoricalAccuracy,
  sparseCategoricalAccuracy,
  sparseTopKCategoricalAccuracy,
  topKCategoricalAccuracy,
} from './metrics/accuracy.ts';
export {
  precisionAtRecall,
  recallAtPrecision,
  sensitivityAtSpecificity,
  specificityAtSensitivity,
} from './metrics/at-threshold.ts';
export {auc} from './metrics/auc.ts';
export {
  f1,
  falseNegatives,
  falsePositives,
  fBeta,
  precision,
  recall,
  specificity,
  trueNegatives,
  truePositives,
} from './metrics/classification.ts';
export {confusionMatrix, iou, matthews, meanIoU} from './metrics/confusion.ts';
export type {Accumulation, CustomMetric, Metric, MetricContext, NameOption} from './metrics/metric.ts';
export {
  binaryCrossentropy,
  categoricalCrossentropy,
  categoricalHinge,
  cosineSimilarity,
  crossentropy,
  hinge,
  huber,
  kullbackLeiblerDivergence,
  logcosh,
  meanAbsoluteError,
  meanAbsolutePercentageError,
  meanSquaredError,
  meanSquaredLogarithmicError,
  poisson,
  r2,
  rootMeanSquaredError,
  sparseCategoricalCrossentropy,
  squaredHinge,
} from './metrics/regression.ts';
export type {EditDistanceOptions, PerplexityOptions} from './metrics/text.ts';
export {editDistance, perplexity} from './metrics/text.ts';
