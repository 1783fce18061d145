// Ops whose result reads other positions along its axes: parts, paddings, repetitions, reversals.
import {attributes, defineOp} from '../core/define.ts';
import {formatShape, type Shape, sameShape} from '../core/shape.ts';
import {apply1, checkTensor, failIn, type Tensor} from '../core/tensor.ts';
import {type Axes, axesOf, checkAxis, checkSizes, withSize} from './axes.ts';
import {reshape} from './move.ts';
import {sum} from './reduce.ts';

const sliceOp = defineOp({
  signature: 'slice(x: T) -> y: T {begin: words}',
  also: attributes<{readonly size: Shape}>(),
  shape: (_, {size}) => size,
  grad({dy}, {x}, {begin}) {
    return {dx: padTo(dy, begin, x.shape)};
  },
});

/**
 * `x` in a tensor of another shape, where it begins at `before`, between zeros or elements by the mode. Where
 * `before` is negative, so many of its first elements are left out.
 */
function padTo(x: Tensor, before: readonly number[], shape: Shape, mode: number = padModes.constant): Tensor {
  const within =
    mode === padModes.constant &&
    before.every((own, axis) => {
      return own <= 0 && (shape[axis] as number) - own <= (x.shape[axis] as number);
    });
  if (within)
    return slice(
      x,
      before.map(own => -own),
      shape,
    );
  return apply1(padOp, [x], {mode, value: 0, before, shape});
}

/** Elements moved along an axis by `by` positions, with zeros where they come from. */
export function shift(x: Tensor, axis: number, by: number): Tensor {
  const before = x.shape.map((_, at) => (at === axis ? by : 0));
  return padTo(x, before, x.shape);
}

/**
 * The part that begins at `begin` and is `size` long: along all axes, where each has a number, or along the
 * first, where there are less, as in TensorFlow.js; a size of -1, the default, reaches to the end. Or, with
 * three numbers, the part of `axis` that begins at `start` and is `size` long.
 *
 * @throws ERR_VALUE where the part reaches beyond an axis.
 */
export function slice(
  x: Tensor,
  begin: number | readonly number[],
  size?: number | readonly number[],
): Tensor;
export function slice(x: Tensor, axis: number, start: number, size: number): Tensor;
export function slice(
  x: Tensor,
  first: number | readonly number[],
  second?: number | readonly number[],
  length?: number,
): Tensor {
  checkTensor('slice', 'x', x);
  if (length === undefined) {
    const begins = typeof first === 'number' ? [first] : first;
    return sliceAxes(x, begins, typeof second === 'number' ? [second] : (second ?? []));
  }
  const axis = checkAxis('slice', first as number, x);
  const begin = x.shape.map((_, at) => (at === axis ? (second as number) : 0));
  return sliceAxes(x, begin, withSize(x.shape, axis, length));
}

function sliceAxes(x: Tensor, begins: readonly number[], sizes: readonly number[]): Tensor {
  if (begins.length > x.rank || sizes.length > x.rank) {
    failIn('slice', 'ERR_SHAPE', `${formatShape(x.shape)} has fewer axes than the part`);
  }
  const begin = x.shape.map((_, axis) => begins[axis] ?? 0);
  const size = x.shape.map((length, axis) => {
    const own = sizes[axis] ?? -1;
    return own === -1 ? length - (begin[axis] as number) : own;
  });
  x.shape.forEach((length, axis) => {
    const [start, own] = [begin[axis] as number, size[axis] as number];
    const integers = Number.isInteger(start) && Number.isInteger(own);
    if (integers && start >= 0 && own >= 0 && start + own <= length) return;
    const part = `${start} to ${start + own}`;
    failIn('slice', 'ERR_VALUE', `${part} is no part of axis ${axis} of ${formatShape(x.shape)}`);
  });
  return sameShape(size, x.shape) ? x : apply1(sliceOp, [x], {begin, size});
}

/**
 * What stands in a padding: one number; the elements mirrored, without or with those at the border; those.
 */
export type PadMode = 'constant' | 'reflect' | 'symmetric' | 'edge';

/** Twin of the first of `enum class Along` in native/kernels/axis_runs.h. */
const padModes: Readonly<Record<PadMode, number>> = {constant: 0, reflect: 1, symmetric: 2, edge: 3};

