// Samples of attention: lengths around blocks of keys and groups of queries, shared heads, every mask.
import {type Bound, unit} from './bounds.ts';
import {bools, integers, type Operand, type OpSamples, reals, type Sample} from './data.ts';

/** Batch, queries, keys, heads, heads of keys, sizes of keys and values. */
type Sizes = readonly [number, number, number, number, number, number, number];

const sizes: readonly Sizes[] = [
  [1, 1, 1, 1, 1, 1, 1],
  [2, 5, 7, 2, 2, 3, 5],
  [1, 13, 70, 2, 1, 17, 16],
  [2, 12, 64, 1, 1, 16, 32],
  [1, 50, 129, 4, 2, 16, 33],
  [2, 3, 0, 2, 1, 4, 4],
  [1, 0, 5, 2, 1, 4, 4],
  [0, 3, 4, 2, 1, 4, 4],
];
const large: Sizes = [2, 210, 150, 4, 4, 32, 32];

interface Given {
  readonly causal: boolean;
  readonly placed: boolean;
  readonly keyed: boolean;
  readonly masked: boolean;
  readonly sloped: boolean;
  readonly keep: number;
}

const plain: Given = {causal: false, placed: false, keyed: false, masked: false, sloped: false, keep: 1};
const forms: readonly Given[] = [
  plain,
  {...plain, causal: true},
  {...plain, causal: true, placed: true},
  {...plain, keyed: true},
  {...plain, masked: true, keep: 0.5},
  {...plain, sloped: true},
  {...plain, placed: true, sloped: true},
  {causal: true, placed: true, keyed: true, masked: true, sloped: false, keep: 0.5},
  {causal: true, placed: true, keyed: true, masked: true, sloped: true, keep: 0.5},
];

/** With the first key seen by all: a row that sees none has an infinite logarithm. */
function withFirst(mask: Operand): Operand {
  const keys = mask.shape.at(-1) as number;
  return {
    ...mask,
    data: Uint8Array.from(mask.data, (seen, index) => (index % keys === 0 ? 1 : Number(seen))),
  };
}

/** What follows the fixed operands. */
function moreOf(
  [batch, queries, keys, heads]: Sizes,
  given: Given,
  number: number,
  seen: boolean,
): Operand[] {
  const mask = [
    number % 2 === 0 ? batch : 1,
    number % 3 === 0 ? heads : 1,
    number % 4 < 2 ? queries : 1,
    keys,
  ];
  const place = seen || number % 2 === 0 ? 3 : -2;
  const maskOf = (shape: number[]): Operand => (seen ? withFirst(bools(shape)) : bools(shape));
  return [
    ...(given.placed ? [integers([], place, place)] : []),
    ...(given.keyed ? [maskOf([batch, keys])] : []),
    ...(given.masked ? [maskOf(mask)] : []),
    ...(given.sloped ? [reals([heads], 0.1, 0.9)] : []),
    ...(given.keep < 1 ? [integers([2], -9, 9), integers([1], 0, 9)] : []),
  ];
}

function sampleOf(own: Sizes, given: Given, number: number, back: boolean, seen = false): Sample {
  const [batch, queries, keys, heads, keyHeads, size, valueSize] = own;
  const fixed = [
    reals([batch, queries, heads, size]),
    reals([batch, keys, keyHeads, size]),
    reals([batch, keys, keyHeads, valueSize]),
  ];
  const arriving = back
    ? [
        reals([batch, queries, heads, valueSize]),
        reals([batch, heads, queries], 2, 4),
        reals([batch, queries, heads, valueSize]),
      ]
    : [];
  const operands = [...fixed, ...arriving, ...moreOf(own, given, number, seen)];
  return {operands, attributes: {scale: 1 / Math.sqrt(size), stream: number, ...given}};
}

/** Keys whose scores grow from block to block: what the scores of a row lose grows with them. */
function withGrowing(keys: Operand): Operand {
  const [, , heads, size] = keys.shape as readonly [number, number, number, number];
  const count = keys.shape[1] as number;
  const stepOf = (index: number): number => Math.floor(index / (heads * size)) % count;
  return {
    ...keys,
    data: Float32Array.from(keys.data, (x, index) => x * (1 + 3 * Math.floor(stepOf(index) / 64))),
  };
}

function growingSample(given: Given, number: number): Sample {
  const {operands, attributes} = sampleOf([1, 13, 200, 2, 1, 16, 17], given, number, false);
  const [q, k, ...others] = operands as readonly [Operand, Operand, ...Operand[]];
  return {operands: [q, withGrowing(k), ...others], attributes};
}

/** Probabilities inherit the rounding of their scores, and gradients add up as many as there are rows. */
const near =
  (count: number): Bound =>
  (_, __, exact) =>
    exact.map(values => values.map(y => (Number.isFinite(y) ? count * unit * (1 + Math.abs(y)) : 0)));

function samplesOf(back: boolean): OpSamples {
  const values = sizes.flatMap((own, index) =>
    forms.map((given, form) => sampleOf(own, given, index + form, back)),
  );
  const growing = back ? [] : forms.map(growingSample);
  const all = [forms[1], forms[7]].map((given, index) => ({
    ...sampleOf(large, given as Given, index, back),
    large: true,
  }));
  // Heads of four, whose scale of 1/2 is exact in float32 as well. Slopes are numbers that nobody derives by.
  const smooth = forms
    .filter(({sloped}) => !sloped)
    .map((given, form) => sampleOf([1, 3, 4, 2, form % 2 === 0 ? 1 : 2, 4, 3], given, form, back, true));
  return {bound: near(back ? 2048 : 256), values: [...values, ...growing, ...all], smooth};
}

export const attentionSamples = () => ({attention: samplesOf(false), attentionGrad: samplesOf(true)});
