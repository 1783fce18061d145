// Samples of elementwise ops: sizes around every boundary, broadcasts, special values.
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
  spread,
  stored,
  wholeEdges,
  wholes,
  wholly,
} from './data.ts';
import {fromStart} from './random.ts';

/** Around every vector (16), every tile (512) and every chunk (4096). */
export const lengths = [0, 1, 2, 15, 16, 17, 31, 33, 511, 512, 513, 1024, 4095, 4096, 4097];

export const special = [
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  0,
  -0,
  1,
  -1,
  0.5,
  -1.5,
  3.4028234663852886e38,
  -3.4028234663852886e38,
  2 ** -126,
  -(2 ** -126),
  2 ** -127,
  2 ** -149,
  -(2 ** -149),
  16777217,
  -87.5,
  88.7,
];

/** All values, or all pairs of them, as operands of one or two. */
function specials(count: number): Sample[] {
  if (count === 1) return [{operands: [exactly(special)]}];
  const pairs = special.flatMap(a => special.map(b => [a, b] as const));
  return [{operands: [exactly(pairs.map(([a]) => a)), exactly(pairs.map(([, b]) => b))]}];
}

export function unary(make: Make, bound: bounds.Bound, smooth: Make | null): OpSamples {
  return {
    bound,
    values: [
      ...lengths.map(length => ({operands: [make([length])]})),
      ...[[], [3, 5, 7], [2, 0, 3], [1, 2, 1, 3, 1, 5]].map(shape => ({operands: [make(shape)]})),
      {operands: [make([3, 40_003])], large: true},
      ...(make([1]).dtype === 'float32' ? specials(1) : []),
    ],
    ...(smooth && {
      smooth: [{operands: [smooth([3, 4])]}, {operands: [smooth([0])]}, {operands: [smooth([])]}],
    }),
  };
}

const broadcasts: (readonly [Shape, Shape])[] = [
  [[], [513]],
  [
    [3, 1],
    [1, 5],
  ],
  [[7, 513], [513]],
  [
    [7, 513],
    [7, 1],
  ],
  [
    [4, 1, 17],
    [5, 17],
  ],
  [
    [2, 1, 3, 1],
    [4, 1, 5],
  ],
  [
    [0, 3],
    [1, 3],
  ],
];

const smallBroadcasts: (readonly [Shape, Shape])[] = [
  [
    [3, 4],
    [3, 4],
  ],
  [[], [5]],
  [[3, 1], [4]],
  [
    [2, 1, 3],
    [2, 1],
  ],
  [[0, 2], [2]],
];

/** `other` makes the second operand of smooth samples, where that must keep away from the first. */
export function binary(
  make: Make,
  bound: bounds.Bound,
  smooth: Make | null,
  other: Make | null = smooth,
): OpSamples {
  return {
    bound,
    values: [
      ...lengths.map(length => ({operands: [make([length]), make([length])]})),
      ...broadcasts.flatMap(([a, b]) => [{operands: [make(a), make(b)]}, {operands: [make(b), make(a)]}]),
      {operands: [make([5, 30_001]), make([30_001])], large: true},
      ...(make([1]).dtype === 'float32' ? specials(2) : []),
    ],
    ...(smooth && other && {smooth: smallBroadcasts.map(([a, b]) => ({operands: [smooth(a), other(b)]}))}),
  };
}

/** For ops of an activation's result: no squares that overflow in float32 alone. */
export function tame(samples: OpSamples): OpSamples {
  const isTame = ({data}: Operand): boolean => Array.from(data).every(x => Math.abs(x) < 1e18);
  return {...samples, values: samples.values.filter(({operands}) => operands.every(isTame))};
}

const {correctlyRounded} = bounds;
/** Apart from what `spread` makes. */
export const spreadBetween: Make = shape => spread(shape, 0.05, 0.5);
export const wide: Make = shape => reals(shape, -30, 30);
export const positive: Make = shape => reals(shape, 0.1, 20);
export const apart: Make = shape => reals(shape, 0.5, 2);
export const inside: Make = shape => reals(shape, -0.9, 0.9);
export const beyondOne: Make = shape => reals(shape, 1.1, 30);
/** Of both signs and beyond 6, none near 0 or 6. */
export const aroundSix: Make = shape => spread(shape, 0.385);
export const few: Make = shape => integers(shape, -2, 2);

