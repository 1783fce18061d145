// Options of weights: what a layer takes as …Initializer, …Regularizer or …Constraint fills, penalizes and
// holds the weights of that name and no others, and comes back from its description. Every layer that has
// such options is here.
import {describe, expect, it} from 'vitest';
import {
  initializers,
  input,
  type Layer,
  layers,
  type Model,
  model,
  modelFromJSON,
  optimizers,
  regularizers,
} from '../../../lib/index.ts';
import {optionsOf} from '../../support/known-options.ts';
import {numbers} from '../../support/plain-networks.ts';

type Options = Readonly<Record<string, unknown>>;
type Make = (options: object) => Layer;
const namespace = layers as unknown as Readonly<Record<string, Make>>;

interface Sample {
  readonly options?: Options;
  /** Of a sample of each input. */
  readonly shapes: readonly (readonly number[])[];
}

const windows = (axes: number, options: Options): Sample => ({
  options: {kernelSize: 2, ...options},
  shapes: [[...new Array<number>(axes).fill(3), 2]],
});
const recurrent = (options: Options = {}): Sample => ({options: {units: 2, ...options}, shapes: [[3, 2]]});
const cell = (states: number, options: Options = {}): Sample => ({
  options: {units: 2, ...options},
  shapes: [[3], ...Array.from({length: states}, () => [2])],
});
/** Ones in a bias would be no constant. */
const plainBias = {unitForgetBias: false};

const samples: Readonly<Record<string, Sample>> = {
  dense: {options: {units: 2}, shapes: [[3]]},
  conv1d: windows(1, {filters: 2}),
  conv2d: windows(2, {filters: 2}),
  conv3d: windows(3, {filters: 2}),
  conv1dTranspose: windows(1, {filters: 2}),
  conv2dTranspose: windows(2, {filters: 2}),
  conv3dTranspose: windows(3, {filters: 2}),
  depthwiseConv1d: windows(1, {}),
  depthwiseConv2d: windows(2, {depthMultiplier: 2}),
  separableConv1d: windows(1, {filters: 3}),
  separableConv2d: windows(2, {filters: 3}),
  batchNormalization: {shapes: [[3, 2]]},
  layerNormalization: {shapes: [[3, 2]]},
  groupNormalization: {options: {groups: 2}, shapes: [[3, 4]]},
  rmsNormalization: {shapes: [[3, 2]]},
  prelu: {shapes: [[3]]},
  embedding: {options: {inputDim: 5, outputDim: 2}, shapes: [[3]]},
  embeddingBag: {options: {inputDim: 5, outputDim: 2}, shapes: [[3]]},
  positionEmbedding: {options: {sequenceLength: 4}, shapes: [[3, 2]]},
  simpleRNN: recurrent(),
  lstm: recurrent(plainBias),
  gru: recurrent(),
  simpleRNNCell: cell(1),
  lstmCell: cell(2, plainBias),
  gruCell: cell(1),
  convLstm1d: {options: {filters: 1, kernelSize: 2, ...plainBias}, shapes: [[2, 3, 1]]},
  convLstm2d: {options: {filters: 1, kernelSize: 2, ...plainBias}, shapes: [[2, 3, 3, 1]]},
  convLstm3d: {options: {filters: 1, kernelSize: 2, ...plainBias}, shapes: [[2, 3, 2, 3, 1]]},
  multiHeadAttention: {options: {numHeads: 2, keyDim: 2}, shapes: [[3, 4]]},
  groupQueryAttention: {options: {headDim: 2, numQueryHeads: 2, numKeyValueHeads: 1}, shapes: [[3, 4]]},
  transformerEncoder: {options: {intermediateDim: 3, numHeads: 2}, shapes: [[3, 4]]},
  transformerDecoder: {options: {intermediateDim: 3, numHeads: 2}, shapes: [[3, 4]]},
};

/** `kernel` and `Initializer` of kernelInitializer; a penalty on what a layer gives is none of a weight. */
const partsOf = (option: string): readonly [prefix: string, kind: string] | undefined => {
  const [, prefix, kind] = /^(?!activity)(\w+)(Initializer|Regularizer|Constraint)$/.exec(option) ?? [];
  return prefix === undefined || kind === undefined ? undefined : [prefix, kind];
};

/** The options of each layer that has such ones. */
const found = Object.entries(namespace).flatMap(([name, make]) => {
  const options = optionsOf(make).filter(option => partsOf(option));
  return options.length === 0 ? [] : [[name, options] as const];
});
const all = found.flatMap(([name, options]) =>
  options.map(option => {
    const [prefix, kind] = partsOf(option) as readonly [string, string];
    return {name, option, prefix, kind};
  }),
);

