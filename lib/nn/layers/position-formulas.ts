// How attention and its layers know positions: sines, rotations, distances.
import {constant, type Tensor} from '../../core/tensor.ts';
import {concatenate} from '../../ops/join.ts';
import {abs, add, mul, neg, sub} from '../../ops/map.ts';
import {reshape} from '../../ops/move.ts';
import {slice} from '../../ops/pad.ts';
import type {StepStream} from '../call-context.ts';
import {rowsAt} from './streams.ts';

/** A constant of these numbers, row by row. */
function table(rows: number, columns: number, value: (row: number, column: number) => number): Tensor {
  const data = Float32Array.from({length: rows * columns}, (_, at) =>
    value(Math.floor(at / columns), at % columns),
  );
  return constant(data, [rows, columns]);
}

/**
 * Sines in even and cosines in odd columns, of step · maxWavelength^(−2⌊column / 2⌋ / size) (Vaswani et al.
 * 2017): [steps, size].
 */
export function sines(steps: number, size: number, maxWavelength: number): Tensor {
  return table(steps, size, (step, column) => {
    const angle = step * maxWavelength ** (-(2 * Math.floor(column / 2)) / size);
    return column % 2 === 0 ? Math.sin(angle) : Math.cos(angle);
  });
}

export interface RotateOptions {
  /** 10,000 by default. */
  readonly maxWavelength?: number;
  /** What positions are divided by. 1 by default. */
  readonly scale?: number;
  /** Where the steps are a part of a sequence. */
  readonly stream?: StepStream | undefined;
}

/**
 * x turned by its position along an axis (Su et al. 2021): columns i and i + size / 2, of an even size, by
 * the angle position / scale · maxWavelength^(−2i / size). Products of what is turned know distances alone.
 */
export function rotate(x: Tensor, axis: number, options: RotateOptions = {}): Tensor {
  const {maxWavelength = 10_000, scale = 1, stream} = options;
  const size = x.shape.at(-1) as number;
  const half = size / 2;
  const steps = x.shape[axis] as number;
  // The axis of the steps, and the last.
  const shape = x.shape.map((length, at) => (at === axis || at === x.rank - 1 ? length : 1));
  const angles = (f: (angle: number) => number): Tensor => {
    const all = table(stream?.capacity ?? steps, size, (step, column) =>
      f((step / scale) * maxWavelength ** ((-2 * (column % half)) / size)),
    );
    return reshape(stream ? rowsAt(all, steps, stream) : all, shape);
  };
  const [first, second] = [slice(x, -1, 0, half), slice(x, -1, half, half)];
  const turned = concatenate([neg(second), first], -1);
  return add(mul(x, angles(Math.cos)), mul(turned, angles(Math.sin)));
}

/**
 * How fast each head forgets: 2^(−most · i / heads), i from 1, for a power of two; further heads stand
 * between those (Press et al. 2022).
 */
export function alibiSlopes(heads: number, most = 8): number[] {
  const power = 2 ** Math.floor(Math.log2(heads));
  const of = (count: number): number[] =>
    Array.from({length: count}, (_, at) => 2 ** ((-most * (at + 1)) / count));
  const between = of(2 * power).filter((_, at) => at % 2 === 0);
  return [...of(power), ...between.slice(0, heads - power)];
}

const counted = (count: number, shape: readonly number[]): Tensor =>
  constant(
    Float32Array.from({length: count}, (_, at) => at),
    shape,
  );

/** −slope · distance for each head, query and key: [heads, queries, keys]. */
export function alibi(heads: number, queries: number, keys: number, most = 8): Tensor {
  const slopes = constant(
    Float32Array.from(alibiSlopes(heads, most), slope => -slope),
    [heads, 1, 1],
  );
  return mul(abs(sub(counted(queries, [queries, 1]), counted(keys, [1, keys]))), slopes);
}
