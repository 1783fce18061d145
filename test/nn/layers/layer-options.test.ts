// Options that change what a layer computes, where the case of the layer in layers.test.ts leaves them at
// their defaults: each by its formula in float64.
import {describe, it} from 'vitest';
import {type Layer, layers} from '../../../lib/index.ts';
import {attended, block, blockShapes, rowsOf} from './attention-formulas.ts';
import {checkLayer, type LayerCase} from './check-layer.ts';
import {convolved, eachChannel, meanOf, mostOf, pooled, type Windows, withBias} from './image-formulas.ts';
import {cubic, resized, sinc, triangle} from './preprocessing-cases.ts';
import {run, type Weights} from './recurrent-formulas.ts';

type Numbers = Record<string, number[]>;

/** Pooling with padding that is said in numbers, of which none counts. */
function poolings(): Record<string, LayerCase> {
  const padded: Windows = {sizes: [3, 4], kernel: [2, 3], output: [2, 2], strides: 2, before: [1, 0]};
  const line: Windows = {sizes: [5], kernel: [3], output: [3], strides: 2, before: [1]};
  const volume: Windows = {
    sizes: [2, 3, 2],
    kernel: [2, 2, 2],
    output: [2, 2, 2],
    strides: 2,
    before: [1, 1, 1],
  };
  const of = (make: () => Layer, windows: Windows, pool: typeof meanOf): LayerCase => ({
    make,
    inputs: [[...windows.sizes, 2]],
    output: [...windows.output, 2],
    formula: ([x]) => pooled(x as number[], windows, pool),
  });
  const image = {
    poolSize: [2, 3],
    strides: 2,
    padding: [
      [1, 0],
      [0, 1],
    ],
  } as const;
  const cube = {poolSize: 2, padding: [1, [1, 0], 1]} as const;
  return {
    'maxPooling2d with padding in numbers': of(() => layers.maxPooling2d(image), padded, mostOf),
    'averagePooling2d with padding in numbers': of(() => layers.averagePooling2d(image), padded, meanOf),
    'maxPooling1d with padding in numbers': of(
      () => layers.maxPooling1d({poolSize: 3, strides: 2, padding: [1, 1]}),
      line,
      mostOf,
    ),
    'averagePooling3d with padding in numbers': of(() => layers.averagePooling3d(cube), volume, meanOf),
    'globalMaxPooling2d that keeps its axes': {
      ...of(
        () => layers.globalMaxPooling2d({keepDims: true}),
        {sizes: [3, 2], kernel: [3, 2], output: [1, 1]},
        mostOf,
      ),
    },
    globalAveragePooling3d: {
      ...of(
        () => layers.globalAveragePooling3d(),
        {sizes: [2, 3, 2], kernel: [2, 3, 2], output: [1, 1, 1]},
        meanOf,
      ),
      output: [2],
    },
  };
}

