// Samples of ops that read or write other positions than their own: parts, paddings, repetitions, indices.
import {type Shape, sizeOf} from '../../lib/core/shape.ts';
import * as bounds from './bounds.ts';
import {bools, integers, type Operand, type OpSamples, reals, type Sample, wholes} from './data.ts';

const {correctlyRounded} = bounds;

/** Every size an element can have. */
const ofEveryWidth = (shape: Shape): Operand[] => [
  reals(shape),
  integers(shape, -(2 ** 31), 2 ** 31 - 1),
  bools(shape),
];

/** Operands of each width for small shapes, real numbers for the large one, which stands last. */
function everyWidth(cases: readonly (readonly [Shape, object])[], large: readonly [Shape, object]): Sample[] {
  return [
    ...cases.flatMap(([shape, attributes]) =>
      ofEveryWidth(shape).map(operand => ({operands: [operand], attributes})),
    ),
    {operands: [reals(large[0])], attributes: large[1], large: true},
  ];
}

const smoothly = (...cases: (readonly [Shape, object])[]): Sample[] =>
  cases.map(([shape, attributes]) => ({operands: [reals(shape)], attributes}));

type Pairs = readonly (readonly [before: number, after: number])[];

const padding = (shape: Shape, pairs: Pairs, mode: number, value = 0): readonly [Shape, object] => [
  shape,
  {
    mode,
    value: mode === 0 ? value : 0,
    before: pairs.map(([before]) => before),
    shape: shape.map((size, axis) => size + (pairs[axis]?.[0] as number) + (pairs[axis]?.[1] as number)),
  },
];

const padded: (readonly [Shape, Pairs])[] = [
  [[5], [[2, 3]]],
  [[17], [[16, 1]]],
  [
    [3, 4],
    [
      [0, 0],
      [2, 1],
    ],
  ],
  [
    [3, 4],
    [
      [1, 2],
      [3, 0],
    ],
  ],
  [
    [2, 5, 3],
    [
      [0, 0],
      [1, 2],
      [0, 0],
    ],
  ],
  [
    [2, 3, 4, 5],
    [
      [1, 0],
      [0, 2],
      [0, 0],
      [3, 3],
    ],
  ],
  [
    [2, 2, 2, 2, 2, 2],
    [
      [1, 1],
      [0, 0],
      [1, 0],
      [0, 1],
      [0, 0],
      [1, 1],
    ],
  ],
  [
    [0, 3],
    [
      [0, 0],
      [1, 1],
    ],
  ],
  [
    [513, 2],
    [
      [255, 1],
      [0, 0],
    ],
  ],
];
const largePadding: readonly [Shape, Pairs] = [
  [300, 401],
  [
    [2, 1],
    [7, 9],
  ],
];
const smoothPaddings: (readonly [Shape, Pairs])[] = [
  [[4], [[2, 3]]],
  [
    [3, 2, 2],
    [
      [1, 1],
      [0, 0],
      [1, 1],
    ],
  ],
];
const modes = [0, 1, 2, 3];

export const paddings = (): OpSamples => ({
  bound: correctlyRounded,
  values: everyWidth(
    modes.flatMap(mode => [
      ...padded.map(([shape, pairs]) => padding(shape, pairs, mode, 1)),
      ...(mode === 0 ? [padding([0], [[3, 2]], 0, 1), padding([2, 1], [[0, 0] as const, [9, 0]], 0)] : []),
    ]),
    padding(...largePadding, 1),
  ),
  smooth: modes.flatMap(mode =>
    smoothly(...smoothPaddings.map(([shape, pairs]) => padding(shape, pairs, mode))),
  ),
});

/** Padded tensors back to those they were made of. */
export function unpaddings(): OpSamples {
  const back = (shape: Shape, pairs: Pairs, mode: number): Sample => {
    const [, attributes] = padding(shape, pairs, mode);
    const {before, shape: outer} = attributes as {before: readonly number[]; shape: Shape};
    return {operands: [reals(outer)], attributes: {mode, before, shape}};
  };
  const sums = modes.slice(1);
  return {
    bound: bounds.sums,
    values: [
      ...sums.flatMap(mode => padded.map(([shape, pairs]) => back(shape, pairs, mode))),
      {...back(...largePadding, 2), large: true},
    ],
    smooth: sums.flatMap(mode => smoothPaddings.map(([shape, pairs]) => back(shape, pairs, mode))),
  };
}

export const rolls = (): OpSamples => ({
  bound: correctlyRounded,
  values: everyWidth(
    [
      [[7], {shift: [3]}],
      [[513], {shift: [512]}],
      [[3, 5], {shift: [1, 0]}],
      [[3, 5], {shift: [2, 4]}],
      [[2, 3, 4], {shift: [0, 2, 0]}],
      [[2, 1, 3, 2, 2, 3], {shift: [1, 0, 0, 1, 0, 2]}],
      [[0, 4], {shift: [0, 1]}],
    ],
    [[300, 701], {shift: [17, 70]}],
  ),
  smooth: smoothly([[4, 3], {shift: [1, 2]}], [[5], {shift: [2]}]),
});

