// Every layer of images, and its formula in float64, position by position.
import {type Layer, layers} from '../../../lib/index.ts';
import {positions} from '../../reference/conv.ts';
import type {LayerCase} from './check-layer.ts';
import {
  convolved,
  eachChannel,
  indexOf,
  meanOf,
  mostOf,
  type Numbers,
  pooled,
  sizeOf,
  spread,
  type Windows,
  withBias,
} from './image-formulas.ts';
import {preprocessingCases} from './preprocessing-cases.ts';

const convolutions: Record<string, LayerCase> = {
  conv1d: {
    make: () =>
      layers.conv1d({filters: 3, kernelSize: 2, padding: 'causal', dilationRate: 2, activation: 'tanh'}),
    inputs: [[5, 2]],
    output: [5, 3],
    weights: {kernel: [2, 2, 3], bias: [3]},
    formula: ([x], {kernel, bias}) => {
      const windows = {sizes: [5], kernel: [2], output: [5], dilation: 2, before: [2]};
      return withBias(convolved(x as number[], kernel as number[], windows, 3), bias).map(Math.tanh);
    },
  },
  conv2d: {
    make: () =>
      layers.conv2d({filters: 4, kernelSize: [3, 2], padding: 'same', groups: 2, kernelRegularizer: 'l2'}),
    inputs: [[3, 3, 2]],
    output: [3, 3, 4],
    weights: {kernel: [3, 2, 1, 4], bias: [4]},
    formula: ([x], {kernel, bias}) => {
      const windows = {sizes: [3, 3], kernel: [3, 2], output: [3, 3], before: [1, 0]};
      return withBias(convolved(x as number[], kernel as number[], windows, 4, 2), bias);
    },
  },
  'conv2d of one pixel, a matrix': {
    make: () => layers.conv2d({filters: 3, kernelSize: 1}),
    inputs: [[2, 3, 2]],
    output: [2, 3, 3],
    weights: {kernel: [1, 1, 2, 3], bias: [3]},
    formula: ([x], {kernel, bias}) => {
      const windows = {sizes: [2, 3], kernel: [1, 1], output: [2, 3]};
      return withBias(convolved(x as number[], kernel as number[], windows, 3), bias);
    },
  },
  'conv2d with strides and explicit padding, without bias': {
    make: () => layers.conv2d({filters: 2, kernelSize: 3, strides: 2, padding: [1, [2, 1]], useBias: false}),
    inputs: [[4, 3, 1]],
    output: [2, 2, 2],
    weights: {kernel: [3, 3, 1, 2]},
    formula: ([x], {kernel}) => {
      const windows = {sizes: [4, 3], kernel: [3, 3], output: [2, 2], strides: 2, before: [1, 2]};
      return convolved(x as number[], kernel as number[], windows, 2);
    },
  },
  conv3d: {
    make: () => layers.conv3d({filters: 2, kernelSize: 2}),
    inputs: [[2, 3, 3, 1]],
    output: [1, 2, 2, 2],
    weights: {kernel: [2, 2, 2, 1, 2], bias: [2]},
    formula: ([x], {kernel, bias}) => {
      const windows = {sizes: [2, 3, 3], kernel: [2, 2, 2], output: [1, 2, 2]};
      return withBias(convolved(x as number[], kernel as number[], windows, 2), bias);
    },
  },
  conv1dTranspose: {
    make: () => layers.conv1dTranspose({filters: 3, kernelSize: 3, strides: 2}),
    inputs: [[3, 2]],
    output: [7, 3],
    weights: {kernel: [3, 3, 2], bias: [3]},
    formula: ([x], {kernel, bias}) => {
      const windows = {sizes: [7], kernel: [3], output: [3], strides: 2};
      return withBias(spread(x as number[], kernel as number[], windows, 3), bias);
    },
  },
  conv2dTranspose: {
    make: () => layers.conv2dTranspose({filters: 2, kernelSize: 3, strides: 2, padding: 'same'}),
    inputs: [[2, 3, 2]],
    output: [4, 6, 2],
    weights: {kernel: [3, 3, 2, 2], bias: [2]},
    // 7 × 9 with what is cut off: 3 less, of which one before.
    formula: ([x], {kernel, bias}) => {
      const windows = {sizes: [4, 6], kernel: [3, 3], output: [2, 3], strides: 2, before: [0, 0]};
      return withBias(spread(x as number[], kernel as number[], windows, 2), bias);
    },
  },
  'conv2dTranspose with outputPadding': {
    make: () =>
      layers.conv2dTranspose({
        filters: 1,
        kernelSize: 3,
        strides: 2,
        padding: [[1, 1], 1],
        outputPadding: [1, 0],
        useBias: false,
      }),
    inputs: [[2, 2, 2]],
    output: [4, 3, 1],
    weights: {kernel: [3, 3, 1, 2]},
    formula: ([x], {kernel}) => {
      const windows = {sizes: [4, 3], kernel: [3, 3], output: [2, 2], strides: 2, before: [1, 1]};
      return spread(x as number[], kernel as number[], windows, 1);
    },
  },
  conv3dTranspose: {
    make: () => layers.conv3dTranspose({filters: 1, kernelSize: [1, 2, 2], dilationRate: [1, 2, 1]}),
    inputs: [[2, 2, 2, 1]],
    output: [2, 4, 3, 1],
    weights: {kernel: [1, 2, 2, 1, 1], bias: [1]},
    formula: ([x], {kernel, bias}) => {
      const y = new Array<number>(24).fill(bias?.[0] as number);
      for (const [d = 0, h = 0, w = 0] of positions([2, 2, 2])) {
        for (const [i = 0, j = 0] of positions([2, 2])) {
          const to = (d * 4 + h + 2 * i) * 3 + w + j;
          const own = (x as number[])[(d * 2 + h) * 2 + w] as number;
          y[to] = (y[to] as number) + own * (kernel?.[i * 2 + j] as number);
        }
      }
      return y;
    },
  },
  depthwiseConv1d: {
    make: () => layers.depthwiseConv1d({kernelSize: 2, strides: 2}),
    inputs: [[5, 3]],
    output: [2, 3],
    weights: {kernel: [2, 3, 1], bias: [3]},
    formula: ([x], {kernel, bias}) => {
      const windows = {sizes: [5], kernel: [2], output: [2], strides: 2};
      return withBias(eachChannel(x as number[], kernel as number[], windows, 1), bias);
    },
  },
  depthwiseConv2d: {
    make: () => layers.depthwiseConv2d({kernelSize: 3, padding: 'same', depthMultiplier: 2, useBias: false}),
    inputs: [[3, 2, 2]],
    output: [3, 2, 4],
    weights: {kernel: [3, 3, 2, 2]},
    formula: ([x], {kernel}) => {
      const windows = {sizes: [3, 2], kernel: [3, 3], output: [3, 2], before: [1, 1]};
      return eachChannel(x as number[], kernel as number[], windows, 2);
    },
  },
  separableConv1d: {
    make: () => layers.separableConv1d({filters: 2, kernelSize: 2, padding: 'causal'}),
    inputs: [[4, 3]],
    output: [4, 2],
    weights: {depthwiseKernel: [2, 3, 1], pointwiseKernel: [1, 3, 2], bias: [2]},
    formula: ([x], {depthwiseKernel, pointwiseKernel, bias}) => {
      const windows = {sizes: [4], kernel: [2], output: [4], before: [1]};
      const each = eachChannel(x as number[], depthwiseKernel as number[], windows, 1);
      const all = {sizes: [4], kernel: [1], output: [4]};
      return withBias(convolved(each, pointwiseKernel as number[], all, 2), bias);
    },
  },
  separableConv2d: {
    make: () => layers.separableConv2d({filters: 3, kernelSize: 2, strides: 2, depthMultiplier: 2}),
    inputs: [[4, 2, 2]],
    output: [2, 1, 3],
    weights: {depthwiseKernel: [2, 2, 2, 2], pointwiseKernel: [1, 1, 4, 3], bias: [3]},
    formula: ([x], {depthwiseKernel, pointwiseKernel, bias}) => {
      const windows = {sizes: [4, 2], kernel: [2, 2], output: [2, 1], strides: 2};
      const each = eachChannel(x as number[], depthwiseKernel as number[], windows, 2);
      const all = {sizes: [2, 1], kernel: [1, 1], output: [2, 1]};
      return withBias(convolved(each, pointwiseKernel as number[], all, 3), bias);
    },
  },
};

