// Every layer, and its formula in float64.
import {describe, expect, it} from 'vitest';
import {
  activations,
  type CallContext,
  type Forward,
  Layer,
  type LayerOptions,
  layers,
  type MakeWeight,
  ops,
  type Tensor,
} from '../../../lib/index.ts';
import {aheadOfPlan} from './ahead-cases.ts';
import {attentionCases} from './attention-formulas.ts';
import {checkLayer, type LayerCase} from './check-layer.ts';
import {imageCases} from './image-cases.ts';
import {recurrentCases} from './recurrent-formulas.ts';
import {sequenceCases} from './sequence-cases.ts';
import {wrapperCases} from './wrapper-cases.ts';

const dense = (x: number[], kernel: number[], units: number): number[] =>
  Array.from({length: units}, (_, unit) =>
    x.reduce((sum, value, at) => sum + value * (kernel[at * units + unit] as number), 0),
  );
const by = (op: (a: number, b: number) => number) => (inputs: number[][]) =>
  inputs.reduce((a, b) => a.map((value, at) => op(value, b[at] as number)));
const meanOf = (x: readonly number[]): number => x.reduce((a, b) => a + b, 0) / x.length;
/** Away from a kink at 0. */
const apart = (x: number): number => x + Math.sign(x) * 0.05;
const same = ([x]: number[][]): number[] => x as number[];

function normalized(x: number[], epsilon: number): number[] {
  const mean = meanOf(x);
  const deviation = Math.sqrt(meanOf(x.map(value => (value - mean) ** 2)) + epsilon);
  return x.map(value => (value - mean) / deviation);
}

const squares = (x: Tensor): Tensor => ops.square(x);
const noisySum = ([a, b]: Tensor[], context: CallContext): Tensor => {
  const sum = ops.add(a as Tensor, b as Tensor);
  return context.training ? ops.add(sum, ops.randomNormal(context.random(), sum.shape)) : sum;
};

class Gain extends Layer {
  readonly config: {initial: string};

  constructor(options: LayerOptions & {initial: string}) {
    super(options);
    this.config = {initial: options.initial};
  }

  override build(inputShape: readonly number[], weight: MakeWeight): Forward {
    const factor = weight('factor', [inputShape.at(-1) as number], {
      initializer: this.config.initial as 'ones',
    });
    return x => ops.mul(x, factor);
  }
}

