// The table of layers: for each class of tfjs-layers the function of `layers` that computes the same, and how
// their options go together. A layer that comes new is a row here, and a sample in the test of this table.
import type {layers} from '@tensorflow/tfjs-layers';
import type {Config, Json} from '../core/named.ts';
import {
  activation,
  type Codec,
  channelsLast,
  constraint,
  initializer,
  knownSizes,
  namedPadding,
  nullable,
  plain,
  regularizer,
  sidesOfAxes,
} from './codecs.ts';

export type TfjsLayer = layers.Layer;

/** Layers within a layer. */
export interface Part {
  /** The option here, and of tfjs's constructor. */
  readonly option: string;
  /** Where tfjs's layer has them. */
  readonly property: string;
  /** Any number of them. */
  readonly isList?: boolean;
  /** What tfjs makes of the others, so that its constructor does not take it. */
  readonly isDerived?: boolean;
}

/** One option: as tfjs calls it, as it is called here. */
interface OptionRow {
  readonly theirs: string;
  readonly ours: string;
  readonly codec: Codec;
}

export interface Counterpart {
  /** As tfjs registers it. */
  readonly className: string;
  /** The function of `layers`. */
  readonly kind: string;
  readonly options: readonly OptionRow[];
  /** Options that are the same for every layer of the class, and have no name there. */
  readonly always: Config;
  /** Defaults here that differ from those of tfjs, which are written out on the way there. */
  readonly defaults: Config;
  /** What tfjs's own description of the layer leaves out, or has wrong. */
  readonly read: (layer: TfjsLayer) => Config;
  /** In the order of `layers` of the layer here. */
  readonly parts: readonly Part[];
  /** Values of options that mean something else there, or nothing. */
  readonly refused: readonly RefusedValue[];
}

export interface RefusedValue {
  readonly option: string;
  readonly value: Json;
  readonly why: string;
}

type Details = Partial<Omit<Counterpart, 'className' | 'kind' | 'options'>>;

/** How an option's values are written follows from its name. */
function codecFor(name: string): Codec {
  if (/activation$/i.test(name)) return activation;
  if (name.endsWith('Initializer')) return initializer;
  if (name.endsWith('Regularizer')) return regularizer;
  return name.endsWith('Constraint') ? constraint : plain;
}

const codecs: Readonly<Record<string, Codec>> = {
  last: channelsLast,
  named: namedPadding,
  nullable,
  sides: sidesOfAxes,
  sizes: knownSizes,
};

/**
 * `units alpha=negativeSlope padding:sides`: names of options, theirs and ours where they differ, and how
 * values are written where that does not follow from the name.
 */
const optionRows = (names: string): OptionRow[] =>
  names
    .split(/\s+/)
    .filter(name => name !== '')
    .map(text => {
      const [names = '', written] = text.split(':');
      const [theirs = '', ours = theirs] = names.split('=');
      return {theirs, ours, codec: (written && codecs[written]) || codecFor(theirs)};
    });

function row(className: string, kind: string, options: string, details: Details = {}): Counterpart {
  const nothing = {always: {}, defaults: {}, read: () => ({}), parts: [], refused: []};
  return {className, kind, options: optionRows(options), ...nothing, ...details};
}

const weights = (...names: readonly string[]): string =>
  names.map(name => `${name}Initializer ${name}Regularizer ${name}Constraint`).join(' ');

const windows = 'kernelSize strides padding:named dataFormat dilationRate activation useBias';
const convolution = `filters ${windows} ${weights('kernel', 'bias')}`;
const pooling = 'poolSize strides padding:named dataFormat';
const cell = `units activation useBias ${weights('kernel', 'recurrent', 'bias')} dropout recurrentDropout`;
const sequence = 'returnSequences returnState goBackwards stateful';
const recurrent = `${cell} ${sequence}`;
/** Steps that a mask hides repeat the output before, also within a Bidirectional. */
const repeating = {zeroOutputForMask: false};
const scale = `epsilon center scale ${weights('beta', 'gamma')}`;

