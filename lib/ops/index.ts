// Table of contents: every op.
export {constant, input, variable} from '../core/tensor.ts';
export {finite, stopIf} from './check.ts';
export {dropout} from './composite.ts';
export {einsum} from './einsum.ts';
export type {Binary, Comparison, Predicate, Unary} from './elementwise.ts';
export {gatherLabels, gatherRows, pickClass, scatterClass} from './gather.ts';
export {matmul} from './gemm.ts';
export {customGradient, stopGradient, type ValueAndGradient} from './gradient.ts';
export * from './map.ts';
export * from './math.ts';
export {concatenate, reshape, slice, transpose} from './move.ts';
export {applyUpdate} from './optimizer.ts';
export {randomBernoulli, randomNormal, randomTruncatedNormal, randomUniform} from './random.ts';
export {argMax, max, mean, sum, sumTo, total} from './reduce.ts';
export {type ScanBody, type ScanOptions, type ScanResult, scan} from './scan.ts';
export {logSoftmax, softmax, softmaxCrossentropy, subtractOneHot} from './softmax.ts';
export {dynamicSlice, dynamicUpdateSlice} from './window.ts';
