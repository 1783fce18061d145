// From nothing to the first step, as a user's process has it: requires the package that is named, builds a
// model of so many layers, takes a step and another. Prints one line of JSON, in milliseconds.
//   startup.cjs PACKAGE mnist|layers
const started = performance.now();
const {layers, sequential} = require(process.argv[2]);
const required = performance.now();

const isMnist = process.argv[3] === 'mnist';
const inputs = isMnist ? 784 : 16;
const batch = isMnist ? 128 : 32;
const hidden = isMnist ? [128] : Array(99).fill(16);
const model = sequential(
  [...hidden, 10].map((units, index) =>
    layers.dense({
      units,
      activation: index === hidden.length ? 'softmax' : isMnist ? 'relu' : 'tanh',
      ...(index === 0 && {inputShape: [inputs]}),
    }),
  ),
);
model.compile({optimizer: 'adam', loss: 'sparseCategoricalCrossentropy'});
const x = {data: new Float32Array(batch * inputs).fill(0.5), shape: [batch, inputs]};
const y = new Uint8Array(batch);

async function main() {
  const built = performance.now();
  await model.trainOnBatch(x, y);
  const first = performance.now();
  await model.trainOnBatch(x, y);
  const second = performance.now();
  // The first step is compiled, the second is not.
  const compile = first - built - (second - first);
  console.log(
    JSON.stringify({require: required - started, build: built - required, compile, all: first - started}),
  );
}

main();
