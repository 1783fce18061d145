// How far a car gets on a gallon: a table with missing values, columns of their own for words, standardized
// columns, early stopping.
import {readFileSync} from 'node:fs';
import {callbacks, data, layers, optimizers, sequential} from 'chainrule';

interface Car {
  readonly Miles_per_Gallon: number | null;
  readonly Cylinders: number;
  readonly Displacement: number;
  readonly Horsepower: number | null;
  readonly Weight_in_lbs: number;
  readonly Acceleration: number;
  readonly Year: string;
  readonly Origin: 'USA' | 'Europe' | 'Japan';
}

const file = new URL('../data/cars.json', import.meta.resolve('vega-datasets'));
const all: Car[] = JSON.parse(readFileSync(file, 'utf8'));

// What is to be predicted must be there. A missing input is replaced by the median of the others, and a
// column says so: that it is missing may mean something, too.
const cars = all.filter(car => car.Miles_per_Gallon !== null);
const powers = cars.flatMap(({Horsepower}) => Horsepower ?? []).sort((a, b) => a - b);
const medianPower = powers[powers.length >> 1] as number;
const withoutPower = cars.filter(({Horsepower}) => Horsepower === null).length;
console.log(`${all.length} cars: ${all.length - cars.length} without miles per gallon left out,`);
console.log(`${withoutPower} without horsepower given the median of the others, ${medianPower}`);

const origins = ['USA', 'Europe', 'Japan'];
const inputs = cars.map(car => [
  car.Cylinders,
  car.Displacement,
  car.Horsepower ?? medianPower,
  Number(car.Horsepower === null),
  car.Weight_in_lbs,
  car.Acceleration,
  Number(car.Year.slice(0, 4)),
  ...origins.map(origin => Number(car.Origin === origin)),
]);
const miles = cars.map(car => car.Miles_per_Gallon as number);

const {xTrain, xTest, yTrain, yTest} = data.trainTestSplit(inputs, miles, {testSize: 0.2, seed: 1});
const x = data.standardize(xTrain);
// The test data are moved and scaled as the training data were: nothing about them is known beforehand.
const test = data.standardize(xTest, {like: x});

const model = sequential([
  layers.dense({units: 32, activation: 'relu', inputShape: [10], kernelRegularizer: 'l2'}),
  layers.dense({units: 32, activation: 'relu', kernelRegularizer: 'l2'}),
  layers.dense({units: 1, biasInitializer: 'ones'}),
]);
model.compile({
  optimizer: optimizers.adam({learningRate: 0.01}),
  loss: 'meanSquaredError',
  metrics: ['meanAbsoluteError'],
});
const {epoch} = await model.fit(x, yTrain, {
  epochs: 300,
  batchSize: 32,
  validationSplit: 0.2,
  callbacks: callbacks.earlyStopping({
    monitor: 'val_meanAbsoluteError',
    patience: 25,
    restoreBestWeights: true,
  }),
});

const {meanAbsoluteError} = await model.evaluate(test, yTest);
const mean = miles.reduce((sum, value) => sum + value, 0) / miles.length;
const guessing = [...yTest.data].reduce((sum, value) => sum + Math.abs(value - mean), 0) / yTest.data.length;
console.log(`stopped after ${epoch.length} epochs`);
console.log(
  `off by ${meanAbsoluteError?.toFixed(2)} miles per gallon; guessing the mean, by ${guessing.toFixed(2)}`,
);
