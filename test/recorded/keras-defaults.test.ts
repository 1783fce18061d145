// Keras's arguments and their defaults, as its signatures have them: what there is here of its layers and
// optimizers takes the same ones under the same names, but for the case, and does the same without them.
import {readFileSync} from 'node:fs';
import path from 'node:path';
import {describe, expect, it} from 'vitest';
import {
  input,
  type Layer,
  layers,
  type Model,
  model,
  type Optimizer,
  optimizers,
  sequential,
} from '../../lib/index.ts';
import {aheadOfPlan} from '../nn/layers/ahead-cases.ts';
import {optionsOf} from '../support/known-options.ts';
import {numbers} from '../support/plain-networks.ts';

interface Signature {
  readonly required: readonly string[];
  readonly defaults: Readonly<Record<string, unknown>>;
}

type Signatures = Readonly<Record<string, Signature>>;

const file = path.join(import.meta.dirname, 'defaults/keras.json');
const recorded = JSON.parse(readFileSync(file, 'utf8')) as {layers: Signatures; optimizers: Signatures};

type Make<Made> = (options: object) => Made;

/** What both have, by its name here; aliases of Keras have none. */
function shared<Made>(theirs: Signatures, ours: object): [string, Make<Made>, Signature][] {
  const names = new Map(Object.keys(ours).map(name => [name.toLowerCase(), name]));
  return Object.entries(theirs).flatMap(([name, signature]): [string, Make<Made>, Signature][] => {
    const own = names.get(name.toLowerCase());
    return own === undefined
      ? []
      : [[own, (ours as Record<string, Make<Made>>)[own] as Make<Made>, signature]];
  });
}

/** Arguments that are called otherwise here. */
const otherwise: Readonly<Record<string, string>> = {
  ...{clipnorm: 'clipNorm', clipvalue: 'clipValue', globalClipnorm: 'globalClipNorm'},
  ...{adamLrRatio: 'adamRateRatio', excludeLayers: 'exclude', keepdims: 'keepDims'},
};
function ours(argument: string): string {
  const camel = argument.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
  return otherwise[camel] ?? camel;
}

/** Of all, and of some: arguments that there are none for. */
const without: Readonly<Record<string, readonly string[]>> = {
  all: [
    // Random numbers follow from the seed of the model; weights, names and types are said elsewhere.
    ...['seed', 'name', 'dtype', 'dataFormat', 'weights'],
    // Loops are compiled as they are, kernels chosen by themselves.
    ...['unroll', 'flashAttention', 'useCudnn', 'lossScaleFactor'],
    // Fine tuning, and storage in fewer bits.
    ...['loraRank', 'loraAlpha', 'quantizationConfig'],
  ],
  batchNormalization: ['renorm', 'renormClipping', 'renormMomentum', 'synchronized'],
  ...Object.fromEntries(
    aheadOfPlan.map(name => [name, ['sparse', 'ragged', 'encoding', 'vocabularyDtype']] as const),
  ),
  multiHeadAttention: ['slidingWindow', 'useGate'],
  groupQueryAttention: ['slidingWindow', 'useGate'],
  lambda: ['outputShape', 'mask', 'arguments'],
  // As its first authors and PyTorch have it.
  muon: ['weightDecay', 'adamWeightDecay', 'excludeEmbeddings', 'muonA', 'muonB', 'muonC', 'rmsRate'],
};

const layersOfBoth = shared<Layer>(recorded.layers, layers).filter(([name]) => name !== 'inputLayer');

it('most layers of Keras are here', () => {
  expect(layersOfBoth.length).toBeGreaterThan(90);
});

describe.each(layersOfBoth)('%s', (name, make, {required, defaults}) => {
  it('takes the arguments of Keras', () => {
    const known = optionsOf(make);
    const left = [...(without.all ?? []), ...(without[name] ?? [])];
    const all = [...required, ...Object.keys(defaults)].map(ours);
    expect(all.filter(argument => !known.includes(argument) && !left.includes(argument))).toEqual([]);
  });
});

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

