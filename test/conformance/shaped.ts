// Samples of ops whose results depend on more than one element: reductions, rows, gathers, random
// numbers.
import type {Shape} from '../../lib/core/shape.ts';
import * as bounds from './bounds.ts';
import {
  bools,
  exactly,
  integers,
  type Make,
  type Operand,
  type OpSamples,
  reals,
  type Sample,
  stored,
  wholes,
  wholly,
} from './data.ts';
import {lengths} from './elementwise.ts';

const {correctlyRounded} = bounds;

/** Lines along each axis, around the chunks of 256 rows and of 4096 elements. */
export const lines: (readonly [Shape, axis: number])[] = [
  ...lengths.map(n => [[n], 0] as const),
  [[8193], 0],
  [[12_289], 0],
  [[0, 4], 0],
  [[0, 4], 1],
  [[4, 0], 0],
  [[3, 5, 7], 0],
  [[3, 5, 7], 1],
  [[3, 5, 7], 2],
  [[255, 3], 0],
  [[256, 17], 0],
  [[257, 33], 0],
  [[513, 20], 0],
  [[2, 300, 40], 1],
  [[259, 80], 0],
  [[2, 13, 1100], 1],
  [[3, 8193], 1],
  [[19, 16], 1],
  [[1, 1, 1], 1],
];

export function reduction(bound: bounds.Bound, make: Make, smooth: Make | null): OpSamples {
  const sample = ([shape, axis]: readonly [Shape, number]): Sample => ({
    operands: [make(shape)],
    attributes: {axis},
  });
  return {
    bound,
    values: [
      ...lines.map(sample),
      {...sample([[64, 9001], 1]), large: true},
      {...sample([[900, 700], 0]), large: true},
    ],
    ...(smooth && {
      smooth: [[3, 4], [4], [2, 3, 2]].map(shape => ({
        operands: [smooth(shape)],
        attributes: {axis: shape.length - 2 < 0 ? 0 : shape.length - 2},
      })),
    }),
  };
}

/** Largest elements that tie, and NaN among them. */
const ties: Sample[] = [
  {operands: [exactly([1, 3, 3, 2, 3, 3], [2, 3])], attributes: {axis: 1}},
  {operands: [exactly([1, 3, 3, 2, 3, 3], [3, 2])], attributes: {axis: 0}},
  {operands: [exactly([1, Number.NaN, 3, Number.NaN, -1, 2], [2, 3])], attributes: {axis: 1}},
  {operands: [exactly([1, Number.NaN, 3, Number.NaN, -1, 2], [3, 2])], attributes: {axis: 0}},
  {operands: [exactly(Array<number>(40).fill(-Infinity), [2, 20])], attributes: {axis: 1}},
];
export const withTies = (samples: OpSamples): OpSamples => ({
  ...samples,
  values: [...samples.values, ...ties],
});

/** Operands that are reduced along each kind of axis. */
export const ofLines = (make: Make): Sample[] => [
  ...lines.map(([shape, axis]) => ({operands: [make(shape)], attributes: {axis}})),
  {operands: [make([64, 9001])], attributes: {axis: 1}, large: true},
];

/** The same of int32, whose results are exact. */
export const withWholeLines = ({bound, values, ...rest}: OpSamples): OpSamples => ({
  bound: (call, inputs, exact) =>
    (call.inputs[0]?.dtype === 'int32' ? correctlyRounded : bound)(call, inputs, exact),
  values: [...values, ...ofLines(wholes)],
  ...rest,
});

/** The position of the largest of nothing is refused. */
export const withoutEmptyLines = (samples: OpSamples): OpSamples => ({
  ...samples,
  values: samples.values.filter(({operands: [x], attributes}) => {
    return x?.shape[(attributes as {axis: number}).axis] !== 0;
  }),
});

const rowShapes: Shape[] = [
  [1],
  [3, 1],
  [0, 5],
  [5, 0],
  [4, 15],
  [4, 16],
  [4, 17],
  [5, 513],
  [2, 3, 7],
  [3, 4097],
];

export function rowwise(bound: bounds.Bound): OpSamples {
  return {
    bound,
    values: [
      ...rowShapes.map(shape => ({operands: [reals(shape, -6, 6)]})),
      {operands: [reals([5, 19], -1000, 1000)]},
      {operands: [exactly([1, -Infinity, 2, -Infinity, 0, -Infinity], [2, 3])]},
      {operands: [exactly([1, Number.NaN, 2, 5, 0, Number.POSITIVE_INFINITY, 1, 2, 3], [3, 3])]},
      {operands: [reals([1500, 40])], large: true},
    ],
    smooth: [[3, 4], [5], [2, 2, 3], [0, 3]].map(shape => ({operands: [reals(shape)]})),
  };
}

const labelled = (rows: number, classes: number): readonly Operand[] => [
  reals([rows, classes], -4, 4),
  integers([rows], 0, classes - 1),
];

const labelSizes = [
  [0, 3],
  [1, 1],
  [5, 10],
  [17, 16],
  [6, 513],
  [33, 33],
] as const;
const labelSamples = (): Sample[] =>
  labelSizes.map(([rows, classes]) => ({operands: labelled(rows, classes)}));

export function labels(bound: bounds.Bound): OpSamples {
  return {
    bound,
    values: [...labelSamples(), {operands: labelled(6000, 20), large: true}],
    smooth: [{operands: labelled(4, 3)}, {operands: labelled(0, 3)}],
  };
}

/** The same with a scale for all rows or for each. */
export function scaledLabels(bound: bounds.Bound): OpSamples {
  const scale = (sample: Sample, index: number): Sample => {
    const rows = (sample.operands[1] as Operand).shape;
    return {...sample, operands: [...sample.operands, reals(index % 2 === 0 ? [] : rows)]};
  };
  const {values, smooth = []} = labels(bound);
  return {
    bound,
    values: values.map(scale),
    smooth: [...smooth, ...smooth].map((s, index) => scale(s, index >> 1)),
  };
}

