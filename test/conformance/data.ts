// Operands for tests: made by a small generator of its own, so that every run sees the same numbers.
import {arrayOf, type DType, type TypedArray} from '../../lib/core/dtype.ts';
import {type Shape, sizeOf} from '../../lib/core/shape.ts';
import type {Bound} from './bounds.ts';
import {next, nextWhole} from './random.ts';

export interface Sample {
  readonly operands: readonly Operand[];
  readonly attributes?: object;
  /** Big enough that threads share the work. */
  readonly large?: boolean;
}

export interface OpSamples {
  readonly bound: Bound;
  readonly values: readonly Sample[];
  /** Away from every kink, and small enough to differentiate element by element. */
  readonly smooth?: readonly Sample[];
}

export interface Operand {
  readonly shape: Shape;
  readonly dtype: DType;
  readonly data: TypedArray;
}

/** Uniform in [low, high). */
export function reals(shape: Shape, low = -2, high = 2): Operand {
  const data = Float32Array.from({length: sizeOf(shape)}, () => low + (high - low) * next());
  return {shape, dtype: 'float32', data};
}

/**
 * Numbers a margin away from zero and, pairwise, from each other: no kink is near. Both signs. Those of two
 * offsets, as 0 and 0.5 of a margin, are apart from each other as well.
 */
export function spread(shape: Shape, margin = 0.05, offset = 0): Operand {
  const size = sizeOf(shape);
  const order = Array.from({length: size}, (_, index) => index);
  for (let i = size - 1; i > 0; i--) {
    const j = Math.floor(next() * (i + 1));
    [order[i], order[j]] = [order[j] as number, order[i] as number];
  }
  const data = Float32Array.from(
    order,
    (rank, i) => (rank + 1 + offset + 0.3 * next()) * margin * (i % 2 === 0 ? 1 : -1),
  );
  return {shape, dtype: 'float32', data};
}

/** Integers from `low` to `high`, both included. */
export function integers(
  shape: Shape,
  low: number,
  high: number,
  dtype: 'int32' | 'uint8' = 'int32',
): Operand {
  const numbers = Array.from({length: sizeOf(shape)}, () => low + Math.floor((high - low + 1) * next()));
  return {shape, dtype, data: dtype === 'int32' ? Int32Array.from(numbers) : Uint8Array.from(numbers)};
}

/** Integers of all sizes, among them those that a float32 cannot tell apart. Does not disturb the others. */
export function wholes(shape: Shape): Operand {
  const data = Int32Array.from({length: sizeOf(shape)}, () =>
    nextWhole() < 0.25
      ? (wholeEdges[Math.floor(wholeEdges.length * nextWhole())] as number)
      : (nextWhole() - 0.5) * 2 ** (1 + Math.floor(32 * nextWhole())),
  );
  return {shape, dtype: 'int32', data};
}

/** Where arithmetic of int32 may go wrong. */
export const wholeEdges = [
  ...[0, 1, -1, 2, -3, 7, -16, 31, 32, -32, 255, 256, 46_341, 65_536],
  ...[2 ** 24, 2 ** 24 + 1, -(2 ** 24) - 1, 2 ** 31 - 1, 2 ** 31 - 2, -(2 ** 31), 1 - 2 ** 31],
];

export const wholly = (values: readonly number[], shape: Shape = [values.length]): Operand => ({
  shape,
  dtype: 'int32',
  data: Int32Array.from(values),
});

/** Numbers as elements of a type that is only stored. */
export function stored(values: ArrayLike<number>, dtype: DType): Operand {
  return {shape: [values.length], dtype, data: arrayOf(values, dtype)};
}

export function bools(shape: Shape): Operand {
  return {shape, dtype: 'bool', data: Uint8Array.from({length: sizeOf(shape)}, () => (next() < 0.5 ? 1 : 0))};
}

/** Exactly these numbers. */
export function exactly(values: readonly number[], shape: Shape = [values.length]): Operand {
  return {shape, dtype: 'float32', data: Float32Array.from(values)};
}

export type Make = (shape: Shape) => Operand;
