// Networks of any layers by recipe, so that a failing one shrinks: images become sequences, sequences rows.
import fc from 'fast-check';
import {
  type CompileOptions,
  input,
  type Layer,
  layers,
  type Model,
  model,
  optimizers,
  type SymbolicTensor,
} from '../../lib/index.ts';
import {labelsOf, numbers} from '../support/plain-networks.ts';

/** Which layer, and numbers from which its options follow. */
interface Choice {
  readonly kind: number;
  readonly size: number;
  readonly way: number;
}

export interface Recipe {
  readonly start: 'image' | 'sequence' | 'ids';
  readonly choices: readonly Choice[];
  readonly optimizer: number;
  readonly bfloat16: boolean;
}

const choice = fc.record({kind: fc.nat(200), size: fc.nat(20), way: fc.nat(20)});

export const recipes: fc.Arbitrary<Recipe> = fc.record({
  start: fc.constantFrom('image', 'sequence', 'ids'),
  choices: fc.array(choice, {minLength: 1, maxLength: 6}),
  optimizer: fc.nat(20),
  bfloat16: fc.boolean(),
});

type Make = (choice: Choice, x: SymbolicTensor) => SymbolicTensor;

const pick = <Value>(values: readonly Value[], number: number): Value =>
  values[number % values.length] as Value;
const activationOf = ({way}: Choice) => pick(['tanh', 'relu', 'sigmoid', 'gelu', undefined] as const, way);
const alone =
  (make: (choice: Choice, x: SymbolicTensor) => Layer): Make =>
  (own, x) =>
    make(own, x).apply(x);
const channelsOf = (x: SymbolicTensor): number => x.shape.at(-1) as number;

const images: readonly Make[] = [
  alone(own => {
    const [filters, kernelSize, strides] = [1 + (own.size % 5), 1 + (own.size % 3), 1 + (own.way % 2)];
    return layers.conv2d({filters, kernelSize, strides, padding: 'same', activation: activationOf(own)});
  }),
  alone(({size, way}) =>
    layers.conv2d({
      filters: 4,
      kernelSize: 2,
      dilationRate: 1 + (way % 2),
      padding: 'same',
      useBias: size > 9,
    }),
  ),
  alone((own, x) => {
    const groups = channelsOf(x);
    const filters = groups * (1 + (own.size % 2));
    return layers.conv2d({filters, groups, kernelSize: 3, padding: 'same', kernelRegularizer: 'l2'});
  }),
  alone(own => layers.depthwiseConv2d({kernelSize: 3, padding: 'same', depthMultiplier: 1 + (own.size % 2)})),
  alone(own => layers.separableConv2d({filters: 1 + (own.size % 4), kernelSize: 3, padding: 'same'})),
  alone(own =>
    layers.conv2dTranspose({filters: 1 + (own.size % 3), kernelSize: 2, strides: 1 + (own.way % 2)}),
  ),
  alone(({way}) => layers.maxPooling2d({poolSize: 2, strides: 1 + (way % 2), padding: 'same'})),
  alone(({way}) => layers.averagePooling2d({poolSize: 2, strides: 1 + (way % 2), padding: 'same'})),
  alone(() => layers.spatialDropout2d({rate: 0.3})),
  alone(({way}) => layers.zeroPadding2d({padding: 1 + (way % 2)})),
  alone(() => layers.upSampling2d({size: 2})),
  alone(() => layers.randomFlip()),
  alone(() => layers.randomTranslation({heightFactor: 0.3, widthFactor: 0.2})),
  alone(() => layers.groupNormalization({groups: -1})),
  alone(own =>
    layers.spectralNormalization({layer: layers.conv2d({filters: 1 + (own.size % 4), kernelSize: 1})}),
  ),
  (own, x) => {
    const filters = channelsOf(x);
    const inner = layers.conv2d({filters, kernelSize: 3, padding: 'same'}).apply(x);
    return layers.add().apply([x, own.way % 2 === 0 ? inner : layers.batchNormalization().apply(inner)]);
  },
  alone((_, x) => {
    const [height, width, channels] = x.shape as [number, number, number];
    return layers.reshape({targetShape: [height, width * channels]});
  }),
  alone((_, x) => {
    const [height, width, channels] = x.shape as [number, number, number];
    return layers.reshape({targetShape: [height * width, channels]});
  }),
  alone(({way}) => (way % 2 ? layers.globalAveragePooling2d() : layers.globalMaxPooling2d())),
];

const recurrent = ({size, way}: Choice): Layer => {
  const options = {units: 1 + (size % 5), returnSequences: way % 2 === 0, goBackwards: way % 3 === 2};
  return pick(
    [
      () => layers.lstm({...options, dropout: 0.2}),
      () => layers.gru({...options, resetAfter: way % 5 > 1}),
      () => layers.simpleRNN({...options, recurrentDropout: 0.2}),
      () =>
        layers.rnn({cell: [layers.gruCell({units: 3}), layers.lstmCell({units: 2})], returnSequences: true}),
    ],
    size + way,
  )();
};