const shaped = attributes<{readonly shape: Shape}>();

const padOp = defineOp({
  signature: 'pad(x: T) -> y: T {mode: i32, value: f32, before: words}',
  also: shaped,
  shape: (_, {shape}) => shape,
  grad({dy}, {x}, {mode, before}) {
    if (mode === padModes.constant) {
      return {
        dx: padTo(
          dy,
          before.map(own => -own),
          x.shape,
        ),
      };
    }
    return {dx: padGradient(dy, before, x.shape, mode)};
  },
});

export const padGradientOp = defineOp({
  signature: 'padGradient(y: f32) -> x: f32 {mode: i32, before: words}',
  also: shaped,
  shape: (_, {shape}) => shape,
  grad: ({dx}, {y}, {mode, before}) => ({dy: padTo(dx, before, y.shape, mode)}),
});

/** Each element of the unpadded tensor: the sum of those that were made of it. */
function padGradient(y: Tensor, before: readonly number[], shape: Shape, mode: number): Tensor {
  return apply1(padGradientOp, [y], {mode, before, shape});
}

const plus = (a: number, b: number): number => a + b;

const isPair = (value: unknown): value is readonly [number, number] =>
  Array.isArray(value) && value.length === 2 && value.every(n => Number.isInteger(n) && n >= 0);

/**
 * Elements added before and after each axis: so many as the pair of the axis says. They are `constantValue`
 * or, by `mode`, elements of `x` (NumPy's `reflect`, `symmetric` and `edge`).
 *
 * @throws ERR_VALUE where a pair is not two integers, or a reflection is longer than what it reflects.
 */
export function pad(
  x: Tensor,
  paddings: readonly (readonly [before: number, after: number])[],
  constantValue = 0,
  mode: PadMode = 'constant',
): Tensor {
  checkTensor('pad', 'x', x);
  if (!Array.isArray(paddings) || paddings.length !== x.rank || !paddings.every(isPair)) {
    failIn('pad', 'ERR_VALUE', `expected [before, after] for each axis of ${formatShape(x.shape)}`);
  }
  const code = padModes[mode] ?? failIn('pad', 'ERR_VALUE', `there is no mode ${mode}`);
  if (mode !== 'constant') checkReflection(x, paddings, mode);
  const pairs = paddings as readonly (readonly [number, number])[];
  const shape = x.shape.map((size, axis) => size + (pairs[axis] as readonly [number, number]).reduce(plus));
  if (sameShape(shape, x.shape)) return x;
  return apply1(padOp, [x], {mode: code, value: constantValue, before: pairs.map(([n]) => n), shape});
}

function checkReflection(
  {shape}: Tensor,
  paddings: readonly (readonly [number, number])[],
  mode: PadMode,
): void {
  shape.forEach((size, axis) => {
    const longest = Math.max(...(paddings[axis] as readonly [number, number]));
    const most =
      mode === 'edge' ? (size === 0 ? 0 : longest) : Math.max(0, mode === 'reflect' ? size - 1 : size);
    if (longest <= most) return;
    const place = `axis ${axis} of ${formatShape(shape)}`;
    failIn('pad', 'ERR_VALUE', `${mode} can add at most ${most} to ${place}. Received ${longest}`);
  });
}

/** `pad` with elements mirrored, by its name in TensorFlow.js. */
export function mirrorPad(
  x: Tensor,
  paddings: readonly (readonly [before: number, after: number])[],
  mode: 'reflect' | 'symmetric',
): Tensor {
  return pad(x, paddings, 0, mode);
}

const rollOp = defineOp({
  signature: 'roll(x: T) -> y: T {shift: words}',
  shape: ({x}) => x.shape,
  grad: ({dy}, {x}, {shift}) => ({
    dx: rolled(
      dy,
      shift.map((own, axis) => (own === 0 ? 0 : (x.shape[axis] as number) - own)),
    ),
  }),
});

const rolled = (x: Tensor, shift: readonly number[]): Tensor =>
  shift.every(own => own === 0) ? x : apply1(rollOp, [x], {shift});

/**
 * Elements moved by `shift` along `axis`, those beyond its end to its beginning; by a shift for each of
 * several axes. Without an axis, all elements as one row (NumPy's `roll`).
 */