/** Of activations that are one op, and of gradients from dy and an activation's result or operand. */
export const activationSamples = () => ({
  gelu: unary(reals, bounds.roundings(4), reals),
  geluTanh: unary(reals, bounds.roundings(6), reals),
  geluGrad: tame(binary(reals, bounds.roundings(8), reals)),
  geluTanhGrad: tame(binary(reals, bounds.roundings(8), reals)),
  reluGrad: binary(reals, correctlyRounded, spread),
  relu6Grad: binary(aroundSix, correctlyRounded, aroundSix),
  tanhGrad: tame(binary(reals, bounds.activationGradients, reals)),
  sigmoidGrad: tame(binary(reals, bounds.activationGradients, reals)),
});

/** Two operands of one kind whose elements often tie, besides those of real numbers. */
export function comparison(): OpSamples {
  const real = binary(reals, correctlyRounded, apart);
  // A difference must not step over a tie.
  const smooth = smallBroadcasts.map(([a, b]) => ({operands: [spread(a), reals(b, 20, 21)]}));
  const others: Make[] = [few, bools, shape => integers(shape, 0, 3, 'uint8')];
  const ties = others.flatMap(make => [16, 515].map(n => ({operands: [make([n]), make([n])]})));
  return {...real, values: [...real.values, ...ties], smooth};
}

/** The same samples and those of int32, whose results are exact. */
export function withWholes({bound, values, ...rest}: OpSamples, operands: 1 | 2): OpSamples {
  const exactly: bounds.Bound = (call, inputs, exact) =>
    (call.outputs[0]?.dtype === 'float32' ? bound : correctlyRounded)(call, inputs, exact);
  const pairs = wholeEdges.flatMap(a => wholeEdges.map(b => [a, b] as const));
  const make = operands === 1 ? [wholes] : [wholes, wholes];
  const shapes: (readonly [Shape, Shape])[] = [
    [[7, 513], [513]],
    [[5, 1], [4]],
    [[], [33]],
  ];
  const wholeSamples: Sample[] = [
    ...lengths.map(length => ({operands: make.map(of => of([length]))})),
    operands === 1
      ? {operands: [wholly(wholeEdges)]}
      : {operands: [wholly(pairs.map(([a]) => a)), wholly(pairs.map(([, b]) => b))]},
    ...(operands === 1 ? [] : shapes.map(([a, b]) => ({operands: [wholes(a), wholes(b)]}))),
    {operands: make.map(of => of([3, 40_003])), large: true},
  ];
  return {bound: exactly, values: [...values, ...wholeSamples], ...rest};
}

/** Ops of int32 alone. */
export const ofWholes = (operands: 1 | 2): OpSamples =>
  withWholes({bound: correctlyRounded, values: []}, operands);

/** Bools that do not disturb the random numbers of other samples. */
export const chosen: Make = shape => ({
  ...{shape, dtype: 'bool'},
  data: Uint8Array.from(wholes(shape).data, x => x & 1),
});

const selection: OpSamples = fromStart(() => ({
  bound: correctlyRounded,
  values: [
    ...lengths.map(n => ({operands: [bools([n]), reals([n]), reals([n])]})),
    ...broadcasts.map(([a, b]) => ({operands: [bools(a), reals(b), reals([])]})),
    {operands: [bools([50_003, 1]), reals([50_003, 3]), reals([3])], large: true},
    ...[1, 17, 515].flatMap(n => {
      const condition = chosen([n]);
      return [
        {operands: [condition, wholes([n]), wholes([n])]},
        {operands: [condition, chosen([n]), chosen([n])]},
      ];
    }),
  ],
  smooth: smallBroadcasts.map(([a, b]) => ({operands: [bools(a), reals(b), reals(a)]})),
}));