/** Samples with one, two and three axes of space. */
const samples = [
  {sizes: [5], halves: [2], same: [3], before: [0]},
  {sizes: [3, 4], halves: [1, 2], same: [2, 2], before: [0, 0]},
  {sizes: [2, 3, 4], halves: [1, 1, 2], same: [1, 2, 2], before: [0, 0, 0]},
] as const;

type Make = (options?: object) => Layer;
const namespace = layers as unknown as Readonly<Record<string, Make>>;
const layerOf = (name: string, options?: object): Layer => (namespace[name] as Make)(options);

/** Pooling of so many axes: windows of 2, `same` with an odd one, all, and shared out. */
function poolings(axes: number): Record<string, LayerCase> {
  const {sizes: own, halves, same, before} = samples[axes - 1] as (typeof samples)[number];
  const sizes = [...own];
  const inputs = [[...sizes, 2]];
  const kernel = sizes.map(() => 2);
  const windows: Windows = {sizes, kernel, output: [...halves], strides: 2};
  const padded: Windows = {...windows, output: [...same], before: [...before]};
  const whole: Windows = {sizes, kernel: sizes, output: sizes.map(() => 1)};
  const case1 = (name: string, options: object | undefined, given: Windows, pool: typeof meanOf) => ({
    make: () => layerOf(name, options),
    inputs,
    output: [...given.output, 2],
    formula: ([x]: number[][]) => pooled(x as number[], given, pool),
  });
  const halvesOfFirst = (pool: typeof meanOf) => (x: number[]) => {
    // Two windows share the first axis out, one each of the others.
    const size = sizes[0] as number;
    const each = x.length / size;
    const part = (first: number, end: number) => x.slice(first * each, end * each);
    const one = (values: number[]) =>
      [0, 1].map(channel => pool(values.filter((_, at) => at % 2 === channel)));
    return [...one(part(0, Math.ceil(size / 2))), ...one(part(Math.floor(size / 2), size))];
  };
  const adaptive = (name: string, pool: typeof meanOf): LayerCase => ({
    make: () => layerOf(name, {outputSize: sizes.map((_, axis) => (axis === 0 ? 2 : 1))}),
    inputs,
    output: [...sizes.map((_, axis) => (axis === 0 ? 2 : 1)), 2],
    formula: ([x]) => halvesOfFirst(pool)(x as number[]),
  });
  const all = (name: string, keepDims: boolean, pool: typeof meanOf): LayerCase => ({
    ...case1(name, keepDims ? {keepDims} : undefined, whole, pool),
    output: keepDims ? [...sizes.map(() => 1), 2] : [2],
  });
  return {
    [`maxPooling${axes}d`]: case1(`maxPooling${axes}d`, undefined, windows, mostOf),
    [`maxPooling${axes}d, same`]: case1(`maxPooling${axes}d`, {padding: 'same'}, padded, mostOf),
    [`averagePooling${axes}d`]: case1(`averagePooling${axes}d`, {strides: 2}, windows, meanOf),
    [`averagePooling${axes}d, same`]: case1(`averagePooling${axes}d`, {padding: 'same'}, padded, meanOf),
    [`globalMaxPooling${axes}d`]: all(`globalMaxPooling${axes}d`, false, mostOf),
    [`globalAveragePooling${axes}d`]: all(`globalAveragePooling${axes}d`, true, meanOf),
    [`adaptiveMaxPooling${axes}d`]: adaptive(`adaptiveMaxPooling${axes}d`, mostOf),
    [`adaptiveAveragePooling${axes}d`]: adaptive(`adaptiveAveragePooling${axes}d`, meanOf),
  };
}

