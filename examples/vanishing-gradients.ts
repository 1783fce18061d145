// Twenty layers deep: with sigmoids the gradient is gone long before it reaches the first layer, and nothing
// is learned. With ReLU, He's initializer and normalization it arrives.
import {initializers, layers, optimizers, sequential} from 'chainrule';

// Two spirals, each in the arms of the other (Lang and Witbrock 1988).
const rows = 400;
const x = Array.from({length: rows}, (_, row) => {
  const turn = 0.5 + (2.5 * Math.PI * (row >> 1)) / (rows / 2);
  const side = row % 2 ? 1 : -1;
  return [(side * turn * Math.cos(turn)) / 8, (side * turn * Math.sin(turn)) / 8];
});
const y = x.map((_, row) => [row % 2]);

const depth = 20;
const sick = () =>
  Array.from({length: depth - 1}, () =>
    layers.dense({
      units: 16,
      activation: 'sigmoid',
      kernelInitializer: initializers.randomNormal({stddev: 0.5}),
    }),
  );
const saved = () =>
  Array.from({length: depth - 1}, () => [
    layers.dense({units: 16, kernelInitializer: 'heNormal', useBias: false}),
    layers.batchNormalization(),
    layers.activation({activation: 'relu'}),
  ]).flat();

for (const [name, hidden] of [
  ['sigmoid', sick()],
  ['ReLU, He, normalization', saved()],
] as const) {
  const model = sequential([
    layers.reshape({targetShape: [2], inputShape: [2]}),
    ...hidden,
    layers.dense({units: 1, activation: 'sigmoid'}),
  ]);
  model.compile({
    optimizer: optimizers.adam({learningRate: 0.003}),
    loss: 'binaryCrossentropy',
    metrics: ['binaryAccuracy'],
  });
  const {gradients} = await model.gradients(x, y, {training: true});
  const norms = Object.entries(gradients)
    .filter(([weight]) => weight.endsWith('/kernel'))
    .map(([, {data}]) => Math.hypot(...data));
  const [first, last] = [norms[0] as number, norms.at(-1) as number];
  console.log(`${name}: the gradient's norm is ${last.toExponential(1)} in the last layer,`);
  console.log(`  ${first.toExponential(1)} in the first, ${(first / last).toExponential(1)} times as much`);
  const {history} = await model.fit(x, y, {epochs: 200, batchSize: 64});
  const accuracy = history.binaryAccuracy?.at(-1) as number;
  console.log(`  after 200 epochs ${(100 * accuracy).toFixed(1)} % are told apart`);
}
