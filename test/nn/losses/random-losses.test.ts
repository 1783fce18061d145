// Random small models of any activations, a loss that fits and penalties: loss and gradients against the
// float64 interpreter, and the same bits on every instruction set.
import fc from 'fast-check';
import {expect, it} from 'vitest';
import type {Tensor} from '../../../lib/core/tensor.ts';
import {gradients} from '../../../lib/graph/autodiff.ts';
import {activations, losses, ops, regularizers} from '../../../lib/index.ts';
import {asTensor, givenOf, type Program} from '../../conformance/build.ts';
import type {Operand} from '../../conformance/data.ts';
import {expectSameResults, isas, runNative} from '../../conformance/native.ts';
import {generator} from '../../conformance/random.ts';
import {evaluate} from '../../reference.ts';
import {deep} from '../../support/child.ts';

// Where a sum lies on an activation's corner float32 may take the other side: the seed is one that has none.
const runs = {numRuns: deep ? 400 : 60, seed: 20240607};

type Activation = keyof typeof activations;

/** What the last layer gives, and losses that take it; `classes` and `hot` say what targets are. */
const ends = [
  {last: 'linear', target: 'reals', of: ['meanSquaredError', 'meanAbsoluteError', 'huber', 'logcosh']},
  {last: 'tanh', target: 'reals', of: ['cosineSimilarity', 'meanSquaredError']},
  {last: 'linear', target: 'signs', of: ['hinge', 'squaredHinge']},
  {last: 'softplus', target: 'counts', of: ['poisson', 'meanSquaredLogarithmicError']},
  {last: 'linear', target: 'far', of: ['meanAbsolutePercentageError']},
  {last: 'sigmoid', target: 'signs01', of: ['binaryCrossentropy', 'binaryFocalCrossentropy']},
  {
    last: 'softmax',
    target: 'hot',
    of: [
      'categoricalCrossentropy',
      'categoricalFocalCrossentropy',
      'kullbackLeiblerDivergence',
      'categoricalHinge',
    ],
  },
  {last: 'softmax', target: 'classes', of: ['sparseCategoricalCrossentropy']},
] as const;

const layer = fc.record({
  units: fc.integer({min: 1, max: 9}),
  activation: fc.constantFrom(...(Object.keys(activations) as Activation[])),
  penalty: fc.constantFrom(undefined, 'l1', 'l2', 'l1l2', 'orthogonalRegularizer'),
});
const recipes = fc.record({
  batch: fc.integer({min: 1, max: 9}),
  features: fc.integer({min: 1, max: 7}),
  hidden: fc.array(layer, {minLength: 1, maxLength: 3}),
  outputs: fc.integer({min: 2, max: 6}),
  end: fc.constantFrom(...ends),
  pick: fc.nat(),
  seed: fc.nat(),
});
type Recipe = typeof recipes extends fc.Arbitrary<infer Value> ? Value : never;

function targetOf(kind: Recipe['end']['target'], shape: number[], next: () => number): Operand {
  const [rows = 0, columns = 0] = shape;
  if (kind === 'classes') {
    const data = Int32Array.from({length: rows}, () => Math.floor(next() * columns));
    return {shape: [rows], dtype: 'int32', data};
  }
  const hot = Array.from({length: rows}, () => Math.floor(next() * columns));
  const values = {
    reals: () => 4 * next() - 2,
    signs: () => (next() < 0.5 ? -1 : 1),
    signs01: () => Number(next() < 0.5),
    counts: () => Math.floor(6 * next()),
    far: () => 1 + 3 * next(),
    hot: (at: number) => Number(hot[Math.floor(at / columns)] === at % columns),
  };
  const data = Float32Array.from({length: rows * columns}, (_, at) => values[kind](at));
  return {shape, dtype: 'float32', data};
}

/** Loss and gradients, with the numbers that the leaves have. */
function build({batch, features, hidden, outputs, end, pick, seed}: Recipe): Program {
  const next = generator(seed);
  const leaves: [Tensor, Operand][] = [];
  const leaf = (shape: number[], scale: number): Tensor => {
    const length = shape.reduce((a, b) => a * b, 1);
    const data = Float32Array.from({length}, () => scale * (2 * next() - 1));
    const made = asTensor({shape, dtype: 'float32', data}, `x${leaves.length}`);
    leaves.push(made);
    return made[0];
  };
  let x = leaf([batch, features], 2);
  const weights: Tensor[] = [];
  const penalties: Tensor[] = [];
  const all = [...hidden, {units: outputs, activation: end.last as Activation, penalty: undefined}];
  for (const {units, activation, penalty} of all) {
    const width = x.shape[1] as number;
    // A gate halves the units.
    const wide = activation === 'glu' ? 2 * units : units;
    const [kernel, bias] = [leaf([width, wide], 0.8), leaf([wide], 0.3)];
    weights.push(kernel, bias);
    if (penalty) penalties.push(regularizers[penalty]()(kernel));
    x = activations[activation]()(ops.add(ops.matmul(x, kernel), bias));
  }
  const name = end.of[pick % end.of.length] as 'huber';
  const [target, operand] = asTensor(targetOf(end.target, [batch, outputs], next), 'target');
  const loss = [...penalties, ops.mean(losses[name]()(target, x))].reduce((sum, part) => ops.add(sum, part));
  const derivatives = gradients(loss, weights).map((derivative, at) => [`d${at}`, derivative] as const);
  const inputs = [...leaves, [target, operand] as [Tensor, Operand]];
  return {outputs: {loss, ...Object.fromEntries(derivatives)}, inputs, updates: [], variables: []};
}

it('of any model, loss and gradients are those of float64', {timeout: 300_000}, () => {
  fc.assert(
    fc.property(recipes, recipe => {
      const program = build(recipe);
      const names = Object.keys(program.outputs);
      const exact = evaluate(Object.values(program.outputs), givenOf(program));
      const results = runNative(program, {isa: isas[0] as string});
      names.forEach((name, index) => {
        const wanted = exact[index] as Float64Array;
        const most = wanted.reduce((size, value) => Math.max(size, Math.abs(value)), 1);
        const bound = (name === 'loss' ? 1e-5 : 1e-4) * most;
        wanted.forEach((value, at) => {
          const error = Math.abs((results[name]?.[at] as number) - value);
          expect(error <= bound, `${name}[${at}] is ${results[name]?.[at]}, exactly ${value}`).toBe(true);
        });
      });
      for (const isa of isas.slice(1)) expectSameResults(runNative(program, {isa}), results, `on ${isa}`);
    }),
    runs,
  );
});
