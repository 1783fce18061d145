// Names that users of Keras and TensorFlow.js type: those taken here too, those that errors suggest ours for.

/** Short names of losses. */
export const lossAliases = {
  mse: 'meanSquaredError',
  mae: 'meanAbsoluteError',
  mape: 'meanAbsolutePercentageError',
  msle: 'meanSquaredLogarithmicError',
  bce: 'binaryCrossentropy',
  kld: 'kullbackLeiblerDivergence',
  klDivergence: 'kullbackLeiblerDivergence',
  logCosh: 'logcosh',
} as const;

/** Short names of metrics. */
export const metricAliases = {
  ...lossAliases,
  acc: 'accuracy',
  rmse: 'rootMeanSquaredError',
  r2Score: 'r2',
  f1Score: 'f1',
} as const;

/** Options and names that are called otherwise here. */
export const otherNames: Readonly<Record<string, string>> = {
  lr: 'learningRate',
  minLr: 'minLearningRate',
  alpha: 'negativeSlope',
  inputDim: 'inputShape',
  acc: 'accuracy',
  valAcc: 'val_accuracy',
  nEpoch: 'epochs',
  nbEpoch: 'epochs',
  decay: 'weightDecay',
  clipvalue: 'clipValue',
  clipnorm: 'clipNorm',
  thresholds: 'threshold',
  saveWeightsOnly: 'includeOptimizer',
  init: 'kernelInitializer',
  p: 'rate',
  byName: 'partial',
  maxLength: 'maxNewTokens',
  maxTokens: 'maxNewTokens',
  doSample: 'temperature',
  beamWidth: 'numBeams',
  numBeam: 'numBeams',
  eosTokenId: 'stopTokens',
  stopTokenIds: 'stopTokens',
};

/** Options of Keras and TensorFlow.js that have none here, and what errors say of them. */
export const withoutOption: Readonly<Record<string, string>> = {
  seed: 'Random numbers follow from the seed of the model, as of sequential(layers, {seed})',
  batchSize: 'fit has it; elsewhere rows go through in parts of a size chosen here, which changes no result',
  verbose: 'fit has it; nothing else prints',
  stepsPerExecution: 'As many steps as go well are made in one native call',
  unroll: 'A loop of any length is compiled as one',
  useCudnn: 'The fastest way is taken by itself',
  implementation: 'The fastest way is taken by itself',
  flashAttention: 'The fastest way is taken by itself',
  jitCompile: 'All models are compiled',
  runEagerly: 'All models are compiled',
  numClasses: 'It follows from the output',
  sparseYTrue: 'It follows from the loss of the output',
  sparseYPred: 'It follows from the output',
  dtype: "Inputs have a dtype; layers compute in float32, products as compile({precision: 'bfloat16'}) says",
};
