// Random graphs for properties: small shapes, all kinds of structure (views, broadcasting, several results).
import fc from 'fast-check';
import type {Roots} from '../../lib/compile/roots.ts';
import {type Tensor, variable} from '../../lib/core/tensor.ts';
import * as ops from '../../lib/ops/index.ts';
import {applyUpdate, momentumOp} from '../../lib/ops/optimizer.ts';
import {f32} from './support.ts';

/** Numbers whose products and sums are exact, so that folding them changes nothing in float64 either. */
const numbers = [0, -0, 1, -1, 0.5, 2, 3];

type Make = (a: Tensor, b: Tensor, number: number) => Tensor;

const makers: readonly Make[] = [
  a => ops.neg(a),
  a => ops.relu(a),
  a => ops.tanh(a),
  a => ops.abs(a),
  (a, b) => ops.add(a, b),
  (a, b) => ops.sub(a, b),
  (a, b) => ops.mul(a, b),
  (a, _, number) => ops.mul(a, number),
  (a, _, number) => ops.add(number, a),
  (a, _, number) => ops.sub(a, number),
  (a, _, number) => ops.div(a, number === 0 ? 4 : number),
  (a, b) => ops.select(ops.greater(a, b), a, b),
  (a, b) => ops.cast(ops.lessEqual(a, b), 'float32'),
  a => ops.cast(ops.cast(a, 'int32'), 'float32'),
  (a, b) => ops.matmul(a, b),
  (a, b) => ops.matmul(a, b, {transposeB: true}),
  (a, b) => ops.matmul(ops.transpose(a), b),
  a => ops.transpose(a),
  a => ops.reshape(a, [a.size]),
  a => ops.reshape(a, [1, ...a.shape]),
  a => ops.reshape(a, [2, Math.floor(a.size / 2)]),
  (a, b) => ops.broadcastTo(a, b.shape),
  a => ops.sum(a, 0),
  a => ops.sum(a),
  a => ops.softmax(a),
  a => ops.max(a, -1, true),
];

export interface Recipe {
  readonly calls: readonly {op: number; a: number; b: number; number: number}[];
  readonly outputs: readonly number[];
  readonly updates: readonly number[];
}

export const recipes: fc.Arbitrary<Recipe> = fc.record({
  calls: fc.array(fc.record({op: fc.nat(), a: fc.nat(), b: fc.nat(), number: fc.nat()}), {
    minLength: 1,
    maxLength: 40,
  }),
  outputs: fc.array(fc.nat(), {minLength: 1, maxLength: 3}),
  updates: fc.array(fc.nat(), {maxLength: 3}),
});

/** Later picks are likelier to take what was made last, so that graphs grow deep. */
const pick = <Item>(list: readonly Item[], number: number): Item =>
  list[list.length - 1 - (number % Math.min(list.length, 6))] as Item;

/** The graph of a recipe; what does not fit together is left out. */
export function build({calls, outputs, updates}: Recipe): {roots: Roots; leaves: readonly Tensor[]} {
  const inputs = [f32('a', 8, 8), f32('b', 8), f32('c', 8, 1), f32('d', 4, 4)];
  const variables = ['v', 'w'].map(name => variable({name, shape: [8, 8]}));
  const velocity = variable({name: 'velocity', shape: [8, 8]});
  const all = [...inputs, ...variables.map(({tensor}) => tensor)];
  const leaves = [...all, velocity.tensor];
  for (const {op, a, b, number} of calls) {
    const make = makers[op % makers.length] as Make;
    try {
      all.push(make(pick(all, a), pick(all, b), numbers[number % numbers.length] as number));
    } catch {
      // Shapes that do not fit.
    }
  }
  const square = all.filter(({shape}) => shape.join() === '8,8');
  const [v, w] = variables as [(typeof variables)[0], (typeof variables)[0]];
  const changed: Roots['updates'][number][] = updates
    .slice(0, 1)
    .map(number => [w, pick(square, number)] as const);
  if (updates.length > 1) {
    const hyper = f32('hyper', 1, 2);
    leaves.push(hyper);
    const gradient = pick(square, updates[1] as number);
    const [segment] = applyUpdate(momentumOp, hyper, [[v.tensor, gradient, velocity.tensor]]);
    const [parameter, moment] = segment as [Tensor, Tensor];
    changed.push([v, parameter], [velocity, moment]);
    // A result that is read elsewhere cannot be made in place.
    if (updates.length > 2) all.push(ops.neg(parameter));
  }
  const named = outputs.map((number, index) => [`out${index}`, pick(all, number)] as const);
  return {roots: {outputs: named, updates: changed, guards: []}, leaves};
}
