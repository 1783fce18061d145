// Reductions, running sums and products.
import type {
  ArgMaxAttrs,
  CumsumAttrs,
  MaxAttrs,
  SoftmaxAttrs,
  SumAttrs,
  TopKAttrs,
} from '@tensorflow/tfjs-core';
import type {Tensor} from '../../core/tensor.ts';
import * as ops from '../../ops/index.ts';
import {tf} from '../packages.ts';
import {type Rule, type Rules, rule} from '../rule.ts';

type Axis = number | number[] | undefined;

const axesOf = (axis: Axis, {shape}: Tensor): number[] =>
  tf.util.parseAxisParam(axis as number, shape as number[]);

type Reduction = (x: Tensor, axes: number[], keepDims: boolean) => Tensor;

const over = (body: Reduction): Rule =>
  rule('x', ({x}, {axis, keepDims}: SumAttrs) => body(x, axesOf(axis, x), Boolean(keepDims)));

/** Over no element there is no largest one. */
const extreme = (reduction: Reduction, x: Tensor, axis: Axis, keepDims: boolean) =>
  x.size === 0 ? 'not yet' : ops.cast(reduction(x, axesOf(axis, x), Boolean(keepDims)), x.dtype);

const logical =
  (reduction: Reduction): Reduction =>
  (x, axes, keepDims) =>
    ops.cast(reduction(ops.cast(x, 'bool'), axes, keepDims), x.dtype);

/** NaN is not looked at: it counts as `last`. */
const position = (find: (x: Tensor, axis: number) => Tensor, last: number): Rule =>
  rule('x', ({x}, {axis}: ArgMaxAttrs) => {
    if (x.size === 0) return 'not yet';
    const numbers = x.dtype === 'float32' ? ops.select(ops.isNaN(x), last, x) : x;
    return find(numbers, axesOf(axis, x)[0] as number);
  });

type Running = (x: Tensor, axis: number, exclusive: boolean, reverse: boolean) => Tensor;

const running = (body: Running): Rule =>
  rule('x', ({x}, {axis, exclusive, reverse}: CumsumAttrs) => {
    if (x.rank === 0) return 'refused';
    return body(x, axis, Boolean(exclusive), Boolean(reverse));
  });

export const reduce: Rules = {
  All: over(logical(ops.all)),
  Any: over(logical(ops.any)),
  ArgMax: position(ops.argMax, -Infinity),
  ArgMin: position(ops.argMin, Infinity),
  Cumprod: running(ops.cumprod),
  Cumsum: running(ops.cumsum),
  Max: rule('x', ({x}, {reductionIndices, keepDims}: MaxAttrs) =>
    extreme(ops.max, x, reductionIndices, keepDims),
  ),
  Mean: over((x, axes, keepDims) => ops.mean(x, axes, keepDims)),
  Min: rule('x', ({x}, {axis, keepDims}: SumAttrs) => extreme(ops.min, x, axis, keepDims)),
  Prod: over(ops.prod),
  Softmax: rule('logits', ({logits}, {dim}: SoftmaxAttrs) => {
    const last = logits.rank - 1;
    return dim === -1 || dim === last ? ops.softmax(ops.cast(logits, 'float32')) : 'refused';
  }),
  Sum: over((x, axes, keepDims) => {
    const sum = ops.sum(x, axes, keepDims);
    return x.dtype === 'bool' ? ops.cast(sum, 'int32') : sum;
  }),
  TopK: rule('x', ({x}, {k}: TopKAttrs) => {
    if (k < 1 || x.size === 0) return 'not yet';
    const {values, indices} = ops.topK(x, k);
    return [ops.cast(values, x.dtype), indices];
  }),
};
