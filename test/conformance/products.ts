// Samples of matrix products: sizes around every tile, all transpositions, all that may follow, batches.
import type {Shape} from '../../lib/core/shape.ts';
import * as bounds from './bounds.ts';
import {type Operand, type OpSamples, reals, type Sample, wholes} from './data.ts';
import {fromStart} from './random.ts';

type Sizes = readonly [rows: number, inner: number, columns: number];

interface Attributes {
  readonly transposeA: boolean;
  readonly transposeB: boolean;
  readonly bfloat16: boolean;
  readonly bias: boolean;
  readonly map: string | null;
  readonly guarded: boolean;
}

interface Product extends Sample {
  readonly attributes: Attributes;
}

/** Around every tile, and around the block of 384 within which one chain of FMAs runs. */
const sizes: readonly Sizes[] = [
  [0, 3, 4],
  [3, 0, 4],
  [3, 4, 0],
  [1, 1, 1],
  [1, 5, 1],
  [5, 7, 9],
  [1, 33, 17],
  [17, 16, 1],
  [16, 31, 16],
  [13, 383, 15],
  [7, 384, 33],
  [33, 385, 31],
  [15, 768, 49],
  [2, 1153, 65],
];

const plain = {bfloat16: false, bias: false, map: null, guarded: false};
const transpositions = [false, true].flatMap(transposeA =>
  [false, true].map(transposeB => ({transposeA, transposeB, ...plain})),
);

function productOf([m, k, n]: Sizes, form: number, batchA: Shape = [], batchB: Shape = []): Product {
  const attributes = transpositions[form] as Attributes;
  const a = reals([...batchA, ...(attributes.transposeA ? [k, m] : [m, k])]);
  const b = reals([...batchB, ...(attributes.transposeB ? [n, k] : [k, n])]);
  return {operands: [a, b], attributes};
}

const inAllForms = (make: (form: number) => Product): Product[] =>
  transpositions.map((_, form) => make(form));

const matrices: readonly Product[] = fromStart(() => [
  ...sizes.flatMap(own => inAllForms(form => productOf(own, form))),
  ...inAllForms(form => ({...productOf([129, 400, 131], form), large: true})),
]);
const smooth: readonly Product[] = fromStart(() =>
  transpositions.flatMap((_, form) => [productOf([3, 4, 2], form), productOf([0, 3, 2], form)]),
);

const resultOf = ({operands, attributes}: Product): readonly [rows: number, columns: number] => {
  const [a, b] = operands as readonly [Operand, Operand];
  return [
    a.shape.at(attributes.transposeA ? -1 : -2) as number,
    b.shape.at(attributes.transposeB ? -2 : -1) as number,
  ];
};

const activations = [null, ...['relu', 'tanh', 'sigmoid', 'neg'].map(name => `${name}(x: f32) -> y: f32`)];
const combinations = ['reluGrad', 'add', 'sub'].map(name => `${name}(a: f32, b: f32) -> y: f32`);

/** With a bias, or without one where an activation follows. */
const activated: readonly Product[] = fromStart(() =>
  matrices.flatMap((sample, index) => {
    const map = activations[index % activations.length] as string | null;
    const bias = reals([resultOf(sample)[1]]);
    const biased = {
      ...sample,
      operands: [...sample.operands, bias],
      attributes: {...sample.attributes, map, bias: true},
    };
    return index % 3 === 0 ? [{...sample, attributes: {...sample.attributes, map}}, biased] : [biased];
  }),
);

/** With another operand of the product's shape. */
const combined: readonly Product[] = fromStart(() =>
  matrices.map((sample, index) => {
    const map = combinations[index % 3] as string;
    const operands = [...sample.operands, reals(resultOf(sample))];
    return {...sample, operands, attributes: {...sample.attributes, map}};
  }),
);

const guarded = (sample: Product): Product => ({
  ...sample,
  attributes: {...sample.attributes, guarded: true},
});
const inBfloat16 = (sample: Product): Product => ({
  ...sample,
  attributes: {...sample.attributes, bfloat16: true},
});

