// Samples of convolutions and pooling: odd sizes, windows larger than the image, strides larger than windows.
import type {Shape} from '../../lib/core/shape.ts';
import * as bounds from './bounds.ts';
import {exactly, integers, type Operand, type OpSamples, reals, type Sample, spread} from './data.ts';

interface Case {
  readonly sizes: Shape;
  readonly kernel: Shape;
  readonly channels?: number;
  readonly outputs?: number;
  readonly groups?: number;
  readonly strides?: Shape;
  readonly dilation?: Shape;
  /** Before and after each axis; 'same' as Keras has it. Nothing by default. */
  readonly padding?: 'same' | readonly (readonly [number, number])[];
  readonly images?: number;
  readonly large?: boolean;
}

interface Convolution {
  readonly x: Shape;
  readonly w: Shape;
  readonly y: Shape;
  readonly geometry: readonly number[];
}

function convolutionOf(given: Case): Convolution {
  const {sizes, kernel, channels = 1, outputs = 1, groups = 1, images = 2, padding} = given;
  const axes = sizes.map((size, axis) => {
    const [stride, dilation] = [given.strides?.[axis] ?? 1, given.dilation?.[axis] ?? 1];
    const reach = ((kernel[axis] as number) - 1) * dilation + 1;
    const total = Math.max((Math.ceil(size / stride) - 1) * stride + reach - size, 0);
    const [before, after] =
      padding === 'same'
        ? [Math.floor(total / 2), Math.ceil(total / 2)]
        : (padding?.[axis] ?? ([0, 0] as const));
    const windows = Math.floor((size + before + after - reach) / stride) + 1;
    return {windows, words: [stride, dilation, before]};
  });
  return {
    x: [images, ...sizes, channels],
    w: [...kernel, channels / groups, outputs],
    y: [images, ...axes.map(({windows}) => windows), outputs],
    geometry: axes.flatMap(({words}) => words),
  };
}

