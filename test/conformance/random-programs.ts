// Random programs of ops with their gradients, by recipe, so that a failing one shrinks.
import fc from 'fast-check';
import {broadcastShapes} from '../../lib/core/shape.ts';
import {input, type Tensor} from '../../lib/core/tensor.ts';
import {gradients} from '../../lib/graph/autodiff.ts';
import * as ops from '../../lib/ops/index.ts';
import type {Program} from './build.ts';
import type {Operand} from './data.ts';
import {generator} from './random.ts';

/** Keeps numbers from growing out of float32 however long the program is. */
const tame = (x: Tensor): Tensor => ops.maximum(ops.minimum(x, 8), -8);
const fits = (a: Tensor, b: Tensor): boolean => broadcastShapes([a.shape, b.shape]) !== undefined;
const isMatrix = (x: Tensor): boolean => x.rank === 2;

type Step = (a: Tensor, b: Tensor, c: Tensor) => Tensor | undefined;
const binary =
  (apply: (a: Tensor, b: Tensor) => Tensor): Step =>
  (a, b) =>
    fits(a, b) ? apply(a, b) : undefined;

/** Each gives a tensor from three of the pool, or nothing where their shapes do not suit. */
const steps: readonly Step[] = [
  a => ops.neg(a),
  a => ops.abs(a),
  a => ops.relu(a),
  a => ops.tanh(a),
  a => ops.sigmoid(a),
  a => ops.softplus(a),
  a => ops.square(tame(a)),
  a => ops.exp(tame(a)),
  a => ops.log(ops.add(ops.abs(a), 0.5)),
  a => ops.sqrt(ops.add(ops.square(tame(a)), 0.25)),
  binary(ops.add),
  binary(ops.sub),
  binary((a, b) => ops.mul(tame(a), tame(b))),
  binary((a, b) => ops.div(a, ops.add(ops.abs(b), 0.5))),
  binary(ops.maximum),
  binary(ops.minimum),
  (a, b, c) => {
    if (!fits(a, b)) return undefined;
    const condition = ops.logicalOr(ops.less(a, b), ops.logicalNot(ops.greaterEqual(a, 0)));
    const shape = broadcastShapes([condition.shape, c.shape]);
    return shape && ops.select(condition, c, 1.5);
  },
  a => ops.mul(ops.cast(ops.cast(a, 'int32'), 'float32'), 0.5),
  (a, b) =>
    isMatrix(a) && isMatrix(b) && a.shape[1] === b.shape[0] ? ops.matmul(tame(a), tame(b)) : undefined,
  (a, b) => {
    const suits = isMatrix(a) && isMatrix(b) && a.shape[0] === b.shape[0];
    return suits ? ops.matmul(tame(a), tame(b), {transposeA: true}) : undefined;
  },
  (a, b, c) => {
    if (!isMatrix(a) || !isMatrix(b) || a.shape[1] !== b.shape[1]) return undefined;
    const product = ops.matmul(tame(a), tame(b), {transposeB: true});
    return fits(product, c) ? ops.relu(ops.add(product, c)) : product;
  },
  a => (isMatrix(a) ? ops.tanh(ops.matmul(tame(a), tame(a), {transposeB: true})) : undefined),
  (a, b) => {
    if (!isMatrix(a) || !fits(a, b)) return undefined;
    const other = ops.add(a, b);
    const suits = isMatrix(other) && other.shape[0] === a.shape[0];
    return suits ? ops.matmul(tame(a), tame(other), {transposeA: true}) : undefined;
  },
  (a, b) => {
    const suits = isMatrix(a) && isMatrix(b) && a.shape.join() === b.shape.join();
    return suits ? ops.softmaxCrossentropy(a, ops.argMax(b)).loss : undefined;
  },
  a => (isMatrix(a) ? ops.pickClass(a, ops.argMax(ops.neg(a))) : undefined),
  a => (a.rank > 0 ? ops.sum(a, 0) : undefined),
  a => (a.rank > 0 ? ops.sum(a, -1, true) : undefined),
  a => (a.rank > 0 ? ops.max(a, -1, true) : undefined),
  a => ops.mean(a),
  a => (a.rank > 0 ? ops.softmax(a) : undefined),
  a => (a.rank > 0 ? ops.logSoftmax(a) : undefined),
  a => ops.transpose(a),
  a => ops.reshape(a, [a.size]),
];

export interface Recipe {
  readonly seed: number;
  readonly rows: number;
  readonly columns: number;
  readonly steps: readonly (readonly number[])[];
}

export const recipes: fc.Arbitrary<Recipe> = fc.record({
  seed: fc.nat(1 << 20),
  rows: fc.integer({min: 1, max: 40}),
  columns: fc.integer({min: 1, max: 40}),
  steps: fc.array(fc.tuple(fc.nat(steps.length - 1), fc.nat(99), fc.nat(99), fc.nat(99)), {
    minLength: 1,
    maxLength: 20,
  }),
});

export function build({seed, rows, columns, steps: chosen}: Recipe): Program {
  const next = generator(seed);
  const shapes = [[rows, columns], [rows, columns], [columns, rows], [columns], [rows, 1], []];
  const inputs = shapes.map((shape, index): [Tensor, Operand] => {
    const tensor = input({name: `x${index}`, shape});
    return [
      tensor,
      {shape, dtype: 'float32', data: Float32Array.from({length: tensor.size}, () => 4 * next() - 2)},
    ];
  });
  const pool = inputs.map(([tensor]) => tensor);
  for (const [which, ...from] of chosen) {
    // The newest values are the likeliest operands, so that programs grow deep.
    const [a, b, c] = from.map(number => pool.at(-1 - (number % Math.min(pool.length, 8))) as Tensor);
    const made = (steps[which as number] as Step)(a as Tensor, b as Tensor, c as Tensor);
    if (made) pool.push(made);
  }
  const results = pool.slice(-3);
  const loss = results.map(result => ops.mean(tame(result))).reduce((a, b) => ops.add(a, b));
  const derivatives = gradients(loss, pool.slice(0, 2));
  const outputs = Object.fromEntries(
    [...results, loss, ...derivatives].map((tensor, index) => [`y${index}`, tensor]),
  );
  return {outputs, updates: [], inputs, variables: []};
}
