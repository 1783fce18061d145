// Table of contents: every op.
export {constant, input, variable} from '../core/tensor.ts';
export {finite} from './check.ts';
export {dropout} from './composite.ts';
export {gatherLabels, gatherRows, pickClass, scatterClass} from './gather.ts';
export {matmul} from './gemm.ts';
export {
  abs,
  add,
  broadcastTo,
  cast,
  div,
  equal,
  exp,
  greater,
  greaterEqual,
  less,
  lessEqual,
  log,
  logicalAnd,
  logicalNot,
  logicalOr,
  maximum,
  minimum,
  mul,
  neg,
  notEqual,
  ones,
  relu,
  select,
  sigmoid,
  sign,
  softplus,
  sqrt,
  square,
  sub,
  tanh,
  zeros,
} from './map.ts';
export {reshape, transpose} from './move.ts';
export {applyUpdate} from './optimizer.ts';
export {randomBernoulli, randomNormal, randomTruncatedNormal, randomUniform} from './random.ts';
export {argMax, max, mean, sum, sumTo, total} from './reduce.ts';
export {logSoftmax, softmax, softmaxCrossentropy, subtractOneHot} from './softmax.ts';