const convolutions: Record<string, LayerCase> = {
  'conv1d with more zeros behind than before': {
    make: () => layers.conv1d({filters: 2, kernelSize: 3, padding: [0, 2], useBias: false}),
    inputs: [[4, 2]],
    output: [4, 2],
    weights: {kernel: [3, 2, 2]},
    formula: ([x], {kernel}) =>
      convolved(x as number[], kernel as number[], {sizes: [4], kernel: [3], output: [4]}, 2),
  },
  'depthwiseConv2d with gaps, and padding in numbers': {
    make: () =>
      layers.depthwiseConv2d({kernelSize: 2, dilationRate: 2, padding: [[1, 0], 1], activation: 'tanh'}),
    inputs: [[4, 3, 2]],
    output: [3, 3, 2],
    weights: {kernel: [2, 2, 2, 1], bias: [2]},
    formula: ([x], {kernel, bias}) => {
      const windows = {sizes: [4, 3], kernel: [2, 2], output: [3, 3], dilation: 2, before: [1, 1]};
      return withBias(eachChannel(x as number[], kernel as number[], windows, 1), bias).map(Math.tanh);
    },
  },
  'separableConv2d with padding in numbers, without bias': {
    make: () => layers.separableConv2d({filters: 2, kernelSize: 3, padding: 1, useBias: false}),
    inputs: [[3, 2, 2]],
    output: [3, 2, 2],
    weights: {depthwiseKernel: [3, 3, 2, 1], pointwiseKernel: [1, 1, 2, 2]},
    formula: ([x], {depthwiseKernel, pointwiseKernel}) => {
      const windows = {sizes: [3, 2], kernel: [3, 3], output: [3, 2], before: [1, 1]};
      const each = eachChannel(x as number[], depthwiseKernel as number[], windows, 1);
      return convolved(each, pointwiseKernel as number[], {sizes: [3, 2], kernel: [1, 1], output: [3, 2]}, 2);
    },
  },
  'conv3d with strides and same padding': {
    make: () => layers.conv3d({filters: 1, kernelSize: [1, 2, 3], strides: 2, padding: 'same'}),
    inputs: [[2, 3, 3, 2]],
    output: [1, 2, 2, 1],
    weights: {kernel: [1, 2, 3, 2, 1], bias: [1]},
    formula: ([x], {kernel, bias}) => {
      const windows = {sizes: [2, 3, 3], kernel: [1, 2, 3], output: [1, 2, 2], strides: 2, before: [0, 0, 1]};
      return withBias(convolved(x as number[], kernel as number[], windows, 1), bias);
    },
  },
};

const normalizations: Record<string, LayerCase> = {
  'rmsNormalization over two axes': {
    make: () => layers.rmsNormalization({axis: [1, -1], epsilon: 0.1}),
    inputs: [[3, 2]],
    output: [3, 2],
    weights: {scale: [3, 2]},
    formula: ([x], {scale}) => {
      const size = Math.sqrt(meanOf((x as number[]).map(value => value ** 2)) + 0.1);
      return (x as number[]).map((value, at) => (value / size) * (scale?.[at] as number));
    },
  },
  'unitNormalization of the last axis': {
    make: () => layers.unitNormalization(),
    inputs: [[2, 3]],
    output: [2, 3],
    formula: ([x]) => rowsOf(x as number[], 3).flatMap(row => row.map(value => value / Math.hypot(...row))),
  },
};

const mitchell = (x: number): number => {
  if (x < 1) return (7 * x ** 3 - 12 * x ** 2 + 16 / 3) / 6;
  return x < 2 ? ((-7 / 3) * x ** 3 + 12 * x ** 2 - 20 * x + 32 / 3) / 6 : 0;
};
const kernels = {
  bilinear: [1, triangle],
  bicubic: [2, cubic],
  lanczos3: [3, (x: number) => sinc(x) * sinc(x / 3)],
  lanczos5: [5, (x: number) => sinc(x) * sinc(x / 5)],
  gaussian: [1.5, (x: number) => Math.exp(-2 * x * x)],
  mitchellCubic: [2, mitchell],
} as const;

/** Larger by each kernel, and half as large by one twice as wide. */
function resizings(): Record<string, LayerCase> {
  const cases = Object.entries(kernels).flatMap(([name, [radius, kernel]]): [string, LayerCase][] => {
    const interpolation = name as keyof typeof kernels;
    const larger: LayerCase = {
      // Where kernels have negative weights.
      cancels: true,
      make: () => layers.resizing({height: 5, width: 7, interpolation}),
      inputs: [[3, 4, 1]],
      output: [5, 7, 1],
      formula: ([x]) => resized(x as number[], [3, 4], [5, 7], radius, kernel),
    };
    const smaller: LayerCase = {
      make: () => layers.resizing({height: 3, width: 2, interpolation, antialias: true}),
      inputs: [[6, 4, 1]],
      output: [3, 2, 1],
      formula: ([x]) => resized(x as number[], [6, 4], [3, 2], 2 * radius, at => kernel(at / 2)),
    };
    return [
      [`resizing, ${name}`, larger],
      [`resizing, ${name}, with a wider kernel`, smaller],
    ];
  });
  return {
    ...Object.fromEntries(cases),
    'resizing by area': {
      make: () => layers.resizing({height: 2, width: 2, interpolation: 'area'}),
      inputs: [[4, 2, 1]],
      output: [2, 2, 1],
      formula: ([x]) => [0, 1, 4, 5].map(at => ((x?.[at] as number) + (x?.[at + 2] as number)) / 2),
    },
    'resizing, filled up with a number': {
      make: () => layers.resizing({height: 2, width: 4, padToAspectRatio: true, fillValue: 7}),
      inputs: [[2, 2, 1]],
      output: [2, 4, 1],
      formula: ([x]) => rowsOf(x as number[], 2).flatMap(row => [7, ...row, 7]),
    },
  };
}

