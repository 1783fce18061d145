// Small networks around one layer, in which each of its defaults shows: in weights, in what it gives in
// training and after it, or in what a step of training makes of it.
import {isDeepStrictEqual} from 'node:util';
import {
  input,
  type Layer,
  layers,
  type Model,
  model,
  optimizers,
  type SymbolicTensor,
} from '../../lib/index.ts';
import {numbers} from '../support/plain-networks.ts';
import {untyped} from '../support/refusals.ts';

/** What layers need, by name. */
const needed: Readonly<Record<string, () => unknown>> = {
  ...{units: () => 2, filters: () => 2, kernelSize: () => 2, poolSize: () => 2, outputSize: () => 2},
  ...{height: () => 3, width: () => 4, factor: () => 0.3, heightFactor: () => 0.3, widthFactor: () => 0.2},
  ...{rate: () => 0.5, stddev: () => 0.3, scale: () => 0.5, dims: () => [2, 1], n: () => 3, axes: () => 1},
  ...{inputDim: () => 5, outputDim: () => 2, numHeads: () => 2, keyDim: () => 2, targetShape: () => [-1]},
  ...{headDim: () => 2, numQueryHeads: () => 2, numKeyValueHeads: () => 1, activation: () => 'tanh'},
  layer: () => layers.dense({units: 2}),
  cell: () => layers.gruCell({units: 2}),
};

export function neededBy(name: string, required: readonly string[]): Record<string, unknown> {
  const own = name === 'bidirectional' ? {layer: layers.gru({units: 2, returnSequences: true})} : {};
  return {...Object.fromEntries(required.map(argument => [argument, needed[argument]?.()])), ...own};
}

const constant = {fillMode: 'constant'};
const slanted = {xFactor: 0.3, yFactor: 0.2};

/** Options of which others show. */
const contexts: Readonly<Record<string, readonly object[]>> = {
  normalization: [{}, {mean: [1, -2, 0.5], variance: [4, 0.25, 1]}],
  randomRotation: [{}, constant],
  randomShear: [{}, slanted, {...slanted, ...constant}],
  randomTranslation: [{}, constant],
  randomZoom: [{}, constant],
  reLU: [{}, {negativeSlope: 0.5}],
  resizing: [{}, {padToAspectRatio: true}],
};
export const contextsOf = (name: string): readonly Readonly<Record<string, unknown>>[] =>
  (contexts[name] ?? [{}]) as readonly Readonly<Record<string, unknown>>[];

/** Values that are the only ones. */
const only: Readonly<Record<string, readonly string[]>> = {resizing: ['fillMode']};
export const onlyOne = (name: string): readonly string[] => only[name] ?? [];

const others: Readonly<Record<string, unknown>> = {
  ...{
    activation: 'relu',
    recurrentActivation: 'tanh',
    axis: 1,
    fillMode: 'nearest',
    interpolation: 'bicubic',
  },
  ...{mergeMode: 'ave', mode: 'vertical', outputMode: 'multiHot', padding: 'same', scoreMode: 'concat'},
  ...{split: 'character', standardize: 'lower', valueRange: [0, 1], scale: [0.4, 0.6], groups: 2},
};

/** Another value of an option, that a layer may take. */
export function otherThan(argument: string, value: unknown): unknown {
  if (typeof value === 'boolean') return !value;
  if (argument === 'padding' && typeof value !== 'string') return plus1(value);
  if (argument === 'interpolation' && value === 'bilinear') return 'nearest';
  if (argument === 'scale' && !Array.isArray(value)) return 0.9;
  if (argument === 'groups' && value !== 1) return 16;
  if (argument === 'factor') return 0;
  if (value === 'multiHot') return 'count';
  if (argument.endsWith('Initializer')) return value === 'ones' ? 'zeros' : 'ones';
  if (argument.endsWith('oovToken')) return typeof value === 'number' ? -2 : 'none';
  if (argument in others) return others[argument];
  if (typeof value === 'number') return Number.isInteger(value) && value > 0 ? value + 1 : value * 0.7 + 0.2;
  return plus1(value);
}

const plus1 = (value: unknown): unknown => (Array.isArray(value) ? value.map(plus1) : (value as number) + 1);

