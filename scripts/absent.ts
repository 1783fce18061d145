// What of Keras's layers and of their arguments is not here, and why: `npm run names` makes tables of it.

interface Absent {
  /** As Keras calls them. */
  readonly names: readonly string[];
  readonly why: string;
}

/** Layers without one of the same name here. */
export const absentLayers: readonly Absent[] = [
  {
    names: [
      ...['AvgPool1D', 'AvgPool2D', 'AvgPool3D', 'MaxPool1D', 'MaxPool2D', 'MaxPool3D'],
      ...['GlobalAvgPool1D', 'GlobalAvgPool2D', 'GlobalAvgPool3D'],
      ...['GlobalMaxPool1D', 'GlobalMaxPool2D', 'GlobalMaxPool3D'],
      ...['Convolution1D', 'Convolution2D', 'Convolution3D'],
      ...['Convolution1DTranspose', 'Convolution2DTranspose', 'Convolution3DTranspose'],
      ...['SeparableConvolution1D', 'SeparableConvolution2D'],
    ],
    why: 'Second names of layers that are here under their first',
  },
  {names: ['MixUp', 'CutMix'], why: 'They change labels too: `dataset.mixUp` and `dataset.cutMix`'},
  {names: ['ReversibleEmbedding'], why: '`layers.embedding` is applied in reverse as well'},
  {names: ['Pipeline'], why: 'A model is a layer: `model.toLayer()`'},
  {
    names: ['EinsumDense'],
    why: '`layers.dense` over the last axis; beyond that a class with `ops.einsum`',
  },
  {
    names: ['HashedCrossing'],
    why: '`layers.hashing` of the joined texts: `rows.map(([a, b]) => a + "_X_" + b)`',
  },
  {
    names: ['AugMix', 'RandAugment', 'RandomColorJitter'],
    why: 'Chains of other layers at random: put those that help after one another',
  },
  {
    names: [
      ...['RandomColorDegeneration', 'RandomInvert', 'RandomPosterization', 'RandomSharpness'],
      ...['RandomGaussianBlur', 'RandomElasticTransform', 'RandomPerspective', 'Solarization'],
    ],
    why: 'Not built yet: a class with `forward(x, {training, random})` changes images at random too',
  },
  {
    names: ['AutoContrast', 'Equalization', 'ContrastLimitedAdaptiveHistogramEqualization'],
    why: 'Not built yet: the same for every pass, so best done once, before the data are kept',
  },
  {names: ['MaxNumBoundingBoxes'], why: 'Boxes are no part of a batch of images here'},
  {
    names: ['MelSpectrogram', 'STFTSpectrogram'],
    why: 'Not built yet: `ops.fft` of windows is what they stand on',
  },
];

interface AbsentArguments extends Absent {
  /** Whose arguments they are, by the names here; of all where it is missing. */
  readonly of?: readonly string[];
}

const lookups = ['textVectorization', 'stringLookup', 'integerLookup'];
const ahead = [...lookups, 'categoryEncoding', 'hashing', 'discretization'];

/** Arguments, by the names that they would have here, of what is here. */
export const absentArguments: readonly AbsentArguments[] = [
  {names: ['seed'], why: 'Random numbers follow from the seed of the model'},
  {names: ['name', 'dtype', 'weights'], why: 'Said elsewhere: of all layers, of inputs, `setWeights`'},
  {names: ['dataFormat'], why: 'Where it is an option, `channelsLast` alone: put `layers.permute` before'},
  {names: ['unroll', 'flashAttention', 'useCudnn'], why: 'The fastest way is taken by itself'},
  {names: ['lossScaleFactor'], why: 'bfloat16 has the range of float32: nothing is to be scaled'},
  {
    names: ['loraRank', 'loraAlpha', 'quantizationConfig'],
    why: 'Not built: fine tuning by factors, fewer bits',
  },
  {
    of: ['batchNormalization'],
    names: ['renorm', 'renormClipping', 'renormMomentum', 'synchronized'],
    why: 'Not built: statistics are those of the batch, on one machine',
  },
  {of: ahead, names: ['sparse', 'ragged'], why: 'Arrays are dense here: padded, with a mask'},
  {of: lookups, names: ['encoding', 'vocabularyDtype'], why: 'Texts are strings, whole numbers int32'},
  {
    of: ['multiHeadAttention', 'groupQueryAttention'],
    names: ['slidingWindow', 'useGate'],
    why: 'Not built: a mask of attention hides what is far, `layers.multiply` is a gate',
  },
  {
    of: ['lambda'],
    names: ['outputShape', 'mask', 'arguments'],
    why: 'The shape follows from the ops; a function closes over its arguments; a class sees masks',
  },
  {
    of: ['optimizers.muon'],
    names: ['adamWeightDecay', 'excludeEmbeddings', 'muonA', 'muonB', 'muonC', 'rmsRate'],
    why: 'As its first authors and PyTorch have it; `exclude` names what Adam updates',
  },
];
