// Samples of ops that read other positions than their own: parts, paddings, repetitions.
import type {Shape} from '../../lib/core/shape.ts';
import * as bounds from './bounds.ts';
import {bools, integers, type Operand, type OpSamples, reals, type Sample} from './data.ts';

const {correctlyRounded} = bounds;

/** Every size an element can have. */
export const ofEveryWidth = (shape: Shape): Operand[] => [
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