export const tiles = (): OpSamples => ({
  bound: correctlyRounded,
  values: everyWidth(
    [
      [[3], {reps: [5]}],
      [[1], {reps: [513]}],
      [[2], {reps: [300]}],
      [[17, 1], {reps: [1, 33]}],
      [[3, 5], {reps: [4, 1]}],
      [[3, 5], {reps: [2, 3]}],
      [[2, 3, 4, 5], {reps: [2, 1, 3, 2]}],
      [[2, 1, 2, 1, 2, 1], {reps: [1, 2, 2, 1, 1, 3]}],
      [[3, 4], {reps: [0, 2]}],
      [[0, 4], {reps: [2, 2]}],
    ],
    [[100, 70], {reps: [3, 9]}],
  ),
  smooth: smoothly([[2, 3], {reps: [2, 3]}], [[3, 1], {reps: [1, 4]}], [[2, 2, 2], {reps: [1, 2, 1]}]),
});

export const repeats = (): OpSamples => ({
  bound: correctlyRounded,
  values: everyWidth(
    [
      [[5], {axis: 0, repeats: 2}],
      [[17], {axis: 0, repeats: 33}],
      [[3, 5], {axis: 0, repeats: 3}],
      [[3, 5], {axis: 1, repeats: 4}],
      [[2, 3, 4], {axis: 1, repeats: 2}],
      [[2, 1, 3, 2, 2, 3], {axis: 2, repeats: 3}],
      [[3, 4], {axis: 0, repeats: 0}],
      [[0, 4], {axis: 0, repeats: 2}],
    ],
    [[300, 101], {axis: 1, repeats: 7}],
  ),
  smooth: smoothly([[3, 2], {axis: 1, repeats: 3}], [[2, 2, 2], {axis: 0, repeats: 2}]),
});

export const reversals = (): OpSamples => ({
  bound: correctlyRounded,
  values: everyWidth(
    [
      [[7], {reversed: [1]}],
      [[513], {reversed: [1]}],
      [[3, 5], {reversed: [1, 0]}],
      [[3, 5], {reversed: [0, 1]}],
      [[3, 4, 5], {reversed: [1, 0, 1]}],
      [[2, 1, 3, 2, 2, 3], {reversed: [1, 1, 0, 1, 0, 1]}],
      [[0, 4], {reversed: [1, 1]}],
    ],
    [[300, 701], {reversed: [0, 1]}],
  ),
  smooth: smoothly([[3, 4], {reversed: [0, 1]}], [[2, 3, 2], {reversed: [1, 0, 1]}]),
});

interface Place {
  readonly axis: number;
  readonly batchDims: number;
}

/** x, the shape of the indices, and where. */
const gathers: (readonly [Shape, Shape, Place])[] = [
  [[1], [3], {axis: 0, batchDims: 0}],
  [[9], [17], {axis: 0, batchDims: 0}],
  [[9, 3], [5], {axis: 0, batchDims: 0}],
  [[4, 33], [2, 3], {axis: 0, batchDims: 0}],
  [[3, 7], [5], {axis: 1, batchDims: 0}],
  [[3, 7, 70], [2, 2], {axis: 1, batchDims: 0}],
  [[4, 6], [4, 5], {axis: 1, batchDims: 1}],
  [[2, 3, 5, 4], [2, 3, 2], {axis: 2, batchDims: 2}],
  [[2, 3, 5, 4], [2, 2], {axis: 2, batchDims: 1}],
  [[5, 3], [], {axis: 0, batchDims: 0}],
  [[5, 3], [0], {axis: 0, batchDims: 0}],
  [[5, 0], [4], {axis: 0, batchDims: 0}],
];
const largeGather: readonly [Shape, Shape, Place] = [[60, 513], [400], {axis: 0, batchDims: 0}];
const smoothGathers: (readonly [Shape, Shape, Place])[] = [
  [[4, 2], [5], {axis: 0, batchDims: 0}],
  [[2, 3], [2, 2], {axis: 1, batchDims: 0}],
  [[2, 3], [2, 4], {axis: 1, batchDims: 1}],
];

const indicesFor = (x: Shape, shape: Shape, {axis}: Place): Operand =>
  integers(shape, 0, (x[axis] as number) - 1);

const gatheredShape = (x: Shape, indices: Shape, {axis, batchDims}: Place): Shape => [
  ...x.slice(0, axis),
  ...indices.slice(batchDims),
  ...x.slice(axis + 1),
];

export const axisGathers = (): OpSamples => ({
  bound: correctlyRounded,
  values: [
    ...gathers.flatMap(([x, shape, place]) =>
      ofEveryWidth(x).map(operand => ({operands: [operand, indicesFor(x, shape, place)], attributes: place})),
    ),
    {operands: [reals(largeGather[0]), indicesFor(...largeGather)], attributes: largeGather[2], large: true},
  ],
  smooth: smoothGathers.map(([x, shape, place]) => ({
    operands: [reals(x), indicesFor(x, shape, place)],
    attributes: place,
  })),
});

