// Samples of every op, and how near float32 must come. The mapped type over the names of the ops makes
// forgetting one an error of compilation; what a sample gets for free stands in conformance/suite.ts.

import type {Tensor} from '../lib/core/tensor.ts';
import type * as attention from '../lib/ops/attention.ts';
import type * as check from '../lib/ops/check.ts';
import type * as conv from '../lib/ops/conv.ts';
import type * as gemm from '../lib/ops/gemm.ts';
import type * as ops from '../lib/ops/index.ts';
import type * as indexing from '../lib/ops/indexing.ts';
import type * as move from '../lib/ops/move.ts';
import type * as normalize from '../lib/ops/normalize.ts';
import type * as optimizer from '../lib/ops/optimizer.ts';
import type * as pad from '../lib/ops/pad.ts';
import type * as pool from '../lib/ops/pool.ts';
import type * as program from '../lib/ops/program.ts';
import type * as recurrent from '../lib/ops/recurrent.ts';
import type * as reduce from '../lib/ops/reduce.ts';
import type * as resample from '../lib/ops/resample.ts';
import type * as window from '../lib/ops/window.ts';
import * as bounds from './conformance/bounds.ts';
import type {Composite} from './conformance/composites.ts';
import {bools, exactly, integers, type OpSamples, reals, spread} from './conformance/data.ts';
import {
  activationSamples,
  apart,
  aroundSix,
  beyondOne,
  binary,
  casts,
  choices,
  chosen,
  comparison,
  few,
  inside,
  lengths,
  ofWholes,
  positive,
  special,
  spreadBetween,
  unary,
  wide,
  withWholes,
} from './conformance/elementwise.ts';
import {mapSamples} from './conformance/fused.ts';
import {convolutions, pools, resamplings} from './conformance/images.ts';
import {indexingSamples} from './conformance/indexing.ts';
import * as along from './conformance/lines.ts';
import * as moving from './conformance/moving.ts';
import {productSamples} from './conformance/products.ts';
import {restart} from './conformance/random.ts';
import {sequenceSamples} from './conformance/sequences.ts';
import {
  bytes,
  gathers,
  iterated,
  joins,
  labels,
  lines,
  moves,
  ofLines,
  parts,
  randoms,
  reduction,
  rowwise,
  scaledLabels,
  windows,
  withoutEmptyLines,
  withStored,
  withTies,
  withWholeLines,
} from './conformance/shaped.ts';
import {suppressions} from './conformance/suppression.ts';
import {updateSamples} from './conformance/updates.ts';

type Functions = Exclude<keyof typeof ops, Composite>;
type Values<Module> = {[Key in keyof Module]: Key extends `${infer Name}Op` ? Name : never}[keyof Module];
export type OpName =
  | Functions
  | Values<typeof attention>
  | Values<typeof check>
  | Values<typeof conv>
  | Values<typeof gemm>
  | Values<typeof indexing>
  | Values<typeof normalize>
  | Values<typeof move>
  | Values<typeof optimizer>
  | Values<typeof pad>
  | Values<typeof pool>
  | Values<typeof program>
  | Values<typeof recurrent>
  | Values<typeof reduce>
  | Values<typeof resample>
  | Values<typeof window>;

const {correctlyRounded, ulps} = bounds;

/** For functions of the integer below a quotient: far from where that becomes another. */
const betweenJumps = () => [{operands: [reals([3, 4], 3.1, 3.4), reals([4], 2.1, 2.9)]}];

