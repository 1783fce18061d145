// The smallest network that needs a hidden layer.
import {layers, optimizers, sequential} from 'chainrule';

const inputs = [
  [0, 0],
  [0, 1],
  [1, 0],
  [1, 1],
];
const targets = [[0], [1], [1], [0]];

const model = sequential([
  layers.dense({units: 8, activation: 'tanh', inputShape: [2]}),
  layers.dense({units: 1, activation: 'sigmoid'}),
]);
model.compile({optimizer: optimizers.adam({learningRate: 0.05}), loss: 'binaryCrossentropy'});
await model.fit(inputs, targets, {epochs: 500, batchSize: 4});

const {data} = await model.predict(inputs);
inputs.forEach((pair, index) => {
  console.log(`${pair.join(' xor ')} = ${(data[index] as number).toFixed(3)}`);
});