const sequences: readonly Make[] = [
  alone(recurrent),
  alone(recurrent),
  alone(({size, way}) => {
    const mergeMode = pick(['concat', 'sum', 'ave', 'mul'] as const, way);
    const inner = size % 2 ? layers.lstm : layers.gru;
    return layers.bidirectional({
      layer: inner({units: 1 + (size % 4), returnSequences: way % 3 > 0}),
      mergeMode,
    });
  }),
  alone(own => {
    const [filters, dilationRate] = [1 + (own.size % 5), 1 + (own.way % 3)];
    return layers.conv1d({
      filters,
      kernelSize: 2,
      padding: 'causal',
      dilationRate,
      activation: activationOf(own),
    });
  }),
  (own, x) => {
    const attention = layers.multiHeadAttention({numHeads: 1 + (own.size % 3), keyDim: 2, dropout: 0.1});
    return attention.apply([x, x], own.way % 2 ? {useCausalMask: true} : {});
  },
  alone(own => layers.transformerEncoder({intermediateDim: 1 + (own.size % 5), numHeads: 1})),
  (_, x) => layers.attention({useScale: true}).apply([x, x]),
  alone(own =>
    layers.timeDistributed({layer: layers.dense({units: 1 + (own.size % 4), activation: 'tanh'})}),
  ),
  alone(() => layers.sinePositionEncoding()),
  (_, x) =>
    layers.add().apply([x, layers.positionEmbedding({sequenceLength: x.shape[0] as number}).apply(x)]),
  alone(() => layers.masking({maskValue: 0})),
  alone(({way}) => layers.maxPooling1d({poolSize: 2, strides: 1 + (way % 2), padding: 'same'})),
  alone(() => layers.spatialDropout1d({rate: 0.2})),
  alone((_, x) => layers.reshape({targetShape: [...x.shape, 1]})),
  alone(() => layers.globalAveragePooling1d()),
  alone(() => layers.flatten()),
];

const anywhere: readonly Make[] = [
  alone(own => layers.dense({units: 1 + (own.size % 6), activation: activationOf(own)})),
  alone(() => layers.batchNormalization({momentum: 0.8})),
  alone(() => layers.layerNormalization()),
  alone(() => layers.rmsNormalization()),
  alone(() => layers.dropout({rate: 0.3})),
  alone(() => layers.prelu()),
  alone(() => layers.reLU({maxValue: 6, negativeSlope: 0.1})),
  (_, x) => layers.concatenate().apply([x, layers.activation({activation: 'tanh'}).apply(x)]),
  (_, x) => layers.multiply().apply([x, layers.activation({activation: 'sigmoid'}).apply(x)]),
];

const rows: readonly Make[] = [
  alone((_, x) => layers.repeatVector({n: 1 + (channelsOf(x) % 3)})),
  alone((_, x) => layers.reshape({targetShape: [channelsOf(x), 1]})),
];

const byRank = [rows, rows, sequences, images] as const;
const most = 300;
const sizeOf = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);

function next(own: Choice, x: SymbolicTensor): SymbolicTensor {
  const special = byRank[x.shape.length] as readonly Make[];
  const y = pick([...special, ...special, ...anywhere], own.kind)(own, x);
  return sizeOf(y.shape) <= most ? y : x;
}

export const [samples, classes, ids, steps] = [13, 3, 7, 5];
const shapes = {image: [6, 5, 2], sequence: [steps, 3], ids: [steps]} as const;

/** Data for all networks that start so; a sample has all-zero steps, which a mask leaves out. */
export function dataOf({start}: Recipe) {
  const shape = [samples, ...shapes[start]];
  const data =
    start === 'ids'
      ? Int32Array.from(numbers(sizeOf(shape), 3), value => Math.floor((value + 1) * 0.4999 * ids))
      : numbers(sizeOf(shape), 3).map((value, at) => (start === 'sequence' && at < 9 ? 0 : value));
  return {x: {data, shape}, y: labelsOf(samples, classes)};
}

export function compileOptionsOf({optimizer, bfloat16}: Recipe): CompileOptions {
  const all = [
    () => optimizers.adam({learningRate: 0.01}),
    () => optimizers.sgd({learningRate: 0.05, momentum: 0.9, nesterov: true}),
    () => optimizers.rmsprop({learningRate: 0.01, centered: true}),
    () => optimizers.adamw({learningRate: 0.01, clipNorm: 1}),
    () => optimizers.lion({learningRate: 0.001}),
    () => optimizers.muon({learningRate: 0.01}),
    () => optimizers.adafactor({learningRate: 0.01}),
  ];
  return {
    optimizer: pick(all, optimizer)(),
    loss: 'sparseCategoricalCrossentropy',
    metrics: ['accuracy'],
    ...(bfloat16 && {precision: 'bfloat16' as const}),
  };
}

/** Its network, the same whenever it is built. */
export function build(recipe: Recipe): Model {
  const start = input({shape: [...shapes[recipe.start]], ...(recipe.start === 'ids' && {dtype: 'int32'})});
  const embedded = (way: number) =>
    layers.embedding({inputDim: ids, outputDim: 3, maskZero: way % 2 === 0, sparse: way % 3 === 0});
  const first = recipe.start === 'ids' ? embedded(recipe.optimizer).apply(start) : start;
  const last = recipe.choices.reduce((x, own) => next(own, x), first);
  const flat = last.shape.length === 1 ? last : layers.flatten().apply(last);
  const outputs = layers.dense({units: classes, activation: 'softmax'}).apply(flat);
  const net = model({inputs: start, outputs, seed: 4});
  net.compile(compileOptionsOf(recipe));
  return net;
}