/** Elements of an image by where each of the result comes from; null for a zero. */
function picked(
  x: Numbers,
  sizes: readonly number[],
  output: readonly number[],
  from: (at: number, axis: number) => number,
): number[] {
  const channels = x.length / sizeOf(sizes);
  return [...positions(output)].flatMap(at => {
    const index = indexOf(at.map(from), sizes);
    return Array.from({length: channels}, (_, channel) =>
      index < 0 ? 0 : (x[index * channels + channel] as number),
    );
  });
}

function resizings(axes: number): Record<string, LayerCase> {
  const sizes = [...(samples[axes - 1] as (typeof samples)[number]).sizes];
  const inputs = [[...sizes, 2]];
  const wider = sizes.map((size, axis) => size + (axis === 0 ? 3 : 2));
  const sides = sizes.map((_, axis) => (axis === 0 ? [1, 2] : [1, 1]));
  const narrower = sizes.map((size, axis) => (axis === 0 ? size - 1 : size));
  const twice = sizes.map(size => 2 * size);
  const case1 = (
    name: string,
    options: object,
    output: number[],
    from: (at: number, axis: number) => number,
  ) => ({
    make: () => layerOf(name, options),
    inputs,
    output: [...output, 2],
    formula: ([x]: number[][]) => picked(x as number[], sizes, output, from),
  });
  const cut = sizes.map((_, axis) => (axis === 0 ? [1, 0] : [0, 0]));
  return {
    [`zeroPadding${axes}d`]: case1(`zeroPadding${axes}d`, {padding: sides}, wider, at => at - 1),
    [`cropping${axes}d`]: case1(`cropping${axes}d`, {cropping: cut}, narrower, (at, axis) =>
      axis === 0 ? at + 1 : at,
    ),
    [`upSampling${axes}d`]: case1(`upSampling${axes}d`, {size: 2}, twice, at => Math.floor(at / 2)),
  };
}