/** Last parts of the names of the weights that a prefix stands for. */
const weightsOf: Readonly<Record<string, readonly string[]>> = {
  recurrent: ['recurrentKernel'],
  pointwise: ['pointwiseKernel'],
  depthwise: ['depthwiseKernel', 'kernel'],
};
const isOf = (prefix: string, name: string): boolean =>
  (weightsOf[prefix] ?? [prefix]).includes(name.split('/').at(-1) as string);

function build(name: string, options: Options): Model {
  const sample = samples[name] as Sample;
  const ends = sample.shapes.map(shape => input({shape: [...shape]}));
  const layer = (namespace[name] as Make)({...sample.options, ...options});
  const [only] = ends;
  const net = model({inputs: ends, outputs: layer.apply(ends.length === 1 && only ? only : ends), seed: 3});
  net.compile({optimizer: optimizers.sgd({learningRate: 1e-3}), loss: 'mse', warn: false});
  return net as Model;
}

/** Two rows, which as ids lie within 0 to 4; and zeros as targets. */
function dataFor(name: string, net: Model) {
  const sizeOf = (shape: readonly number[]): number => shape.reduce((size, axis) => size * axis, 2);
  const x = (samples[name] as Sample).shapes.map((shape, at) => {
    const data = numbers(sizeOf(shape), 5 + at);
    return {
      data: name.startsWith('embedding') ? data.map(id => Math.floor(2.5 + 2 * id)) : data,
      shape: [2, ...shape],
    };
  });
  const {outputShape} = net;
  return {x, y: {data: new Float32Array(sizeOf(outputShape as number[])), shape: [2, ...outputShape]}};
}

const constant = (value: number) => initializers.constant({value});

describe('options of weights', () => {
  it('are those of every layer that has some', () => {
    expect(found.map(([name]) => name).sort()).toEqual(Object.keys(samples).sort());
  });

  it.each(all.filter(({kind}) => kind === 'Initializer'))('$name: $option fills them', given => {
    const {name, option, prefix} = given;
    const net = build(name, {[option]: constant(0.375)});
    const filled = net.getWeights().filter(({data}) => data.every(value => value === 0.375));
    const wanted = net.getWeights().filter(weight => isOf(prefix, weight.name));
    expect(wanted.length).toBeGreaterThan(0);
    expect(filled.map(weight => weight.name)).toEqual(wanted.map(weight => weight.name));
    expect(JSON.stringify(net)).toContain(`"${option}"`);
    const again = modelFromJSON(JSON.stringify(net));
    expect(again.toJSON()).toEqual(net.toJSON());
    expect(again.getWeights()).toEqual(net.getWeights());
  });

  it.each(all.filter(({kind}) => kind === 'Regularizer'))('$name: $option adds its penalty', async given => {
    const {name, option, prefix} = given;
    const filled = {[`${prefix}Initializer`]: constant(0.375)};
    const plain = build(name, filled);
    const net = build(name, {...filled, [option]: regularizers.l2({l2: 0.5})});
    net.setWeights(plain.getWeights());
    const {x, y} = dataFor(name, net);
    const [before, after] = [await plain.evaluate(x as never, y), await net.evaluate(x as never, y)];
    const own = net.getWeights().filter(weight => isOf(prefix, weight.name));
    const count = own.reduce((sum, {data}) => sum + data.length, 0);
    const penalty = 0.5 * count * 0.375 ** 2;
    const added = (after.loss as number) - (before.loss as number);
    expect(Math.abs(added - penalty) / Math.max(1, after.loss as number)).toBeLessThan(2e-6);
    expect(modelFromJSON(JSON.stringify(net)).toJSON()).toEqual(net.toJSON());
    expect(JSON.stringify(net)).toContain(`"${option}"`);
  });

  it.each(all.filter(({kind}) => kind === 'Constraint'))('$name: $option holds after a step', async given => {
    const {name, option, prefix} = given;
    const filled = {[`${prefix}Initializer`]: constant(-0.375)};
    const [free, held] = [build(name, filled), build(name, {...filled, [option]: 'nonNeg'})];
    const {x, y} = dataFor(name, held);
    for (const net of [free, held]) await net.trainOnBatch(x as never, y);
    const valuesOf = (net: Model): number[] =>
      net.getWeights().flatMap(weight => (isOf(prefix, weight.name) ? [...weight.data].map(Number) : []));
    expect(Math.max(...valuesOf(free))).toBeLessThan(-0.2);
    expect(valuesOf(held).every(value => value === 0)).toBe(true);
    expect(modelFromJSON(JSON.stringify(held)).toJSON()).toEqual(held.toJSON());
    expect(JSON.stringify(held)).toContain(`"${option}"`);
  });
});
