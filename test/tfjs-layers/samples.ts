// Layers of tfjs-layers for the test of the table of layers: one or more of each class with a counterpart.
import * as tf from '@tensorflow/tfjs';
import * as tfl from '@tensorflow/tfjs-layers';

export interface Sample {
  readonly layer: () => tfl.layers.Layer;
  /** Of one sample of each input. */
  readonly shapes: readonly number[][];
  /** Numbers of these ids, instead of any. */
  readonly ids?: number;
}

const {layers} = tfl;

const of = (layer: () => tfl.layers.Layer, ...shapes: number[][]): Sample => ({layer, shapes});

/** An instance of any registered class. */
export function made(className: string, config: object = {}): tfl.layers.Layer {
  const [own, fromConfig] = tf.serialization.SerializationMap.getMap().classNameMap[className] as unknown as [
    object,
    (own: object, config: object) => tfl.layers.Layer,
  ];
  return fromConfig(own, config);
}

/** With options that tfjs says for one axis, two or three. */
const pools = (className: string, axes: number): Sample[] => {
  const [small, large] = [new Array<number>(axes).fill(6), new Array<number>(axes).fill(3)];
  const config = {poolSize: large, strides: new Array<number>(axes).fill(2), padding: 'same'};
  return [
    of(() => made(className), [...small, 2]),
    of(
      () => made(className, axes === 1 ? {poolSize: 3, strides: 2, padding: 'same'} : config),
      [...small, 2],
    ),
  ];
};

const chosen = {
  kernelRegularizer: tfl.regularizers.l1l2({l1: 0.1, l2: 0.2}),
  biasRegularizer: tfl.regularizers.l2({l2: 0.3}),
  kernelConstraint: tfl.constraints.maxNorm({maxValue: 3, axis: 0}),
  biasConstraint: tfl.constraints.nonNeg(),
  kernelInitializer: 'heNormal',
  biasInitializer: tfl.initializers.constant({value: 0.5}),
} as const;

const recurrent = {units: 5, useBias: true, biasInitializer: 'glorotUniform'} as const;
const both = {returnSequences: true, goBackwards: true} as const;

const inner = (more: object = {}): tfl.RNN => layers.lstm({...recurrent, ...more}) as tfl.RNN;

const activations = 'elu linear logSoftmax mish relu relu6 selu sigmoid softmax softplus softsign swish tanh';
const others = 'gelu gelu_new hardSigmoid';