const cases: readonly Case[] = [
  // One axis: temporal, dilated and causal, longer than the line.
  {sizes: [7], kernel: [3], channels: 3, outputs: 5},
  {sizes: [13], kernel: [3], channels: 12, outputs: 20, dilation: [2], padding: [[4, 0]]},
  {sizes: [26], kernel: [5], channels: 50, outputs: 1, strides: [3]},
  {sizes: [3], kernel: [7], channels: 1, outputs: 3, padding: 'same'},
  {sizes: [5], kernel: [2], channels: 3, outputs: 17, strides: [4]},
  // Two: every width, one channel to fifty, one row of pixels.
  {sizes: [5, 7], kernel: [3, 3], channels: 3, outputs: 20, padding: 'same'},
  {sizes: [13, 13], kernel: [3, 3], channels: 20, outputs: 12, padding: 'same'},
  {sizes: [26, 5], kernel: [5, 5], channels: 1, outputs: 50, strides: [2, 2], padding: 'same'},
  {sizes: [3, 3], kernel: [5, 5], channels: 12, outputs: 3, padding: 'same'},
  {sizes: [7, 7], kernel: [2, 2], channels: 3, outputs: 16, strides: [3, 3]},
  {sizes: [1, 26], kernel: [1, 3], channels: 12, outputs: 20, padding: 'same'},
  {sizes: [7, 5], kernel: [3, 3], channels: 50, outputs: 50, padding: 'same', images: 1},
  {sizes: [7, 13], kernel: [2, 4], channels: 3, outputs: 12, padding: 'same', strides: [2, 3]},
  {sizes: [13, 7], kernel: [3, 2], channels: 3, outputs: 3, dilation: [2, 3], padding: 'same'},
  {sizes: [5, 5], kernel: [1, 1], channels: 20, outputs: 33, strides: [2, 2]},
  // Strides and dilations with and without a common divisor: phases that no tap reaches.
  {
    sizes: [13, 9],
    kernel: [3, 3],
    channels: 3,
    outputs: 5,
    strides: [2, 3],
    dilation: [2, 2],
    padding: 'same',
  },
  {sizes: [13], kernel: [3], channels: 5, outputs: 3, strides: [4], dilation: [6], padding: [[7, 9]]},
  // Groups, and each channel for itself.
  {sizes: [7, 5], kernel: [3, 3], channels: 12, outputs: 20, groups: 4, padding: 'same'},
  {sizes: [7, 5], kernel: [3, 3], channels: 12, outputs: 12, groups: 12, padding: 'same'},
  {sizes: [13, 13], kernel: [3, 3], channels: 50, outputs: 50, groups: 50, padding: 'same', strides: [2, 2]},
  {sizes: [5, 26], kernel: [5, 3], channels: 20, outputs: 20, groups: 20, dilation: [1, 2], padding: 'same'},
  {sizes: [5, 3], kernel: [3, 3], channels: 20, outputs: 40, groups: 20, padding: 'same'},
  {sizes: [5, 5], kernel: [20, 20], channels: 3, outputs: 3, groups: 3, padding: 'same', images: 1},
  {sizes: [26], kernel: [3], channels: 130, outputs: 130, groups: 130, strides: [3]},
  // The same with strides beyond the kernel, on both axes or on one.
  {sizes: [9, 7], kernel: [1, 1], channels: 20, outputs: 20, groups: 20, strides: [2, 3]},
  {sizes: [8, 8], kernel: [1, 3], channels: 5, outputs: 5, groups: 5, strides: [2, 2], padding: 'same'},
  {sizes: [8, 9], kernel: [3, 1], channels: 17, outputs: 17, groups: 17, strides: [1, 4]},
  {sizes: [9], kernel: [2], channels: 16, outputs: 16, groups: 16, strides: [5], dilation: [2]},
  // Three axes.
  {sizes: [3, 5, 3], kernel: [2, 3, 3], channels: 3, outputs: 12, strides: [1, 2, 1], padding: 'same'},
  {sizes: [3, 5, 7], kernel: [3, 3, 3], channels: 3, outputs: 3, groups: 3, padding: 'same'},
  // Nothing at all.
  {sizes: [5, 5], kernel: [3, 3], channels: 3, outputs: 4, images: 0},
  {sizes: [5, 5], kernel: [3, 3], channels: 3, outputs: 3, groups: 3, images: 0},
  // Single channels in whole tiles of pixels, and at their edges; kernels with tiles and without.
  {sizes: [4, 26], kernel: [3, 3], channels: 35, outputs: 35, groups: 35, padding: 'same'},
  {sizes: [3, 40], kernel: [5, 5], channels: 17, outputs: 17, groups: 17, strides: [1, 2], padding: 'same'},
  {sizes: [7, 19], kernel: [7, 7], channels: 20, outputs: 20, groups: 20, padding: 'same'},
  {sizes: [70], kernel: [2], channels: 20, outputs: 20, groups: 20, strides: [2]},
  // Winograd's products: odd sizes, panels that are not full, several chains.
  {sizes: [7, 13], kernel: [3, 3], channels: 32, outputs: 48, padding: 'same', images: 3},
  {sizes: [8, 6], kernel: [3, 3], channels: 48, outputs: 80, images: 1},
  {sizes: [6, 6], kernel: [3, 3], channels: 112, outputs: 32, padding: 'same', images: 1},
  {sizes: [9, 9], kernel: [3, 3], channels: 16, outputs: 32, padding: 'same', images: 5},
  // Few channels, whose gradient of the kernel reads copied lines.
  {sizes: [3, 4, 9], kernel: [2, 3, 3], channels: 2, outputs: 20, padding: 'same', images: 4},
  {sizes: [9, 8], kernel: [3, 3], channels: 3, outputs: 35, dilation: [2, 1], padding: 'same', images: 9},
  // Few channels of a result, that of a convolution or of a gradient: lines in pieces, long sums, many taps,
  // padding beyond the reach of the kernel.
  {sizes: [3, 600], kernel: [3, 3], channels: 2, outputs: 9, padding: 'same', images: 1},
  {sizes: [5, 300], kernel: [3, 5], channels: 17, outputs: 2, dilation: [1, 4], padding: 'same', images: 1},
  {sizes: [5, 4], kernel: [3, 3], channels: 400, outputs: 3, padding: 'same', images: 1},
  {sizes: [5, 4], kernel: [3, 3], channels: 3, outputs: 400, padding: 'same', images: 1},
  {sizes: [9, 9], kernel: [7, 7], channels: 3, outputs: 16, strides: [2, 2], padding: 'same'},
  {
    sizes: [6, 7],
    kernel: [2, 3],
    channels: 8,
    outputs: 8,
    padding: [
      [3, 0],
      [5, 4],
    ],
  },
  {sizes: [4, 5, 6], kernel: [3, 2, 3], channels: 9, outputs: 4, padding: 'same'},
];
const largeCases: readonly Case[] = [
  {sizes: [40, 40], kernel: [3, 3], channels: 3, outputs: 16, padding: 'same', images: 1, large: true},
  {sizes: [40, 30], kernel: [3, 3], channels: 16, outputs: 4, padding: 'same', images: 2, large: true},
  {sizes: [26, 13], kernel: [3, 3], channels: 20, outputs: 50, padding: 'same', images: 4, large: true},
  {
    sizes: [26, 13],
    kernel: [3, 3],
    channels: 50,
    outputs: 50,
    groups: 50,
    padding: 'same',
    images: 8,
    large: true,
  },
];
const smoothCases: readonly Case[] = [
  {sizes: [5], kernel: [3], channels: 2, outputs: 3, padding: 'same'},
  {sizes: [4, 5], kernel: [3, 2], channels: 2, outputs: 3, strides: [2, 1], padding: 'same'},
  {sizes: [5, 4], kernel: [2, 3], channels: 2, outputs: 2, groups: 2, padding: 'same', images: 1},
  {sizes: [4, 4], kernel: [2, 2], channels: 4, outputs: 2, groups: 2, dilation: [2, 1], images: 1},
  {sizes: [3, 3, 2], kernel: [2, 2, 2], channels: 1, outputs: 2, images: 1},
];

