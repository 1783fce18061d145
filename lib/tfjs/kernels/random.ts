// Random kernels. tfjs draws all other random numbers itself, in JavaScript.
import type {MultinomialAttrs} from '@tensorflow/tfjs-core';
import type {Tensor} from '../../core/tensor.ts';
import * as ops from '../../ops/index.ts';
import {type Rules, rule, withChanging} from '../rule.ts';

/** Elements of comparisons that may be held at once. */
const mostComparisons = 2 ** 24;

/** The two words of a seed, which tfjs has as a number of any size, often a fraction. */
const seedOf = (seed: number): Int32Array => new Int32Array(new Float64Array([seed]).buffer);

/** For each number drawn, how many of the running sums it has passed: all but the last, which is 1. */
function multinomial(
  logits: Tensor,
  {numSamples, normalized}: MultinomialAttrs,
  seed: Tensor,
): Tensor | 'not yet' {
  const [rows, events] = logits.shape as [number, number];
  if (rows * events * numSamples > mostComparisons || events < 1) return 'not yet';
  const real = ops.cast(logits, 'float32');
  const probabilities = normalized ? real : ops.softmax(real);
  const source = {
    seed,
    step: ops.constant(new Int32Array(1), [1], 'int32'),
    stream: 0,
  };
  const drawn = ops.randomUniform(source, [rows, numSamples, 1]);
  const sums = ops.slice(ops.cumsum(probabilities, 1), 1, 0, events - 1);
  const passed = ops.greaterEqual(drawn, ops.reshape(sums, [rows, 1, events - 1]));
  return ops.sum(passed, 2);
}

export const random: Rules = {
  Multinomial: withChanging(
    rule('logits', ({logits}, attributes: MultinomialAttrs) =>
      multinomial(logits, attributes, ops.constant(seedOf(attributes.seed), [2], 'int32')),
    ),
    {
      dtype: 'int32',
      numbers: ({seed}: MultinomialAttrs) => [...seedOf(seed)],
      rest: attributes => ({...attributes, seed: 0}),
      apply: ([logits], attributes, words) =>
        multinomial(logits as Tensor, attributes, ops.stack(words, 0)) as Tensor,
    },
  ),
};