// The same whenever it is made, and the numbers are at their start behind it.
restart();
export const samples: {readonly [Name in OpName]: OpSamples} = {
  ...mapSamples(),
  ...updateSamples(),
  neg: withWholes(unary(reals, correctlyRounded, reals), 1),
  abs: withWholes(unary(reals, correctlyRounded, spread), 1),
  sign: withWholes(unary(reals, correctlyRounded, spread), 1),
  square: withWholes(unary(reals, correctlyRounded, reals), 1),
  sqrt: unary(positive, correctlyRounded, positive),
  // Bounds as simd/math.h states them.
  exp: unary(wide, ulps(1.1), reals),
  expm1: unary(wide, ulps(1.5), reals),
  erf: unary(reals, ulps(1.5), reals),
  log: unary(positive, ulps(1), positive),
  softplus: unary(wide, ulps(2), reals),
  sigmoid: unary(wide, ulps(2.5), reals),
  tanh: unary(reals, ulps(2.5), reals),
  relu: unary(reals, correctlyRounded, spread),
  relu6: unary(aroundSix, correctlyRounded, aroundSix),
  ...activationSamples(),
  add: withWholes(binary(reals, correctlyRounded, reals), 2),
  sub: withWholes(binary(reals, correctlyRounded, reals), 2),
  mul: withWholes(binary(reals, correctlyRounded, reals), 2),
  div: withWholes(binary(apart, correctlyRounded, apart), 2),
  maximum: withWholes(binary(reals, correctlyRounded, spread, spreadBetween), 2),
  minimum: withWholes(binary(reals, correctlyRounded, spread, spreadBetween), 2),
  greater: withWholes(comparison(), 2),
  greaterEqual: withWholes(comparison(), 2),
  less: withWholes(comparison(), 2),
  lessEqual: withWholes(comparison(), 2),
  equal: withWholes(comparison(), 2),
  notEqual: withWholes(comparison(), 2),
  logicalAnd: binary(bools, correctlyRounded, null),
  logicalOr: binary(bools, correctlyRounded, null),
  logicalNot: unary(bools, correctlyRounded, null),
  ...choices,
  cast: casts,
  broadcastTo: {
    bound: correctlyRounded,
    values: [
      {operands: [reals([])], attributes: {shape: [513]}},
      {operands: [reals([5, 1])], attributes: {shape: [3, 5, 17]}},
      {operands: [reals([1, 3])], attributes: {shape: [0, 3]}},
      {operands: [reals([701])], attributes: {shape: [300, 701]}, large: true},
    ],
    smooth: [{operands: [reals([2, 1])], attributes: {shape: [3, 2, 4]}}],
  },
  sum: withWholeLines(reduction(bounds.sums, reals, reals)),
  max: withWholeLines(withTies(reduction(correctlyRounded, reals, spread))),
  argMax: withoutEmptyLines(withWholeLines(withTies(reduction(correctlyRounded, reals, null)))),
  total: withWholeLines({
    bound: bounds.totals,
    values: [...lines, [[300_001], 0] as const].map(([shape]) => ({
      operands: [reals(shape)],
      large: shape[0] === 300_001,
    })),
  }),
  softmax: rowwise(bounds.softmaxes),
  logSoftmax: rowwise(bounds.logSoftmaxes),
  softmaxCrossentropy: labels(bounds.crossentropies),
  subtractOneHot: scaledLabels(ulps(1.5)),
  gatherRows: withStored(
    gathers(
      [reals, bytes, few],
      [
        {scale: 1, offset: 0},
        {scale: 1 / 255, offset: -0.5},
      ],
    ),
    {scale: 1, offset: 0},
  ),
  gatherLabels: withStored(gathers([bytes, few, shape => exactly([...few(shape).data], shape)], [{}]), {}),
  pickClass: labels(correctlyRounded),
  scatterClass: {
    bound: correctlyRounded,
    values: [
      [0, 3],
      [1, 1],
      [5, 10],
      [33, 513],
      [6000, 20],
    ].map(([rows = 0, classes = 0]) => ({
      operands: [reals([rows]), integers([rows], 0, classes - 1)],
      attributes: {classes},
      large: rows > 1000,
    })),
    smooth: [{operands: [reals([4]), integers([4], 0, 2)], attributes: {classes: 3}}],
  },
  finite: {
    bound: correctlyRounded,
    values: [...lengths, 12_289, 300_001].map(n => ({operands: [reals([n])], large: n > 300_000})),
  },
  stopIf: {
    bound: correctlyRounded,
    // The run must not end: where the condition holds is tested with `fit` and beside the kernel.
    values: [[], [1], [1, 1]].map(shape => ({operands: [{...bools(shape), data: new Uint8Array(1)}]})),
  },
  stopGradient: {bound: correctlyRounded, values: [{operands: [reals([7, 3])]}, {operands: [bools([5])]}]},
  customGradient: {
    bound: correctlyRounded,
    values: [{operands: [reals([40]), reals([40])], attributes: {gradient: (dy: Tensor) => dy}}],
  },
  finiteEach: {
    bound: correctlyRounded,
    values: [
      {operands: lengths.map(n => reals([n])), attributes: {scopes: []}},
      {operands: [reals([3]), reals([]), reals([0])], attributes: {scopes: []}},
      {operands: [reals([300_001]), reals([2])], attributes: {scopes: []}, large: true},
    ],
  },
  randomUniform: iterated(randoms(bounds.uniforms, {low: 0, high: 1}, {low: -0.3, high: 0.7})),
  randomNormal: iterated(randoms(bounds.quantiles, {mean: 0, deviation: 1}, {mean: -2, deviation: 0.1})),
  randomTruncatedNormal: iterated(
    randoms(bounds.quantiles, {mean: 0, deviation: 1}, {mean: 1, deviation: 0.02}),
  ),
  randomBernoulli: iterated(
    randoms(correctlyRounded, {probability: 0}, {probability: 0.3}, {probability: 1}),
  ),
  reshape: {
    bound: correctlyRounded,
    values: [
      {operands: [reals([6, 4])], attributes: {shape: [3, 8]}},
      {operands: [integers([6, 4], -5, 5)], attributes: {shape: [24]}},
      {operands: [bools([0, 4])], attributes: {shape: [2, 0]}},
    ],
    smooth: [{operands: [reals([6, 2])], attributes: {shape: [3, 4]}}],
  },
  transpose: {
    bound: correctlyRounded,
    values: [
      ...moves(
        [[7], [0]],
        [
          [3, 5],
          [1, 0],
        ],
        [
          [17, 33],
          [1, 0],
        ],
        [
          [0, 4],
          [1, 0],
        ],
        [
          [4, 5, 6],
          [2, 0, 1],
        ],
      ),
      ...moves(
        [
          [4, 5, 6],
          [0, 2, 1],
        ],
        [
          [2, 3, 4, 5],
          [3, 1, 2, 0],
        ],
        [
          [2, 1, 3, 2, 2, 3],
          [5, 3, 1, 0, 2, 4],
        ],
      ),
      ...moves([
        [500, 301],
        [1, 0],
      ]).map(sample => ({...sample, large: true})),
    ],
    smooth: moves(
      [
        [2, 3, 4],
        [1, 2, 0],
      ],
      [
        [3, 4],
        [1, 0],
      ],
    ),
  },
  slice: {
    bound: correctlyRounded,
    values: [
      ...parts([[7], 0, 2, 3], [[9, 5], 1, 0, 4], [[9, 5], 0, 8, 1], [[3, 4, 5, 2], 2, 1, 3]),
      ...parts([[6, 4], 0, 2, 0], [[0, 4], 1, 1, 2], [[3, 5], 1, 5, 0], [[2, 1, 3, 2, 2, 3], 2, 1, 1]),
      ...parts([[300, 700], 1, 17, 600]).map(sample => ({...sample, large: true})),
    ],
    smooth: parts([[4, 3], 1, 1, 2], [[4, 3], 0, 0, 2], [[5, 2, 2], 0, 3, 2], [[2, 4], 1, 1, 2]),
  },
  concatenate: {
    bound: correctlyRounded,
    values: [
      ...joins(
        [0, [3], [4], [0], [1]],
        [1, [5, 2], [5, 17]],
        [0, [2, 3], [1, 3]],
        [1, [2, 3, 4], [2, 1, 4], [2, 2, 4]],
      ),
      ...joins([1, [0, 2], [0, 3]], [2, [2, 1, 3, 2, 2, 3], [2, 1, 1, 2, 2, 3]], [0, [4, 4]]),
      ...joins([1, [300, 400], [300, 301]]).map(sample => ({...sample, large: true})),
    ],
    smooth: joins([1, [3, 2], [3, 1], [3, 2]], [0, [2, 2], [1, 2]]),
  },
  copy: {
    bound: correctlyRounded,
    values: [
      ...lengths.map(n => ({operands: [reals([n])]})),
      ...[few, bools, bytes].flatMap(make => [0, 17, 4099].map(n => ({operands: [make([n])]}))),
      {operands: [exactly(special)]},
      {operands: [reals([200_001])], large: true},
    ],
  },
  // Elementary functions.
  log1p: unary(positive, ulps(2), positive),
  log2: unary(positive, ulps(1.5), positive),
  rsqrt: unary(positive, ulps(1.5), positive),
  reciprocal: unary(apart, correctlyRounded, apart),
  floor: unary(wide, correctlyRounded, spread),
  ceil: unary(wide, correctlyRounded, spread),
  round: unary(wide, correctlyRounded, spread),
  sin: unary(wide, ulps(1.6), reals),
  cos: unary(wide, ulps(1.6), reals),
  tan: unary(wide, ulps(0.51), inside),
  asin: unary(inside, ulps(2), inside),
  acos: unary(inside, ulps(1.5), inside),
  atan: unary(wide, ulps(1.6), reals),
  atan2: binary(reals, ulps(2), apart),
  sinh: unary(wide, ulps(2.5), reals),
  cosh: unary(wide, ulps(2.5), reals),
  asinh: unary(wide, ulps(2.5), reals),
  acosh: unary(beyondOne, ulps(2.5), beyondOne),
  atanh: unary(inside, ulps(2.5), inside),
  pow: withWholes(binary(positive, ulps(1), apart), 2),
  floorDiv: withWholes({...binary(reals, correctlyRounded, null), smooth: betweenJumps()}, 2),
  mod: withWholes({...binary(reals, correctlyRounded, null), smooth: betweenJumps()}, 2),
  isNaN: unary(reals, correctlyRounded, spread),
  isFinite: unary(reals, correctlyRounded, spread),
  ...productSamples(),
  logicalXor: binary(bools, correctlyRounded, null),
  bitwiseAnd: ofWholes(2),
  bitwiseOr: ofWholes(2),
  bitwiseXor: ofWholes(2),
  bitwiseNot: ofWholes(1),
  leftShift: ofWholes(2),
  rightShift: ofWholes(2),
  count: {bound: correctlyRounded, values: ofLines(chosen)},
  // Other positions than their own.
  pad: moving.paddings(),
  padGradient: moving.unpaddings(),
  roll: moving.rolls(),
  tile: moving.tiles(),
  repeat: moving.repeats(),
  reverse: moving.reversals(),
  ...indexingSamples(),
  // Lines along an axis.
  min: along.smallest(),
  argMin: along.smallestAt(),
  any: along.logical(),
  all: along.logical(),
  prod: along.products(),
  moments: along.statistics(bounds.moments),
  norm: along.statistics(bounds.norms),
  logSumExp: along.logSums(),
  cumsum: along.chains(bounds.runningSums, reals),
  cumprod: along.productChains(),
  linearRecurrence: along.recurrences(),
  sort: along.orders(),
  topK: along.tops(),
  // Loops.
  dynamicSlice: windows('read'),
  dynamicUpdateSlice: windows('write'),
  iterations: {
    bound: correctlyRounded,
    values: [
      ...[0, 1, 40].map(count => ({operands: [], attributes: {count}})),
      ...[3, 2 ** 30].map(outer => ({operands: [integers([], outer, outer)], attributes: {count: 7}})),
      {operands: [], attributes: {count: 100_000}, large: true},
    ],
  },
  // Images.
  conv: convolutions('conv'),
  convInput: convolutions('convInput'),
  convKernel: convolutions('convKernel'),
  windowLargest: pools('largest'),
  windowLargestGradient: pools('largestGradient'),
  windowMean: pools('mean'),
  windowMeanGradient: pools('meanGradient'),
  resample: resamplings(),
  // Normalization.
  centeredSums: along.centered(),
  layerNorm: along.layerNorms(false),
  layerNormGradient: along.layerNorms(true),
  nonMaxSuppression: suppressions(),
  ...sequenceSamples(),
};
restart();
