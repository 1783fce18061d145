// The part of the oracle in which each axis reads other positions: by a function of the position alone.
import type {Call, Tensor} from '../../lib/core/tensor.ts';
import type {Rule, Values} from '../reference.ts';

/** The index of an element along each axis. */
export function indexOf(position: number, shape: readonly number[]): number[] {
  const index = new Array<number>(shape.length);
  for (let axis = shape.length - 1, rest = position; axis >= 0; axis--) {
    index[axis] = rest % (shape[axis] as number);
    rest = Math.floor(rest / (shape[axis] as number));
  }
  return index;
}

export const positionOf = (index: readonly number[], shape: readonly number[]): number =>
  index.reduce((position, at, axis) => position * (shape[axis] as number) + at, 0);

/** Which position of an axis of `size` is read at one of the result; none where it is outside. */
type Reading = (at: number, size: number, axis: number) => number;

const mirrored = (at: number, size: number, twice: number): number => {
  let inside = at;
  while (inside < 0 || inside >= size) inside = inside < 0 ? -inside - twice : 2 * size - 2 + twice - inside;
  return inside;
};

const outside: readonly ((at: number, size: number) => number)[] = [
  at => at,
  (at, size) => mirrored(at, size, 0),
  (at, size) => mirrored(at, size, 1),
  (at, size) => Math.min(Math.max(at, 0), size - 1),
];

/** Where each element of `outer` is read in `inner`; -1 for nowhere. */
function sources(inner: readonly number[], outer: Tensor, read: Reading): number[] {
  return Array.from({length: outer.size}, (_, position) => {
    const index = indexOf(position, outer.shape).map((at, axis) => read(at, inner[axis] as number, axis));
    const inside = index.every((at, axis) => at >= 0 && at < (inner[axis] as number));
    return inside ? positionOf(index, inner) : -1;
  });
}

const reading =
  (readingOf: (call: Call) => Reading): Rule =>
  (call, [x]) => {
    const {value = 0} = call.attributes as {value?: number};
    const from = sources((call.inputs[0] as Tensor).shape, call.outputs[0] as Tensor, readingOf(call));
    return [Float64Array.from(from, at => (at < 0 ? Math.fround(value) : (x?.[at] as number)))];
  };

interface Padding {
  readonly mode: number;
  readonly before: readonly number[];
}

const padded = (call: Call): Reading => {
  const {mode, before} = call.attributes as Padding;
  return (at, size, axis) => outside[mode]?.(at - (before[axis] as number), size) ?? at;
};

const words = (call: Call, name: string): readonly number[] =>
  (call.attributes as Record<string, readonly number[]>)[name] as readonly number[];

export const padRules: Record<string, Rule> = {
  slice: reading(call => (at, _, axis) => at + (words(call, 'begin')[axis] as number)),
  pad: reading(padded),
  padGradient: (call, [y]) => {
    const x = call.outputs[0] as Tensor;
    const result: Values = new Float64Array(x.size);
    sources(x.shape, call.inputs[0] as Tensor, padded(call)).forEach((at, position) => {
      result[at] = (result[at] as number) + (y?.[position] as number);
    });
    return [result];
  },
  roll: reading(
    call => (at, size, axis) => (at - (words(call, 'shift')[axis] as number) + size) % Math.max(size, 1),
  ),
  tile: reading(() => (at, size) => at % size),
  repeat: reading(call => {
    const {axis, repeats} = call.attributes as {axis: number; repeats: number};
    return (at, _, own) => (own === axis ? Math.floor(at / repeats) : at);
  }),
  reverse: reading(call => (at, size, axis) => (words(call, 'reversed')[axis] === 1 ? size - 1 - at : at)),
};
