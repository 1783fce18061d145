// Samples of ops that work on lines along an axis besides sums: running sums, statistics, orders.
import type {Shape} from '../../lib/core/shape.ts';
import * as bounds from './bounds.ts';
import {
  bools,
  exactly,
  type Make,
  type Operand,
  type OpSamples,
  reals,
  type Sample,
  spread,
  wholes,
  wholly,
} from './data.ts';
import {lines, reduction, withoutEmptyLines, withTies, withWholeLines} from './shaped.ts';

const {correctlyRounded} = bounds;

/** Factors of which thousands neither overflow nor vanish. */
const nearOne: Make = shape => reals(shape, 0.97, 1.03);

export const smallest = (): OpSamples => withTies(reduction(correctlyRounded, reals, spread));
export const smallestAt = (): OpSamples =>
  withoutEmptyLines(withTies(reduction(correctlyRounded, reals, null)));
export const logical = (): OpSamples => {
  // Lines in which all, none and some are true.
  const rare: Make = shape => {
    const some = bools(shape);
    return {...some, data: some.data.map((x, at) => (at % 3 === 0 ? x : at % 2))};
  };
  return reduction(correctlyRounded, rare, null);
};
export const products = (): OpSamples => {
  const samples = reduction(bounds.lineProducts, nearOne, reals);
  const zeros = [exactly([0, 2, 3, 0, 0, 5], [2, 3])].map(x => ({operands: [x], attributes: {axis: 1}}));
  return withWholeLines({
    ...samples,
    values: [...samples.values, ...zeros],
    smooth: [...(samples.smooth ?? []), ...zeros],
  });
};
export const statistics = (bound: bounds.Bound): OpSamples =>
  withoutEmptyLines(reduction(bound, reals, reals));
export const logSums = (): OpSamples => {
  const samples = reduction(bounds.logSumExps, reals, reals);
  const unusual = [
    exactly([-Infinity, -Infinity, 1, -Infinity, 2, Infinity, Number.NaN, 0], [4, 2]),
    exactly([1000, 1001, -1000, -1001, 0, 88], [3, 2]),
  ].map(x => ({operands: [x], attributes: {axis: 1}}));
  return {...samples, values: [...samples.values, ...unusual]};
};

/** Two operands of a line each, and a number for it. */
export function centered(): OpSamples {
  const sample = ([shape, axis]: readonly [Shape, number]): Sample => ({
    operands: [reals(shape), reals(shape), reals(shape.filter((_, at) => at !== axis))],
    attributes: {axis},
  });
  const smooth: (readonly [Shape, number])[] = [
    [[3, 4], 0],
    [[4], 0],
    [[2, 3, 2], 1],
  ];
  const large: (readonly [Shape, number])[] = [
    [[64, 9001], 1],
    [[9, 300, 70], 1],
  ];
  return {
    bound: bounds.centeredSums,
    values: [...lines.map(sample), ...large.map(line => ({...sample(line), large: true}))],
    smooth: smooth.map(sample),
  };
}

const normalizedRows: readonly Shape[] = [
  [1, 1],
  [3, 2],
  [2, 5, 16],
  [40, 17],
  [33, 64],
  [600, 50],
  [7, 300],
  [2, 4097],
  [0, 5],
];

/** Rows with factors and offsets, or what their gradients are made of. */
export function layerNorms(backwards: boolean): OpSamples {
  const sample = (shape: Shape, parts = 1): Sample => {
    const columns = [shape.at(-1) as number];
    return backwards
      ? {operands: [reals(shape), reals(shape), reals(columns)], attributes: {epsilon: 0.5, parts}}
      : {operands: [reals(shape), reals(columns), reals(columns)], attributes: {epsilon: 0.5}};
  };
  const values = normalizedRows.flatMap(shape =>
    backwards ? [sample(shape), sample(shape, 3)] : [sample(shape)],
  );
  const large = {...sample([3000, 70], backwards ? 8 : 1), large: true};
  return {
    bound: bounds.layerNorms,
    values: [...values, large],
    ...(!backwards && {
      smooth: [
        [3, 4],
        // The mean is a product by 1/4, which is exact in float32 as well.
        [2, 2, 4],
      ].map(shape => sample(shape)),
    }),
  };
}

const ways = [false, true].flatMap(exclusive => [false, true].map(reverse => ({exclusive, reverse})));

/** Around blocks of sixteen lines, and strips of 64. */
const chained: (readonly [Shape, axis: number])[] = [
  ...lines.filter(([shape]) => shape.reduce((size, n) => size * n, 1) < 9000),
  [[16, 16], 1],
  [[17, 33], 1],
  [[33, 47], 1],
  [[5, 64], 0],
  [[5, 65], 0],
];
const longChains: (readonly [Shape, number])[] = [
  [[90, 701], 1],
  [[300, 301], 0],
];
const smoothChains: (readonly [Shape, number])[] = [
  [[3, 4], 1],
  [[4], 0],
  [[2, 3, 2], 1],
];

