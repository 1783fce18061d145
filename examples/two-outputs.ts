// One network, two answers: a penguin's species and its weight, from three measures. Each output has a loss
// of its own; what both need to know they share.
import {readFileSync} from 'node:fs';
import {data, input, layers, model, optimizers} from 'chainrule';

const file = new URL('../data/penguins.json', import.meta.resolve('vega-datasets'));
const all: Record<string, string | number | null>[] = JSON.parse(readFileSync(file, 'utf8'));
const measures = ['Beak Length (mm)', 'Beak Depth (mm)', 'Flipper Length (mm)'];
const penguins = all.filter(bird => bird['Body Mass (g)'] !== null);
const kinds = [...new Set(penguins.map(({Species}) => Species))];
console.log(`${penguins.length} penguins; ${all.length - penguins.length} that nobody measured left out`);

const inputs = penguins.map(bird => measures.map(name => bird[name] as number));
const answers = penguins.map(bird => [
  kinds.indexOf(bird.Species as string),
  (bird['Body Mass (g)'] as number) / 1000,
]);
const {xTrain, xTest, yTrain, yTest} = data.trainTestSplit(inputs, answers, {testSize: 0.25, seed: 1});
const train = data.standardize(xTrain);
const test = data.standardize(xTest, {like: train});
const targets = ({data: values}: typeof yTrain) => ({
  species: Int32Array.from({length: values.length / 2}, (_, row) => values[2 * row] as number),
  weight: Float32Array.from({length: values.length / 2}, (_, row) => values[2 * row + 1] as number),
});

const body = input({shape: [3], name: 'measures'});
const shared = layers.dense({units: 16, activation: 'relu'}).apply(body);
const net = model({
  inputs: body,
  outputs: {
    species: layers.dense({units: kinds.length, activation: 'softmax', name: 'species'}).apply(shared),
    weight: layers.dense({units: 1, name: 'weight'}).apply(shared),
  },
});
net.summary();
net.compile({
  optimizer: optimizers.adam({learningRate: 0.01}),
  loss: {species: 'sparseCategoricalCrossentropy', weight: 'meanSquaredError'},
  lossWeights: {weight: 2},
  metrics: {species: ['accuracy'], weight: ['meanAbsoluteError']},
});
await net.fit(train, targets(yTrain), {epochs: 150, batchSize: 32});

const logs = await net.evaluate(test, targets(yTest));
const grams = 1000 * (logs.weight_meanAbsoluteError as number);
console.log(`species right: ${(100 * (logs.species_accuracy as number)).toFixed(1)} %`);
console.log(`weight off by ${grams.toFixed(0)} g`);