const shapes: readonly (readonly [RegExp, number[][]])[] = [
  [/^(random|resizing|centerCrop)/, [[5, 6, 3]]],
  [/^convLstm/, [[3, 4, 4, 1]]],
  [/^groupNormalization/, [[3, 64]]],
  [/3d/, [[4, 4, 4, 2]]],
  [/2d/, [[5, 6, 2]]],
  [/1d/, [[6, 2]]],
  [
    /[aA]ttention$/,
    [
      [3, 4],
      [3, 4],
    ],
  ],
  [/^(add|average|maximum|minimum|multiply|subtract|dot|concatenate)$/, [[4], [4]]],
  [/^(repeatVector|dense|embedding)$/, [[4]]],
  [/Cell$/, [[3], [2], [2]]],
  [/./, [[4, 3]]],
];

/** Values of Keras by their names here. */
function hereOf(name: string, value: unknown): unknown {
  if (typeof value !== 'string') return value;
  if (name === 'embeddingsInitializer' && value === 'uniform') return 'randomUniform';
  const camel = value.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
  return /^[A-Z][a-z]/.test(camel) ? camel.toLowerCase() : camel;
}

function build(name: string, make: Make<Layer>, options: object, states?: number): Model {
  const all = (shapes.find(([names]) => names.test(name)) as (typeof shapes)[number])[1];
  const ends = all.slice(0, states === undefined ? all.length : 1 + states).map(shape => input({shape}));
  const [only] = ends;
  const y = make(options).apply(ends.length === 1 && only ? only : ends);
  return model({inputs: ends, outputs: y, seed: 3}) as Model;
}

/** In training too, for dropout and the like. */
async function results(net: Model, isIds: boolean) {
  const x = net.inputs.map(({shape}, at) => {
    const own = [...shape] as number[];
    const data = numbers(
      own.reduce((a, b) => a * b, 4),
      5 + at,
    );
    return {data: isIds ? data.map(value => Math.floor(2.5 + 2 * value)) : data, shape: [4, ...own]};
  });
  const {output} = await net.forward(x as never, {training: true, seed: 9});
  return {weights: net.getWeights(), output, infers: await net.predict(x as never)};
}

const others = [
  ...aheadOfPlan,
  'inputLayer',
  'lambda',
  'stackedRNNCells',
  'timeDistributed',
  'bidirectional',
];
const computed = layersOfBoth.filter(([name]) => !others.includes(name));

describe.each(computed)('%s', (name, make, {required, defaults}) => {
  it('without arguments does what Keras’s defaults say', async () => {
    const known = optionsOf(make);
    const given = Object.fromEntries(
      required.map(argument => [ours(argument), needed[ours(argument)]?.()] as const),
    );
    const said = Object.entries(defaults)
      .map(([argument, value]) => [ours(argument), hereOf(ours(argument), value)] as const)
      .filter(([argument, value]) => value !== null && known.includes(argument));
    const states = {lstmCell: 2, gruCell: 1, simpleRNNCell: 1}[name];
    const all = {...given, ...Object.fromEntries(said)};
    const isIds = name === 'embedding';
    const [short, long] = [build(name, make, given, states), build(name, make, all, states)];
    expect(await results(long, isIds)).toEqual(await results(short, isIds));
  });
});

const optimizersOfBoth = shared<Optimizer>(recorded.optimizers, optimizers);

describe.each(optimizersOfBoth)('optimizers.%s', (name, make, {defaults}) => {
  const known = optionsOf(make);
  const left = [...(without.all ?? []), ...(without[name] ?? [])];

  it('takes the arguments of Keras', () => {
    const all = Object.keys(defaults).map(ours);
    expect(all.filter(argument => !known.includes(argument) && !left.includes(argument))).toEqual([]);
  });

  it('without arguments does what Keras’s defaults say', async () => {
    const said = Object.entries(defaults)
      .map(([argument, value]) => [ours(argument), value] as const)
      .filter(([argument, value]) => value !== null && known.includes(argument) && !left.includes(argument));
    const trained = async (options: object): Promise<unknown> => {
      const net = sequential([layers.dense({units: 3, inputShape: [4]}), layers.dense({units: 1})], {
        seed: 2,
      });
      net.compile({optimizer: make(options), loss: 'mse'});
      const x = {data: numbers(24, 1), shape: [6, 4]};
      for (let step = 0; step < 3; step++) await net.trainOnBatch(x, numbers(6, 2));
      return net.getWeights();
    };
    expect(await trained(Object.fromEntries(said))).toEqual(await trained({}));
  });
});