/** Columns i and i + half turned by their angle at a step. */
function turned(row: readonly number[], step: number, wavelength: number, scale: number): number[] {
  const half = row.length / 2;
  return row.map((value, at) => {
    const angle = (step / scale) * wavelength ** ((-2 * (at % half)) / row.length);
    const other = at < half ? -(row[at + half] as number) : (row[at - half] as number);
    return value * Math.cos(angle) + other * Math.sin(angle);
  });
}

const positions: Record<string, LayerCase> = {
  'rotaryEmbedding along another axis, slower': {
    make: () => layers.rotaryEmbedding({sequenceAxis: 2, scalingFactor: 3, maxWavelength: 50}),
    inputs: [[2, 3, 4]],
    output: [2, 3, 4],
    formula: ([x]) => rowsOf(x as number[], 4).flatMap((row, at) => turned(row, at % 3, 50, 3)),
  },
  'alibiBias with other slopes': {
    make: () => layers.alibiBias({alibiBiasMax: 4}),
    inputs: [[2, 2, 3]],
    output: [2, 2, 3],
    formula: ([x]) =>
      (x as number[]).map((value, at) => {
        const slope = at < 6 ? 2 ** -2 : 2 ** -4;
        return value - slope * Math.abs((Math.floor(at / 3) % 2) - (at % 3));
      }),
  },
};

const headKernels = {
  'query/kernel': [4, 2, 3],
  'key/kernel': [4, 2, 3],
  'value/kernel': [4, 2, 3],
  'output/kernel': [2, 3, 4],
};
/** Weights of heads, whose biases are none. */
const withoutBiases = (weights: Numbers): Numbers => ({
  ...weights,
  ...Object.fromEntries(['query', 'key', 'value'].map(name => [`${name}/bias`, new Array(6).fill(0)])),
  'output/bias': [0, 0, 0, 0],
});

const attentions: Record<string, LayerCase> = {
  'multiHeadAttention without biases': {
    make: () => layers.multiHeadAttention({numHeads: 2, keyDim: 3, useBias: false}),
    inputs: [[3, 4]],
    output: [3, 4],
    weights: headKernels,
    formula: ([given], weights) => {
      const x = rowsOf(given as number[], 4);
      return attended([x, x, x], withoutBiases(weights), {heads: 2}).flat();
    },
  },
  'groupQueryAttention without biases': {
    make: () =>
      layers.groupQueryAttention({headDim: 3, numQueryHeads: 2, numKeyValueHeads: 2, useBias: false}),
    inputs: [
      [3, 4],
      [2, 4],
    ],
    output: [3, 4],
    weights: headKernels,
    formula: ([q, v], weights) => {
      const [x, y] = [rowsOf(q as number[], 4), rowsOf(v as number[], 4)];
      return attended([x, y, y], withoutBiases(weights), {heads: 2}).flat();
    },
  },
};

