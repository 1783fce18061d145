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

await model.fit(inputs, targets, {epochs: 500, batchSize: 4, seed: 7});
const {data} = await model.predict(inputs);
console.log(Array.from(data, value => Math.round(value)).join(' '));