export const samples: Readonly<Record<string, readonly Sample[]>> = {
  InputLayer: [of(() => layers.activation({activation: 'linear'}), [3])],
  Dense: [
    of(() => layers.dense({units: 4, activation: 'tanh', ...chosen}), [5]),
    of(() => layers.dense({units: 3, useBias: false}), [2, 5]),
  ],
  Activation: `${activations} ${others}`
    .split(' ')
    .map(activation => of(() => made('Activation', {activation}), [7])),
  Dropout: [of(() => layers.dropout({rate: 0.4, noiseShape: [1, 5], seed: 3}), [5])],
  SpatialDropout1D: [of(() => layers.spatialDropout1d({rate: 0.4}), [4, 3])],
  Flatten: [
    of(() => layers.flatten(), [2, 3, 2]),
    of(() => layers.flatten({dataFormat: 'channelsLast'}), [2, 3]),
  ],
  RepeatVector: [of(() => layers.repeatVector({n: 3}), [4])],
  Reshape: [of(() => layers.reshape({targetShape: [3, -1]}), [2, 6])],
  Permute: [of(() => layers.permute({dims: [3, 1, 2]}), [2, 3, 4])],
  ReLU: [of(() => layers.reLU(), [9]), of(() => layers.reLU({maxValue: 0.5}), [9])],
  LeakyReLU: [of(() => layers.leakyReLU(), [9]), of(() => layers.leakyReLU({alpha: 0.1}), [9])],
  PReLU: [
    of(() => layers.prelu({alphaInitializer: 'glorotNormal'}), [4, 3]),
    of(() => layers.prelu({alphaInitializer: 'randomNormal', sharedAxes: [1]}), [4, 3]),
  ],
  ELU: [of(() => layers.elu(), [9])],
  ThresholdedReLU: [of(() => layers.thresholdedReLU({theta: 0.25}), [9])],
  Softmax: [of(() => layers.softmax(), [4]), of(() => layers.softmax({axis: -1}), [3, 4])],
  Conv1D: [
    of(() => layers.conv1d({filters: 3, kernelSize: 3, activation: 'relu', ...chosen}), [8, 2]),
    of(() => layers.conv1d({filters: 3, kernelSize: 2, strides: 2, padding: 'same'}), [7, 2]),
    of(() => layers.conv1d({filters: 2, kernelSize: 3, dilationRate: 2}), [8, 2]),
  ],
  Conv2D: [
    of(() => layers.conv2d({filters: 3, kernelSize: [3, 2], activation: 'relu', ...chosen}), [6, 5, 2]),
    of(
      () => layers.conv2d({filters: 3, kernelSize: 3, strides: 2, padding: 'same', useBias: false}),
      [7, 6, 2],
    ),
    of(() => layers.conv2d({filters: 2, kernelSize: 3, dilationRate: 2}), [7, 7, 2]),
  ],
  Conv3D: [of(() => layers.conv3d({filters: 3, kernelSize: 2, padding: 'same', ...chosen}), [3, 4, 3, 2])],
  Conv2DTranspose: [
    of(
      () => layers.conv2dTranspose({filters: 3, kernelSize: 3, strides: 2, padding: 'same', ...chosen}),
      [4, 3, 2],
    ),
    of(() => layers.conv2dTranspose({filters: 2, kernelSize: 2, activation: 'tanh'}), [3, 3, 2]),
  ],
  Conv3DTranspose: [of(() => layers.conv3dTranspose({filters: 2, kernelSize: 2, strides: 2}), [2, 2, 3, 2])],
  DepthwiseConv2D: [
    of(
      () =>
        layers.depthwiseConv2d({
          ...{kernelSize: 3, depthMultiplier: 2, padding: 'same', activation: 'relu'},
          ...{depthwiseRegularizer: 'l1l2', depthwiseConstraint: tfl.constraints.unitNorm({axis: 0})},
        }),
      [5, 6, 3],
    ),
    of(() => layers.depthwiseConv2d({kernelSize: [2, 3], strides: 1, depthMultiplier: 2}), [4, 5, 3]),
  ],
  SeparableConv2D: [
    of(
      () =>
        layers.separableConv2d({
          ...{filters: 4, kernelSize: 3, depthMultiplier: 2, padding: 'same', activation: 'sigmoid'},
          ...{pointwiseRegularizer: 'l1l2', depthwiseInitializer: 'heUniform'},
        }),
      [5, 6, 3],
    ),
  ],
  Cropping2D: [
    of(() => layers.cropping2D({cropping: 1}), [6, 5, 2]),
    of(
      () =>
        layers.cropping2D({
          cropping: [
            [0, 2],
            [1, 1],
          ],
        }),
      [6, 5, 2],
    ),
  ],
  UpSampling2D: [
    of(() => layers.upSampling2d({}), [2, 3, 2]),
    of(() => layers.upSampling2d({size: [3, 1]}), [2, 3, 2]),
  ],
  ZeroPadding2D: [
    of(() => layers.zeroPadding2d(), [2, 3, 2]),
    of(
      () =>
        layers.zeroPadding2d({
          padding: [
            [0, 2],
            [1, 3],
          ],
        }),
      [2, 3, 2],
    ),
  ],
  MaxPooling1D: pools('MaxPooling1D', 1),
  MaxPooling2D: pools('MaxPooling2D', 2),
  MaxPooling3D: pools('MaxPooling3D', 3),
  AveragePooling1D: pools('AveragePooling1D', 1),
  AveragePooling2D: pools('AveragePooling2D', 2),
  AveragePooling3D: pools('AveragePooling3D', 3),
  GlobalAveragePooling1D: [of(() => layers.globalAveragePooling1d({}), [5, 3])],
  GlobalAveragePooling2D: [of(() => layers.globalAveragePooling2d({}), [4, 5, 3])],
  GlobalMaxPooling1D: [of(() => layers.globalMaxPooling1d({}), [5, 3])],
  GlobalMaxPooling2D: [of(() => layers.globalMaxPooling2d({}), [4, 5, 3])],
  SimpleRNN: [
    of(() => layers.simpleRNN({...recurrent, activation: 'relu'}), [6, 3]),
    of(() => layers.simpleRNN({...recurrent, ...both, dropout: 0.2, recurrentDropout: 0.3}), [6, 3]),
  ],
  LSTM: [
    of(() => layers.lstm(recurrent), [6, 3]),
    of(
      () => layers.lstm({...recurrent, ...both, recurrentActivation: 'sigmoid', unitForgetBias: false}),
      [6, 3],
    ),
  ],
  GRU: [
    of(() => layers.gru(recurrent as never), [6, 3]),
    of(() => layers.gru({...recurrent, ...both, recurrentActivation: 'sigmoid', useBias: false}), [6, 3]),
  ],
  ConvLSTM2D: [
    of(
      () => layers.convLstm2d({filters: 3, kernelSize: [2, 3], recurrentActivation: 'sigmoid', ...chosen}),
      [4, 5, 6, 2],
    ),
    of(
      () =>
        layers.convLstm2d({
          ...{filters: 2, kernelSize: 3, strides: [2, 1], padding: 'same', useBias: false, ...both},
          ...{dropout: 0.2, recurrentDropout: 0.3},
        } as never),
      [3, 5, 4, 1],
    ),
    of(
      () => layers.convLstm2d({filters: 2, kernelSize: 2, dilationRate: 2, unitForgetBias: false} as never),
      [3, 6, 5, 2],
    ),
    of(() => layers.convLstm2d({filters: 2, kernelSize: 2, padding: 'same'}), [3, 4, 3, 2]),
  ],
  SimpleRNNCell: [of(() => layers.rnn({cell: layers.simpleRNNCell(recurrent)}), [6, 3])],
  LSTMCell: [of(() => layers.rnn({cell: layers.lstmCell(recurrent), ...both}), [6, 3])],
  GRUCell: [of(() => layers.rnn({cell: layers.gruCell(recurrent as never)}), [6, 3])],
  StackedRNNCells: [
    of(() => {
      const cells = [layers.lstmCell({units: 4}), layers.gruCell({units: 3} as never)];
      return layers.rnn({cell: layers.stackedRNNCells({cells}), returnSequences: true});
    }, [5, 2]),
  ],
  RNN: [of(() => layers.rnn({cell: layers.lstmCell({units: 3}), goBackwards: true}), [5, 2])],
  Bidirectional: [
    of(() => layers.bidirectional({layer: inner(), mergeMode: 'concat'}), [5, 3]),
    of(() => layers.bidirectional({layer: inner(both), mergeMode: 'ave'}), [5, 3]),
    of(() => layers.bidirectional({layer: inner({returnSequences: true}), mergeMode: 'mul'}), [5, 3]),
  ],
  TimeDistributed: [
    of(() => layers.timeDistributed({layer: layers.dense({units: 4, activation: 'tanh'})}), [5, 3]),
    of(() => layers.timeDistributed({layer: layers.conv2d({filters: 2, kernelSize: 2})}), [3, 4, 4, 1]),
  ],
  Masking: [of(() => layers.masking({maskValue: 0.5}), [4, 2])],
  Embedding: [
    {
      layer: () => layers.embedding({inputDim: 7, outputDim: 3, embeddingsRegularizer: 'l1l2'}),
      ...{shapes: [[5]], ids: 7},
    },
    {layer: () => layers.embedding({inputDim: 4, outputDim: 2, maskZero: true}), shapes: [[3]], ids: 4},
  ],
  CategoryEncoding: [
    // tfjs overwrites the shape of the input with that of the output.
    {layer: () => layers.categoryEncoding({numTokens: 6, outputMode: 'multiHot'}), shapes: [[6]], ids: 6},
    {layer: () => layers.categoryEncoding({numTokens: 7, outputMode: 'count'}), shapes: [[7]], ids: 7},
  ],
  Add: [of(() => layers.add(), [3, 2], [3, 2], [3, 2])],
  Multiply: [of(() => layers.multiply(), [3, 2], [3, 2])],
  Average: [of(() => layers.average(), [3, 2], [3, 2], [3, 2])],
  Maximum: [of(() => layers.maximum(), [3, 2], [3, 2])],
  Minimum: [of(() => layers.minimum(), [3, 2], [3, 2])],
  Concatenate: [
    of(() => layers.concatenate(), [3, 2], [3, 4]),
    of(() => layers.concatenate({axis: 1}), [3, 2], [4, 2]),
  ],
  Dot: [
    of(() => layers.dot({axes: -1}), [4], [4]),
    of(() => layers.dot({axes: [2, 1], normalize: true}), [3, 4], [4, 5]),
  ],
  Rescaling: [
    of(() => layers.rescaling({scale: 0.5}), [4]),
    of(() => layers.rescaling({scale: 2, offset: -1}), [2, 3, 2]),
  ],
  GaussianNoise: [of(() => layers.gaussianNoise({stddev: 0.5}), [4])],
  GaussianDropout: [of(() => layers.gaussianDropout({rate: 0.5}), [4])],
  AlphaDropout: [of(() => layers.alphaDropout({rate: 0.5}), [4])],
  BatchNormalization: [
    of(
      () =>
        layers.batchNormalization({
          ...{
            momentum: 0.9,
            epsilon: 0.01,
            gammaInitializer: 'randomUniform',
            betaInitializer: 'randomNormal',
          },
          ...{movingMeanInitializer: 'randomNormal', movingVarianceInitializer: 'ones'},
        }),
      [4, 3],
    ),
    of(() => layers.batchNormalization({axis: 1, scale: false, center: false}), [4, 3]),
  ],
  LayerNormalization: [
    of(() => layers.layerNormalization({gammaInitializer: 'randomUniform'}), [4, 3]),
    of(() => layers.layerNormalization({axis: [1, 2], epsilon: 0.1, center: false}), [4, 3]),
  ],
};