export function gathers(makes: readonly Make[], attributes: readonly object[]): OpSamples {
  const sample = (shape: Shape, count: number, make: Make, attribute: object): Sample => ({
    operands: [make(shape), integers([count], 0, (shape[0] as number) - 1)],
    attributes: attribute,
  });
  const shapes: Shape[] = [[1], [9], [3, 1], [11, 17], [7, 2, 3], [4, 513], [5, 0]];
  return {
    bound: correctlyRounded,
    values: makes.flatMap(make =>
      attributes.flatMap(attribute => [
        ...shapes.flatMap(shape => [0, 1, 19].map(count => sample(shape, count, make, attribute))),
        {...sample([100, 784], 256, make, attribute), large: true},
      ]),
    ),
  };
}

/** The same of integers, of every type that stores them, without disturbing the others. */
export function withStored(samples: OpSamples, attributes: object): OpSamples {
  const types = ['int32', 'int64', 'float64', 'float16', 'bfloat16', 'bool'] as const;
  const shapes: Shape[] = [[9], [11, 17], [7, 2, 3], [4, 513]];
  const more = types.flatMap(dtype =>
    shapes.map((shape): Sample => {
      const {data} = wholes(shape);
      const numbers =
        dtype === 'bool' ? data.map(x => x & 1) : dtype.endsWith('16') ? data.map(x => x % 200) : data;
      const rows = wholes([5]).data.map(row => Math.abs(row % (shape[0] as number)));
      return {operands: [{...stored(numbers, dtype), shape}, wholly([...rows])], attributes};
    }),
  );
  return {...samples, values: [...samples.values, ...more]};
}

export const bytes: Make = shape => integers(shape, 0, 255, 'uint8');

export function randoms(bound: bounds.Bound, ...attributes: object[]): OpSamples {
  const sample = (shape: Shape, stream: number, attribute: object): Sample => ({
    operands: [integers([2], -(2 ** 31), 2 ** 31 - 1), integers([1], 0, 1000)],
    attributes: {shape, stream, ...attribute},
  });
  return {
    bound,
    values: attributes.flatMap((attribute, index) => [
      ...[[0], [], [1], [15], [63], [64], [65], [3, 5, 7], [1029], [4097]].map((shape, stream) =>
        sample(shape, stream * 7919 * index, attribute),
      ),
      {...sample([300, 101], 3, attribute), large: true},
    ]),
  };
}

/** The same in loops: with the number of an iteration, and with several at once. */
export function iterated({bound, values}: OpSamples): OpSamples {
  const [first] = values;
  const given = (numbers: readonly number[], shape: Shape): Sample => ({
    operands: [
      ...(first?.operands ?? []),
      {shape: [numbers.length], dtype: 'int32', data: Int32Array.from(numbers)},
    ],
    attributes: {...first?.attributes, shape},
  });
  const more = [
    given([0], [70]),
    given([5], [3, 5]),
    given([0, 1, 2], [3, 65]),
    given([7, 2 ** 21], [2, 4, 9]),
  ];
  return {bound, values: [...values, ...more]};
}

/** A window of a whole at a place, as int32 operands of `dynamicSlice`, or with a part to put there. */
export function windows(kind: 'read' | 'write'): OpSamples {
  const sample = (whole: Shape, part: Shape, starts: readonly number[], make: Make = reals): Sample => {
    const place: Operand = {shape: [starts.length], dtype: 'int32', data: Int32Array.from(starts)};
    if (kind === 'read') return {operands: [make(whole), place], attributes: {sizes: part}};
    return {operands: [make(whole), make(part), place]};
  };
  return {
    bound: correctlyRounded,
    values: [
      sample([7], [3], [2]),
      sample([7], [7], [0]),
      sample([5, 6], [2, 6], [3, 0]),
      sample([5, 6], [2, 3], [1, 2]),
      sample([5, 6], [2, 3], [9, -4]),
      sample([3, 4, 5, 2], [2, 4, 3, 2], [1, 3, 1, -1]),
      sample([2, 3, 4, 5, 6, 2], [1, 2, 4, 1, 6, 1], [1, 1, 0, 3, 0, 1]),
      sample([4, 0], [2, 0], [1, 0]),
      sample([4, 5], [0, 5], [1, 0]),
      sample([], [], []),
      sample([9, 5], [4, 3], [2, 1], bools),
      sample([9, 5], [4, 3], [2, 1], shape => integers(shape, -9, 9)),
      {...sample([3000, 50], [2500, 31], [170, 7]), large: true},
    ],
    smooth: [sample([4, 3], [2, 2], [1, 1]), sample([3, 2, 2], [1, 2, 2], [5, 0, 0])],
  };
}

export const moves = (...cases: (readonly [Shape, readonly number[]])[]): Sample[] =>
  cases.map(([shape, permutation]) => ({operands: [reals(shape)], attributes: {permutation}}));

export const parts = (...cases: (readonly [Shape, axis: number, start: number, size: number])[]): Sample[] =>
  cases.map(([shape, axis, start, size]) => ({
    operands: [reals(shape)],
    attributes: {
      begin: shape.map((_, at) => (at === axis ? start : 0)),
      size: shape.map((own, at) => (at === axis ? size : own)),
    },
  }));

export const joins = (...cases: (readonly [axis: number, ...Shape[]])[]): Sample[] =>
  cases.map(([axis, ...shapes]) => ({operands: shapes.map(shape => reals(shape)), attributes: {axis}}));