/** Between bounds of any order and beside them; some are equal to a bound, and some bounds are no numbers. */
const clipping: OpSamples = fromStart(() => ({
  bound: correctlyRounded,
  values: [
    ...lengths.map(n => ({operands: [reals([n]), reals([n]), reals([n])]})),
    ...broadcasts.map(([a, b]) => ({operands: [reals(a), reals(b), reals([])]})),
    ...special.map(low => ({operands: [exactly(special), exactly([low]), exactly([1.5])]})),
    ...special.map(high => ({operands: [exactly(special), exactly([-0.0]), exactly([high])]})),
    {operands: [reals([3, 40_003]), reals([]), reals([1])], large: true},
    ...[1, 17, 515].flatMap(n => [
      {operands: [wholes([n]), wholes([n]), wholes([])]},
      {operands: [chosen([n]), chosen([n]), chosen([n])]},
    ]),
  ],
  smooth: [
    {operands: [exactly([-2, 0.3, 2.5, -0.4]), exactly([-1.1]), exactly([1.2])]},
    {operands: [exactly([0.5]), exactly([-1, 0.8, 2]), exactly([0.2, 3, 4])]},
  ],
}));

export const choices = {select: selection, clip: clipping};

const halves = [
  ...[0, -0, 1, -2.5, 65_504, 65_519, 65_520, 1e6, -1e6, 2 ** -14, 2 ** -24, 2 ** -25, 1.5 * 2 ** -25],
  ...[
    3 * 2 ** -26,
    2049,
    2051,
    257,
    259,
    1 + 2 ** -11,
    1 + 2 ** -8,
    3.39e38,
    3.4e38,
    NaN,
    Infinity,
    -Infinity,
  ],
];
const fitsFloat16 = (x: number): boolean => !(Math.abs(x) >= 65_520 && Math.abs(x) < Infinity);
const wholeTypes = ['int32', 'int64', 'uint8', 'bool', 'float64', 'float16', 'bfloat16', 'float32'] as const;

/** From every type to every type. */
const allCasts: Sample[] = fromStart(() =>
  wholeTypes.flatMap(dtype => [
    {operands: [wholly(wholeEdges)], attributes: {dtype}},
    {operands: [stored(wholeEdges, 'int64')], attributes: {dtype}},
    {operands: [stored([...wholeEdges, 1e12, -1e12, 0.7, -1.9, NaN], 'float64')], attributes: {dtype}},
    {operands: [stored(halves.filter(fitsFloat16), 'float16')], attributes: {dtype}},
    {
      operands: [
        stored(
          halves.filter(x => Math.abs(x) !== 3.4e38),
          'bfloat16',
        ),
      ],
      attributes: {dtype},
    },
    {operands: [exactly([...special, ...halves])], attributes: {dtype}},
    ...[1, 17, 515].map(n => ({operands: [chosen([n])], attributes: {dtype}})),
    ...[17, 515].map(n => ({operands: [wholes([n])], attributes: {dtype}})),
  ]),
);

export const casts: OpSamples = fromStart(() => ({
  bound: correctlyRounded,
  values: [
    ...(['int32', 'uint8', 'bool'] as const).flatMap(dtype => [
      {operands: [exactly(special)], attributes: {dtype}},
      {operands: [exactly([-1, -0.5, 255, 255.9, 256, 1e10, -1e10, 0.999, 2147483520])], attributes: {dtype}},
      ...[0, 1, 17, 513, 4097].map(n => ({operands: [wide([n])], attributes: {dtype}})),
    ]),
    ...[0, 1, 17, 513].flatMap(n => [
      {operands: [integers([n], 0, 255, 'uint8')], attributes: {dtype: 'float32'}},
      {operands: [integers([n], -300, 300)], attributes: {dtype: 'float32'}},
      {operands: [integers([n], -300, 300)], attributes: {dtype: 'uint8'}},
      {operands: [bools([n])], attributes: {dtype: 'float32'}},
    ]),
    {operands: [integers([150_001], 0, 255, 'uint8')], attributes: {dtype: 'float32'}, large: true},
    ...allCasts.filter(({operands: [x], attributes}) => x?.dtype !== (attributes as {dtype: string}).dtype),
  ],
}));