/** Properties of tfjs's layers that their descriptions lack. */
const property = (layer: TfjsLayer, name: string): Json =>
  (layer as unknown as Readonly<Record<string, Json>>)[name] ?? null;

const bilinear: RefusedValue = {
  option: 'interpolation',
  value: 'bilinear',
  why: 'tfjs-layers places pixels otherwise than Keras does, whose way is the one here',
};

const noEncoding: readonly RefusedValue[] = [
  {option: 'outputMode', value: 'int', why: 'its ids are those of its input: leave the layer out'},
  {
    option: 'outputMode',
    value: 'tfIdf',
    why: 'tfjs-layers has no weights for it, and fails when it is called',
  },
];

/** An object that getConfig of a layer of tfjs gives, of the layer's own making. */
function constraintOf(layer: TfjsLayer, name: string): Json {
  const own = property(layer, name) as unknown as {getClassName(): string; getConfig(): Json} | null;
  return own === null ? null : {className: own.getClassName(), config: own.getConfig()};
}

export const counterparts: readonly Counterpart[] = [
  row('InputLayer', 'inputLayer', ''),
  row('Dense', 'dense', `units activation useBias ${weights('kernel', 'bias')}`),
  row('Activation', 'activation', 'activation'),
  row('Dropout', 'dropout', 'rate noiseShape'),
  row('SpatialDropout1D', 'spatialDropout1d', 'rate'),
  row('Flatten', 'flatten', 'dataFormat:last'),
  row('RepeatVector', 'repeatVector', 'n'),
  row('Reshape', 'reshape', 'targetShape:sizes'),
  row('Permute', 'permute', 'dims'),
  row('ReLU', 'reLU', 'maxValue'),
  row('LeakyReLU', 'leakyRelu', 'alpha=negativeSlope'),
  row('PReLU', 'prelu', `${weights('alpha')} sharedAxes`),
  row('ELU', 'elu', 'alpha'),
  row('ThresholdedReLU', 'thresholdedReLU', 'theta'),
  row('Softmax', 'softmax', 'axis', {defaults: {axis: -1}}),
  row('Conv1D', 'conv1d', convolution),
  row('Conv2D', 'conv2d', convolution),
  row('Conv3D', 'conv3d', convolution),
  row('Conv2DTranspose', 'conv2dTranspose', convolution),
  row('Conv3DTranspose', 'conv3dTranspose', convolution),
  row(
    'DepthwiseConv2D',
    'depthwiseConv2d',
    // tfjs reads a dilationRate, and computes without it.
    `depthMultiplier ${windows.replace(' dilationRate', '')} ${weights('depthwise', 'bias')}`,
    {read: layer => ({depthwiseConstraint: constraintOf(layer, 'depthwiseConstraint')})},
  ),
  row(
    'SeparableConv2D',
    'separableConv2d',
    `filters depthMultiplier ${windows} ${weights('depthwise', 'pointwise', 'bias')}`,
    {read: layer => ({depthMultiplier: property(layer, 'depthMultiplier')})},
  ),
  row('Cropping2D', 'cropping2d', 'cropping:sides dataFormat', {defaults: {cropping: 0}}),
  row('UpSampling2D', 'upSampling2d', 'size dataFormat interpolation', {refused: [bilinear]}),
  row('ZeroPadding2D', 'zeroPadding2d', 'padding:sides dataFormat', {defaults: {padding: 1}}),
  row('MaxPooling1D', 'maxPooling1d', pooling),
  row('MaxPooling2D', 'maxPooling2d', pooling),
  row('MaxPooling3D', 'maxPooling3d', pooling),
  row('AveragePooling1D', 'averagePooling1d', pooling),
  row('AveragePooling2D', 'averagePooling2d', pooling),
  row('AveragePooling3D', 'averagePooling3d', pooling),
  row('GlobalAveragePooling1D', 'globalAveragePooling1d', ''),
  row('GlobalAveragePooling2D', 'globalAveragePooling2d', 'dataFormat'),
  row('GlobalMaxPooling1D', 'globalMaxPooling1d', ''),
  row('GlobalMaxPooling2D', 'globalMaxPooling2d', 'dataFormat'),
  row('SimpleRNN', 'simpleRNN', recurrent, {always: repeating, defaults: repeating}),
  row('LSTM', 'lstm', `${recurrent} recurrentActivation unitForgetBias`, {
    always: repeating,
    defaults: {recurrentActivation: 'sigmoid', ...repeating},
  }),
  row(
    'ConvLSTM2D',
    'convLstm2d',
    `${convolution} ${weights('recurrent')} dropout recurrentDropout
     recurrentActivation unitForgetBias ${sequence}`,
    {always: repeating, defaults: {recurrentActivation: 'sigmoid', ...repeating}},
  ),
  row('GRU', 'gru', `${recurrent} recurrentActivation`, {
    always: {resetAfter: false, ...repeating},
    defaults: {recurrentActivation: 'sigmoid', ...repeating},
  }),
  row('SimpleRNNCell', 'simpleRNNCell', cell),
  row('LSTMCell', 'lstmCell', `${cell} recurrentActivation unitForgetBias`, {
    defaults: {recurrentActivation: 'sigmoid'},
  }),
  row('GRUCell', 'gruCell', `${cell} recurrentActivation`, {
    always: {resetAfter: false},
    defaults: {recurrentActivation: 'sigmoid'},
  }),
  row('StackedRNNCells', 'stackedRNNCells', '', {
    parts: [{option: 'cells', property: 'cells', isList: true}],
  }),
  row('RNN', 'rnn', sequence, {
    always: repeating,
    defaults: repeating,
    parts: [{option: 'cell', property: 'cell'}],
  }),
  row('Bidirectional', 'bidirectional', 'mergeMode:nullable', {
    parts: [
      {option: 'layer', property: 'forwardLayer'},
      {option: 'backwardLayer', property: 'backwardLayer', isDerived: true},
    ],
  }),
  row('TimeDistributed', 'timeDistributed', '', {parts: [{option: 'layer', property: 'layer'}]}),
  row('Masking', 'masking', 'maskValue'),
  row('Embedding', 'embedding', `inputDim outputDim ${weights('embeddings')} maskZero`),
  row('CategoryEncoding', 'categoryEncoding', 'numTokens outputMode', {refused: noEncoding}),
  row('Add', 'add', ''),
  row('Multiply', 'multiply', ''),
  row('Average', 'average', ''),
  row('Maximum', 'maximum', ''),
  row('Minimum', 'minimum', ''),
  row('Concatenate', 'concatenate', 'axis'),
  row('Dot', 'dot', 'axes normalize'),
  row('GaussianNoise', 'gaussianNoise', 'stddev'),
  row('GaussianDropout', 'gaussianDropout', 'rate'),
  row('AlphaDropout', 'alphaDropout', 'rate'),
  row(
    'BatchNormalization',
    'batchNormalization',
    `axis momentum ${scale} movingMeanInitializer movingVarianceInitializer`,
  ),
  row('LayerNormalization', 'layerNormalization', `axis ${scale}`),
  row('Rescaling', 'rescaling', 'scale offset', {defaults: {offset: 0}}),
];

/** Models, which are layers of others: in both libraries. */
export const modelClasses: Readonly<Record<string, 'sequential' | 'model'>> = {
  Sequential: 'sequential',
  Model: 'model',
  Functional: 'model',
};

/** Layers of tfjs-layers that have none here, and why. */
export const withoutCounterpart: ReadonlyMap<string, string> = new Map([
  ['ConvLSTM2DCell', 'tfjs-layers runs it within ConvLSTM2D alone, which has a counterpart'],
  ['Resizing', 'tfjs-layers aligns the corners of images, which Keras and layers.resizing do not'],
  [
    'CenterCrop',
    'tfjs-layers samples a box that is a pixel too large, Keras and layers.centerCrop cut it out',
  ],
  ['RandomWidth', 'its output has another width in each step, and shapes are known beforehand here'],
]);

export const byClass: ReadonlyMap<string, Counterpart> = new Map(
  counterparts.map(each => [each.className, each]),
);

export const byKind: ReadonlyMap<string, Counterpart> = new Map(counterparts.map(each => [each.kind, each]));