/** From the middle of a pixel to that of the next. */
function between(line: Numbers, factor: number): number[] {
  return Array.from({length: line.length * factor}, (_, i) => {
    const at = Math.min(Math.max((i + 0.5) / factor - 0.5, 0), line.length - 1);
    const below = Math.floor(at);
    const above = Math.min(below + 1, line.length - 1);
    return (line[below] as number) * (1 - at + below) + (line[above] as number) * (at - below);
  });
}

/** Groups of 2 of 4 channels over 3 positions. */
function groupsNormalized(x: Numbers): number[] {
  const groupOf = (at: number): number => Math.floor((at % 4) / 2);
  return x.map((value, at) => {
    const own = x.filter((_, other) => groupOf(other) === groupOf(at));
    const mean = meanOf(own);
    return (value - mean) / Math.sqrt(meanOf(own.map(each => (each - mean) ** 2)) + 1e-3);
  });
}

const others: Record<string, LayerCase> = {
  'upSampling2d, bilinear': {
    make: () => layers.upSampling2d({size: [3, 2], interpolation: 'bilinear'}),
    inputs: [[2, 3, 1]],
    output: [6, 6, 1],
    formula: ([x]) => {
      const rows = [0, 1].map(row => between((x as number[]).slice(3 * row, 3 * row + 3), 2));
      const columns = Array.from({length: 6}, (_, at) =>
        between(
          rows.map(row => row[at] as number),
          3,
        ),
      );
      return Array.from({length: 6}, (_, row) => columns.map(column => column[row] as number)).flat();
    },
  },
  'batchNormalization of images': {
    make: () => layers.batchNormalization({momentum: 0.9}),
    inputs: [[2, 2, 3]],
    output: [2, 2, 3],
    weights: {gamma: [3], beta: [3], movingMean: [3], movingVariance: [3]},
    updates: ['movingMean', 'movingVariance'],
    disturbs: true,
    formula: ([x], {gamma, beta, movingMean, movingVariance}) =>
      (x as number[]).map((value, at) => {
        const of = (weight: number[] | undefined): number => weight?.[at % 3] as number;
        return ((value - of(movingMean)) / Math.sqrt(of(movingVariance) + 1e-3)) * of(gamma) + of(beta);
      }),
  },
  'batchNormalization of sequences, without what is learnt': {
    make: () => layers.batchNormalization({center: false, scale: false}),
    inputs: [[3, 2]],
    output: [3, 2],
    weights: {movingMean: [2], movingVariance: [2]},
    updates: ['movingMean', 'movingVariance'],
    disturbs: true,
    formula: ([x], {movingMean, movingVariance}) =>
      (x as number[]).map((value, at) => {
        const of = (weight: number[] | undefined): number => weight?.[at % 2] as number;
        return (value - of(movingMean)) / Math.sqrt(of(movingVariance) + 1e-3);
      }),
  },
  groupNormalization: {
    make: () => layers.groupNormalization({groups: 2}),
    inputs: [[3, 4]],
    output: [3, 4],
    weights: {gamma: [4], beta: [4]},
    formula: ([x], {gamma, beta}) =>
      groupsNormalized(x as number[]).map(
        (value, at) => value * (gamma?.[at % 4] as number) + (beta?.[at % 4] as number),
      ),
  },
  rmsNormalization: {
    make: () => layers.rmsNormalization(),
    inputs: [[4]],
    output: [4],
    weights: {scale: [4]},
    formula: ([x], {scale}) => {
      const size = Math.sqrt(meanOf((x as number[]).map(value => value ** 2)) + 1e-6);
      return (x as number[]).map((value, at) => (value / size) * (scale?.[at] as number));
    },
  },
  unitNormalization: {
    make: () => layers.unitNormalization({axis: [1, 2]}),
    inputs: [[2, 3]],
    output: [2, 3],
    formula: ([x]) => (x as number[]).map(value => value / Math.hypot(...(x as number[]))),
  },
};

export const imageCases: Record<string, LayerCase> = {
  ...convolutions,
  ...poolings(1),
  ...poolings(2),
  ...poolings(3),
  ...resizings(1),
  ...resizings(2),
  ...resizings(3),
  ...others,
  ...preprocessingCases,
};
