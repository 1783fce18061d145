// Axes of space: how windows move along them. Twin of no kernel: the numbers go into plans as they are.
import {isList, show} from '../core/kinds.ts';
import {formatShape, type Shape} from '../core/shape.ts';
import {failIn} from '../core/tensor.ts';

/** A number for all axes of space, or one for each of them. */
export type PerAxis = number | readonly number[];

/**
 * `valid`: windows lie within the image. `same`: as many as the image has positions, divided by the stride
 * and rounded up; what is added for that is shared out, the odd one behind, as in Keras. `causal`, along one
 * axis: all before, so that no window reads what comes after it. Or so many before and after each axis.
 */
export type Padding = 'valid' | 'same' | 'causal' | number | readonly (readonly [number, number])[];

/** One axis of a convolution or a pooling. */
export interface WindowAxis {
  readonly size: number;
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  readonly before: number;
  /** How many windows there are. */
  readonly windows: number;
}

/** The positions that a window reaches over. */
export const reachOf = (kernel: number, dilation: number): number => (kernel - 1) * dilation + 1;

/** An integer of at least `least` for each axis. */
export function perAxis(
  op: string,
  what: string,
  given: PerAxis | undefined,
  axes: number,
  byDefault = 1,
  least = 1,
): readonly number[] {
  const all = given === undefined ? byDefault : given;
  const list = typeof all === 'number' ? new Array<number>(axes).fill(all) : all;
  const isFine =
    isList(list) &&
    list.length === axes &&
    Array.from(list as readonly number[]).every(n => Number.isInteger(n) && n >= least && n <= 2 ** 24);
  if (isFine) return Array.from(list as readonly number[]);
  const one = least === 0 ? 'an integer' : 'an integer above 0';
  return failIn(op, 'ERR_VALUE', `${what} must be ${one}, or ${axes} of them. Received ${show(given)}`);
}

const isPair = (value: unknown): value is readonly [number, number] =>
  isList(value) &&
  value.length === 2 &&
  Array.from(value as readonly number[]).every(n => Number.isInteger(n) && n >= 0);

/** Padding by its name, or so many before and after each axis. */
export function checkPadding(op: string, padding: Padding, axes: number): Padding {
  if (padding === 'valid' || padding === 'same') return padding;
  if (padding === 'causal') {
    if (axes === 1) return padding;
    const instead = `pad the axis of time by hand: padding: [[k - 1, 0], …]`;
    failIn(op, 'ERR_VALUE', `padding: causal is for one axis, not for ${axes}; ${instead}`);
  }
  if (typeof padding === 'number' && Number.isInteger(padding) && padding >= 0) return padding;
  if (isList(padding) && padding.length === axes && Array.from(padding as readonly unknown[]).every(isPair)) {
    return padding;
  }
  const names = axes === 1 ? `'valid', 'same' or 'causal'` : `'valid' or 'same'`;
  const wanted = `padding must be ${names}, a number, or [before, after] for each of ${axes} axes`;
  return failIn(op, 'ERR_VALUE', `${wanted}. Received ${show(padding)}`);
}

interface AxisOptions {
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  readonly size: number;
}

/** Positions added before and after an axis. */
function paddingOf(padding: Padding, axis: number, own: AxisOptions): readonly [number, number] {
  const reach = reachOf(own.kernel, own.dilation);
  if (padding === 'valid') return [0, 0];
  if (padding === 'causal') return [reach - 1, 0];
  if (typeof padding === 'number') return [padding, padding];
  if (padding !== 'same') return padding[axis] as readonly [number, number];
  const windows = Math.ceil(own.size / own.stride);
  const total = Math.max((windows - 1) * own.stride + reach - own.size, 0);
  const before = Math.floor(total / 2);
  return [before, total - before];
}

export interface WindowOptions {
  readonly kernel: Shape;
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly padding: Padding;
}

/**
 * The windows of images [batch, ...sizes, channels].
 *
 * @throws ERR_SHAPE where a window is larger than the image with its padding.
 */
export function windowAxes(op: string, shape: Shape, given: WindowOptions): WindowAxis[] {
  return shape.slice(1, -1).map((size, axis) => {
    const own = {
      kernel: given.kernel[axis] as number,
      stride: given.strides[axis] as number,
      dilation: given.dilations[axis] as number,
      size,
    };
    const [before, after] = paddingOf(given.padding, axis, own);
    const reach = reachOf(own.kernel, own.dilation);
    const room = size + before + after - reach;
    if (room < 0) {
      const dilated = own.dilation > 1 ? `, which reaches over ${reach},` : '';
      const what = `a kernel of ${formatShape(given.kernel)}${dilated} is larger than`;
      const instead = `padding: 'same' fills up what is missing`;
      failIn(op, 'ERR_SHAPE', `${what} the image ${formatShape(shape)} along axis ${axis + 1}; ${instead}`);
    }
    return {...own, before, windows: Math.floor(room / own.stride) + 1};
  });
}

/** Refuses what is no image with channels last. */
export function checkImage(op: string, name: string, shape: Shape, axes?: number): void {
  const space = shape.length - 2;
  if (axes === undefined ? space >= 1 && space <= 3 : space === axes) return;
  const wanted = axes === undefined ? '1 to 3 axes of space' : `${axes} ${axes === 1 ? 'axis' : 'axes'}`;
  failIn(
    op,
    'ERR_SHAPE',
    `${name} must be [batch, …, channels] with ${wanted} between. Received ${formatShape(shape)}`,
  );
}