const blocks = Object.fromEntries(
  (['rotary', 'alibi'] as const).map((positions): [string, LayerCase] => [
    `transformerEncoder with ${positions} positions and a larger epsilon`,
    {
      cancels: true,
      make: () =>
        layers.transformerEncoder({
          ...{intermediateDim: 3, numHeads: 2, activation: 'tanh'},
          ...{layerNormEpsilon: 0.2, positions},
        }),
      inputs: [[3, 4]],
      output: [3, 4],
      weights: blockShapes(4, 2, 3, ['selfAttention']),
      formula: ([x], w) => block(rowsOf(x as number[], 4), w, {heads: 2, positions, epsilon: 0.2}).flat(),
    },
  ]),
);

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** One LSTM of a unit and a feature without biases, by activations of its own. */
function lstmOf(x: readonly number[], kernel: readonly number[], recurrent: readonly number[]): number[] {
  const gate = (z: number): number => Math.min(1, Math.max(0, z / 6 + 0.5));
  const inner = (z: number): number => z / (1 + Math.abs(z));
  let [h, c] = [0, 0];
  return x.map(value => {
    const [i, f, g, o] = [0, 1, 2, 3].map(
      at => value * (kernel[at] as number) + h * (recurrent[at] as number),
    ) as [number, number, number, number];
    c = gate(f) * c + gate(i) * inner(g);
    h = gate(o) * inner(c);
    return h;
  });
}

const within = (weights: Numbers, prefix: string): Weights =>
  Object.fromEntries(
    ['kernel', 'recurrentKernel', 'bias'].map(name => [name, weights[`${prefix}/${name}`]]),
  ) as unknown as Weights;

const recurrent: Record<string, LayerCase> = {
  'lstm of other activations, without biases': {
    make: () =>
      layers.lstm({
        ...{units: 1, activation: 'softsign', recurrentActivation: 'hardSigmoid'},
        ...{useBias: false, returnSequences: true},
      }),
    inputs: [[4, 1]],
    output: [4, 1],
    weights: {kernel: [1, 4], recurrentKernel: [1, 4]},
    formula: ([x], {kernel, recurrentKernel}) =>
      lstmOf(x as number[], kernel as number[], recurrentKernel as number[]),
  },
  'gru of other activations, without biases': {
    make: () => layers.gru({units: 1, activation: 'sigmoid', recurrentActivation: 'tanh', useBias: false}),
    inputs: [[3, 1]],
    output: [1],
    weights: {kernel: [1, 3], recurrentKernel: [1, 3]},
    formula: ([x], {kernel, recurrentKernel}) => {
      const [w, u] = [kernel, recurrentKernel] as [number[], number[]];
      const h = (x as number[]).reduce((state, value) => {
        const [z, r] = [0, 1].map(at => Math.tanh(value * (w[at] as number) + state * (u[at] as number))) as [
          number,
          number,
        ];
        const next = sigmoid(value * (w[2] as number) + r * state * (u[2] as number));
        return z * state + (1 - z) * next;
      }, 0);
      return [h];
    },
  },
  'bidirectional with another layer back': {
    make: () =>
      layers.bidirectional({
        layer: layers.gru({units: 4, returnSequences: true}),
        backwardLayer: layers.simpleRNN({units: 4, returnSequences: true, goBackwards: true}),
      }),
    inputs: [[3, 3]],
    output: [3, 8],
    weights: {
      ...{'forward/kernel': [3, 12], 'forward/recurrentKernel': [4, 12], 'forward/bias': [2, 12]},
      ...{'backward/kernel': [3, 4], 'backward/recurrentKernel': [4, 4], 'backward/bias': [4]},
    },
    formula: ([x], weights) => {
      const rows = rowsOf(x as number[], 3);
      const there = run('gru', within(weights, 'forward'), rows, {}).outputs;
      const back = run('simpleRNN', within(weights, 'backward'), rows, {goBackwards: true}).outputs;
      return there.flatMap((row, step) => [...row, ...(back[2 - step] as number[])]);
    },
  },
};

const cases = {
  ...{...poolings(), ...convolutions, ...normalizations, ...resizings()},
  ...{...positions, ...attentions, ...blocks, ...recurrent},
};

describe('an option', () => {
  it.each(Object.entries(cases))('%s', (_, given) => checkLayer(given));
});