const plain = {bias: false, map: null, direct: false, bfloat16: false, guarded: false};

type Kind = 'conv' | 'convInput' | 'convKernel';

function sampleOf(kind: Kind, given: Case, parts = 1): Sample {
  const {x, w, y, geometry} = convolutionOf(given);
  const large = given.large ? {large: true} : {};
  if (kind === 'conv') {
    return {operands: [reals(x), reals(w)], attributes: {...plain, geometry, shape: y}, ...large};
  }
  if (kind === 'convInput') {
    return {operands: [reals(y), reals(w)], attributes: {...plain, geometry, shape: x}, ...large};
  }
  // Parts are those of direct sums: by Winograd's products, other pixels would go to each.
  const attributes = {direct: parts > 1, bfloat16: false, geometry, shape: [parts, ...w]};
  return {operands: [reals(x), reals(y)], attributes, ...large};
}

const maps = [null, 'relu(x: f32) -> y: f32', 'add(a: f32, b: f32) -> y: f32', 'tanh(x: f32) -> y: f32'];

/** Bias, map and guard, all or some of them. */
function followed(sample: Sample, index: number): Sample {
  const {shape} = sample.attributes as {shape: Shape};
  const map = maps[index % maps.length] as string | null;
  const bias = index % 3 !== 1;
  const operands: Operand[] = [
    ...sample.operands,
    ...(bias ? [reals([shape.at(-1) as number])] : []),
    ...(map?.includes('b:') ? [reals(shape)] : []),
  ];
  return {...sample, operands, attributes: {...sample.attributes, bias, map, guarded: index % 2 === 0}};
}

/** Two of three, of more than single channels, which are no products. */
const inBfloat16 = (kind: Kind, parts?: number): Sample[] =>
  [...cases, ...largeCases.slice(0, 1)]
    .filter(({channels, outputs, groups = 1}) => groups === 1 || groups !== channels || groups !== outputs)
    .filter((_, index) => index % 3 !== 1)
    .map(given => {
      const sample = sampleOf(kind, given, parts);
      return {...sample, attributes: {...sample.attributes, bfloat16: true}};
    });

export function convolutions(kind: Kind): OpSamples {
  if (kind === 'convKernel') {
    const values = [...cases, ...largeCases].flatMap(given =>
      [1, 3].map(parts => sampleOf(kind, given, parts)),
    );
    return {bound: bounds.convolutions, values: [...values, ...inBfloat16(kind, 2), ...inBfloat16(kind)]};
  }
  const values = [...cases, ...largeCases].map(given => sampleOf(kind, given));
  return {
    bound: bounds.convolutions,
    values: [...values, ...values.map(followed), ...inBfloat16(kind).map(followed)],
    smooth: smoothCases.map(given => sampleOf(kind, given)),
  };
}

interface Pooling {
  readonly x: Shape;
  readonly y: Shape;
  readonly geometry: readonly number[];
  readonly large?: boolean;
}

/** A window and a stride for each axis; 'same' padding where it is asked for. */
function pooling(x: Shape, size: Shape, strides: Shape, same = false, large = false): Pooling {
  const axes = x.slice(1, -1).map((length, axis) => {
    const [own, stride] = [size[axis] as number, strides[axis] as number];
    const windows = same ? Math.ceil(length / stride) : Math.floor((length - own) / stride) + 1;
    const total = same ? Math.max((windows - 1) * stride + own - length, 0) : 0;
    return {windows, words: [own, stride, Math.floor(total / 2)]};
  });
  const y = [x[0] as number, ...axes.map(({windows}) => windows), x.at(-1) as number];
  return {x, y, geometry: axes.flatMap(({words}) => words), large};
}

