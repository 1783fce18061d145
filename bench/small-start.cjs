// The README's XOR from `require` on, as a user's process has it. Prints milliseconds.
const started = performance.now();
const {layers, optimizers, sequential} = require(process.argv[2]);

const x = [
  [0, 0],
  [0, 1],
  [1, 0],
  [1, 1],
];
const model = sequential([
  layers.dense({units: 8, activation: 'tanh', inputShape: [2]}),
  layers.dense({units: 1, activation: 'sigmoid'}),
]);
model.compile({optimizer: optimizers.adam({learningRate: 0.05}), loss: 'binaryCrossentropy'});
model.fit(x, [[0], [1], [1], [0]], {epochs: 500, batchSize: 4}).then(() => {
  console.log(performance.now() - started);
});
