// The names of composites, for the table of samples.

/**
 * Functions of ops that are no op themselves. A function that is neither this nor sampled does not
 * compile.
 */
export type Composite =
  | 'adaptiveAveragePool'
  | 'adaptiveMaxPool'
  | 'applyUpdate'
  | 'argsort'
  | 'averagePool'
  | 'clip'
  | 'concat'
  | 'constant'
  | 'convTranspose'
  | 'depthwiseConv'
  | 'dropout'
  | 'expandDims'
  | 'gatherNd'
  | 'einsum'
  | 'input'
  | 'maskedSoftmax'
  | 'maxPool'
  | 'mean'
  | 'mirrorPad'
  | 'oneHot'
  | 'ones'
  | 'scan'
  | 'scatterNd'
  | 'split'
  | 'squeeze'
  | 'stack'
  | 'std'
  | 'sumTo'
  | 'tensorScatterAdd'
  | 'tensorScatterUpdate'
  | 'unstack'
  | 'variable'
  | 'variance'
  | 'where'
  | 'zeros';