/** The indices from 0 on in some order: none is there twice, where there are no more than positions. */
const distinct = (x: Shape, shape: Shape, {axis}: Place): Operand => {
  const size = x[axis] as number;
  return {
    shape,
    dtype: 'int32',
    data: Int32Array.from({length: sizeOf(shape)}, (_, at) => (at * 3 + 1) % size),
  };
};

export function scatters(withInts: boolean, bound: bounds.Bound): OpSamples {
  const sample = ([x, shape, place]: readonly [Shape, Shape, Place]): Sample => ({
    operands: [reals(x), indicesFor(x, shape, place), reals(gatheredShape(x, shape, place))],
    attributes: place,
  });
  const narrow = ([x, shape, place]: readonly [Shape, Shape, Place]): Sample => ({
    operands: [bools(x), indicesFor(x, shape, place), bools(gatheredShape(x, shape, place))],
    attributes: place,
  });
  /** Sums of int32, which wrap: exact. */
  const whole = ([x, shape, place]: readonly [Shape, Shape, Place]): Sample => ({
    operands: [wholes(x), distinct(x, shape, place), wholes(gatheredShape(x, shape, place))],
    attributes: place,
  });
  const apart: (readonly [Shape, Shape, Place])[] = [
    [[4, 2], [4], {axis: 0, batchDims: 0}],
    [[2, 5], [2], {axis: 1, batchDims: 0}],
  ];
  return {
    bound: (call, inputs, exact) =>
      (call.result.dtype === 'int32' ? correctlyRounded : bound)(call, inputs, exact),
    values: [
      ...gathers.map(sample),
      ...(withInts ? gathers.map(narrow) : [...gathers, largeGather].map(whole)),
      {...sample(largeGather), large: true},
      {...sample([[3000], [9001], {axis: 0, batchDims: 0}]), large: true},
    ],
    smooth: withInts
      ? apart.map(([x, shape, place]) => ({
          operands: [reals(x), distinct(x, shape, place), reals(gatheredShape(x, shape, place))],
          attributes: place,
        }))
      : smoothGathers.map(sample),
  };
}

/** x, how many indices along the axis, and which axis. */
const takes: (readonly [Shape, number, axis: number])[] = [
  [[9], 17, 0],
  [[3, 7], 5, 1],
  [[3, 7], 1, 0],
  [[3, 7, 33], 4, 1],
  [[2, 40, 3], 40, 1],
  [[2, 1, 3, 2, 2, 3], 4, 3],
  [[4, 5], 0, 1],
  [[0, 5], 3, 1],
];
const largeTake: readonly [Shape, number, number] = [[70, 901], 701, 1];
const smoothTakes: (readonly [Shape, number, number])[] = [
  [[3, 4], 2, 1],
  [[3, 2], 4, 0],
];

const taken = (x: Shape, count: number, axis: number): Shape =>
  x.map((size, at) => (at === axis ? count : size));

const indicesAlong = (x: Shape, count: number, axis: number): Operand =>
  integers(taken(x, count, axis), 0, (x[axis] as number) - 1);

export const takesAlong = (): OpSamples => ({
  bound: correctlyRounded,
  values: [
    ...takes.flatMap(([x, count, axis]) =>
      ofEveryWidth(x).map(operand => ({
        operands: [operand, indicesAlong(x, count, axis)],
        attributes: {axis},
      })),
    ),
    {operands: [reals(largeTake[0]), indicesAlong(...largeTake)], attributes: {axis: 1}, large: true},
  ],
  smooth: smoothTakes.map(([x, count, axis]) => ({
    operands: [reals(x), indicesAlong(x, count, axis)],
    attributes: {axis},
  })),
});

export function addsAlong(): OpSamples {
  const sample = ([x, count, axis]: readonly [Shape, number, number]): Sample => ({
    operands: [reals(x), indicesAlong(x, count, axis), reals(taken(x, count, axis))],
    attributes: {axis},
  });
  return {
    bound: bounds.scattered,
    values: [...takes.map(sample), {...sample(largeTake), large: true}],
    smooth: smoothTakes.map(sample),
  };
}

export function flattenings(): OpSamples {
  const sample = (rows: Shape, sizes: readonly number[]): Sample => {
    const columns = sizes.map(size => integers(rows, 0, size - 1).data);
    const count = sizeOf(rows);
    const data = Int32Array.from({length: count * sizes.length}, (_, at) =>
      Number(columns[at % sizes.length]?.[Math.floor(at / sizes.length)]),
    );
    return {operands: [{shape: [...rows, sizes.length], dtype: 'int32', data}], attributes: {sizes}};
  };
  return {
    bound: correctlyRounded,
    values: [
      sample([5], [7]),
      sample([2, 17], [3, 4]),
      sample([33], [2, 3, 4, 5, 6, 7]),
      sample([0], [3, 4]),
      sample([], [40_000, 50_000]),
      {...sample([40_001], [300, 200, 5]), large: true},
    ],
  };
}