const shapes: readonly (readonly [RegExp, number[][]])[] = [
  [/^(random|resizing|centerCrop)/, [[4, 8, 3]]],
  [/^convLstm1d/, [[3, 4, 1]]],
  [/^convLstm2d/, [[3, 4, 4, 1]]],
  [/^convLstm3d/, [[3, 2, 3, 4, 1]]],
  [/^groupNormalization/, [[3, 64]]],
  [/3d/, [[3, 4, 5, 2]]],
  [/2d/, [[5, 6, 2]]],
  [/1d/, [[7, 2]]],
  [
    /^concatenate|[aA]ttention$/,
    [
      [3, 4],
      [3, 4],
    ],
  ],
  [/^(add|average|maximum|minimum|multiply|subtract|dot)$/, [[4], [4]]],
  [/^(repeatVector|dense|embedding)$/, [[4]]],
  [/^(lstm)Cell$/, [[3], [2], [2]]],
  [/Cell$/, [[3], [2]]],
  [/./, [[4, 3]]],
];

/** Whether steps are to be masked before the layer. */
const masked = /^(simpleRNN|lstm|gru|rnn|bidirectional)$/;

function build(name: string, layer: Layer, hasEnd: boolean): Model {
  const all = (shapes.find(([names]) => names.test(name)) as (typeof shapes)[number])[1];
  const ends = all.map(shape => input({shape}));
  const read = masked.test(name) ? ends.map(end => layers.masking().apply(end)) : ends;
  const [first] = read;
  const made = layer.applyAll(read.length === 1 && first ? first : read);
  const y = made[0] as SymbolicTensor;
  // Reads masks where there are any.
  const end = y.shape.length === 2 ? layers.simpleRNN({units: 2}).apply(y) : layers.flatten().apply(y);
  const outputs = hasEnd ? layers.dense({units: 1}).apply(end) : made;
  return model({inputs: ends, outputs, seed: 3}) as Model;
}

const rows = 4;

/** Numbers from −1 to 1, of images around the middle of 0 to 255; ids; and a last step of zeros. */
function dataOf(name: string, net: Model) {
  return net.inputs.map(({shape}, at) => {
    const own = [...shape] as number[];
    const size = own.reduce((a, b) => a * b, 1);
    let data = numbers(rows * size, 5 + at);
    if (name === 'embedding') data = data.map(value => Math.floor(2.5 + 2 * value));
    if (name.startsWith('random')) data = data.map(value => 128 + 150 * value);
    if (masked.test(name) || name === 'masking') data.fill(0, size - (own.at(-1) as number), size);
    return {data, shape: [rows, ...own]};
  });
}

/** What shows, one after another: what is soonest computed first. */
export async function* results(name: string, make: () => Layer): AsyncGenerator<unknown> {
  const net = build(name, make(), false);
  yield net.getWeights();
  const x = dataOf(name, net) as never;
  const {output} = await net.forward(x, {training: true, seed: 9});
  yield output;
  yield await net.predict(x);
  const trained = build(name, make(), true);
  trained.compile({optimizer: optimizers.sgd({learningRate: 0.1}), loss: 'mse'});
  yield await trained.trainOnBatch(x, numbers(rows, 2));
  yield trained.getWeights();
}

/** Whether anything is not as it is usually, or is refused. */
export async function differs(name: string, make: () => Layer, usual: readonly unknown[]): Promise<boolean> {
  let at = 0;
  try {
    for await (const each of results(name, make)) if (!isDeepStrictEqual(each, usual[at++])) return true;
  } catch {
    return true;
  }
  return false;
}

/** Layers that run ahead of the plan, with options of which others show. */
export const textContexts: Readonly<Record<string, readonly object[]>> = {
  textVectorization: [
    {vocabulary: ['red', 'blue', 'a!']},
    {vocabulary: ['red', 'blue'], outputMode: 'multiHot', maxTokens: 9},
  ],
  stringLookup: [{vocabulary: ['red', 'blue']}, {vocabulary: ['red'], outputMode: 'multiHot', maxTokens: 9}],
  integerLookup: [{vocabulary: [3, 4]}, {vocabulary: [3], outputMode: 'multiHot', maxTokens: 9}],
  categoryEncoding: [{numTokens: 5}],
  hashing: [{numBins: 4}],
  discretization: [{numBins: 3}],
};

const texts: Readonly<Record<string, readonly unknown[]>> = {
  textVectorization: ['Red blue', 'blue a!', 'green'],
  integerLookup: [[3, 4, 5]],
  categoryEncoding: [[1, 3, 3]],
  discretization: [[0.2, 1.7, 3.1]],
};

/** What such a layer gives, its vocabulary, and its bounds after many numbers; or that it refuses. */
export function ofText(name: string, make: () => unknown): unknown {
  try {
    const own = untyped(make());
    if (name === 'discretization') own.adapt(numbers(2000, 4).map(value => value ** 3 * 5));
    const {shape, data} = own.call(texts[name] ?? [['red', 'blue', 'green']]);
    return {shape, data: [...data], words: own.getVocabulary?.(), bounds: own.binBoundaries};
  } catch {
    return 'refused';
  }
}
