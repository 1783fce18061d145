// Names that users of Keras and TensorFlow.js type: those taken here too, those that errors suggest ours for,
// and what is called what on the pages made of this table (`npm run names`).

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
  alpha: 'negativeSlope',
  inputDim: 'inputShape',
  batchInputShape: 'inputShape',
  acc: 'accuracy',
  valAcc: 'val_accuracy',
  nEpoch: 'epochs',
  nbEpoch: 'epochs',
  decay: 'weightDecay',
  clipvalue: 'clipValue',
  clipnorm: 'clipNorm',
  init: 'kernelInitializer',
  p: 'rate',
  byName: 'partial',
  stepsPerExecution: 'stepsPerEpoch',
};

interface Familiar {
  readonly topic: string;
  readonly here: string;
  readonly keras?: string;
  readonly tfjs?: string;
}

const row = (topic: string, here: string, keras?: string, tfjs?: string): Familiar => ({
  topic,
  here,
  ...(keras !== undefined && {keras}),
  ...(tfjs !== undefined && {tfjs}),
});

/**
 * What is called what; `here` is a path from the package or from a model, a layer, an optimizer, a data set.
 */
export const familiar: readonly Familiar[] = [
  row('Models', 'sequential', 'Sequential', 'tf.sequential'),
  row('Models', 'model', 'Model', 'tf.model'),
  row('Models', 'input', 'Input', 'tf.input'),
  row('Models', 'load', 'keras.models.load_model', 'tf.loadLayersModel'),
  row('Models', 'modelFromJSON', 'model_from_json', 'tf.models.modelFromJSON'),
  row('Models', 'model.add', 'model.add', 'model.add'),
  row('Models', 'model.pop', 'model.pop', 'model.pop'),
  row('Models', 'model.layers', 'model.layers', 'model.layers'),
  row('Models', 'model.getLayer', 'model.get_layer', 'model.getLayer'),
  row('Models', 'model.inputs', 'model.inputs', 'model.inputs'),
  row('Models', 'model.outputs', 'model.outputs', 'model.outputs'),
  row('Models', 'model.inputNames', 'model.input_names', 'model.inputNames'),
  row('Models', 'model.outputNames', 'model.output_names', 'model.outputNames'),
  row('Models', 'model.countParams', 'model.count_params', 'model.countParams'),
  row('Models', 'model.summary', 'model.summary', 'model.summary'),
  row('Models', 'model.plot', 'plot_model'),
  row('Models', 'model.clone', 'clone_model'),
  row('Models', 'model.dispose', 'clear_session', 'model.dispose'),
  row('Models', 'model.toJSON', 'model.to_json', 'model.toJSON'),
  row('Training', 'model.compile', 'model.compile', 'model.compile'),
  row('Training', 'model.fit', 'model.fit', 'model.fit, model.fitDataset'),
  row('Training', 'model.evaluate', 'model.evaluate', 'model.evaluate, model.evaluateDataset'),
  row('Training', 'model.predict', 'model.predict', 'model.predict'),
  row('Training', 'model.predictSync', 'model(x)', 'model.predict(x).dataSync'),
  row('Training', 'model.predictOnBatch', 'model.predict_on_batch', 'model.predictOnBatch'),
  row('Training', 'model.trainOnBatch', 'model.train_on_batch', 'model.trainOnBatch'),
  row('Training', 'model.testOnBatch', 'model.test_on_batch'),
  row('Training', 'model.metricsNames', 'model.metrics_names', 'model.metricsNames'),
  row('Training', 'model.resetStates', 'model.reset_states', 'model.resetStates'),
  row('Training', 'model.stopTraining', 'model.stop_training', 'model.stopTraining'),
  row('Training', 'model.optimizer', 'model.optimizer', 'model.optimizer'),
  row(
    'Training',
    'optimizer.learningRate',
    'optimizer.learning_rate, optimizer.lr',
    'optimizer.learningRate',
  ),
  row('Training', 'optimizer.getWeights', 'optimizer.variables', 'optimizer.getWeights'),
  row('Training', 'optimizer.setWeights', 'optimizer.load_own_variables', 'optimizer.setWeights'),
  row('Training', 'gradients', 'GradientTape.gradient', 'tf.grads'),
  row('Weights', 'model.getWeights', 'model.get_weights', 'model.getWeights'),
  row('Weights', 'model.setWeights', 'model.set_weights', 'model.setWeights'),
  row('Weights', 'model.save', 'model.save', 'model.save'),
  row('Weights', 'model.toBytes', undefined, 'tf.io.withSaveHandler'),
  row('Weights', 'model.saveWeights', 'model.save_weights', 'model.saveWeights'),
  row('Weights', 'model.loadWeights', 'model.load_weights', 'model.loadWeights'),
  row('Weights', 'model.trainable', 'model.trainable', 'model.trainable'),
  row('Weights', 'layer.trainable', 'layer.trainable', 'layer.trainable'),
  row('Weights', 'layer.getWeights', 'layer.get_weights', 'layer.getWeights'),
  row('Weights', 'layer.setWeights', 'layer.set_weights', 'layer.setWeights'),
  row('Weights', 'layer.trainableWeights', 'layer.trainable_weights', 'layer.trainableWeights'),
  row('Weights', 'layer.nonTrainableWeights', 'layer.non_trainable_weights', 'layer.nonTrainableWeights'),
  row('Layers', 'layer.input', 'layer.input', 'layer.input'),
  row('Layers', 'layer.output', 'layer.output', 'layer.output'),
  row('Layers', 'layer.apply', 'layer(x)', 'layer.apply'),
  row('Layers', 'layer.countParams', 'layer.count_params', 'layer.countParams'),
  row('Layers', 'layer.getConfig', 'layer.get_config', 'layer.getConfig'),
  row('Layers', 'layer.name', 'layer.name', 'layer.name'),
  row('Layers', 'layers.dense', 'layers.Dense', 'tf.layers.dense'),
  row('Layers', 'layers.inputLayer', 'layers.InputLayer', 'tf.layers.inputLayer'),
  row('Layers', 'layers.normalization', 'layers.Normalization'),
  row('Layers', 'layers.reLU', 'layers.ReLU', 'tf.layers.reLU'),
  row('Layers', 'layers.leakyReLU', 'layers.LeakyReLU', 'tf.layers.leakyReLU'),
  row('Layers', 'layers.thresholdedReLU', 'layers.ThresholdedReLU', 'tf.layers.thresholdedReLU'),
  row('Layers', 'layers.batchNormalization', 'layers.BatchNormalization', 'tf.layers.batchNormalization'),
  row('Layers', 'layers.layerNormalization', 'layers.LayerNormalization', 'tf.layers.layerNormalization'),
  row('Layers', 'layers.dropout', 'layers.Dropout', 'tf.layers.dropout'),
  row('Layers', 'layers.flatten', 'layers.Flatten', 'tf.layers.flatten'),
  row('Layers', 'layers.reshape', 'layers.Reshape', 'tf.layers.reshape'),
  row('Layers', 'layers.concatenate', 'layers.Concatenate', 'tf.layers.concatenate'),
  row('Layers', 'layers.lambda', 'layers.Lambda'),
  row('Optimizers', 'optimizers.sgd', 'optimizers.SGD', 'tf.train.sgd, tf.train.momentum'),
  row('Optimizers', 'optimizers.adam', 'optimizers.Adam', 'tf.train.adam'),
  row('Optimizers', 'optimizers.rmsprop', 'optimizers.RMSprop', 'tf.train.rmsprop'),
  row('Callbacks', 'callbacks.earlyStopping', 'callbacks.EarlyStopping', 'tf.callbacks.earlyStopping'),
  row('Callbacks', 'callbacks.modelCheckpoint', 'callbacks.ModelCheckpoint'),
  row('Callbacks', 'callbacks.backupAndRestore', 'callbacks.BackupAndRestore'),
  row('Callbacks', 'callbacks.csvLogger', 'callbacks.CSVLogger'),
  row('Callbacks', 'callbacks.reduceLROnPlateau', 'callbacks.ReduceLROnPlateau'),
  row('Data', 'Dataset.fromArrays', 'Dataset.from_tensor_slices', 'tf.data.array'),
  row('Data', 'Dataset.fromGenerator', 'Dataset.from_generator', 'tf.data.generator'),
  row('Data', 'Dataset.fromCsv', 'make_csv_dataset', 'tf.data.csv'),
  row('Data', 'Dataset.zip', 'Dataset.zip', 'tf.data.zip'),
  row('Data', 'dataset.concatenate', 'dataset.concatenate', 'dataset.concatenate'),
  row('Data', 'dataset.batch', 'dataset.batch', 'dataset.batch'),
  row('Data', 'dataset.shuffle', 'dataset.shuffle', 'dataset.shuffle'),
  row('Data', 'data.oneHot', 'to_categorical', 'tf.oneHot'),
];
