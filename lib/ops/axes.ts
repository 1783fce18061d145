// Axes as users name them: counted from 0, or backwards from -1.
import {formatShape, type Shape} from '../core/shape.ts';
import {checkTensor, failIn, type Tensor} from '../core/tensor.ts';

export type Axes = number | readonly number[] | undefined;

/** The axis counted from 0, given that -1 is the last. */
export function checkAxis(name: string, axis: number, {shape, rank}: {shape: Shape; rank: number}): number {
  const from0 = axis < 0 ? axis + rank : axis;
  if (Number.isInteger(from0) && from0 >= 0 && from0 < rank) return from0;
  return failIn(name, 'ERR_VALUE', `axis ${axis} is outside ${formatShape(shape)}`);
}

/** The axes counted from 0, each once, in descending order; all of them by default. */
export function axesOf(name: string, x: Tensor, axes: Axes): number[] {
  checkTensor(name, 'x', x);
  const list =
    axes === undefined ? x.shape.map((_, axis) => axis) : typeof axes === 'number' ? [axes] : [...axes];
  return [...new Set(list.map(axis => checkAxis(name, axis, x)))].sort((a, b) => b - a);
}

export const withSize = (shape: Shape, axis: number, size: number): Shape =>
  shape.map((dimension, at) => (at === axis ? size : dimension));

/** An integer that may be left out where it is one of a list: a list of `rank` of them, checked. */
export function checkSizes(name: string, what: string, given: unknown, rank: number): readonly number[] {
  const fits =
    Array.isArray(given) && given.length === rank && given.every(n => Number.isInteger(n) && n >= 0);
  if (fits) return given as readonly number[];
  return failIn(name, 'ERR_VALUE', `${what} must be ${rank} integers. Received [${String(given)}]`);
}
