// Tensors side by side, and apart again.
import {defineOp} from '../core/define.ts';
import {show} from '../core/kinds.ts';
import {formatShape, sameShape} from '../core/shape.ts';
import {apply1, checkTensor, failIn, type Tensor} from '../core/tensor.ts';
import {checkAxis, withSize} from './axes.ts';
import {expandDims, squeeze} from './move.ts';
import {slice} from './pad.ts';

const concatenateOp = defineOp({
  signature: 'concatenate(...parts: T) -> y: T {axis: i32}',
  shape({parts}, {axis}) {
    const others = parts.map(({shape}) => withSize(shape, axis, 0));
    const [first = []] = others;
    if (!others.every(shape => sameShape(shape, first))) {
      const received = parts.map(part => formatShape(part.shape)).join(' and ');
      failIn('concatenate', 'ERR_SHAPE', `sizes may differ along axis ${axis} alone. Received ${received}`);
    }
    const size = parts.reduce((sum, part) => sum + (part.shape[axis] as number), 0);
    return withSize(first, axis, size);
  },
  grad({dy}, {parts}, {axis}) {
    let start = 0;
    const dParts = parts.map(({shape}) => {
      const size = shape[axis] as number;
      start += size;
      return slice(dy, axis, start - size, size);
    });
    return {dParts};
  },
});

function checkParts(name: string, parts: readonly Tensor[]): Tensor {
  if (!Array.isArray(parts)) {
    failIn(name, 'ERR_DTYPE', `expected an array of tensors. Received ${show(parts)}`);
  }
  Array.from(parts, (part, index) => checkTensor(name, `parts[${index}]`, part));
  const [first] = parts;
  return first ?? failIn(name, 'ERR_SHAPE', 'expected at least one tensor. Received none');
}

/** Joins tensors of one type along an axis, the last by default. */
export function concatenate(parts: readonly Tensor[], axis = -1): Tensor {
  const first = checkParts('concatenate', parts);
  const from0 = checkAxis('concatenate', axis, first);
  return parts.length === 1 ? first : apply1(concatenateOp, parts, {axis: from0});
}

/** Joins tensors of one type along an axis, the first by default, as in TensorFlow.js. */
export function concat(parts: readonly Tensor[], axis = 0): Tensor {
  return concatenate(parts, axis);
}

/** Tensors of one shape side by side along a new axis of the result, the first by default. */
export function stack(parts: readonly Tensor[], axis = 0): Tensor {
  const first = checkParts('stack', parts);
  if (!parts.every(({shape}) => sameShape(shape, first.shape))) {
    const received = parts.map(({shape}) => formatShape(shape)).join(' and ');
    failIn('stack', 'ERR_SHAPE', `the parts must have one shape. Received ${received}`);
  }
  const shape = [...first.shape, 1];
  const from0 = checkAxis('stack', axis, {shape, rank: shape.length});
  return concatenate(
    parts.map(part => expandDims(part, from0)),
    from0,
  );
}

/**
 * Cuts an axis, the first by default, into so many equal parts, or into parts of these sizes, of which one
 * may be -1: what the others leave.
 */
export function split(x: Tensor, parts: number | readonly number[], axis = 0): Tensor[] {
  checkTensor('split', 'x', x);
  const from0 = checkAxis('split', axis, x);
  const length = x.shape[from0] as number;
  const sizes = typeof parts === 'number' ? equalParts(length, parts) : withRest(length, parts);
  const given = `${length} positions cannot be split into ${show(parts)}`;
  if (!sizes) failIn('split', 'ERR_VALUE', `${given} along axis ${from0} of ${formatShape(x.shape)}`);
  let start = 0;
  return sizes.map(size => {
    start += size;
    return slice(x, from0, start - size, size);
  });
}

function equalParts(length: number, count: number): number[] | undefined {
  const size = length / count;
  return count > 0 && Number.isInteger(count) && Number.isInteger(size)
    ? new Array<number>(count).fill(size)
    : undefined;
}

function withRest(length: number, sizes: readonly number[]): readonly number[] | undefined {
  if (!Array.isArray(sizes) || sizes.length === 0) return undefined;
  const rest = length - sizes.reduce((sum: number, size) => sum + (size === -1 ? 0 : size), 0);
  const unknown = sizes.filter(size => size === -1).length;
  if (unknown > 1 || (unknown === 0 && rest !== 0) || rest < 0) return undefined;
  const all = sizes.map((size: number) => (size === -1 ? rest : size));
  return all.every(size => Number.isInteger(size) && size >= 0) ? all : undefined;
}

/** The parts of size 1 of an axis, the first by default, without that axis. */
export function unstack(x: Tensor, axis = 0): Tensor[] {
  checkTensor('unstack', 'x', x);
  const from0 = checkAxis('unstack', axis, x);
  return Array.from({length: x.shape[from0] as number}, (_, at) => squeeze(slice(x, from0, at, 1), from0));
}