/** Exact where the operand is of integers. */
const exactOfWholes =
  (bound: bounds.Bound): bounds.Bound =>
  (call, inputs, exact) =>
    (call.inputs[0]?.dtype === 'int32' ? correctlyRounded : bound)(call, inputs, exact);

export function chains(bound: bounds.Bound, make: Make, smooth: readonly Operand[] = []): OpSamples {
  const samplesOf = (of: Make): Sample[] => {
    const sample = ([shape, axis]: readonly [Shape, number], way: object): Sample => ({
      operands: [of(shape)],
      attributes: {axis, ...way},
    });
    return [
      ...chained.flatMap((line, index) => [
        sample(line, ways[index % 4] ?? {}),
        sample(line, ways[(index + 1) % 4] ?? {}),
      ]),
      ...longChains.map((line, index) => ({...sample(line, ways[index] ?? {}), large: true})),
    ];
  };
  return {
    bound: exactOfWholes(bound),
    values: [...samplesOf(make), ...samplesOf(wholes)],
    smooth: [
      ...smoothChains.flatMap(([shape, axis]) =>
        ways.map(way => ({operands: [reals(shape)], attributes: {axis, ...way}})),
      ),
      ...smooth.flatMap(x =>
        ways.map(way => ({operands: [x], attributes: {axis: x.shape.length - 1, ...way}})),
      ),
    ],
  };
}

/** With zeros among the factors. */
export const productChains = (): OpSamples =>
  chains(bounds.lineProducts, nearOne, [exactly([2, 0, 3, 0.5]), exactly([0, 2, 0, 3])]);

export function recurrences(): OpSamples {
  const sample = ([shape, axis]: readonly [Shape, number], index: number): Sample => ({
    operands: [reals(shape, -1, 1), reals(shape)],
    attributes: {axis, reverse: index % 2 === 1},
  });
  return {
    bound: bounds.recurrences,
    values: [
      ...chained.map(sample),
      ...longChains.map((line, index) => ({...sample(line, index), large: true})),
    ],
    smooth: smoothChains.flatMap(line => [sample(line, 0), sample(line, 1)]),
  };
}

/** Few different numbers. */
const repeated: Make = shape => {
  const own = reals(shape);
  return {...own, data: own.data.map(Math.round)};
};
const extremes = [5, -(2 ** 31), 2 ** 31 - 1, 0, -(2 ** 31), -1, 2 ** 31 - 1];
const unusual = exactly([1, Number.NaN, -0, 0, -Infinity, Infinity, 1, -1, Number.NaN, 0.5, -0.5, 2]);

const sorted: (readonly [Shape, axis: number])[] = [
  ...[0, 1, 2, 31, 32, 33, 300, 4095, 4097].map(n => [[n], 0] as const),
  [[3, 5], 1],
  [[3, 5], 0],
  [[2, 40, 3], 1],
  [[19, 70], 1],
  [[0, 4], 1],
];

export function orders(): OpSamples {
  const sample = (operand: Operand, axis: number, descending: boolean): Sample => ({
    operands: [operand],
    attributes: {axis, descending},
  });
  const both = (make: (descending: boolean) => Sample): Sample[] => [make(false), make(true)];
  return {
    bound: correctlyRounded,
    values: [
      ...[reals, repeated, wholes].flatMap(make =>
        sorted.flatMap(([shape, axis]) => both(way => sample(make(shape), axis, way))),
      ),
      ...both(way => sample(unusual, 0, way)),
      ...both(way => sample(wholly(extremes), 0, way)),
      ...both(way => ({...sample(reals([70, 301]), 1, way), large: true})),
    ],
    smooth: [...both(way => sample(spread([3, 4]), 1, way)), ...both(way => sample(spread([4, 3]), 0, way))],
  };
}

export function tops(): OpSamples {
  const sample = (operand: Operand, k: number): Sample => ({operands: [operand], attributes: {k}});
  const cases: (readonly [Shape, number])[] = [
    [[1], 1],
    [[5], 5],
    [[3, 40], 3],
    [[3, 40], 40],
    [[4, 300], 17],
    [[4, 300], 150],
    [[2, 5000], 1],
    [[2, 5000], 100],
    [[0, 4], 2],
  ];
  const rising: Make = shape => {
    const own = reals(shape);
    return {...own, data: own.data.map((_, at) => at)};
  };
  // Fewer numbers than are asked for.
  const mostlyNan = exactly(Array.from({length: 400}, (_, at) => (at % 100 === 7 ? at : Number.NaN)));
  return {
    bound: correctlyRounded,
    values: [
      ...[reals, repeated, rising, wholes].flatMap(make => cases.map(([shape, k]) => sample(make(shape), k))),
      ...[1, 5, 12].map(k => sample(unusual, k)),
      ...[1, 4, 7].map(k => sample(wholly(extremes), k)),
      ...[2, 4, 20].map(k => sample(mostlyNan, k)),
      {...sample(reals([90, 1001]), 5), large: true},
    ],
    smooth: [sample(spread([3, 4]), 2), sample(spread([5]), 1)],
  };
}