export function roll(x: Tensor, shift: number | readonly number[], axis?: Axes): Tensor {
  checkTensor('roll', 'x', x);
  if (axis === undefined) return reshape(roll(reshape(x, [x.size]), shift, 0), x.shape);
  const [shifts, axes] = [shift, axis].map(given => (typeof given === 'number' ? [given] : given)) as [
    readonly number[],
    readonly number[],
  ];
  if (shifts.length !== axes.length || !shifts.every(Number.isInteger)) {
    failIn('roll', 'ERR_VALUE', `expected an integer for each axis. Received [${shifts}] and [${axes}]`);
  }
  const sums = x.shape.map(() => 0);
  axes.forEach((own, index) => {
    const from0 = checkAxis('roll', own, x);
    const size = Math.max(1, x.shape[from0] as number);
    const moved = (sums[from0] as number) + (shifts[index] as number);
    sums[from0] = ((moved % size) + size) % size;
  });
  return rolled(x, sums);
}

const tileOp = defineOp({
  signature: 'tile(x: T) -> y: T',
  also: attributes<{readonly reps: readonly number[]}>(),
  shape: ({x}, {reps}) => x.shape.map((size, axis) => size * (reps[axis] as number)),
  // One axis after the other, the outermost first: what is left to sum is then least.
  grad: ({dy}, {x}, {reps}) => ({
    dx: x.shape.reduce((part, size, axis) => {
      const times = reps[axis] as number;
      return times === 1 ? part : sumRepeats(part, axis, [times, size], 0);
    }, dy),
  }),
});

/** Sums over one of the two axes that an axis is made of. */
function sumRepeats(y: Tensor, axis: number, [outer, inner]: readonly [number, number], over: 0 | 1): Tensor {
  const [before, after] = [y.shape.slice(0, axis), y.shape.slice(axis + 1)];
  const product = (sizes: Shape): number => sizes.reduce((all, size) => all * size, 1);
  const kept = over === 0 ? inner : outer;
  const parts = reshape(y, [product(before), outer, inner, product(after)]);
  return reshape(sum(parts, 1 + over), [...before, kept, ...after]);
}

/** `x` so many times in a row along each axis. */
export function tile(x: Tensor, reps: readonly number[]): Tensor {
  checkTensor('tile', 'x', x);
  const times = checkSizes('tile', 'reps', reps, x.rank);
  return times.every(n => n === 1) ? x : apply1(tileOp, [x], {reps: times});
}

const repeatOp = defineOp({
  signature: 'repeat(x: T) -> y: T {axis: i32}',
  also: attributes<{readonly repeats: number}>(),
  shape: ({x}, {axis, repeats}) => withSize(x.shape, axis, (x.shape[axis] as number) * repeats),
  grad: ({dy}, {x}, {axis, repeats}) => ({
    dx: sumRepeats(dy, axis, [x.shape[axis] as number, repeats], 1),
  }),
});

/** Each element so many times in a row along `axis`; without one, of all elements as one row. */
export function repeat(x: Tensor, repeats: number, axis?: number): Tensor {
  checkTensor('repeat', 'x', x);
  checkSizes('repeat', 'repeats', [repeats], 1);
  if (axis === undefined) return repeat(reshape(x, [x.size]), repeats, 0);
  const from0 = checkAxis('repeat', axis, x);
  return repeats === 1 ? x : apply1(repeatOp, [x], {axis: from0, repeats});
}

const reverseOp = defineOp({
  signature: 'reverse(x: T) -> y: T {reversed: words}',
  shape: ({x}) => x.shape,
  grad: ({dy}, _, {reversed}) => ({dx: reverseAxes(dy, reversed)}),
});

function reverseAxes(x: Tensor, reversed: readonly number[]): Tensor {
  return apply1(reverseOp, [x], {reversed});
}

/** Elements in the opposite order along `axes`, all of them by default. */
export function reverse(x: Tensor, axes?: number | readonly number[]): Tensor {
  const chosen = axesOf('reverse', x, axes);
  const reversed = x.shape.map((_, axis) => (chosen.includes(axis) ? 1 : 0));
  return chosen.length === 0 ? x : reverseAxes(x, reversed);
}
