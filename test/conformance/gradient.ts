// A gradient graph in float64 against central differences.
import {expect} from 'vitest';
import type {Tensor} from '../../lib/core/tensor.ts';
import {evaluate, type Given, type Values} from '../reference.ts';
import {generator} from './random.ts';

/** Relative to the largest entry: PyTorch asks for 1e-3, JAX for 1e-5. */
const gate = 1e-7;

/**
 * Derivative of the sum of `f` along `direction` by central differences, Richardson-extrapolated to order
 * 4.
 */
function derivative(f: (at: Values) => number, x: Values, direction: Values): number {
  const difference = (h: number): number => {
    const moved = (sign: number): Values => x.map((value, i) => value + sign * h * (direction[i] as number));
    return (f(moved(1)) - f(moved(-1))) / (2 * h);
  };
  const h = 2e-4;
  return (4 * difference(h / 2) - difference(h)) / 3;
}

/** Checks the gradient of a scalar for one of its leaves, element by element (or along random directions). */
export function expectGradient(
  loss: Tensor,
  target: Tensor,
  gradient: Tensor,
  given: Given,
  what: string,
): void {
  expect(gradient.shape, what).toEqual(target.shape);
  const x = Float64Array.from(given.get(target) as ArrayLike<number>);
  const [analytic] = evaluate([gradient], given) as [Values];
  const f = (at: Values): number => evaluate([loss], new Map([...given, [target, at]]))[0]?.[0] as number;
  const next = generator(1);
  const directions =
    x.length <= 64
      ? Array.from(x, (_, i) => new Float64Array(x.length).fill(1, i, i + 1))
      : Array.from({length: 8}, () => Float64Array.from(x, () => next() - 0.5));
  const scale = analytic.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
  for (const [index, direction] of directions.entries()) {
    const expected = derivative(f, x, direction);
    const actual = analytic.reduce((sum, value, i) => sum + value * (direction[i] as number), 0);
    const error = Math.abs(actual - expected);
    if (!(error <= gate * scale))
      throw new Error(`${what}: direction ${index}: ${actual}, differences give ${expected}`);
  }
}