const cases: Record<string, LayerCase> = {
  dense: {
    make: () => layers.dense({units: 2, activation: 'tanh', kernelRegularizer: 'l2'}),
    inputs: [[3]],
    output: [2],
    weights: {kernel: [3, 2], bias: [2]},
    formula: ([x], {kernel, bias}) =>
      dense(x as number[], kernel as number[], 2).map((sum, unit) =>
        Math.tanh(sum + (bias?.[unit] as number)),
      ),
  },
  'dense without bias, over the last of two axes, with a penalty on what it gives': {
    make: () => layers.dense({units: 2, useBias: false, activityRegularizer: 'l2'}),
    inputs: [[2, 3]],
    output: [2, 2],
    weights: {kernel: [3, 2]},
    adds: true,
    formula: ([x], {kernel}) =>
      [0, 1].flatMap(row => dense((x as number[]).slice(row * 3, row * 3 + 3), kernel as number[], 2)),
  },
  activation: {
    make: () => layers.activation({activation: activations.sigmoid()}),
    inputs: [[3]],
    output: [3],
    formula: ([x]) => (x as number[]).map(value => 1 / (1 + Math.exp(-value))),
  },
  leakyRelu: {
    make: () => layers.leakyRelu({negativeSlope: 0.2}),
    inputs: [[5]],
    output: [5],
    smooth: apart,
    formula: ([x]) => (x as number[]).map(value => (value > 0 ? value : 0.2 * value)),
  },
  elu: {
    make: () => layers.elu({alpha: 0.7}),
    inputs: [[5]],
    output: [5],
    smooth: apart,
    formula: ([x]) => (x as number[]).map(value => (value > 0 ? value : 0.7 * Math.expm1(value))),
  },
  softmax: {
    make: () => layers.softmax(),
    inputs: [[2, 3]],
    output: [2, 3],
    formula: ([x]) =>
      [0, 1].flatMap(row => {
        const powers = (x as number[]).slice(row * 3, row * 3 + 3).map(Math.exp);
        return powers.map(power => power / powers.reduce((a, b) => a + b));
      }),
  },
  prelu: {
    make: () => layers.prelu({sharedAxes: [1]}),
    inputs: [[2, 3]],
    output: [2, 3],
    weights: {alpha: [1, 3]},
    smooth: apart,
    formula: ([x], {alpha}) =>
      (x as number[]).map((value, at) => (value > 0 ? value : value * (alpha?.[at % 3] as number))),
  },
  reLU: {
    make: () => layers.reLU({negativeSlope: 0.2}),
    inputs: [[5]],
    output: [5],
    smooth: apart,
    formula: ([x]) => (x as number[]).map(value => (value > 0 ? value : 0.2 * value)),
  },
  'reLU without options': {
    make: () => layers.reLU(),
    inputs: [[5]],
    output: [5],
    smooth: apart,
    formula: ([x]) => (x as number[]).map(value => Math.max(value, 0)),
  },
  thresholdedReLU: {
    make: () => layers.thresholdedReLU({theta: 0}),
    inputs: [[5]],
    output: [5],
    smooth: apart,
    formula: ([x]) => (x as number[]).map(value => Math.max(value, 0)),
  },
  inputLayer: {
    make: () => layers.inputLayer({inputShape: [2, 3]}),
    inputs: [[2, 3]],
    output: [2, 3],
    formula: same,
  },
  normalization: {
    make: () => layers.normalization({mean: [1, 2, -1], variance: [4, 0.25, 1]}),
    inputs: [[2, 3]],
    output: [2, 3],
    weights: {mean: [3], variance: [3]},
    formula: ([x], {mean, variance}) =>
      (x as number[]).map(
        (value, at) => (value - (mean?.[at % 3] as number)) / Math.sqrt(variance?.[at % 3] as number),
      ),
  },
  flatten: {make: () => layers.flatten(), inputs: [[2, 3]], output: [6], formula: same},
  reshape: {
    make: () => layers.reshape({targetShape: [3, -1]}),
    inputs: [[2, 3]],
    output: [3, 2],
    formula: same,
  },
  permute: {
    make: () => layers.permute({dims: [2, 1]}),
    inputs: [[2, 3]],
    output: [3, 2],
    formula: ([x]) => [0, 3, 1, 4, 2, 5].map(at => x?.[at] as number),
  },
  repeatVector: {
    make: () => layers.repeatVector({n: 3}),
    inputs: [[2]],
    output: [3, 2],
    formula: ([x]) => [x, x, x].flat() as number[],
  },
  add: {make: () => layers.add(), inputs: [[3], [3], [3]], output: [3], formula: by((a, b) => a + b)},
  'add of shapes that broadcast': {
    make: () => layers.add(),
    inputs: [[2, 3], [3]],
    output: [2, 3],
    formula: ([a, b]) => (a as number[]).map((value, at) => value + (b?.[at % 3] as number)),
  },
  subtract: {make: () => layers.subtract(), inputs: [[3], [3]], output: [3], formula: by((a, b) => a - b)},
  multiply: {
    make: () => layers.multiply(),
    inputs: [[3], [3], [3]],
    output: [3],
    formula: by((a, b) => a * b),
  },
  average: {
    make: () => layers.average(),
    inputs: [[3], [3]],
    output: [3],
    formula: by((a, b) => (a + b) / 2),
  },
  maximum: {make: () => layers.maximum(), inputs: [[3], [3]], output: [3], formula: by(Math.max)},
  minimum: {make: () => layers.minimum(), inputs: [[3], [3]], output: [3], formula: by(Math.min)},
  concatenate: {
    make: () => layers.concatenate(),
    inputs: [[2], [3], [1]],
    output: [6],
    formula: inputs => inputs.flat(),
  },
  'concatenate along the first axis of a sample': {
    make: () => layers.concatenate({axis: 1}),
    inputs: [
      [2, 3],
      [1, 3],
    ],
    output: [3, 3],
    formula: inputs => inputs.flat(),
  },
  'concatenate along the last of two': {
    make: () => layers.concatenate({axis: -1}),
    inputs: [
      [2, 2],
      [2, 1],
    ],
    output: [2, 3],
    formula: ([a, b]) => [a?.[0], a?.[1], b?.[0], a?.[2], a?.[3], b?.[1]] as number[],
  },
  dot: {
    make: () => layers.dot({axes: 1}),
    inputs: [[3], [3]],
    output: [1],
    formula: ([a, b]) => [(a as number[]).reduce((sum, value, at) => sum + value * (b?.[at] as number), 0)],
  },
  'dot of matrices': {
    make: () => layers.dot({axes: [2, 1]}),
    inputs: [
      [2, 3],
      [3, 2],
    ],
    output: [2, 2],
    formula: ([a, b]) =>
      [0, 1].flatMap(row => dense((a as number[]).slice(row * 3, row * 3 + 3), b as number[], 2)),
  },
  'dot of unit vectors': {
    make: () => layers.dot({axes: -1, normalize: true}),
    inputs: [[3], [3]],
    output: [1],
    formula: ([a, b]) => [
      (a as number[]).reduce((sum, value, at) => sum + value * (b?.[at] as number), 0) /
        (Math.hypot(...(a as number[])) * Math.hypot(...(b as number[]))),
    ],
  },
  batchNormalization: {
    make: () => layers.batchNormalization({momentum: 0.9}),
    inputs: [[3]],
    output: [3],
    weights: {gamma: [3], beta: [3], movingMean: [3], movingVariance: [3]},
    updates: ['movingMean', 'movingVariance'],
    disturbs: true,
    formula: ([x], {gamma, beta, movingMean, movingVariance}) =>
      (x as number[]).map((value, at) => {
        const normal =
          (value - (movingMean?.[at] as number)) / Math.sqrt((movingVariance?.[at] as number) + 1e-3);
        return normal * (gamma?.[at] as number) + (beta?.[at] as number);
      }),
  },
  'batchNormalization of a first axis, without what is learnt': {
    make: () => layers.batchNormalization({axis: 1, center: false, scale: false, epsilon: 0.01}),
    inputs: [[2, 3]],
    output: [2, 3],
    weights: {movingMean: [2], movingVariance: [2]},
    updates: ['movingMean', 'movingVariance'],
    disturbs: true,
    formula: ([x], {movingMean, movingVariance}) =>
      (x as number[]).map((value, at) => {
        const place = Math.floor(at / 3);
        return (
          (value - (movingMean?.[place] as number)) / Math.sqrt((movingVariance?.[place] as number) + 0.01)
        );
      }),
  },
  layerNormalization: {
    make: () => layers.layerNormalization(),
    inputs: [[4]],
    output: [4],
    weights: {gamma: [4], beta: [4]},
    formula: ([x], {gamma, beta}) =>
      normalized(x as number[], 1e-3).map(
        (value, at) => value * (gamma?.[at] as number) + (beta?.[at] as number),
      ),
  },
  'layerNormalization over two axes, scaled alone': {
    make: () => layers.layerNormalization({axis: [1, 2], center: false, epsilon: 1e-5}),
    inputs: [[2, 3]],
    output: [2, 3],
    weights: {gamma: [2, 3]},
    formula: ([x], {gamma}) =>
      normalized(x as number[], 1e-5).map((value, at) => value * (gamma?.[at] as number)),
  },
  lambda: {
    make: () => layers.lambda({function: squares}),
    inputs: [[3]],
    output: [3],
    customObjects: {squares},
    formula: ([x]) => (x as number[]).map(value => value * value),
  },
  'lambda of two inputs, noisy in training': {
    make: () => layers.lambda({function: noisySum}),
    inputs: [[3], [3]],
    output: [3],
    disturbs: true,
    customObjects: {noisySum},
    formula: by((a, b) => a + b),
  },
  "a class of one's own": {
    make: () => new Gain({initial: 'ones', name: 'gain'}),
    inputs: [[2, 3]],
    output: [2, 3],
    weights: {factor: [3]},
    customObjects: {Gain},
    formula: ([x], {factor}) => (x as number[]).map((value, at) => value * (factor?.[at % 3] as number)),
  },
  dropout: {
    make: () => layers.dropout({rate: 0.4}),
    inputs: [[5]],
    output: [5],
    disturbs: true,
    formula: same,
  },
  'dropout of features for all times': {
    make: () => layers.dropout({rate: 0.4, noiseShape: [null, 1, null]}),
    inputs: [[4, 3]],
    output: [4, 3],
    disturbs: true,
    formula: same,
  },
  spatialDropout1d: {
    make: () => layers.spatialDropout1d({rate: 0.4}),
    inputs: [[4, 3]],
    output: [4, 3],
    disturbs: true,
    formula: same,
  },
  spatialDropout2d: {
    make: () => layers.spatialDropout2d({rate: 0.4}),
    inputs: [[2, 4, 3]],
    output: [2, 4, 3],
    disturbs: true,
    formula: same,
  },
  spatialDropout3d: {
    make: () => layers.spatialDropout3d({rate: 0.4}),
    inputs: [[2, 2, 4, 3]],
    output: [2, 2, 4, 3],
    disturbs: true,
    formula: same,
  },
  alphaDropout: {
    make: () => layers.alphaDropout({rate: 0.4}),
    inputs: [[5]],
    output: [5],
    disturbs: true,
    formula: same,
  },
  gaussianDropout: {
    make: () => layers.gaussianDropout({rate: 0.4}),
    inputs: [[5]],
    output: [5],
    disturbs: true,
    formula: same,
  },
  gaussianNoise: {
    make: () => layers.gaussianNoise({stddev: 0.4}),
    inputs: [[5]],
    output: [5],
    disturbs: true,
    formula: same,
  },
  activityRegularization: {
    make: () => layers.activityRegularization({l1: 0.1, l2: 0.2}),
    inputs: [[5]],
    output: [5],
    adds: true,
    formula: same,
  },
  ...imageCases,
  ...recurrentCases,
  ...sequenceCases,
  ...attentionCases,
  ...wrapperCases,
};

describe('the contract of a layer', () => {
  it.each(Object.entries(cases))('%s', (_, given) => checkLayer(given));

  it('is checked for every layer', () => {
    const kinds = new Set(Object.values(cases).map(({make}) => make().kind));
    kinds.delete('Gain');
    const others = ['leakyReLU', ...aheadOfPlan];
    expect([...kinds].sort()).toEqual(
      Object.keys(layers)
        .filter(name => !others.includes(name))
        .sort(),
    );
  });
});