/** Axes before the last two: as many, fewer, broadcast on either side and on both, none, up to rank six. */
const batches: readonly (readonly [a: Shape, b: Shape])[] = [
  [[3], [3]],
  [[3], [1]],
  [[1], [3]],
  [[], [4]],
  [[4], []],
  [
    [2, 1],
    [1, 3],
  ],
  [[3, 2], [2]],
  [[1], [1, 1]],
  [
    [2, 1, 3],
    [4, 1],
  ],
  [
    [2, 1, 2, 1],
    [1, 3, 1, 2],
  ],
  [
    [1, 2, 3, 2],
    [1, 2, 3, 2],
  ],
  [[0], [1]],
  [[2, 0], [1]],
];

const inBatches: readonly Sizes[] = [
  [1, 1, 1],
  [5, 7, 9],
  [1, 33, 17],
  [17, 16, 1],
  [16, 31, 16],
  [2, 0, 3],
  [0, 3, 2],
  [3, 386, 15],
  [13, 20, 49],
];

/** Bias, map, another operand and guard, all at once or some. */
function withEpilogue(sample: Product, index: number): Product {
  const [rows, columns] = resultOf(sample);
  const [a, b] = sample.operands.map(({shape}): Shape => shape.slice(0, -2)) as [Shape, Shape];
  const rank = Math.max(a.length, b.length);
  const batch = Array.from({length: rank}, (_, axis) => {
    const [ofA, ofB] = [a, b].map(shape => shape[axis - rank + shape.length] ?? 1) as [number, number];
    return ofA === 1 ? ofB : ofA;
  });
  const bias = index % 2 === 0;
  const other = index % 3 !== 0;
  const map = other ? (combinations[index % combinations.length] as string) : (activations[1] as string);
  const operands = [
    ...sample.operands,
    ...(bias ? [reals([columns])] : []),
    ...(other ? [reals([...batch, rows, columns])] : []),
  ];
  return {...sample, operands, attributes: {...sample.attributes, bias, map, guarded: index % 5 < 2}};
}

function batchedProducts(): Product[] {
  const small = batches.flatMap(([a, b], index) =>
    inAllForms(form => productOf(inBatches[(index + form) % inBatches.length] as Sizes, form, a, b)),
  );
  const large = inAllForms(form => ({
    ...(form % 2 === 0
      ? productOf([33, 20, 65], form, [40], [40])
      : productOf([129, 130, 70], form, [3, 1], [2])),
    large: true,
  }));
  const all = [...small, ...large];
  const following = all.map(withEpilogue);
  return [
    ...all,
    ...following,
    ...[...all, ...following].filter((_, index) => index % 3 === 0).map(inBfloat16),
  ];
}

/** Made when asked for: later draws of the shared sequence of numbers leave the earlier ones as they were. */
function products(): OpSamples {
  const all = [...matrices, ...activated, ...combined, ...matrices.map(guarded)];
  const small: readonly (readonly [Shape, Shape])[] = [
    [[2], [2]],
    [[2], [1]],
    [[], [2]],
    [
      [2, 1],
      [1, 2],
    ],
  ];
  return {
    bound: bounds.products,
    values: [...all, ...all.slice(matrices.length).map(inBfloat16), ...batchedProducts()],
    smooth: [...smooth, ...small.flatMap(([a, b]) => inAllForms(form => productOf([2, 3, 2], form, a, b)))],
  };
}

/** Of int32, among them products and sums that wrap. */
const integerProducts: OpSamples = fromStart(() => {
  const ofWholes = ({operands, attributes: {transposeA, transposeB}, ...sample}: Product): Sample => ({
    ...sample,
    operands: operands.map(({shape}) => wholes(shape)),
    attributes: {transposeA, transposeB},
  });
  const small = batches.flatMap(([a, b], index) =>
    inAllForms(form => productOf(inBatches[(index + form) % inBatches.length] as Sizes, form, a, b)),
  );
  return {bound: bounds.correctlyRounded, values: [...matrices, ...small].map(ofWholes)};
});

export const productSamples = () => ({matmul: products(), matmulIntegers: integerProducts});
