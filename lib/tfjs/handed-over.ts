// What tfjs's own cpu kernels do, and why: the one table of docs/tfjs.md, and the counts of this process.
import type {Reason} from './rule.ts';

const list = <Why extends string>(names: string, why: Why): [string, Why][] =>
  names
    .trim()
    .split(/\s+/)
    .map(name => [name, why]);

/** Kernels that have no native rule at all. */
export const withoutRule: ReadonlyMap<string, Reason> = new Map([
  ...list('StaticRegexReplace StringNGrams StringSplit StringToHashBucketFast', 'strings'),
  ...list('RaggedGather RaggedRange RaggedTensorToTensor', 'ragged'),
  ...list(
    'SparseFillEmptyRows SparseReshape SparseSegmentMean SparseSegmentSum Unique',
    'shape depends on data',
  ),
  ...list('Draw', 'not yet'),
]);

/** Native kernels that have none for some operands, and for which. */
export const withoutRuleFor: ReadonlyMap<string, string> = new Map([
  ...list(
    `ArgMax ArgMin Bincount BroadcastArgs Concat CropAndResize DenseBincount Diag FFT GatherNd IFFT Max Min
     Range ResizeBilinear ResizeNearestNeighbor RotateWithOffset ScatterNd StridedSlice TopK Transform`,
    'no elements',
  ),
  ...list('UnsortedSegmentSum', 'no segments, ids of several axes'),
  ...list(
    `Conv2DBackpropFilter Conv2DBackpropInput Conv3D Conv3DBackpropFilterV2 Conv3DBackpropInputV2
     DepthwiseConv2dNativeBackpropFilter DepthwiseConv2dNativeBackpropInput LRN LRNGrad
     ResizeBilinearGrad ResizeNearestNeighborGrad`,
    'int32',
  ),
  ...list(
    `Conv2D DepthwiseConv2dNative Dilation2D Dilation2DBackpropFilter Dilation2DBackpropInput FusedConv2D
     FusedDepthwiseConv2D NonMaxSuppressionV3 NonMaxSuppressionV4 NonMaxSuppressionV5`,
    'int32, no elements',
  ),
  ...list(
    `AvgPool AvgPool3D AvgPool3DGrad AvgPoolGrad MaxPool MaxPool3D MaxPool3DGrad MaxPoolGrad
     MaxPoolWithArgmax`,
    'int32, windows beside the image',
  ),
]);

/** A kernel that tfjs's cpu backend did, and how often for which reason. */
export interface HandedOver {
  readonly kernel: string;
  readonly reason: Reason;
  readonly calls: number;
}

const counts = new Map<string, {kernel: string; reason: Reason; calls: number}>();

export function countHandedOver(kernel: string, reason: Reason): void {
  const key = `${kernel} ${reason}`;
  const known = counts.get(key);
  if (known) known.calls++;
  else counts.set(key, {kernel, reason, calls: 1});
}

/**
 * Which kernels of this process were done by tfjs's own cpu kernels since it began or since
 * `resetHandedOver`, why, and how often: those have the speed of tfjs's cpu backend.
 */
export function handedOver(): HandedOver[] {
  return [...counts.values()].map(row => ({...row}));
}

/** Begins to count anew. */
export function resetHandedOver(): void {
  counts.clear();
}
