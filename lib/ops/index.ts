// Table of contents: every op.
export {constant, input, variable} from '../core/tensor.ts';
export {type AttentionOptions, attention} from './attention.ts';
export type {Axes} from './axes.ts';
export {depthToSpace, extractPatches, type PatchOptions, spaceToDepth} from './blocks.ts';
export {finite, stopIf} from './check.ts';
export {checkpoint} from './checkpoint.ts';
export {cond, dropout} from './composite.ts';
export {
  type ConvOptions,
  type ConvTransposeOptions,
  conv,
  convTranspose,
  type DepthwiseConvOptions,
  depthwiseConv,
} from './conv.ts';
export {cumprod, cumsum, linearRecurrence, prod} from './cumulate.ts';
export {type KeptBoxes, nonMaxSuppression, type SuppressionOptions} from './detection.ts';
export {randomCategorical, randomGamma, randomPermutation} from './draws.ts';
export {einsum} from './einsum.ts';
export type {
  Binary,
  Bitwise1,
  Bitwise2,
  Comparison,
  Logical1,
  Logical2,
  Predicate,
  Unary,
} from './elementwise.ts';
export {type ComplexPair, fft, ifft} from './fourier.ts';
export {gatherLabels, gatherRows, pickClass, scatterClass} from './gather.ts';
export {matmul} from './gemm.ts';
export {barrier, customGradient, stopGradient, type ValueAndGradient} from './gradient.ts';
export {
  gather,
  gatherNd,
  oneHot,
  scatterNd,
  takeAlongAxis,
  tensorScatterAdd,
  tensorScatterUpdate,
  where,
} from './indexing.ts';
export {concat, concatenate, split, stack, unstack} from './join.ts';
export * from './map.ts';
export {maskedSoftmax} from './masked-softmax.ts';
export * from './math.ts';
export {expandDims, reshape, squeeze, transpose} from './move.ts';
export {layerNorm} from './normalize.ts';
export {applyUpdate} from './optimizer.ts';
export {mirrorPad, type PadMode, pad, repeat, reverse, roll, slice, tile} from './pad.ts';
export {
  adaptiveAveragePool,
  adaptiveMaxPool,
  averagePool,
  maxPool,
  type PoolOptions,
} from './pool.ts';
export {randomBernoulli, randomNormal, randomTruncatedNormal, randomUniform} from './random.ts';
export {gruCell, lstmCell} from './recurrent.ts';
export {all, any, argMax, argMin, max, mean, min, sum, sumTo, total} from './reduce.ts';
export {type Interpolation, type ResizeOptions, resize} from './resize.ts';
export {
  type AffineOptions,
  affineTransform,
  type CropAndResizeOptions,
  cropAndResize,
  type FillMode,
  type SamplingOptions,
} from './sample-image.ts';
export {type ScanBody, type ScanOptions, type ScanResult, scan} from './scan.ts';
export {searchSorted, segmentSum} from './segments.ts';
export {logSoftmax, softmax, softmaxCrossentropy, subtractOneHot} from './softmax.ts';
export {argsort, sort, topK} from './sort.ts';
export type {Padding, PerAxis} from './spatial.ts';
export {centeredSums, logSumExp, moments, norm, std, variance} from './statistics.ts';
export {dynamicSlice, dynamicUpdateSlice} from './window.ts';