/** So many windows that share the image out. */
const sharedOut = (x: Shape, sizes: Shape): Pooling => ({
  x,
  y: [x[0] as number, ...sizes, x.at(-1) as number],
  geometry: sizes.flatMap(() => [0, 1, 0]),
});

const poolings: readonly Pooling[] = [
  pooling([2, 7, 3], [2], [2]),
  pooling([2, 5, 1], [3], [1], true),
  pooling([2, 26, 26, 20], [2, 2], [2, 2]),
  pooling([1, 13, 7, 12], [3, 3], [2, 2], true),
  pooling([2, 5, 3, 50], [2, 3], [3, 1], true),
  pooling([1, 3, 3, 1], [3, 3], [1, 1], true),
  pooling([1, 7, 7, 130], [7, 7], [7, 7]),
  pooling([2, 3, 5, 3, 3], [2, 2, 2], [1, 2, 1], true),
  pooling([0, 4, 4, 3], [2, 2], [2, 2]),
  sharedOut([2, 7, 5, 20], [3, 2]),
  sharedOut([2, 3, 3], [5]),
  sharedOut([1, 13, 13, 3], [1, 1]),
  pooling([8, 40, 40, 20], [3, 3], [2, 2], true, true),
];
const smoothPoolings: readonly Pooling[] = [
  pooling([2, 5, 2], [2], [2]),
  pooling([1, 4, 5, 2], [3, 2], [1, 2], true),
  pooling([1, 3, 2, 4, 1], [2, 1, 2], [1, 1, 2]),
  sharedOut([1, 5, 3, 2], [2, 2]),
];

type Pooled = 'largest' | 'largestGradient' | 'mean' | 'meanGradient';

function poolSample(kind: Pooled, {x, y, geometry, large = false}: Pooling): Sample {
  const forward = kind === 'largest' || kind === 'mean';
  const first = kind.startsWith('largest') ? [spread(x)] : [];
  const second = kind === 'largest' || kind === 'mean' ? reals(x) : reals(y);
  return {operands: [...first, second], attributes: {geometry, shape: forward ? y : x}, large};
}

/** Ties go to the first; a NaN is the largest, and the first of them. */
const tied = (kind: 'largest' | 'largestGradient'): Sample[] => {
  const x = exactly([1, 3, 3, -Infinity, 2, Number.NaN, 5, Number.NaN, -0, 0, 0, -0], [1, 12, 1]);
  const {y, geometry} = pooling([1, 12, 1], [3], [1]);
  const shape = kind === 'largest' ? y : x.shape;
  return [{operands: [x, reals(kind === 'largest' ? x.shape : y)], attributes: {geometry, shape}}];
};

export function pools(kind: Pooled): OpSamples {
  const ties = kind === 'largest' || kind === 'largestGradient' ? tied(kind) : [];
  return {
    bound: kind === 'largest' ? bounds.correctlyRounded : bounds.windowSums,
    values: [...ties, ...poolings.map(own => poolSample(kind, own))],
    smooth: smoothPoolings.map(own => poolSample(kind, own)),
  };
}

/** A band of random weights, some of them 0; `outside` lets it reach beyond the operand. */
function banded(x: Shape, axis: number, positions: number, taps: number, outside = false): Sample {
  const size = x[axis] as number;
  const [low, high] = outside ? [-taps - 1, size + 1] : [0, Math.max(0, size - taps)];
  const {data, ...weights} = reals([positions, taps]);
  const starts = integers([positions], low, high);
  const sparse = data.map((weight, at) => (at % 7 === 3 ? 0 : weight));
  return {operands: [reals(x), starts, {...weights, data: sparse}], attributes: {axis}};
}

export function resamplings(): OpSamples {
  return {
    bound: bounds.resamplings,
    values: [
      banded([7], 0, 5, 2),
      banded([2, 9, 3], 1, 20, 2),
      banded([2, 9, 5, 1], 2, 3, 4),
      banded([1, 13, 7, 20], 1, 26, 6),
      banded([2, 5, 26, 12], 2, 13, 3),
      banded([3, 5, 130], 1, 4, 5, true),
      banded([2, 3, 4, 5, 3], 3, 7, 2, true),
      banded([2, 4, 3], 1, 0, 2),
      banded([0, 4, 3], 1, 6, 2),
      banded([2, 1, 3], 1, 4, 1),
      {...banded([4, 40, 40, 20], 1, 65, 4), large: true},
    ],
  };
}
